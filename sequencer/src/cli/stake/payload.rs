//! What an account needs to register a node: public keys and the proof that their owner holds them.

use std::path::Path;

use hotshot_types::{Address, GenesisDocument, Hash, ProofOfPossession, PublicKey};
use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};

use super::Node;
use crate::{
    cli::{
        exit::{Exit, Failure},
        remote::read_json,
    },
    config::Settings,
    keys::{self, PasswordSource, Unlock},
};

/// Longest address that the stake table takes.
const MAX_ADDRESS: usize = 256;

/// Nothing in it is secret; only `operator` can use it, only on this network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Payload {
    /// Names the network.
    chain_domain: Hash,
    /// The account that may register it.
    pub(super) operator: Address,
    /// The consensus key.
    pub(super) key: PublicKey,
    /// Shows that its owner holds it, for this operator and network.
    pub(super) possession: ProofOfPossession,
    /// The Ed25519 network key.
    pub(super) network_key: Hash,
    /// Where the node is reached.
    pub(super) address: String,
}

impl Payload {
    /// Of the keys of a node.
    pub(super) fn of_node(
        node: &Node,
        genesis: &GenesisDocument,
        operator: Address,
    ) -> Result<Self, Failure> {
        let usage = |message: &str| Failure::new(Exit::Usage, message);
        let data_dir = node.data_dir.clone();
        let data_dir = data_dir.ok_or_else(|| {
            usage("whose keys? pass --data-dir DIR of the node, or --payload FILE")
        })?;
        let address = node.address.as_ref().ok_or_else(|| {
            usage("pass --address: where other validators reach this one, such as /ip4/203.0.113.7/tcp/9000")
        })?;
        let settings = Settings {
            data_dir: Some(data_dir),
            ..Settings::default()
        };
        let settings = settings.with_file(None)?;
        let file = node
            .password_file
            .clone()
            .or(settings.password_file.clone());
        let mut unlock = Unlock::with(PasswordSource::of(file.as_deref(), None));
        let consensus = keys::load_consensus(&settings.consensus_key_path()?, &mut unlock)?;
        let network = settings.network_key_path()?;
        let network_key = keys::public(&network)?.network();
        let network_key =
            network_key.ok_or_else(|| keys::KeyFileError::Malformed(network.clone()))?;
        let chain_domain = genesis.chain_domain();
        Ok(Self {
            chain_domain,
            operator,
            key: consensus.public_key(),
            possession: consensus.prove_possession(chain_domain, operator),
            network_key,
            address: address.0.to_string(),
        })
    }

    /// From a file.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        read_json("registration payload", path, Exit::Config)
    }

    /// Whether the contract will take it from this account.
    pub(super) fn check(
        &self,
        genesis: &GenesisDocument,
        sender: Option<Address>,
    ) -> Result<(), Failure> {
        let wrong = |message: String| Err(Failure::new(Exit::Config, message));
        if self.chain_domain != genesis.chain_domain() {
            return wrong(format!(
                "the payload is for the network {}, the genesis document is of {}: make it with that genesis document",
                self.chain_domain,
                genesis.chain_domain()
            ));
        }
        if let Some(sender) = sender.filter(|sender| *sender != self.operator) {
            return wrong(format!(
                "the payload is for account {}, and {sender} would send it: make it with --operator {sender}",
                self.operator
            ));
        }
        if !self
            .key
            .has_possession(self.chain_domain, self.operator, &self.possession)
        {
            return wrong("the proof of possession does not verify: make the payload anew".into());
        }
        let is_address = self.address.parse::<Multiaddr>().is_ok();
        if !is_address || self.address.len() > MAX_ADDRESS {
            return wrong(format!(
                "`{}` is no multiaddress of at most {MAX_ADDRESS} characters",
                self.address
            ));
        }
        Ok(())
    }
}
