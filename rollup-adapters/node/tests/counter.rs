//! The example as its users run it: the program, over a real chain that a test serves.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use light_client::rpc::{Endpoint, RpcError};
use serde_json::{Value, json};
use tokio::{task::spawn_blocking, time::sleep};

#[allow(dead_code, reason = "unit tests use the rest of it")]
#[path = "../src/testing/served.rs"]
mod served;

use served::{NAMESPACE, Served};

/// The example, beside the directory of the tests. With all tests of a crate its examples are built, with one of them
/// they are not: then it is missing, or older than a file that it was made of.
fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().unwrap().join("../examples/counter");
    let built = std::fs::metadata(&path).and_then(|file| file.modified());
    let sources = std::fs::read_to_string(path.with_extension("d")).unwrap_or_default();
    let is_old = |source: &String| {
        let changed = std::fs::metadata(source).and_then(|file| file.modified());
        !matches!((&built, changed), (Ok(built), Ok(changed)) if changed <= *built)
    };
    // `program: source source ...`; a space in a name has a backslash.
    let sources = sources.trim().replace("\\ ", "\n");
    let mut sources = sources.split(' ').skip(1).map(|it| it.replace('\n', " "));
    let old = sources.find(is_old);
    assert!(
        built.is_ok() && old.is_none(),
        "the example is missing or older than {old:?}: cargo build -p rollup-node --example counter"
    );
    path
}

struct Node {
    process: Child,
    url: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

impl Node {
    fn start(directory: &Path, sequencer: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        Self::start_at(directory, sequencer, address)
    }

    fn start_at(directory: &Path, sequencer: &str, address: SocketAddr) -> Self {
        let process = Command::new(program())
            .args([
                "run",
                "--sequencer",
                sequencer,
                "--rpc.listen",
                &address.to_string(),
            ])
            .arg("--data-dir")
            .arg(directory)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            url: format!("http://{address}"),
        }
    }

    async fn ask(&mut self, method: &'static str, params: Value) -> Value {
        let endpoint = Endpoint::new(&self.url).unwrap();
        loop {
            match endpoint.ask(method, params.clone()).await {
                Err(RpcError::Unreachable { .. }) => {
                    let ended = self.process.try_wait().unwrap();
                    assert!(ended.is_none(), "the node ended: {ended:?}");
                    sleep(Duration::from_millis(20)).await;
                }
                answer => return answer.unwrap(),
            }
        }
    }

    /// Waits until a counter has come so far.
    async fn counts(&mut self, name: &str, to: u64) {
        while self.ask("counter_get", json!([name])).await != json!(to) {
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new(program());
        command.args(args).env("ROLLUP_RPC", &self.url);
        spawn_blocking(move || command.output().unwrap())
            .await
            .unwrap()
    }
}

/// The URL of a server that has one answer to everything.
fn says(result: Value) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = json!({"jsonrpc": "2.0", "id": 0, "result": result}).to_string();
    let head = format!("HTTP/1.0 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"]}") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all((head.clone() + &body).as_bytes()).unwrap();
        }
    });
    url
}

