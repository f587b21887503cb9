//! Accounts, code and storage at a block, with proofs.

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_rpc_types_eth::{EIP1186AccountProofResponse, EIP1186StorageProof};
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};

use super::{
    Eth,
    arguments::{Arguments, Slot},
    block_id::{BlockId, BlockTag},
    error::{Error, internal, limit},
    limits::MAX_PROOF_SLOTS,
    reads, submit,
};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    reads(module, "eth_getBalance", balance)?;
    reads(module, "eth_getTransactionCount", transaction_count)?;
    reads(module, "eth_getCode", code)?;
    reads(module, "eth_getStorageAt", storage_at)?;
    reads(module, "eth_getProof", proof)
}

/// The block argument, which may be left out.
fn block(arguments: &mut Arguments) -> Result<BlockId, Error> {
    Ok(arguments.optional("block")?.unwrap_or(BlockId::LATEST))
}

fn balance(eth: &Eth, params: &Params<'_>) -> Result<U256, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let address: Address = arguments.required("address")?;
    let id = block(&mut arguments)?;
    let snapshot = eth.snapshot();
    let account = snapshot.at(id)?.account(address).map_err(internal)?;
    Ok(account.map_or(U256::ZERO, |account| account.balance))
}

fn transaction_count(eth: &Eth, params: &Params<'_>) -> Result<U64, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let address: Address = arguments.required("address")?;
    let id = block(&mut arguments)?;
    let is_pending = id == BlockId::Tag(BlockTag::Pending);
    // Before the snapshot: what leaves the queue meanwhile is in a block of the snapshot.
    let waiting = is_pending.then(|| submit::waiting(eth, address));
    let snapshot = eth.snapshot();
    let account = snapshot.at(id)?.account(address).map_err(internal)?;
    let nonce = account.map_or(0, |account| account.nonce);
    let next = waiting.map_or(nonce, |waiting| submit::after(&waiting, nonce));
    Ok(U64::from(next))
}

fn code(eth: &Eth, params: &Params<'_>) -> Result<Bytes, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let address: Address = arguments.required("address")?;
    let id = block(&mut arguments)?;
    let snapshot = eth.snapshot();
    snapshot.at(id)?.code(address).map_err(internal)
}

fn storage_at(eth: &Eth, params: &Params<'_>) -> Result<B256, Error> {
    let mut arguments = Arguments::new(params, 3)?;
    let address: Address = arguments.required("address")?;
    let Slot(slot) = arguments.required("storage slot")?;
    let id = block(&mut arguments)?;
    let snapshot = eth.snapshot();
    let value = snapshot.at(id)?.storage(address, slot).map_err(internal)?;
    Ok(value.into())
}

fn proof(eth: &Eth, params: &Params<'_>) -> Result<EIP1186AccountProofResponse, Error> {
    let mut arguments = Arguments::new(params, 3)?;
    let address: Address = arguments.required("address")?;
    let slots: Vec<Slot> = arguments.required("storage keys")?;
    let id = block(&mut arguments)?;
    if slots.len() > MAX_PROOF_SLOTS {
        return Err(limit(format!(
            "too many storage keys ({}), want at most {MAX_PROOF_SLOTS}",
            slots.len()
        )));
    }
    let slots: Vec<B256> = slots.into_iter().map(|Slot(slot)| slot).collect();
    let snapshot = eth.snapshot();
    let proof = snapshot.at(id)?.proof(address, &slots).map_err(internal)?;
    Ok(EIP1186AccountProofResponse {
        address: proof.address,
        balance: proof.account.balance,
        code_hash: proof.account.code_hash,
        nonce: proof.account.nonce,
        storage_hash: proof.account.storage_root,
        account_proof: proof.proof,
        storage_proof: proof
            .slots
            .into_iter()
            .map(|slot| EIP1186StorageProof {
                key: slot.slot.into(),
                value: slot.value,
                proof: slot.proof,
            })
            .collect(),
    })
}
