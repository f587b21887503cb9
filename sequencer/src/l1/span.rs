//! The stake table's events between two blocks, as one endpoint tells them.
//!
//! Every event carries the hash over all before it, and what they lead to is known from more than
//! one endpoint: an event that is left out, added or changed shows once the span is whole, and only
//! then. So a span is read from one endpoint, and given up with it.

use hotshot_types::{Address, Hash};
use light_client::{
    rpc::{Endpoint, Log, LogRange, RpcError},
    stake::{Registry, StakeLog},
};

/// Blocks whose logs are asked for in one request, at first.
const FIRST_WIDTH: u64 = 2_000;
/// And at most.
const MOST_WIDTH: u64 = 50_000;
/// Logs that are read in one go at most.
const MOST_LOGS: usize = 1 << 20;

/// Events of a contract between two blocks, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) contract: Address,
    pub(super) blocks: LogRange,
}

impl Span {
    /// Reads it, in narrower parts where the endpoint refuses wide ones.
    pub(super) async fn read(self, endpoint: &Endpoint) -> Result<Vec<Log>, RpcError> {
        let LogRange { mut from, to } = self.blocks;
        let mut width = FIRST_WIDTH;
        let mut found = Vec::new();
        while from <= to && found.len() < MOST_LOGS {
            let end = to.min(from.saturating_add(width - 1));
            match endpoint
                .logs(self.contract, LogRange { from, to: end })
                .await
            {
                Ok(logs) => {
                    found.extend(logs);
                    from = end + 1;
                    width = (2 * width).min(MOST_WIDTH);
                }
                Err(RpcError::Refused { .. } | RpcError::Malformed { .. }) if width > 1 => {
                    width /= 2;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// The events among the logs; none if they do not lead from this table to that hash.
    pub(super) fn check(
        self,
        logs: &[Log],
        before: &Registry,
        chain: Hash,
    ) -> Option<Vec<StakeLog>> {
        let LogRange { from, to } = self.blocks;
        let mut registry = before.clone();
        let mut events = Vec::new();
        for log in logs {
            let is_asked_for = log.address == self.contract
                && !log.removed
                && (from..=to).contains(&log.block_number);
            if !is_asked_for {
                return None;
            }
            let Some(event) = StakeLog::of(log).ok()? else {
                continue;
            };
            registry.apply(&event).ok()?;
            events.push(event);
        }
        (registry.chain() == chain).then_some(events)
    }
}

#[cfg(test)]
mod tests;
