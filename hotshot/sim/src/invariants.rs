//! What must hold in every world, checked with arithmetic of its own.
//!
//! One chain; no honest key signs two things that contradict each other, or out of order; no
//! evidence against an honest key; every final payload can be recovered from what honest nodes
//! have stored; and, once the network has healed, progress.

use std::sync::Arc;

use hotshot::Fault;
use hotshot_types::{
    Epoch, FinalityCertificate, Hash, Height, Message, Round, SealedHeader,
    digest::{self, Tag},
    evidence::Evidence,
};

use crate::{
    disk::Stored,
    host::Host,
    keys::{self, Identity},
    schedule::Schedule,
};

mod accusation;
mod signatures;

use signatures::Signed;

/// What was broken.
#[derive(Debug, thiserror::Error)]
pub enum Violation {
    /// Two honest nodes decided different blocks.
    #[error("one chain: node {node} decided {second} at height {height}, where {first} is final")]
    Fork {
        /// Who decided second.
        node: usize,
        /// Where.
        height: Height,
        /// The block decided first.
        first: Hash,
        /// The other one.
        second: Hash,
    },
    /// A node's decisions are not consecutive.
    #[error("one chain: node {node} decided {hash} at height {height} on top of height {tip}")]
    Gap {
        /// Whose.
        node: usize,
        /// Its highest final block before.
        tip: Height,
        /// The height that was decided.
        height: Height,
        /// The block.
        hash: Hash,
    },
    /// A decision without a quorum behind it.
    #[error("one chain: node {node} decided height {height} with a certificate that {why}")]
    Certificate {
        /// Whose.
        node: usize,
        /// The height that was decided.
        height: Height,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An honest key signed two things of which an honest key signs one.
    #[error("contradiction: honest node {node} signed {what} in {round}")]
    Contradiction {
        /// Which node.
        node: usize,
        /// The round of the later one.
        round: Round,
        /// What.
        what: &'static str,
    },
    /// An honest node voted for what it could lose.
    #[error("durability: honest node {node} voted for {hash} before its {what} was durable")]
    Premature {
        /// Which node.
        node: usize,
        /// For which block.
        hash: Hash,
        /// What was not stored.
        what: &'static str,
    },
    /// Slots of a block that the host never heard of.
    #[error("contract: node {node} was told to echo {hash}, which its host does not know")]
    Echo {
        /// Which node.
        node: usize,
        /// Which block.
        hash: Hash,
    },
    /// Evidence names an honest key.
    #[error("honest keys: node {node} has evidence against honest node {accused}: {what}")]
    Accused {
        /// Who has it.
        node: usize,
        /// Who is accused.
        accused: usize,
        /// The evidence.
        what: String,
    },
    /// Evidence that does not verify.
    #[error("evidence: node {node} issued evidence whose signatures do not verify: {what}")]
    FalseEvidence {
        /// Who issued it.
        node: usize,
        /// The evidence.
        what: String,
    },
    /// An honest node blames another one.
    #[error("honest peers: node {node} blames honest node {peer} for {fault}")]
    Blamed {
        /// Who blames.
        node: usize,
        /// Who is blamed.
        peer: usize,
        /// For what.
        fault: Fault,
    },
    /// An honest node saw final history contradicted.
    #[error("one chain: node {node} halted")]
    Halted {
        /// Which.
        node: usize,
    },
    /// A final block whose payload is gone.
    #[error(
        "availability: honest nodes can't recover the payload of final block {hash} at height {height}"
    )]
    Unrecoverable {
        /// Where.
        height: Height,
        /// Which block.
        hash: Hash,
    },
    /// A healed network that does not move.
    #[error(
        "progress: node {node} is in round {round} at height {height} instead of {target}, {now_ms} ms into a network that healed at {healed_ms} ms"
    )]
    NoProgress {
        /// The slowest node.
        node: usize,
        /// Its highest final block.
        height: Height,
        /// Its round.
        round: Round,
        /// The height it had to reach.
        target: u64,
        /// When the network healed.
        healed_ms: u64,
        /// Now.
        now_ms: u64,
    },
    /// The state machine, or the world, failed an assertion.
    #[error("assertion: {0}")]
    Panicked(String),
}

/// Watches a world.
pub(crate) struct Law {
    domain: Hash,
    /// Final hashes by height.
    chain: Vec<Hash>,
    /// What each honest identity has signed.
    signed: Vec<Signed>,
    /// Whether an identity is honest.
    honest: Vec<bool>,
}

impl Law {
    pub(crate) fn new(schedule: &Schedule, identities: usize, byzantine: &[Identity]) -> Self {
        Self {
            domain: schedule.domain,
            chain: vec![schedule.genesis.hash()],
            signed: (0..identities).map(|_| Signed::default()).collect(),
            honest: (0..identities)
                .map(|identity| !byzantine.contains(&identity))
                .collect(),
        }
    }

    /// How many blocks are final, genesis not counted.
    pub(crate) fn height(&self) -> u64 {
        u64::try_from(self.chain.len() - 1).expect("a chain is short")
    }

    /// An honest node sends a message; `durable` is what its disk would keep in a crash.
    pub(crate) fn sent(
        &mut self,
        node: usize,
        identity: Identity,
        durable: &Stored,
        message: &Message,
    ) -> Result<(), Violation> {
        let hash = match message {
            Message::Vote1(vote) => vote.hash(),
            Message::Vote2(vote) => vote.hash(),
            _ => Hash::ZERO,
        };
        let missing = match message {
            Message::Vote1(_) if !durable.own.contains(&hash) => Some("own slots"),
            Message::Vote2(_) if !durable.good.contains(&hash) => Some("payload"),
            _ => None,
        };
        if let Some(what) = missing {
            return Err(Violation::Premature { node, hash, what });
        }
        self.signed[identity]
            .add(message)
            .map_err(|(round, what)| Violation::Contradiction { node, round, what })
    }

