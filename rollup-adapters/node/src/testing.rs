//! Nodes without a network, for the tests of applications: real storage and execution, inputs of the test's choice.

#[cfg(test)]
pub(crate) mod served;
#[cfg(test)]
pub(crate) mod tally;

use std::path::Path;

use hotshot_types::{
    Address, GenesisDocument, Hash, L1Block, Parameters, SecretKey, TimestampMs, digest,
    genesis::GenesisValidator,
};
use rollup_types::{Height, Input, Vm};

use crate::{
    Block, Definition, Node, StorageError,
    execution::{SegmentParts, make_block},
    storage::Storage,
};

/// A definition without an L1, on a sequencer of one validator.
///
/// # Panics
/// Never, but for a namespace of 0.
#[must_use]
pub fn definition(application: &str, namespace: u64, vm: toml::Table) -> Definition {
    Definition {
        application: application.to_owned(),
        namespace: da::NamespaceId::new(namespace).expect("a namespace is not 0"),
        origin: Height(1),
        sequencer: sequencer(0),
        l1: None,
        replicas: Vec::new(),
        deposits: false,
        vm,
    }
}

/// The genesis document of a sequencer of one validator, whose headers name an L1 with this chain id; 0 for none.
#[must_use]
pub fn sequencer(l1_chain_id: u64) -> GenesisDocument {
    let stake_table = match l1_chain_id {
        0 => Address::ZERO,
        _ => Address([8; 20]),
    };
    let domain = digest::chain_domain(l1_chain_id, stake_table, Hash([7; 32]));
    let key = SecretKey::derive(&[1; 32]);
    let operator = Address([1; 20]);
    GenesisDocument {
        l1_chain_id,
        stake_table,
        salt: Hash([7; 32]),
        timestamp_ms: TimestampMs(1_700_000_000_000),
        l1: L1Block::default(),
        seeds: [Hash([1; 32]), Hash([2; 32])],
        parameters: Parameters::development(),
        validators: vec![GenesisValidator {
            operator,
            key: key.public_key(),
            possession: key.prove_possession(domain, operator),
            weight: 1,
            network_key: Hash([1; 32]),
            address: "/ip4/127.0.0.1/tcp/9001".into(),
        }],
    }
}

/// A node that follows nothing.
///
/// # Errors
/// As a node that starts.
pub fn node<V: Vm>(
    vm: V,
    definition: Definition,
    directory: &Path,
) -> Result<Node<V>, StorageError> {
    let storage = Storage::open(directory, definition.digest(), &vm.genesis())?;
    Node::new(vm, definition, storage)
}

/// Executes inputs as those of one block of the sequencer; several blocks if the machine asks for it. The block's
/// time and L1 number follow from the height.
///
/// # Errors
/// The disk failed.
pub fn execute<V: Vm>(
    node: &Node<V>,
    height: u64,
    inputs: &[Input],
) -> Result<Vec<Block>, StorageError> {
    execute_under(node, rollup_derive::Levels::default(), height, inputs)
}

/// The same, with the L1 this far.
pub(crate) fn execute_under<V: Vm>(
    node: &Node<V>,
    l1: rollup_derive::Levels,
    height: u64,
    inputs: &[Input],
) -> Result<Vec<Block>, StorageError> {
    let parts = SegmentParts {
        height,
        sequencer_block: digest::keccak(&height.to_be_bytes()),
        timestamp_ms: 1_700_000_000_000 + 1_000 * height,
        l1_number: height,
        randao_mix: digest::keccak(&[b"mix".as_slice(), &height.to_be_bytes()].concat()),
        pin: None,
        l1,
    };
    let mut blocks = Vec::new();
    let mut done = 0;
    while done < inputs.len() {
        let block = make_block(node, &parts, inputs, done, |_| Vec::new())?;
        done += block.outcomes.len();
        blocks.push(block);
    }
    Ok(blocks)
}

/// Takes the newest block off, as a pin on the L1 does.
///
/// # Errors
/// There is none above the last safe one, or the disk failed.
pub fn undo<V: Vm>(node: &Node<V>) -> Result<(), StorageError> {
    node.storage().undo()?;
    let to = node.view().head()?;
    node.rolled_back(to);
    Ok(())
}

/// Raises the levels, as the L1 does.
///
/// # Errors
/// The disk failed.
pub fn raise<V: Vm>(node: &Node<V>, safe: u64, finalized: u64) -> Result<(), StorageError> {
    node.raise(safe, finalized)
}

/// JSON-RPC as a node serves it, while it is kept.
#[derive(Debug)]
pub struct Served {
    /// Where.
    pub address: std::net::SocketAddr,
    _server: crate::server::RpcServer,
}

/// Serves an application's methods at a free port, with a node's default limits.
///
/// # Errors
/// There is no free port.
pub async fn serve(methods: jsonrpsee::RpcModule<()>) -> std::io::Result<Served> {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let limits = crate::settings::RpcLimits::default();
    let server = crate::server::serve(address, limits, methods).await?;
    Ok(Served {
        address: server.address,
        _server: server,
    })
}
