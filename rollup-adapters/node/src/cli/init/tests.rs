use clap::Parser as _;
use light_client::{account::created, rpc::Tag};
use rollup_types::Hash;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::testing::{self, tally::Tally};

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

struct App;

impl Application for App {
    type Vm = Tally;
    const NAME: &'static str = "tally";

    fn vm(definition: &Definition) -> Result<Tally, String> {
        let limit = definition.vm.get("limit").ok_or("limit is missing")?;
        let limit = limit.as_integer().and_then(|it| usize::try_from(it).ok());
        limit.map(Tally).ok_or("limit is no number".into())
    }
}

#[test]
fn a_delay_that_the_contract_refuses_is_a_usage_error() {
    let parse = |delay| {
        let mut line = vec!["init", "here", "--namespace", "7", "--force-delay", delay];
        line.extend([
            "--l1",
            "http://127.0.0.1:1",
            "--account",
            "key",
            "--artifacts",
            "out",
        ]);
        line.extend([
            "--light-client",
            "0x0101010101010101010101010101010101010101",
        ]);
        Line::try_parse_from(line)
    };
    assert!(parse("86400").is_ok());
    assert!(parse("86401").is_err());
    assert!(parse("0").is_err());
}

#[test]
fn what_is_for_the_l1_only_is_not_ignored_without_one() {
    for (flag, value) in [
        ("--cap", "1"),
        ("--force-delay", "60"),
        ("--settler", "0x0101010101010101010101010101010101010101"),
        (
            "--light-client",
            "0x0101010101010101010101010101010101010101",
        ),
        ("--artifacts", "out"),
    ] {
        let line = ["init", "here", "--namespace", "7", flag, value];
        assert!(Line::try_parse_from(line).is_err(), "{flag}");
    }
    // An account is exported for other verbs.
    for more in [&[][..], &["--account", "key"]] {
        let line = [&["init", "here", "--namespace", "7"], more].concat();
        assert!(Line::try_parse_from(line).is_ok());
    }
}

/// A node of a sequencer that says its genesis document and nothing else.
async fn sequencer(l1_chain_id: u64) -> String {
    let document = serde_json::to_string(&testing::sequencer(l1_chain_id)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{document}",
        document.len()
    );
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                assert!(stream.read_buf(&mut request).await.unwrap() > 0);
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

/// `init` of `new/rollup` in a directory that may have a `vm.toml`.
async fn init(directory: &Path, sequencer: &str, more: &[&str]) -> Result<(), Failure> {
    let place = directory.join("new/rollup");
    let mut line = vec!["init", place.to_str().unwrap(), "--namespace", "7"];
    line.extend(["--sequencer", sequencer]);
    let vm = directory.join("vm.toml");
    if vm.exists() {
        line.extend(["--vm", vm.to_str().unwrap()]);
    }
    line.extend(more);
    run::<App>(Line::try_parse_from(line).unwrap().args).await
}

/// Creation code of a contract that answers everything with a word.
fn says(word: Hash) -> Vec<u8> {
    let code = hex::decode("60278060095f395ff37f").unwrap();
    // PUSH32 word, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
    [&code[..], &word.0, &hex::decode("5f5260205ff3").unwrap()].concat()
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_refused_init_leaves_nothing_behind_and_what_a_killed_one_left_is_no_hindrance() {
    let (directory, sequencer) = (tempfile::tempdir().unwrap(), sequencer(0).await);
    let refused = init(directory.path(), &sequencer, &[]).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Config);
    assert!(
        refused.to_string().contains("limit is missing"),
        "{refused}"
    );
    assert_eq!(files(directory.path()), [""; 0]);
    let deposits = init(directory.path(), &sequencer, &["--deposits"]).await;
    assert_eq!(deposits.unwrap_err().exit(), Exit::Config);
    assert_eq!(files(directory.path()), [""; 0]);

    fs::write(directory.path().join("vm.toml"), "limit = 3").unwrap();
    let place = directory.path().join("new/rollup");
    fs::create_dir_all(&place).unwrap();
    let other = toml::to_string_pretty(&testing::sequencer(1)).unwrap();
    fs::write(place.join("genesis.toml"), &other).unwrap();
    let refused = init(directory.path(), &sequencer, &[]).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Refused, "{refused}");
    let kept = fs::read_to_string(place.join("genesis.toml")).unwrap();
    assert_eq!(kept, other);
    fs::remove_file(place.join("genesis.toml")).unwrap();
    fs::create_dir_all(place.join("init-draft")).unwrap();
    fs::write(place.join("init-draft/rollup.toml"), "appl").unwrap();
    init(directory.path(), &sequencer, &[]).await.unwrap();
    assert_eq!(files(&place), ["genesis.toml", "rollup.toml"]);
    let definition = Definition::read(&place.join("rollup.toml")).unwrap();
    assert_eq!(definition.sequencer, testing::sequencer(0));
    assert_eq!(definition.vm["limit"].as_integer(), Some(3));
    let again = init(directory.path(), &sequencer, &[]).await.unwrap_err();
    assert_eq!(again.exit(), Exit::Refused);
    assert_eq!(files(&place), ["genesis.toml", "rollup.toml"]);
}

