//! The program itself: what it prints, and the code it ends with.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::Duration,
};

use hotshot_types::Height;
use sequencer::{api::NodeStatus, storage::Cutoffs};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    chain::Chain,
    liar::{Liar, Lie},
    node::{Node, sample},
};

/// A directory with a genesis document, and a node to ask.
pub(crate) struct Desk {
    directory: TempDir,
    url: String,
}

impl Desk {
    pub(crate) fn at(node: &Node) -> Self {
        let desk = Self {
            directory: tempfile::tempdir().unwrap(),
            url: node.url(),
        };
        fs::write(
            desk.path("genesis.toml"),
            toml::to_string(&node.chain.genesis).unwrap(),
        )
        .unwrap();
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequencer"));
        command
            .args(line.split_whitespace())
            .current_dir(self.directory.path())
            .env_clear()
            .env("SEQUENCER_URL", &self.url)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command line in the directory; nothing but the node's URL is set.
    pub(crate) async fn run(&self, line: &str) -> Outcome {
        let mut command = self.command(line);
        Outcome::of(
            tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap(),
        )
    }
}

pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    #[track_caller]
    pub(crate) fn fails(&self, code: i32, with: &str) {
        assert_eq!(self.code, code, "{} {}", self.out, self.err);
        assert!(self.err.contains(with), "`{with}` is not in: {}", self.err);
    }
}

#[tokio::test]
async fn proofs_of_each_kind_are_written_and_verified_offline() {
    let mut node = sample().await;
    let desk = Desk::at(&node);
    let hash = hex::encode(da::tx_hash(&[5, 2, 2]));
    for (file, line) in [
        (
            "block",
            "proof block latest --out block --genesis genesis.toml".to_owned(),
        ),
        (
            "data",
            "namespace proof 7 --height 5 --out data --genesis genesis.toml".into(),
        ),
        (
            "absent",
            "namespace get 8 --height 5 --proof-out absent --genesis genesis.toml".into(),
        ),
        (
            "all",
            "namespace proof 0x7 --accumulator --out all --genesis genesis.toml".into(),
        ),
        (
            "tx",
            format!("tx get {hash} --proof tx --genesis genesis.toml"),
        ),
    ] {
        let made = desk.run(&line).await;
        assert_eq!(made.code, 0, "{line}: {}", made.err);
        assert!(desk.path(file).exists());
    }
    let made = desk
        .run("proof checkpoint --out checkpoint --genesis genesis.toml --json")
        .await;
    assert_eq!(made.json()["epoch"], 3);
    node.stop().await;

    for (file, says) in [
        ("block", "block 10 is final"),
        ("data", "namespace 7 has exactly 3 transactions in block 5"),
        ("absent", "namespace 8 has no transaction in block 5"),
        (
            "all",
            "namespace 7 has 15 transactions in 5 blocks up to block 10",
        ),
        ("tx", "is at position 1 of namespace 7 in block 5"),
    ] {
        let outcome = desk
            .run(&format!("proof verify {file} --genesis genesis.toml"))
            .await;
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        assert!(outcome.out.contains(says), "{}", outcome.out);
        let line = format!("proof verify {file} --genesis genesis.toml --json");
        assert_eq!(desk.run(&line).await.json()["valid"], true);
        tampered_files_are_refused(&desk, file).await;
    }
    let outcome = desk.run("proof verify block --checkpoint checkpoint").await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let outcome = desk
        .run("proof verify tx --genesis genesis.toml --data-out bytes")
        .await;
    assert_eq!(
        (outcome.code, fs::read(desk.path("bytes")).unwrap()),
        (0, vec![5, 2, 2])
    );
}

