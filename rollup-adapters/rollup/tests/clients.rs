//! What people use: `cast`, and a script with viem that does what a wallet and an application do. Both come from
//! `light-client-contract/node_modules`, and are installed there if they aren't yet.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rig;

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use rig::{ALICE, ALICE_KEY, CHAIN, NOBODY, Rig};
use serde_json::Value;

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../light-client-contract")
}

fn succeeded(what: &str, output: &Output) -> String {
    assert!(
        output.status.success(),
        "{what}: {}{}",
        String::from_utf8_lossy(&output.stderr),
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .trim()
        .to_owned()
}

/// `npm ci`, unless what is installed is newer than the lock file.
fn install() {
    let modified =
        |name: &str| std::fs::metadata(tools().join(name)).and_then(|file| file.modified());
    let lock = modified("package-lock.json").unwrap();
    if modified("node_modules/.package-lock.json").is_ok_and(|installed| installed >= lock) {
        return;
    }
    let output = Command::new("npm")
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .current_dir(tools())
        .output()
        .unwrap();
    succeeded("npm ci", &output);
}

/// A rollup whose first block has a deposit.
async fn rollup() -> Rig {
    tokio::task::spawn_blocking(install).await.unwrap();
    let rig = Rig::start().await;
    rig.deposit(0, ALICE, 5);
    rig.order_from_now_on();
    rig
}

struct Cast {
    program: PathBuf,
    url: String,
}

impl Cast {
    /// The first argument is the command.
    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(&self.program)
            .args([arguments[0], "--rpc-url", &self.url])
            .args(&arguments[1..])
            .env_remove("ETH_RPC_URL")
            .output()
            .unwrap()
    }

    fn run(&self, arguments: &[&str]) -> String {
        succeeded(&format!("cast {arguments:?}"), &self.output(arguments))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [&arguments[..1], &["--json"], &arguments[1..]].concat();
        let output = self.output(&arguments);
        let answer = succeeded(&format!("cast {arguments:?}"), &output);
        serde_json::from_str(&answer)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cast_sends_deploys_calls_and_reads() {
    let rig = rollup().await;
    let cast = Cast {
        program: anvil::tool("cast").unwrap(),
        url: rig.url(),
    };
    tokio::task::spawn_blocking(move || round(&cast))
        .await
        .unwrap();
}

fn round(cast: &Cast) {
    let key = ALICE_KEY.to_string();
    let nobody = NOBODY.to_string();
    let alice = ALICE.to_string();
    assert_eq!(cast.run(&["chain-id"]), CHAIN.to_string());
    assert_eq!(cast.run(&["balance", &nobody]), "0");
    cast.run(&["client"]);
    cast.run(&["gas-price"]);

    let sent = cast.json(&["send", &nobody, "--value", "3", "--private-key", &key]);
    assert_eq!(sent["status"], "0x1");
    assert_eq!(cast.run(&["balance", &nobody]), "3");
    assert_eq!(cast.run(&["nonce", &alice]), "1");
    let legacy = cast.json(&[
        "send",
        &nobody,
        "--value",
        "1",
        "--legacy",
        "--private-key",
        &key,
    ]);
    assert_eq!(legacy["type"], "0x0");

    let compiled: Value = serde_json::from_str(include_str!("clients/notebook.json")).unwrap();
    let code = compiled["bytecode"].as_str().unwrap();
    let created = cast.json(&["send", "--private-key", &key, "--create", code]);
    let notebook = created["contractAddress"].as_str().unwrap();
    assert!(cast.run(&["code", notebook]).len() > 100);
    assert_eq!(cast.run(&["call", notebook, "total()(uint256)"]), "0");
    let write = [
        "send",
        notebook,
        "write(string)",
        "from cast",
        "--private-key",
        &key,
    ];
    let written = cast.json(&write);
    assert_eq!(written["logs"].as_array().unwrap().len(), 1);
    assert_eq!(cast.run(&["call", notebook, "total()(uint256)"]), "1");
    assert_eq!(
        cast.run(&["storage", notebook, "0"]),
        format!("0x{:064x}", 1)
    );
    let estimate = cast.run(&["estimate", notebook, "write(string)", "again"]);
    assert!(estimate.parse::<u64>().unwrap() > 21_000);

    let logs = cast.json(&["logs", "--address", notebook, "--from-block", "0"]);
    assert_eq!(logs.as_array().unwrap().len(), 1);
    assert_eq!(logs[0]["transactionHash"], written["transactionHash"]);
    let hash = written["transactionHash"].as_str().unwrap();
    assert_eq!(
        cast.json(&["receipt", hash])["blockHash"],
        written["blockHash"]
    );
    assert_eq!(cast.json(&["tx", hash])["hash"], hash);
    let proof = cast.json(&["proof", notebook, "0"]);
    assert_eq!(proof["storageProof"][0]["value"], "0x1");
    for block in ["latest", "safe", "finalized", "earliest", "1"] {
        cast.json(&["block", block, "--full"]);
    }
    let deposit = cast.json(&["block", "1", "--full"])["transactions"][0]["hash"].clone();
    let deposit = deposit.as_str().unwrap();
    assert_eq!(cast.json(&["receipt", deposit])["type"], "0x7e");
    assert_eq!(cast.json(&["tx", deposit])["type"], "0x7e");

    let empty = ["call", notebook, "write(string)", ""];
    let output = cast.output(&empty);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && error.contains("execution reverted"),
        "{error}"
    );
    let poor = cast.output(&[
        "send",
        &nobody,
        "--value",
        "1000000ether",
        "--private-key",
        &key,
    ]);
    let error = String::from_utf8(poor.stderr).unwrap();
    assert!(error.contains("insufficient funds"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_and_an_application_work_through_viem() {
    let rig = rollup().await;
    let (http, ws) = (rig.url(), rig.websocket());
    let run = tokio::task::spawn_blocking(move || {
        Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/wallet.mjs"))
            .args([http, ws, ALICE_KEY.to_string()])
            .output()
            .unwrap()
    });
    let output = run.await.unwrap();
    assert_eq!(succeeded("viem", &output), "done");
}

#[tokio::test]
async fn the_compiled_contract_is_that_of_the_source() {
    tokio::task::spawn_blocking(install).await.unwrap();
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/notebook.mjs"))
        .output()
        .unwrap();
    let compiled: Value = serde_json::from_str(&succeeded("solc", &output)).unwrap();
    let kept: Value = serde_json::from_str(include_str!("clients/notebook.json")).unwrap();
    assert_eq!(
        compiled, kept,
        "node tests/clients/notebook.mjs > tests/clients/notebook.json"
    );
}
