//! Payloads of the blocks asked for last, taken apart: many readers want the same new block at once.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use da::{NamespaceTree, Payload};
use hotshot_types::{Hash, SealedHeader};

use super::{Reader, refusal::Refusal};

/// Blocks that are kept; each is at most a payload and its hashes.
const KEPT: usize = 8;

/// A payload with its namespace tree.
pub(super) struct Opened {
    pub(super) payload: Payload,
    pub(super) tree: NamespaceTree,
}

/// The last few of them.
#[derive(Default)]
pub(super) struct OpenedBlocks(Mutex<VecDeque<(Hash, Arc<Opened>)>>);

impl OpenedBlocks {
    fn get(&self, block: Hash) -> Option<Arc<Opened>> {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks
            .iter()
            .find(|(hash, _)| *hash == block)
            .map(|(_, opened)| Arc::clone(opened))
    }

    fn put(&self, block: Hash, opened: &Arc<Opened>) {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.push_back((block, Arc::clone(opened)));
        if blocks.len() > KEPT {
            blocks.pop_front();
        }
    }
}

impl Reader {
    /// The payload of a final block, taken apart.
    pub(super) fn open(&self, header: &SealedHeader) -> Result<Arc<Opened>, Refusal> {
        let block = header.hash();
        let cache = &self.context.0.opened;
        if let Some(opened) = cache.get(block) {
            return Ok(opened);
        }
        let payload = if header.payload_len == 0 {
            Payload::empty()
        } else {
            let bytes = self
                .storage()
                .payload(header)?
                .ok_or_else(|| Refusal::pruned("the payload", header.height))?;
            Payload::decode(bytes, &self.context.0.limits).map_err(Refusal::internal)?
        };
        let tree = NamespaceTree::new(&payload);
        if Hash(tree.root()) != header.ns_root {
            return Err(Refusal::internal("a stored payload is not its header's"));
        }
        let opened = Arc::new(Opened { payload, tree });
        cache.put(block, &opened);
        Ok(opened)
    }
}
