//! One moment of the rollup, and what block a request means in it.

use alloy_consensus::Header;
use alloy_primitives::Sealed;
use rollup_evm::{
    Evm,
    view::{StateAt, View},
};
use rollup_node::{Levels, Node};

use super::{
    block_id::{BlockId, BlockTag},
    error::{Error, internal, not_found},
    transaction::Place,
};

/// One moment of the rollup.
pub(crate) struct Snapshot {
    node: Node<Evm>,
    stored: rollup_node::View,
    levels: Levels,
}

impl Snapshot {
    pub(crate) fn new(node: &Node<Evm>) -> Self {
        // The levels first: what they name is then in the snapshot, unless it was rolled back, which the smaller of
        // the two heights accounts for.
        let levels = node.levels();
        Self {
            levels,
            stored: node.view(),
            node: node.clone(),
        }
    }

    /// What the machine stored.
    pub(crate) fn view(&self) -> View<'_> {
        View::new(self.node.vm(), &self.stored)
    }

    /// The number of the newest block.
    pub(crate) fn head(&self) -> Result<u64, Error> {
        self.view().head().map_err(internal)
    }

    /// The number that a tag stands for now; it may be above the head if it is given as a number.
    pub(crate) fn place(&self, tag: BlockTag) -> Result<u64, Error> {
        Ok(match tag {
            BlockTag::Number(number) => number,
            BlockTag::Earliest => 0,
            BlockTag::Latest | BlockTag::Pending => self.head()?,
            BlockTag::Safe => self.levels.safe.min(self.head()?),
            BlockTag::Finalized => self.levels.finalized.min(self.head()?),
        })
    }

    /// The block that a request means, none if this node doesn't have it.
    pub(crate) fn number(&self, id: BlockId) -> Result<Option<u64>, Error> {
        match id {
            BlockId::Tag(tag) => {
                let number = self.place(tag)?;
                Ok((number <= self.head()?).then_some(number))
            }
            BlockId::Hash(hash) => self.view().number_of(hash).map_err(internal),
        }
    }

    /// The header of the block that a request means, none if this node doesn't have it.
    pub(crate) fn header(&self, id: BlockId) -> Result<Option<Sealed<Header>>, Error> {
        match self.number(id)? {
            Some(number) => self.view().header(number).map_err(internal),
            None => Ok(None),
        }
    }

    /// The state after the block that a request means.
    ///
    /// # Errors
    /// This node doesn't have the block.
    pub(crate) fn at(&self, id: BlockId) -> Result<StateAt<'_>, Error> {
        let number = self.number(id)?.ok_or_else(|| not_found(id))?;
        self.view()
            .at(number)
            .map_err(internal)?
            .ok_or_else(|| not_found(id))
    }
}

/// Where a header's block is.
pub(crate) fn place(header: &Sealed<Header>) -> Place {
    Place {
        number: header.number,
        hash: header.seal(),
        timestamp: header.timestamp,
    }
}
