//! `init`: the contracts of a new rollup, and its definition.

use std::path::PathBuf;

use light_client::{
    deploy::Artifacts,
    rpc::{Endpoint, Tag},
    send::{SendConfig, Sender},
};
use rollup_contracts::deploy::{Terms, deploy};
use rollup_types::{Address, Hash};
use sequencer_client::{ClientConfig, client::Api, text};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::parse_address,
};
use crate::{Application, Definition, keyfile};

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
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    light_client: Option<Address>,
    /// Directory with forge's artifacts of the rollup's contracts
    #[arg(long, value_name = "DIR")]
    artifacts: Option<PathBuf>,
    /// Take deposits, which can't be settled back to the L1 yet
    #[arg(long)]
    deposits: bool,
    /// Most ether in the escrow, in wei
    #[arg(long, value_name = "WEI", default_value_t = 1_000_000_000_000_000_000)]
    cap: u128,
    /// Seconds after which anybody may force a message that the sequencer does not take up: at most a day
    #[arg(long, value_name = "SECONDS", default_value_t = 12 * 60 * 60)]
    force_delay: u64,
    /// Who settles the root over withdrawals [default: nobody]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
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
    let api = Api::new(&args.sequencer, ClientConfig::default())?;
    let genesis = api.genesis().await?;
    let l1 = match &args.l1 {
        Some(url) => Some(contracts(&args, url, genesis.l1_chain_id).await?),
        None => None,
    };
    let vm: toml::Table = match &args.vm {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|error| unusable(file, &error))?;
            toml::from_str(&text).map_err(|error| unusable(file, &error))?
        }
        None => toml::Table::new(),
    };
    let written = write::<A>(&args, &path, &genesis, l1.as_deref(), &vm);
    written.map_err(|error| unusable(&args.directory, &error))?;
    let definition = Definition::read(&path)?;
    A::vm(&definition).map_err(|error| Failure::new(Exit::Config, error))?;
    let digest: Hash = definition.digest();
    if args.json {
        return output::json(
            &json!({"definition": path, "digest": digest, "contracts": definition.l1}),
        );
    }
    output::line(format_args!("{}: definition {digest}", path.display()))
}

fn unusable(path: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format!("{}: {error}", path.display()))
}

/// Deploys the contracts and gives the definition's section about them.
async fn contracts(args: &Args, url: &str, home: u64) -> Result<String, Failure> {
    let (Some(account), Some(light_client), Some(artifacts)) =
        (&args.account, args.light_client, &args.artifacts)
    else {
        let message = "--l1 needs --account, --light-client and --artifacts";
        return Err(Failure::new(Exit::Usage, message));
    };
    let account = keyfile::load(account).map_err(|error| Failure::new(Exit::Key, error))?;
    let sender = Sender::new(Endpoint::new(url)?, account, SendConfig::default()).await?;
    if sender.chain_id() != home {
        let message = format!(
            "the L1 has chain id {}, the sequencer's headers attest the one with {home}",
            sender.chain_id()
        );
        return Err(Failure::new(Exit::Config, message));
    }
    let block = sender.endpoint().block(Tag::Latest).await?;
    let first_block = block.map_or(0, |block| block.number);
    let terms = Terms {
        force_delay_s: args.force_delay,
        cap: args.cap,
        deposits_allowed: args.deposits,
        settler: args.settler.unwrap_or(Address::ZERO),
        ..Terms::development(light_client, args.namespace.get(), home, sender.address())
    };
    let deployed = deploy(&sender, &Artifacts::new(artifacts), &terms)
        .await
        .map_err(|error| Failure::new(Exit::Refused, error))?;
    Ok(format!(
        "\n[l1]\nchain_id = {home}\nlight_client = \"{light_client}\"\nqueue = \"{}\"\ninbox = \"{}\"\nvault = \"{}\"\nfirst_block = {first_block}\n",
        deployed.queue, deployed.inbox, deployed.vault
    ))
}

fn write<A: Application>(
    args: &Args,
    path: &std::path::Path,
    genesis: &hotshot_types::GenesisDocument,
    l1: Option<&str>,
    vm: &toml::Table,
) -> std::io::Result<()> {
    let other = |error: toml::ser::Error| std::io::Error::other(error.to_string());
    std::fs::create_dir_all(&args.directory)?;
    let document = toml::to_string_pretty(genesis).map_err(other)?;
    std::fs::write(args.directory.join("genesis.toml"), document)?;
    let mut text = format!(
        "# A rollup. All its nodes use this very file: another one is another rollup.\n\napplication = \"{}\"\nnamespace = {}\norigin = {}\ngenesis = \"genesis.toml\"\ngenesis_hash = \"{}\"\ndeposits = {}\n",
        A::NAME,
        args.namespace,
        args.origin,
        genesis.hash(),
        args.deposits
    );
    text.push_str(l1.unwrap_or_default());
    if !vm.is_empty() {
        let mut section = toml::Table::new();
        section.insert("vm".into(), vm.clone().into());
        text.push('\n');
        text.push_str(&toml::to_string_pretty(&section).map_err(other)?);
    }
    std::fs::write(path, text)
}
