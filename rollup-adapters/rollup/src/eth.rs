//! The JSON-RPC that Ethereum wallets and tools speak.
//!
//! Every method reads one snapshot of the node, so that what it answers fits together. RR1 The README lists the methods,
//! where they differ from Ethereum's, and their limits.

mod admission;
mod arguments;
mod block_id;
mod blocks;
mod call_request;
mod client;
mod error;
mod execute;
mod fees;
mod filter;
mod limits;
mod logs;
mod snapshot;
mod state;
mod submit;
mod subscribe;
mod transaction;

use std::sync::Arc;

use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use rollup_evm::Evm;
use rollup_node::Node;
use serde::Serialize;
use tokio::{sync::Semaphore, task::spawn_blocking};

use error::{Error, internal};
use snapshot::Snapshot;

/// What all methods share.
pub(crate) struct Eth {
    node: Node<Evm>,
    chain_id: u64,
    /// One permit for each request that takes long and is worked on now.
    works: Arc<Semaphore>,
    /// What subscriptions tell of, and remember.
    recent: subscribe::Recent,
}

impl Eth {
    fn snapshot(&self) -> Snapshot {
        Snapshot::new(&self.node)
    }
}

/// The methods over a node.
///
/// # Errors
/// Two of one name.
pub(crate) fn methods(node: &Node<Evm>) -> Result<RpcModule<()>, RegisterMethodError> {
    let mut module = RpcModule::new(Eth {
        node: node.clone(),
        chain_id: node.definition().chain_id(),
        works: Arc::new(Semaphore::new(limits::MAX_WORKS_AT_ONCE)),
        recent: subscribe::Recent::default(),
    });
    client::register(&mut module)?;
    blocks::register(&mut module)?;
    state::register(&mut module)?;
    execute::register(&mut module)?;
    fees::register(&mut module)?;
    logs::register(&mut module)?;
    submit::register(&mut module)?;
    subscribe::register(&mut module)?;
    Ok(module.remove_context())
}

/// Registers a method that reads the disk, on a thread that may block.
fn reads<T: Serialize + Clone + Send + 'static>(
    module: &mut RpcModule<Eth>,
    name: &'static str,
    answer: fn(&Eth, &Params<'_>) -> Result<T, Error>,
) -> Result<(), RegisterMethodError> {
    module.register_blocking_method(name, move |params, eth, _| answer(&eth, &params))?;
    Ok(())
}

/// Registers a method that may take a block's time, or read thousands of blocks: a bounded number of them run at once.
fn works<T: Serialize + Clone + Send + 'static>(
    module: &mut RpcModule<Eth>,
    name: &'static str,
    answer: impl Fn(&Eth, &Params<'_>) -> Result<T, Error> + Copy + Send + Sync + 'static,
) -> Result<(), RegisterMethodError> {
    module.register_async_method(name, move |params, eth, _| async move {
        let permit = Arc::clone(&eth.works)
            .acquire_owned()
            .await
            .map_err(internal)?;
        let working = spawn_blocking(move || {
            let answered = answer(&eth, &params);
            drop(permit);
            answered
        });
        working.await.unwrap_or_else(|error| Err(internal(error)))
    })?;
    Ok(())
}
