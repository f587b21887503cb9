//! Answers say what is in the chain, at every block and level, and prove it. RR2, RR3
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;
mod shapes;

use alloy_primitives::{Address, B256, keccak256};
use alloy_rpc_types_eth::EIP1186AccountProofResponse;
use alloy_trie::{Nibbles, TrieAccount, proof::verify_proof};
use rig::{
    ALICE, NOBODY, Rig,
    sample::{Sample, sample},
};
use rollup_types::Input;
use serde_json::{Value, json};
use shapes::OpenRpc;

#[tokio::test(flavor = "multi_thread")]
async fn answers_say_what_was_executed() {
    let Sample {
        rig,
        notebook,
        transactions,
        pending,
    } = sample().await;
    let number = rig.result("eth_blockNumber", json!([])).await;
    assert_eq!(number, "0x6");
    let deposited = rig
        .result("eth_getTransactionByHash", json!([transactions[0]]))
        .await;
    assert_eq!(deposited["type"], "0x7e");
    assert_eq!(deposited["value"], "0x5");
    assert_eq!(deposited["to"], json!(ALICE));

    let logs = rig
        .result(
            "eth_getLogs",
            json!([{"fromBlock": "0x0", "address": notebook}]),
        )
        .await;
    let topics: Vec<&Value> = logs
        .as_array()
        .unwrap()
        .iter()
        .map(|log| &log["topics"][2])
        .collect();
    assert_eq!(
        topics,
        [
            &json!(B256::with_last_byte(1)),
            &json!(B256::with_last_byte(2))
        ]
    );
    let receipt = rig
        .result("eth_getTransactionReceipt", json!([transactions[2]]))
        .await;
    assert_eq!(receipt["logs"][0], logs[0]);
    assert_eq!(receipt["status"], "0x1");
    let failed = rig
        .result("eth_getTransactionReceipt", json!([transactions[4]]))
        .await;
    assert_eq!(failed["status"], "0x0");

    for (tag, nonce) in [
        ("earliest", "0x0"),
        ("0x2", "0x1"),
        ("latest", "0x5"),
        ("pending", "0x6"),
    ] {
        let count = rig
            .result("eth_getTransactionCount", json!([ALICE, tag]))
            .await;
        assert_eq!(count, nonce, "{tag}");
    }
    let waiting = rig
        .result("eth_getTransactionByHash", json!([pending]))
        .await;
    assert_eq!(waiting["blockHash"], Value::Null);
    assert_eq!(waiting["from"], json!(ALICE));
    assert_eq!(
        rig.result("eth_getTransactionReceipt", json!([pending]))
            .await,
        Value::Null
    );
    rig.order();
    let included = rig
        .result("eth_getTransactionByHash", json!([pending]))
        .await;
    assert_eq!(included["blockNumber"], "0x7");
    assert_eq!(rig.result("eth_getBalance", json!([NOBODY])).await, "0x2");
    assert_eq!(
        rig.result("eth_getBalance", json!([NOBODY, "0x6"])).await,
        "0x1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_follow_the_levels() {
    let rig = Rig::start().await;
    for index in 0..5 {
        rig.deposit(index, NOBODY, 1);
    }
    rollup_node::testing::raise(&rig.node, 3, 2).unwrap();
    for (tag, number) in [
        ("earliest", "0x0"),
        ("finalized", "0x2"),
        ("safe", "0x3"),
        ("latest", "0x5"),
        ("pending", "0x5"),
    ] {
        let block = rig
            .result("eth_getBlockByNumber", json!([tag, false]))
            .await;
        assert_eq!(block["number"], number, "{tag}");
        let balance = rig.result("eth_getBalance", json!([NOBODY, tag])).await;
        assert_eq!(balance, number, "{tag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_transaction_is_in_no_block() {
    let rig = Rig::start().await;
    rig.execute(&[
        Input::Transaction(bytes_of(b"junk")),
        Input::Transaction(bytes_of(b"")),
    ]);
    let block = rig
        .result("eth_getBlockByNumber", json!(["latest", true]))
        .await;
    assert_eq!(block["number"], "0x1");
    assert_eq!(block["transactions"], json!([]));
    assert_eq!(
        rig.result("eth_getBlockReceipts", json!(["latest"])).await,
        json!([])
    );
}

fn bytes_of(bytes: &'static [u8]) -> bytes::Bytes {
    bytes::Bytes::from_static(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_lead_to_the_state_root_of_their_block() {
    let Sample { rig, notebook, .. } = sample().await;
    for tag in ["earliest", "0x2", "0x3", "latest"] {
        let block = rig
            .result("eth_getBlockByNumber", json!([tag, false]))
            .await;
        let root: B256 = serde_json::from_value(block["stateRoot"].clone()).unwrap();
        for address in [json!(ALICE), json!(NOBODY), notebook.clone()] {
            let slots = json!([B256::ZERO, B256::repeat_byte(9)]);
            let answer = rig
                .result("eth_getProof", json!([address, slots, tag]))
                .await;
            let proof: EIP1186AccountProofResponse = serde_json::from_value(answer).unwrap();
            let account = TrieAccount {
                nonce: proof.nonce,
                balance: proof.balance,
                storage_root: proof.storage_hash,
                code_hash: proof.code_hash,
            };
            let value = (account != TrieAccount::default()).then(|| alloy_rlp::encode(account));
            let path = Nibbles::unpack(keccak256(proof.address));
            verify_proof(root, path, value, &proof.account_proof).unwrap();
            for slot in proof.storage_proof {
                let value = (!slot.value.is_zero()).then(|| alloy_rlp::encode(slot.value));
                let path = Nibbles::unpack(keccak256(slot.key.as_b256()));
                verify_proof(proof.storage_hash, path, value, &slot.proof).unwrap();
            }
            let balance = rig.result("eth_getBalance", json!([address, tag])).await;
            assert_eq!(balance, json!(proof.balance));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposited_token_is_shown_with_what_the_queue_says_of_it() {
    let rig = Rig::start().await;
    let token = Address::repeat_byte(0x77);
    rig.deposit_of(token, 0, ALICE, 50);
    let block = rig
        .result("eth_getBlockByNumber", json!(["latest", true]))
        .await;
    let deposit = &block["transactions"][0];
    assert_eq!(deposit["value"], "0x0");
    assert_eq!(deposit["l1Token"], json!(token));
    assert_eq!(deposit["l1Amount"], "0x32");
    let receipt = rig
        .result("eth_getTransactionReceipt", json!([deposit["hash"]]))
        .await;
    assert_eq!(receipt["status"], "0x1");
    assert!(!receipt["logs"].as_array().unwrap().is_empty());
    OpenRpc::new()
        .check_answer(
            "eth_getTransactionReceipt",
            &json!({"jsonrpc": "2.0", "id": 1, "result": receipt}),
        )
        .unwrap();
}
