//! What tests look at.

use hotshot::{Fault, Output};
use hotshot_types::{
    Evidence, Final, FinalityCertificate, Hash, Message, Proposal, Quorum, Round, Timeout, Vote,
};

use super::{Network, Node};

impl Node {
    /// What it has sent, in order.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &Message> {
        self.log.iter().filter_map(|output| match output {
            Output::Send(_, message) => Some(message.as_ref()),
            _ => None,
        })
    }

    pub(crate) fn votes1(&self) -> Vec<&Vote<Quorum>> {
        self.sent()
            .filter_map(|message| match message {
                Message::Vote1(vote) => Some(vote),
                _ => None,
            })
            .collect()
    }

    /// Rounds in which it voted 1.
    pub(crate) fn rounds1(&self) -> Vec<Round> {
        self.votes1().iter().map(|vote| vote.round()).collect()
    }

    pub(crate) fn votes2(&self) -> Vec<&Vote<Final>> {
        self.sent()
            .filter_map(|message| match message {
                Message::Vote2(vote) => Some(vote),
                _ => None,
            })
            .collect()
    }

    /// Rounds in which it voted 2.
    pub(crate) fn rounds2(&self) -> Vec<Round> {
        self.votes2().iter().map(|vote| vote.round()).collect()
    }

    pub(crate) fn timeouts(&self) -> Vec<&Timeout> {
        self.sent()
            .filter_map(|message| match message {
                Message::Timeout(timeout) => Some(timeout.as_ref()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn proposals(&self) -> Vec<&Proposal> {
        self.sent()
            .filter_map(|message| match message {
                Message::Proposal(proposal) => Some(proposal.as_ref()),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn blamed(&self) -> Vec<(u64, Fault)> {
        self.log
            .iter()
            .filter_map(|output| match output {
                Output::Blame(peer, fault) => Some((*peer, *fault)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn evidence(&self) -> Vec<&Evidence> {
        self.log
            .iter()
            .filter_map(|output| match output {
                Output::Evidence(evidence) => Some(evidence.as_ref()),
                _ => None,
            })
            .collect()
    }

    /// What it halted on.
    pub(crate) fn halt(&self) -> Option<(Hash, &Option<FinalityCertificate>, Option<&Evidence>)> {
        self.log.iter().find_map(|output| match output {
            Output::Halt {
                conflicting,
                certificate,
                evidence,
            } => Some((*conflicting, certificate, evidence.as_deref())),
            _ => None,
        })
    }

    /// How often it ordered something for which this holds.
    pub(crate) fn count(&self, holds: impl Fn(&Output) -> bool) -> usize {
        self.log.iter().filter(|output| holds(output)).count()
    }

    /// Signature checks ordered so far, certificates and proposals, not sums of votes.
    pub(crate) fn verifications(&self) -> usize {
        self.count(|output| matches!(output, Output::Verify { .. }))
    }

    pub(crate) fn aggregations(&self) -> usize {
        self.count(|output| matches!(output, Output::Aggregate { .. }))
    }

    /// The hashes of its final blocks.
    pub(crate) fn decided(&self) -> Vec<Hash> {
        self.disk.chain.iter().map(|block| block.hash()).collect()
    }
}

impl Network {
    /// The final chains are prefixes of one another, and nobody was blamed, convicted or stopped.
    pub(crate) fn assert_peace(&self) {
        self.assert_one_chain();
        for (number, node) in self.nodes.iter().enumerate() {
            assert_eq!(
                node.blamed(),
                Vec::new(),
                "node {number} blames an honest one"
            );
            assert_eq!(node.evidence(), Vec::<&Evidence>::new());
            assert!(node.halt().is_none(), "node {number} halted");
        }
    }

    pub(crate) fn assert_one_chain(&self) {
        let longest = self.nodes.iter().map(Node::decided).max_by_key(Vec::len);
        let longest = longest.expect("there are nodes");
        for node in &self.nodes {
            assert!(longest.starts_with(&node.decided()), "two final chains");
        }
    }
}
