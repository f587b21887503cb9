//! The machine: facts in, segments out.

use std::collections::BTreeMap;

use hotshot_types::Height;
use rollup_types::{Input, Pin};
use sequencer_proof::{Follower, VerifiedBlock, VerifiedBody};

use crate::{
    Authenticated, Cursor, CursorError, L1Base, L1View, Place, Rules, Segment, SegmentKind,
};

mod blocks;
mod facts;
mod queue;
#[cfg(test)]
mod tests;

use blocks::{Blocks, Stop};
pub use facts::{Fact, FactError, Levels, Need, RollBack, Step};
use queue::Queue;

/// Headers that are kept from one search to the next, the nearest ones; a search adds at most as many.
const KEPT_HEADERS: usize = 64;

/// Derives what a rollup executes.
#[derive(Clone, Debug)]
pub struct Derivation {
    rules: Rules,
    at: Cursor,
    blocks: Blocks,
    queue: Queue,
    /// Headers that were asked for, by height.
    headers: BTreeMap<Height, VerifiedBlock>,
    wanted: Option<Height>,
    /// The segment that is being executed.
    current: Option<Current>,
    levels: Levels,
    rollback: Option<RollBack>,
    /// What was undone, until a view shows whether what undid it is there.
    undone: Option<RollBack>,
}

/// A segment and what it leaves behind.
#[derive(Clone, Debug)]
struct Current {
    segment: Segment,
    after: Cursor,
}

impl Derivation {
    /// Starts, or goes on.
    ///
    /// # Errors
    /// A cursor of another rollup.
    pub fn resume(rules: Rules, cursor: Cursor) -> Result<Self, CursorError> {
        if (cursor.network, cursor.namespace) != (rules.network, rules.namespace) {
            return Err(CursorError::OtherRollup {
                found: cursor.namespace,
                network: cursor.network,
            });
        }
        Ok(Self {
            rules,
            blocks: Blocks::new(cursor.follower()),
            queue: Queue::new(cursor.base),
            at: cursor,
            headers: BTreeMap::new(),
            wanted: None,
            current: None,
            levels: Levels::default(),
            rollback: None,
            undone: None,
        })
    }

    /// Goes on after a roll back, from the cursor of the last block that is kept. Needs a view of the L1 first: without it
    /// the same blocks would be made again.
    ///
    /// # Errors
    /// A cursor of another rollup.
    pub fn rolled_back(&mut self, cursor: Cursor) -> Result<(), CursorError> {
        let undone = self.rollback;
        *self = Self::resume(self.rules, cursor)?;
        self.undone = undone;
        Ok(())
    }

    /// Takes a fact. Facts may come at any time and in any order, but blocks and completions by rising height.
    ///
    /// # Errors
    /// A fact that does not fit; what is wrong with it.
    pub fn take(&mut self, fact: Fact) -> Result<(), FactError> {
        match fact {
            Fact::Block(block, body) => {
                self.of_network(&block)?;
                if body.block_hash() != block.hash || body.leaf().id != self.rules.namespace {
                    return Err(FactError::OtherBody(block.hash));
                }
                Ok(self.blocks.take(block, body)?)
            }
            Fact::Complete(summary) => {
                self.of_network(summary.block())?;
                if summary.namespace() != self.rules.namespace {
                    return Err(FactError::OtherBody(summary.hash));
                }
                Ok(self.blocks.complete(&summary)?)
            }
            Fact::Header(block) => {
                self.of_network(&block)?;
                if self.wanted == Some(block.header.height) {
                    self.wanted = None;
                    self.headers.insert(block.header.height, block);
                }
                Ok(())
            }
            Fact::L1(view) => self.take_view(&view),
        }
    }

    fn of_network(&self, block: &VerifiedBlock) -> Result<(), FactError> {
        let found = block.header.chain_domain;
        let is_ours = found == self.rules.network;
        is_ours.then_some(()).ok_or(FactError::OtherNetwork(found))
    }

    /// Takes what the L1 has. Where it contradicts what was executed, or pins something in between, blocks have to be
    /// undone.
    fn take_view(&mut self, view: &L1View) -> Result<(), FactError> {
        let attested = self.queue.attested();
        if !self.queue.take(view) {
            return Err(FactError::OtherBase);
        }
        if view.is_attested {
            self.levels.light_client = self.levels.light_client.max(view.light_client);
            self.levels.advanced = self.levels.advanced.max(view.advanced);
            self.levels.pins = self.levels.pins.max(view.head.pins.count);
        }
        if self.undone.is_some_and(|undone| self.is_told(undone, view)) {
            self.undone = None;
        }
        if self.at.inside == 0 {
            self.current = None;
        }
        if self.rollback.is_none() {
            self.rollback = if self.is_contradicted(view) {
                Some(RollBack::Contradicted(attested))
            } else {
                self.overtaken()
            };
        }
        Ok(())
    }

    /// Whether the view has what undid blocks, or shows that it is not there.
    fn is_told(&self, undone: RollBack, view: &L1View) -> bool {
        match undone {
            RollBack::Overtaken(pin) => {
                self.queue.pin(pin.pin - 1).is_some()
                    || !view.is_attested
                    || view.light_client > pin.height
            }
            RollBack::Contradicted(_) => true,
        }
    }

