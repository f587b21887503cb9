//! Messages and pins as the contracts logged them. Nothing here is believed: whoever asks checks the chains over them.

use light_client::rpc::{Endpoint, Log, LogRange, RpcError};
use rollup_contracts::inbox::{InboxEvent, event};
use rollup_types::{Address, Pin};

/// Blocks that are asked for at once; halved whenever an endpoint refuses, for the rest of the reading.
const SPAN: u64 = 2_000;
const MOST_REFUSALS: u32 = 16;

/// All logs of a contract from one block to another, in order.
pub(crate) async fn read(
    endpoint: &Endpoint,
    contract: Address,
    from: u64,
    to: u64,
) -> Result<Vec<Log>, RpcError> {
    let mut logs = Vec::new();
    let (mut next, mut span, mut refusals) = (from, SPAN, 0);
    while next <= to {
        let range = LogRange {
            from: next,
            to: to.min(next.saturating_add(span - 1)),
        };
        match endpoint.logs(contract, range).await {
            Ok(found) => {
                logs.extend(found.into_iter().filter(|log| log.address == contract));
                next = range.to + 1;
            }
            // Endpoints bound the range, or how much they answer.
            Err(RpcError::Refused { .. } | RpcError::Malformed { .. })
                if span > 1 && refusals < MOST_REFUSALS =>
            {
                span /= 2;
                refusals += 1;
            }
            Err(error) => return Err(error),
        }
    }
    logs.sort_by_key(|log| (log.block_number, log.log_index));
    Ok(logs)
}

/// The pin of a log of the inbox, if it is of one.
pub(crate) fn pin(log: &Log) -> Option<Pin> {
    match event(log).ok()? {
        InboxEvent::Forced(pin) => Some(pin),
        InboxEvent::Advanced(_) => None,
    }
}
