//! Payloads, slots, the index, and the namespace map.

use std::collections::BTreeMap;

use da::{Coder, Commitments, CommittedPayload, NamespaceMap, NamespaceTree, Slots};
use hotshot_types::{Height, SealedHeader};

use super::Walk;
use crate::storage::{
    open::decode,
    spaces::{Space, height_key},
};

/// Entries of the map looked at in one step.
const ENTRIES: usize = 4_096;

impl Walk<'_> {
    /// What is stored of each final block's contents is what its header commits to. A payload that
    /// is not stored is no fault: it was pruned, or this node joined later.
    pub(super) fn contents(&mut self) {
        let mut coder = Coder::new();
        let kept = self.storage.cutoffs().unwrap_or_default();
        for height in 1..=self.tip.0 {
            let height = Height(height);
            let Ok(Some(header)) = self.storage.header(height) else {
                continue;
            };
            if header.payload_len > 0 {
                if let Some(tree) = self.payload(&mut coder, &header)
                    && height >= kept.transactions
                    && height <= self.storage.indexed_height()
                {
                    self.index(height, &tree);
                }
                if let Err(error) = self.storage.slots(&header) {
                    self.found
                        .fault(Space::Slots, Some(height), error.to_string());
                }
            }
            if height.0.is_multiple_of(64) {
                self.step("payloads", height.0, Some(self.tip.0));
            }
        }
    }

    fn payload(&mut self, coder: &mut Coder, header: &SealedHeader) -> Option<NamespaceTree> {
        let height = Some(header.height);
        let bytes = match self.storage.payload(header) {
            Ok(bytes) => bytes?,
            Err(error) => {
                self.found.fault(Space::Payloads, height, error.to_string());
                return None;
            }
        };
        let commitments = Commitments {
            payload_len: u64::from(header.payload_len),
            shard_root: header.shard_root.0,
            ns_root: header.ns_root.0,
        };
        let limits = self.limits;
        let slots = self.slots_of(header)?;
        match CommittedPayload::from_copy(coder, slots, &commitments, &bytes, &limits) {
            Ok(committed) => {
                self.found.payloads += 1;
                Some(committed.namespaces().clone())
            }
            Err(error) => {
                self.found.fault(Space::Payloads, height, error.to_string());
                None
            }
        }
    }

    /// How the payloads of a header's epoch are coded. None without its committee, which is told
    /// elsewhere.
    fn slots_of(&mut self, header: &SealedHeader) -> Option<&Slots> {
        let epoch = header.epoch;
        if self.slots.as_ref().is_none_or(|(known, _)| *known != epoch) {
            let info = self.storage.epoch(epoch).ok()??;
            let slots = Slots::new(&info.committee.weights()).ok()?;
            self.slots = Some((epoch, slots));
        }
        self.slots.as_ref().map(|(_, slots)| slots)
    }

    fn index(&mut self, height: Height, tree: &NamespaceTree) {
        for leaf in tree.leaves() {
            let key = [leaf.id.get().to_be_bytes(), height_key(height)].concat();
            let stored = self.storage.get(Space::Namespaces, key);
            let same = matches!(stored, Ok(Some(bytes))
                if decode::<da::NamespaceLeaf>("a namespace leaf", &bytes).is_ok_and(|stored| stored == *leaf));
            if !same {
                let reason = format!("namespace {} missing or another", leaf.id);
                self.found.fault(Space::Namespaces, Some(height), reason);
            }
            // The same bytes may be there twice; the index has the first.
            let mut firsts = BTreeMap::new();
            for (index, hash) in (0_u32..).zip(tree.tx_hashes(leaf.id).unwrap_or_default()) {
                let first = *firsts.entry(hash).or_insert(index);
                let stored = self.storage.transaction_in(hash, leaf.id, height);
                if !matches!(stored, Ok(Some(at)) if at.height == height && at.index == first) {
                    let reason = format!("transaction {} missing or another", hex::encode(hash));
                    self.found.fault(Space::Transactions, Some(height), reason);
                }
            }
        }
    }

    /// Every entry of the newest map is proven under its block's root.
    pub(super) fn map(&mut self) {
        let height = self.storage.map_height();
        let head = match self.storage.map_head(height) {
            Ok(Some(head)) => head,
            Ok(None) => {
                return self.found.fault(
                    Space::MapIndex,
                    Some(height),
                    "the newest version is missing",
                );
            }
            Err(error) => {
                return self
                    .found
                    .fault(Space::MapIndex, Some(height), error.to_string());
            }
        };
        let store = self.storage.map_store();
        let map = NamespaceMap::new(&store, head);
        let mut from = Some([0; 32]);
        while let Some(key) = from {
            let chunk = match map.chunk(key, ENTRIES) {
                Ok(chunk) => chunk,
                Err(error) => {
                    return self
                        .found
                        .fault(Space::Map, Some(height), error.to_string());
                }
            };
            for (id, entry) in &chunk.entries {
                let proven = map.prove(*id).is_ok_and(|proof| {
                    proof.entry() == Some(*entry) && proof.verify(&head.root, *id).is_ok()
                });
                if proven {
                    self.found.namespaces += 1;
                } else {
                    let reason = format!("namespace {id} is not proven under the block's root");
                    self.found.fault(Space::Map, Some(height), reason);
                }
            }
            self.step("namespaces", self.found.namespaces, None);
            from = chunk.next;
        }
    }
}
