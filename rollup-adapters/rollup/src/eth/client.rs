//! What the node says of itself and of the chain as a whole.

use alloy_primitives::{Address, U64};
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};

use super::{Eth, arguments::Arguments, error::Error, reads};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    reads(module, "web3_clientVersion", client_version)?;
    reads(module, "net_version", net_version)?;
    reads(module, "eth_chainId", chain_id)?;
    reads(module, "eth_syncing", syncing)?;
    reads(module, "eth_blockNumber", block_number)?;
    reads(module, "eth_accounts", accounts)
}

fn client_version(_: &Eth, params: &Params<'_>) -> Result<String, Error> {
    Arguments::none(params)?;
    Ok(format!(
        "rollup/v{}/{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS
    ))
}

fn net_version(eth: &Eth, params: &Params<'_>) -> Result<String, Error> {
    Arguments::none(params)?;
    Ok(eth.chain_id.to_string())
}

fn chain_id(eth: &Eth, params: &Params<'_>) -> Result<U64, Error> {
    Arguments::none(params)?;
    Ok(U64::from(eth.chain_id))
}

/// Never: what is answered as latest is final on the sequencer, however far behind its newest block.
fn syncing(_: &Eth, params: &Params<'_>) -> Result<bool, Error> {
    Arguments::none(params)?;
    Ok(false)
}

fn block_number(eth: &Eth, params: &Params<'_>) -> Result<U64, Error> {
    Arguments::none(params)?;
    eth.snapshot().head().map(U64::from)
}

/// None: a node keeps no keys.
fn accounts(_: &Eth, params: &Params<'_>) -> Result<Vec<Address>, Error> {
    Arguments::none(params)?;
    Ok(Vec::new())
}
