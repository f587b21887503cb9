//! Errors are those that Ethereum clients expect: codes, texts and data; and no request is too odd for an answer. RR4, RR6
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use alloy_consensus::{TxEip1559, TxLegacy};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use rig::{
    ALICE, CHAIN, CONTRACT_KEY, NOBODY, Rig, signed, signed_by, three_large_logs, transaction,
};
use serde_json::{Value, json};

fn selector(signature: &str) -> Vec<u8> {
    alloy_primitives::keccak256(signature)[..4].to_vec()
}

fn call(signature: &str, words: &[U256]) -> Bytes {
    let mut input = selector(signature);
    for word in words {
        input.extend(word.to_be_bytes::<32>());
    }
    input.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_reverts_says_why() {
    let rig = Rig::start().await;
    let to = rig.notebook().await.1;
    let long = [
        U256::from(32),
        U256::from(65),
        U256::ZERO,
        U256::ZERO,
        U256::ZERO,
    ];
    let cases = [
        (
            call("write(string)", &long),
            "execution reverted: too long",
            Some("0x08c379a0"),
        ),
        (
            call("write(string)", &[U256::from(32), U256::ZERO]),
            "execution reverted",
            Some("0x"),
        ),
        (
            call("share(uint256)", &[U256::ZERO]),
            "execution reverted: division or modulo by zero",
            Some("0x4e487b71"),
        ),
    ];
    for method in ["eth_call", "eth_estimateGas"] {
        for (input, want, start) in &cases {
            let (code, message, data) = rig.error(method, json!([{"to": to, "data": input}])).await;
            assert_eq!((code, message.as_str()), (3, *want));
            let data = data.as_str().unwrap().to_owned();
            assert!(start.is_none_or(|start| data.starts_with(start)), "{data}");
        }
    }
    let (_, _, data) = rig
        .error("eth_call", json!([{"to": to, "data": cases[1].0}]))
        .await;
    assert_eq!(data, json!(Bytes::from(selector("Notebook_Empty()"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_cannot_run_is_a_server_error() {
    let rig = Rig::start().await;
    let (code, message, _) = rig
        .error(
            "eth_call",
            json!([{"from": NOBODY, "to": ALICE, "value": "0x1"}]),
        )
        .await;
    assert_eq!(code, -32000);
    assert!(
        message.starts_with("insufficient funds for gas * price + value"),
        "{message}"
    );
    let (code, message, _) = rig
        .error("eth_call", json!([{"to": ALICE, "gas": "0x10"}]))
        .await;
    assert_eq!(code, -32000);
    assert!(message.starts_with("intrinsic gas too low"), "{message}");
    // INVALID, a jump to nowhere, a read behind the returned data, and code that begins with 0xef.
    for (code, want) in [
        ("0xfe", "invalid opcode: INVALID"),
        ("0x600056", "invalid jump destination"),
        ("0x60015f5f3e", "return data out of bounds"),
        (
            "0x60ef5f5360015ff3",
            "invalid code: must not begin with 0xef",
        ),
    ] {
        for method in ["eth_call", "eth_estimateGas"] {
            let (number, message, _) = rig.error(method, json!([{"data": code}])).await;
            assert_eq!((number, message.as_str()), (-32000, want));
        }
    }
    // An endless loop, and what a caller can pay: viem knows these texts.
    let endless = json!({"data": "0x5b600056"});
    let paid = |from: Address, price: &str| json!({"from": from, "to": ALICE, "gasPrice": price});
    // 1,000 ether are enough for 20,000 gas at this price.
    let dear = "0xb1a2bc2ec50000";
    for (method, call, want) in [
        ("eth_call", endless.clone(), "out of gas"),
        (
            "eth_estimateGas",
            endless,
            "gas required exceeds allowance (30000000)",
        ),
        (
            "eth_estimateGas",
            paid(ALICE, dear),
            "gas required exceeds allowance (20000)",
        ),
        (
            "eth_estimateGas",
            paid(NOBODY, dear),
            "insufficient funds for transfer",
        ),
        (
            "eth_call",
            paid(ALICE, dear),
            "insufficient funds for gas * price + value: lack of funds (1000000000000000000000) for max fee (1500000000000000000000000)",
        ),
    ] {
        let (code, message, _) = rig.error(method, json!([call])).await;
        assert_eq!((code, message.as_str()), (-32000, want));
    }
    let (code, message, _) = rig
        .error("eth_call", json!([{"to": ALICE, "chainId": "0x1"}]))
        .await;
    assert_eq!(
        (code, message.as_str()),
        (-32602, "chainId does not match node's (have=1, want=4242)")
    );
    for overrides in [
        json!([{}, "latest", {"0x1": {}}]),
        json!([{}, "latest", null, {"number": "0x1"}]),
    ] {
        let (code, message, _) = rig.error("eth_call", overrides).await;
        assert_eq!(code, -32602);
        assert!(
            message.ends_with("overrides are not supported"),
            "{message}"
        );
    }
    let result = rig
        .result("eth_call", json!([{"to": ALICE}, "latest", {}]))
        .await;
    assert_eq!(result, "0x");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_block_that_is_not_there_is_named() {
    let rig = Rig::start().await;
    for (block, name) in [
        (json!("0x7"), "0x7".to_owned()),
        (json!(B256::ZERO), B256::ZERO.to_string()),
        (
            json!({"blockHash": B256::ZERO, "requireCanonical": true}),
            B256::ZERO.to_string(),
        ),
    ] {
        for (method, mut params) in [
            ("eth_getBalance", vec![json!(ALICE)]),
            ("eth_call", vec![json!({"to": ALICE})]),
            ("eth_getProof", vec![json!(ALICE), json!([])]),
        ] {
            params.push(block.clone());
            let (code, message, _) = rig.error(method, json!(params)).await;
            assert_eq!(code, -32001);
            assert_eq!(message, format!("block not found: {name}"));
        }
    }
}

/// RR4: the machine's bound counts from the account, not from what waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_nonce_too_far_ahead_of_the_account_is_too_high_though_all_before_it_wait() {
    let rig = Rig::start().await;
    let with = |nonce| {
        json!([signed(transaction(
            nonce,
            TxKind::Call(NOBODY),
            1,
            Bytes::new()
        ))])
    };
    for nonce in 0..=256 {
        rig.result("eth_sendRawTransaction", with(nonce)).await;
    }
    let (code, message, _) = rig.error("eth_sendRawTransaction", with(257)).await;
    assert_eq!(code, -32000);
    assert!(message.starts_with("nonce too high"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_refused_in_the_words_that_wallets_know() {
    let rig = Rig::start().await;
    rig.send(TxKind::Call(NOBODY), 1, Bytes::new()).await;
    let good = transaction(1, TxKind::Call(NOBODY), 1, Bytes::new());
    let with = |change: fn(&mut TxEip1559)| {
        let mut transaction = good.clone();
        change(&mut transaction);
        signed(transaction)
    };
    let mut forged = signed(good.clone()).to_vec();
    let last = forged.len() - 33;
    forged[last - 31..].fill(0xff);
    let cases = [
        (Bytes::new(), "invalid transaction"),
        (Bytes::from_static(&[0xc0]), "invalid transaction"),
        (
            Bytes::from_static(&[3, 1]),
            "transaction type not supported: 3",
        ),
        (
            Bytes::from_static(&[0x7e, 1]),
            "transaction type not supported: 126",
        ),
        (forged.into(), "invalid"),
        (
            with(|it| it.nonce = 0),
            "nonce too low: next nonce 1, tx nonce 0",
        ),
        (with(|it| it.nonce = 100), "nonce too high"),
        (
            with(|it| it.value = U256::MAX),
            "insufficient funds for gas * price + value",
        ),
        (
            with(|it| it.chain_id = 1),
            "invalid chain id for signer: have 1 want 4242",
        ),
        (with(|it| it.gas_limit = 20_999), "intrinsic gas too low"),
        (
            with(|it| it.gas_limit = 30_000_001),
            "transaction gas limit too high",
        ),
        (
            with(|it| it.max_priority_fee_per_gas = it.max_fee_per_gas + 1),
            "max priority fee per gas higher than max fee per gas",
        ),
        (
            signed(TxLegacy {
                chain_id: None,
                nonce: 1,
                gas_limit: 30_000,
                gas_price: 10_000_000_000,
                to: TxKind::Call(NOBODY),
                ..TxLegacy::default()
            }),
            "only replay-protected (EIP-155) transactions allowed",
        ),
        (
            with(|it| it.input = vec![0; 100_000].into()),
            "oversized data: transaction size 100116, limit 100000",
        ),
        (
            signed_by(
                CONTRACT_KEY,
                transaction(0, TxKind::Call(NOBODY), 1, Bytes::new()),
            ),
            "sender not an eoa",
        ),
    ];
    for (raw, want) in cases {
        let (code, message, _) = rig.error("eth_sendRawTransaction", json!([raw])).await;
        assert_eq!(code, -32000, "{message}");
        assert!(message.starts_with(want), "{message} is not {want}");
    }

    let raw = signed(good.clone());
    rig.result("eth_sendRawTransaction", json!([raw])).await;
    let (_, message, _) = rig.error("eth_sendRawTransaction", json!([raw])).await;
    assert_eq!(message, "already known");
    let other = with(|it| it.value = U256::from(2));
    let (_, message, _) = rig.error("eth_sendRawTransaction", json!([other])).await;
    assert!(
        message.starts_with("replacement transaction underpriced"),
        "{message}"
    );
    rig.order();
    let (_, message, _) = rig.error("eth_sendRawTransaction", json!([raw])).await;
    assert!(message.starts_with("nonce too low"), "{message}");
    assert_eq!(rig.result("eth_getBalance", json!([NOBODY])).await, "0x2");
    assert_eq!(
        rig.result("eth_chainId", json!([])).await,
        format!("{CHAIN:#x}")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_transactions_with_one_nonce_that_come_at_once_one_is_accepted() {
    let rig = Rig::start().await;
    let offers = (1..=16_u64).map(|value| {
        let raw = signed(transaction(
            0,
            TxKind::Call(NOBODY),
            value.into(),
            Bytes::new(),
        ));
        rig.response("eth_sendRawTransaction", json!([raw]))
    });
    let answers = futures::future::join_all(offers).await;
    let accepted = answers.iter().filter(|it| it["result"].is_string());
    assert_eq!(accepted.count(), 1, "{answers:?}");
    assert_eq!(rig.node.pending().len(), 1);
}

/// RR4: what a sender has is counted once, over all that waits before.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_before_a_transaction_leaves_it_less_to_spend() {
    let rig = Rig::start().await;
    let ether = |nonce, ether: u128, fee| {
        let value = ether * 1_000_000_000_000_000_000;
        json!([signed(TxEip1559 {
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: 0,
            ..transaction(nonce, TxKind::Call(NOBODY), value, Bytes::new())
        })])
    };
    let send = "eth_sendRawTransaction";
    // Of 1,000. What comes later takes nothing from what comes before.
    rig.result(send, ether(1, 600, 2_000_000_000)).await;
    rig.result(send, ether(0, 600, 2_000_000_000)).await;
    let (code, message, _) = rig.error(send, ether(1, 600, 3_000_000_000)).await;
    let want = "insufficient funds for gas * price + value: balance 1000000000000000000000, queued cost 600002000000000000000, tx cost 600003000000000000000, overshot 200005000000000000000";
    assert_eq!((code, message.as_str()), (-32000, want));
    let (_, message, _) = rig.error(send, ether(5, 600, 2_000_000_000)).await;
    assert!(
        message.starts_with("insufficient funds for gas"),
        "{message}"
    );
    rig.result(send, ether(0, 300, 3_000_000_000)).await;
    rig.result(send, ether(1, 600, 3_000_000_000)).await;
}

/// RT6: there is one way in, behind both methods.
#[tokio::test(flavor = "multi_thread")]
async fn rollup_send_keeps_the_rules_of_replacement() {
    let rig = Rig::start().await;
    let offer = |value: u64, fee: u128| {
        signed(TxEip1559 {
            max_fee_per_gas: fee,
            value: U256::from(value),
            max_priority_fee_per_gas: 0,
            ..transaction(0, TxKind::Call(NOBODY), 0, Bytes::new())
        })
    };
    rig.node.submit(offer(1, 10_000).0).await.unwrap();
    let error = rig.node.submit(offer(2, 10_999).0).await.unwrap_err();
    assert!(
        error.to_string().contains("have to be 10% higher"),
        "{error}"
    );
    let raw = json!([offer(3, 10_999)]);
    let (_, message, _) = rig.error("eth_sendRawTransaction", raw).await;
    assert!(
        message.starts_with("replacement transaction underpriced"),
        "{message}"
    );
    rig.node.submit(offer(4, 11_000).0).await.unwrap();
    let waiting: Vec<_> = rig.node.pending().into_iter().map(|it| it.bytes).collect();
    assert_eq!(waiting, [offer(4, 11_000).0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_replaced_by_what_pays_a_tenth_more() {
    let rig = Rig::start().await;
    let offer = |value: u64, fee: u128, tip: u128| {
        signed(TxEip1559 {
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: tip,
            value: U256::from(value),
            ..transaction(0, TxKind::Call(NOBODY), 0, Bytes::new())
        })
    };
    // Below the base fee: the node holds it.
    rig.result("eth_sendRawTransaction", json!([offer(1, 1_000, 100)]))
        .await;
    for (fee, tip) in [(1_099, 110), (1_100, 109), (2_000, 100)] {
        let raw = offer(2, fee, tip);
        let (_, message, _) = rig.error("eth_sendRawTransaction", json!([raw])).await;
        let want = "replacement transaction underpriced";
        assert!(message.starts_with(want), "{fee}, {tip}: {message}");
    }
    for (value, fee, tip) in [(3, 1_100, 110), (4, 10_000_000_000, 121)] {
        let newest = offer(value, fee, tip);
        rig.result("eth_sendRawTransaction", json!([newest])).await;
        let waiting: Vec<_> = rig.node.pending().into_iter().map(|it| it.bytes).collect();
        assert_eq!(waiting, [newest.0]);
    }
    rig.order();
    assert_eq!(rig.result("eth_getBalance", json!([NOBODY])).await, "0x4");
    let more = offer(5, 20_000_000_000, 1_000);
    let (_, message, _) = rig.error("eth_sendRawTransaction", json!([more])).await;
    assert!(message.starts_with("nonce too low"), "{message}");

    // No tip is what this node tells wallets to pay.
    let free = |fee| {
        signed(TxEip1559 {
            max_fee_per_gas: fee,
            max_priority_fee_per_gas: 0,
            ..transaction(1, TxKind::Call(NOBODY), 0, Bytes::new())
        })
    };
    rig.result("eth_sendRawTransaction", json!([free(1_000)]))
        .await;
    rig.result("eth_sendRawTransaction", json!([free(1_100)]))
        .await;
    assert_eq!(rig.node.pending().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_asks_for_too_much_is_told_the_limit() {
    let rig = Rig::start().await;
    let slots: Vec<B256> = vec![B256::ZERO; 1025];
    let (code, message, _) = rig
        .error("eth_getProof", json!([ALICE, slots, "latest"]))
        .await;
    assert_eq!(code, -32005);
    assert!(message.contains("1024"), "{message}");
    for (name, want) in [
        ("eth_feeHistory", json!(["0x1", "latest", vec![1; 101]])),
        ("eth_getLogs", json!([{"address": vec![ALICE; 1001]}])),
        ("eth_getLogs", json!([{"topics": [vec![B256::ZERO; 1001]]}])),
    ] {
        let (code, message, _) = rig.error(name, want).await;
        assert_eq!(code, -32602);
        assert!(message.contains("at most"), "{message}");
    }
    let all = rig
        .result("eth_feeHistory", json!(["0xffffffffffffffff", "latest"]))
        .await;
    assert_eq!(all["oldestBlock"], "0x0");
    // As geth.
    assert_eq!(all["baseFeePerBlobGas"], json!(["0x1", "0x1"]));
    for percentiles in [json!([]), json!(null)] {
        let params = json!(["0x1", "latest", percentiles]);
        let history = rig.result("eth_feeHistory", params).await;
        assert!(history.get("reward").is_none(), "{history}");
    }
    let (code, message, _) = rig.error("eth_feeHistory", json!(["0x1", "0x7"])).await;
    assert_eq!(
        (code, message.as_str()),
        (-32000, "request beyond head block: requested 7, head 0")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_logs_than_one_answer_holds_are_refused() {
    let rig = Rig::start().await;
    // Logs without topics or data, as many as the two bytes after the first say.
    let creation = |count: u16| {
        let [high, low] = count.to_be_bytes();
        let code = [
            0x61, high, low, 0x5b, 0x5f, 0x5f, 0xa0, 0x60, 1, 0x90, 0x03, 0x80, 0x60, 3, 0x57,
        ];
        Bytes::from([&code[..], &[0]].concat())
    };
    for (nonce, count) in [(0, 10_000), (1, 1)] {
        let raw = signed(TxEip1559 {
            gas_limit: 6_000_000,
            ..transaction(nonce, TxKind::Create, 0, creation(count))
        });
        rig.result("eth_sendRawTransaction", json!([raw])).await;
        rig.order();
    }
    let first = rig
        .result(
            "eth_getLogs",
            json!([{"fromBlock": "0x1", "toBlock": "0x1"}]),
        )
        .await;
    assert_eq!(first.as_array().unwrap().len(), 10_000);
    let (code, message, _) = rig
        .error("eth_getLogs", json!([{"fromBlock": "0x0"}]))
        .await;
    assert_eq!(
        (code, message.as_str()),
        (-32005, "query returned more than 10000 results")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_bytes_of_logs_than_one_answer_holds_are_refused() {
    let rig = Rig::start().await;
    for nonce in 0..3 {
        let raw = json!([three_large_logs(nonce)]);
        rig.result("eth_sendRawTransaction", raw).await;
        rig.order();
    }
    // As much as one block may have, when its last transaction begins below what ends it (RE3).
    let two = rig
        .result("eth_getLogs", json!([{"fromBlock": "0x2"}]))
        .await;
    assert_eq!(two.as_array().unwrap().len(), 6);
    let (code, message, _) = rig
        .error("eth_getLogs", json!([{"fromBlock": "0x0"}]))
        .await;
    assert_eq!(
        (code, message.as_str()),
        (-32005, "query returned more than 8200000 bytes")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_told_so() {
    let rig = Rig::start().await;
    for (body, code) in [
        ("{", -32700),
        ("\u{0}", -32700),
        ("[]", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600),
        (
            "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"eth_chainId\"}",
            -32600,
        ),
    ] {
        let response: Value = serde_json::from_str(&rig.post(body.to_owned()).await).unwrap();
        assert_eq!(response["error"]["code"], code, "{body}: {response}");
    }
    for method in [
        "eth_sendTransaction",
        "eth_sign",
        "eth_mining",
        "personal_unlockAccount",
        "",
    ] {
        let (code, message, _) = rig.error(method, json!([])).await;
        assert_eq!(code, -32601, "{method}");
        // By these words ethers knows that it has to do without.
        let words = format!("the method {method} does not exist/is not available");
        assert_eq!(message, words);
    }
    for method in ["eth_subscribe", "eth_unsubscribe"] {
        let (code, message, _) = rig.error(method, json!(["newHeads"])).await;
        assert_eq!((code, &*message), (-32601, "notifications not supported"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_one_by_one() {
    let rig = Rig::start().await;
    let batch = json!([
        {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []},
        {"jsonrpc": "2.0", "id": "two", "method": "eth_nothing", "params": []},
        {"jsonrpc": "2.0", "id": 3, "method": "eth_getBalance", "params": ["0x"]},
    ]);
    let responses: Vec<Value> = serde_json::from_str(&rig.post(batch.to_string()).await).unwrap();
    let codes: Vec<Option<i64>> = responses
        .iter()
        .map(|response| response["error"]["code"].as_i64())
        .collect();
    assert_eq!(codes, [None, Some(-32601), Some(-32602)]);
    assert_eq!(responses[1]["id"], "two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_or_request_that_is_too_big_is_refused_as_a_whole() {
    let rig = Rig::start().await;
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
    let most = json!(vec![request.clone(); 100]).to_string();
    let responses: Vec<Value> = serde_json::from_str(&rig.post(most).await).unwrap();
    assert_eq!(responses.len(), 100);
    let more = json!(vec![request; 101]).to_string();
    let response: Value = serde_json::from_str(&rig.post(more).await).unwrap();
    assert_eq!(response["error"]["code"], -32010);
    let huge = format!("[\"{}\"]", "0".repeat(3 << 20));
    let response = rig.post(huge).await;
    assert!(
        response.contains("too big") || response.contains("-32007"),
        "{response}"
    );
}
