//! Putting blocks on the chain, and taking them off.

use fjall::{OwnedWriteBatch, PersistMode};
use rollup_derive::L1Base;
use rollup_types::{BlockEnv, Hash, Input, L1Message, Transition, Verdict};
use sequencer_proof::Checkpoint;

use crate::Levels;

use super::{
    Block, CURSOR_KEY, Done, HEAD_KEY, Origin, Spaces, Storage, StorageError, View,
    record::{ExecutedMessage, Undo, decode, encode, place_key},
    state_key, waiting,
};

/// Blocks that can be taken back at most: beyond it a light client has not been updated for very long.
pub(crate) const UNDO_BLOCKS: u64 = 100_000;
/// Records that one batch drops at most.
const TRIM: u64 = 1_000;
/// How sure blocks are.
const LEVELS_KEY: &[u8] = b"levels";
/// Up to which L1 block the contracts were read.
const L1_KEY: &[u8] = b"l1";
/// The newest committee of the sequencer.
const TRUST_KEY: &[u8] = b"trust";

/// A block that was executed.
#[derive(Debug)]
pub(crate) struct Executed<'a> {
    /// What the machine was told.
    pub(crate) env: &'a BlockEnv,
    /// The sequencer's block.
    pub(crate) sequencer_block: Hash,
    /// If it is of a pin, the pin's number.
    pub(crate) pin: Option<u64>,
    /// The executed inputs, in order.
    pub(crate) inputs: &'a [Input],
    /// Where each comes from.
    pub(crate) origins: Vec<Origin>,
    /// What the machine answered.
    pub(crate) transition: Transition,
    /// Where derivation stands after it.
    pub(crate) cursor: Vec<u8>,
    /// How far the L1 is.
    pub(crate) l1: rollup_derive::Levels,
    /// The levels before it.
    pub(crate) levels: Levels,
}

