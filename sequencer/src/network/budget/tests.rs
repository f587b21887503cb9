use futures::FutureExt;
use libp2p::identity::Keypair;

use super::*;

fn budgets(inbound_bytes: usize, unknown_inbound_bytes: usize) -> Budgets {
    let mut config = NetworkConfig::new(Keypair::generate_ed25519(), [7; 32]);
    config.bulk.inbound_bytes = inbound_bytes;
    config.bulk.unknown_inbound_bytes = unknown_inbound_bytes;
    config.unknown_response_bytes = 10_000;
    Budgets::new(&config)
}

fn take(budgets: &Budgets, is_configured: bool, size: usize) -> Option<Held> {
    budgets
        .inbound(Lane::Bulk, is_configured, size)
        .now_or_never()
        .flatten()
}

#[test]
fn frames_wait_for_bytes_that_are_given_back() {
    let budgets = budgets(10_000, 10_000);
    let first = take(&budgets, true, 6_000).unwrap();
    assert!(take(&budgets, true, 6_000).is_none());
    drop(first);
    assert!(take(&budgets, true, 6_000).is_some());
}

#[test]
fn strangers_take_no_room_from_configured_peers() {
    let budgets = budgets(10_000, 10_000);
    let _flood = take(&budgets, false, 9_000).unwrap();
    assert!(take(&budgets, false, 9_000).is_none());
    assert!(take(&budgets, true, 9_000).is_some());
}

#[test]
fn a_frame_larger_than_all_room_passes_alone() {
    let budgets = budgets(1_000, 1_000);
    let large = take(&budgets, true, 1_000_000).unwrap();
    assert!(take(&budgets, true, 0).is_none());
    drop(large);
    assert!(take(&budgets, true, 0).is_some());
}

#[test]
fn a_response_without_room_is_not_waited_for() {
    let budgets = budgets(1, 1);
    let held = budgets.response(false, 9_000).unwrap();
    assert!(budgets.response(false, 9_000).is_none());
    assert!(budgets.response(true, 9_000).is_some());
    drop(held);
    assert!(budgets.response(false, 9_000).is_some());
}