    /// Whether something that was executed is not what the L1 has. What is attested never turns out so.
    fn is_contradicted(&mut self, view: &L1View) -> bool {
        let reached = self.at.reached;
        if !self.queue.may_lead_to(&reached) {
            return true;
        }
        if reached.pins.count <= self.queue.attested().pins.count {
            self.at.doubt = None;
        }
        // Had the pin been made, it would have been made before the light client went on.
        let is_past = |after: Height| view.is_attested && after < view.light_client;
        self.at.doubt.is_some_and(is_past)
    }

    /// A pin that was not known stands before something that was executed. If nothing was executed there yet, the
    /// derivation just goes back.
    fn overtaken(&mut self) -> Option<RollBack> {
        let pin = self.next_pin()?;
        let place = Place::of_pin(pin.after, pin.number);
        if self.at.place.is_some_and(|last| last > place) {
            return Some(RollBack::Overtaken(place));
        }
        if self.at.height > pin.after {
            self.at.height = pin.after;
            self.at.header_l1 = 0;
        }
        None
    }

    /// The next pin, with the block that it stands after.
    fn next_pin(&self) -> Option<Pin> {
        let pin = self.queue.pin(self.at.pins.count)?;
        Some(Pin {
            after: pin.after.max(self.at.pins.after),
            ..*pin
        })
    }

