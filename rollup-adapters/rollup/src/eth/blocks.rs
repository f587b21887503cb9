//! Blocks, transactions and receipts.

use alloy_consensus::Header;
use alloy_eips::{eip2718::Encodable2718, eip4895::Withdrawals};
use alloy_primitives::{B256, Sealed, U64, U256};
use alloy_rlp::Encodable;
use alloy_rpc_types_eth::{Block, BlockTransactions, Header as HeaderAnswer};
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use rollup_evm::view::{Included, Receipt, Transaction};

use super::{
    Eth,
    arguments::Arguments,
    block_id::{BlockId, BlockTag},
    error::{Error, internal},
    reads,
    snapshot::{Snapshot, place},
    submit,
    transaction::{ReceiptAnswer, TransactionAnswer, receipts},
};

type BlockAnswer = Block<TransactionAnswer>;

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    reads(module, "eth_getBlockByNumber", block_by_number)?;
    reads(module, "eth_getBlockByHash", block_by_hash)?;
    reads(
        module,
        "eth_getBlockTransactionCountByNumber",
        count_by_number,
    )?;
    reads(module, "eth_getBlockTransactionCountByHash", count_by_hash)?;
    reads(module, "eth_getBlockReceipts", block_receipts)?;
    reads(module, "eth_getTransactionByHash", transaction_by_hash)?;
    reads(
        module,
        "eth_getTransactionByBlockNumberAndIndex",
        transaction_by_number_and_index,
    )?;
    reads(
        module,
        "eth_getTransactionByBlockHashAndIndex",
        transaction_by_hash_and_index,
    )?;
    reads(module, "eth_getTransactionReceipt", receipt)
}

/// A header, as `newHeads` tells it too.
pub(crate) fn header(header: &Sealed<Header>) -> HeaderAnswer {
    HeaderAnswer {
        hash: header.seal(),
        inner: header.inner().clone(),
        total_difficulty: None,
        size: None,
    }
}

fn block_by_number(eth: &Eth, params: &Params<'_>) -> Result<Option<BlockAnswer>, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let id = BlockId::Tag(arguments.required("block")?);
    block(eth, id, arguments)
}

fn block_by_hash(eth: &Eth, params: &Params<'_>) -> Result<Option<BlockAnswer>, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let id = BlockId::Hash(arguments.required("block hash")?);
    block(eth, id, arguments)
}

fn block(eth: &Eth, id: BlockId, mut arguments: Arguments) -> Result<Option<BlockAnswer>, Error> {
    let is_full = arguments
        .optional("hydrated transactions")?
        .unwrap_or(false);
    let snapshot = eth.snapshot();
    let Some(sealed) = snapshot.header(id)? else {
        return Ok(None);
    };
    let included = transactions(&snapshot, sealed.number)?;
    let bodies: usize = included
        .iter()
        .map(|included| encoded_length(&included.transaction))
        .sum();
    let mut header = header(&sealed);
    header.size = Some(U256::from(header.inner.length() + bodies));
    let transactions = if is_full {
        let answer = |included| TransactionAnswer::included(included, sealed.timestamp);
        BlockTransactions::Full(included.iter().map(answer).collect())
    } else {
        BlockTransactions::Hashes(included.iter().map(|included| included.hash).collect())
    };
    Ok(Some(
        Block::new(header, transactions).with_withdrawals(Some(Withdrawals::default())),
    ))
}

/// Bytes of a transaction in its block.
fn encoded_length(transaction: &Transaction) -> usize {
    match transaction {
        Transaction::Signed(envelope) => envelope.encode_2718_len(),
        Transaction::Deposit(deposit) => deposit.committed().len(),
    }
}

fn transactions(snapshot: &Snapshot, number: u64) -> Result<Vec<Included>, Error> {
    let transactions = snapshot.view().transactions(number).map_err(internal)?;
    Ok(transactions.unwrap_or_default())
}

fn stored_receipts(snapshot: &Snapshot, number: u64) -> Result<Vec<Receipt>, Error> {
    let receipts = snapshot.view().receipts(number).map_err(internal)?;
    Ok(receipts.unwrap_or_default())
}

