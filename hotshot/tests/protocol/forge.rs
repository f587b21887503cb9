//! What other validators would send, honest or not, signed with their real keys.

use std::{collections::BTreeMap, sync::Arc};

use hotshot_types::{
    Certificate, Entry, EpochEnd, FinalityCertificate, Header, Height, Justify, Kind, Lock,
    Message, Proposal, Quorum, QuorumCertificate, Round, SealedHeader, Signature, Signer as _,
    Statement, Timeout, TimeoutCertificate, TimeoutGroup, Vote, VoteKind,
    bls::{Aggregate, aggregate},
    digest,
    header::{HEADER_VERSION, mix},
    mountain_range::MountainRange,
};

use crate::{network::Network, schedule::key};

/// The block of a statement in a round.
pub(crate) fn statement(round: Round, block: &SealedHeader) -> Statement {
    Statement {
        round,
        height: block.height,
        hash: block.hash(),
    }
}

impl Network {
    /// The hash of the block that the current epoch of these tests starts from.
    fn anchor_of(&self, round: Round) -> hotshot_types::Hash {
        let before = round.epoch.previous().expect("epochs start at 1");
        self.ends
            .get(&before)
            .map_or(self.genesis.hash(), |end| end.certificate.hash())
    }

    /// The block that the leader of `round` would build on `parent`, kept where peers can fetch it.
    pub(crate) fn block_on(&mut self, parent: &SealedHeader, round: Round) -> Arc<SealedHeader> {
        self.block_with(parent, round, |_| {})
    }

    /// As [`Self::block_on`], with something changed before it is sealed.
    pub(crate) fn block_with(
        &mut self,
        parent: &SealedHeader,
        round: Round,
        change: impl FnOnce(&mut Header),
    ) -> Arc<SealedHeader> {
        let leader = self.schedule.leader(round);
        let body = self.body(round, parent);
        let height = parent.height.next();
        let reveal = digest::randomness(self.schedule.domain, round.epoch, height);
        let reveal = key(leader).secret.sign(&reveal);
        let next_committee = if parent.epoch == round.epoch {
            parent.next_committee
        } else {
            self.schedule.committee(round.epoch.next()).commitment()
        };
        let mut header = Header {
            version: HEADER_VERSION,
            chain_domain: self.schedule.domain,
            height,
            epoch: round.epoch,
            origin_view: round.view,
            proposer: self.schedule.index(round.epoch, leader),
            parent_hash: parent.hash(),
            timestamp_ms: body.timestamp_ms,
            l1_finalized: parent.l1_finalized,
            payload_len: body.payload_len,
            shard_root: body.shard_root,
            ns_root: body.ns_root,
            ns_acc_root: body.ns_acc_root,
            history_root: self.history_of(parent).root(),
            next_committee,
            randao_reveal: reveal,
            randao_mix: mix(parent.randao_mix, &reveal),
        };
        change(&mut header);
        let block = Arc::new(header.seal());
        self.library.insert(block.hash(), Arc::clone(&block));
        block
    }

    fn history_of(&self, block: &SealedHeader) -> MountainRange {
        let mut hashes = vec![block.hash()];
        let mut parent = block.parent_hash;
        while let Some(block) = self.library.get(&parent) {
            hashes.push(block.hash());
            parent = block.parent_hash;
        }
        let mut history = MountainRange::new();
        for hash in hashes.into_iter().rev() {
            history.append(hash);
        }
        history
    }

    pub(crate) fn vote<K: VoteKind>(&self, number: usize, statement: Statement) -> Vote<K> {
        let signer = self.schedule.index(statement.round.epoch, number);
        Vote::sign(statement, signer, self.schedule.domain, &key(number).secret)
    }

    pub(crate) fn vote1(&self, number: usize, round: Round, block: &SealedHeader) -> Message {
        Message::Vote1(self.vote(number, statement(round, block)))
    }

    pub(crate) fn vote2(&self, number: usize, round: Round, block: &SealedHeader) -> Message {
        Message::Vote2(self.vote(number, statement(round, block)))
    }

    pub(crate) fn certificate<K: VoteKind>(
        &self,
        numbers: &[usize],
        statement: Statement,
    ) -> Certificate<K> {
        let sum = aggregate(&Aggregate {
            digest: statement.digest::<K>(self.schedule.domain),
            committee: self.schedule.committee(statement.round.epoch),
            votes: numbers
                .iter()
                .map(|number| {
                    let vote = self.vote::<K>(*number, statement);
                    (vote.signer, vote.signature)
                })
                .collect(),
        });
        Certificate::claimed(statement, sum.signers, sum.signature)
    }

    /// By the first three members.
    pub(crate) fn qc(&self, round: Round, block: &SealedHeader) -> QuorumCertificate {
        self.certificate(&[0, 1, 2], statement(round, block))
    }