    /// An honest node with this tip decides blocks. True if some were not final before.
    pub(crate) fn decided(
        &mut self,
        node: usize,
        tip: &SealedHeader,
        blocks: &[Arc<SealedHeader>],
        certificate: &FinalityCertificate,
        schedule: &Schedule,
    ) -> Result<bool, Violation> {
        let mut before = (tip.height, tip.hash());
        let mut is_new = false;
        for block in blocks {
            let (height, hash) = (block.height, block.hash());
            if height.0 != before.0.0 + 1 || block.parent_hash != before.1 {
                let tip = before.0;
                return Err(Violation::Gap {
                    node,
                    tip,
                    height,
                    hash,
                });
            }
            let position = usize::try_from(height.0).expect("a chain is short");
            match self.chain.get(position) {
                Some(first) if *first != hash => {
                    return Err(Violation::Fork {
                        node,
                        height,
                        first: *first,
                        second: hash,
                    });
                }
                Some(_) => {}
                None => {
                    self.chain.push(hash);
                    is_new = true;
                }
            }
            before = (height, hash);
        }
        if let Some(why) = self.flaw(before, certificate, schedule) {
            let height = before.0;
            return Err(Violation::Certificate { node, height, why });
        }
        Ok(is_new)
    }

    /// What is wrong with a finality certificate on a block, if anything.
    fn flaw(
        &self,
        (height, hash): (Height, Hash),
        certificate: &FinalityCertificate,
        schedule: &Schedule,
    ) -> Option<&'static str> {
        let said = &certificate.statement;
        if (said.height, said.hash) != (height, hash) {
            return Some("is on another block");
        }
        if said.round.epoch.0 != height.0.div_ceil(schedule.epoch_length) {
            return Some("is of another epoch");
        }
        let digest = digest::statement(Tag::Final, self.domain, said.round, height, hash);
        let weights = schedule.weights(said.round.epoch);
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        let mut stake = 0;
        let mut sum = [0; 48];
        for (position, identity) in schedule.members(said.round.epoch).into_iter().enumerate() {
            let index = hotshot_types::ValidatorIndex::at(position);
            if certificate.signers.contains(index) {
                stake += u128::from(weights[identity]);
                for (sum, byte) in sum.iter_mut().zip(keys::sign(identity, &digest).0) {
                    *sum ^= byte;
                }
            }
        }
        if 3 * stake <= 2 * total {
            return Some("has no quorum");
        }
        (sum != certificate.signature.0).then_some("does not verify")
    }

    /// The moment blocks become final, honest members with a third of the stake hold the payload
    /// of the last one for good, and their own slots of the others.
    pub(crate) fn check_held(
        &self,
        blocks: &[Arc<SealedHeader>],
        schedule: &Schedule,
        nodes: &[Host],
    ) -> Result<(), Violation> {
        let last = blocks.last().map(|block| block.hash());
        for block in blocks {
            let (hash, height) = (block.hash(), block.height);
            let is_last = last == Some(hash);
            let is_held = schedule.is_third(block.epoch, |identity| {
                nodes.iter().any(|host| {
                    let durable = &host.disk.durable;
                    host.is_honest
                        && host.identity == identity
                        && if is_last {
                            durable.good.contains(&hash)
                        } else {
                            durable.own.contains(&hash)
                        }
                })
            });
            if !is_held {
                return Err(Violation::Unrecoverable { height, hash });
            }
        }
        Ok(())
    }

    /// At the end: each final payload is whole on an honest disk, or a third of the stake can
    /// still put it together.
    pub(crate) fn check_recoverable(
        &self,
        schedule: &Schedule,
        nodes: &[Host],
    ) -> Result<(), Violation> {
        for (height, hash) in (0..).zip(&self.chain).skip(1) {
            let honest = || nodes.iter().filter(|host| host.is_honest);
            let epoch = Epoch(u64::div_ceil(height, schedule.epoch_length));
            let is_whole = honest().any(|host| host.disk.durable.good.contains(hash));
            let is_pieced = || {
                schedule.is_third(epoch, |identity| {
                    honest().any(|host| {
                        host.identity == identity && host.disk.durable.own.contains(hash)
                    })
                })
            };
            if !is_whole && !is_pieced() {
                return Err(Violation::Unrecoverable {
                    height: Height(height),
                    hash: *hash,
                });
            }
        }
        Ok(())
    }

    /// An honest node issues evidence: its signatures hold, and it names no honest key.
    pub(crate) fn accused(
        &self,
        node: usize,
        evidence: &Evidence,
        schedule: &mut Schedule,
    ) -> Result<(), Violation> {
        let committee = schedule.committee(evidence.epoch());
        if !keys::verify(&evidence.checks(self.domain, &committee)) {
            let what = format!("{evidence:?}");
            return Err(Violation::FalseEvidence { node, what });
        }
        let members = schedule.members(evidence.epoch());
        for index in accusation::accused(evidence) {
            let accused = members[index.position()];
            if self.honest[accused] {
                let what = format!("{evidence:?}");
                return Err(Violation::Accused {
                    node,
                    accused,
                    what,
                });
            }
        }
        Ok(())
    }
}
