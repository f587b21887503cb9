//! What a rollup needs before its first node: contracts on the L1s, and the definition.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use hotshot_types::Address;
use light_client::{deploy::Artifacts, rpc::Tag};
use rollup_contracts::deploy::{Contracts, Terms, deploy};

use super::node::Rollup;
use crate::{contracts, l1::L1, network::Network};

/// What accounts of the genesis have, in wei.
pub(crate) const ALLOCATED: u128 = 1_000_000_000_000_000_000_000;

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

/// A rollup's contracts, by L1; on all but the first read-only.
pub(crate) async fn deploy_contracts(l1: &L1, wanted: &Wanted<'_>) -> Result<Vec<Contracts>> {
    let artifacts = Artifacts::new(&contracts::Contracts::Rollup.artifacts());
    let home = l1.home().chain_id;
    let mut deployed = Vec::new();
    for (chain, light_client) in l1.chains.iter().zip(&l1.light_clients) {
        let sender = l1.deployer_at(chain).await?;
        let mut terms = Terms::development(*light_client, wanted.namespace, home, sender.address());
        terms.settler = sender.address();
        if let Some(delay) = wanted.force_delay_s {
            terms.force_delay_s = delay;
        }
        deployed.push(deploy(&sender, &artifacts, &terms).await?);
    }
    Ok(deployed)
}

/// Deploys a rollup's contracts where the network has L1s, and writes its definition.
pub(crate) async fn prepare(
    network: &Network,
    program: PathBuf,
    wanted: &Wanted<'_>,
) -> Result<(Rollup, Vec<Contracts>)> {
    let directory = network.directory().join(wanted.application);
    fs::create_dir_all(&directory)?;
    let mut text = format!(
        "application = \"{}\"\nnamespace = {}\norigin = 1\ngenesis = \"{}\"\n",
        wanted.application,
        wanted.namespace,
        network.genesis_file().display()
    );
    let mut deployed = Vec::new();
    if let Some(l1) = &network.l1 {
        let before = l1.home().endpoint.block(Tag::Latest).await?;
        let first_block = before.context("the L1 has no block")?.number;
        deployed = deploy_contracts(l1, wanted).await?;
        text += &sections(l1, &deployed, first_block)?;
    }
    write!(text, "\n[vm]\n{}", wanted.vm)?;
    let definition = directory.join("rollup.toml");
    fs::write(&definition, text)?;
    let rollup = Rollup {
        program,
        definition,
        sequencers: network
            .nodes
            .iter()
            .map(crate::network::Node::url)
            .collect(),
        l1: network
            .l1
            .iter()
            .flat_map(|l1| l1.endpoints.clone())
            .collect(),
        replicas: network
            .l1
            .iter()
            .flat_map(|l1| l1.chains.iter().skip(1))
            .map(|chain| chain.url.clone())
            .collect(),
        directory,
    };
    Ok((rollup, deployed))
}

/// The L1s' part of a definition.
fn sections(l1: &L1, deployed: &[Contracts], first_block: u64) -> Result<String> {
    let mut text = String::from("deposits = true\n");
    let (home, replicas) = deployed.split_first().context("there is no home L1")?;
    write!(
        text,
        "\n[l1]\nchain_id = {}\nlight_client = \"{}\"\nqueue = \"{}\"\ninbox = \"{}\"\nvault = \"{}\"\nfirst_block = {}\n",
        l1.home().chain_id,
        l1.light_clients[0],
        home.queue,
        home.inbox,
        home.vault,
        first_block
    )?;
    for ((replica, chain), light_client) in replicas
        .iter()
        .zip(&l1.chains[1..])
        .zip(&l1.light_clients[1..])
    {
        write!(
            text,
            "\n[[l1_replica]]\nchain_id = {}\nlight_client = \"{}\"\ninbox = \"{}\"\n",
            chain.chain_id, light_client, replica.inbox
        )?;
    }
    Ok(text)
}

/// The section `[vm]` of an EVM rollup where these accounts have ether from the start.
pub(crate) fn evm(fee_account: Address, rich: &[Address]) -> String {
    let mut text = format!("fee_account = \"{fee_account}\"\n");
    for account in rich {
        text += &format!("\n[vm.alloc.\"{account}\"]\nbalance = \"{ALLOCATED}\"\n");
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
