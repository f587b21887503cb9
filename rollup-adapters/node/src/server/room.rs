//! Memory for answers, over all connections.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counted in these.
const KIB: usize = 1 << 10;

/// Memory that is free.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// Memory that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Held(OwnedSemaphorePermit);

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(KIB))))
    }

    /// Takes so much, once there is so much. Who comes first is served first.
    pub(super) async fn take(&self, bytes: usize) -> Option<Held> {
        let count = u32::try_from(bytes.div_ceil(KIB)).ok()?;
        let permit = Arc::clone(&self.0).acquire_many_owned(count).await.ok()?;
        Some(Held(permit))
    }
}

impl Held {
    /// Gives back all but what an answer takes, and that with the answer's memory.
    pub(super) fn keep(mut self, answer: Bytes) -> Bytes {
        let kept = answer.len().div_ceil(KIB);
        // What is not kept is dropped.
        let spare = self.0.num_permits().saturating_sub(kept);
        drop(self.0.split(spare));
        Bytes::from_owner(Kept {
            answer,
            _room: self,
        })
    }
}

struct Kept {
    answer: Bytes,
    _room: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.answer
    }
}
