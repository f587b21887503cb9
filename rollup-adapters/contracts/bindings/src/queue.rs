//! The queue's logs, read as L1 messages, and which of its checkpoints are covered. Whether the logs are all, and the
//! queue's own, shows by their chain: it ends at what the queue has in storage (`rollup_types::field`).

use alloy_sol_types::SolEvent as _;
use light_client::rpc::{Endpoint, Log, Tag, ViewError};
use rollup_types::{Address, L1Message, MessageBody};

use crate::{
    LogError,
    abi::{U256, from_address, queue::IL1MessageQueue},
    calls::Hint,
};

/// Checkpoints that the queue has without gaps.
const RING: u64 = 256;
/// Hours that the queue remembers of what that ring lost.
const HOURS: u64 = 32;

/// Where the covered checkpoints of a queue end; none on a side where the ring has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Border {
    /// The newest that is covered: its number, and the messages up to it.
    pub covered: Option<(u64, u64)>,
    /// The oldest that is not.
    pub uncovered: Option<u64>,
    /// The newest of all: the last that the ring loses.
    pub newest: u64,
}

/// What counts as covered: messages up to an L1 block, and those below a pin's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The L1 block.
    pub l1_block: u64,
    /// The pin's end.
    pub pinned: u64,
}

/// Finds the border, as of an L1 block that is named by its number: the ring may lose a checkpoint with each new one.
/// Blocks and counts of checkpoints rise with their numbers.
///
/// # Errors
/// No answer.
pub async fn border(
    endpoint: &Endpoint,
    queue: Address,
    Coverage { l1_block, pinned }: Coverage,
    at: Tag,
) -> Result<Border, ViewError> {
    let call = IL1MessageQueue::checkpointsCall {};
    let last = endpoint.view(queue, &call, at).await?;
    let mut covered = None;
    // All before `from` are covered, none from `to` on.
    let (mut from, mut to) = (last.saturating_sub(RING - 1), last.saturating_add(1));
    while from < to {
        let place = u64::midpoint(from, to);
        let number = U256::from(place);
        let call = IL1MessageQueue::checkpointCall { number };
        let point = endpoint.view(queue, &call, at).await?;
        if point.l1Block <= l1_block || point.count <= pinned {
            covered = Some((place, point.count));
            from = place + 1;
        } else {
            to = place;
        }
    }
    Ok(Border {
        covered,
        uncovered: (from <= last).then_some(from),
        newest: last,
    })
}

/// What to tell the queue that it does not know, as of a block as in [`border`]: a checkpoint, and how many messages
/// are covered then.
///
/// # Errors
/// No answer.
pub async fn untold(
    endpoint: &Endpoint,
    queue: Address,
    coverage: Coverage,
    at: Tag,
) -> Result<Option<(u64, u64)>, ViewError> {
    let border = border(endpoint, queue, coverage, at).await?;
    // What is pinned counts with any checkpoint.
    let (checkpoint, count) = border.covered.unwrap_or((border.newest, 0));
    let covered = count.max(coverage.pinned);
    let call = IL1MessageQueue::coveredCall {};
    let told = endpoint.view(queue, &call, at).await?;
    Ok((covered > told).then_some((checkpoint, covered)))
}

/// What shows how long a message has been waiting that is not covered, of all that show one the one with the oldest. As
/// of a block as in [`border`].
///
/// # Errors
/// No answer.
pub async fn oldest(
    endpoint: &Endpoint,
    queue: Address,
    coverage: Coverage,
    at: Tag,
) -> Result<Option<Hint>, ViewError> {
    let border = border(endpoint, queue, coverage, at).await?;
    if border.covered.is_none() {
        // Messages may be older than all that the ring still has.
        let mut oldest = None;
        for place in 0..HOURS {
            let hour = U256::from(place);
            let call = IL1MessageQueue::hourlyCall { hour };
            let point = endpoint.view(queue, &call, at).await?;
            if point.l1Block > coverage.l1_block && point.count > coverage.pinned {
                oldest = Some(oldest.map_or(point.time, |time: u64| time.min(point.time)));
            }
        }
        if let Some(time) = oldest {
            return Ok(Some(Hint::Hour(time / 3_600)));
        }
    }
    Ok(border.uncovered.map(Hint::Checkpoint))
}

/// The message that a log of the queue is about.
///
/// # Errors
/// A log that no queue makes.
pub fn message(log: &Log) -> Result<L1Message, LogError> {
    let topics = log.topics.iter().map(|topic| topic.0);
    let event = IL1MessageQueue::Queued::decode_raw_log_validate(topics, &log.data.0)
        .map_err(|_| LogError::of(log))?;
    Ok(L1Message {
        index: event.index,
        l1_block: log.block_number,
        sender: from_address(event.sender),
        body: MessageBody::decode(event.kind, &event.body).ok_or_else(|| LogError::of(log))?,
    })
}

#[cfg(test)]
mod tests {
    use hotshot_types::{Address, Hash};
    use light_client::rpc::Data;
    use rollup_types::Deposit;

    use super::*;
    use crate::abi::address;

    fn log(kind: u8, body: Vec<u8>) -> Log {
        let event = IL1MessageQueue::Queued {
            index: 7,
            kind,
            sender: address(Address([3; 20])),
            body: body.into(),
        };
        let encoded = event.encode_log_data();
        Log {
            address: Address::ZERO,
            topics: encoded.topics().iter().map(|topic| Hash(topic.0)).collect(),
            data: Data(encoded.data.to_vec()),
            block_number: 99,
            block_hash: Hash::ZERO,
            log_index: 0,
            removed: false,
        }
    }

    #[test]
    fn messages_are_read_from_logs() {
        let deposit = MessageBody::Deposit(Deposit {
            token: Address([1; 20]),
            amount: 5,
            recipient: Address([2; 20]),
            decimals: 18,
        });
        let forced = MessageBody::ForcedTransaction(vec![1, 2, 3].into());
        for body in [deposit, forced] {
            let read = message(&log(body.kind(), body.encoded())).unwrap();
            let expected = L1Message {
                index: 7,
                l1_block: 99,
                sender: Address([3; 20]),
                body,
            };
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn what_no_queue_logs_is_refused() {
        assert!(message(&log(2, vec![])).is_err(), "an unknown kind");
        assert!(message(&log(0, vec![0; 64])).is_err(), "half a deposit");
        let mut cut = log(1, vec![1; 40]);
        cut.data.0.truncate(96);
        assert!(message(&cut).is_err());
        let mut other = log(1, vec![1]);
        other.topics[0] = Hash([9; 32]);
        let error = message(&other).unwrap_err();
        assert_eq!((error.block, error.topic), (99, Hash([9; 32])));
        other.topics.clear();
        assert!(message(&other).is_err());
    }
}