impl Storage {
    /// Puts a block on top, and the levels after it. Returns after they are on the disk. RN2
    ///
    /// # Errors
    /// A failed read or write.
    pub(crate) fn commit(&self, executed: &Executed<'_>) -> Result<(Block, Levels), StorageError> {
        let view = self.view();
        let spaces = &self.0.spaces;
        let Executed {
            env, transition, ..
        } = executed;
        let mut batch = self.batch();
        let writes = transition.writes.iter();
        let writes: Vec<_> = writes.map(|(key, value)| (state_key(key), value)).collect();
        let before = writes.iter().map(|(key, _)| {
            let old = view.get(&spaces.state, key)?;
            Ok((key.clone(), old))
        });
        let undo = Undo {
            cursor: view.cursor()?,
            before: before.collect::<Result<_, StorageError>>()?,
        };
        batch.insert(&spaces.undo, env.number.to_be_bytes(), encode(&undo));
        for (key, value) in &writes {
            match value {
                Some(value) => batch.insert(&spaces.state, key.as_slice(), value.clone()),
                None => batch.remove(&spaces.state, key.as_slice()),
            }
        }
        let parent = view.newest()?;
        let block = block_of(executed, &parent);
        for (position, done) in block.outcomes.iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let key = place_key(done.id, block.number, position);
            batch.insert(&spaces.places, key, [u8::from(done.skipped.is_none())]);
        }
        for (position, message) in executed.messages() {
            let place = u32::try_from(position).unwrap_or(u32::MAX);
            let record = ExecutedMessage {
                message: message.clone(),
                number: block.number,
                position: place,
                is_applied: block.outcomes[position].skipped.is_none(),
            };
            batch.insert(
                &spaces.messages,
                message.index.to_be_bytes(),
                encode(&record),
            );
        }
        waiting::settle(&mut batch, &view, &block)?;
        view.append_withdrawals(&mut batch, env.withdrawals, &transition.withdrawals)?;
        batch.insert(&spaces.blocks, env.number.to_be_bytes(), encode(&block));
        batch.insert(&spaces.meta, HEAD_KEY, encode(&env.number));
        batch.insert(&spaces.meta, CURSOR_KEY, executed.cursor.as_slice());
        let levels = executed.levels_after(&block);
        batch.insert(&spaces.meta, LEVELS_KEY, encode_levels(levels));
        if let Some(old) = env.number.checked_sub(UNDO_BLOCKS) {
            batch.remove(&spaces.undo, old.to_be_bytes());
        }
        batch.commit().map_err(StorageError::Failed)?;
        Ok((block, levels))
    }

    /// Takes the newest block off. The cursor is again where it was before it. RN3
    ///
    /// # Errors
    /// What takes it back is no longer kept, or the disk failed.
    pub(crate) fn undo(&self) -> Result<(), StorageError> {
        let view = self.view();
        let spaces = &self.0.spaces;
        let block = view.newest()?;
        let number = block.number;
        let too_deep = || StorageError::TooDeep {
            to: number.saturating_sub(1),
            kept: number + 1,
        };
        let undo = view.get(&spaces.undo, number.to_be_bytes())?;
        let undo: Undo = decode("what undoes a block", &undo.ok_or_else(too_deep)?)?;
        let mut batch = self.batch();
        for (key, value) in undo.before {
            match value {
                Some(value) => batch.insert(&spaces.state, key, value),
                None => batch.remove(&spaces.state, key),
            }
        }
        for (position, done) in block.outcomes.iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            batch.remove(&spaces.places, place_key(done.id, number, position));
        }
        let parent = view.block(number - 1)?;
        let parent = parent.ok_or_else(|| StorageError::damaged("a block", "missing"))?;
        for index in parent.withdrawals..block.withdrawals {
            batch.remove(&spaces.withdrawals, index.to_be_bytes());
        }
        for index in parent.messages..block.messages {
            batch.remove(&spaces.messages, index.to_be_bytes());
        }
        batch.remove(&spaces.undo, number.to_be_bytes());
        batch.remove(&spaces.blocks, number.to_be_bytes());
        batch.insert(&spaces.meta, HEAD_KEY, encode(&parent.number));
        batch.insert(&spaces.meta, CURSOR_KEY, undo.cursor);
        batch.commit().map_err(StorageError::Failed)
    }

    /// Notes how sure blocks are, so that levels don't fall with a restart, nor with a power cut.
    ///
    /// # Errors
    /// A failed write.
    pub(crate) fn keep_levels(&self, levels: Levels) -> Result<(), StorageError> {
        let mut batch = self.batch();
        batch.insert(&self.0.spaces.meta, LEVELS_KEY, encode_levels(levels));
        batch.commit().map_err(StorageError::Failed)
    }

    /// Notes the newest committee of the sequencer: a start verifies from there.
    ///
    /// # Errors
    /// A failed write.
    pub(crate) fn keep_trust(&self, trust: &Checkpoint) -> Result<(), StorageError> {
        let Spaces { meta, .. } = &self.0.spaces;
        let text =
            serde_json::to_vec(trust).map_err(|error| StorageError::damaged("trust", error))?;
        meta.insert(TRUST_KEY, text).map_err(StorageError::Failed)
    }

    /// Notes up to which L1 block the contracts were read when everything in them was executed.
    ///
    /// # Errors
    /// A failed write.
    pub(crate) fn keep_l1(&self, base: L1Base, number: u64) -> Result<(), StorageError> {
        let Spaces { meta, .. } = &self.0.spaces;
        meta.insert(L1_KEY, encode(&(base, number)))
            .map_err(StorageError::Failed)
    }

    /// Notes where derivation stands when it went on without a block. Not worth an fsync: at worst it is read again.
    ///
    /// # Errors
    /// A failed write.
    pub(crate) fn keep_cursor(&self, cursor: Vec<u8>) -> Result<(), StorageError> {
        let Spaces { meta, .. } = &self.0.spaces;
        meta.insert(CURSOR_KEY, cursor)
            .map_err(StorageError::Failed)
    }

    /// Drops what undoes blocks up to this one, some of it at a time: they never change any more.
    ///
    /// # Errors
    /// A failed read or write.
    pub(crate) fn trim_undo(&self, safe: u64) -> Result<(), StorageError> {
        let Spaces { undo, .. } = &self.0.spaces;
        let first = undo.first_key_value().map(fjall::Guard::key).transpose();
        let Some(first) = first.map_err(StorageError::Read)? else {
            return Ok(());
        };
        let first = first.as_ref().try_into().map(u64::from_be_bytes);
        let first = first.map_err(|error| StorageError::damaged("an undo record", error))?;
        if first > safe {
            return Ok(());
        }
        let mut batch = self.0.database.batch();
        for number in first..=safe.min(first + TRIM) {
            batch.remove(undo, number.to_be_bytes());
        }
        batch.commit().map_err(StorageError::Failed)
    }

    pub(super) fn batch(&self) -> OwnedWriteBatch {
        let batch = self.0.database.batch();
        batch.durability(Some(PersistMode::SyncData))
    }
}

