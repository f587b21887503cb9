//! Which node to ask, and what to trust instead of it.

use std::path::{Path, PathBuf};

use hotshot_types::{GenesisDocument, Hash, finality::Trust};
use sequencer_client::{
    Checkpoint, ClientConfig, ClientError, ProofFile, Servers,
    client::{Api, BlockId, ServersConfig},
    text, trust,
};
use serde::de::DeserializeOwned;

use super::exit::{Exit, Failure};
use crate::{bounded_file, genesis_file};

/// Largest checkpoint or proof file that is read: a proof holds all data of a namespace.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The nodes to ask.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NodeArgs {
    /// URL of a node's API; repeat it, or separate with commas, to ask several: one that lies or stalls is left
    #[arg(
        long = "url",
        env = "SEQUENCER_URL",
        value_name = "URL",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8080"
    )]
    urls: Vec<String>,
    /// Write what nodes were caught with, one JSON file each, to this directory
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
}

/// What to trust: one of the two, or both if they are of one network.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TrustArgs {
    /// Genesis document of the network: what proofs are checked against
    #[arg(long, env = "SEQUENCER_GENESIS", value_name = "FILE")]
    genesis: Option<PathBuf>,
    /// A checkpoint to start from, made with `sequencer proof checkpoint`
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl NodeArgs {
    /// The nodes' APIs, unverified.
    pub(crate) fn apis(&self) -> Result<Vec<Api>, Failure> {
        let config = ClientConfig::default();
        let apis = self.urls.iter().map(|url| Api::new(url, config));
        Ok(apis.collect::<Result<_, _>>()?)
    }

    /// What the first node says that says anything, unverified.
    pub(crate) async fn any<T, F>(&self, ask: impl Fn(Api) -> F) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut last = ClientError::Servers(self.urls.len());
        for url in &self.urls {
            match ask(Api::new(url, ClientConfig::default())?).await {
                Err(error) if error.is_transient() => last = error,
                outcome => return outcome,
            }
        }
        Err(last)
    }

    /// A client that verifies.
    pub(crate) fn servers(&self, trust: &TrustArgs) -> Result<Servers, Failure> {
        self.servers_with(trust.load()?)
    }

    /// A client that verifies with this trust root.
    pub(crate) fn servers_with(&self, root: Trust) -> Result<Servers, Failure> {
        let patience = ServersConfig::default();
        Ok(Servers::new(self.apis()?, root, patience)?)
    }

    /// Says what nodes were caught with, whatever became of the question, and passes that on.
    pub(crate) fn told<T>(
        &self,
        servers: &Servers,
        outcome: Result<T, ClientError>,
    ) -> Result<T, Failure> {
        self.tell(servers, 0)?;
        Ok(outcome?)
    }

    /// Says what nodes were caught with beyond what was said before; gives how much that is in all.
    pub(crate) fn tell(&self, servers: &Servers, said: usize) -> Result<usize, Failure> {
        let evidence = servers.evidence();
        for (number, caught) in evidence.iter().enumerate().skip(said) {
            eprintln!("warning: {caught}");
            let Some(directory) = &self.evidence else {
                continue;
            };
            let name = format!("evidence-{}-{number}.json", caught.at_ms);
            let path = directory.join(name);
            write_json("evidence", &path, caught.as_ref())?;
            eprintln!("         its answers are in {}", path.display());
        }
        Ok(evidence.len())
    }
}

impl TrustArgs {
    /// Whether the user named anything to trust.
    pub(crate) fn is_given(&self) -> bool {
        self.genesis.is_some() || self.checkpoint.is_some()
    }

    /// The trust root of a reader that goes on with a checkpoint of its own.
    pub(crate) fn with_checkpoint(&self, own: Checkpoint) -> Result<Trust, Failure> {
        match &self.genesis {
            Some(path) => Ok(own.trust_in(&genesis_file::load(path)?)?),
            None => Ok(own.trust()?),
        }
    }

    /// The trust root.
    pub(crate) fn load(&self) -> Result<Trust, Failure> {
        let genesis: Option<GenesisDocument> = self
            .genesis
            .as_deref()
            .map(genesis_file::load)
            .transpose()?;
        let checkpoint: Option<Checkpoint> = self
            .checkpoint
            .as_deref()
            .map(|path| read_json("checkpoint", path, Exit::Config))
            .transpose()?;
        match (genesis, checkpoint) {
            (Some(genesis), None) => Ok(trust::from_genesis(&genesis)?),
            (None, Some(checkpoint)) => Ok(checkpoint.trust()?),
            (Some(genesis), Some(checkpoint)) => Ok(checkpoint.trust_in(&genesis)?),
            (None, None) => Err(Failure::new(
                Exit::Usage,
                "nothing to verify against: pass --genesis FILE (or set SEQUENCER_GENESIS), or --checkpoint FILE",
            )),
        }
    }
}

/// Reads a JSON file of bounded size.
pub(crate) fn read_json<T: DeserializeOwned>(
    what: &str,
    path: &Path,
    malformed: Exit,
) -> Result<T, Failure> {
    let unreadable = |error| {
        Failure::new(
            Exit::Usage,
            format!("cannot read {what} {}: {error}", path.display()),
        )
    };
    let bytes = bounded_file::read(path, MAX_FILE_BYTES).map_err(unreadable)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(
            malformed,
            format!("{} is no valid {what}: {error}", path.display()),
        )
    })
}

/// Writes a JSON file that somebody else will read.
pub(crate) fn write_json(
    what: &str,
    path: &Path,
    value: &impl serde::Serialize,
) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    std::fs::write(path, text).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("cannot write the {what} to {}: {error}", path.display()),
        )
    })
}

/// Writes a proof file and says so.
pub(crate) fn write_proof(path: &Path, proof: &ProofFile) -> Result<(), Failure> {
    write_json("proof", path, proof)?;
    eprintln!(
        "proof written to {}; check it with: sequencer proof verify {} --genesis FILE",
        path.display(),
        path.display()
    );
    Ok(())
}

/// A block as users name it: a height, a hash, or `latest`.
pub(crate) fn parse_block(text: &str) -> Result<BlockId, String> {
    if matches!(text, "latest" | "finalized") {
        return Ok(BlockId::Latest);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(height) = text.parse()
    {
        return Ok(BlockId::Height(hotshot_types::Height(height)));
    }
    text::parse_hash(text).map(BlockId::Hash).map_err(|_| {
        format!("`{text}` is no block: write a height, a block hash (64 hex digits) or `latest`")
    })
}

/// A transaction hash as users write it.
pub(crate) fn parse_hash(text: &str) -> Result<Hash, String> {
    text::parse_hash(text).map_err(|error| format!("`{text}` is no hash: {error}"))
}

/// A namespace as users write it.
pub(crate) fn parse_namespace(text: &str) -> Result<da::NamespaceId, String> {
    text::parse_namespace(text).map_err(|error| error.to_string())
}
