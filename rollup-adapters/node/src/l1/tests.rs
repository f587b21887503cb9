//! Against the real contracts on anvil, some endpoints of which lie.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anvil::{Anvil, CHAIN};
use hotshot_types::{GenesisDocument, Hash, Height, digest, genesis::EmptyRoots};
use light_client::{
    account::created,
    deploy::{self, Artifacts},
    rpc::{Endpoint, Tag},
    send::Sender,
};
use rollup_contracts::{
    calls,
    deploy::{Contracts, Terms},
};
use rollup_derive::L1Base;
use rollup_types::MessageBody;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{L1Contracts, testing};

pub(crate) struct Rollup {
    anvil: Anvil,
    pub(crate) sender: Sender,
    pub(crate) contracts: L1Contracts,
    network: Hash,
}

fn document(stake_table: hotshot_types::Address) -> GenesisDocument {
    let domain = digest::chain_domain(CHAIN, stake_table, Hash([7; 32]));
    let mut document = testing::sequencer(CHAIN);
    document.stake_table = stake_table;
    let validator = &mut document.validators[0];
    let key = hotshot_types::SecretKey::derive(&[1; 32]);
    validator.possession = key.prove_possession(domain, validator.operator);
    document
}

impl Rollup {
    pub(crate) async fn start(age_s: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let timestamp = (now - age_s).to_string();
        let anvil = Anvil::start(&["--slots-in-an-epoch", "1", "--timestamp", &timestamp]);
        let account = anvil::account(0);
        let genesis = document(created(account.address(), 3));
        let sender = anvil.sender(account).await;
        let empty = EmptyRoots {
            shard_root: Hash::ZERO,
            ns_root: Hash::ZERO,
            ns_acc_root: Hash::ZERO,
        };
        let header = genesis.header(empty).unwrap();
        let home = anvil::artifacts();
        let terms = deploy::Terms::development();
        let light_client = deploy::deploy_home(&sender, &home, &genesis, &header, &terms)
            .await
            .unwrap()
            .light_client;
        let artifacts =
            Artifacts::new(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts/out"));
        let terms = Terms::development(light_client, 7, CHAIN, sender.address());
        let Contracts {
            queue,
            inbox,
            vault,
        } = rollup_contracts::deploy::deploy(&sender, &artifacts, &terms)
            .await
            .unwrap();
        Self {
            anvil,
            sender,
            contracts: L1Contracts {
                chain_id: CHAIN,
                light_client,
                queue,
                inbox,
                vault,
                first_block: 1,
            },
            network: genesis.chain_domain(),
        }
    }

    /// Puts transactions into the queue, each in a block of its own.
    pub(crate) async fn force(&self, transactions: &[&[u8]]) {
        for transaction in transactions {
            let call = calls::force_tx(transaction);
            let fee = 1_000_000_000_000_000_000;
            self.sender
                .pay(Some(self.contracts.queue), fee, call)
                .await
                .unwrap();
        }
    }

    async fn mine(&self, blocks: u64) {
        let endpoint = self.sender.endpoint();
        let _: Value = endpoint.ask("anvil_mine", json!([blocks])).await.unwrap();
    }

    fn reader(&self, urls: &[&str]) -> Reader {
        let endpoints = urls.iter().map(|url| Endpoint::new(url).unwrap());
        let endpoints = Endpoints::new(endpoints.collect(), CHAIN);
        Reader::new(endpoints, self.contracts, self.network)
    }
}

type Change = Arc<dyn Fn(&str, &Value, Value) -> Value + Send + Sync>;

/// An endpoint that passes everything on, and changes some answers. Counts what it was asked.
async fn proxy(
    url: &str,
    change: impl Fn(&str, &Value, Value) -> Value + Send + Sync + 'static,
) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (url, change): (String, Change) = (url.to_owned(), Arc::new(change));
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (url, change) = (url.clone(), Arc::clone(&change));
            let counter = Arc::clone(&counter);
            tokio::spawn(async move { pass_on(stream, &url, &change, &counter).await });
        }
    });
    (format!("http://{address}"), asked)
}

