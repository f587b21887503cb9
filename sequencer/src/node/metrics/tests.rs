use hotshot_types::{Hash, Height, Signature, Signers, vote::Statement};
use prometheus_client::encoding::text::encode;

use super::*;
use crate::{mempool::MempoolMetrics, network::NetworkMetrics};

fn certificate(signers: &[u16]) -> FinalityCertificate {
    let signers = Signers::of(4, signers.iter().map(|index| ValidatorIndex(*index)));
    let statement = Statement {
        round: Round::default(),
        height: Height(1),
        hash: Hash::ZERO,
    };
    FinalityCertificate::claimed(statement, signers, Signature::ZERO)
}

#[test]
fn share_of_own_votes_is_that_of_the_last_certificates() {
    let mut metrics = ConsensusMetrics::register(&mut Registry::default());
    let ratio = metrics.included();
    metrics.decided(&[], &certificate(&[0, 1, 3]), None);
    assert_eq!(ratio.get(), 0.0);
    let me = Some(ValidatorIndex(3));
    for signers in [[0, 1, 3], [1, 2, 3], [0, 1, 2], [0, 2, 3]] {
        metrics.decided(&[], &certificate(&signers), me);
    }
    assert_eq!(ratio.get(), 0.75);
    for _ in 0..WINDOW {
        metrics.decided(&[], &certificate(&[0, 1, 2]), me);
    }
    assert_eq!(ratio.get(), 0.0);
}

#[test]
fn exported_names_are_those_of_the_specification() {
    let mut registry = Registry::with_prefix("sequencer");
    let mut consensus = ConsensusMetrics::register(&mut registry);
    consensus.entered(Round::default());
    consensus.signed(true);
    let copied = CopiedMetrics::register(&mut registry);
    let pool = MempoolMetrics {
        transactions: 7,
        bytes: 8,
        namespaces: 1,
        sources: 1,
        accepted: 7,
        rejected: [1, 2, 3, 4, 5, 6],
    };
    let network = NetworkMetrics {
        bans: 9,
        ..NetworkMetrics::default()
    };
    copied.copy(&pool, &network);
    copied.copy(&pool, &network);
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        &format!("sequencer_build_info{{version=\"{version}\"}} 1"),
        "sequencer_consensus_votes_total{kind=\"2\",result=\"signed\"} 1",
        "sequencer_consensus_votes_total{kind=\"1\",result=\"received\"} 0",
        "sequencer_consensus_own_votes_included_ratio 0.0",
        "sequencer_consensus_view_duration_seconds_count 0",
        "sequencer_mempool_txs 7",
        "sequencer_mempool_rejected_total{reason=\"pool_full\"} 4",
        "sequencer_p2p_bytes_total{lane=\"bulk\",direction=\"in\"} 0",
        "sequencer_p2p_rejected_messages_total{reason=\"banned\"} 0",
        "sequencer_p2p_bans_total 9",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}