    /// What to do next. Says the same until something is told or executed.
    pub fn step(&mut self) -> Step {
        if let Some(rollback) = self.rollback {
            return Step::RollBack(rollback);
        }
        loop {
            if let Some(current) = &self.current {
                let segment = current.segment.clone();
                return Step::Execute(Authenticated::checked(segment));
            }
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Step::Idle,
                Err(need) => {
                    if let Need::Header(height) = need {
                        self.wanted = Some(height);
                    }
                    return Step::Need(need);
                }
            }
        }
    }

    /// Moves on by one thing: passes a pin or an empty stretch, or finds the next segment. False if there is nothing to
    /// move to.
    fn advance(&mut self) -> Result<bool, Need> {
        let pin = self.next_pin();
        if self.undone.is_some() || pin.is_none() && self.at.is_inside_pin() {
            return Err(Need::View);
        }
        if let Some(pin) = pin.filter(|pin| pin.after <= self.at.height) {
            self.pass(&pin)?;
            return Ok(true);
        }
        let Some(stop) = self.blocks.next(self.at.height) else {
            return Ok(false);
        };
        // Right after a pin's block the pin comes, so that block is a stop of its own.
        let height = match pin {
            Some(pin) if pin.after < stop.height() => pin.after,
            _ => stop.height(),
        };
        let header = match &stop {
            Stop::Block(block, _) if block.header.height == height => block.clone(),
            Stop::Complete(block) if block.header.height == height => block.clone(),
            Stop::Again(again) if *again == height => return Err(Need::Block(height)),
            _ => self.header(height)?.clone(),
        };
        if let Some(earlier) = self.first_due(&header)? {
            self.current = Some(self.messages_at(&earlier));
            return Ok(true);
        }
        match stop {
            Stop::Block(block, body) if block.header.height == height => {
                self.current = Some(self.block_at(&block, &body));
            }
            _ => self.reach(&header),
        }
        Ok(true)
    }

    /// The first block up to `last` in which messages become due and that is no segment anyway (RD5).
    fn first_due(&self, last: &VerifiedBlock) -> Result<Option<VerifiedBlock>, Need> {
        let l1 = &last.header.l1_finalized;
        if l1.number <= self.at.header_l1 {
            return Ok(None);
        }
        if self.queue.number() < l1.number {
            return Err(Need::L1 {
                number: l1.number,
                hash: l1.hash,
                height: last.header.height,
            });
        }
        let next = self.queue.attested_message(self.at.queue.count);
        let Some(due) = next.map(|message| message.l1_block) else {
            return Ok(None);
        };
        if due > l1.number {
            return Ok(None);
        }
        let (mut low, mut high) = (self.at.height.next(), last.header.height);
        for (height, block) in self.headers.range(low..high) {
            if block.header.l1_finalized.number >= due {
                high = *height;
                break;
            }
            low = height.next();
        }
        while low < high {
            let middle = Height(low.0 + (high.0 - low.0) / 2);
            if self.header(middle)?.header.l1_finalized.number >= due {
                high = middle;
            } else {
                low = middle.next();
            }
        }
        let is_at_block = low == last.header.height && self.blocks.is_block(low);
        if is_at_block {
            return Ok(None);
        }
        if low == last.header.height {
            return Ok(Some(last.clone()));
        }
        Ok(Some(self.header(low)?.clone()))
    }

    fn header(&self, height: Height) -> Result<&VerifiedBlock, Need> {
        self.headers.get(&height).ok_or(Need::Header(height))
    }

    /// Nothing was executed up to this block.
    fn reach(&mut self, block: &VerifiedBlock) {
        self.at.height = block.header.height;
        self.at.header_l1 = block.header.l1_finalized.number;
        self.forget();
    }

    fn forget(&mut self) {
        let height = self.at.height;
        // The header at the position itself may be a pin's.
        self.headers.retain(|at, _| *at >= height);
        while self.headers.len() > KEPT_HEADERS {
            self.headers.pop_last();
        }
    }

    /// Passes a pin: makes its segment, unless it adds no message.
    fn pass(&mut self, pin: &Pin) -> Result<(), Need> {
        let after = self.at.pins.with(pin);
        if pin.message_end <= self.at.queue.count {
            self.at.pins = after;
            self.at.reached.pins = after;
            self.queue.forget(self.at.queue, after);
            return Ok(());
        }
        let block = self.header(pin.after)?.clone();
        let (inputs, queue, l1_block) = self.queue.until_index(self.at.queue, pin.message_end);
        let kind = SegmentKind::Pin(pin.number);
        let mut current = self.segment(&block, kind, inputs, l1_block);
        current.after.queue = queue;
        current.after.pins = after;
        let attested = self.queue.attested();
        current.segment.is_attested = pin.number < attested.pins.count;
        if !current.segment.is_attested {
            current.after.doubt = current.after.doubt.or(Some(pin.after));
        }
        self.current = Some(current);
        Ok(())
    }

    fn messages_at(&self, block: &VerifiedBlock) -> Current {
        let l1_number = block.header.l1_finalized.number;
        let (inputs, queue) = self.queue.until_block(self.at.queue, l1_number);
        let mut current = self.segment(block, SegmentKind::Messages, inputs, l1_number);
        current.after.queue = queue;
        current.after.height = block.header.height;
        current.after.header_l1 = l1_number;
        current
    }

    fn block_at(&self, block: &VerifiedBlock, body: &VerifiedBody) -> Current {
        let l1_number = block.header.l1_finalized.number;
        let (mut inputs, queue) = self.queue.until_block(self.at.queue, l1_number);
        inputs.extend(body.transactions().map(Input::Transaction));
        let mut current = self.segment(block, SegmentKind::Block, inputs, l1_number);
        let mut follower = self.at.follower();
        follower
            .accept(&block.header, body.leaf())
            .expect("the block was accepted when it was told");
        current.after.entry = follower.entry();
        current.after.queue = queue;
        current.after.height = block.header.height;
        current.after.header_l1 = l1_number;
        current
    }

    fn segment(
        &self,
        block: &VerifiedBlock,
        kind: SegmentKind,
        inputs: Vec<Input>,
        l1_number: u64,
    ) -> Current {
        let header = &block.header;
        let done = usize::try_from(self.at.inside).unwrap_or(usize::MAX);
        let segment = Segment {
            height: header.height,
            block: block.hash,
            timestamp_ms: self.at.timestamp_ms.max(header.timestamp_ms.0),
            l1_number: self.at.l1_number.max(l1_number),
            randao_mix: header.randao_mix,
            kind,
            is_attested: true,
            done,
            inputs: inputs.into(),
        };
        let place = Some(segment.place());
        assert!(
            done == 0 || (self.at.place == place && done < segment.inputs.len()),
            "what was executed in part goes on before anything else"
        );
        let after = Cursor {
            inside: 0,
            place,
            timestamp_ms: segment.timestamp_ms,
            l1_number: segment.l1_number,
            ..self.at.clone()
        };
        Current { segment, after }
    }

    /// The first `count` inputs of the segment were executed as one rollup block. Returns the cursor to store with it.
    ///
    /// # Panics
    /// There is no segment, or it does not have as many inputs, or none was executed.
    pub fn executed(&mut self, count: usize) -> Cursor {
        let current = self.current.as_mut().expect("a segment was executed");
        let left = current.segment.left().len();
        assert!(
            count > 0 && count <= left,
            "of {left} inputs {count} were executed"
        );
        self.at.place = Some(current.segment.place());
        let after = &mut current.after;
        after.reached = L1Base {
            queue: after.queue,
            pins: after.pins,
        };
        if count < left {
            (self.at.reached, self.at.doubt) = (after.reached, after.doubt);
            current.segment.done += count;
            self.at.inside += count as u64;
            return self.cursor();
        }
        self.at = current.after.clone();
        self.current = None;
        self.queue.forget(self.at.queue, self.at.pins);
        self.blocks.forget(self.at.height);
        self.forget();
        self.cursor()
    }

    /// Where the derivation stands. Also worth storing now and then while nothing is executed: reading starts there.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor {
            base: self.queue.base(self.at.queue, self.at.pins),
            ..self.at.clone()
        }
    }

    /// Where the next view of the L1 has to go on.
    #[must_use]
    pub fn l1_base(&self) -> L1Base {
        self.queue.attested()
    }

    /// Where the next block has to go on.
    #[must_use]
    pub fn follower(&self) -> &Follower {
        self.blocks.follower()
    }

    /// How far the L1 is. Known from the first attested view on.
    #[must_use]
    pub fn levels(&self) -> Levels {
        self.levels
    }
}
