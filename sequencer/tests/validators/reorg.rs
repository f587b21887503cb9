//! The L1 replaces blocks: above what it calls final nothing is lost, and below it is not followed.

use hotshot_types::{Hash, Height};
use light_client::{
    abi::{self, stake_table::IStakeTable},
    rpc::Tag,
};

use serde_json::json;

use super::{
    home::{Home, epoch_with, tokens},
    network::eventually,
};

const ARCHIVE: &[&str] = &["--retention.archive"];

/// The hashes of all final blocks, from genesis on.
fn history(home: &Home, node: usize) -> Vec<Hash> {
    let api = home.api(node);
    let top = home.anvil.ask(api.status()).unwrap().final_height;
    let mut hashes = Vec::new();
    while hashes.len() as u64 <= top.0 {
        let page = home.anvil.ask(api.blocks(Height(hashes.len() as u64), 100));
        hashes.extend(page.unwrap().blocks.iter().map(|block| block.hash));
    }
    hashes
}

/// What was final is final, on all nodes.
#[track_caller]
fn assert_kept(home: &Home, before: &[Hash]) {
    for node in 0..home.network.nodes.len() {
        let after = history(home, node);
        assert!(after.starts_with(before), "node {node}");
    }
}

/// Stake of a validator's account in the contract, in tokens.
fn tokens_of(home: &Home, account: usize, block: Tag) -> u128 {
    let call = IStakeTable::operatorCall {
        account: abi::address(home.anvil.address(account)),
    };
    let operator = home.view(home.contracts.stake_table, call, block);
    abi::from_amount(operator.own) / 1_000_000_000_000_000_000
}

/// The L1 stands still.
fn blocks_end(home: &Home) {
    home.anvil.order("evm_setIntervalMining", json!([0]));
    // Waits for a block that is being made.
    home.anvil.order("evm_mine", json!([]));
}

/// A block a second again.
fn blocks_go_on(home: &Home) {
    home.anvil.order("evm_setIntervalMining", json!([1]));
}

/// Replaces all blocks above one, while the L1 stands still; the number of the last one.
fn replace_above(home: &Home, kept: u64) -> u64 {
    let newest = home.anvil.newest();
    home.anvil.reorganise(newest - kept)
}

fn metric_is(home: &Home, name: &str, value: u64) -> bool {
    let mut nodes = home.network.nodes.iter();
    nodes.all(|node| node.metric(name) == Some(value))
}

/// Acceptance 5, above.
#[test]
fn blocks_replaced_above_the_final_one_change_nothing_and_the_relayer_sends_again() {
    let mut home = Home::on(8, ARCHIVE);
    home.start();
    home.until_epoch(2);
    eventually("the registrations are final", || {
        metric_is(&home, "sequencer_l1_stake_events", 5)
    });
    let relay = home.relay(6, 0);
    eventually("the light client follows", || {
        home.light_client_epoch() >= 2
    });
    // Blocks with transactions alone: few come until they are replaced, however busy the machine
    // is, and none of them becomes final.
    home.anvil.order("evm_setAutomine", json!([true]));
    let kept = home.anvil.newest();
    home.stake(1, &["delegate", "--amount", "5"]);
    let known = home.light_client_epoch();
    eventually("one more update", || home.light_client_epoch() > known);
    blocks_end(&home);
    let before = history(&home, 0);
    let relayed = home.light_client_epoch();
    let newest = replace_above(&home, kept);
    let undone = home.light_client_epoch_at(Tag::Number(newest));
    assert!(undone < relayed, "the update is in a replaced block");
    assert_eq!(tokens_of(&home, 1, Tag::Number(newest)), 10);
    blocks_go_on(&home);
    eventually("the relayer has sent it again", || {
        home.light_client_epoch() > relayed
    });
    eventually("and says so", || relay.log().contains("relayed"));
    // What is staked now counts, and what was undone never did.
    home.stake(1, &["delegate", "--amount", "2"]);
    let counts = epoch_with(&home, "a committee with the new stake", |committee| {
        tokens(committee) == [11, 12, 12, 13]
    });
    for epoch in 1..counts {
        let committee = home.committee(epoch).unwrap();
        assert_eq!(tokens(&committee), [10, 11, 12, 13], "epoch {epoch}");
    }
    assert!(metric_is(&home, "sequencer_l1_final_block_taken_back", 0));
    assert_kept(&home, &before);
    home.network.assert_no_equivocation();
}

/// Acceptance 5, below.
#[test]
fn blocks_replaced_below_the_final_one_are_an_alarm_and_are_not_followed() {
    let mut home = Home::on(1, ARCHIVE);
    home.start();
    home.until_epoch(2);
    eventually("all have read the registrations", || {
        metric_is(&home, "sequencer_l1_stake_events", 5)
    });
    let kept = home.anvil.newest();
    home.stake(1, &["delegate", "--amount", "5"]);
    eventually("the new stake is final for all", || {
        metric_is(&home, "sequencer_l1_stake_events", 6)
    });
    blocks_end(&home);
    let before = history(&home, 0);
    let newest = replace_above(&home, kept);
    assert_eq!(tokens_of(&home, 1, Tag::Number(newest)), 10);
    blocks_go_on(&home);
    eventually("everybody says so", || {
        let mut nodes = home.network.nodes.iter();
        nodes.all(|node| node.readiness().contains("took back a final block"))
    });
    eventually("and counts it", || {
        metric_is(&home, "sequencer_l1_final_block_taken_back", 1)
    });
    // What happens on the other fork counts for nobody; what was final does.
    home.stake(2, &["delegate", "--amount", "7"]);
    let counts = epoch_with(&home, "a committee with what was final", |committee| {
        tokens(committee) == [11, 12, 13, 15]
    });
    // A restart does not make it forget.
    home.network.nodes[3].kill();
    home.network.nodes[3].start();
    eventually("the restarted node votes", || {
        home.network.nodes[3].votes() > 5
    });
    eventually("and says so", || {
        let readiness = home.network.nodes[3].readiness();
        readiness.contains("took back a final block")
    });
    home.until_epoch(counts + 2);
    for epoch in counts..=counts + 2 {
        let committee = home.committee(epoch).unwrap();
        assert_eq!(tokens(&committee), [11, 12, 13, 15], "epoch {epoch}");
    }
    // The restarted node has read nothing since.
    for node in &home.network.nodes[..3] {
        assert_eq!(node.metric("sequencer_l1_stake_events"), Some(6));
    }
    assert_kept(&home, &before);
    home.network.assert_no_equivocation();
}
