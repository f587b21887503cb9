//! What the events of a stream are made of.

use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Height;
use sequencer_client::{
    Base64,
    types::{BlockWithPayload, NamespaceHead, ProblemCode, event},
};
use tokio::time::Instant;

use super::{super::extract::BlockName, frame};
use crate::api::{Context, Reader, namespaces::Proofs, refusal::Refusal};

/// Headers that are read at once.
const HEADERS: u64 = 50;

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

/// The next events.
pub(super) struct Step {
    /// In their order.
    pub(super) frames: Vec<Bytes>,
    /// The height to go on with.
    pub(super) next: Height,
    /// When to look again even if no block comes.
    pub(super) again: Option<Instant>,
}

impl Step {
    pub(super) fn idle(next: Height, again: Option<Instant>) -> Self {
        Self {
            frames: Vec::new(),
            next,
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

    /// Whether there may be something to send although no new block came.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
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
        match self {
            Self::Blocks => context.read(move |reader| blocks(reader, next)).await,
            Self::Headers => {
                context
                    .read(move |reader| headers(reader, next, served))
                    .await
            }
            Self::Namespace(namespace) => {
                let before = namespace.clone();
                let interval = context.bounds().head_interval;
                let (after, step) = context
                    .read(move |reader| before.step(reader, next, served, now, interval))
                    .await?;
                *namespace = after;
                Ok(step)
            }
        }
    }
}

fn blocks(reader: &Reader, next: Height) -> Result<Step, Refusal> {
    let header = reader.header(BlockName::Height(next))?;
    let payload = match reader.open(&header) {
        Ok(opened) => Some(Base64(opened.payload.bytes().clone())),
        Err(refusal) if refusal.problem().code == ProblemCode::Pruned => None,
        Err(refusal) => return Err(refusal),
    };
    let block = BlockWithPayload {
        block: reader.block(&header)?,
        payload,
    };
    let frames = vec![frame(event::BLOCK, next, &block)?];
    Ok(Step {
        frames,
        next: next.next(),
        again: None,
    })
}

fn headers(reader: &Reader, next: Height, served: Height) -> Result<Step, Refusal> {
    let last = next.plus(HEADERS - 1).min(served);
    let mut frames = Vec::new();
    for height in next.0..=last.0 {
        let header = reader.header(BlockName::Height(Height(height)))?;
        frames.push(frame(
            event::BLOCK,
            Height(height),
            &reader.block(&header)?,
        )?);
    }
    Ok(Step {
        frames,
        next: last.next(),
        again: None,
    })
}

impl Namespace {
    /// The next block of the namespace; if there is none, how far that is so, at most once an interval.
    fn step(
        mut self,
        reader: &Reader,
        next: Height,
        served: Height,
        now: Instant,
        interval: std::time::Duration,
    ) -> Result<(Self, Step), Refusal> {
        if next <= served {
            reader.has_index(next)?;
            let found = reader.storage().namespace_blocks(self.id, next, 1)?;
            if let Some((height, _)) = found.first().filter(|(height, _)| *height <= served) {
                let frames = vec![self.block(reader, *height)?];
                // A reader wants to know soon that nothing is missing before this block.
                self.tell_at.get_or_insert(now);
                let again = self.tell_at;
                return Ok((
                    self,
                    Step {
                        frames,
                        next: height.next(),
                        again,
                    },
                ));
            }
        }
        // Nothing up to `served`. A reader that is ahead of the chain has nothing to be told, and genesis has no
        // certificate to tell it with.
        let next = next.max(served.next());
        let is_known = self.told.is_some_and(|told| told >= served);
        if is_known || next > served.next() || served == Height(0) {
            self.tell_at = None;
            return Ok((self, Step::idle(next, None)));
        }
        let due = *self.tell_at.get_or_insert(now);
        if due > now {
            return Ok((self, Step::idle(next, Some(due))));
        }
        let frames = vec![self.head(reader, served)?];
        self.told = Some(served);
        self.tell_at = Some(now + interval);
        let again = self.tell_at;
        Ok((
            self,
            Step {
                frames,
                next,
                again,
            },
        ))
    }

    fn block(&mut self, reader: &Reader, height: Height) -> Result<Bytes, Refusal> {
        let block = reader.namespace_block(height, self.id, self.proofs)?;
        self.reader_knows(block.finality.as_ref());
        frame(event::BLOCK, height, &block)
    }

    fn head(&mut self, reader: &Reader, height: Height) -> Result<Bytes, Refusal> {
        let header = reader.header(BlockName::Height(height))?;
        let finality = self
            .proofs
            .0
            .map(|epoch| reader.finality(epoch, height))
            .transpose()?;
        let accumulator = self
            .proofs
            .0
            .map(|_| reader.accumulator(&header, self.id))
            .transpose()?;
        self.reader_knows(finality.as_ref());
        let head = NamespaceHead {
            height,
            namespace: self.id,
            finality,
            accumulator,
        };
        frame(event::HEAD, height, &head)
    }

    /// The reader checks events in their order, so the next proof may start where this one ends.
    fn reader_knows(&mut self, proof: Option<&hotshot_types::finality::FinalityProof>) {
        if let Some(proof) = proof {
            self.proofs = Proofs(Some(proof.certificate.round().epoch));
        }
    }
}
