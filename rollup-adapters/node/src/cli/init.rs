//! `init`: the contracts of a new rollup, and its definition.
//!
//! All is checked with the addresses that the contracts will have, before anything is deployed. Until it is done there
//! is only a draft in the directory, which an `init` that fails takes away, and the next one where one was killed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use light_client::{
    abi::light_client::ILightClient,
    deploy::{Artifacts, DeployError},
    rpc::{Endpoint, Tag, ViewError},
    send::{SendConfig, Sender},
};
use program::{of_rpc, of_send};
use rollup_contracts::deploy::{Contracts, Terms, deploy};
use rollup_types::Address;
use sequencer_client::{ClientConfig, client::Api, text};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::parse_address,
};
use crate::{Application, Definition, L1Contracts, definition, keyfile};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without --l1 the definition is of a rollup without an L1, for a sequencer that has none. Whoever deploys \
has no power afterwards. Give the directory's two files to everybody who runs a node of this rollup; the genesis \
document is what the sequencer's node says, so compare its hash with what its operators publish."
)]
pub(super) struct Args {
    /// Directory that gets rollup.toml and the sequencer's genesis.toml
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// The rollup's namespace on the sequencer, which is its chain id
    #[arg(long, value_name = "NUMBER", value_parser = parse_namespace)]
    namespace: da::NamespaceId,
    /// URL of a sequencer node's API
    #[arg(
        long,
        env = "ROLLUP_SEQUENCER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    sequencer: String,
    /// First height of the sequencer that counts. Above 1, nodes that start with an empty disk need an archive node of the
    /// sequencer, which proves what was before
    #[arg(long, value_name = "HEIGHT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    origin: u64,
    /// URL of a node of the home L1
    #[arg(long, env = "ROLLUP_L1", value_name = "URL", requires_all = ["account", "light_client", "artifacts"], hide_env_values = true)]
    l1: Option<String>,
    /// Key file of the account that deploys: 32 bytes in hex, mode 0600
    #[arg(long, env = "ROLLUP_ACCOUNT", value_name = "KEYFILE")]
    account: Option<PathBuf>,
    /// The sequencer network's light client on the home L1
    #[arg(long, value_name = "ADDRESS", requires = "l1", value_parser = parse_address)]
    light_client: Option<Address>,
    /// Directory with forge's artifacts of the rollup's contracts
    #[arg(long, value_name = "DIR", requires = "l1")]
    artifacts: Option<PathBuf>,
    /// Take deposits, which can't be settled back to the L1 yet
    #[arg(long)]
    deposits: bool,
    /// Most ether in the escrow, in wei
    #[arg(
        long,
        value_name = "WEI",
        requires = "l1",
        default_value_t = 1_000_000_000_000_000_000
    )]
    cap: u128,
    /// Seconds after which anybody may force a message that the sequencer does not take up: at most a day
    #[arg(long, value_name = "SECONDS", requires = "l1", default_value_t = 12 * 60 * 60, value_parser = clap::value_parser!(u64).range(1..=24 * 60 * 60))]
    force_delay: u64,
    /// Who settles the root over withdrawals [default: nobody]
    #[arg(long, value_name = "ADDRESS", requires = "l1", value_parser = parse_address)]
    settler: Option<Address>,
    /// A file with what goes below [vm]
    #[arg(long, value_name = "FILE")]
    vm: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse_namespace(text: &str) -> Result<da::NamespaceId, String> {
    text::parse_namespace(text).map_err(|error| error.to_string())
}

