//! What the events of a stream are made of.

use std::sync::Arc;

use da::NamespaceId;
use hotshot_types::{Epoch, Height};
use sequencer_client::{
    Base64,
    types::{BlockWithPayload, NamespaceHead, ProblemCode, event},
};
use tokio::time::Instant;

use super::{super::extract::BlockName, event::Event};
use crate::api::{
    Context, Reader,
    namespaces::{Proofs, reached},
    refusal::Refusal,
};

/// Headers of older history that are read at once.
const HEADERS: u64 = 50;
/// Readers at most this many blocks behind share what they read.
const NEAR: u64 = 32;

/// Which events a stream has.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Every block with its payload.
    Blocks,
    /// Every header with its certificate.
    Headers,
    /// The blocks that hold a namespace.
    Namespace(Namespace),
}

/// A stream of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Namespace {
    id: NamespaceId,
    proofs: Proofs,
    /// The height up to which the reader was told that it has everything.
    told: Option<Height>,
    /// Not before this moment it is told again.
    tell_at: Option<Instant>,
}

/// What is read for a stream. The answer depends on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// A block with its payload.
    Block(Height),
    /// A header with its certificate.
    Header(Height),
    /// Headers from the first height to the second.
    Headers(Height, Height),
    /// The first block of a namespace in a range of heights.
    Next(NamespaceId, Proofs, Height, Height),
    /// That a namespace is read up to a height.
    Head(NamespaceId, Proofs, Height),
}

/// What was read.
#[derive(Debug)]
pub(super) struct Answer {
    /// In their order.
    pub(super) events: Vec<Event>,
    /// The height to go on with.
    pub(super) next: Height,
    /// The epoch up to which the events prove the committees.
    pub(super) reached: Option<Epoch>,
}

/// The next events of a stream.
pub(super) struct Step {
    /// In their order.
    pub(super) events: Vec<Event>,
    /// The height to go on with.
    pub(super) next: Height,
    /// When to look again even if no block comes.
    pub(super) again: Option<Instant>,
}

impl Answer {
    /// Bytes of its events.
    pub(super) fn size(&self) -> usize {
        self.events.iter().map(Event::size).sum()
    }

    fn one(event: Event, next: Height) -> Self {
        Self {
            events: vec![event],
            next,
            reached: None,
        }
    }
}

impl Step {
    pub(super) fn idle(next: Height, again: Option<Instant>) -> Self {
        Self {
            events: Vec::new(),
            next,
            again,
        }
    }

    fn of(answer: &Answer, again: Option<Instant>) -> Self {
        Self {
            events: answer.events.clone(),
            next: answer.next,
            again,
        }
    }
}

impl Source {
    pub(super) fn namespace(id: NamespaceId, proofs: Proofs) -> Self {
        // A reader that starts at the end of the chain is told so at once.
        Self::Namespace(Namespace {
            id,
            proofs,
            told: None,
            tell_at: Some(Instant::now()),
        })
    }

    /// When something is to be sent although no new block came.
    pub(super) fn due(&self) -> Option<Instant> {
        match self {
            Self::Blocks | Self::Headers => None,
            Self::Namespace(namespace) => namespace.tell_at,
        }
    }

    /// The events from `next` on, a few at a time, none above `served`.
    pub(super) async fn step(
        &mut self,
        context: &Context,
        next: Height,
        served: Height,
        now: Instant,
    ) -> Result<Step, Refusal> {
        let is_near = served.above(next) < NEAR;
        let question = match self {
            Self::Blocks => Question::Block(next),
            Self::Headers if is_near => Question::Header(next),
            Self::Headers => Question::Headers(next, next.plus(HEADERS - 1).min(served)),
            Self::Namespace(namespace) => return namespace.step(context, next, served, now).await,
        };
        let answer = ask(context, question, is_near).await?;
        Ok(Step::of(&answer, None))
    }
}

impl Namespace {
    /// The next block of the namespace; if there is none, how far that is so, at most once an interval.
    async fn step(
        &mut self,
        context: &Context,
        next: Height,
        served: Height,
        now: Instant,
    ) -> Result<Step, Refusal> {
        let is_near = served.above(next) < NEAR;
        if next <= served {
            let question = Question::Next(self.id, self.proofs, next, served);
            let answer = ask(context, question, is_near).await?;
            if !answer.events.is_empty() {
                self.reader_knows(&answer);
                // A reader wants to know soon that nothing is missing before this block.
                self.tell_at.get_or_insert(now);
                return Ok(Step::of(&answer, self.tell_at));
            }
        }
        // Nothing up to `served`. A reader that is ahead of the chain has nothing to be told, and genesis has no
        // certificate to tell it with.
        let next = next.max(served.next());
        let is_known = self.told.is_some_and(|told| told >= served);
        if is_known || next > served.next() || served == Height(0) {
            self.tell_at = None;
            return Ok(Step::idle(next, None));
        }
        let due = *self.tell_at.get_or_insert(now);
        if due > now {
            return Ok(Step::idle(next, Some(due)));
        }
        let question = Question::Head(self.id, self.proofs, served);
        let answer = ask(context, question, true).await?;
        self.reader_knows(&answer);
        self.told = Some(served);
        self.tell_at = Some(now + context.bounds().head_interval);
        Ok(Step::of(&answer, self.tell_at))
    }

