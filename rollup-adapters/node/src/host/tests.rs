//! Whole nodes over a real chain.

use std::path::Path;

use rollup_types::Vm as _;
use sequencer_client::{ClientConfig, client::Api};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

use super::*;
use crate::testing::{
    self,
    served::{NAMESPACE, Served},
    tally::Tally,
};

/// As many inputs in a block as the definition says.
struct App;

impl Application for App {
    type Vm = Tally;
    const NAME: &'static str = "tally";

    fn vm(definition: &Definition) -> Result<Tally, String> {
        let limit = definition.vm.get("limit").and_then(toml::Value::as_integer);
        let limit = limit.ok_or("limit is missing")?;
        Ok(Tally(
            usize::try_from(limit).map_err(|error| error.to_string())?,
        ))
    }
}

struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<(), HostError>>,
    rpc: light_client::rpc::Endpoint,
}

fn config(served: &[&Served], directory: &Path, limit: i64) -> Config {
    let mut vm = toml::Table::new();
    vm.insert("limit".into(), limit.into());
    let definition = Definition {
        sequencer: served[0].genesis(),
        ..testing::definition("tally", NAMESPACE, vm)
    };
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let api = |served: &&Served| Api::new(&served.url, ClientConfig::default()).unwrap();
    Config {
        definition,
        directory: directory.to_owned(),
        apis: served.iter().map(api).collect(),
        endpoints: Vec::new(),
        replicas: Vec::new(),
        proof: ProofKind::Certificate,
        poll: Duration::from_millis(50),
        rpc: free.local_addr().unwrap(),
        limits: RpcLimits::default(),
        metrics: None,
        advance: None,
    }
}

fn start(config: Config) -> Running {
    let rpc = light_client::rpc::Endpoint::new(&format!("http://{}", config.rpc)).unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let ended = tokio::spawn(async move {
        let stopped = async move {
            stopped.await.ok();
        };
        let outcome = run::<App>(config, stopped).await;
        if let Err(error) = &outcome {
            eprintln!("the node ended: {error}");
        }
        outcome
    });
    Running { stop, ended, rpc }
}

impl Running {
    async fn ask(&self, method: &'static str, params: Value) -> Value {
        loop {
            match self.rpc.ask(method, params.clone()).await {
                Err(light_client::rpc::RpcError::Unreachable { .. })
                    if !self.ended.is_finished() =>
                {
                    sleep(Duration::from_millis(10)).await;
                }
                answer => return answer.unwrap(),
            }
        }
    }

