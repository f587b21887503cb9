//! What no honest validator signs, found and proven.

use hotshot::{Fault, Output};
use hotshot_types::{Evidence, Justify, Lock, Message, Round, Signature, Vote};

use crate::{forge::statement, network::Network};

const V1: Round = Round::new(1, 1);
const V2: Round = Round::new(1, 2);

/// The guilty key numbers of each report of node 0, after checking its signatures.
fn convicted(network: &Network) -> Vec<(&'static str, Vec<u16>)> {
    let evidence = network.nodes[0].evidence().into_iter();
    evidence
        .map(|evidence| {
            let committee = network.schedule.committee(evidence.epoch());
            let checks = evidence.checks(network.schedule.domain, &committee);
            assert!(
                hotshot_types::bls::verify_all(&checks),
                "unproven: {evidence:?}"
            );
            let guilty = evidence.guilty().into_iter().map(|index| index.0).collect();
            (name(evidence), guilty)
        })
        .collect()
}

fn name(evidence: &Evidence) -> &'static str {
    match evidence {
        Evidence::Proposals(..) => "EV1",
        Evidence::Votes1(..) => "EV2",
        Evidence::Votes2(..) => "EV3",
        Evidence::LostLock(..) => "EV4",
        Evidence::Quorums(..) => "QC and QC",
        Evidence::Finals(..) => "FC and FC",
        Evidence::LostLocks(..) => "FC and TC",
        Evidence::Fork(..) => "EV5",
    }
}

/// X1.
#[test]
fn two_proposals_of_one_leader_convict_it() {
    let mut network = Network::alone(0);
    let genesis = network.genesis.clone();
    for len in [10, 11] {
        let block = network.block_with(&genesis, V1, |header| header.payload_len = len);
        network.propose(0, network.fresh(V1, &block, Justify::Anchor(None)));
    }
    assert_eq!(convicted(&network), [("EV1", vec![1])]);
}

/// X2, X3: reported once, however often it is shown.
#[test]
fn two_votes_of_one_validator_convict_it() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    for block in [&a, &b, &a, &b] {
        network.inject(2, 0, network.vote1(2, V1, block));
        network.inject(3, 0, network.vote2(3, V1, block));
    }
    assert_eq!(convicted(&network), [("EV2", vec![2]), ("EV3", vec![3])]);
    let blamed = [(2, Fault::Equivocation), (3, Fault::Equivocation)];
    assert_eq!(network.nodes[0].blamed(), blamed);
}

/// X4: a vote 2, and a Timeout at or above it with a lock below; whichever comes first.
#[test]
fn a_lock_that_was_denied_convicts() {
    for vote_first in [true, false] {
        let mut network = Network::alone(0);
        let a = network.block_on(&network.genesis.clone(), V1);
        let mut messages = [
            network.vote2(2, V1, &a),
            network.timeout(2, V2, Lock::Anchor),
        ];
        if !vote_first {
            messages.reverse();
        }
        for message in messages {
            network.inject(2, 0, message);
        }
        assert_eq!(convicted(&network), [("EV4", vec![2])]);
    }
    // An honest one carries its lock, or came before.
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    network.inject(2, 0, network.vote2(2, V1, &a));
    network.inject(2, 0, network.timeout(2, V2, network.lock(V1, &a)));
    let b = network.block_on(&a, V2);
    network.inject(3, 0, network.timeout(3, V1, Lock::Anchor));
    network.inject(3, 0, network.vote2(3, V2, &b));
    assert_eq!(convicted(&network), []);
}

/// X2: claims that do not verify convict nobody but cost the sender its name.
#[test]
fn a_claim_that_does_not_verify_convicts_nobody() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    let index = network.schedule.index(V1.epoch, 2);
    network.inject(2, 0, network.vote1(2, V1, &a));
    let claim = Vote::claimed(statement(V1, &b), index, Signature([1; 48]));
    network.inject(2, 0, Message::Vote1(claim));
    assert_eq!(convicted(&network), []);
    assert_eq!(network.nodes[0].blamed(), [(2, Fault::Signature)]);
}

/// X5: a coalition that signs only in aggregates is found in their intersection.
#[test]
fn two_certificates_convict_those_who_are_in_both() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    network.nodes[0].host.fetches = false;
    let qcs = [([0, 1, 2], &a), ([1, 2, 3], &b)]
        .map(|(signers, block)| network.certificate(&signers, statement(V1, block)));
    for qc in qcs {
        network.inject(3, 0, Message::Quorum(qc));
    }
    assert_eq!(convicted(&network), [("QC and QC", vec![1, 2])]);
    let fcs = [([0, 1, 2], &a), ([1, 2, 3], &b)]
        .map(|(signers, block)| network.certificate(&signers, statement(V1, block)));
    for fc in fcs {
        network.inject(3, 0, Message::Final(fc, None));
    }
    assert_eq!(convicted(&network)[1], ("FC and FC", vec![1, 2]));
    assert!(network.nodes[0].halt().is_some(), "V11");
}

