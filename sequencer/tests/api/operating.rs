//! What an operator does: preparing, examining, running and stopping real processes.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Nothing here takes so long unless it hangs.
const LIMIT: Duration = Duration::from_secs(180);

/// A machine with the data directories of a network's validators.
struct Machine {
    directory: TempDir,
    /// Of peers, API and metrics for each validator.
    ports: Vec<[u16; 3]>,
}

impl Machine {
    /// A network whose nodes have all but a genesis document.
    fn new(validators: usize) -> Self {
        let ports = (0..validators)
            .map(|_| [(); 3].map(|()| crate::ports::free()))
            .collect();
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
            ports,
        };
        for (index, [_, api, metrics]) in machine.ports.iter().enumerate() {
            let line = format!(
                "init --data-dir n{index} --genesis genesis.toml --api.listen 127.0.0.1:{api} \
                 --metrics.listen 127.0.0.1:{metrics}"
            );
            machine.run(&line).succeeds();
        }
        machine
    }

    /// Keys and genesis document.
    fn found(&self) {
        let mut entries = String::new();
        for (index, [peers, ..]) in self.ports.iter().enumerate() {
            self.run(&format!("keys new --development --data-dir n{index}"))
                .succeeds();
            self.run(&format!(
                "keys genesis-entry --data-dir n{index} --network test --out v{index}.toml \
                 --address /ip4/127.0.0.1/tcp/{peers}"
            ))
            .succeeds();
            entries.push_str(&format!(" v{index}.toml"));
        }
        self.run(&format!("genesis new --validator{entries}"))
            .succeeds();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sequencer"));
        command
            .args(line.split_whitespace())
            .current_dir(self.directory.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Outcome {
        Outcome::of(&mut self.command(line))
    }

    /// The findings of `doctor`, as `check status message`. It waits so many seconds for peers that
    /// are not there.
    fn examine(&self, index: usize, patience: u64) -> Vec<String> {
        let line = format!("doctor --data-dir n{index} --patience {patience} --json");
        let outcome = self.run(&line);
        let report: Value = serde_json::from_str(&outcome.out).unwrap();
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let findings: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|finding| {
                ["check", "status", "message"]
                    .map(|key| text(finding, key))
                    .join(" ")
            })
            .collect();
        let fails = findings.iter().any(|line| line.contains(" fail "));
        assert_eq!(outcome.code != 0, fails, "{findings:#?}");
        assert_eq!(report["healthy"], !fails);
        findings
    }

    fn start(&self, index: usize) -> Process {
        let mut command = self.command(&format!("run --data-dir n{index}"));
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (line, lines) = sync_channel(1 << 16);
        let log = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for text in log.lines() {
                if line.send(text.unwrap()).is_err() {
                    break;
                }
            }
        });
        let mut process = Process { child, lines };
        process.says("node started");
        process
    }

    fn api(&self, index: usize) -> String {
        format!("127.0.0.1:{}", self.ports[index][1])
    }
}

#[track_caller]
fn finds(findings: &[String], check: &str, with: &str) {
    let found = findings
        .iter()
        .any(|line| line.starts_with(check) && line.contains(with));
    assert!(found, "`{check} .. {with}` is not in {findings:#?}");
}

struct Outcome {
    code: i32,
    out: String,
    err: String,
}

impl Outcome {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    fn succeeds(&self) {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
    }

    #[track_caller]
    fn fails(&self, code: i32, with: &str) {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(self.err.contains(with), "`{with}` is not in: {}", self.err);
    }
}

/// A running node, killed when dropped.
struct Process {
    child: Child,
    lines: Receiver<String>,
}

