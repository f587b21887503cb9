//! What a voter requires of a proposal: its justification (P2) and its header (P3).

use std::sync::Arc;

use hotshot::{Fault, Input};
use hotshot_types::{
    Epoch, Hash, Header, Height, Justify, Kind, L1Block, Lock, Message, Round, SealedHeader,
    Signature, TimestampMs, ValidatorIndex, View, digest,
};

use crate::{
    network::{Network, T0},
    schedule::GENESIS_MS,
};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);
const V3: Round = Round::new(1, 3);

type Change = fn(&mut Header);

/// Whether node 0 votes for a first block changed like this, and whether it blames the leader.
fn first_block(change: impl FnOnce(&mut Header)) -> (bool, bool) {
    let mut network = Network::alone(0);
    let block = network.block_with(&network.genesis.clone(), V1, change);
    network.propose(0, network.fresh(V1, &block, Justify::Anchor(None)));
    let node = &network.nodes[0];
    (!node.votes1().is_empty(), !node.blamed().is_empty())
}

/// P3, R2, T3.
#[test]
fn a_header_with_anything_wrong_gets_no_vote() {
    assert_eq!(first_block(|_| {}), (true, false));
    let silently: [(&str, Change); 11] = [
        ("version", |header| header.version += 1),
        ("height", |header| header.height = Height(2)),
        ("origin view", |header| header.origin_view = View(2)),
        ("a colluder as proposer", |header| {
            header.proposer = ValidatorIndex(3)
        }),
        ("the parent's timestamp", |header| {
            header.timestamp_ms = TimestampMs(GENESIS_MS)
        }),
        ("payload length", |header| {
            header.payload_len = (1 << 20) + 1
        }),
        ("history", |header| header.history_root = Hash::ZERO),
        ("next committee", |header| {
            header.next_committee = Hash::ZERO
        }),
        ("mix", |header| header.randao_mix = Hash::ZERO),
        ("an older L1 block", |header| {
            header.l1_finalized.number -= 1
        }),
        ("another L1 block", |header| {
            header.l1_finalized.hash = Hash::ZERO
        }),
    ];
    for (what, change) in silently {
        let (voted, _) = first_block(change);
        assert!(!voted, "{what}");
    }
    let with_blame: [(&str, Change); 4] = [
        ("parent", |header| header.parent_hash = Hash::ZERO),
        ("epoch", |header| header.epoch = Epoch(2)),
        ("network", |header| header.chain_domain = Hash::ZERO),
        ("reveal", |header| header.randao_reveal = Signature([9; 48])),
    ];
    for (what, change) in with_blame {
        assert_eq!(first_block(change), (false, true), "{what}");
    }
}

/// P3: a header ahead of the clock waits for its time, and the replica asks to be woken then.
#[test]
fn a_header_ahead_of_the_clock_gets_its_vote_when_its_time_has_come() {
    let mut network = Network::alone(0);
    let allowance = T0 / 4;
    let block = network.block_with(&network.genesis.clone(), V1, |header| {
        header.timestamp_ms = TimestampMs(GENESIS_MS + allowance + 120);
    });
    network.propose(0, network.fresh(V1, &block, Justify::Anchor(None)));
    network.run_for(119);
    assert_eq!(network.nodes[0].rounds1(), []);
    network.run_for(1);
    assert_eq!(network.nodes[0].rounds1(), [V1]);
}

/// P3: an honest child of a block whose timestamp is at the edge is always acceptable.
#[test]
fn a_byzantine_timestamp_does_not_trouble_the_next_leader() {
    let mut network = Network::alone(0);
    let edge = TimestampMs(GENESIS_MS + T0 / 4);
    let a = network.block_with(&network.genesis.clone(), V1, |header| {
        header.timestamp_ms = edge
    });
    let b = network.block_on(&a, V2);
    assert_eq!(b.timestamp_ms, edge.next(), "max(clock, the parent's + 1)");
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    network.propose(
        0,
        network.fresh(V2, &b, Justify::Quorum(network.qc(V1, &a))),
    );
    assert_eq!(network.nodes[0].rounds1(), [V1, V2]);
}