fn said(output: &Output) -> String {
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

/// The directory of a rollup's node.
fn directory(served: &Served) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let genesis = toml::to_string_pretty(&served.genesis()).unwrap();
    std::fs::write(directory.path().join("genesis.toml"), genesis).unwrap();
    let definition = format!(
        "application = \"counter\"\nnamespace = {NAMESPACE}\norigin = 1\ngenesis = \"genesis.toml\"\n"
    );
    std::fs::write(directory.path().join("rollup.toml"), definition).unwrap();
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_waits_for_a_node_that_starts_and_may_be_as_large_as_the_sequencer_takes() {
    let served = Served::start().await;
    served.push(&["+alice 0"]);
    let directory = directory(&served);
    let most = served.genesis().parameters.max_transaction_bytes as usize;
    let file = directory.path().join("transaction");
    std::fs::write(&file, format!("+{}", "a".repeat(most - 1))).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let send = || {
        let mut send = Command::new(program());
        send.args(["send", "--url", &format!("http://{address}"), "--file"])
            .arg(&file)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        send.spawn().unwrap()
    };
    let mut early = send();
    let told = spawn_blocking(move || {
        let mut line = String::new();
        let mut lines = BufReader::new(early.stderr.take().unwrap());
        lines.read_line(&mut line).unwrap();
        (line, lines, early)
    });
    let (line, _lines, early) = told.await.unwrap();
    assert!(line.contains("trying for 10 s"), "{line}");
    let _node = Node::start_at(directory.path(), &served.url, address);
    let sent = spawn_blocking(move || early.wait_with_output().unwrap());
    let sent = sent.await.unwrap();
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    assert_eq!(served.submitted(1).await[0].len(), most);

    std::fs::write(&file, format!("+{}", "a".repeat(most))).unwrap();
    let late = send();
    let refused = spawn_blocking(move || late.wait_with_output().unwrap());
    let refused = refused.await.unwrap();
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    let words = format!("has {} bytes, the sequencer takes at most {most}", most + 1);
    assert!(said(&refused).contains(&words), "{}", said(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_counter_counts_what_was_sent_and_goes_on_after_it_was_killed() {
    let served = Served::start().await;
    served.push(&["+alice 0", "nonsense"]);
    let directory = directory(&served);
    let mut node = Node::start(directory.path(), &served.url);
    node.counts("alice", 1).await;

    let sent = node.run(&["send", "--text", "+alice 1"]).await;
    assert_eq!(sent.status.code(), Some(0), "{}", said(&sent));
    let refused = node.run(&["send", "--text", "alice"]).await;
    assert_eq!(refused.status.code(), Some(8));
    assert!(said(&refused).contains("does not begin with +"));
    let waiting = served.submitted(1).await;
    assert_eq!(waiting, ["+alice 1"]);
    served.push(&["+alice 1", "+bob 1"]);
    node.counts("alice", 2).await;
    node.counts("bob", 1).await;
    let block = node.run(&["block", "1"]).await;
    assert!(
        said(&block).contains("skipped: it does not begin with +"),
        "{}",
        said(&block)
    );
    let missing = node.run(&["block", "9"]).await;
    assert_eq!(missing.status.code(), Some(5));

    let id = String::from_utf8(sent.stdout).unwrap();
    let path = directory.path().join("rollup.toml");
    let definition = path.to_str().unwrap();
    let proven = node
        .run(&["prove", id.trim(), "--definition", definition])
        .await;
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    assert!(said(&proven).starts_with("proven"), "{}", said(&proven));

    // A node may have a true proof, of something else.
    let id = id.trim();
    let proof = node.ask("rollup_getInclusionProof", json!([id])).await;
    let liar = says(proof);
    let other = format!("0x{}", "0".repeat(64));
    let prove = |id: &str| {
        let args = ["prove", id, "--definition", definition, "--rpc", &liar];
        Command::new(program()).args(args).output().unwrap()
    };
    let refused = prove(&other);
    assert_eq!(refused.status.code(), Some(6), "{}", said(&refused));
    let words = format!("of another transaction, {id}");
    assert!(said(&refused).contains(&words), "{}", said(&refused));
    assert_eq!(prove(id).status.code(), Some(0));

    // Killed: nothing that was told is lost.
    drop(node);
    let mut node = Node::start(directory.path(), &served.url);
    assert_eq!(node.ask("counter_get", json!(["alice"])).await, json!(2));
    served.push(&["+alice 2"]);
    node.counts("alice", 3).await;
    let second = Command::new(program())
        .args(["run", "--rpc.listen", "127.0.0.1:0", "--data-dir"])
        .arg(directory.path())
        .output();
    assert_eq!(
        second.unwrap().status.code(),
        Some(8),
        "the directory is in use"
    );
    let pid = node.process.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    let ended = spawn_blocking(move || node.process.wait().map(|status| (status, node)));
    assert!(
        ended.await.unwrap().unwrap().0.success(),
        "stopped in order"
    );
}
