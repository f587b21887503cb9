//! What a directory knows of its key besides the safety record: how often it was started (K4),
//! and from which epoch on the key may sign again (K3).

use hotshot::Record;
use hotshot_types::{Epoch, codec};

use super::{Batch, Durability, Storage, StorageError, open::decode, spaces::Space};

const RUN_KEY: &[u8] = b"run";
pub(super) const RETURN_KEY: &[u8] = b"return";

impl Storage {
    /// The number of the last run of this directory; 0 before the first.
    ///
    /// # Errors
    /// A read that fails.
    pub fn run_number(&self) -> Result<u64, StorageError> {
        match self.get(Space::Meta, RUN_KEY)? {
            None => Ok(0),
            Some(bytes) => decode("the number of the run", &bytes),
        }
    }

    /// Starts a run above all before it and above `known`, durably.
    ///
    /// # Errors
    /// A failed write.
    pub fn begin_run(&self, known: u64) -> Result<u64, StorageError> {
        let run = self.run_number()?.max(known).saturating_add(1);
        let mut batch = self.batch();
        batch.put_run(run);
        self.commit(batch, Durability::Synced)?;
        Ok(run)
    }

    /// The epoch before which the key signs nothing, if it lost its record or was moved here.
    /// The first record that is written from there on ends this.
    ///
    /// # Errors
    /// A read that fails.
    pub fn return_epoch(&self) -> Result<Option<Epoch>, StorageError> {
        let bytes = self.get(Space::Meta, RETURN_KEY)?;
        bytes
            .map(|bytes| decode("the epoch of the return", &bytes))
            .transpose()
    }
}

impl Batch {
    /// The number of the last run.
    pub fn put_run(&mut self, run: u64) {
        self.put(Space::Meta, RUN_KEY, codec::encode(&run));
    }

    /// K3: nothing is signed before this epoch.
    pub fn put_return(&mut self, from: Epoch) {
        self.put(Space::Meta, RETURN_KEY, codec::encode(&from));
    }

    /// W1 after K3: the record of a key that signs again. It stands for itself from here on.
    pub fn put_record_of_return(&mut self, record: &Record) {
        self.remove(Space::Meta, RETURN_KEY);
        self.put_record(record);
    }
}