#[tokio::test]
async fn nothing_is_deployed_before_the_machine_has_taken_its_section() {
    use std::os::unix::fs::PermissionsExt as _;
    let anvil = anvil::Anvil::start(&[]);
    let (directory, sequencer) = (tempfile::tempdir().unwrap(), sequencer(anvil::CHAIN).await);
    let key = directory.path().join("key");
    fs::write(&key, anvil::KEYS[0]).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let artifacts = concat!(env!("CARGO_MANIFEST_DIR"), "/../contracts/out");
    let deployer = anvil::account(0).address();
    let sender = anvil.sender(anvil::account(0)).await;
    let domain = testing::sequencer(anvil::CHAIN).chain_domain();
    // All that they do is to say a network.
    sender.send(None, says(Hash([9; 32]))).await.unwrap();
    sender.send(None, says(domain)).await.unwrap();
    let [other, light_client] = [0, 1].map(|nonce| created(deployer, nonce).to_string());
    let mut more = vec!["--l1", &anvil.url, "--account", key.to_str().unwrap()];
    more.extend(["--artifacts", artifacts, "--light-client", &other]);
    let deployed = || anvil.endpoint.nonce(deployer, Tag::Latest);
    let refused = init(directory.path(), &sequencer, &more).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Config, "{refused}");
    assert!(refused.to_string().contains("another network"), "{refused}");
    *more.last_mut().unwrap() = &light_client;
    let refused = init(directory.path(), &sequencer, &more).await.unwrap_err();
    assert_eq!(refused.exit(), Exit::Config, "{refused}");
    assert!(refused.to_string().contains("limit"), "{refused}");
    assert_eq!(deployed().await.unwrap(), 2);
    assert_eq!(files(directory.path()), ["key"]);

    fs::write(directory.path().join("vm.toml"), "limit = 3").unwrap();
    // An inbox that can't be deployed, after the vault.
    let broken = directory.path().join("broken");
    for (contract, code) in [
        ("WithdrawalVault", "0x00"),
        ("RollupInbox", "0xfe"),
        ("L1MessageQueue", "0x00"),
    ] {
        let folder = broken.join(format!("{contract}.sol"));
        fs::create_dir_all(&folder).unwrap();
        let artifact = json!({"bytecode": {"object": code}}).to_string();
        fs::write(folder.join(format!("{contract}.json")), artifact).unwrap();
    }
    let mut fails = more.clone();
    fails[5] = broken.to_str().unwrap();
    let refused = init(directory.path(), &sequencer, &fails)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("anew"), "{refused}");
    assert_eq!(deployed().await.unwrap(), 3);
    assert_eq!(files(directory.path()), ["broken", "key", "vm.toml"]);

    init(directory.path(), &sequencer, &more).await.unwrap();
    let definition = Definition::read(&directory.path().join("new/rollup/rollup.toml")).unwrap();
    let contracts = definition.l1.unwrap();
    let places = [contracts.vault, contracts.inbox, contracts.queue];
    assert_eq!(places, [3, 4, 5].map(|nonce| created(deployer, nonce)));
    assert_eq!(contracts.light_client, created(deployer, 1));
    assert_eq!(definition.vm["limit"].as_integer(), Some(3));
}