    /// Waits for a block of the rollup.
    async fn block(&self, number: u64) -> Value {
        loop {
            let block = self.ask("rollup_getBlock", json!([number])).await;
            if !block.is_null() {
                return block;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    async fn blocks(&self, last: u64) -> Vec<Value> {
        let mut blocks = Vec::new();
        for number in 1..=last {
            blocks.push(self.block(number).await);
        }
        blocks
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_executes_what_the_sequencer_made_final_and_another_one_from_an_empty_disk_the_same()
{
    let served = Served::start().await;
    served.push(&["a1", "!x", "w"]);
    served.push(&[]);
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let node = start(config(&[&served], first.path(), 2));
    let block = node.block(2).await;
    assert_eq!(block["height"], json!(1), "the rest of the first block");
    assert_eq!(block["inputs"][0]["origin"]["index"], json!(2));
    let third = served.push(&["a2"]);
    assert_eq!(node.block(3).await["height"], json!(third));
    for _ in 0..6 {
        served.push(&["b", "c", "d"]);
    }
    let blocks = node.blocks(15).await;
    assert_eq!(node.ask("rollup_getBlock", json!([16])).await, Value::Null);
    let other = start(config(&[&served], second.path(), 2));
    assert_eq!(other.blocks(15).await, blocks);
    let id = Tally(1).id(b"w");
    let proof = node.ask("rollup_getInclusionProof", json!([id])).await;
    let file: sequencer_client::ProofFile = serde_json::from_value(proof["proof"].clone()).unwrap();
    let mut root = trust::from_genesis(&served.genesis()).unwrap();
    assert_eq!(file.verify(&mut root).unwrap().header.height, Height(1));
    node.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_in_the_middle_of_a_segment() {
    let served = Served::start().await;
    let names: Vec<String> = (0..20).map(|n| format!("a{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    served.push(&names);
    served.push(&["b"]);
    let directory = tempfile::tempdir().unwrap();
    let whole = {
        let node = start(config(&[&served], directory.path(), 3));
        let blocks = node.blocks(8).await;
        node.stop().await;
        blocks
    };
    // As it was after each of the first blocks.
    for kept in [1, 4, 6] {
        {
            let config = config(&[&served], directory.path(), 3);
            let vm = App::vm(&config.definition).unwrap();
            let node = testing::node(vm, config.definition, directory.path()).unwrap();
            while node.view().head().unwrap() > kept {
                testing::undo(&node).unwrap();
            }
        }
        let node = start(config(&[&served], directory.path(), 3));
        assert_eq!(node.blocks(8).await, whole, "after {kept}");
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hides_a_block_is_left_and_nothing_is_missing() {
    let served = Served::start().await;
    let liar = served.liar(2).await;
    for text in ["a", "b", "c"] {
        served.push(&[text]);
    }
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&liar, &served], directory.path(), 9));
    let blocks = node.blocks(3).await;
    let heights: Vec<&Value> = blocks.iter().map(|block| &block["height"]).collect();
    assert_eq!(heights, [&json!(1), &json!(2), &json!(3)]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_network_is_called_that_and_both_are_named() {
    let (served, other) = (Served::start().await, Served::of_network(8).await);
    served.push(&["a"]);
    other.push(&["b"]);
    let directory = tempfile::tempdir().unwrap();
    let definition = config(&[&served], directory.path(), 9).definition;
    let domains = [&served, &other].map(|it| it.genesis().chain_domain().to_string());
    let alone = Config {
        definition: definition.clone(),
        ..config(&[&other], directory.path(), 9)
    };
    let error = start(alone).ended.await.unwrap().unwrap_err().to_string();
    for words in [&domains[0], &domains[1], &other.url] {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(error.contains("serves another network"), "{error}");
    let both = Config {
        definition,
        ..config(&[&other, &served], directory.path(), 9)
    };
    let node = start(both);
    node.block(1).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_handed_in_again_after_a_restart_until_a_block_holds_it() {
    let served = Served::start().await;
    served.push(&["a"]);
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&served], directory.path(), 9));
    node.block(1).await;
    node.ask("rollup_send", json!(["0x62"])).await;
    assert_eq!(served.submitted(1).await, ["b"]);
    node.stop().await;
    let node = start(config(&[&served], directory.path(), 9));
    assert_eq!(
        served.submitted(2).await[1],
        "b",
        "again, without being told"
    );
    served.push(&["b"]);
    node.block(2).await;
    assert_eq!(
        node.ask("rollup_status", json!([])).await["pending"],
        json!(0)
    );
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_refuses_is_handed_to_the_next_and_is_not_dropped() {
    let served = Served::start().await;
    let refusing = served.refusing().await;
    served.push(&["a"]);
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&refusing, &served], directory.path(), 9));
    node.block(1).await;
    node.ask("rollup_send", json!(["0x62"])).await;
    assert_eq!(served.submitted(1).await, ["b"]);
    node.stop().await;
    let before = refusing.submitted(0).await.len();
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&refusing], directory.path(), 9));
    node.block(1).await;
    for (text, count) in [("0x62", 1), ("0x63", 2)] {
        node.ask("rollup_send", json!([text])).await;
        // The second one is handed in after the first was refused.
        refusing.submitted(before + count).await;
    }
    let status = node.ask("rollup_status", json!([])).await;
    assert_eq!(status["pending"], json!(2));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_servers_all_lie_ends_and_says_what_they_did_and_what_to_do() {
    let served = Served::start().await;
    let liar = served.liar(2).await;
    served.push(&["a"]);
    served.push(&["b"]);
    served.push(&["c"]);
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&liar], directory.path(), 9));
    let error = node.ended.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("hides blocks"), "{error}");
    assert!(error.contains("Name others"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_block_can_be_undone() {
    let served = Served::start().await;
    served.push(&["a"]);
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&served], directory.path(), 9));
    node.block(1).await;
    node.stop().await;
    let config = config(&[&served], directory.path(), 9);
    let vm = App::vm(&config.definition).unwrap();
    let node = testing::node(vm, config.definition, directory.path()).unwrap();
    testing::undo(&node).unwrap();
    assert_eq!(node.view().head().unwrap(), 0);
    let cursor = decode(&node.view().cursor().unwrap()).unwrap();
    assert_eq!(
        cursor.height(),
        Height(0),
        "derivation goes on at the origin"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_locked_is_handed_in_once_a_block_opened_it() {
    let served = Served::start().await;
    served.push(&["a"]);
    let directory = tempfile::tempdir().unwrap();
    let node = start(config(&[&served], directory.path(), 9));
    node.block(1).await;
    node.ask("rollup_send", json!(["0x3f31"])).await;
    node.ask("rollup_send", json!(["0x62"])).await;
    assert_eq!(
        served.submitted(1).await,
        ["b"],
        "the locked one is held back"
    );
    served.push(&["k"]);
    assert_eq!(served.submitted(2).await[1], "?1");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_also_while_no_server_is_in_reach() {
    let served = Served::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(&[&served], directory.path(), 9);
    config.apis = vec![Api::new("http://127.0.0.1:9", ClientConfig::default()).unwrap()];
    let node = start(config);
    let status = node.ask("rollup_status", json!([])).await;
    assert_eq!(status["ready"], json!(false));
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definition_that_the_machine_does_not_take_and_a_used_address_end_it_in_a_sentence() {
    let served = Served::start().await;
    let directory = tempfile::tempdir().unwrap();
    let mut wrong = config(&[&served], directory.path(), 9);
    wrong.definition.vm = toml::Table::new();
    let error = start(wrong).ended.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("limit is missing"), "{error}");
    let mut used = config(&[&served], directory.path(), 9);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    used.rpc = taken.local_addr().unwrap();
    let error = start(used).ended.await.unwrap().unwrap_err();
    let error = error.to_string();
    assert!(error.contains("can't listen"), "{error}");
    assert!(
        error.ends_with("--rpc.listen names another address"),
        "{error}"
    );
}
