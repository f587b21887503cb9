//! What the state machine restarts from (W3).

use hotshot::{EpochInfo, Record, RoundEntry};
use hotshot_types::{
    Entry, Epoch, FinalityCertificate, Hash, Header, Height, Round, SealedHeader,
    mountain_range::MountainRange,
};

use super::{Storage, StorageError};

/// The pieces of [`hotshot::Start`].
#[derive(Debug)]
pub struct Resume {
    /// The safety record, or a fresh one that stands in the epoch of the tip.
    pub record: Record,
    /// Whether the record was stored. If not, and the key is not known to be unused, the key must
    /// wait (K3): that is for the host to decide.
    pub has_record: bool,
    /// The highest final block.
    pub tip: SealedHeader,
    /// The newest finality certificate; none for genesis.
    pub certificate: Option<FinalityCertificate>,
    /// Over all blocks up to and including the tip.
    pub history: MountainRange,
    /// The epochs from the one before the record's on.
    pub epochs: Vec<EpochInfo>,
    /// Headers above the tip.
    pub headers: Vec<Header>,
    /// Hashes of the newest final blocks, ascending, the tip last.
    pub recent: Vec<Hash>,
}

impl Storage {
    /// Reads everything the state machine starts from, with at most `recent` hashes of final
    /// blocks.
    ///
    /// # Errors
    /// A damaged record, missing data, or a read that fails.
    pub fn resume(&self, recent: usize) -> Result<Resume, StorageError> {
        let tip = self.tip()?;
        let stored = self.record()?;
        let has_record = stored.is_some();
        let record = match stored {
            Some(record) => record,
            None => self.fresh_record(&tip)?,
        };
        let first = record
            .epoch()
            .previous()
            .unwrap_or_default()
            .max(Epoch::FIRST);
        let headers = self.pending_headers()?;
        Ok(Resume {
            has_record,
            certificate: self.newest_certificate()?,
            history: self.history(),
            epochs: self.epochs_from(first)?,
            headers: headers
                .iter()
                .map(|header| header.header().clone())
                .collect(),
            recent: self.recent(&tip, recent)?,
            record,
            tip,
        })
    }

    /// The record of a key that signed nothing, in the epoch that the chain has come to.
    fn fresh_record(&self, tip: &SealedHeader) -> Result<Record, StorageError> {
        let unused = Record::unused();
        if tip.height == Height(0) {
            return Ok(unused);
        }
        let ended = self
            .epoch_end(tip.epoch)?
            .filter(|end| end.header.height == tip.height);
        let anchor = match (ended, tip.epoch.previous()) {
            (Some(end), _) => Some(end),
            (None, Some(before)) if before >= Epoch::FIRST => self.epoch_end(before)?,
            _ => return Ok(unused),
        };
        let missing = || StorageError::damaged("the end of an epoch", "the last one is missing");
        let anchor = anchor.ok_or_else(missing)?;
        Ok(Record {
            entry: RoundEntry {
                round: Round::first_of(anchor.header.epoch.next()),
                certificate: Entry::Anchor(Some(anchor.certificate.clone())),
            },
            anchor: Some(anchor),
            ..unused
        })
    }

    fn recent(&self, tip: &SealedHeader, limit: usize) -> Result<Vec<Hash>, StorageError> {
        let limit = limit.min(super::MAX_HEADERS);
        let before = u64::try_from(limit).unwrap_or(u64::MAX).saturating_sub(1);
        let from = Height(tip.height.0.saturating_sub(before));
        let headers = self.headers(from, limit.max(1))?;
        Ok(headers.iter().map(SealedHeader::hash).collect())
    }
}