    /// The reader checks events in their order, so the next proof may start where this one ends.
    fn reader_knows(&mut self, answer: &Answer) {
        if answer.reached.is_some() {
            self.proofs = Proofs(answer.reached);
        }
    }
}

async fn ask(
    context: &Context,
    question: Question,
    is_shared: bool,
) -> Result<Arc<Answer>, Refusal> {
    let read = || context.read(move |reader| question.answer(reader));
    if is_shared {
        context.0.shared.get(question, read).await
    } else {
        read().await.map(Arc::new)
    }
}

impl Question {
    fn answer(self, reader: &Reader) -> Result<Answer, Refusal> {
        match self {
            Self::Block(height) => block(reader, height),
            Self::Header(height) => headers(reader, height, height),
            Self::Headers(first, last) => headers(reader, first, last),
            Self::Next(id, proofs, first, last) => next(reader, id, proofs, first, last),
            Self::Head(id, proofs, height) => head(reader, id, proofs, height),
        }
    }
}

fn block(reader: &Reader, height: Height) -> Result<Answer, Refusal> {
    let header = reader.header(BlockName::Height(height))?;
    let payload = match reader.open(&header) {
        Ok(opened) => Some(Base64(opened.payload.bytes().clone())),
        Err(refusal) if refusal.problem().code == ProblemCode::Pruned => None,
        Err(refusal) => return Err(refusal),
    };
    let block = BlockWithPayload {
        block: reader.block(&header)?,
        payload,
    };
    let event = Event::new(event::BLOCK, height, &block)?;
    Ok(Answer::one(event, height.next()))
}

fn headers(reader: &Reader, first: Height, last: Height) -> Result<Answer, Refusal> {
    let mut events = Vec::new();
    for height in (first.0..=last.0).map(Height) {
        let header = reader.header(BlockName::Height(height))?;
        events.push(Event::new(event::BLOCK, height, &reader.block(&header)?)?);
    }
    Ok(Answer {
        events,
        next: last.next(),
        reached: None,
    })
}

/// No event if no block from `first` to `last` holds the namespace.
fn next(
    reader: &Reader,
    id: NamespaceId,
    proofs: Proofs,
    first: Height,
    last: Height,
) -> Result<Answer, Refusal> {
    reader.has_index(first)?;
    let found = reader.storage().namespace_blocks(id, first, 1)?;
    let Some((height, _)) = found.first().filter(|(height, _)| *height <= last) else {
        return Ok(Answer {
            events: Vec::new(),
            next: last.next(),
            reached: None,
        });
    };
    let mut block = reader.namespace_block(*height, id, proofs)?;
    if proofs.0.is_some() {
        let header = reader.header(BlockName::Height(*height))?;
        block.accumulator = match reader.accumulator(&header, id) {
            Ok(proof) => Some(proof),
            // An archive keeps blocks for longer than the maps at their heights; a later event makes up for it.
            Err(refusal) if refusal.problem().code == ProblemCode::Pruned => None,
            Err(refusal) => return Err(refusal),
        };
    }
    Ok(Answer {
        reached: reached(block.finality.as_ref()),
        ..Answer::one(Event::new(event::BLOCK, *height, &block)?, height.next())
    })
}

fn head(
    reader: &Reader,
    id: NamespaceId,
    proofs: Proofs,
    height: Height,
) -> Result<Answer, Refusal> {
    let header = reader.header(BlockName::Height(height))?;
    let finality = proofs
        .0
        .map(|epoch| reader.finality(epoch, height))
        .transpose()?;
    let accumulator = proofs
        .0
        .map(|_| reader.accumulator(&header, id))
        .transpose()?;
    let reached = reached(finality.as_ref());
    let head = NamespaceHead {
        height,
        namespace: id,
        finality,
        accumulator,
    };
    Ok(Answer {
        reached,
        ..Answer::one(Event::new(event::HEAD, height, &head)?, height.next())
    })
}