async fn pass_on(mut stream: TcpStream, url: &str, change: &Change, asked: &AtomicUsize) {
    let endpoint = Endpoint::new(url).unwrap();
    let mut buffer = Vec::new();
    loop {
        let (end, length) = loop {
            if let Some(end) = find(&buffer, b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
                let length = head.split("content-length:").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                if buffer.len() >= end + 4 + length {
                    break (end + 4, length);
                }
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        let request: Value = serde_json::from_slice(&buffer[end..end + length]).unwrap();
        buffer.drain(..end + length);
        asked.fetch_add(1, SeqCst);
        let method: &'static str = Box::leak(
            request["method"]
                .as_str()
                .unwrap()
                .to_owned()
                .into_boxed_str(),
        );
        let result: Value = endpoint
            .ask(method, request["params"].clone())
            .await
            .unwrap();
        let result = change(method, &request["params"], result);
        // What has a code is an error.
        let kind = result.get("code").map_or("result", |_| "error");
        let answer = json!({"jsonrpc": "2.0", "id": request["id"], kind: result}).to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream
            .write_all(format!("{head}{answer}").as_bytes())
            .await
            .is_err()
        {
            return;
        }
    }
}

/// A block of a filter.
fn block(params: &Value, key: &str) -> u64 {
    let text = params[0][key].as_str().unwrap();
    u64::from_str_radix(&text[2..], 16).unwrap()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The transactions that a reader finds up to what its endpoints agree on.
async fn read(reader: &mut Reader) -> Result<Vec<Vec<u8>>, String> {
    let (number, hash) = reader.finalized().await.ok_or("no majority")?;
    let view = reader
        .view(At::Agreed(number, hash), L1Base::default(), 0)
        .await;
    let view = view.map_err(|error| error.to_string())?;
    assert_eq!((view.number(), view.is_attested()), (number, false));
    let messages = view.messages().iter().map(|message| match &message.body {
        MessageBody::ForcedTransaction(bytes) => bytes.to_vec(),
        MessageBody::Deposit(_) => panic!("there are no deposits"),
    });
    Ok(messages.collect())
}

fn all() -> Vec<Vec<u8>> {
    vec![b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]
}

async fn filled() -> Rollup {
    let rollup = Rollup::start(0).await;
    rollup.force(&[b"a", b"b", b"c"]).await;
    rollup.mine(4).await;
    rollup
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_read_and_proven_up_to_the_final_block() {
    let rollup = Rollup::start(0).await;
    rollup.force(&[b"a", b"b", b"c"]).await;
    let mut reader = rollup.reader(&[&rollup.anvil.url]);
    let early = read(&mut reader).await.unwrap();
    assert!(
        early.len() < 3,
        "the newest blocks are not final: {early:?}"
    );
    rollup.mine(4).await;
    assert_eq!(read(&mut reader).await.unwrap(), all());

    let (number, hash) = reader.finalized().await.unwrap();
    let view = reader
        .view(At::Agreed(number, hash), L1Base::default(), 0)
        .await
        .unwrap();
    let base = view.head();
    assert_eq!((base.queue.count, base.pins.count), (3, 0));
    assert_eq!(
        (view.light_client(), view.advanced()),
        (Height(0), Height(0))
    );
    rollup.force(&[b"d"]).await;
    rollup.mine(4).await;
    let (later, hash) = reader.finalized().await.unwrap();
    let view = reader
        .view(At::Agreed(later, hash), base, number)
        .await
        .unwrap();
    assert_eq!(view.messages().len(), 1, "only what is new");
    assert_eq!(view.head().queue.count, 4);
    // Also from before the last that is known: a start that knows no better.
    let view = reader.view(At::Agreed(later, hash), base, 0).await.unwrap();
    assert_eq!(view.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_left_out_or_changed_is_not_believed_and_nobody_is_left_for_it() {
    let rollup = filled().await;
    let (hides, _) = proxy(&rollup.anvil.url, |method, _, mut answer| {
        if method == "eth_getLogs" {
            answer.as_array_mut().unwrap().pop();
        }
        answer
    })
    .await;
    let (changes, _) = proxy(&rollup.anvil.url, |method, _, answer| {
        if method == "eth_getLogs" {
            let text = answer.to_string();
            // The transaction `a` in its word.
            return serde_json::from_str(&text.replacen("6100000000", "7100000000", 1)).unwrap();
        }
        answer
    })
    .await;
    let mut reader = rollup.reader(&[&hides, &changes, &rollup.anvil.url]);
    assert_eq!(read(&mut reader).await.unwrap(), all());
    assert_eq!(reader.endpoints().asked(), 3, "old logs may be gone");
    for url in [&hides, &changes] {
        let error = read(&mut rollup.reader(&[url])).await.unwrap_err();
        assert!(error.contains("not those of the queue"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_with_false_proofs_is_left() {
    let rollup = filled().await;
    let value = |method: &str, _: &Value, mut answer: Value| {
        if method == "eth_getProof" {
            answer["storageProof"][0]["value"] = json!("0x1234");
        }
        answer
    };
    let nodes = |method: &str, _: &Value, mut answer: Value| {
        if method == "eth_getProof" {
            answer["accountProof"].as_array_mut().unwrap().pop();
        }
        answer
    };
    let (value, _) = proxy(&rollup.anvil.url, value).await;
    let (nodes, _) = proxy(&rollup.anvil.url, nodes).await;
    let mut reader = rollup.reader(&[&value, &nodes, &rollup.anvil.url]);
    assert_eq!(read(&mut reader).await.unwrap(), all());
    assert_eq!(reader.endpoints().asked(), 1);
    let mut alone = rollup.reader(&[&value]);
    let error = read(&mut alone).await.unwrap_err();
    assert!(error.contains("not proven"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_block_takes_a_strict_majority_and_whoever_contradicts_it_is_left() {
    let rollup = filled().await;
    let lie = |method: &str, _: &Value, mut answer: Value| {
        if method == "eth_getBlockByNumber" && answer.is_object() {
            answer["hash"] = json!(Hash([5; 32]));
        }
        answer
    };
    let (liar, _) = proxy(&rollup.anvil.url, lie).await;
    let mut two = rollup.reader(&[&liar, &rollup.anvil.url]);
    assert_eq!(two.finalized().await, None, "one of two is no majority");
    assert_eq!(two.endpoints().asked(), 2, "nobody knows which one lies");
    let mut three = rollup.reader(&[&liar, &rollup.anvil.url, &rollup.anvil.url]);
    assert_eq!(read(&mut three).await.unwrap(), all());
    assert_eq!(three.endpoints().asked(), 2);
    // Only those in reach count.
    let mut one = rollup.reader(&[
        "http://127.0.0.1:9",
        "http://127.0.0.1:10",
        &rollup.anvil.url,
    ]);
    assert_eq!(read(&mut one).await.unwrap(), all());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_behind_on_another_fork_is_not_left() {
    let rollup = filled().await;
    let endpoint = rollup.sender.endpoint();
    let head = endpoint
        .block(Tag::Finalized)
        .await
        .unwrap()
        .unwrap()
        .number;
    let old: Value = endpoint
        .ask(
            "eth_getBlockByNumber",
            json!([Tag::Number(head - 1), false]),
        )
        .await
        .unwrap();
    let (behind, _) = proxy(&rollup.anvil.url, move |_, params, mut answer| {
        if params[0] == json!("finalized") {
            return old.clone();
        }
        if params[0] == json!(Tag::Number(head)) {
            answer["hash"] = json!(Hash([5; 32]));
        }
        answer
    })
    .await;
    let mut reader = rollup.reader(&[&behind, &rollup.anvil.url, &rollup.anvil.url]);
    assert_eq!(read(&mut reader).await.unwrap(), all());
    assert_eq!(reader.endpoints().asked(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_stands_still_does_not_hold_the_others_up() {
    let rollup = Rollup::start(7_200).await;
    rollup.force(&[b"a"]).await;
    rollup.mine(4).await;
    let old: Value = {
        let endpoint = rollup.sender.endpoint();
        endpoint
            .ask("eth_getBlockByNumber", json!(["finalized", false]))
            .await
            .unwrap()
    };
    let (frozen, _) = proxy(&rollup.anvil.url, move |method, params, answer| {
        if method == "eth_getBlockByNumber" && params[0] == json!("finalized") {
            return old.clone();
        }
        answer
    })
    .await;
    let _: Value = {
        let endpoint = rollup.sender.endpoint();
        endpoint
            .ask("evm_increaseTime", json!([7_000]))
            .await
            .unwrap()
    };
    rollup.force(&[b"b", b"c"]).await;
    rollup.mine(4).await;
    let mut reader = rollup.reader(&[&frozen, &rollup.anvil.url]);
    assert_eq!(read(&mut reader).await.unwrap(), all());
    assert_eq!(reader.endpoints().asked(), 2, "it may go on again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_another_chain_is_left_and_ranges_that_are_refused_are_halved() {
    let rollup = filled().await;
    let chain = |method: &str, _: &Value, answer: Value| {
        if method == "eth_chainId" {
            json!("0x1")
        } else {
            answer
        }
    };
    let (other, _) = proxy(&rollup.anvil.url, chain).await;
    let mut reader = rollup.reader(&[&other, &rollup.anvil.url]);
    assert_eq!(read(&mut reader).await.unwrap(), all());
    assert_eq!(reader.endpoints().asked(), 1);
    let number = rollup
        .sender
        .endpoint()
        .block(Tag::Latest)
        .await
        .unwrap()
        .unwrap()
        .number;
    // What is no list of logs is as good as a refusal.
    let (narrow, asked) = proxy(&rollup.anvil.url, |method, params, answer| {
        if method == "eth_getLogs" && block(params, "toBlock") - block(params, "fromBlock") > 3 {
            return json!("too many");
        }
        answer
    })
    .await;
    let mut reader = rollup.reader(&[&narrow]);
    assert_eq!(read(&mut reader).await.unwrap(), all());
    let asked = asked.load(SeqCst) as u64;
    assert!(asked > number / 4, "{asked} requests for {number} blocks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_that_breaks_off_goes_on_where_it_was() {
    let rollup = filled().await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ranges = Arc::clone(&asked);
    // Refuses wide ranges, and the third narrow one is one request too many.
    let (limited, _) = proxy(&rollup.anvil.url, move |method, params, answer| {
        if method != "eth_getLogs" {
            return answer;
        }
        let (from, to) = (block(params, "fromBlock"), block(params, "toBlock"));
        if to - from > 3 {
            return json!({"code": -32005, "message": "the range is too wide"});
        }
        let mut ranges = ranges.lock().unwrap();
        ranges.push((from, to));
        if ranges.len() == 3 {
            return json!({"code": 429, "message": "too many requests"});
        }
        answer
    })
    .await;
    let mut reader = rollup.reader(&[&limited]);
    let error = read(&mut reader).await.unwrap_err();
    let next = asked.lock().unwrap()[2].0;
    let goes_on = format!("it goes on at block {next}");
    assert!(error.contains(&goes_on), "{error}");
    let read = loop {
        // It rests for a while.
        match read(&mut reader).await {
            Ok(read) => break read,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    assert_eq!(read, all());
    let mut asked = asked.lock().unwrap().clone();
    assert_eq!(asked.remove(2), asked[2], "the one that was refused, again");
    assert_eq!(asked[0].0, rollup.contracts.first_block);
    for pair in asked.windows(2) {
        assert_eq!(pair[0].1 + 1, pair[1].0, "each block once: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_light_client_of_another_network_is_no_reason_to_try_again() {
    let mut rollup = filled().await;
    rollup.network = Hash([9; 32]);
    // One that can't be reached says nothing.
    let mut reader = rollup.reader(&["http://127.0.0.1:9"]);
    let at = At::Agreed(1, Hash::ZERO);
    let error = reader.view(at, L1Base::default(), 0).await.unwrap_err();
    assert!(matches!(error, L1ReadError::Unread { .. }), "{error}");
    let mut reader = rollup.reader(&[&rollup.anvil.url]);
    let error = reader.view(at, L1Base::default(), 0).await.unwrap_err();
    let other = L1ReadError::OtherNetwork(rollup.contracts.light_client);
    assert_eq!(error, other);
}
