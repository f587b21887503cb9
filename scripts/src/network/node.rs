//! One `sequencer` process.

use std::{
    fs::{File, OpenOptions},
    net::SocketAddr,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use hotshot_types::{GenesisDocument, Height, ValidatorIndex};
use sequencer_client::{Client, ClientConfig, client::Api, trust, types::NodeState};
use tokio::time::sleep;

use super::{answer, call, last_lines};

/// Lines of a failed node's log that are shown.
const SHOWN_LINES: usize = 10;
/// How long a node may take to stop in order.
const STOP_LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// A node with its directory, addresses and, while it runs, its process.
#[derive(Debug)]
pub(crate) struct Node {
    /// Its validator index.
    pub(crate) index: usize,
    program: PathBuf,
    /// The network namespace it runs in, if that is another one.
    inside: Option<String>,
    home: PathBuf,
    log: PathBuf,
    p2p: SocketAddr,
    api: SocketAddr,
    metrics: SocketAddr,
    process: Option<Child>,
}

impl Node {
    /// A node with addresses for peers, API and metrics of its own.
    pub(crate) fn at(
        program: &Path,
        directory: &Path,
        index: usize,
        [p2p, api, metrics]: [SocketAddr; 3],
    ) -> Self {
        Self {
            inside: None,
            index,
            program: program.to_owned(),
            home: directory.join(format!("node{index}")),
            log: directory.join(format!("node{index}.log")),
            p2p,
            api,
            metrics,
            process: None,
        }
    }

    /// The same node in another network namespace.
    pub(crate) fn inside(mut self, namespace: &str) -> Self {
        self.inside = Some(namespace.to_owned());
        self
    }

    /// `sequencer init` with a network file: all that is needed to run.
    pub(crate) fn join(&self, network: &Path, settings: &[&str]) -> Result<()> {
        let mut command = self.command(&["init"]);
        command.arg("--network").arg(network).args(settings);
        command.args(["--api.listen", &self.api.to_string()]);
        command.args(["--metrics.listen", &self.metrics.to_string()]);
        call(&mut command)
    }

    /// How others name it as a bootnode.
    pub(crate) fn bootnode(&self) -> Result<String> {
        let text = answer(self.command(&["keys", "list"]).arg("--json"))?;
        let keys: serde_json::Value = serde_json::from_str(&text)?;
        let id = keys["network"]["peer_id"].as_str();
        let id = id.context("`keys list` names no peer id")?;
        let SocketAddr::V4(p2p) = self.p2p else {
            bail!("{} is no IPv4 address", self.p2p);
        };
        Ok(format!("/ip4/{}/tcp/{}/p2p/{id}", p2p.ip(), p2p.port()))
    }

    /// `sequencer init`.
    pub(crate) fn initialize(&self, genesis: &Path, settings: &[String]) -> Result<()> {
        let mut command = self.command(&["init"]);
        command.arg("--genesis").arg(genesis).args(settings);
        command.args(["--api.listen", &self.api.to_string()]);
        command.args(["--metrics.listen", &self.metrics.to_string()]);
        call(&mut command)
    }

    /// `sequencer keys new`, and the entry for the genesis document.
    pub(crate) fn make_keys(
        &self,
        network: &str,
        weight: u64,
        options: &[String],
        entry: &Path,
    ) -> Result<()> {
        call(self.command(&["keys", "new"]).arg("--development"))?;
        let mut command = self.command(&["keys", "genesis-entry"]);
        command.args(["--network", network, "--weight", &weight.to_string()]);
        command
            .args(["--address", &self.p2p_multiaddr()])
            .args(options);
        command.arg("--out").arg(entry);
        call(&mut command)
    }

    /// Where other nodes reach it.
    pub(crate) fn p2p_multiaddr(&self) -> String {
        format!("/ip4/{}/tcp/{}", self.p2p.ip(), self.p2p.port())
    }

    /// Its data directory.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    /// Runs one of the program's verbs on its data directory while it does not run.
    pub(crate) fn tool(&self, line: &[&str]) -> Result<Output> {
        let mut command = self.command(line);
        command.stdin(Stdio::null());
        command
            .output()
            .with_context(|| format!("cannot run {line:?} for {self}"))
    }

    /// As [`Self::tool`], for what must succeed; returns what it printed.
    pub(crate) fn tool_output(&self, line: &[&str]) -> Result<String> {
        let output = self.tool(line)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "{line:?} for {self} failed with {}: {}",
            output.status,
            said.trim()
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    fn command(&self, verb: &[&str]) -> Command {
        let mut command = match &self.inside {
            None => Command::new(&self.program),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command
                    .args(["netns", "exec", namespace])
                    .arg(&self.program);
                command
            }
        };
        forget_settings(&mut command);
        command.args(verb).arg("--data-dir").arg(&self.home);
        command
    }

    /// The program, for a verb that is not about this node's directory.
    pub(crate) fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        forget_settings(&mut command);
        command
    }

    /// Starts the process, unless it runs. Its log goes to a file beside its directory.
    pub(crate) fn start(&mut self) -> Result<()> {
        self.start_with(&[])
    }

    /// Starts the process with further settings.
    pub(crate) fn start_with(&mut self, settings: &[&str]) -> Result<()> {
        if self.process.is_some() {
            return Ok(());
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let errors: File = log.try_clone()?;
        let mut command = self.command(&["run"]);
        command
            .args(settings)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        // In a group of its own, so that Ctrl-C reaches us alone and we decide what stops when.
        command.process_group(0);
        self.process = Some(
            command
                .spawn()
                .with_context(|| format!("cannot start {self}"))?,
        );
        Ok(())
    }

    /// Whether it was started and not stopped or killed since.
    pub(crate) fn is_started(&self) -> bool {
        self.process.is_some()
    }

    /// The process id while it runs.
    pub(crate) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Fails if the process ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        let ended = match &mut self.process {
            Some(process) => process.try_wait()?,
            None => None,
        };
        ended.map_or(Ok(()), |status| self.died(status))
    }

    fn died(&self, status: ExitStatus) -> Result<()> {
        bail!("{self} ended with {status}")
    }

    /// Waits until the node says that it is ready.
    pub(crate) async fn ready(&mut self, deadline: Instant) -> Result<NodeState> {
        let api = self.api()?;
        loop {
            self.check()?;
            let reason = match api.status().await {
                Ok(state) if state.ready => return Ok(state),
                Ok(state) => state.reasons.join(", "),
                Err(error) => error.to_string(),
            };
            if Instant::now() >= deadline {
                bail!("{self} is not ready: {reason}");
            }
            sleep(POLL).await;
        }
    }

    /// Waits until the node is ready and has the final block at a height.
    pub(crate) async fn reach(&mut self, height: Height, deadline: Instant) -> Result<()> {
        loop {
            let found = self.ready(deadline).await?.final_height;
            if found >= height {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{self} is at height {found} of {height}"
            );
            sleep(POLL).await;
        }
    }

    /// SIGKILL: the process gets no chance to do anything.
    pub(crate) fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process
                .kill()
                .with_context(|| format!("cannot kill {self}"))?;
            process.wait()?;
        }
        Ok(())
    }

    /// SIGTERM: the process may stop in order.
    pub(crate) fn ask_to_stop(&mut self) -> Result<()> {
        self.check()?;
        if let Some(process) = &self.process {
            // The shell's own `kill` exists everywhere; sending a signal ourselves needs unsafe code.
            let id = process.id().to_string();
            Command::new("sh")
                .args(["-c", "kill -TERM \"$0\"", &id])
                .status()?;
        }
        Ok(())
    }

    /// Waits until the process, having been asked to stop, has done so in order.
    pub(crate) async fn stopped(&mut self) -> Result<()> {
        let deadline = Instant::now() + STOP_LIMIT;
        while let Some(process) = &mut self.process {
            match process.try_wait()? {
                Some(status) if status.success() => self.process = None,
                Some(status) => return self.died(status),
                None if Instant::now() < deadline => sleep(POLL).await,
                None => {
                    process.kill()?;
                    process.wait()?;
                    bail!("{self} did not stop within {} s", STOP_LIMIT.as_secs());
                }
            }
        }
        Ok(())
    }

    /// The API's URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.api)
    }

    /// Where the API listens.
    pub(crate) fn api_address(&self) -> SocketAddr {
        self.api
    }

    /// The URL of the metrics.
    pub(crate) fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.metrics)
    }

    /// The end of its log.
    pub(crate) fn last_lines(&self) -> String {
        last_lines(&self.log, SHOWN_LINES)
    }

    /// Its index as certificates have it.
    pub(crate) fn validator(&self) -> ValidatorIndex {
        ValidatorIndex::at(self.index)
    }

    /// The API, believed as it is.
    pub(crate) fn api(&self) -> Result<Api> {
        let config = ClientConfig {
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(20),
            ..ClientConfig::default()
        };
        Ok(Api::new(&self.url(), config)?)
    }

    /// The API, believed only as far as the genesis document proves it.
    pub(crate) fn client(&self, genesis: &GenesisDocument) -> Result<Client> {
        Ok(Client::new(self.api()?, trust::from_genesis(genesis)?))
    }
}

/// What the user's environment says about another node must not leak in.
fn forget_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SEQUENCER_") {
            command.env_remove(name);
        }
    }
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "node {}", self.index)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("warning: {error:#}");
        }
    }
}
