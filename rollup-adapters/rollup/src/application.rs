//! What makes an EVM rollup of a node.

use jsonrpsee::{RpcModule, core::RegisterMethodError};
use rollup_evm::Evm;
use rollup_node::{Application, Definition, Node};

use crate::eth;

/// The EVM rollup.
#[derive(Clone, Copy, Debug)]
pub struct EvmRollup;

impl Application for EvmRollup {
    type Vm = Evm;

    const NAME: &'static str = "evm";

    fn vm(definition: &Definition) -> Result<Evm, String> {
        let _ = definition;
        Ok(Evm)
    }

    fn methods(node: &Node<Evm>) -> Result<RpcModule<()>, RegisterMethodError> {
        eth::methods(node)
    }
}
