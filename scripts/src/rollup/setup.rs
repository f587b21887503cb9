//! What a rollup needs before its first node: contracts on the L1s, and the definition.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use hotshot_types::Address;
use light_client::deploy::Artifacts;
use rollup_contracts::deploy::{Contracts, Terms, deploy};

use super::node::{Rollup, json_of};
use crate::{
    contracts,
    l1::{Anvil, DEPLOYER, L1, secret_file},
    network::{Network, Node},
};

/// What accounts of the genesis have, in wei.
pub(crate) const ALLOCATED: u128 = 1_000_000_000_000_000_000_000;
/// Most ether in the escrow, in wei.
const CAP: u128 = 1_000_000_000_000_000_000_000;

/// What a rollup is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The name of the program's machine.
    pub(crate) application: &'a str,
    /// Of the sequencer; the chain id.
    pub(crate) namespace: u64,
    /// Seconds until a message that nobody covers can be pinned; none: the contracts' default.
    pub(crate) force_delay_s: Option<u64>,
    /// The section `[vm]`.
    pub(crate) vm: &'a str,
}

/// Makes a rollup's definition, and its contracts where the network has L1s: `rollup init` does on the home L1. The
/// contracts by L1.
pub(crate) async fn prepare(
    network: &Network,
    program: PathBuf,
    wanted: &Wanted<'_>,
) -> Result<(Rollup, Vec<Contracts>)> {
    let directory = network.directory().join(wanted.application);
    fs::create_dir_all(&directory)?;
    let definition = directory.join("rollup.toml");
    let vm = directory.join("vm.toml");
    fs::write(&vm, wanted.vm)?;
    let sequencers: Vec<String> = network.nodes.iter().map(Node::url).collect();
    let mut init = Command::new(&program);
    init.arg("init").arg(&directory).arg("--vm").arg(&vm);
    init.args(["--namespace", &wanted.namespace.to_string()]);
    init.args(["--sequencer", &sequencers[0]]);
    let mut deployed = Vec::new();
    let (mut endpoints, mut replicas) = (Vec::new(), Vec::new());
    match &network.l1 {
        None => {
            json_of(init).await?;
        }
        Some(l1) => {
            deployed.push(home(l1, init, &directory, wanted).await?);
            for (chain, light_client) in l1.chains.iter().zip(&l1.light_clients).skip(1) {
                deployed.push(replica(l1, chain, *light_client, &definition, wanted).await?);
                replicas.push(chain.url.clone());
            }
            endpoints.clone_from(&l1.endpoints);
        }
    }
    let rollup = Rollup {
        program,
        definition,
        sequencers,
        l1: endpoints,
        replicas,
        directory,
    };
    Ok((rollup, deployed))
}

/// Has `init` deploy the contracts on the home L1.
async fn home(
    l1: &L1,
    mut init: Command,
    directory: &Path,
    wanted: &Wanted<'_>,
) -> Result<Contracts> {
    let settler = l1.deployer_at(l1.home()).await?.address().to_string();
    init.args(["--l1", &l1.home().url, "--settler", &settler]);
    init.args(["--light-client", &l1.light_clients[0].to_string()]);
    init.args(["--deposits", "--cap", &CAP.to_string()]);
    init.arg("--account");
    init.arg(secret_file(directory, "deployer", DEPLOYER)?);
    init.arg("--artifacts");
    init.arg(contracts::Contracts::Rollup.artifacts());
    if let Some(delay) = wanted.force_delay_s {
        init.args(["--force-delay", &delay.to_string()]);
    }
    let said = json_of(init).await?;
    let address = |name: &str| -> Result<Address> {
        let text = said["contracts"][name].as_str();
        let text = text.with_context(|| format!("`init` names no {name}: {said}"))?;
        Ok(text.parse()?)
    };
    Ok(Contracts {
        queue: address("queue")?,
        inbox: address("inbox")?,
        vault: address("vault")?,
    })
}

/// Deploys the contracts on an L1 that is not the home, and adds it to the definition.
async fn replica(
    l1: &L1,
    chain: &Anvil,
    light_client: Address,
    definition: &Path,
    wanted: &Wanted<'_>,
) -> Result<Contracts> {
    let artifacts = Artifacts::new(&contracts::Contracts::Rollup.artifacts());
    let sender = l1.deployer_at(chain).await?;
    let (home, account) = (l1.home().chain_id, sender.address());
    let terms = Terms::development(light_client, wanted.namespace, home, account);
    let deployed = deploy(&sender, &artifacts, &terms).await?;
    let mut text = fs::read_to_string(definition)?;
    write!(
        text,
        "\n[[l1_replica]]\nchain_id = {}\nlight_client = \"{light_client}\"\ninbox = \"{}\"\n",
        chain.chain_id, deployed.inbox
    )?;
    fs::write(definition, text)?;
    Ok(deployed)
}

/// The section `[vm]` of an EVM rollup where these accounts have ether from the start.
pub(crate) fn evm(fee_account: Address, rich: &[Address]) -> String {
    let mut text = format!("fee_account = \"{fee_account}\"\n");
    for account in rich {
        text += &format!("\n[alloc.\"{account}\"]\nbalance = \"{ALLOCATED}\"\n");
    }
    text
}

/// Where a program of the workspace is: beside the sequencer's, of the same build.
pub(crate) fn beside(sequencer: &Path, name: &str) -> Result<PathBuf> {
    let folder = sequencer.parent().context("the program is in no folder")?;
    let path = folder.join(name);
    anyhow::ensure!(
        path.exists(),
        "there is no {}: `cargo build --workspace --bins --examples` builds it",
        path.display()
    );
    Ok(path)
}
