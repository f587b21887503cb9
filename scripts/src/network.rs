//! A network of real `sequencer` processes on this machine.
//!
//! Everything goes through the program's command line: data directories, keys, genesis entries,
//! the genesis document and the nodes themselves. Dropping the network kills its processes and
//! removes its directory.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use hotshot_types::GenesisDocument;
use tempfile::TempDir;

pub(crate) mod metrics;
mod node;
pub(crate) mod ports;
mod process;

pub(crate) use {node::Node, process::Process};

use crate::{l1::L1, workspace};

/// The genesis document's file.
const GENESIS: &str = "genesis.toml";
/// How long nodes may take to be ready.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// What a network is made of.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Voting weights, one for each validator.
    pub(crate) weights: Vec<u64>,
    /// Options of `sequencer keys genesis-entry` for each validator; none where there is no L1.
    pub(crate) entries: Vec<Vec<String>>,
    /// Options of `sequencer genesis new`, for example other parameters.
    pub(crate) genesis: Vec<String>,
    /// Settings for each node, as options of `sequencer init`.
    pub(crate) settings: Vec<String>,
    /// Where the nodes listen.
    pub(crate) ip: Ipv4Addr,
    /// Whether the directory stays when the network ends.
    pub(crate) keep_directory: bool,
}

impl Plan {
    /// Validators of equal weight with default settings.
    pub(crate) fn equal(nodes: usize) -> Self {
        Self {
            weights: vec![1; nodes],
            entries: Vec::new(),
            genesis: Vec::new(),
            settings: Vec::new(),
            ip: Ipv4Addr::LOCALHOST,
            keep_directory: false,
        }
    }

    /// With options for the genesis document.
    pub(crate) fn with_genesis(mut self, options: &[&str]) -> Self {
        self.genesis
            .extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    /// With settings for each node.
    pub(crate) fn with_settings(mut self, options: &[&str]) -> Self {
        self.settings
            .extend(options.iter().map(|option| (*option).to_owned()));
        self
    }
}

/// Which program to run, in all tasks that start a network.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Program {
    /// Run this program instead of building one
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// Build with optimisations for release
    #[arg(long, conflicts_with = "binary")]
    release: bool,
}

impl Program {
    /// Builds the program unless one was given.
    pub(crate) fn path(&self) -> Result<PathBuf> {
        match &self.binary {
            Some(path) => path
                .canonicalize()
                .with_context(|| format!("no program at {}", path.display())),
            None => workspace::build_sequencer(self.release),
        }
    }
}

/// A network; its nodes run once they are started.
#[derive(Debug)]
pub(crate) struct Network {
    /// The nodes, by validator index.
    pub(crate) nodes: Vec<Node>,
    /// What clients trust.
    pub(crate) genesis: GenesisDocument,
    /// The L1s with its contracts, if it has any.
    pub(crate) l1: Option<L1>,
    directory: PathBuf,
    // Removes the directory; the nodes above are dropped and thereby killed first.
    removal: Option<TempDir>,
}