/// P3: clocks that differ by less than the allowance cost no view.
#[test]
fn clocks_that_differ_a_little_cost_nothing() {
    let mut network = Network::new();
    for (node, skew_ms) in [0, 80, 160, 240].into_iter().enumerate() {
        network.nodes[node].skew_ms = skew_ms;
    }
    network.start_all();
    network.run_until_height(9);
    network.assert_peace();
    assert!(network.nodes.iter().all(|node| node.timeouts().is_empty()));
}

fn l1(number: u64) -> L1Block {
    L1Block {
        number,
        hash: digest::keccak(&number.to_be_bytes()),
        timestamp: 1_700_000_000 + number,
    }
}

/// P3: a leader that names the newest L1 block makes voters wait until they have seen it; a false
/// one is refused for ever.
#[test]
fn an_l1_block_must_be_final_in_the_voters_own_view() {
    for named_is_true in [true, false] {
        let mut network = Network::alone(0);
        let block = network.block_with(&network.genesis.clone(), V1, |header| {
            header.l1_finalized = l1(120);
            if !named_is_true {
                header.l1_finalized.hash = Hash::ZERO;
            }
        });
        network.propose(0, network.fresh(V1, &block, Justify::Anchor(None)));
        assert_eq!(network.nodes[0].rounds1(), []);
        let seen = TimestampMs(GENESIS_MS);
        for number in [110, 120, 130] {
            let block = l1(number);
            network.feed(0, Input::L1Finalized { block, seen });
        }
        let expected: &[Round] = if named_is_true { &[V1] } else { &[] };
        assert_eq!(network.nodes[0].rounds1(), expected);
    }
}

struct Forks {
    network: Network,
    a: Arc<SealedHeader>,
    b: Arc<SealedHeader>,
}

/// Node 0 with a block of the first view and one on it of the second.
fn forks() -> Forks {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&a, V2);
    Forks { network, a, b }
}

/// Whether a proposal in the third view passes the door.
fn passes(justify: impl FnOnce(&mut Forks) -> Message) -> bool {
    let mut forks = forks();
    let message = justify(&mut forks);
    forks.network.propose(0, message);
    let blamed = forks.network.nodes[0].blamed();
    assert!(
        blamed
            .iter()
            .all(|(_, fault)| matches!(fault, Fault::Malformed(_)))
    );
    blamed.is_empty()
}

