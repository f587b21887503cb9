//! From inputs to a block on the disk.

use rollup_types::{BlockEnv, Hash, Input, Vm};

use crate::{Block, Node, Origin, StorageError, storage::Executed};

/// What all blocks of a segment share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentParts {
    /// The sequencer's block; for a pin the one that it is pinned after.
    pub(crate) height: u64,
    /// Its hash.
    pub(crate) sequencer_block: Hash,
    pub(crate) timestamp_ms: u64,
    pub(crate) l1_number: u64,
    pub(crate) randao_mix: Hash,
    /// If it is a pin, its number.
    pub(crate) pin: Option<u64>,
    /// How far the L1 is: it may cover the segment already.
    pub(crate) l1: rollup_derive::Levels,
}

/// Makes one block of a segment's inputs behind those that are done, or of the first of them, and puts it on the disk.
/// `cursor` says where derivation stands after that many inputs.
///
/// # Panics
/// All inputs are done. The machine broke its contract: it executed nothing, or more than it was given.
pub(crate) fn make_block<V: Vm>(
    node: &Node<V>,
    parts: &SegmentParts,
    inputs: &[Input],
    done: usize,
    cursor: impl FnOnce(usize) -> Vec<u8>,
) -> Result<Block, StorageError> {
    let view = node.view();
    let parent = view.newest()?;
    let env = BlockEnv {
        number: parent.number + 1,
        parent: parent.hash,
        height: parts.height,
        timestamp_ms: parts.timestamp_ms.max(parent.timestamp_ms),
        l1_number: parts.l1_number.max(parent.l1_number),
        randao_mix: parts.randao_mix,
        is_forced: parts.pin.is_some(),
        withdrawals: parent.withdrawals,
    };
    let (done, given) = inputs.split_at(done);
    assert!(!given.is_empty(), "a block is made of at least one input");
    let transition = node
        .vm()
        .execute(&view, &env, given)
        .map_err(|error| StorageError::damaged("the machine's state", error.0))?;
    let count = transition.outcomes.len();
    assert!(
        count > 0 && count <= given.len(),
        "a machine executes at least the first input and no more than it is given"
    );
    let (block, levels) = node.storage().commit(&Executed {
        env: &env,
        sequencer_block: parts.sequencer_block,
        pin: parts.pin,
        inputs: &given[..count],
        origins: origins(done, &given[..count]),
        transition,
        cursor: cursor(count),
        l1: parts.l1,
        levels: node.levels(),
    })?;
    node.appended(&block, levels);
    Ok(block)
}

/// Where inputs come from, given those of their segment before them.
fn origins(before: &[Input], inputs: &[Input]) -> Vec<Origin> {
    let is_transaction = |input: &&Input| matches!(input, Input::Transaction(_));
    let mut index = before.iter().filter(is_transaction).count() as u64;
    let origin = |input: &Input| match input {
        Input::L1(message) => Origin::Message(message.index),
        Input::Transaction(bytes) => {
            index += 1;
            Origin::Transaction {
                index: index - 1,
                hash: Hash(da::tx_hash(bytes)),
            }
        }
    };
    inputs.iter().map(origin).collect()
}

#[cfg(test)]
mod tests;