impl Network {
    /// Makes keys, genesis and settings with the program; starts nothing.
    pub(crate) fn prepare(program: &Path, plan: &Plan) -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("sequencer-").tempdir()?;
        let (directory, removal) = if plan.keep_directory {
            (temporary.keep(), None)
        } else {
            (temporary.path().to_owned(), Some(temporary))
        };
        let count = plan.weights.len();
        let mut ports = ports::free(3 * count)?.into_iter();
        let mut next_port = || ports.next().context("too few ports");
        let genesis_file = directory.join(GENESIS);
        let name = directory
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut nodes = Vec::with_capacity(count);
        let mut entries = Vec::with_capacity(count);
        for (index, weight) in plan.weights.iter().enumerate() {
            let ports = [next_port()?, next_port()?, next_port()?];
            let addresses = ports.map(|port| SocketAddr::from((plan.ip, port)));
            let node = Node::at(program, &directory, index, addresses);
            let entry = directory.join(format!("validator{index}.toml"));
            node.initialize(&genesis_file, &plan.settings)?;
            let options = plan.entries.get(index).map_or(&[][..], Vec::as_slice);
            node.make_keys(&name, *weight, options, &entry)?;
            nodes.push(node);
            entries.push(entry);
        }
        let mut command = Command::new(program);
        command
            .args(["genesis", "new", "--out"])
            .arg(&genesis_file)
            .args(&plan.genesis);
        command.arg("--validator").args(&entries);
        call(&mut command)?;
        let text = fs::read_to_string(&genesis_file).context("cannot read the genesis document")?;
        let genesis = toml::from_str(&text).context("cannot read the genesis document")?;
        Ok(Self {
            nodes,
            genesis,
            l1: None,
            directory,
            removal,
        })
    }

    /// Where everything is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The genesis document.
    pub(crate) fn genesis_file(&self) -> PathBuf {
        self.directory.join(GENESIS)
    }

    /// Starts a relayer to the L1s that reads from the first node.
    pub(crate) async fn relay(&mut self) -> Result<()> {
        let l1 = self.l1.as_mut().context("this network has no L1")?;
        let node = self.nodes.first().context("this network has no node")?;
        l1.relay(node).await
    }

    /// Starts the nodes that are not running, waits until all of them are ready.
    pub(crate) async fn start(&mut self) -> Result<()> {
        let outcome = self.start_all().await;
        self.explained(outcome)
    }

    async fn start_all(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.start()?;
        }
        self.ready().await
    }

    /// Waits until all running nodes are ready.
    pub(crate) async fn ready(&mut self) -> Result<()> {
        let deadline = Instant::now() + READY_LIMIT;
        for node in &mut self.nodes {
            if node.is_started() {
                node.ready(deadline).await?;
            }
        }
        Ok(())
    }

    /// Fails if a node that should run does not.
    pub(crate) fn check(&mut self) -> Result<()> {
        self.nodes.iter_mut().try_for_each(Node::check)?;
        self.l1.as_mut().map_or(Ok(()), L1::check)
    }

    /// Passes on how something ended. After a failure it shows the end of the log of each node
    /// that died, or of all if none did, and leaves the directory for whoever wants to know more.
    pub(crate) fn explained<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if outcome.is_err() {
            let died: Vec<bool> = self
                .nodes
                .iter_mut()
                .map(|node| node.check().is_err())
                .collect();
            let none_died = !died.contains(&true);
            for (node, died) in self.nodes.iter().zip(died) {
                if died || none_died {
                    eprintln!("last lines of {node}:\n{}", node.last_lines());
                }
            }
            if let Some(l1) = &mut self.l1 {
                l1.explain();
            }
            if let Some(removal) = self.removal.take() {
                eprintln!("logs and data are in {}", removal.keep().display());
            }
        }
        outcome
    }

    /// Asks all nodes to stop and waits until they have.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        let outcome = self.stop_all().await;
        self.explained(outcome)
    }

    async fn stop_all(&mut self) -> Result<()> {
        for node in &mut self.nodes {
            node.ask_to_stop()?;
        }
        for node in &mut self.nodes {
            node.stopped().await?;
        }
        // The L1s outlast the nodes that read them.
        if let Some(l1) = &mut self.l1 {
            l1.stop().await?;
        }
        Ok(())
    }
}

/// Runs the program to its end.
pub(crate) fn call(command: &mut Command) -> Result<()> {
    answer(command).map(drop)
}

/// Runs the program to its end and returns what it prints.
pub(crate) fn answer(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`{}` failed with {}: {}",
        workspace::spoken(command),
        output.status,
        said.trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The end of a file, for messages.
fn last_lines(path: &Path, count: usize) -> String {
    let Ok(bytes) = fs::read(path) else {
        return String::from("(no log)");
    };
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(count);
    lines[start..]
        .iter()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Tries something until it succeeds or the time is over; the last failure is the reason then.
pub(crate) async fn eventually<T, F>(
    limit: Duration,
    what: &str,
    mut attempt: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => {
                bail!(
                    "{what} did not happen within {} s: {error:#}",
                    limit.as_secs()
                )
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
