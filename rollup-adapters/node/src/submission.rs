//! Transactions on their way to the sequencer (RN6).
//!
//! What is accepted is on the disk first, in the order it came; it leaves when a block holds it. While the machine says
//! that a transaction may become good (a nonce that comes later), it stays here: the sequencer orders what it is
//! given, and what is skipped is lost. What was handed in and is in no block after a while is handed in again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use rollup_types::{Hash, StateError, Vm};
use tokio::sync::Notify;

use crate::{
    Block, Node, Pending, StorageError, SubmitError, View,
    storage::{Origin, Storage, Waiting},
};

mod handing_in;

pub(crate) use handing_in::run;

/// Transactions that wait at most, and their bytes.
const MOST: (usize, usize) = (10_000, 64 << 20);
/// Of those that are held when they come: anybody makes as many as he likes, for nothing.
const MOST_HELD: (usize, usize) = (1_000, 8 << 20);
/// Held ones that are judged in one pass: each may cost the recovery of a signature. All of them, as a rule: with fewer a
/// burst of one sender's nonces would be handed in a few a second.
const HELD_A_PASS: usize = MOST_HELD.0;

/// All that wait, as the disk has them.
#[derive(Debug)]
pub(crate) struct Submissions {
    queue: Mutex<Queue>,
    /// Something came, or a block did.
    changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    entries: BTreeMap<u64, Waiting>,
    by_hash: HashMap<Hash, u64>,
    by_id: HashMap<Hash, u64>,
    by_slot: BTreeMap<Vec<u8>, u64>,
    /// What the machine said last may become good.
    held: BTreeSet<u64>,
    bytes: usize,
    held_bytes: usize,
    next: u64,
}

impl Queue {
    fn insert(&mut self, waiting: Waiting) {
        self.bytes += waiting.bytes.len();
        self.next = self.next.max(waiting.sequence + 1);
        self.by_hash.insert(waiting.hash, waiting.sequence);
        self.by_id.insert(waiting.id, waiting.sequence);
        if let Some(slot) = &waiting.slot {
            self.by_slot.insert(slot.clone(), waiting.sequence);
        }
        self.entries.insert(waiting.sequence, waiting);
    }

    /// Notes whether the machine holds one back.
    fn hold(&mut self, hash: Hash, is_held: bool) {
        let waiting = self.by_hash.get(&hash);
        let Some(waiting) = waiting.and_then(|at| self.entries.get(at)) else {
            return;
        };
        if is_held && self.held.insert(waiting.sequence) {
            self.held_bytes += waiting.bytes.len();
        } else if !is_held && self.held.remove(&waiting.sequence) {
            self.held_bytes -= waiting.bytes.len();
        }
    }

    /// Whether there is room for so many bytes, in the place of another one if one is given.
    fn has_room(&self, bytes: usize, is_held: bool, replaced: Option<&Waiting>) -> bool {
        let fits = |count: usize, taken: usize, replaced: Option<&Waiting>, most| {
            let (one, freed) = replaced.map_or((0, 0), |old| (1, old.bytes.len()));
            let (most, most_bytes) = most;
            count - one < most && taken - freed + bytes <= most_bytes
        };
        let held = replaced.filter(|old| self.held.contains(&old.sequence));
        fits(self.entries.len(), self.bytes, replaced, MOST)
            && (!is_held || fits(self.held.len(), self.held_bytes, held, MOST_HELD))
    }

    /// Of what is due, all that is not held, and then some of what is, round robin: `next` says where the round goes on.
    fn pass(&self, next: &mut u64, is_due: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let is_held = |waiting: &&Waiting| self.held.contains(&waiting.sequence);
        let good = self.entries.values().filter(|waiting| !is_held(waiting));
        let round = self.held.range(*next..).chain(self.held.range(..*next));
        let held = round.take(HELD_A_PASS);
        let held: Vec<_> = held.filter_map(|at| self.entries.get(at)).collect();
        *next = held.last().map_or(0, |last| last.sequence + 1);
        let all = good.chain(held).filter(|waiting| is_due(waiting));
        all.cloned().collect()
    }

    fn at(&self, slot: Option<&Vec<u8>>) -> Option<&Waiting> {
        self.entries.get(self.by_slot.get(slot?)?)
    }

    fn remove(&mut self, hash: Hash) -> Option<Waiting> {
        self.hold(hash, false);
        let waiting = self.entries.remove(&self.by_hash.remove(&hash)?)?;
        self.bytes -= waiting.bytes.len();
        // Unless it is another one's by now.
        let is_its = |sequence: Option<&u64>| sequence == Some(&waiting.sequence);
        if is_its(self.by_id.get(&waiting.id)) {
            self.by_id.remove(&waiting.id);
        }
        if let Some(slot) = &waiting.slot
            && is_its(self.by_slot.get(slot))
        {
            self.by_slot.remove(slot);
        }
        Some(waiting)
    }
}