/// P2: J1 is a certificate of the view before, alone; J2 a timeout certificate of the view before
/// with a certificate of this epoch that is not below its lock; J3 the anchor, in view 1 only.
#[test]
fn a_proposal_is_justified_in_exactly_one_way() {
    let fresh = |f: &mut Forks, parent: &SealedHeader| f.network.block_on(parent, V3);
    let j1 = |f: &mut Forks| Justify::Quorum(f.network.qc(V2, &f.b));
    let propose = |f: &Forks, block: &SealedHeader, justify, tc| {
        f.network.proposal(Kind::Fresh, V3, block, justify, tc)
    };
    // J1
    assert!(passes(|f| {
        let (block, justify) = (fresh(f, &f.b.clone()), j1(f));
        propose(f, &block, justify, None)
    }));
    assert!(passes(|f| {
        let block = fresh(f, &f.b.clone());
        let justify = Justify::Final(f.network.fc(V2, &f.b));
        propose(f, &block, justify, None)
    }));
    // A certificate that is a view older needs the timeout certificate between.
    let older = |f: &Forks| Justify::Quorum(f.network.qc(V1, &f.a));
    assert!(!passes(|f| {
        let (block, justify) = (fresh(f, &f.a.clone()), older(f));
        propose(f, &block, justify, None)
    }));
    // J2
    let locks = |f: &Forks, locks: [Lock; 3]| {
        let [x, y, z] = locks;
        Some(f.network.tc(V2, &[(0, x), (1, y), (2, z)]))
    };
    let low = |f: &Forks| f.network.lock(V1, &f.a);
    let high = |f: &Forks| f.network.lock(V2, &f.b);
    assert!(passes(|f| {
        let (block, justify) = (fresh(f, &f.a.clone()), older(f));
        let tc = locks(f, [Lock::Anchor, low(f), low(f)]);
        propose(f, &block, justify, tc)
    }));
    assert!(passes(|f| {
        let (block, justify) = (fresh(f, &f.b.clone()), j1(f));
        let tc = locks(f, [Lock::Anchor, low(f), low(f)]);
        propose(f, &block, justify, tc)
    }));
    assert!(!passes(|f| {
        let (block, justify) = (fresh(f, &f.a.clone()), older(f));
        let tc = locks(f, [Lock::Anchor, low(f), high(f)]);
        propose(f, &block, justify, tc)
    }));
    // Of another view.
    assert!(!passes(|f| {
        let (block, justify) = (fresh(f, &f.a.clone()), older(f));
        let tc = Some(f.network.anchor_tc(V1));
        propose(f, &block, justify, tc)
    }));
    // J3 beyond the first view, and the anchor where the lock is above it.
    assert!(!passes(|f| {
        let block = fresh(f, &f.network.genesis.clone());
        propose(f, &block, Justify::Anchor(None), None)
    }));
    assert!(!passes(|f| {
        let block = fresh(f, &f.network.genesis.clone());
        let tc = locks(f, [Lock::Anchor, low(f), low(f)]);
        propose(f, &block, Justify::Anchor(None), tc)
    }));
    assert!(passes(|f| {
        let block = fresh(f, &f.network.genesis.clone());
        let tc = locks(f, [Lock::Anchor, Lock::Anchor, Lock::Anchor]);
        propose(f, &block, Justify::Anchor(None), tc)
    }));
    // On another block than the justified one.
    assert!(!passes(|f| {
        let (block, justify) = (fresh(f, &f.a.clone()), j1(f));
        propose(f, &block, justify, None)
    }));
}

/// P2: a certificate of another epoch justifies nothing, whatever the timeout certificate.
#[test]
fn a_justification_of_another_epoch_is_refused() {
    for epoch in [0, 2] {
        assert!(!passes(|f| {
            let block = f.network.block_on(&f.a.clone(), V3);
            let mut qc = f.network.qc(V2, &f.a);
            qc.statement.round.epoch = Epoch(epoch);
            let tc = f.network.anchor_tc(V2);
            f.network
                .proposal(Kind::Fresh, V3, &block, Justify::Quorum(qc), Some(tc))
        }));
    }
}

/// P2: what the leader signs is the kind, height and hash of what it proposes.
#[test]
fn a_proposal_with_a_worthless_signature_or_certificate_is_blamed() {
    let Forks { mut network, a, b } = forks();
    let Message::Proposal(mut proposal) = network.fresh(V1, &a, Justify::Anchor(None)) else {
        unreachable!("it is a proposal");
    };
    proposal.signature = Signature([3; 48]);
    network.propose(0, Message::Proposal(proposal));
    let worthless = Justify::Quorum(network.worthless_qc(V1, &a));
    network.propose(0, network.fresh(V2, &b, worthless));
    let blamed = [(1, Fault::Signature), (2, Fault::Signature)];
    assert_eq!(network.nodes[0].blamed(), blamed);
    assert_eq!(network.round(0), V1);
    // From anybody but the leader it is not even looked at.
    network.inject(3, 0, network.fresh(V1, &a, Justify::Anchor(None)));
    assert_eq!(network.nodes[0].blamed()[2], (3, Fault::Impersonation));
    network.propose(0, network.fresh(V1, &a, Justify::Anchor(None)));
    assert_eq!(network.nodes[0].rounds1(), [V1]);
}
