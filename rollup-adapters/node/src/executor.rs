//! Drives derivation and the machine: facts in, blocks out (RN4).
//!
//! Runs on a thread of its own, because machine and disk block. Everything that it knows is on the disk after each block,
//! so it may end at any await and goes on where it was.

use std::{
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use rollup_derive::{
    Cursor, CursorError, Derivation, Fact, Need, RollBack, Rules, Segment, SegmentKind, Step,
};
use rollup_types::Vm;
use sequencer_proof::VerifiedBlock;
use tokio::time::{interval, sleep, timeout};

use crate::{
    Definition, Node, StorageError,
    board::{Board, L1Standing},
    execution::{SegmentParts, make_block},
    l1::{At, L1ReadError, Reader},
    metrics::Metrics,
    retries::Retries,
    source::{Source, SourceError},
};

/// Pauses after something that could not be read.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The cursor is noted this often while there is no block.
const NOTE: Duration = Duration::from_secs(1);
/// What undoes safe blocks is dropped every so many blocks.
const TRIM_EVERY: u64 = 256;
/// The sequencer's headers have named no newer L1 block for this long although the L1 has one: from then on pins are read
/// from what the L1's endpoints agree on.
const UNATTESTED: Duration = Duration::from_secs(20);

/// For the newest final block, where an older one may do.
const HEAD: Duration = Duration::from_secs(10);

/// Why the executor can't go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecutorError {
    /// The disk.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What is stored is of another rollup, or no server is left to ask.
    #[error("{0}")]
    Derivation(String),
    /// The definition is wrong.
    #[error("{0}")]
    Definition(String),
}

/// The rollup's rules for derivation.
pub(crate) fn rules(definition: &Definition) -> Rules {
    Rules {
        network: definition.sequencer.chain_domain(),
        namespace: definition.namespace,
        origin: definition.origin,
    }
}

/// All that executing takes.
pub(crate) struct Executor<V> {
    node: Node<V>,
    board: Arc<Board>,
    metrics: Arc<Metrics>,
    source: Source,
    l1: Option<Reader>,
    poll: Duration,
    derivation: Derivation,
    /// The newest final block that is known, to read the L1 by.
    newest: Option<VerifiedBlock>,
    /// The L1 block after which everything comes that goes on from the derivation's base.
    l1_known: u64,
    /// When a header named a newer L1 block last.
    attested_at: Clock,
    noted: Clock,
    retries: Retries,
}

impl<V: Vm> Executor<V> {
    /// Goes on where the disk says.
    pub(crate) fn new(
        node: Node<V>,
        board: Arc<Board>,
        metrics: Arc<Metrics>,
        source: Source,
        l1: Option<Reader>,
        poll: Duration,
        start: Cursor,
    ) -> Result<Self, ExecutorError> {
        // A roll back may go below the first block.
        if node.view().cursor()?.is_empty() {
            node.storage().keep_cursor(encode(&start))?;
        }
        let derivation = Derivation::resume(rules(node.definition()), start);
        let derivation = derivation.map_err(other_rollup)?;
        let l1_known = node.view().l1_known(derivation.l1_base())?;
        Ok(Self {
            node,
            board,
            metrics,
            source,
            l1,
            poll,
            derivation,
            newest: None,
            l1_known,
            attested_at: Clock::now(),
            noted: Clock::now(),
            retries: Retries::default(),
        })
    }

