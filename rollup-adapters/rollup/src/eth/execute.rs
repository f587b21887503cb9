//! Calls that change nothing, and estimates of gas.

use alloy_primitives::U64;
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use rollup_evm::view::{CallFailure, CallRequest as Call, StateAt};
use rollup_types::StateError;
use serde_json::Value;

use super::{
    Eth,
    arguments::{Argument, Arguments, kind},
    block_id::BlockId,
    call_request::CallRequest,
    error::{Error, internal, invalid, reverted, server},
    works,
};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    works(module, "eth_call", |eth, params| {
        run(eth, params, |state, call| state.call(call)).map(|result| result.output)
    })?;
    works(module, "eth_estimateGas", |eth, params| {
        run(eth, params, |state, call| state.estimate_gas(call)).map(U64::from)
    })
}

/// What a method does with a call.
type Execute<R> = fn(&StateAt<'_>, &Call) -> Result<Result<R, CallFailure>, StateError>;

/// Overrides of the state, which this node has not; none or empty ones are let through.
struct NoOverrides;

impl Argument for NoOverrides {
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_object() {
            Some(overrides) if overrides.is_empty() => Ok(Self),
            Some(_) => Err("overrides are not supported".to_owned()),
            None => Err(format!("want an object, not {}", kind(value))),
        }
    }
}

fn run<R>(eth: &Eth, params: &Params<'_>, execute: Execute<R>) -> Result<R, Error> {
    let mut arguments = Arguments::new(params, 4)?;
    let request: CallRequest = arguments.required("transaction")?;
    let id = arguments.optional("block")?.unwrap_or(BlockId::LATEST);
    arguments.optional::<NoOverrides>("state overrides")?;
    arguments.optional::<NoOverrides>("block overrides")?;
    if let Some(chain_id) = request.chain_id
        && chain_id != eth.chain_id
    {
        return Err(invalid(format!(
            "chainId does not match node's (have={chain_id}, want={})",
            eth.chain_id
        )));
    }
    let snapshot = eth.snapshot();
    let state = snapshot.at(id)?;
    let base_fee = state.header().base_fee_per_gas.unwrap_or_default();
    let call = Call {
        from: request.from.unwrap_or_default(),
        to: request.to,
        value: request.value,
        gas: request.gas,
        gas_price: request.price(u128::from(base_fee)),
        data: request.input,
        access_list: request.access_list,
        authorization_list: request.authorization_list,
    };
    match execute(&state, &call).map_err(internal)? {
        Ok(result) => Ok(result),
        Err(CallFailure::Reverted(output)) => Err(reverted(&output)),
        Err(failure) => Err(server(failure.to_string())),
    }
}
