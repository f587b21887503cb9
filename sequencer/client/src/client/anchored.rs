//! Reading under a block that the light client on an L1 stores: no certificate is looked at.

use da::NamespaceId;
use hotshot_types::{Epoch, Hash, Height};
use sequencer_proof::{Anchor, Follower, VerifiedBlock, VerifiedBody, VerifiedSummary};

use super::{BlockId, Client, ClientError};
use crate::types::{NamespaceBlock, ProblemCode};

/// Blocks that one request brings.
const PAGE: u32 = 100;

/// A part of a namespace's history under an anchor.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its blocks, by rising height.
    pub blocks: Vec<(VerifiedBlock, VerifiedBody)>,
    /// The summary at the end of the part. None where the node no longer keeps it, and not at the anchor itself.
    pub summary: Option<VerifiedSummary>,
    /// Where the next part starts; above the anchor if this is the last.
    pub next: Height,
    /// The position after it; compared with the summary if there was nothing missing before the part.
    pub follower: Follower,
}

impl Client {
    /// Opens what the light client stores of the block at a height.
    ///
    /// # Errors
    /// No answer, or another block than the light client's: then server and L1 contradict each other.
    pub async fn anchor(&self, height: Height, entry: Hash) -> Result<Anchor, ClientError> {
        let block = self.api().block(BlockId::Height(height)).await?;
        if block.header.height != height {
            return Err(ClientError::OtherSubject("block"));
        }
        Ok(Anchor::open(entry, block.header)?)
    }

    /// The block at a height up to the anchor's.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn block_under(
        &self,
        anchor: &Anchor,
        height: Height,
    ) -> Result<VerifiedBlock, ClientError> {
        let known = anchor.block();
        if height == known.header.height {
            return Ok(VerifiedBlock::by_anchor(
                anchor,
                known.header.clone(),
                None,
            )?);
        }
        let later = BlockId::Height(known.header.height);
        let answer = self.api().ancestor(later, height).await?;
        if answer.header.height != height {
            return Err(ClientError::OtherSubject("block"));
        }
        let block = VerifiedBlock::by_anchor(anchor, answer.header, Some(&answer.proof))?;
        Ok(block)
    }

    /// The summary of a namespace up to a block under the anchor.
    ///
    /// # Errors
    /// No answer, a false one, or the node no longer keeps it.
    async fn summary_under(
        &self,
        anchor: &Anchor,
        height: Height,
        namespace: NamespaceId,
    ) -> Result<VerifiedSummary, ClientError> {
        let id = BlockId::Height(height);
        let answer = self.api().accumulator(id, namespace).await?;
        let block = self.block_under(anchor, height).await?;
        Ok(VerifiedSummary::new(block, namespace, &answer.proof)?)
    }

    /// All transactions of a namespace in the block at a height; nothing if it has none.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn namespace_under(
        &self,
        anchor: &Anchor,
        height: Height,
        namespace: NamespaceId,
    ) -> Result<(VerifiedBlock, Option<VerifiedBody>), ClientError> {
        let answer = self
            .api()
            .namespace(BlockId::Height(height), namespace)
            .await?;
        let proof = answer.proof.ok_or(ClientError::Unproven("the namespace"))?;
        let block = self.block_under(anchor, height).await?;
        let body = VerifiedBody::new(&block, namespace, &answer.transactions, &proof)?;
        Ok((block, body))
    }

    /// The next part of a namespace's history from a height on, which is above the follower's. If nothing is missing up to
    /// the follower (`is_confirmed`), a summary that does not fit is this node's fault. Otherwise the summary is returned
    /// without a comparison.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn part_under(
        &self,
        anchor: &Anchor,
        follower: &Follower,
        from: Height,
        is_confirmed: bool,
    ) -> Result<Part, ClientError> {
        let (namespace, top) = (follower.namespace(), anchor.block().header.height);
        // The page's certificates are not needed; those from here on are the fewest.
        let epoch = Epoch::of(from, self.trust().epoch_length());
        let page = self
            .api()
            .namespace_blocks(namespace, from, PAGE, epoch)
            .await?;
        let mut follower = follower.clone();
        let mut blocks = Vec::new();
        for sent in page.blocks.iter().filter(|sent| sent.height <= top) {
            let (block, body) = self.checked_under(anchor, namespace, sent).await?;
            follower.accept(&block.header, body.leaf())?;
            blocks.push((block, body));
        }
        let end = page.next.previous().map_or(top, |end| end.min(top));
        if end < from || end < follower.height() {
            return Err(ClientError::OtherSubject("namespace"));
        }
        let summary = match self.summary_under(anchor, end, namespace).await {
            Ok(summary) => Some(summary),
            Err(ClientError::Refused(problem))
                if problem.code == ProblemCode::Pruned && end < top =>
            {
                None
            }
            Err(error) => return Err(error),
        };
        if let Some(summary) = summary.as_ref().filter(|_| is_confirmed) {
            follower.check(&summary.header, summary.entry())?;
        }
        Ok(Part {
            blocks,
            summary,
            next: end.next(),
            follower,
        })
    }

    async fn checked_under(
        &self,
        anchor: &Anchor,
        namespace: NamespaceId,
        sent: &NamespaceBlock,
    ) -> Result<(VerifiedBlock, VerifiedBody), ClientError> {
        let unproven = || ClientError::Unproven("the namespace");
        let proof = sent.proof.as_ref().ok_or_else(unproven)?;
        let block = self.block_under(anchor, sent.height).await?;
        let body = VerifiedBody::new(&block, namespace, &sent.transactions, proof)?;
        let body = body.ok_or(ClientError::OtherSubject("namespace"))?;
        Ok((block, body))
    }
}
