//! Putting blocks on the chain, and taking them off.

use fjall::{OwnedWriteBatch, PersistMode};
use rollup_types::{BlockEnv, Hash, Transition, Verdict};

use super::{
    Block, CURSOR_KEY, Done, HEAD_KEY, Origin, Spaces, Storage, StorageError, View,
    record::{Undo, decode, encode, place_key},
    waiting,
};

/// Blocks that can be taken back at most: beyond it a light client has not been updated for very long.
pub(crate) const UNDO_BLOCKS: u64 = 100_000;
/// Records that one batch drops at most.
const TRIM: u64 = 1_000;

/// A block that was executed.
#[derive(Debug)]
pub(crate) struct Executed<'a> {
    /// What the machine was told.
    pub(crate) env: &'a BlockEnv,
    /// The sequencer's block.
    pub(crate) sequencer_block: Hash,
    /// Where the executed inputs come from, in order.
    pub(crate) origins: &'a [Origin],
    /// What the machine answered.
    pub(crate) transition: Transition,
    /// Messages executed up to this block.
    pub(crate) messages: u64,
    /// Where derivation stands after it.
    pub(crate) cursor: Vec<u8>,
}

impl Storage {
    /// Puts a block on top. Returns after it is on the disk. RN2
    ///
    /// # Errors
    /// A failed read or write.
    pub(crate) fn commit(&self, executed: &Executed<'_>) -> Result<Block, StorageError> {
        let view = self.view();
        let spaces = &self.0.spaces;
        let Executed {
            env, transition, ..
        } = executed;
        let mut batch = self.batch();
        let before = transition.writes.iter().map(|(key, _)| {
            let old = view.get(&spaces.state, key)?;
            Ok((key.clone(), old))
        });
        let undo = Undo {
            cursor: view.cursor()?,
            before: before.collect::<Result<_, StorageError>>()?,
        };
        batch.insert(&spaces.undo, env.number.to_be_bytes(), encode(&undo));
        for (key, value) in &transition.writes {
            match value {
                Some(value) => batch.insert(&spaces.state, key.as_slice(), value.clone()),
                None => batch.remove(&spaces.state, key.as_slice()),
            }
        }
        let block = block_of(executed);
        for (position, done) in block.outcomes.iter().enumerate() {
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let key = place_key(done.id, block.number, position);
            batch.insert(&spaces.places, key, [u8::from(done.skipped.is_none())]);
        }
        waiting::settle(&mut batch, &view, &block)?;
        view.append_withdrawals(&mut batch, env.withdrawals, &transition.withdrawals)?;
        batch.insert(&spaces.blocks, env.number.to_be_bytes(), encode(&block));
        batch.insert(&spaces.meta, HEAD_KEY, encode(&env.number));
        batch.insert(&spaces.meta, CURSOR_KEY, executed.cursor.as_slice());
        if let Some(old) = env.number.checked_sub(UNDO_BLOCKS) {
            batch.remove(&spaces.undo, old.to_be_bytes());
        }
        batch.commit().map_err(StorageError::Failed)?;
        Ok(block)
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
        batch.remove(&spaces.undo, number.to_be_bytes());
        batch.remove(&spaces.blocks, number.to_be_bytes());
        batch.insert(&spaces.meta, HEAD_KEY, encode(&parent.number));
        batch.insert(&spaces.meta, CURSOR_KEY, undo.cursor);
        batch.commit().map_err(StorageError::Failed)
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
}

fn block_of(executed: &Executed<'_>) -> Block {
    let Executed {
        env,
        transition,
        origins,
        ..
    } = executed;
    let outcomes = transition.outcomes.iter().zip(*origins);
    let outcomes = outcomes.map(|(outcome, origin)| Done {
        id: outcome.id,
        origin: *origin,
        skipped: match &outcome.verdict {
            Verdict::Applied => None,
            Verdict::Skipped(reason) => Some(reason.clone()),
        },
    });
    Block {
        number: env.number,
        hash: transition.hash,
        parent: env.parent,
        state_root: transition.state_root,
        height: env.height,
        sequencer_block: executed.sequencer_block,
        timestamp_ms: env.timestamp_ms,
        l1_number: env.l1_number,
        is_forced: env.is_forced,
        outcomes: outcomes.collect(),
        withdrawals: env.withdrawals + transition.withdrawals.len() as u64,
        messages: executed.messages,
    }
}
