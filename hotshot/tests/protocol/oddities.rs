//! What decodes but makes no sense.

use hotshot::Verdict;
use hotshot_types::{
    Certificate, Entry, EpochEnd, Evidence, FinalityCertificate, Hash, Header, Height, Justify,
    Kind, Lock, Message, Proposal, QuorumCertificate, Round, Signature, Signers, Statement, Status,
    Timeout, TimeoutCertificate, TimeoutGroup, TimestampMs, ValidatorIndex, View, Vote,
};

use crate::{
    network::{Network, T0},
    schedule::Schedule,
};

const V1: Round = Round::new(1, 1);

/// Every kind of message about a round, with bitmaps of one size.
fn odd_messages(network: &Network, round: Round, members: usize) -> Vec<Message> {
    let said = Statement {
        round,
        height: Height::MAX,
        hash: Hash([8; 32]),
    };
    let signers = Signers::of(members, (0..3).map(ValidatorIndex));
    let qc: QuorumCertificate = Certificate::claimed(said, signers.clone(), Signature([4; 48]));
    let fc: FinalityCertificate = Certificate::claimed(said, signers.clone(), Signature([4; 48]));
    let group = TimeoutGroup {
        lock_view: round.view,
        lock_hash: said.hash,
        signers,
        signature: Signature([4; 48]),
    };
    let tc = TimeoutCertificate {
        round,
        groups: vec![group],
        high: Lock::Quorum(qc.clone()),
    };
    let signer = ValidatorIndex(1);
    let timeout = |entry| {
        Message::Timeout(Box::new(Timeout {
            round,
            lock: Lock::Quorum(qc.clone()),
            signer,
            signature: Signature::ZERO,
            entry,
        }))
    };
    let end = EpochEnd {
        header: network.genesis.header().clone(),
        certificate: fc.clone(),
    };
    let status = Status {
        round,
        lock: Lock::Quorum(qc.clone()),
        finality: Some(fc.clone()),
    };
    let empty = TimeoutCertificate {
        groups: Vec::new(),
        ..tc.clone()
    };
    let block = &network.genesis;
    let mut messages = vec![
        Message::Vote1(Vote::claimed(said, signer, Signature::ZERO)),
        Message::Vote2(Vote::claimed(said, signer, Signature::ZERO)),
        timeout(Entry::Anchor(Some(fc.clone()))),
        timeout(Entry::Quorum(qc.clone())),
        timeout(Entry::Final(fc.clone())),
        timeout(Entry::Timeout(tc.clone())),
        Message::Quorum(qc.clone()),
        Message::Final(fc.clone(), Some(qc.clone())),
        Message::TimeoutCertificate(Box::new(tc.clone())),
        Message::TimeoutCertificate(Box::new(empty)),
        Message::EpochEnd(Box::new(end)),
        Message::Status(Box::new(status)),
        Message::Evidence(Box::new(Evidence::Quorums(qc.clone(), qc.clone()))),
        Message::Evidence(Box::new(Evidence::Fork(fc.clone(), fc.clone()))),
        Message::Evidence(Box::new(Evidence::LostLocks(
            fc.clone(),
            Box::new(tc.clone()),
        ))),
    ];
    for justify in [
        Justify::Anchor(Some(fc.clone())),
        Justify::Quorum(qc),
        Justify::Final(fc),
    ] {
        for kind in [Kind::Fresh, Kind::Repropose] {
            for tc in [None, Some(tc.clone())] {
                messages.push(Message::Proposal(Box::new(Proposal {
                    kind,
                    round,
                    header: block.header().clone(),
                    payload: None,
                    justify: justify.clone(),
                    timeout: tc,
                    signature: Signature::ZERO,
                })));
            }
        }
    }
    messages
}

/// B4: whatever can be decoded is survived, and leaves the node where it was.
#[test]
fn odd_messages_move_and_break_nothing() {
    let most = 1 << 62;
    for start in [1, 2] {
        let mut network = Network::of(Schedule::equal().rotating(), 4, 1);
        network.start(0);
        if start == 2 {
            let a = network.block_on(&network.genesis.clone(), V1);
            network.inject(1, 0, network.epoch_end(V1, &a));
        }
        let round = network.round(0);
        for (epoch, view) in [
            (0, 0),
            (1, 0),
            (1, 1),
            (1, most),
            (2, 0),
            (2, 1),
            (2, 2),
            (3, 1),
            (most, most),
        ] {
            for members in [0, 4, 1_000] {
                for message in odd_messages(&network, Round::new(epoch, view), members) {
                    for sender in [1, 2, 6] {
                        network.inject(sender, 0, message.clone());
                    }
                }
            }
        }
        assert_eq!(network.round(0), round);
        assert_eq!(network.replica(0).record().lock, Lock::Anchor);
        assert_eq!(
            network.nodes[0].votes1().len() + network.nodes[0].votes2().len(),
            0
        );
        network.run_for(2 * T0);
    }
}

/// P3, B1: a leader's header may claim anything.
#[test]
fn a_header_with_extreme_numbers_breaks_nothing() {
    let changes: [fn(&mut Header); 6] = [
        |header| header.height = Height::MAX,
        |header| header.height = Height(0),
        |header| header.timestamp_ms = TimestampMs::MAX,
        |header| header.origin_view = View::MAX,
        |header| header.payload_len = u32::MAX,
        |header| header.l1_finalized.number = u64::MAX,
    ];
    for change in changes {
        let mut network = Network::alone(0);
        let block = network.block_with(&network.genesis.clone(), V1, change);
        network.propose(0, network.fresh(V1, &block, Justify::Anchor(None)));
        network.payload(0, block.hash(), Verdict::Bad);
        assert_eq!(network.nodes[0].votes1().len(), 0);
        network.run_for(T0);
        network.restart(0);
    }
}
