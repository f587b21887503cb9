//! Four validators on this machine, each a process.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) struct Network {
    pub(crate) directory: TempDir,
    pub(crate) nodes: Vec<Node>,
}

/// A data directory, and the process in it while one runs.
pub(crate) struct Node {
    pub(crate) home: PathBuf,
    log: PathBuf,
    p2p: SocketAddr,
    api: SocketAddr,
    metrics: SocketAddr,
    /// URLs of L1 nodes.
    pub(crate) l1: Vec<String>,
    process: Option<Child>,
}

pub(crate) fn sequencer(line: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sequencer"));
    command.args(line).env_clear().stdin(Stdio::null());
    command
}

#[track_caller]
pub(crate) fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

#[track_caller]
pub(crate) fn fails(command: &mut Command, code: i32, with: &str) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
    assert!(said.contains(with), "`{with}` is not in: {said}");
}

fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, crate::ports::free()).into()
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Network {
    /// Short epochs; nobody runs yet.
    pub(crate) fn new() -> Self {
        Self::with(&[], &[], |_| Vec::new())
    }

    /// With settings for every node, and further arguments for the genesis document and for each
    /// validator's entry.
    pub(crate) fn with(
        settings: &[&str],
        extra: &[&str],
        entry_of: impl Fn(usize) -> Vec<String>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let genesis = directory.path().join("genesis.toml");
        let mut command = sequencer(&["genesis", "new"]);
        if !extra.contains(&"--epoch-length") {
            command.args(["--epoch-length", "30"]);
        }
        command.args(extra);
        command.args(["--empty-block-delay-ms", "30", "--out"]);
        command.arg(&genesis).arg("--validator");
        let mut nodes = Vec::new();
        for index in 0..4 {
            let home = directory.path().join(format!("node{index}"));
            let node = Node::at(home);
            node.call(&[&["init", "--genesis", genesis.to_str().unwrap()], settings].concat());
            node.call(&["keys", "new", "--development"]);
            let entry = directory.path().join(format!("entry{index}.toml"));
            let address = node.address();
            let mut make = node.command(&["keys", "genesis-entry", "--network", "test"]);
            make.args(["--address", &address, "--out"]).arg(&entry);
            succeeds(make.args(entry_of(index)));
            command.arg(entry);
            nodes.push(node);
        }
        succeeds(&mut command);
        Self { directory, nodes }
    }

    /// As [`Self::new`], with everybody running and voting.
    pub(crate) fn running() -> Self {
        Self::running_with(&[])
    }

    /// As [`Self::running`], with settings for every node.
    pub(crate) fn running_with(settings: &[&str]) -> Self {
        let mut network = Self::with(settings, &[], |_| Vec::new());
        for node in &mut network.nodes {
            node.start();
        }
        for node in &mut network.nodes {
            eventually("it votes", || {
                assert_eq!(node.exit_code(), None, "{}", node.log());
                node.votes() > 5
            });
        }
        network
    }

    /// The newest epoch that any node is in.
    pub(crate) fn newest_epoch(&self) -> u64 {
        self.nodes.iter().map(Node::epoch).max().unwrap_or(0)
    }

    /// Nobody has seen two signatures that contradict each other.
    #[track_caller]
    pub(crate) fn assert_no_equivocation(&self) {
        for node in self.nodes.iter().filter(|node| node.process.is_some()) {
            let seen = node.metric("sequencer_consensus_equivocations_total");
            assert_eq!(seen, Some(0), "{}", node.home.display());
        }
    }
}

impl Node {
    fn at(home: PathBuf) -> Self {
        let log = home.with_extension("log");
        Self {
            home,
            log,
            p2p: free_address(),
            api: free_address(),
            metrics: free_address(),
            l1: Vec::new(),
            process: None,
        }
    }

    /// A node that nobody knows of, in the same place as the others.
    pub(crate) fn stranger(network: &Network, name: &str) -> Self {
        let node = Self::at(network.directory.path().join(name));
        let genesis = network.directory.path().join("genesis.toml");
        node.call(&["init", "--genesis", genesis.to_str().unwrap()]);
        node.call(&["keys", "new", "--development"]);
        node
    }

    /// Where others reach it.
    pub(crate) fn address(&self) -> String {
        format!("/ip4/127.0.0.1/tcp/{}", self.p2p.port())
    }

    /// URL of its API.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// The same data in another place, with addresses of its own.
    pub(crate) fn copy(&self, name: &str) -> Self {
        let copy = Self::at(self.home.with_file_name(name));
        copy_tree(&self.home, &copy.home);
        copy
    }

    /// Puts a copy in the place of the data.
    pub(crate) fn restore(&self, copy: &Self) {
        fs::remove_dir_all(&self.home).unwrap();
        copy_tree(&copy.home, &self.home);
    }

    pub(crate) fn call(&self, line: &[&str]) -> Output {
        succeeds(sequencer(line).arg("--data-dir").arg(&self.home))
    }

    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = sequencer(line);
        command.arg("--data-dir").arg(&self.home);
        command
    }

    pub(crate) fn run(&self) -> Command {
        let mut command = self.command(&["run"]);
        command.args(["--api.listen", &self.api.to_string()]);
        command.args(["--metrics.listen", &self.metrics.to_string()]);
        let listen = format!("/ip4/127.0.0.1/tcp/{}", self.p2p.port());
        command.args(["--p2p.listen", &listen]);
        if !self.l1.is_empty() {
            command.args(["--l1.poll-ms", "300", "--l1.endpoints", &self.l1.join(",")]);
        }
        command
    }

    pub(crate) fn start(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let mut command = self.run();
        command.stdout(Stdio::null()).stderr(log);
        self.process = Some(command.spawn().unwrap());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// The code it ended with, if it has.
    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.process.as_mut()?.try_wait().unwrap()?.code()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn metric(&self, name: &str) -> Option<u64> {
        let text = get(self.metrics, "/metrics")?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Votes of this process so far.
    pub(crate) fn votes(&self) -> u64 {
        let of = |kind| {
            self.metric(&format!(
                "sequencer_consensus_votes_total{{kind=\"{kind}\",result=\"signed\"}}"
            ))
        };
        of(1).unwrap_or(0) + of(2).unwrap_or(0)
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.metric("sequencer_consensus_epoch").unwrap_or(0)
    }

    pub(crate) fn readiness(&self) -> String {
        get(self.api, "/readyz").unwrap_or_default()
    }

    /// Sends a request that closes its connection; status and body of the answer, 0 without one.
    pub(crate) fn exchange(&self, request: &[u8]) -> (u16, Vec<u8>) {
        let answer = || -> Option<Vec<u8>> {
            let mut stream = TcpStream::connect(self.api).ok()?;
            stream.set_read_timeout(Some(LIMIT)).ok()?;
            stream.write_all(request).ok()?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).ok()?;
            Some(answer)
        };
        let answer = answer().unwrap_or_default();
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return (0, Vec::new());
        };
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.unwrap_or(0), answer[end + 4..].to_vec())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
    )
    .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mode = fs::metadata(from).unwrap().permissions().mode();
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
