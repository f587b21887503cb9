//! The ends of epochs, their committees and seeds: kept for ever (W4).

use std::sync::Arc;

use hotshot::EpochInfo;
use hotshot_types::{Committee, Epoch, EpochEnd, Hash, codec};

use super::{
    Batch, Storage, StorageError,
    open::decode,
    spaces::{EPOCH_END, EPOCH_INFO, Space, epoch_key},
};

impl Batch {
    /// The final last block of an epoch with its certificate.
    pub fn put_epoch_end(&mut self, end: &EpochEnd) {
        let key = epoch_key(EPOCH_END, end.header.epoch);
        self.put(Space::Epochs, key, codec::encode(end));
    }

    /// The committee and the seed of an epoch.
    pub fn put_epoch(&mut self, info: &EpochInfo) {
        let key = epoch_key(EPOCH_INFO, info.committee.epoch());
        let value = codec::encode(&(info.committee.as_ref(), info.seed));
        self.put(Space::Epochs, key, value);
    }
}

impl Storage {
    /// How an epoch ended.
    ///
    /// # Errors
    /// A read that fails.
    pub fn epoch_end(&self, epoch: Epoch) -> Result<Option<EpochEnd>, StorageError> {
        let bytes = self.get(Space::Epochs, epoch_key(EPOCH_END, epoch))?;
        bytes
            .map(|bytes| decode("the end of an epoch", &bytes))
            .transpose()
    }

    /// The committee and the seed of an epoch.
    ///
    /// # Errors
    /// A read that fails.
    pub fn epoch(&self, epoch: Epoch) -> Result<Option<EpochInfo>, StorageError> {
        let bytes = self.get(Space::Epochs, epoch_key(EPOCH_INFO, epoch))?;
        bytes.map(|bytes| info(&bytes)).transpose()
    }

    /// Committees and seeds from an epoch on, ascending.
    ///
    /// # Errors
    /// A read that fails.
    pub fn epochs_from(&self, epoch: Epoch) -> Result<Vec<EpochInfo>, StorageError> {
        let range = epoch_key(EPOCH_INFO, epoch)..vec![EPOCH_INFO + 1];
        self.values(Space::Epochs, range, usize::MAX, info)
    }
}

fn info(bytes: &[u8]) -> Result<EpochInfo, StorageError> {
    let (committee, seed): (Committee, Hash) = decode("an epoch", bytes)?;
    Ok(EpochInfo {
        committee: Arc::new(committee),
        seed,
    })
}
