//! Bounds on the bytes that came in and that the host has not dealt with yet, and on responses under way.
//!
//! Configured peers and all others have places of their own, so a crowd of strangers takes none from validators.
//! Overflow policy: a frame that finds no place waits in its reader, which reads nothing meanwhile; a response that
//! finds none is dropped, and its requester told that it is refused.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::config::{Lane, NetworkConfig};

/// What a frame counts for besides its bytes.
const FRAME_BYTES: usize = 256;

/// The places of a frame or response; they are free again once all copies of this are gone.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    _places: Arc<[OwnedSemaphorePermit]>,
}

/// The places of one class of peers.
#[derive(Debug)]
struct Places {
    frames: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    max_bytes: usize,
}

impl Places {
    fn new(frames: usize, bytes: usize) -> Self {
        let max_bytes = bytes.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            frames: Arc::new(Semaphore::new(frames.clamp(1, Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(max_bytes)),
            max_bytes,
        }
    }

    /// A frame larger than all places takes all of them.
    fn cost(&self, size: usize) -> u32 {
        let cost = size.saturating_add(FRAME_BYTES).min(self.max_bytes);
        u32::try_from(cost).unwrap_or(u32::MAX)
    }

    async fn take(&self, size: usize) -> Option<Held> {
        let frame = Arc::clone(&self.frames).acquire_owned().await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(self.cost(size));
        let bytes = bytes.await.ok()?;
        Some(Held {
            _places: [frame, bytes].into(),
        })
    }

    fn try_take(&self, size: usize) -> Option<Held> {
        let frame = Arc::clone(&self.frames).try_acquire_owned().ok()?;
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(self.cost(size));
        Some(Held {
            _places: [frame, bytes.ok()?].into(),
        })
    }
}

/// The places for one kind of traffic.
#[derive(Debug)]
struct Budget {
    configured: Places,
    unknown: Places,
}

impl Budget {
    fn of(&self, is_configured: bool) -> &Places {
        match is_configured {
            true => &self.configured,
            false => &self.unknown,
        }
    }
}

/// All places.
#[derive(Debug)]
pub(crate) struct Budgets {
    lanes: [Budget; Lane::ALL.len()],
    responses: Budget,
}

impl Budgets {
    pub(crate) fn new(config: &NetworkConfig) -> Self {
        let lane = |lane: Lane| {
            let limits = config.lane(lane);
            Budget {
                configured: Places::new(limits.inbound_frames, limits.inbound_bytes),
                unknown: Places::new(limits.inbound_frames / 4, limits.unknown_inbound_bytes),
            }
        };
        let any = Semaphore::MAX_PERMITS;
        Self {
            lanes: Lane::ALL.map(lane),
            responses: Budget {
                configured: Places::new(any, config.response_bytes),
                unknown: Places::new(any, config.unknown_response_bytes),
            },
        }
    }

    /// Waits until there is room for a frame that came in.
    pub(crate) async fn inbound(
        &self,
        lane: Lane,
        is_configured: bool,
        size: usize,
    ) -> Option<Held> {
        self.lanes[lane.index()].of(is_configured).take(size).await
    }

    /// Room for a response, if there is some now.
    pub(crate) fn response(&self, is_configured: bool, size: usize) -> Option<Held> {
        self.responses.of(is_configured).try_take(size)
    }
}

#[cfg(test)]
mod tests;