    /// By the first three members.
    pub(crate) fn fc(&self, round: Round, block: &SealedHeader) -> FinalityCertificate {
        self.certificate(&[0, 1, 2], statement(round, block))
    }

    pub(crate) fn epoch_end(&self, round: Round, block: &SealedHeader) -> Message {
        Message::EpochEnd(Box::new(EpochEnd {
            header: block.header().clone(),
            certificate: self.fc(round, block),
        }))
    }

    fn sign_timeout(&self, number: usize, round: Round, lock: &Lock) -> Signature {
        let hash = lock.hash(self.anchor_of(round));
        let signed = digest::timeout(self.schedule.domain, round, lock.view(), hash);
        key(number).secret.sign(&signed)
    }

    pub(crate) fn timeout(&self, number: usize, round: Round, lock: Lock) -> Message {
        self.timeout_with(number, round, lock, Entry::Anchor(None))
    }

    pub(crate) fn timeout_with(
        &self,
        number: usize,
        round: Round,
        lock: Lock,
        entry: Entry,
    ) -> Message {
        Message::Timeout(Box::new(Timeout {
            round,
            signer: self.schedule.index(round.epoch, number),
            signature: self.sign_timeout(number, round, &lock),
            lock,
            entry,
        }))
    }

    /// Each of these validators timed out in `round` with its lock.
    pub(crate) fn tc(&self, round: Round, timeouts: &[(usize, Lock)]) -> TimeoutCertificate {
        let anchor = self.anchor_of(round);
        let committee = self.schedule.committee(round.epoch);
        let mut groups: BTreeMap<_, (Lock, Vec<usize>)> = BTreeMap::new();
        for (number, lock) in timeouts {
            let group = groups
                .entry(lock.view())
                .or_insert((lock.clone(), Vec::new()));
            group.1.push(*number);
        }
        let high = groups.values().next_back().expect("somebody").0.clone();
        let groups = groups
            .into_values()
            .map(|(lock, numbers)| {
                let sum = aggregate(&Aggregate {
                    digest: digest::timeout(
                        self.schedule.domain,
                        round,
                        lock.view(),
                        lock.hash(anchor),
                    ),
                    committee: Arc::clone(&committee),
                    votes: numbers
                        .iter()
                        .map(|number| {
                            let signature = self.sign_timeout(*number, round, &lock);
                            (self.schedule.index(round.epoch, *number), signature)
                        })
                        .collect(),
                });
                TimeoutGroup {
                    lock_view: lock.view(),
                    lock_hash: lock.hash(anchor),
                    signers: sum.signers,
                    signature: sum.signature,
                }
            })
            .collect();
        TimeoutCertificate {
            round,
            groups,
            high,
        }
    }

    /// The first three members timed out in `round`, at the anchor.
    pub(crate) fn anchor_tc(&self, round: Round) -> TimeoutCertificate {
        self.tc(round, &[0, 1, 2].map(|number| (number, Lock::Anchor)))
    }

    /// A proposal signed by the leader of its round.
    pub(crate) fn proposal(
        &self,
        kind: Kind,
        round: Round,
        block: &SealedHeader,
        justify: Justify,
        timeout: Option<TimeoutCertificate>,
    ) -> Message {
        let mut proposal = Proposal {
            kind,
            round,
            header: block.header().clone(),
            payload: None,
            justify,
            timeout,
            signature: Signature::ZERO,
        };
        let signed = proposal.digest(self.schedule.domain, block.hash());
        proposal.signature = key(self.schedule.leader(round)).secret.sign(&signed);
        Message::Proposal(Box::new(proposal))
    }

    /// A new block justified by a certificate of the view before, or the anchor.
    pub(crate) fn fresh(&self, round: Round, block: &SealedHeader, justify: Justify) -> Message {
        self.proposal(Kind::Fresh, round, block, justify, None)
    }

    /// The leader of `round` sends its proposal to a node.
    pub(crate) fn propose(&mut self, to: usize, message: Message) {
        let Message::Proposal(proposal) = &message else {
            panic!("a proposal is proposed");
        };
        let leader = self.schedule.leader(proposal.round);
        self.inject(leader, to, message);
    }

    /// A lock on a block certified in a round.
    pub(crate) fn lock(&self, round: Round, block: &SealedHeader) -> Lock {
        Lock::Quorum(self.qc(round, block))
    }

    /// A certificate that says the right thing with a worthless signature.
    pub(crate) fn worthless_qc(&self, round: Round, block: &SealedHeader) -> QuorumCertificate {
        let honest: Certificate<Quorum> = self.qc(round, block);
        Certificate::claimed(
            honest.statement,
            honest.signers,
            key(0).secret.sign(&block.hash()),
        )
    }

    /// The final height of a node.
    pub(crate) fn height(&self, node: usize) -> Height {
        self.replica(node).tip().height
    }
}