/// Changes one place at a time of a proof file; a test beside the verifier changes all of them.
async fn tampered_files_are_refused(desk: &Desk, file: &str) {
    let text = fs::read_to_string(desk.path(file)).unwrap();
    let original: Value = serde_json::from_str(&text).unwrap();
    let at = |pointer: &str| original.pointer(pointer).is_some();
    let places = [
        "/version",
        "/finality/certified/timestamp_ms",
        "/finality/certificate/signature",
        "/finality/certificate/signers/bitmap",
        "/claim/transactions/0",
        "/claim/transaction",
        "/claim/proof/index",
        "/claim/proof/absent/count",
        "/claim/proof/terminal/entry/block_count",
    ];
    let found: Vec<_> = places.into_iter().filter(|place| at(place)).collect();
    assert!(found.len() >= 4);
    for place in found {
        let mut value = original.clone();
        let field = value.pointer_mut(place).unwrap();
        *field = match field.clone() {
            Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            Value::String(text) if text.starts_with("0x") => {
                let last = if text.ends_with('7') { "5" } else { "7" };
                format!("{}{last}", &text[..text.len() - 1]).into()
            }
            _ => "AAAA".into(),
        };
        fs::write(desk.path("forged"), value.to_string()).unwrap();
        let outcome = desk.run("proof verify forged --genesis genesis.toml").await;
        assert_eq!(
            outcome.code, 6,
            "{file} with another {place}: {}{}",
            outcome.out, outcome.err
        );
        assert!(outcome.err.starts_with("error: "), "{}", outcome.err);
    }
}

#[tokio::test]
async fn what_is_no_proof_and_what_is_no_trust_root_are_told_apart() {
    let node = sample().await;
    let desk = Desk::at(&node);
    desk.run("proof block latest --out block --genesis genesis.toml")
        .await;
    fs::write(desk.path("noise"), [0xff; 100]).unwrap();
    desk.run("proof verify noise --genesis genesis.toml")
        .await
        .fails(6, "no valid proof");
    desk.run("proof verify nothing --genesis genesis.toml")
        .await
        .fails(2, "nothing");
    desk.run("proof verify block").await.fails(2, "--genesis");
    desk.run("proof verify block --genesis nowhere.toml")
        .await
        .fails(3, "nowhere.toml");
    desk.run("proof verify block --checkpoint noise")
        .await
        .fails(3, "checkpoint");
    let other = Chain::of(hotshot_types::Hash([9; 32]), node.chain.genesis.parameters);
    fs::write(
        desk.path("other.toml"),
        toml::to_string(&other.genesis).unwrap(),
    )
    .unwrap();
    desk.run("proof verify block --genesis other.toml")
        .await
        .fails(6, "another network");
    desk.run("block get 5 --genesis other.toml")
        .await
        .fails(6, "another network");
}

#[tokio::test]
async fn a_transaction_is_submitted_waited_for_and_proven() {
    let mut node = sample().await;
    let desk = Desk::at(&node);
    fs::write(desk.path("x"), b"a transaction").unwrap();
    let hash = da::tx_hash(b"a transaction");
    let waiting = {
        let mut command = desk.command(
            "tx submit --namespace 42 --file x --wait --proof proof --genesis genesis.toml --json",
        );
        tokio::task::spawn_blocking(move || Outcome::of(command.output().unwrap()))
    };
    while node.mempool.status(&hash).is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    node.push(&[(42, &[b"a transaction".to_vec()])]);
    let answer = waiting.await.unwrap().json();
    assert_eq!(
        (&answer["state"], &answer["position"]["height"]),
        (&"final".into(), &11.into())
    );
    let outcome = desk.run("proof verify proof --genesis genesis.toml").await;
    assert_eq!(outcome.code, 0, "{}", outcome.err);

    let outcome = desk.run("tx submit --namespace 0x2a --hex 0xc0ffee").await;
    assert!(
        outcome.out.starts_with("pending  0x"),
        "{}{}",
        outcome.out,
        outcome.err
    );
    let found = desk
        .run(&format!("tx get {} --json", hex::encode(hash)))
        .await
        .json();
    assert_eq!(found["verified"], false);
    let line = format!("tx get {} --json --genesis genesis.toml", hex::encode(hash));
    assert_eq!(desk.run(&line).await.json()["verified"], true);
}

