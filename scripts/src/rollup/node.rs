//! One process of a rollup's program.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::Hash;
use light_client::rpc::Endpoint;
use serde_json::{Value, json};

use crate::network::{Process, answer, eventually, ports};

/// How long a node may take to answer after its start, or to have what others have.
const START_LIMIT: Duration = Duration::from_secs(60);

/// What all nodes of a rollup are started with.
#[derive(Clone, Debug)]
pub(crate) struct Rollup {
    /// The program.
    pub(crate) program: PathBuf,
    /// `rollup.toml`.
    pub(crate) definition: PathBuf,
    /// The sequencer's nodes that they read.
    pub(crate) sequencers: Vec<String>,
    /// Endpoints of the home L1.
    pub(crate) l1: Vec<String>,
    /// Endpoints of the other L1s.
    pub(crate) replicas: Vec<String>,
    /// Where logs and data directories are.
    pub(crate) directory: PathBuf,
}

/// A node with its directory and, while it runs, its process.
#[derive(Debug)]
pub(crate) struct RollupNode {
    /// Its name in messages, and that of its directory.
    pub(crate) name: String,
    rollup: Rollup,
    rpc: SocketAddr,
    metrics: SocketAddr,
    options: Vec<String>,
    process: Option<Process>,
    pub(crate) endpoint: Endpoint,
}

impl Rollup {
    /// A node of its own directory; it is not started.
    pub(crate) fn node(&self, name: &str, options: &[&str]) -> Result<RollupNode> {
        let ports = ports::free(2)?;
        let [rpc, metrics] =
            [ports[0], ports[1]].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        Ok(RollupNode {
            name: name.to_owned(),
            rollup: self.clone(),
            rpc,
            metrics,
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            process: None,
            endpoint: Endpoint::new(&format!("http://{rpc}"))?,
        })
    }

    /// A verb of the program with the rollup's definition.
    fn verb(&self, line: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(line).arg("--definition").arg(&self.definition);
        command
    }

    /// A verb that talks to the home L1.
    pub(crate) fn on_l1(&self, line: &[&str]) -> Command {
        let mut command = self.verb(line);
        for url in &self.l1 {
            command.args(["--l1", url]);
        }
        command
    }
}

/// Runs a verb to its end and reads what it prints as JSON.
pub(crate) async fn json_of(mut command: Command) -> Result<Value> {
    command.arg("--json");
    let text = tokio::task::spawn_blocking(move || answer(&mut command)).await??;
    serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", text.trim()))
}

impl RollupNode {
    /// Where its JSON-RPC is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.rpc)
    }

    /// Its data.
    fn home(&self) -> PathBuf {
        self.rollup.directory.join(&self.name)
    }

    /// Starts it and waits until it answers.
    pub(crate) async fn start(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "{} runs already", self.name);
        let mut command = self.rollup.verb(&["run"]);
        command.arg("--data-dir").arg(self.home());
        for url in &self.rollup.sequencers {
            command.args(["--sequencer", url]);
        }
        for url in &self.rollup.l1 {
            command.args(["--l1", url]);
        }
        for url in &self.rollup.replicas {
            command.args(["--l1-replica", url]);
        }
        command
            .args(["--rpc.listen", &self.rpc.to_string()])
            .args(["--metrics.listen", &self.metrics.to_string()])
            .args(&self.options);
        self.process = Some(Process::start(&self.name, command, &self.rollup.directory)?);
        let answers = async || self.status().await;
        let waited = eventually(START_LIMIT, &format!("an answer of {}", self.name), answers).await;
        if let Err(error) = waited {
            return Err(self.check().err().unwrap_or(error));
        }
        Ok(())
    }

    /// What it says of itself.
    pub(crate) async fn status(&self) -> Result<Value> {
        Ok(self.endpoint.ask("rollup_status", json!([])).await?)
    }

    /// The number of its newest block of a level: `latest`, `safe` or `finalized`.
    pub(crate) async fn level(&self, level: &str) -> Result<u64> {
        let status = self.status().await?;
        status[level]["number"]
            .as_u64()
            .with_context(|| format!("{} has no level {level}: {status}", self.name))
    }

    /// The hash of a block, once it has it.
    pub(crate) async fn hash(&self, number: u64) -> Result<Hash> {
        let block: Value = self
            .endpoint
            .ask("rollup_getBlock", json!([number]))
            .await?;
        let hash = block["hash"].as_str();
        let hash = hash.with_context(|| format!("{} has no block {number}", self.name))?;
        Ok(hash.parse()?)
    }

    /// Waits until it has a block.
    pub(crate) async fn reach(&self, number: u64, limit: Duration) -> Result<()> {
        let reached = async || -> Result<()> {
            let latest = self.level("latest").await?;
            ensure!(latest >= number, "its newest block is {latest}");
            Ok(())
        };
        let what = format!("block {number} in {}", self.name);
        eventually(limit, &what, reached).await
    }

    /// Fails if it ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        match &mut self.process {
            Some(process) => process.check().with_context(|| process.last_lines()),
            None => Ok(()),
        }
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.check()?;
        // Dropping it kills it.
        self.process = None;
        Ok(())
    }

    /// Asks it to stop and waits until it has.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// Forgets everything that it has on its disk.
    pub(crate) fn forget(&self) -> Result<()> {
        ensure!(self.process.is_none(), "{} runs", self.name);
        std::fs::remove_dir_all(self.home()).context("cannot empty a data directory")
    }
}

/// Compares all blocks of some nodes up to a number; how many there are.
pub(crate) async fn same(nodes: &[&RollupNode], from: u64, to: u64) -> Result<u64> {
    let Some((first, others)) = nodes.split_first() else {
        return Ok(0);
    };
    for number in from..=to {
        let expected = first.hash(number).await?;
        for other in others {
            let found = other.hash(number).await?;
            ensure!(
                found == expected,
                "block {number} is {expected} at {} and {found} at {}",
                first.name,
                other.name
            );
        }
    }
    Ok((to + 1).saturating_sub(from))
}
