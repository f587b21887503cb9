//! Relayers that are killed, stuck, late, or two.

use light_client::{
    abi::{SolEvent as _, light_client::ILightClient::Updated},
    rpc::{LogRange, Tag},
};
use serde_json::json;

use super::{
    anvil::Anvil,
    home::{Home, Relay},
    network::eventually,
};

/// A network in its second epoch.
fn home() -> Home {
    let mut home = Home::on(1, &["--retention.archive"]);
    home.start();
    home.until_epoch(2);
    home
}

/// The epochs of the light client's updates, in their order.
fn updates(home: &Home) -> Vec<u64> {
    let range = LogRange {
        from: 0,
        to: home.anvil.newest(),
    };
    let logs = home.anvil.endpoint.logs(home.contracts.light_client, range);
    let logs = home.anvil.ask(logs).unwrap().into_iter();
    logs.filter(|log| log.topics[0].0 == Updated::SIGNATURE_HASH.0)
        .map(|log| u64::from_be_bytes(log.topics[2].0[24..].try_into().unwrap()))
        .collect()
}

/// No epoch is left out, and none costs more than one update.
#[track_caller]
fn assert_one_each(updates: &[u64]) {
    for pair in updates.windows(2) {
        assert_eq!(pair[0] + 1, pair[1], "{updates:?}");
    }
}

/// The transaction that waits for a block: its hash, and most that it pays for a unit of gas.
fn waiting(home: &Home) -> Option<(String, u128)> {
    let content = home.anvil.order("txpool_content", json!([]));
    let mut accounts = content["pending"].as_object().unwrap().values();
    let transaction = accounts.next()?.as_object().unwrap().values().next()?;
    let text = |field: &str| transaction[field].as_str().unwrap().to_owned();
    let fee = text("maxFeePerGas");
    let fee = u128::from_str_radix(fee.strip_prefix("0x").unwrap(), 16);
    Some((text("hash"), fee.unwrap()))
}

/// Blocks come every so many seconds; 0: none.
fn blocks_every(home: &Home, seconds: u64) {
    home.anvil.order("evm_setIntervalMining", json!([seconds]));
}

/// The L1 stands still, and a relayer's update waits.
fn update_waits(home: &Home) -> (Relay, (String, u128)) {
    let relay = home.relay(6, 0);
    eventually("the light client follows", || {
        home.light_client_epoch() >= 2
    });
    blocks_every(home, 0);
    // Waits for a block that is being made.
    home.anvil.order("evm_mine", json!([]));
    let mut sent = None;
    eventually("an update waits", || {
        sent = waiting(home);
        sent.is_some()
    });
    (relay, sent.unwrap())
}

/// Waits until another update is in the place of one, and pays more.
fn is_replaced(home: &Home, (hash, fee): &(String, u128)) {
    eventually("another update waits in its place", || {
        waiting(home).is_some_and(|(other, more)| other != *hash && more > *fee)
    });
}

/// The L1 goes on; the light client comes to where the network is now, over all epochs.
fn goes_on(home: &Home) {
    blocks_every(home, 1);
    let newest = home.newest_epoch();
    eventually("it goes on", || home.light_client_epoch() >= newest);
    assert_one_each(&updates(home));
}

#[test]
fn a_relayer_killed_before_its_receipt_replaces_what_it_sent_and_repairs_what_it_missed() {
    let home = home();
    let (relay, sent) = update_waits(&home);
    let known = home.light_client_epoch();
    drop(relay);
    home.until_epoch(known + 5);
    let _relay = home.relay(6, 0);
    is_replaced(&home, &sent);
    assert_eq!(home.light_client_epoch(), known);
    goes_on(&home);
}

/// What waits is replaced, so the state after it is not the one that the next transaction meets. A
/// relayer would find the update stale that it left behind, and so never replace it.
#[test]
fn what_is_sent_is_tried_out_without_what_waits() {
    let anvil = Anvil::start(1);
    anvil.order("evm_setIntervalMining", json!([0]));
    anvil.order("evm_mine", json!([]));
    let receiver = "0x0000000000000000000000000000000000000099";
    let payment = json!([{ "from": anvil.address(6), "to": receiver, "value": "0x1" }]);
    anvil.order("eth_sendTransaction", payment);
    // PUSH1 0x99, BALANCE, PUSH1 7, JUMPI, STOP; 7: JUMPDEST, PUSH1 0, PUSH1 0, REVERT.
    let reverts_once_paid = hex::decode("609931600757005b60006000fd").unwrap();
    let sender = anvil.sender(6);
    let gas = anvil.ask(sender.try_out(None, reverts_once_paid));
    assert!(gas.is_ok(), "{gas:?}");
}

#[test]
fn a_relayer_whose_update_is_stuck_offers_more_for_it() {
    let home = home();
    let (_relay, sent) = update_waits(&home);
    is_replaced(&home, &sent);
    goes_on(&home);
}

#[test]
fn two_relayers_at_once_do_not_pay_for_each_update_twice() {
    let home = home();
    let nonces = || {
        [5, 6].map(|account| {
            let address = home.anvil.address(account);
            let nonce = home.anvil.endpoint.nonce(address, Tag::Latest);
            home.anvil.ask(nonce).unwrap()
        })
    };
    let before = nonces();
    let relays = [home.relay(5, 0), home.relay(6, 1)];
    eventually("five updates", || updates(&home).len() >= 5);
    // One that waits for its block comes, too.
    drop(relays);
    eventually("nothing waits", || waiting(&home).is_none());
    let updates = updates(&home);
    for pair in updates.windows(2) {
        assert!(pair[1] <= pair[0] + 1, "{updates:?}");
    }
    let sent: u64 = nonces().iter().sum::<u64>() - before.iter().sum::<u64>();
    // Now and then both send before they see the other's.
    let epochs = updates.last().unwrap() - updates[0] + 1;
    assert!(
        sent < 2 * epochs,
        "{sent} transactions for {epochs} epochs: {updates:?}"
    );
}