/// X5: a finality certificate and a timeout certificate with a lock below it, in either order.
#[test]
fn a_certified_lock_that_a_quorum_denies_convicts() {
    for final_first in [true, false] {
        let mut network = Network::alone(0);
        network.nodes[0].host.fetches = false;
        let a = network.block_on(&network.genesis.clone(), V1);
        let denial = [1, 2, 3].map(|number| (number, Lock::Anchor));
        let mut messages = [
            Message::Final(network.fc(V1, &a), None),
            Message::TimeoutCertificate(Box::new(network.tc(Round::new(1, 3), &denial))),
        ];
        if !final_first {
            messages.reverse();
        }
        for message in messages {
            network.inject(3, 0, message);
        }
        assert_eq!(convicted(&network), [("FC and TC", vec![1, 2])]);
    }
}

/// X5: a part of those convicted is no news, somebody else is.
#[test]
fn evidence_is_news_only_about_somebody_new() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    let gossip = |network: &Network, x: &[usize], y: &[usize]| {
        let x = network.certificate(x, statement(V1, &a));
        let y = network.certificate(y, statement(V1, &b));
        Message::Evidence(Box::new(Evidence::Quorums(x, y)))
    };
    for (x, y) in [
        (&[0, 1, 2][..], &[0, 1, 2][..]),
        (&[0, 1], &[1, 2]),
        (&[2], &[2]),
        (&[1, 2, 3], &[0, 1, 3]),
    ] {
        network.inject(3, 0, gossip(&network, x, y));
    }
    let found: Vec<_> = convicted(&network)
        .into_iter()
        .map(|(_, guilty)| guilty)
        .collect();
    assert_eq!(found, [vec![0, 1, 2], vec![1, 3]]);
}

/// X6, T5: two finality certificates at one height slash nobody by themselves; two of one block
/// are no contradiction.
#[test]
fn a_fork_is_reported_and_convicts_nobody() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_on(&network.genesis.clone(), V2);
    let same = Evidence::Fork(network.fc(V1, &a), network.fc(V2, &a));
    network.inject(3, 0, Message::Evidence(Box::new(same)));
    assert_eq!(
        network.nodes[0].blamed(),
        [(3, Fault::Malformed("evidence of nothing"))]
    );
    let fork = Evidence::Fork(network.fc(V1, &a), network.fc(V2, &b));
    network.inject(3, 0, Message::Evidence(Box::new(fork)));
    assert_eq!(convicted(&network), [("EV5", vec![])]);
}

/// X1 to X6: gossip is verified before it is passed on, and false gossip is blamed on its bearer.
#[test]
fn false_evidence_is_blamed_on_its_bearer() {
    let mut network = Network::alone(0);
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    let vote: Vote<hotshot_types::Quorum> = network.vote(2, statement(V1, &a));
    let forged = Vote::claimed(statement(V1, &b), vote.signer, vote.signature);
    let evidence = Evidence::Votes1(vote.clone(), forged);
    network.inject(3, 0, Message::Evidence(Box::new(evidence)));
    let nothing = Evidence::Votes1(vote.clone(), vote);
    network.inject(3, 0, Message::Evidence(Box::new(nothing)));
    assert_eq!(convicted(&network), []);
    let malformed = Fault::Malformed("evidence of nothing");
    assert_eq!(
        network.nodes[0].blamed(),
        [(3, Fault::Signature), (3, malformed)]
    );
}

/// X2, W1: two nodes run with one key. Either may be honest by itself; together they convict it.
#[test]
fn two_nodes_with_one_key_convict_it() {
    let mut network = Network::new();
    let twin = network.add_twin_of(3);
    for node in [0, 3, twin] {
        network.start(node);
    }
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    network.propose(3, network.fresh(V1, &a, Justify::Anchor(None)));
    network.propose(twin, network.fresh(V1, &b, Justify::Anchor(None)));
    network.run_for(50);
    assert!(convicted(&network).contains(&("EV2", vec![3])));
}

/// X2, X3, X4, X6: two thirds are Byzantine and make two chains. They are convicted by what they
/// signed; the honest member who is in both is not.
#[test]
fn a_byzantine_two_thirds_is_convicted_and_the_honest_are_not() {
    let mut network = Network::alone(0);
    network.nodes[0].host.fetches = false;
    let a = network.block_on(&network.genesis.clone(), V1);
    let b = network.block_with(&network.genesis.clone(), V1, |header| {
        header.payload_len = 11
    });
    for number in [1, 2, 3] {
        for block in [&a, &b] {
            network.inject(number, 0, network.vote1(number, V1, block));
        }
        network.inject(number, 0, network.timeout(number, V2, Lock::Anchor));
    }
    for number in [1, 2, 3] {
        network.inject(number, 0, network.vote2(number, V1, &b));
        network.inject(number, 0, network.vote2(number, V1, &a));
    }
    let found = convicted(&network);
    for guilty in [1, 2, 3] {
        for kind in ["EV2", "EV3", "EV4"] {
            assert!(
                found.contains(&(kind, vec![guilty])),
                "{kind} of {guilty}: {found:?}"
            );
        }
    }
    assert!(found.iter().all(|(_, guilty)| !guilty.contains(&0)));
    let fork = Evidence::Fork(network.fc(V1, &a), network.fc(V2, &b));
    assert_eq!(fork.guilty(), []);
    assert!(network.nodes[0].count(|output| matches!(output, Output::Blame(0, _))) == 0);
}
