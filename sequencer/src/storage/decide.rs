//! How final blocks are written.

use std::sync::Arc;

use hotshot_types::{
    FinalityCertificate, Hash, Height, SealedHeader, codec, mountain_range::MountainRange,
};

use super::{
    Batch, StorageError,
    batch::Chain,
    spaces::{Space, block_key_of, height_key, position_key, split_block_key},
};

impl Batch {
    pub(super) fn put_genesis(&mut self, genesis: &SealedHeader) {
        let mut history = MountainRange::new();
        self.put_final(genesis, &mut history);
        self.changes.chain = Some(Chain {
            tip: (genesis.height, genesis.hash()),
            history,
        });
        self.changes.map = Some(genesis.height);
        self.start_index(genesis.height);
    }

    fn put_final(&mut self, header: &SealedHeader, history: &mut MountainRange) {
        self.put(
            Space::Headers,
            height_key(header.height),
            codec::encode(header.header()),
        );
        self.put_height(header);
        for (position, node) in history.append(header.hash()) {
            self.put(Space::History, position_key(position), node.0);
        }
    }

    /// Final headers on the tip that were checked to extend it, without a certificate of their own.
    pub(super) fn put_chain(&mut self, blocks: &[SealedHeader]) -> Result<(), StorageError> {
        let mut chain = self.chain().ok_or(StorageError::Uninitialized)?;
        for block in blocks {
            self.put_final(block, &mut chain.history);
            chain.tip = (block.height, block.hash());
        }
        self.changes.chain = Some(chain);
        Ok(())
    }

    pub(super) fn put_certificate(&mut self, certificate: &FinalityCertificate) {
        self.put(
            Space::Certificates,
            height_key(certificate.height()),
            codec::encode(certificate),
        );
    }

    pub(super) fn chain(&self) -> Option<Chain> {
        if let Some(chain) = &self.changes.chain {
            return Some(chain.clone());
        }
        let progress = self.storage.progress();
        progress.tip.map(|tip| Chain {
            tip,
            history: progress.history.clone(),
        })
    }

    /// The highest final height once this batch is committed.
    pub(super) fn tip_height(&self) -> Result<Height, StorageError> {
        let chain = self.chain().ok_or(StorageError::Uninitialized)?;
        Ok(chain.tip.0)
    }

    /// Blocks that have become final, by ascending height from the one after the tip, with the
    /// certificate on the last. Whatever else is stored at these heights is dropped.
    ///
    /// # Errors
    /// Blocks that don't extend the tip one after the other, or a certificate on another block:
    /// the caller is wrong, and the batch must not be committed.
    pub fn decide(
        &mut self,
        blocks: &[Arc<SealedHeader>],
        certificate: &FinalityCertificate,
    ) -> Result<(), StorageError> {
        let mut chain = self.chain().ok_or(StorageError::Uninitialized)?;
        let before = chain.tip.0;
        for block in blocks {
            let fits = block.height == chain.tip.0.next()
                && block.parent_hash == chain.tip.1
                && block.history_root == chain.history.root();
            if !fits {
                return Err(StorageError::OutOfOrder(format!(
                    "block {} at height {} does not extend the tip {} at height {}",
                    block.hash(),
                    block.height,
                    chain.tip.1,
                    chain.tip.0
                )));
            }
            self.put_final(block, &mut chain.history);
            chain.tip = (block.height, block.hash());
        }
        if (certificate.height(), certificate.hash()) != chain.tip {
            return Err(StorageError::OutOfOrder(format!(
                "the certificate is on block {}, the last final block is {}",
                certificate.hash(),
                chain.tip.1
            )));
        }
        self.put_certificate(certificate);
        let decided: Vec<(Height, Hash)> = blocks
            .iter()
            .map(|block| (block.height, block.hash()))
            .collect();
        self.clear_pending(before, &decided)?;
        self.changes.chain = Some(chain);
        Ok(())
    }

    /// Removes the pending headers of the heights just decided, and all of those blocks that lost.
    fn clear_pending(
        &mut self,
        before: Height,
        decided: &[(Height, Hash)],
    ) -> Result<(), StorageError> {
        let Some((tip, _)) = decided.last() else {
            return Ok(());
        };
        let range = height_key(before.next()).to_vec()..height_key(tip.next()).to_vec();
        let pending = self.storage.0.spaces.get(Space::Pending);
        let mut keys = Vec::new();
        for guard in pending.range(range.clone()) {
            keys.push(guard.key().map_err(StorageError::Read)?);
        }
        let here = self
            .items
            .iter()
            .filter(|item| item.space == Space::Pending);
        keys.extend(
            here.map(|item| item.key.clone())
                .filter(|key| range.contains(&key.to_vec())),
        );
        for key in keys {
            let block = split_block_key(&key)?;
            if !decided.contains(&block) {
                self.remove(Space::Heights, block.1.0.as_slice());
                self.remove(Space::Payloads, block_key_of(block.0, block.1));
                self.remove(Space::Slots, block_key_of(block.0, block.1));
            }
            self.remove(Space::Pending, key);
        }
        Ok(())
    }
}
