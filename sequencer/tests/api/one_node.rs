//! The program as its users run it: a network of one validator, with consensus and everything else.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
};

use bytes::Bytes;
use hotshot_types::Hash;
use sequencer_client::{Client, ClientConfig, client::Api, trust, types::TransactionState};
use tempfile::TempDir;

use crate::chain::id;

/// A running node; it is killed when it is dropped.
pub(crate) struct OneNode {
    process: Child,
    directory: TempDir,
    pub(crate) url: String,
}

impl OneNode {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let (home, entry, genesis) = (path("node"), path("entry.toml"), path("genesis.toml"));
        for line in [
            format!("init --data-dir {home} --genesis {genesis}"),
            format!("keys new --development --data-dir {home}"),
            format!(
                "keys genesis-entry --data-dir {home} --network one --weight 1 --address /ip4/127.0.0.1/tcp/9000 --out {entry}"
            ),
            format!("genesis new --empty-block-delay-ms 50 --out {genesis} --validator {entry}"),
        ] {
            let output = command(&line).output().unwrap();
            assert!(output.status.success(), "{line}: {output:?}");
        }
        let line = format!(
            "run --data-dir {home} --genesis {genesis} --p2p.listen /ip4/127.0.0.1/tcp/0 --api.listen 127.0.0.1:0 --metrics.enabled=false --log.format json"
        );
        let mut process = command(&line).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let url = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the node ended");
            if let Some((_, rest)) = line.split_once("\"api\":\"") {
                break rest.split_once('"').unwrap().0.to_owned();
            }
        };
        // A full pipe would stop the node.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            process,
            directory,
            url,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits until the node is ready.
    pub(crate) async fn ready(&self) -> Api {
        let api = Api::new(&self.url, ClientConfig::default()).unwrap();
        loop {
            let state = api.status().await.unwrap();
            if state.ready && state.final_height.0 > 0 {
                return api;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn run(&self, line: &str) -> Output {
        let mut command = command(line);
        command
            .env("SEQUENCER_URL", &self.url)
            .current_dir(self.directory.path());
        tokio::task::spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

impl Drop for OneNode {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn command(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequencer"));
    command
        .args(line.split_whitespace())
        .env_clear()
        .stdin(Stdio::null());
    command
}

#[tokio::test]
async fn the_same_bytes_are_found_and_proven_in_each_of_two_namespaces() {
    let node = OneNode::start();
    let api = node.ready().await;
    fs::write(node.path("tx"), b"the same bytes").unwrap();
    let hash = Hash(da::tx_hash(b"the same bytes"));
    let mut found = Vec::new();
    for namespace in [7, 8] {
        let line = format!(
            "tx submit --namespace {namespace} --file tx --wait --proof {namespace}.json --genesis genesis.toml"
        );
        let output = node.run(&line).await;
        assert!(output.status.success(), "{output:?}");
        let output = node
            .run(&format!(
                "proof verify {namespace}.json --genesis genesis.toml"
            ))
            .await;
        assert!(output.status.success(), "{output:?}");
        let line = format!("tx get {hash} --namespace {namespace} --genesis genesis.toml --json");
        let output = node.run(&line).await;
        assert!(output.status.success(), "{output:?}");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["namespace"], namespace);
        assert_eq!(answer["verified"], true);
        found.push(answer["position"]["height"].as_u64().unwrap());
    }
    assert!(found[0] < found[1], "one after the other: {found:?}");
    let output = node.run(&format!("tx get {hash} --namespace 9")).await;
    assert_eq!(output.status.code(), Some(5), "{output:?}");

    // And while the second waits in the pool, the first being final.
    let bytes = Bytes::from_static(b"other bytes");
    let wait = Some(std::time::Duration::from_secs(60));
    let first = api.submit(id(7), bytes.clone(), wait).await.unwrap();
    let second = api.submit(id(8), bytes.clone(), None).await.unwrap();
    assert_eq!(second.state, TransactionState::Pending);
    let again = api.submit(id(8), bytes, wait).await.unwrap();
    assert_eq!((again.hash, again.namespace), (first.hash, id(8)));
    let genesis = fs::read_to_string(node.path("genesis.toml")).unwrap();
    let trust = trust::from_genesis(&toml::from_str(&genesis).unwrap()).unwrap();
    let client = Client::new(api, trust);
    for answer in [first, again] {
        let asked = Some(answer.namespace);
        let verified = client.transaction(answer.hash, asked).await.unwrap();
        assert_eq!(verified.block.hash, answer.position.unwrap().block);
    }
}