impl Process {
    /// Waits for a line of the log.
    #[track_caller]
    fn says(&mut self, what: &str) {
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) if line.contains(what) => return,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no `{what}` ({error}) in {seen:#?}"),
            }
        }
    }

    fn signal(&self, name: &str) {
        self.signals(&[name]);
    }

    /// One right after the other.
    fn signals(&self, names: &[&str]) {
        let id = self.child.id().to_string();
        let kill = |name: &&str| format!("kill -{name} \"$0\"");
        let script = names.iter().map(kill).collect::<Vec<_>>().join(" && ");
        let sent = Command::new("sh").args(["-c", &script, &id]).status();
        assert!(sent.unwrap().success());
    }

    /// The exit code.
    fn ends(&mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail if it has ended.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn doctor_says_step_by_step_what_is_missing() {
    let machine = Machine::new(1);
    machine.run("doctor").fails(3, "1 of 2 checks failed");
    machine
        .run("doctor --data-dir nowhere")
        .fails(3, "checks failed");
    let findings = machine.examine(0, 60);
    finds(&findings, "genesis fail", "sequencer genesis new");
    finds(&findings, "consensus-key fail", "sequencer keys new");
    finds(&findings, "data-directory ok", "no node is running");

    machine.found();
    let findings = machine.examine(0, 60);
    finds(&findings, "genesis ok", "1 validators");
    finds(&findings, "consensus-key ok", "validator 0");
    finds(&findings, "database ok", "there is none yet");
    finds(&findings, "ports ok", "p2p.listen");
    finds(&findings, "ports ok", "leads here");
    let key = machine.path("n0/keys/consensus.key");
    let taken = TcpListener::bind(machine.api(0)).unwrap();
    Outcome::of(Command::new("chmod").arg("644").arg(&key)).succeeds();
    let findings = machine.examine(0, 60);
    finds(&findings, "consensus-key fail", "chmod 600");
    finds(
        &findings,
        "ports fail",
        "choose another port with api.listen",
    );
    drop(taken);
    Outcome::of(Command::new("chmod").arg("600").arg(&key)).succeeds();

    let mut node = machine.start(0);
    let findings = machine.examine(0, 60);
    finds(&findings, "data-directory ok", "a node is running");
    finds(&findings, "ports ok", "metrics.listen");
    finds(&findings, "node ", "is final");
    finds(&findings, "peers ok", "validator 0, this node,");
    node.signal("TERM");
    assert_eq!(node.ends(), 0);
    finds(
        &machine.examine(0, 60),
        "database ok",
        "belongs to this network and key",
    );

    // Another genesis document of the same name: the data stays with the old one.
    fs::rename(machine.path("genesis.toml"), machine.path("old.toml")).unwrap();
    machine.run("genesis new --validator v0.toml").succeeds();
    finds(
        &machine.examine(0, 60),
        "database fail",
        "starts from genesis block",
    );
    machine
        .run("run --data-dir n0")
        .fails(3, "starts from genesis block");
}

#[test]
fn doctor_tells_a_peer_from_a_stranger_and_from_nobody() {
    let machine = Machine::new(2);
    machine.found();
    let findings = machine.examine(0, 1);
    finds(&findings, "peers warn", "can't be reached");
    finds(&findings, "peers fail", "Nobody was reached");
    let address = format!("127.0.0.1:{}", machine.ports[1][0]);
    let stranger = TcpListener::bind(&address).unwrap();
    let findings = machine.run("doctor --data-dir n0 --patience 1").out;
    assert!(findings.contains("something listens there"), "{findings}");
    drop(stranger);
    let _node = machine.start(1);
    let findings = machine.examine(0, 60);
    finds(
        &findings,
        "peers ok",
        concat!("version ", env!("CARGO_PKG_VERSION"), ", block 0"),
    );
    finds(&findings, "peers ok", "stake 2 of 2");
    finds(&findings, "clock ", "the peers' clocks (median of 1)");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_told_that_the_node_stops() {
    let machine = Machine::new(1);
    machine.found();
    let mut node = machine.start(0);
    let mut stream = TcpStream::connect(machine.api(0)).await.unwrap();
    stream
        .write_all(b"GET /v1/stream/headers?from=1 HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut text = Vec::new();
    let is_in = |text: &[u8], what: &str| String::from_utf8_lossy(text).contains(what);
    while !is_in(&text, "heartbeat") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0);
    }
    node.signal("INT");
    stream.read_to_end(&mut text).await.unwrap();
    assert!(is_in(&text, "event: interrupted"));
    assert!(is_in(&text, "\"reason\":\"shutting_down\""));
    assert!(is_in(&text, "\"resume_from\":"));
    node.says("stopped");
    assert_eq!(node.ends(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_a_client_that_hangs() {
    let machine = Machine::new(1);
    machine.found();
    let mut node = machine.start(0);
    let mut hanging = TcpStream::connect(machine.api(0)).await.unwrap();
    let head = "POST /v1/transactions HTTP/1.1\r\nhost: x\r\nx-namespace: 7\r\n\
                content-type: application/octet-stream\r\nexpect: 100-continue\r\n\
                content-length: 9\r\n\r\n";
    hanging.write_all(head.as_bytes()).await.unwrap();
    // Once the node asks for the body, the request is under way.
    let mut answer = [0; 12];
    hanging.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    // Two of one kind could become one, and the second must not come after the first has done all.
    node.signals(&["TERM", "INT"]);
    node.says("a second signal stops at once");
    let code = node.ends();
    assert!(code == 143 || code == 130, "{code}");
}

#[test]
fn a_taken_port_is_named_with_the_setting_to_change() {
    let machine = Machine::new(1);
    machine.found();
    for (port, setting) in [(0, "p2p.listen"), (1, "api.listen"), (2, "metrics.listen")] {
        let address = format!("127.0.0.1:{}", machine.ports[0][port]);
        let _taken = TcpListener::bind(address).unwrap();
        let outcome = machine.run("run --data-dir n0");
        outcome.fails(3, &format!("choose another port with {setting}"));
    }
    let _node = machine.start(0);
    machine
        .run("run --data-dir n0")
        .fails(8, "in use by another process");
}

#[test]
fn settings_are_shown_with_their_origin() {
    let machine = Machine::new(1);
    let mut command = machine.command("config show --origin --data-dir n0 --log.format json");
    let outcome = Outcome::of(command.env("SEQUENCER_MEMPOOL_MAX_BYTES", "1000000"));
    outcome.succeeds();
    let home = machine.path("n0").canonicalize().unwrap();
    for line in [
        &format!("data_dir = \"{}\"  # --data-dir", home.display()),
        "max_bytes = 1000000  # SEQUENCER_MEMPOOL_MAX_BYTES",
        "format = \"json\"  # --log.format",
        "sequencer.toml",
        "payload_epochs = 2  # default",
    ] {
        assert!(
            outcome.out.contains(line),
            "{line} is not in {}",
            outcome.out
        );
    }
    // What is shown is a settings file with the same meaning.
    fs::write(machine.path("shown.toml"), &outcome.out).unwrap();
    let again = machine.run("config show --config shown.toml");
    again.succeeds();
    let plain: Vec<_> = outcome
        .out
        .lines()
        .map(|line| line.split("  #").next().unwrap())
        .collect();
    assert_eq!(again.out.lines().collect::<Vec<_>>(), plain);

    machine
        .run("config check --data-dir n0")
        .fails(3, "sequencer genesis new");
    machine.found();
    let checked = machine.run("config check --data-dir n0 --json");
    checked.succeeds();
    let checked: Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(checked["validator"], 0);
    let settings = machine.path("n0/sequencer.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replace("#max_bytes", "max_byts")).unwrap();
    machine
        .run("config check --data-dir n0")
        .fails(3, "did you mean `mempool.max_bytes`?");
}

#[test]
fn every_verb_has_a_manual_page_and_completions() {
    let machine = Machine::new(0);
    machine.run("man --out man").succeeds();
    for page in ["sequencer.1", "sequencer-run.1", "sequencer-keys-new.1"] {
        let text = fs::read_to_string(machine.path("man").join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    let one = machine.run("man keys new").out;
    let written = fs::read_to_string(machine.path("man/sequencer-keys-new.1")).unwrap();
    assert_eq!(one, written);
    machine.run("man keys old").fails(2, "only new, ");
    for shell in ["bash", "zsh", "fish"] {
        let script = machine.run(&format!("completions {shell}"));
        script.succeeds();
        for word in ["doctor", "genesis-entry", "api.listen"] {
            assert!(script.out.contains(word), "{word} is not in {shell}'s");
        }
    }
    machine.run("completions").fails(2, "bash");
}
