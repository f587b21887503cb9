//! Messages and pins that are known and not executed.

use std::collections::VecDeque;

use rollup_types::{Input, L1Message, Pin, PinHead, QueueHead};

use crate::{L1Base, L1View};

/// What the L1 has. Attested up to a head; what comes after that the node's own L1 says.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// Before the first that is kept.
    start: L1Base,
    messages: VecDeque<L1Message>,
    pins: VecDeque<Pin>,
    attested: L1Base,
    /// The L1 block up to which everything is attested.
    number: u64,
}

impl Queue {
    pub(super) fn new(base: L1Base) -> Self {
        Self {
            start: base,
            messages: VecDeque::new(),
            pins: VecDeque::new(),
            attested: base,
            number: 0,
        }
    }

    /// The L1 block up to which everything is attested.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn attested(&self) -> L1Base {
        self.attested
    }

    /// A message that makes others due by its L1 block. Those that are not attested only come with pins.
    pub(super) fn attested_message(&self, index: u64) -> Option<&L1Message> {
        let is_attested = index < self.attested.queue.count;
        self.message(index).filter(|_| is_attested)
    }

    fn message(&self, index: u64) -> Option<&L1Message> {
        let at = index.checked_sub(self.start.queue.count)?;
        self.messages.get(usize::try_from(at).ok()?)
    }

    pub(super) fn pin(&self, number: u64) -> Option<&Pin> {
        let at = number.checked_sub(self.start.pins.count)?;
        self.pins.get(usize::try_from(at).ok()?)
    }

    /// Takes a view that goes on from what is attested. False if it goes on from something else.
    pub(super) fn take(&mut self, view: &L1View) -> bool {
        if view.base != self.attested {
            return false;
        }
        let messages = view.base.queue.count - self.start.queue.count;
        let pins = view.base.pins.count - self.start.pins.count;
        let is_same = replace(&mut self.messages, messages, &view.messages);
        replace(&mut self.pins, pins, &view.pins);
        if !is_same {
            // Pins that only the other messages go with.
            let known = pins + view.pins.len() as u64;
            self.pins
                .truncate(usize::try_from(known).unwrap_or(usize::MAX));
        }
        if view.is_attested {
            let first = pins + view.pins.len() as u64;
            let first = usize::try_from(first).unwrap_or(usize::MAX);
            let is_past = |pin: &Pin| pin.after < view.light_client;
            if self.pins.get(first).is_some_and(is_past) {
                self.pins.truncate(first);
            }
            self.attested = view.head;
            self.number = self.number.max(view.number);
        }
        true
    }

    /// Whether what is known leads to these heads, as far as it goes.
    pub(super) fn may_lead_to(&self, heads: &L1Base) -> bool {
        let (mut queue, mut pins) = (self.start.queue, self.start.pins);
        let mut messages = self.messages.iter();
        while queue.count < heads.queue.count {
            match messages.next() {
                Some(message) => queue = queue.with(message),
                None => break,
            }
        }
        let mut known = self.pins.iter();
        while pins.count < heads.pins.count {
            match known.next() {
                Some(pin) => pins = pins.with(pin),
                None => break,
            }
        }
        (queue.count < heads.queue.count || queue.chain == heads.queue.chain)
            && (pins.count < heads.pins.count || pins.chain == heads.pins.chain)
    }

    /// Messages after a head up to an L1 block, and the head after them.
    pub(super) fn until_block(&self, from: QueueHead, l1_block: u64) -> (Vec<Input>, QueueHead) {
        let end = self.attested.queue.count;
        let is_in = |message: &L1Message| message.index < end && message.l1_block <= l1_block;
        let (inputs, head, _) = self.collect(from, is_in);
        (inputs, head)
    }

    /// Messages after a head below an index, the head after them, and the L1 block of the last one.
    pub(super) fn until_index(&self, from: QueueHead, end: u64) -> (Vec<Input>, QueueHead, u64) {
        self.collect(from, |message| message.index < end)
    }

    fn collect(
        &self,
        from: QueueHead,
        is_in: impl Fn(&L1Message) -> bool,
    ) -> (Vec<Input>, QueueHead, u64) {
        let (mut inputs, mut head, mut l1_block) = (Vec::new(), from, 0);
        while let Some(message) = self.message(head.count).filter(|message| is_in(message)) {
            head = head.with(message);
            l1_block = message.l1_block;
            inputs.push(Input::L1(message.clone()));
        }
        (inputs, head, l1_block)
    }

    /// What a derivation at these heads has to go on from: both are attested in it.
    pub(super) fn base(&self, queue: QueueHead, pins: PinHead) -> L1Base {
        let is_attested = queue.count <= self.attested.queue.count;
        L1Base {
            queue: if is_attested {
                queue
            } else {
                self.attested.queue
            },
            pins: if pins.count <= self.attested.pins.count {
                pins
            } else {
                self.attested.pins
            },
        }
    }

    /// Drops what was executed and is attested.
    pub(super) fn forget(&mut self, queue: QueueHead, pins: PinHead) {
        let base = self.base(queue, pins);
        while self.start.queue.count < base.queue.count && self.messages.pop_front().is_some() {
            self.start.queue.count += 1;
        }
        while self.start.pins.count < base.pins.count && self.pins.pop_front().is_some() {
            self.start.pins.count += 1;
        }
        self.start = base;
    }
}

/// Puts `told` at a place of what is known. What is known beyond it stays, unless the two differ: then it is replaced.
/// Returns whether they do not differ.
fn replace<T: PartialEq + Clone>(known: &mut VecDeque<T>, at: u64, told: &[T]) -> bool {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(known.len());
    let common = known
        .iter()
        .skip(at)
        .zip(told)
        .take_while(|(known, told)| known == told)
        .count();
    let is_other = known.len() - at > common && told.len() > common;
    if is_other {
        known.truncate(at + common);
    }
    if known.len() - at <= common {
        known.extend(told.iter().skip(common).cloned());
    }
    !is_other
}
