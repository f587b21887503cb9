//! The mountain range over all block hashes, and proofs from what is stored.

use hotshot_types::{
    Epoch, FinalityCertificate, Hash, Height, SealedHeader,
    finality::{EpochStep, FinalityProof},
    mountain_range::{HeaderProof, MountainRange, Position},
};

use super::{
    Storage, StorageError,
    spaces::{Space, position_key},
};

/// The most epochs that one finality proof crosses.
pub const MAX_PROOF_STEPS: u64 = 256;

impl Storage {
    /// A node of the mountain range, if it is complete.
    ///
    /// # Errors
    /// A read that fails.
    pub fn mountain_node(&self, position: Position) -> Result<Option<Hash>, StorageError> {
        let Some(bytes) = self.get(Space::History, position_key(position))? else {
            return Ok(None);
        };
        let node = bytes.as_ref().try_into().map(Hash);
        node.map(Some)
            .map_err(|_| StorageError::damaged("history", "a node is not a hash"))
    }

    /// The mountain range over all final blocks, the tip included.
    #[must_use]
    pub fn history(&self) -> MountainRange {
        self.progress().history.clone()
    }

    /// The range over all blocks up to and including the tip, checked against the tip's own root.
    pub(super) fn read_history(&self, tip: &SealedHeader) -> Result<MountainRange, StorageError> {
        let count = tip.height.0;
        let mut peaks = Vec::new();
        let mut start = 0;
        for level in (0..64_u8).rev().filter(|level| count >> level & 1 == 1) {
            let peak = self.mountain_node(Position {
                level,
                index: start >> level,
            })?;
            peaks.push(peak.ok_or_else(|| StorageError::damaged("history", "a peak is missing"))?);
            start += 1 << level;
        }
        let mut history = MountainRange::from_peaks(count, peaks)
            .ok_or_else(|| StorageError::damaged("history", "peaks and count differ"))?;
        if history.root() != tip.history_root {
            return Err(StorageError::damaged(
                "history",
                "it is not the one the tip names",
            ));
        }
        history.append(tip.hash());
        Ok(history)
    }

    /// Proves that the final block at `height` is in the history of a header at height `count`.
    /// None unless `height < count`, and `count` is at most one above the tip.
    ///
    /// # Errors
    /// A read that fails.
    pub fn header_proof(
        &self,
        height: Height,
        count: Height,
    ) -> Result<Option<HeaderProof>, StorageError> {
        if count.0 > self.progress().history.count() {
            return Ok(None);
        }
        let mut failed = None;
        let proof = HeaderProof::build(height, count.0, |position| {
            self.mountain_node(position).unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        failed.map_or(Ok(proof), Err)
    }

    /// Proves that the block at `height` is final to a verifier that trusts the committee of
    /// epoch `trusted`. None if it is not final, or if the chain has not come to that epoch.
    ///
    /// # Errors
    /// More than [`MAX_PROOF_STEPS`] epochs in between, missing data, or a read that fails.
    pub fn finality_proof(
        &self,
        trusted: Epoch,
        height: Height,
    ) -> Result<Option<FinalityProof>, StorageError> {
        let Some(certificate) = self.certificate_for(trusted, height)? else {
            return Ok(None);
        };
        let certified = self.final_header(certificate.height())?;
        let ancestor = if certificate.height() == height {
            None
        } else {
            let Some(path) = self.header_proof(height, certificate.height())? else {
                return Ok(None);
            };
            Some((self.final_header(height)?.header().clone(), path))
        };
        Ok(Some(FinalityProof {
            steps: self.steps(trusted, certificate.round().epoch, height)?,
            certified: certified.header().clone(),
            certificate,
            ancestor,
        }))
    }

    /// The first certificate that makes the block final and that the verifier can check: not of an
    /// epoch before the one it trusts.
    fn certificate_for(
        &self,
        trusted: Epoch,
        height: Height,
    ) -> Result<Option<FinalityCertificate>, StorageError> {
        let first = self.certificate_at_or_above(height)?;
        let before = first
            .as_ref()
            .is_some_and(|first| first.round().epoch < trusted);
        let end = match trusted.previous() {
            Some(epoch) if before => self.epoch_end(epoch)?,
            _ => return Ok(first),
        };
        match end {
            Some(end) => self.certificate_at_or_above(end.header.height.next()),
            None => Ok(None),
        }
    }

    fn steps(
        &self,
        trusted: Epoch,
        target: Epoch,
        height: Height,
    ) -> Result<Vec<EpochStep>, StorageError> {
        if target.above(trusted) > MAX_PROOF_STEPS {
            return Err(StorageError::ProofTooLong {
                trusted,
                height,
                limit: MAX_PROOF_STEPS,
            });
        }
        (trusted.0..target.0)
            .map(|epoch| self.step(Epoch(epoch)))
            .collect()
    }

    pub(super) fn step(&self, epoch: Epoch) -> Result<EpochStep, StorageError> {
        let missing = |what| StorageError::damaged(what, format!("epoch {epoch} is missing"));
        let end = self
            .epoch_end(epoch)?
            .ok_or_else(|| missing("the end of an epoch"))?;
        let this = self.epoch(epoch)?.ok_or_else(|| missing("a committee"))?;
        let next = self
            .epoch(epoch.next())?
            .ok_or_else(|| missing("a committee"))?;
        let changed = this.committee.members() != next.committee.members();
        Ok(EpochStep {
            header: end.header,
            certificate: end.certificate,
            members: changed.then(|| next.committee.members().to_vec()),
        })
    }

    fn final_header(&self, height: Height) -> Result<SealedHeader, StorageError> {
        let header = self.header(height)?;
        header
            .ok_or_else(|| StorageError::damaged("headers", format!("height {height} is missing")))
    }
}