#[tokio::test]
async fn wrong_submissions_say_what_to_do() {
    let node = sample().await;
    let desk = Desk::at(&node);
    fs::write(desk.path("empty"), b"").unwrap();
    fs::write(desk.path("big"), vec![1; (1 << 20) + 1]).unwrap();
    desk.run("tx submit --namespace 7 --file empty")
        .await
        .fails(2, "at least one byte");
    desk.run("tx submit --namespace 7")
        .await
        .fails(2, "at least one byte");
    desk.run("tx submit --namespace 7 --file big")
        .await
        .fails(2, "1048576");
    desk.run("tx submit --namespace 7 --file nowhere")
        .await
        .fails(2, "nowhere");
    desk.run("tx submit --namespace 0 --hex 00")
        .await
        .fails(2, "reserved");
    desk.run("tx submit --namespace 7 --hex 0xzz")
        .await
        .fails(2, "hex");
    desk.run("tx submit --namespace 7 --hex 00 --proof p")
        .await
        .fails(2, "--genesis");
    assert_eq!(node.mempool.metrics().transactions, 0);
}

#[tokio::test]
async fn what_is_not_there_ends_with_its_own_code() {
    let mut node = sample().await;
    let desk = Desk::at(&node);
    desk.run("block get 99")
        .await
        .fails(5, "last final block is 10");
    desk.run("block get x").await.fails(2, "height");
    desk.run(&format!("tx get {}", "ab".repeat(32)))
        .await
        .fails(5, "never submitted");
    desk.run("namespace get 7 --height 99 --genesis genesis.toml")
        .await
        .fails(5, "99");
    desk.run("namespace get 7 --height 5")
        .await
        .fails(2, "--genesis");
    desk.run("status --url nonsense").await.fails(2, "http://");
    node.stop().await;
    desk.run("status").await.fails(4, "can't be reached");
}

#[tokio::test]
async fn blocks_namespaces_and_status_are_shown() {
    let node = sample().await;
    let desk = Desk::at(&node);
    let latest = desk.run("block get latest --genesis genesis.toml").await;
    assert!(latest.out.contains("(final, verified)"), "{}", latest.out);
    let block = desk.run("block get 5 --json").await.json();
    assert_eq!(block["hash"], node.chain.block(5).header.hash().to_string());
    let namespace = desk
        .run("namespace get 7 --height 5 --genesis genesis.toml")
        .await;
    assert_eq!(namespace.out.lines().count(), 4, "{}", namespace.out);
    let raw = desk
        .run("namespace get 7 --height 5 --raw --genesis genesis.toml")
        .await;
    assert_eq!(raw.out.as_bytes(), [5, 1, 5, 2, 2, 5, 3]);
    let status = desk.run("status").await;
    assert!(status.out.starts_with("ready"), "{}", status.out);
    assert_eq!(desk.run("status --json").await.json()["final_height"], 10);
}

#[tokio::test]
async fn a_namespace_is_streamed_to_its_limit() {
    let node = sample().await;
    let desk = Desk::at(&node);
    let line = "namespace stream 7 --from 1 --limit 5 --genesis genesis.toml";
    let lines = desk.run(line).await;
    assert_eq!(lines.code, 0, "{}", lines.err);
    assert_eq!(lines.out.lines().count(), 5);
    let json = desk.run(&format!("{line} --json")).await;
    let heights: Vec<_> = json
        .out
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["height"]
                .as_u64()
                .unwrap()
        })
        .collect();
    assert_eq!(heights, [1, 3, 5, 7, 9]);
}

#[tokio::test]
async fn a_hidden_block_ends_the_stream_with_its_own_code() {
    let node = Node::with(Chain::sample(), crate::node::bounds(), Some(5)).await;
    let desk = Desk::at(&node);
    let outcome = desk
        .run("namespace stream 7 --from 1 --genesis genesis.toml")
        .await;
    outcome.fails(6, "holds back blocks of namespace 7");
}

fn heights(outcome: &Outcome) -> Vec<u64> {
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    let lines = outcome.out.lines();
    let height = |line| serde_json::from_str::<Value>(line).unwrap()["height"].as_u64();
    lines.map(|line| height(line).unwrap()).collect()
}