impl View {
    /// Where derivation stands; empty at the start.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn cursor(&self) -> Result<Vec<u8>, StorageError> {
        let cursor = self.get(&self.spaces().meta, CURSOR_KEY)?;
        let cursor = cursor.ok_or_else(|| StorageError::damaged("the cursor", "missing"))?;
        Ok(cursor.to_vec())
    }

    /// As [`Storage::keep_levels`] left it.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn levels(&self) -> Result<Levels, StorageError> {
        let latest = self.head()?;
        let kept = self.get(&self.spaces().meta, LEVELS_KEY)?;
        let (safe, finalized): (u64, u64) =
            kept.map_or(Ok((0, 0)), |bytes| decode("levels", &bytes))?;
        Ok(Levels {
            latest,
            safe: safe.min(latest),
            finalized: finalized.min(latest),
        })
    }

    /// As [`Storage::keep_trust`] left it.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn trust(&self) -> Result<Option<Checkpoint>, StorageError> {
        let text = self.get(&self.spaces().meta, TRUST_KEY)?;
        let read = |text: bytes::Bytes| {
            serde_json::from_slice(&text).map_err(|error| StorageError::damaged("trust", error))
        };
        text.map(read).transpose()
    }

    /// The L1 block after which everything comes that goes on from `base`.
    ///
    /// # Errors
    /// The disk failed.
    pub(crate) fn l1_known(&self, base: L1Base) -> Result<u64, StorageError> {
        if let Some(bytes) = self.get(&self.spaces().meta, L1_KEY)? {
            let (of, number): (L1Base, u64) = decode("how far the L1 was read", &bytes)?;
            if of == base {
                return Ok(number);
            }
        }
        // Further messages may be of the same L1 block as the last one. Pins that are not passed yet are younger: the L1
        // made them when it knew a later block of the sequencer than those whose messages were executed.
        //
        // What was executed and is not in the base has to be read again, from its first message on.
        if let Some((message, _)) = self.messages(base.queue.count, 1)?.first() {
            return Ok(message.l1_block.saturating_sub(1));
        }
        Ok(self.newest()?.message_block.saturating_sub(1))
    }
}

impl Executed<'_> {
    /// The messages of the L1 among the inputs, with their positions.
    fn messages(&self) -> impl Iterator<Item = (usize, &L1Message)> {
        let inputs = self.inputs.iter().enumerate();
        inputs.filter_map(|(position, input)| match input {
            Input::L1(message) => Some((position, message)),
            Input::Transaction(_) => None,
        })
    }

    /// The levels once the block is on the disk: the L1 may cover it already.
    fn levels_after(&self, block: &Block) -> Levels {
        let (number, place) = (block.number, block.place());
        let raised = |is_covered, before| if is_covered { number } else { before };
        Levels {
            latest: number,
            safe: raised(self.l1.is_safe(place), self.levels.safe),
            finalized: raised(self.l1.is_finalized(place), self.levels.finalized),
        }
    }
}

fn encode_levels(levels: Levels) -> Vec<u8> {
    encode(&(levels.safe, levels.finalized))
}

fn block_of(executed: &Executed<'_>, parent: &Block) -> Block {
    let Executed {
        env,
        transition,
        origins,
        ..
    } = executed;
    let outcomes = transition.outcomes.iter().zip(origins);
    let outcomes = outcomes.map(|(outcome, origin)| Done {
        id: outcome.id,
        origin: *origin,
        skipped: match &outcome.verdict {
            Verdict::Applied => None,
            Verdict::Skipped(reason) => Some(reason.clone()),
        },
    });
    let last = executed.messages().last();
    Block {
        number: env.number,
        hash: transition.hash,
        parent: env.parent,
        state_root: transition.state_root,
        height: env.height,
        sequencer_block: executed.sequencer_block,
        timestamp_ms: env.timestamp_ms,
        l1_number: env.l1_number,
        pin: executed.pin,
        outcomes: outcomes.collect(),
        withdrawals: env.withdrawals + transition.withdrawals.len() as u64,
        messages: parent.messages + executed.messages().count() as u64,
        message_block: last.map_or(parent.message_block, |(_, message)| message.l1_block),
    }
}