pub(super) async fn run<A: Application>(args: Args) -> Result<(), Failure> {
    let path = args.directory.join("rollup.toml");
    if path.exists() {
        let message = format!(
            "{} exists: a rollup's definition never changes",
            path.display()
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    let vm: toml::Table = match &args.vm {
        Some(file) => {
            let text = fs::read_to_string(file).map_err(|error| unusable(file, &error))?;
            toml::from_str(&text).map_err(|error| unusable(file, &error))?
        }
        None => toml::Table::new(),
    };
    let api = Api::new(&args.sequencer, ClientConfig::default())?;
    let genesis = api.genesis().await?;
    let place = args.directory.join("genesis.toml");
    if place.exists() && definition::genesis(&place)?.hash() != genesis.hash() {
        let message = format!(
            "{} is of another network than the sequencer's node: `init` does not overwrite it",
            place.display()
        );
        return Err(Failure::new(Exit::Refused, message));
    }
    let home = match &args.l1 {
        Some(url) => Some(Home::open(&args, url, &genesis).await?),
        None => None,
    };
    let wrong = |error: io::Error| unusable(&args.directory, &error);
    let draft = Draft::begin(&args.directory).map_err(wrong)?;
    let mut contracts = home.as_ref().map(|home| home.contracts);
    draft
        .write::<A>(&args, &genesis, contracts.as_ref(), &vm)
        .map_err(wrong)?;
    let definition = Definition::read(&draft.definition())?;
    A::vm(&definition).map_err(|error| Failure::new(Exit::Config, error))?;
    if let Some(home) = &home {
        contracts = Some(home.deploy().await?);
    }
    draft
        .write::<A>(&args, &genesis, contracts.as_ref(), &vm)
        .map_err(wrong)?;
    let digest = Definition::read(&draft.definition())?.digest();
    draft.finish(&path).map_err(wrong)?;
    if args.json {
        return output::json(
            &json!({"definition": path, "digest": digest, "contracts": contracts}),
        );
    }
    output::line(format_args!("{}: definition {digest}", path.display()))
}

fn unusable(path: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
}

/// The home L1, and what will be deployed on it.
struct Home {
    sender: Sender,
    artifacts: Artifacts,
    terms: Terms,
    /// Where it will be.
    contracts: L1Contracts,
}

impl Home {
    async fn open(
        args: &Args,
        url: &str,
        genesis: &hotshot_types::GenesisDocument,
    ) -> Result<Self, Failure> {
        let chain_id = genesis.l1_chain_id;
        let (Some(account), Some(light_client), Some(artifacts)) =
            (&args.account, args.light_client, &args.artifacts)
        else {
            let message = "--l1 needs --account, --light-client and --artifacts";
            return Err(Failure::new(Exit::Usage, message));
        };
        let account = keyfile::load(account).map_err(|error| Failure::new(Exit::Key, error))?;
        let sender = Sender::new(Endpoint::new(url)?, account, SendConfig::default()).await?;
        if sender.chain_id() != chain_id {
            let message = format!(
                "the L1 has chain id {}, the sequencer's headers attest the one with {chain_id}",
                sender.chain_id()
            );
            return Err(Failure::new(Exit::Config, message));
        }
        let call = ILightClient::chainDomainCall {};
        let domain = sender.endpoint().view(light_client, &call, Tag::Latest);
        let domain = domain.await.map_err(|error| match error {
            ViewError::Rpc(error) => error.into(),
            error => Failure::new(Exit::Config, format!("no light client: {error}")),
        })?;
        if domain.0 != genesis.chain_domain().0 {
            let message = format!(
                "the light client at {light_client} is of another network than the sequencer's node"
            );
            return Err(Failure::new(Exit::Config, message));
        }
        let block = sender.endpoint().block(Tag::Latest).await?;
        let nonce = sender.endpoint().nonce(sender.address(), Tag::Latest);
        let predicted = Contracts::predicted(sender.address(), nonce.await?);
        let terms = Terms {
            force_delay_s: args.force_delay,
            cap: args.cap,
            deposits_allowed: args.deposits,
            settler: args.settler.unwrap_or(Address::ZERO),
            ..Terms::development(
                light_client,
                args.namespace.get(),
                chain_id,
                sender.address(),
            )
        };
        Ok(Self {
            artifacts: Artifacts::new(artifacts),
            terms,
            contracts: L1Contracts {
                chain_id,
                light_client,
                queue: predicted.queue,
                inbox: predicted.inbox,
                vault: predicted.vault,
                first_block: block.map_or(0, |block| block.number),
            },
            sender,
        })
    }

    async fn deploy(&self) -> Result<L1Contracts, Failure> {
        let deployed = deploy(&self.sender, &self.artifacts, &self.terms).await;
        let deployed = deployed.map_err(|error| {
            let exit = match &error {
                DeployError::Artifact { .. } => Exit::Config,
                DeployError::Rpc(error) => of_rpc(error),
                DeployError::Create { source, .. } => of_send(source),
                _ => Exit::Refused,
            };
            let message = format!(
                "{error}. There is no rollup yet: `init` deploys all of its contracts anew, and what was deployed now is of no use"
            );
            Failure::new(exit, message)
        })?;
        Ok(L1Contracts {
            queue: deployed.queue,
            inbox: deployed.inbox,
            vault: deployed.vault,
            ..self.contracts
        })
    }
}

/// The two files while they are not in their places; gone with this value.
struct Draft {
    directory: PathBuf,
    /// The directories that it made, the inmost first.
    made: Vec<PathBuf>,
}

impl Draft {
    fn begin(directory: &Path) -> io::Result<Self> {
        let draft = Self {
            directory: directory.to_owned(),
            made: directory
                .ancestors()
                .take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists())
                .map(Path::to_owned)
                .collect(),
        };
        fs::create_dir_all(draft.place())?;
        Ok(draft)
    }

    fn place(&self) -> PathBuf {
        self.directory.join("init-draft")
    }

    fn definition(&self) -> PathBuf {
        self.place().join("rollup.toml")
    }

    fn write<A: Application>(
        &self,
        args: &Args,
        genesis: &hotshot_types::GenesisDocument,
        l1: Option<&L1Contracts>,
        vm: &toml::Table,
    ) -> io::Result<()> {
        let other = |error: toml::ser::Error| io::Error::other(error.to_string());
        let document = toml::to_string_pretty(genesis).map_err(other)?;
        fs::write(self.place().join("genesis.toml"), document)?;
        let mut text = format!(
            "# A rollup. All its nodes use this very file: another one is another rollup.\n\napplication = \"{}\"\nnamespace = {}\norigin = {}\ngenesis = \"genesis.toml\"\ngenesis_hash = \"{}\"\ndeposits = {}\n",
            A::NAME,
            args.namespace,
            args.origin,
            genesis.hash(),
            args.deposits
        );
        let mut sections = toml::Table::new();
        if let Some(l1) = l1 {
            let section = toml::Value::try_from(l1).map_err(other)?;
            sections.insert("l1".into(), section);
        }
        if !vm.is_empty() {
            sections.insert("vm".into(), vm.clone().into());
        }
        if !sections.is_empty() {
            text.push('\n');
            text.push_str(&toml::to_string_pretty(&sections).map_err(other)?);
        }
        fs::write(self.definition(), text)
    }

    /// The definition comes last: where it is, all is.
    fn finish(self, definition: &Path) -> io::Result<()> {
        let genesis = "genesis.toml";
        fs::rename(self.place().join(genesis), self.directory.join(genesis))?;
        fs::rename(self.definition(), definition)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // What can't be removed is in nobody's way, and what holds something stays.
        fs::remove_dir_all(self.place()).ok();
        for made in &self.made {
            fs::remove_dir(made).ok();
        }
    }
}

#[cfg(test)]
mod tests;