impl Submissions {
    pub(crate) fn load<V: Vm>(vm: &V, storage: &Storage) -> Result<Self, StorageError> {
        let mut queue = Queue::default();
        let view = storage.view();
        for waiting in storage.all_waiting()? {
            // It came while the block that holds it was written.
            if settled(&view, waiting.id, waiting.hash)?.is_some() {
                storage.drop_waiting(&waiting)?;
                continue;
            }
            let slot = vm.slot(&waiting.bytes);
            queue.insert(Waiting { slot, ..waiting });
        }
        Ok(Self {
            queue: Mutex::new(queue),
            changed: Notify::new(),
        })
    }

    /// Takes a transaction, which ends the waiting of the one in its slot (RT6). Blocks on the disk.
    pub(crate) fn accept<V: Vm>(&self, node: &Node<V>, bytes: Bytes) -> Result<Hash, SubmitError> {
        let most = node.definition().sequencer.parameters.max_transaction_bytes;
        if bytes.is_empty() || bytes.len() as u64 > u64::from(most) {
            let bytes = bytes.len();
            return Err(SubmitError::Size { bytes, most });
        }
        let id = node.vm().id(&bytes);
        let hash = Hash(da::tx_hash(&bytes));
        if self.waits(hash) {
            return Ok(id);
        }
        let view = node.view();
        is_new(&view, id, hash)?;
        let is_held = match node.vm().admit(&view, &bytes)? {
            Ok(()) => false,
            Err(refusal) if refusal.may_become_good => true,
            Err(refusal) => return Err(SubmitError::Refused(refusal.reason)),
        };
        let since_ms = now_ms();
        let slot = node.vm().slot(&bytes);
        // Held while it is written, so that the order on the disk is the one in memory, and one waits in a slot.
        let mut queue = self.queue();
        if queue.by_hash.contains_key(&hash) {
            return Ok(id);
        }
        // Again, for a block may have settled it meanwhile.
        is_new(&node.view(), id, hash)?;
        let replaced = queue.at(slot.as_ref()).cloned();
        if let Some(old) = &replaced {
            let replaces = node.vm().replaces(&bytes, &old.bytes);
            replaces.map_err(SubmitError::Taken)?;
        }
        if !queue.has_room(bytes.len(), is_held, replaced.as_ref()) {
            return Err(SubmitError::Full);
        }
        let waiting = Waiting {
            sequence: queue.next,
            id,
            hash,
            since_ms,
            bytes,
            slot,
        };
        node.storage()
            .keep_waiting(&waiting, replaced.as_ref())
            .map_err(StateError::from)?;
        if let Some(old) = replaced {
            queue.remove(old.hash);
        }
        queue.insert(waiting);
        queue.hold(hash, is_held);
        drop(queue);
        self.changed.notify_one();
        Ok(id)
    }

    pub(crate) fn pending(&self) -> Vec<Pending> {
        self.queue().entries.values().map(pending).collect()
    }

    pub(crate) fn with_id(&self, id: Hash) -> Option<Pending> {
        let queue = self.queue();
        queue.entries.get(queue.by_id.get(&id)?).map(pending)
    }

    pub(crate) fn slots(&self, prefix: &[u8]) -> Vec<(Vec<u8>, Bytes)> {
        let queue = self.queue();
        let slots = queue.by_slot.range(prefix.to_vec()..);
        slots
            .take_while(|(slot, _)| slot.starts_with(prefix))
            .filter_map(|(slot, at)| Some((slot.clone(), queue.entries.get(at)?.bytes.clone())))
            .collect()
    }

    fn waits(&self, hash: Hash) -> bool {
        self.queue().by_hash.contains_key(&hash)
    }

    /// Notes whether the machine holds one back.
    fn hold(&self, hash: Hash, is_held: bool) {
        self.queue().hold(hash, is_held);
    }

    /// How many wait.
    pub(crate) fn count(&self) -> usize {
        self.queue().entries.len()
    }

    /// Follows the disk: what a block holds waits no longer.
    pub(crate) fn settle(&self, block: &Block) {
        let mut queue = self.queue();
        for done in &block.outcomes {
            if let Origin::Transaction { hash, .. } = done.origin {
                queue.remove(hash);
            }
        }
        drop(queue);
        // What was held may be good now.
        self.changed.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it is held.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pending(waiting: &Waiting) -> Pending {
    Pending {
        id: waiting.id,
        bytes: waiting.bytes.clone(),
        since_ms: waiting.since_ms,
    }
}

fn is_new(view: &View, id: Hash, hash: Hash) -> Result<(), SubmitError> {
    let settled = settled(view, id, hash).map_err(StateError::from)?;
    settled.map_or(Ok(()), Err)
}

/// If a block holds a transaction, what is to be said of it.
fn settled(view: &View, id: Hash, hash: Hash) -> Result<Option<SubmitError>, StorageError> {
    let Some(place) = view.place(id)? else {
        return Ok(None);
    };
    let number = place.number;
    if place.is_applied {
        return Ok(Some(SubmitError::Executed { number }));
    }
    Ok(match view.done(place)? {
        Some((_, done)) if matches!(done.origin, Origin::Transaction { hash: ordered, .. } if ordered == hash) =>
        {
            let reason = done.skipped.unwrap_or_default();
            Some(SubmitError::Skipped { number, reason })
        }
        _ => None,
    })
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