fn count_by_number(eth: &Eth, params: &Params<'_>) -> Result<Option<U64>, Error> {
    let tag = Arguments::new(params, 1)?.required("block")?;
    count(eth, BlockId::Tag(tag))
}

fn count_by_hash(eth: &Eth, params: &Params<'_>) -> Result<Option<U64>, Error> {
    let hash = Arguments::new(params, 1)?.required("block hash")?;
    count(eth, BlockId::Hash(hash))
}

fn count(eth: &Eth, id: BlockId) -> Result<Option<U64>, Error> {
    let snapshot = eth.snapshot();
    let Some(number) = snapshot.number(id)? else {
        return Ok(None);
    };
    Ok(Some(U64::from(transactions(&snapshot, number)?.len())))
}

fn block_receipts(eth: &Eth, params: &Params<'_>) -> Result<Option<Vec<ReceiptAnswer>>, Error> {
    let id: BlockId = Arguments::new(params, 1)?.required("block")?;
    let snapshot = eth.snapshot();
    let Some(header) = snapshot.header(id)? else {
        return Ok(None);
    };
    let stored = stored_receipts(&snapshot, header.number)?;
    Ok(Some(receipts(stored, place(&header))))
}

fn transaction_by_hash(eth: &Eth, params: &Params<'_>) -> Result<Option<TransactionAnswer>, Error> {
    let hash = Arguments::new(params, 1)?.required("transaction hash")?;
    let included = by_hash(eth, hash)?;
    if included.is_some() {
        return Ok(included);
    }
    match submit::pending(eth, hash) {
        // It may have left the queue for a block between the two looks.
        None => by_hash(eth, hash),
        pending => Ok(pending),
    }
}

fn by_hash(eth: &Eth, hash: B256) -> Result<Option<TransactionAnswer>, Error> {
    let snapshot = eth.snapshot();
    let included = snapshot.view().transaction(hash).map_err(internal)?;
    at_place(&snapshot, included)
}

fn at_place(
    snapshot: &Snapshot,
    included: Option<Included>,
) -> Result<Option<TransactionAnswer>, Error> {
    let Some(included) = included else {
        return Ok(None);
    };
    let block = BlockId::Tag(BlockTag::Number(included.block_number));
    let header = snapshot.header(block)?;
    Ok(header.map(|header| TransactionAnswer::included(&included, header.timestamp)))
}

fn transaction_by_number_and_index(
    eth: &Eth,
    params: &Params<'_>,
) -> Result<Option<TransactionAnswer>, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let tag = arguments.required("block")?;
    by_index(eth, BlockId::Tag(tag), arguments)
}

fn transaction_by_hash_and_index(
    eth: &Eth,
    params: &Params<'_>,
) -> Result<Option<TransactionAnswer>, Error> {
    let mut arguments = Arguments::new(params, 2)?;
    let hash = arguments.required("block hash")?;
    by_index(eth, BlockId::Hash(hash), arguments)
}

fn by_index(
    eth: &Eth,
    id: BlockId,
    mut arguments: Arguments,
) -> Result<Option<TransactionAnswer>, Error> {
    let index: u64 = arguments.required("transaction index")?;
    let snapshot = eth.snapshot();
    let Some(number) = snapshot.number(id)? else {
        return Ok(None);
    };
    let mut included = transactions(&snapshot, number)?.into_iter();
    let wanted = usize::try_from(index).ok().and_then(|at| included.nth(at));
    at_place(&snapshot, wanted)
}

fn receipt(eth: &Eth, params: &Params<'_>) -> Result<Option<ReceiptAnswer>, Error> {
    let hash: B256 = Arguments::new(params, 1)?.required("transaction hash")?;
    let snapshot = eth.snapshot();
    let Some((number, position)) = snapshot.view().position(hash).map_err(internal)? else {
        return Ok(None);
    };
    let Some(header) = snapshot.header(BlockId::Tag(BlockTag::Number(number)))? else {
        return Ok(None);
    };
    // All of the block's: a log's place is counted over them.
    let mut all = receipts(stored_receipts(&snapshot, number)?, place(&header)).into_iter();
    Ok(usize::try_from(position).ok().and_then(|at| all.nth(at)))
}
