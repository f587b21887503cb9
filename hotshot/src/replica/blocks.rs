//! Headers and verdicts coming in: V4, V6 and V8 as far as the state machine sees them.

use std::sync::Arc;

use hotshot_types::{Header, SealedHeader, Statement};

use super::Replica;
use crate::{Outbox, Output, Verdict, chain::Block};

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

    /// A run of headers up to a certified block; taken only if it leads from the tip to the block
    /// whose finality is unsettled.
    pub(super) fn on_headers(&mut self, headers: Vec<Header>, outbox: &mut Outbox) {
        let (Some(certificate), Some(last)) = (&self.unsettled, headers.last()) else {
            return;
        };
        if last.hash() != certificate.hash() {
            return;
        }
        self.chain.extend(headers);
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

    /// V6 and V13: a bad payload of the current round ends it at once.
    pub(super) fn on_verdict(
        &mut self,
        hash: hotshot_types::Hash,
        verdict: Verdict,
        outbox: &mut Outbox,
    ) {
        let Some(block) = self.chain.get_mut(hash) else {
            return;
        };
        if block.verdict.is_some() {
            return;
        }
        block.verdict = Some(verdict);
        let round = self.round();
        let proposed_now = self
            .rounds
            .get(round)
            .is_some_and(|state| state.proposals.contains_key(&hash));
        if verdict == Verdict::Bad && proposed_now && self.record.last_timeout != Some(round) {
            self.time_out(round, outbox);
        }
    }
}