    /// Executes for ever.
    pub(crate) async fn run(mut self) -> ExecutorError {
        let mut ticks = interval(self.poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut pause = FIRST_PAUSE;
        loop {
            match self.turn(&mut ticks).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(Trouble::Fatal(error)) => return error,
                Err(Trouble::Passing(part, reason)) => {
                    self.retries.failed(part, &reason);
                    self.board.trouble(part, Some(reason));
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// A part can be read again.
    fn well(&mut self, part: &'static str) {
        self.retries.succeeded(part);
        self.board.trouble(part, None);
    }

    async fn turn(&mut self, ticks: &mut tokio::time::Interval) -> Result<(), Trouble> {
        match self.derivation.step() {
            Step::Execute(segment) => self.execute(&segment)?,
            Step::RollBack(rollback) => self.roll_back(rollback)?,
            Step::Need(Need::Header(height)) => {
                let block = self.source.header(height).await?;
                self.take(Fact::Header(block))?;
            }
            Step::Need(Need::Block(height)) => {
                let (block, body) = self.source.block(height).await?;
                self.take(Fact::Block(block, body))?;
            }
            Step::Need(Need::L1 { number, height, .. }) => {
                // The newest: one reading is then enough for all blocks up to it, and L1 nodes prove no old states.
                let newest = self.source.head().await?;
                let by = if newest.header.l1_finalized.number >= number {
                    newest
                } else {
                    self.source.header(height).await?
                };
                self.read_attested(&by).await?;
            }
            Step::Need(Need::View) => self.read_all().await?,
            Step::Idle => tokio::select! {
                fact = self.source.next() => self.hear(fact?)?,
                _ = ticks.tick() => self.look().await?,
            },
        }
        Ok(())
    }

    /// Something came from the sequencer.
    fn hear(&mut self, fact: Fact) -> Result<(), Trouble> {
        let block = match &fact {
            Fact::Block(block, _) | Fact::Header(block) => Some(block),
            Fact::Complete(summary) => Some(summary.block()),
            Fact::L1(_) => None,
        };
        if let Some(block) = block {
            self.see(&block.clone());
        }
        self.take(fact)?;
        self.well("sequencer");
        Ok(())
    }

    fn see(&mut self, block: &VerifiedBlock) {
        self.board.seen(block.header.height.0);
        let height = |block: &VerifiedBlock| block.header.height;
        if self
            .newest
            .as_ref()
            .is_none_or(|newest| height(newest) < height(block))
        {
            self.newest = Some(block.clone());
        }
    }

    fn take(&mut self, fact: Fact) -> Result<(), Trouble> {
        if let Err(error) = self.derivation.take(fact) {
            // Verified, and yet not what follows: a server that leaves something out. Start over from what is certain.
            self.source.restart(self.derivation.follower().clone());
            return Err(Trouble::Passing("sequencer", error.to_string()));
        }
        let height = self.derivation.cursor().height().0;
        self.board.reached(height);
        if self.noted.elapsed() >= NOTE {
            self.note()?;
        }
        Ok(())
    }

    /// Notes where derivation stands, and whom it trusts.
    fn note(&mut self) -> Result<(), Trouble> {
        self.noted = Clock::now();
        let storage = self.node.storage();
        storage.keep_cursor(encode(&self.derivation.cursor()))?;
        if let Some(trust) = self.source.new_trust() {
            storage.keep_trust(&trust)?;
        }
        Ok(())
    }

    /// One block of a segment; the rest of it comes with the next turn.
    fn execute(&mut self, segment: &Segment) -> Result<(), Trouble> {
        let started = Clock::now();
        let parts = SegmentParts {
            height: segment.height.0,
            sequencer_block: segment.block,
            timestamp_ms: segment.timestamp_ms,
            l1_number: segment.l1_number,
            randao_mix: segment.randao_mix,
            pin: match segment.kind {
                SegmentKind::Pin(number) => Some(number),
                SegmentKind::Block | SegmentKind::Messages => None,
            },
            l1: self.derivation.levels(),
        };
        let derivation = &mut self.derivation;
        let block = make_block(&self.node, &parts, &segment.inputs, segment.done, |count| {
            encode(&derivation.executed(count))
        })?;
        self.noted = Clock::now();
        self.board.reached(self.derivation.cursor().height().0);
        let skipped = block.outcomes.iter().filter(|done| done.skipped.is_some());
        let skipped = skipped.count() as u64;
        let applied = block.outcomes.len() as u64 - skipped;
        self.metrics.blocks.inc();
        self.metrics.applied.inc_by(applied);
        self.metrics.skipped.inc_by(skipped);
        let seconds = started.elapsed().as_secs_f64();
        self.metrics.execution_seconds.observe(seconds);
        let (number, height) = (block.number, block.height);
        tracing::info!(number, hash = %block.hash, height, applied, skipped, pin = block.pin, "block");
        if number.is_multiple_of(TRIM_EVERY) {
            self.node.storage().trim_undo(self.node.levels().safe)?;
        }
        self.note_l1()
    }

    /// Takes blocks off until derivation can go on. RN3
    fn roll_back(&mut self, rollback: RollBack) -> Result<(), Trouble> {
        let storage = self.node.storage().clone();
        let from = self.node.levels().latest;
        loop {
            let view = storage.view();
            let cursor: Cursor = decode(&view.cursor()?)?;
            if rollback.keeps(&cursor) {
                break;
            }
            let (head, safe) = (view.head()?, self.node.levels().safe);
            if head <= safe {
                return Err(Trouble::Fatal(ExecutorError::Derivation(format!(
                    "the L1 asks to undo block {head}, which was safe: {rollback:?}. Its endpoints told this node something else before; look at them, and build the node anew in an empty directory"
                ))));
            }
            storage.undo()?;
            self.metrics.undone.inc();
        }
        let to = storage.view().head()?;
        self.node.rolled_back(to);
        tracing::warn!(
            from,
            to,
            ?rollback,
            "the L1 undid blocks that were not safe"
        );
        let cursor: Cursor = decode(&storage.view().cursor()?)?;
        let resumed = self.derivation.rolled_back(cursor);
        resumed.map_err(other_rollup)?;
        self.l1_known = storage.view().l1_known(self.derivation.l1_base())?;
        self.source.restart(self.derivation.follower().clone());
        Ok(())
    }

    /// Looks at the L1 though nothing asks for it: levels, and pins.
    async fn look(&mut self) -> Result<(), Trouble> {
        if self.l1.is_none() {
            return Ok(());
        }
        if let Some(by) = self.newest.clone()
            && by.header.l1_finalized.number > self.l1_known
        {
            return self.read_attested(&by).await;
        }
        if self.attested_at.elapsed() >= UNATTESTED {
            return self.read_agreed().await;
        }
        Ok(())
    }

    /// Reads all that the L1 has, attested or not, because the derivation can't go on without.
    async fn read_all(&mut self) -> Result<(), Trouble> {
        // A sequencer that is gone, or an L1 that has forgotten the state which its last header names, hinders nothing:
        // pins are made for that time.
        let asked = timeout(HEAD, self.source.head()).await;
        let newest = asked.ok().and_then(Result::ok).or(self.newest.clone());
        let mut read = Ok(());
        if let Some(newest) = newest
            && newest.header.l1_finalized.number >= self.l1_known
        {
            read = self.read_attested(&newest).await;
        }
        if let Err(Trouble::Fatal(_)) = read {
            return read;
        }
        self.read_agreed().await?;
        if self.derivation.step() != Step::Need(Need::View) {
            return Ok(());
        }
        read?;
        let reason = "its final blocks do not have a pin that they had before";
        Err(Trouble::Passing("l1", reason.into()))
    }

    /// Reads the L1 block that a final header names.
    async fn read_attested(&mut self, by: &VerifiedBlock) -> Result<(), Trouble> {
        // What was read after that block would look like a lie of the L1's.
        if by.header.l1_finalized.number < self.l1_known {
            let reason = "its newest block names an older L1 block than was read already";
            return Err(Trouble::Passing("sequencer", reason.into()));
        }
        let Some(l1) = &mut self.l1 else {
            return Err(Trouble::Passing("l1", "the rollup has no L1".into()));
        };
        let base = self.derivation.l1_base();
        let view = l1.view(At::Attested(by), base, self.l1_known).await;
        let view = view?;
        let number = view.number();
        self.stand(&view);
        self.take(Fact::L1(view))?;
        self.l1_known = self.l1_known.max(number);
        self.attested_at = Clock::now();
        self.raise()?;
        self.note_l1()
    }

    /// Reads the newest block that the endpoints agree on.
    async fn read_agreed(&mut self) -> Result<(), Trouble> {
        let Some(l1) = &mut self.l1 else {
            return Ok(());
        };
        let no_majority = || {
            Trouble::Passing(
                "l1",
                "no majority of the L1 endpoints agrees on a final block".into(),
            )
        };
        let (number, hash) = l1.finalized().await.ok_or_else(no_majority)?;
        if number <= self.l1_known {
            self.well("l1");
            return Ok(());
        }
        let base = self.derivation.l1_base();
        let view = l1.view(At::Agreed(number, hash), base, self.l1_known).await;
        let view = view?;
        self.stand(&view);
        self.take(Fact::L1(view))?;
        Ok(())
    }

    fn stand(&mut self, view: &rollup_derive::L1View) {
        let endpoints = self.l1.as_ref().map_or(0, |l1| l1.endpoints().asked());
        self.well("l1");
        self.board.l1(L1Standing {
            block: view.number(),
            is_attested: view.is_attested(),
            light_client: view.light_client().0,
            inbox: view.advanced().0,
            messages: view.head().queue.count,
            pins: view.head().pins.count,
            endpoints: endpoints as u64,
        });
    }

    /// Raises the levels to what the L1 says, unless it says first that blocks have to be undone: they are not what it
    /// covers.
    fn raise(&mut self) -> Result<(), Trouble> {
        if matches!(self.derivation.step(), Step::RollBack(_)) {
            return Ok(());
        }
        let levels = self.derivation.levels();
        let view = self.node.view();
        let safe = view.newest_where(|block| levels.is_safe(block.place()))?;
        let finalized = view.newest_where(|block| levels.is_finalized(block.place()))?;
        self.node.raise(safe, finalized)?;
        self.node.storage().trim_undo(self.node.levels().safe)?;
        Ok(())
    }

    /// Notes how far the L1 was read once everything in it is executed: a start then reads on from there.
    fn note_l1(&self) -> Result<(), Trouble> {
        let base = self.derivation.l1_base();
        if self.l1.is_some() && self.derivation.cursor().base() == base {
            self.node.storage().keep_l1(base, self.l1_known)?;
        }
        Ok(())
    }
}

/// Why a turn failed.
enum Trouble {
    /// Trying again may help.
    Passing(&'static str, String),
    /// It does not.
    Fatal(ExecutorError),
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Fatal(error.into())
    }
}

impl From<ExecutorError> for Trouble {
    fn from(error: ExecutorError) -> Self {
        Self::Fatal(error)
    }
}

impl From<L1ReadError> for Trouble {
    fn from(error: L1ReadError) -> Self {
        let reason = error.to_string();
        match error {
            L1ReadError::Unread { .. } => Self::Passing("l1", reason),
            L1ReadError::OtherNetwork(_) => Self::Fatal(ExecutorError::Definition(reason)),
        }
    }
}

impl From<SourceError> for Trouble {
    fn from(error: SourceError) -> Self {
        if error.is_final() {
            return Self::Fatal(ExecutorError::Derivation(error.to_string()));
        }
        Self::Passing("sequencer", error.to_string())
    }
}

fn other_rollup(error: CursorError) -> ExecutorError {
    ExecutorError::Derivation(error.to_string())
}

pub(crate) fn encode(cursor: &Cursor) -> Vec<u8> {
    borsh::to_vec(cursor).expect("writing to memory does not fail")
}

pub(crate) fn decode(bytes: &[u8]) -> Result<Cursor, StorageError> {
    borsh::from_slice(bytes).map_err(|error| StorageError::damaged("the cursor", error))
}
