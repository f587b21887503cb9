//! Blocks of the namespace that were told and not executed.

use std::collections::VecDeque;

use hotshot_types::Height;
use sequencer_proof::{FollowError, Follower, VerifiedBlock, VerifiedBody, VerifiedSummary};

/// Blocks, and bytes of them, that are kept; of others only the height is, and they are asked for again.
const KEPT_BLOCKS: usize = 1_024;
const KEPT_BYTES: usize = 16 << 20;

/// Where the derivation may move next.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// The next block that holds the namespace.
    Block(VerifiedBlock, VerifiedBody),
    /// The same, without what is in it.
    Again(Height),
    /// The last header up to which nothing is missing.
    Complete(VerifiedBlock),
}

impl Stop {
    pub(super) fn height(&self) -> Height {
        match self {
            Self::Block(block, _) | Self::Complete(block) => block.header.height,
            Self::Again(height) => *height,
        }
    }
}

#[derive(Clone, Debug)]
struct Held {
    height: Height,
    content: Option<Box<(VerifiedBlock, VerifiedBody)>>,
}

/// Blocks by rising height. Those above `confirmed` wait for the summary that shows that none is missing.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    held: VecDeque<Held>,
    bytes: usize,
    kept: usize,
    confirmed: Follower,
    ahead: Follower,
    /// The header at the height confirmed, if that is no block of the namespace.
    complete: Option<VerifiedBlock>,
}

impl Blocks {
    pub(super) fn new(start: Follower) -> Self {
        Self {
            held: VecDeque::new(),
            bytes: 0,
            kept: 0,
            confirmed: start.clone(),
            ahead: start,
            complete: None,
        }
    }

    pub(super) fn follower(&self) -> &Follower {
        &self.ahead
    }

    fn is_below_bound(&self) -> bool {
        self.kept < KEPT_BLOCKS && self.bytes < KEPT_BYTES
    }

    /// Takes the next block, or one that was asked for again.
    pub(super) fn take(
        &mut self,
        block: VerifiedBlock,
        body: VerifiedBody,
    ) -> Result<(), FollowError> {
        let height = block.header.height;
        if let Some(held) = self.asked(height) {
            let length = body.bytes().len();
            held.content = Some(Box::new((block, body)));
            (self.kept, self.bytes) = (self.kept + 1, self.bytes + length);
            return Ok(());
        }
        let mut ahead = self.ahead.clone();
        ahead.accept(&block.header, body.leaf())?;
        if let Some(entry) = body.summary() {
            let checked = ahead.check(&block.header, entry);
            self.settled(checked)?;
        }
        let is_confirmed = body.summary().is_some();
        self.ahead = ahead;
        let content = self.is_below_bound().then(|| {
            (self.kept, self.bytes) = (self.kept + 1, self.bytes + body.bytes().len());
            Box::new((block, body))
        });
        self.held.push_back(Held { height, content });
        if is_confirmed {
            self.confirmed = self.ahead.clone();
            self.complete = None;
        }
        Ok(())
    }

    /// The first block, if it is this one and was not kept. Its header is proven by itself, so it is the one that was told
    /// before: no two blocks are final at one height.
    fn asked(&mut self, height: Height) -> Option<&mut Held> {
        let first = self.held.front_mut()?;
        (first.height == height && first.content.is_none()).then_some(first)
    }

    /// Compares with a summary: everything up to its block was told, or something is wrong with the blocks since the last.
    pub(super) fn complete(&mut self, summary: &VerifiedSummary) -> Result<(), FollowError> {
        let mut ahead = self.ahead.clone();
        let checked = ahead.check(&summary.header, summary.entry());
        self.settled(checked)?;
        self.ahead = ahead;
        self.confirmed = self.ahead.clone();
        self.complete = Some(summary.block().clone());
        Ok(())
    }

    /// A summary that does not fit takes back every block since the last one that did.
    fn settled(&mut self, checked: Result<(), FollowError>) -> Result<(), FollowError> {
        if checked.is_err() {
            let confirmed = self.confirmed.height();
            while self.held.back().is_some_and(|held| held.height > confirmed) {
                let held = self.held.pop_back();
                self.discount(held);
            }
            self.ahead = self.confirmed.clone();
        }
        checked
    }

    fn discount(&mut self, held: Option<Held>) {
        if let Some(content) = held.and_then(|held| held.content) {
            (self.kept, self.bytes) = (self.kept - 1, self.bytes - content.1.bytes().len());
        }
    }

    /// The next place to move to from a height.
    pub(super) fn next(&self, from: Height) -> Option<Stop> {
        let confirmed = self.confirmed.height();
        match self.held.front() {
            Some(held) if held.height <= confirmed => Some(match &held.content {
                Some(content) => Stop::Block(content.0.clone(), content.1.clone()),
                None => Stop::Again(held.height),
            }),
            _ => self
                .complete
                .clone()
                .filter(|block| block.header.height > from)
                .map(Stop::Complete),
        }
    }

    /// Whether the next confirmed block is at this height.
    pub(super) fn is_block(&self, height: Height) -> bool {
        self.held.front().is_some_and(|held| held.height == height)
    }

    /// Drops what is not above a height.
    pub(super) fn forget(&mut self, height: Height) {
        while self.held.front().is_some_and(|held| held.height <= height) {
            let held = self.held.pop_front();
            self.discount(held);
        }
    }
}
