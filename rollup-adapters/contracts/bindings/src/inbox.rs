//! What the inbox knows of the rollup's inputs, and pins, from its logs and its storage. That pins are all, and the
//! inbox's own, shows by their chain, which the inbox has in storage (`rollup_types::field`).

use alloy_sol_types::SolEventInterface as _;
use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Hash, Height};
use light_client::rpc::{Endpoint, Log, RpcError, Tag};
use rollup_types::{Address, Pin, field};

use crate::{LogError, abi::inbox::IRollupInbox::IRollupInboxEvents as Events};

/// What an inbox knows of a rollup's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Advanced {
    /// Up to this height.
    pub height: Height,
    /// Blocks up to there that hold the namespace.
    pub block_count: u64,
    /// The chain over them.
    pub chain: Hash,
    /// The L1 block that the block at this height names as finalized.
    pub l1_number: u64,
}

/// A log of the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InboxEvent {
    /// It knows more.
    Advanced(Advanced),
    /// A pin.
    Forced(Pin),
}

/// What an inbox knows, as an endpoint says; none before the first `advance`.
///
/// # Errors
/// No answer.
pub async fn known(
    endpoint: &Endpoint,
    inbox: Address,
    at: Tag,
) -> Result<Option<Advanced>, RpcError> {
    let read = |slot: u8| endpoint.storage(inbox, slot.into(), at);
    let numbers = read(field::INBOX_HEIGHT.slot).await?;
    let chain = read(field::INBOX_CHAIN.slot).await?;
    let height = Height(field::INBOX_HEIGHT.number(numbers));
    Ok((height != Height(0)).then(|| Advanced {
        height,
        block_count: field::INBOX_BLOCK_COUNT.number(numbers),
        chain,
        l1_number: field::INBOX_L1_NUMBER.number(numbers),
    }))
}

/// What a log of the inbox says.
///
/// # Errors
/// A log that no inbox makes.
pub fn event(log: &Log) -> Result<InboxEvent, LogError> {
    let topics: Vec<_> = log.topics.iter().map(|topic| topic.0.into()).collect();
    let event = Events::decode_raw_log(&topics, &log.data.0).map_err(|_| LogError::of(log))?;
    Ok(match event {
        Events::Advanced(event) => InboxEvent::Advanced(Advanced {
            height: Height(event.height),
            block_count: event.blockCount,
            chain: Hash(event.chain.0),
            l1_number: event.l1Number,
        }),
        Events::Forced(event) => InboxEvent::Forced(Pin {
            number: event.number,
            after: Height(event.afterHeight),
            message_end: event.messageEnd,
            l1_block: log.block_number,
        }),
    })
}
