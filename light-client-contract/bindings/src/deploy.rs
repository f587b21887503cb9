//! Deploying the contracts of a network from forge's artifacts.
//!
//! The network is named by the stake table's address, which the light client is told when it is
//! created; so addresses are predicted from the deployer's nonce. Whoever deploys has no power
//! afterwards: what is adjustable belongs to the timelock.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use hotshot_types::{Address, Committee, Epoch, GenesisDocument, Hash, SealedHeader, digest};
use serde::Deserialize;

use crate::{
    abi::{self, U256},
    account::created,
    rpc::{RpcError, Tag},
    send::{SendError, Sender},
    update,
};
use alloy_sol_types::SolValue as _;

/// Larger than any artifact.
const MAX_ARTIFACT: u64 = 64 << 20;

/// Why the contracts were not deployed.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// An artifact is missing or is none.
    #[error("{}: {reason}. Build the contracts with `cargo xtask contracts`", path.display())]
    Artifact {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The deployment of a contract.
    #[error("the contract {contract} was not created: {source}")]
    Create {
        /// Which.
        contract: &'static str,
        /// Why.
        source: SendError,
    },
    /// The endpoint.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The genesis document is of another chain or stake table than what would be deployed.
    #[error(
        "the genesis document is for {expected}, this deployment would give {found}: compose it for the predicted addresses"
    )]
    OtherNetwork {
        /// In the document.
        expected: Hash,
        /// Of the deployment.
        found: Hash,
    },
    /// The document opens no network.
    #[error("the genesis document opens no network: {0}")]
    Genesis(String),
    /// A contract is not where it was predicted.
    #[error(
        "the account sent another transaction during the deployment: deploy again from a fresh genesis document"
    )]
    Moved,
}

/// Creation codes, as forge built them.
#[derive(Clone, Debug)]
pub struct Artifacts {
    directory: PathBuf,
}

#[derive(Deserialize)]
struct Artifact {
    bytecode: Bytecode,
}

#[derive(Deserialize)]
struct Bytecode {
    object: String,
}

impl Artifacts {
    /// Those in forge's output directory.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
        }
    }

    /// The creation code of a contract.
    ///
    /// # Errors
    /// A missing or malformed artifact.
    pub fn creation_code(&self, contract: &str) -> Result<Vec<u8>, DeployError> {
        let path = self
            .directory
            .join(format!("{contract}.sol/{contract}.json"));
        let wrong = |reason: String| DeployError::Artifact {
            path: path.clone(),
            reason,
        };
        let file = File::open(&path).map_err(|error| wrong(error.to_string()))?;
        let mut text = String::new();
        file.take(MAX_ARTIFACT)
            .read_to_string(&mut text)
            .map_err(|error| wrong(error.to_string()))?;
        let artifact: Artifact =
            serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let digits = artifact.bytecode.object;
        hex::decode(digits.strip_prefix("0x").unwrap_or(&digits))
            .ok()
            .filter(|code| !code.is_empty())
            .ok_or_else(|| wrong("it holds no linked creation code".into()))
    }
}

/// Where the contracts of a network are, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// The ERC-20 that is staked.
    pub token: Address,
    /// What is adjustable belongs to it.
    pub timelock: Address,
    /// Of the home L1.
    pub light_client: Address,
    /// Of the home L1.
    pub stake_table: Address,
}

impl Contracts {
    /// The addresses that an account's next four contracts will have.
    #[must_use]
    pub fn predicted(deployer: Address, nonce: u64) -> Self {
        Self {
            token: created(deployer, nonce),
            timelock: created(deployer, nonce + 1),
            light_client: created(deployer, nonce + 2),
            stake_table: created(deployer, nonce + 3),
        }
    }
}

/// What is chosen at the deployment.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Seconds that stake stays after it stopped counting.
    pub escrow_s: u64,
    /// Seconds after which the light client's newest block is too old to go on from; below the escrow.
    pub trust_period_s: u64,
    /// Seconds that a change waits in the timelock.
    pub timelock_delay_s: u64,
    /// Least stake of a member, in token units.
    pub minimum_stake: u128,
    /// Most members of a committee.
    pub maximum_members: u16,
    /// All tokens there are, in token units; the deployer has them.
    pub supply: u128,
}

impl Terms {
    /// Those of demos and local networks.
    #[must_use]
    pub const fn development() -> Self {
        const TOKEN: u128 = 1_000_000_000_000_000_000;
        Self {
            escrow_s: 120,
            trust_period_s: 100,
            timelock_delay_s: 60,
            minimum_stake: TOKEN,
            maximum_members: 100,
            supply: 1_000_000_000 * TOKEN,
        }
    }
}

