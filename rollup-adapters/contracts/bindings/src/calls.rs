//! The calls of the contracts, from what a node has.

use alloy_sol_types::SolCall as _;
use da::{AccumulatorProof, Terminal};
use hotshot_types::{Address, Hash, Header, mountain_range::HeaderProof};
use rollup_types::Withdrawal;

use crate::abi::{
    FixedBytes, U256, address,
    inbox::{self, IRollupInbox},
    queue::IL1MessageQueue,
    vault::{self, IWithdrawalVault},
    word,
};

/// A place of the light client's ring, and the block that it holds.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The place: of the event `Updated`, or of `finalized()`.
    pub entry: u8,
    /// The header of its block.
    pub header: &'a Header,
}

/// Puts money into the escrow; ether if the token is [`Address::ZERO`].
#[must_use]
pub fn deposit(token: Address, amount: u128, recipient: Address) -> Vec<u8> {
    let call = IL1MessageQueue::depositCall {
        token: address(token),
        amount,
        recipient: address(recipient),
    };
    call.abi_encode()
}

/// Puts a transaction into the queue.
#[must_use]
pub fn force_tx(transaction: &[u8]) -> Vec<u8> {
    let transaction = transaction.to_vec().into();
    IL1MessageQueue::forceTxCall { transaction }.abi_encode()
}

/// Tells the queue that a checkpoint's messages are covered.
#[must_use]
pub fn cover(checkpoint: u64) -> Vec<u8> {
    let hint = U256::from(checkpoint);
    IL1MessageQueue::coverCall { hint }.abi_encode()
}

/// Takes the inbox to a block. `history` is where the block stands under the stored one; none if it is that one.
/// `accumulator` is the rollup's under the block's `ns_acc_root`, or that there is none.
#[must_use]
pub fn advance(
    stored: Stored<'_>,
    block: &Header,
    history: Option<&HeaderProof>,
    accumulator: &AccumulatorProof,
) -> Vec<u8> {
    let entry = stored.entry;
    let ring = inbox::RingEntry {
        blockHash: word(stored.header.hash()),
        historyRoot: word(stored.header.history_root),
    };
    let rest = word(block.rest_hash());
    let proof = inbox::HistoryProof {
        count: history.map_or(0, |proof| proof.count),
        path: words(history.map_or(&[], |proof| &proof.path)),
        peaks: words(history.map_or(&[], |proof| &proof.peaks)),
    };
    let siblings = accumulator.path.siblings().iter().copied();
    let siblings = siblings.map(FixedBytes).collect();
    let (key, value) = match &accumulator.terminal {
        Terminal::Entry(summary) => {
            let call = IRollupInbox::advanceCall {
                entry,
                stored: ring,
                header: header(block),
                restHash: rest,
                proof,
                accumulator: inbox::Accumulator {
                    blockCount: summary.block_count,
                    transactionTotal: summary.transaction_total,
                    chain: FixedBytes(summary.acc),
                },
                siblings,
            };
            return call.abi_encode();
        }
        Terminal::Other { key, value } => (*key, *value),
        Terminal::Empty => ([0; 32], [0; 32]),
    };
    let call = IRollupInbox::advanceAbsentCall {
        entry,
        stored: ring,
        header: header(block),
        restHash: rest,
        proof,
        otherKey: FixedBytes(key),
        otherValue: FixedBytes(value),
        siblings,
    };
    call.abi_encode()
}

/// How long a message has been waiting: what `force_segment` is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// A checkpoint of the queue.
    Checkpoint(u64),
    /// What the ring lost in an hour, counted from the Unix epoch.
    Hour(u64),
}

/// Pins all messages after the light client's head.
#[must_use]
pub fn force_segment(hint: Hint) -> Vec<u8> {
    let (hint, is_hour) = match hint {
        Hint::Checkpoint(number) => (number, false),
        Hint::Hour(hour) => (hour, true),
    };
    let call = IRollupInbox::forceSegmentCall {
        hint: U256::from(hint),
        isHour: is_hour,
    };
    call.abi_encode()
}

/// Sets the root over all withdrawals.
#[must_use]
pub fn settle(root: Hash) -> Vec<u8> {
    IWithdrawalVault::settleCall { root: word(root) }.abi_encode()
}

/// Pays a withdrawal, which stands where the proof says under the settled root.
#[must_use]
pub fn claim(withdrawal: &Withdrawal, proof: &HeaderProof) -> Vec<u8> {
    let call = IWithdrawalVault::claimCall {
        withdrawal: vault::Withdrawal {
            index: withdrawal.index,
            chainId: U256::from(withdrawal.chain_id),
            token: address(withdrawal.token),
            amount: withdrawal.amount,
            recipient: address(withdrawal.recipient),
        },
        proof: vault::HistoryProof {
            count: proof.count,
            path: words(&proof.path),
            peaks: words(&proof.peaks),
        },
    };
    call.abi_encode()
}

fn header(header: &Header) -> inbox::Header {
    inbox::Header {
        height: header.height.0,
        epoch: header.epoch.0,
        historyRoot: word(header.history_root),
        nextCommittee: word(header.next_committee),
        nsRoot: word(header.ns_root),
        nsAccRoot: word(header.ns_acc_root),
        timestampMs: header.timestamp_ms.0,
        l1Finalized: header.l1_finalized.number,
    }
}

fn words(hashes: &[Hash]) -> Vec<FixedBytes<32>> {
    hashes.iter().copied().map(word).collect()
}
