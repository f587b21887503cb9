//! Blocks that the light client on an L1 knows to be final.
//!
//! The contract keeps, for some blocks, one word: keccak(block hash || history root). Whoever reads that word from an L1
//! node it believes can open it with the block's header, and with it every earlier block.

use hotshot_types::{Hash, Header, digest::keccak_concat, mountain_range::HeaderProof};

use crate::verified::{FinalBlock, VerifiedBlock};

/// Why a header is not what the light client stores, or not before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorError {
    /// The word is that of another block.
    #[error("the light client stores {stored}, the header at height {height} gives {found}")]
    OtherEntry {
        /// The header's height.
        height: hotshot_types::Height,
        /// What the contract has.
        stored: Hash,
        /// What the header gives.
        found: Hash,
    },
    /// The header is not the anchor's, and no path was given.
    #[error("the header at height {0} is not the one that the light client stores")]
    OtherBlock(hotshot_types::Height),
    /// The path does not lead from the header to the anchor's history.
    #[error("the header at height {0} is not in the history of the light client's block")]
    NotInHistory(hotshot_types::Height),
}

/// A block that the light client stores. A trust root: whoever opens one believes whoever said what the contract has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    block: FinalBlock,
}

impl Anchor {
    /// Opens what `entryAt` of the contract `LightClient` says with the header of the block.
    ///
    /// # Errors
    /// The entry is of another block.
    pub fn open(entry: Hash, header: Header) -> Result<Self, AnchorError> {
        let hash = header.hash();
        let found = keccak_concat(&[&hash.0, &header.history_root.0]);
        if found != entry {
            return Err(AnchorError::OtherEntry {
                height: header.height,
                stored: entry,
                found,
            });
        }
        Ok(Self {
            block: FinalBlock { hash, header },
        })
    }

    /// The block.
    #[must_use]
    pub fn block(&self) -> &FinalBlock {
        &self.block
    }

    /// The header is the anchor's own, or `path` shows that it stands in the anchor's history.
    pub(crate) fn check(
        &self,
        header: &Header,
        hash: Hash,
        path: Option<&HeaderProof>,
    ) -> Result<(), AnchorError> {
        let Some(path) = path else {
            let is_it = hash == self.block.hash;
            return is_it
                .then_some(())
                .ok_or(AnchorError::OtherBlock(header.height));
        };
        let is_before = path.height == header.height
            && path.count == self.block.header.height.0
            && path.verify(self.block.header.history_root, hash);
        is_before
            .then_some(())
            .ok_or(AnchorError::NotInHistory(header.height))
    }
}

impl VerifiedBlock {
    /// Checks a header against the light client's block: it is that block, or `path` proves it an ancestor.
    ///
    /// # Errors
    /// It is neither.
    pub fn by_anchor(
        anchor: &Anchor,
        header: Header,
        path: Option<&HeaderProof>,
    ) -> Result<Self, AnchorError> {
        let hash = header.hash();
        anchor.check(&header, hash, path)?;
        Ok(Self::checked(FinalBlock { hash, header }))
    }
}