/// Deploys the contracts of a network on its home L1. The document was composed for the addresses
/// that [`Contracts::predicted`] gives for the sender's next nonce; `header` is its genesis block.
///
/// # Errors
/// A missing artifact, a document of another network, an L1 that refuses: one without the
/// precompiles of EIP-2537 does.
pub async fn deploy_home(
    sender: &Sender,
    artifacts: &Artifacts,
    genesis: &GenesisDocument,
    header: &SealedHeader,
    terms: &Terms,
) -> Result<Contracts, DeployError> {
    let nonce = sender
        .endpoint()
        .nonce(sender.address(), Tag::Latest)
        .await?;
    let contracts = Contracts::predicted(sender.address(), nonce);
    let found = digest::chain_domain(sender.chain_id(), contracts.stake_table, genesis.salt);
    if found != genesis.chain_domain() {
        return Err(DeployError::OtherNetwork {
            expected: genesis.chain_domain(),
            found,
        });
    }
    let owner = abi::address(sender.address());
    let token = (
        "Sequencer Stake".to_owned(),
        "SEQ".to_owned(),
        owner,
        U256::from(terms.supply),
    );
    let token = token.abi_encode_params();
    let timelock = timelock(sender, terms);
    let client = light_client(genesis, header, contracts.timelock, terms)?;
    let table = (
        abi::address(contracts.token),
        abi::address(contracts.light_client),
        abi::address(contracts.timelock),
        abi::word(genesis.salt),
        terms.escrow_s,
        U256::from(terms.minimum_stake),
        terms.maximum_members,
    );
    let table = table.abi_encode_params();
    for (contract, arguments, expected) in [
        ("StakeToken", token, contracts.token),
        ("TimelockController", timelock, contracts.timelock),
        ("LightClient", client, contracts.light_client),
        ("StakeTable", table, contracts.stake_table),
    ] {
        if create(sender, artifacts, contract, &arguments).await? != expected {
            return Err(DeployError::Moved);
        }
    }
    Ok(contracts)
}

/// Deploys a light client, with a timelock of its own, on another L1 than the home L1.
///
/// # Errors
/// As [`deploy_home`].
pub async fn deploy_away(
    sender: &Sender,
    artifacts: &Artifacts,
    genesis: &GenesisDocument,
    header: &SealedHeader,
    terms: &Terms,
) -> Result<Address, DeployError> {
    let arguments = timelock(sender, terms);
    let timelock = create(sender, artifacts, "TimelockController", &arguments).await?;
    let arguments = light_client(genesis, header, timelock, terms)?;
    create(sender, artifacts, "LightClient", &arguments).await
}

/// The deployer proposes and executes, after the delay; nobody administers.
fn timelock(sender: &Sender, terms: &Terms) -> Vec<u8> {
    let owner = abi::address(sender.address());
    let nobody = abi::address(Address::ZERO);
    let arguments = (
        U256::from(terms.timelock_delay_s),
        vec![owner],
        vec![owner],
        nobody,
    );
    arguments.abi_encode_params()
}

fn light_client(
    genesis: &GenesisDocument,
    header: &SealedHeader,
    timelock: Address,
    terms: &Terms,
) -> Result<Vec<u8>, DeployError> {
    let committee = |epoch: Epoch| -> Result<Hash, DeployError> {
        let committee = genesis.committee(epoch);
        let committee = committee.map_err(|error| DeployError::Genesis(error.to_string()))?;
        Ok(Committee::commitment(&committee))
    };
    let arguments = (
        abi::word(genesis.chain_domain()),
        abi::address(timelock),
        terms.trust_period_s,
        update::header(header.header()),
        abi::word(header.rest_hash()),
        abi::word(committee(Epoch(1))?),
        abi::word(committee(Epoch(2))?),
    );
    Ok(arguments.abi_encode_params())
}

/// Creates one contract.
///
/// # Errors
/// A missing artifact, an L1 that refuses.
pub async fn create(
    sender: &Sender,
    artifacts: &Artifacts,
    contract: &'static str,
    arguments: &[u8],
) -> Result<Address, DeployError> {
    let mut code = artifacts.creation_code(contract)?;
    code.extend_from_slice(arguments);
    let failed = |source| DeployError::Create { contract, source };
    let receipt = sender.send(None, code).await.map_err(failed)?;
    receipt
        .contract_address
        .ok_or_else(|| failed(SendError::Failed(receipt.transaction_hash)))
}