#[tokio::test]
async fn a_stream_goes_on_from_its_cursor_without_a_genesis_document() {
    let node = sample().await;
    let desk = Desk::at(&node);
    let line = "namespace stream 7 --cursor c --json";
    let from = format!("{line} --from 1 --limit 3 --genesis genesis.toml");
    assert_eq!(heights(&desk.run(&from).await), [1, 3, 5]);
    let rest = desk.run(&format!("{line} --limit 2")).await;
    assert_eq!(heights(&rest), [7, 9]);
    desk.run(&from).await.fails(2, "leave --from away");
    desk.run("namespace stream 8 --cursor c")
        .await
        .fails(2, "of namespace 7");
    fs::write(desk.path("c"), "{").unwrap();
    desk.run(line).await.fails(2, "c is no valid cursor");
}

#[tokio::test]
async fn a_node_that_lies_is_named_and_the_next_one_is_asked() {
    let node = sample().await;
    let desk = Desk::at(&node);
    let liar = Liar::before(node.address, Lie::WrongBytes).await;
    // However busy the machine: the liar is not overtaken.
    let next = Liar::before(node.address, Lie::After(liar.answered.clone())).await;
    fs::create_dir(desk.path("caught")).unwrap();
    let urls = format!("--url {} --url {}", liar.url, next.url);
    let line = "namespace get 7 --height 5 --raw --genesis genesis.toml --evidence caught";
    let read = desk.run(&format!("{line} {urls}")).await;
    assert_eq!(read.code, 0, "{}", read.err);
    assert_eq!(read.out.as_bytes(), [5, 1, 5, 2, 2, 5, 3]);
    let named = format!("warning: {} sent a false proof", liar.url);
    assert!(read.err.contains(&named), "{}", read.err);
    let file = fs::read_dir(desk.path("caught")).unwrap().next().unwrap();
    let evidence: Value = serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap();
    assert_eq!(evidence["server"], liar.url);
    assert_eq!(evidence["fault"]["kind"], "false_proof");
    let status = desk.run(&format!("status --json {urls}")).await.json();
    assert_eq!(status.as_array().unwrap().len(), 2);
    assert_eq!(status[1]["status"]["final_height"], 10);
}

#[tokio::test]
async fn a_transaction_whose_block_is_pruned_is_not_found_rather_than_false() {
    let node = sample().await;
    let desk = Desk::at(&node);
    let hash = hex::encode(da::tx_hash(&[5, 2, 2]));
    let cutoffs = Cutoffs {
        payloads: Height(6),
        slots: Height(6),
        transactions: Height(0),
        map: Height(0),
    };
    while !node.storage.prune(&cutoffs, 1_000).unwrap().done {}
    for line in [
        format!("tx get {hash} --genesis genesis.toml"),
        format!("tx get {hash} --genesis genesis.toml --proof file"),
    ] {
        desk.run(&line).await.fails(5, "no longer keeps");
    }
    let unverified = desk.run(&format!("tx get {hash} --json")).await.json();
    assert_eq!(unverified["position"]["height"], 5);
}

#[tokio::test]
async fn a_certificate_that_fails_may_be_of_another_network_and_that_is_said() {
    let node = sample().await;
    let desk = Desk::at(&node);
    let mut proofs = Vec::new();
    for height in [3, 10] {
        let line = format!("proof block {height} --out block --genesis genesis.toml");
        let made = desk.run(&line).await;
        assert_eq!(made.code, 0, "{}", made.err);
        let text = fs::read_to_string(desk.path("block")).unwrap();
        proofs.push(serde_json::from_str::<Value>(&text).unwrap());
    }
    let signature = "/finality/certificate/signature";
    let other = proofs[0].pointer(signature).unwrap().clone();
    *proofs[1].pointer_mut(signature).unwrap() = other;
    fs::write(desk.path("block"), proofs[1].to_string()).unwrap();
    let outcome = desk.run("proof verify block --genesis genesis.toml").await;
    outcome.fails(6, "that of another network");
}

#[tokio::test]
async fn status_of_a_node_that_is_not_ready_is_shown_and_no_success() {
    let node = sample().await;
    let desk = Desk::at(&node);
    node.status.send_replace(NodeStatus {
        not_ready: vec!["no peer is connected".into()],
        ..NodeStatus::default()
    });
    for line in ["status", "status --json"] {
        let outcome = desk.run(line).await;
        outcome.fails(4, "the node is not ready");
        assert!(outcome.out.contains("no peer"), "{}", outcome.out);
    }
}
