//! Headers and verdicts coming in: V4, V6 and V8 as far as the state machine sees them.

use std::sync::Arc;

use hotshot_types::{Header, SealedHeader, Statement};

use super::Replica;
use crate::{Outbox, Output, chain::Block};

/// How many fetches may be outstanding; the oldest hashes are forgotten, not the fetches.
const MAX_ASKED: usize = 256;
/// How far above the tip missing parents are fetched one by one.
const MAX_WALK: u64 = 64;

impl Replica {
    /// Adds an authentic header: proposed by its leader, or named by a certificate or by a header
    /// that is.
    pub(super) fn on_header(&mut self, header: SealedHeader, outbox: &mut Outbox) {
        self.asked_headers.remove(&header.hash());
        if header.height <= self.chain.tip().height {
            return;
        }
        match self.chain.add(header) {
            Ok(added) => {
                for header in added {
                    self.on_connected(&header, outbox);
                }
            }
            Err((missing, height)) if height.above(self.chain.tip().height) <= MAX_WALK => {
                self.fetch_header(missing, outbox);
            }
            // Further away, a finality certificate fetches the range.
            Err(_) => {}
        }
    }

    fn on_connected(&mut self, header: &Arc<SealedHeader>, outbox: &mut Outbox) {
        let certified: Vec<Statement> = self
            .rounds
            .iter()
            .flat_map(|(_, state)| {
                let quorum = state.quorum.as_ref().map(|qc| qc.statement);
                let finality = state.finality.as_ref().map(|fc| fc.statement);
                quorum.into_iter().chain(finality)
            })
            .filter(|statement| statement.hash == header.hash())
            .collect();
        for statement in certified {
            self.note_certified(statement, outbox);
        }
    }

    /// A run of headers up to a certified block; taken only if it is one chain that ends in the
    /// block whose finality is unsettled, which makes all of it authentic.
    pub(super) fn on_headers(&mut self, headers: Vec<Header>, outbox: &mut Outbox) {
        let Some(fc) = self.unsettled.clone() else {
            return;
        };
        let headers: Vec<SealedHeader> = headers.into_iter().map(Header::seal).collect();
        let is_chain = headers
            .windows(2)
            .all(|pair| pair[1].parent_hash == pair[0].hash());
        if !is_chain || headers.last().map(SealedHeader::hash) != Some(fc.hash()) {
            return;
        }
        let tip = Arc::clone(self.chain.tip());
        for header in headers {
            if header.height == tip.height.next() && header.parent_hash != tip.hash() {
                // A final block on a branch that left final history.
                self.halt_on(&fc, outbox);
                return;
            }
            self.on_header(header, outbox);
        }
        self.settle_finality(outbox);
    }

    pub(super) fn fetch_header(&mut self, hash: hotshot_types::Hash, outbox: &mut Outbox) {
        if self.chain.has_header(hash) || !self.asked_headers.insert(hash) {
            return;
        }
        if self.asked_headers.len() > MAX_ASKED {
            self.asked_headers.pop_first();
        }
        outbox.push(Output::FetchHeader(hash));
    }

    /// V8: whatever has a certificate is fetched until it is good, across views. Its parent was
    /// found good by honest voters.
    pub(super) fn note_certified(&mut self, statement: Statement, outbox: &mut Outbox) {
        if statement.height <= self.chain.tip().height {
            return;
        }
        let Some(Block {
            header,
            verdict,
            certified,
            ..
        }) = self.chain.get_mut(statement.hash)
        else {
            return self.fetch_header(statement.hash, outbox);
        };
        let header = Arc::clone(header);
        if !*certified {
            *certified = true;
            if verdict.is_none() {
                outbox.push(Output::Retrieve(Arc::clone(&header)));
            }
        }
        if let Some(parent) = self.chain.get_mut(header.parent_hash) {
            parent.vouched = true;
        }
    }
}
