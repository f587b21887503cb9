//! What makes a rollup of this node.

use jsonrpsee::{RpcModule, core::RegisterMethodError};
use rollup_types::Vm;

use crate::{Definition, Node};

/// A rollup program: its machine, and its JSON-RPC besides the methods that every rollup has.
pub trait Application: Sized + 'static {
    /// Its machine.
    type Vm: Vm;

    /// What the definition's `application` has to be, so that no machine runs another one's rollup.
    const NAME: &'static str;

    /// The machine that a definition asks for: its table `vm` and all else.
    ///
    /// # Errors
    /// In words, what is wrong with the definition.
    fn vm(definition: &Definition) -> Result<Self::Vm, String>;

    /// Its own JSON-RPC. Methods named `rollup_` are the node's.
    ///
    /// # Errors
    /// Two methods of one name.
    fn methods(node: &Node<Self::Vm>) -> Result<RpcModule<()>, RegisterMethodError> {
        let _ = node;
        Ok(RpcModule::new(()))
    }
}
