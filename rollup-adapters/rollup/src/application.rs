//! What makes an EVM rollup of a node.

use jsonrpsee::{RpcModule, core::RegisterMethodError};
use rollup_evm::{Evm, EvmConfig};
use rollup_node::{Application, Definition, Node};

use crate::eth;

/// What the definition says outside its table `vm`.
const CHAIN_ID: &str = "chain_id";
const HOME_CHAIN_ID: &str = "home_l1_chain_id";

/// The EVM rollup.
#[derive(Clone, Copy, Debug)]
pub struct EvmRollup;

impl Application for EvmRollup {
    type Vm = Evm;

    const NAME: &'static str = "evm";

    fn vm(definition: &Definition) -> Result<Evm, String> {
        let mut table = definition.vm.clone();
        if table.contains_key(CHAIN_ID) {
            return Err(format!(
                "vm.{CHAIN_ID}: the chain id is the number of the namespace"
            ));
        }
        table.insert(CHAIN_ID.to_owned(), integer(definition.chain_id())?);
        if let Some(l1) = &definition.l1 {
            if table.contains_key(HOME_CHAIN_ID) {
                return Err(format!("vm.{HOME_CHAIN_ID}: that is l1.chain_id"));
            }
            table.insert(HOME_CHAIN_ID.to_owned(), integer(l1.chain_id)?);
        }
        let config: EvmConfig = table
            .try_into()
            .map_err(|error| format!("vm: {}", error.to_string().trim_end()))?;
        Evm::new(config).map_err(|error| format!("vm: {error}"))
    }

    fn methods(node: &Node<Evm>) -> Result<RpcModule<()>, RegisterMethodError> {
        eth::methods(node)
    }
}

fn integer(number: u64) -> Result<toml::Value, String> {
    i64::try_from(number)
        .map(toml::Value::Integer)
        .map_err(|_| format!("{number} is too high for a chain id"))
}
