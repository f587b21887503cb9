//! The methods that every rollup has: `rollup_*` (RN7).

use std::sync::Arc;

use bytes::Bytes;
use jsonrpsee::{
    RpcModule,
    core::RegisterMethodError,
    types::{ErrorObjectOwned, Params},
};
use rollup_types::{Hash, Vm};
use sequencer_client::{ClientError, Servers};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    Levels, Node, SubmitError, View,
    board::Board,
    server::code,
    storage::{Block, Done, Origin, StorageError},
};

/// Most deposits in an answer.
const MOST_DEPOSITS: u64 = 1_000;

/// What the methods answer from.
pub(crate) struct Context<V> {
    pub(crate) node: Node<V>,
    pub(crate) board: Arc<Board>,
    pub(crate) servers: Arc<Servers>,
    pub(crate) name: &'static str,
}

type Answer = Result<Value, ErrorObjectOwned>;

/// A block as JSON-RPC asks for it: a number, or a level.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(untagged)]
enum BlockId {
    Number(u64),
    Level(Level),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Latest,
    Safe,
    Finalized,
}

impl Level {
    fn of(number: u64, levels: Levels) -> Self {
        if number <= levels.finalized {
            Self::Finalized
        } else if number <= levels.safe {
            Self::Safe
        } else {
            Self::Latest
        }
    }
}

/// All methods named `rollup_`.
pub(crate) fn methods<V: Vm>(
    context: Context<V>,
) -> Result<RpcModule<Context<V>>, RegisterMethodError> {
    let mut module = RpcModule::new(context);
    // What reads the disk runs where it may block.
    module.register_blocking_method("rollup_status", |_, context, _| status(&context))?;
    module.register_blocking_method("rollup_getBlock", |params, context, _| {
        get_block(&params, &context)
    })?;
    module.register_blocking_method("rollup_finality", |params, context, _| {
        finality(&params, &context)
    })?;
    module.register_blocking_method("rollup_getSkipped", |params, context, _| {
        get_skipped(&params, &context)
    })?;
    module.register_blocking_method("rollup_deposits", |params, context, _| {
        deposits(&params, &context)
    })?;
    module.register_blocking_method("rollup_getWithdrawalProof", |params, context, _| {
        get_withdrawal_proof(&params, &context)
    })?;
    module.register_async_method("rollup_send", |params, context, _| async move {
        send(params, &context).await
    })?;
    module.register_async_method(
        "rollup_getInclusionProof",
        |params, context, _| async move { get_inclusion_proof(params, &context).await },
    )?;
    Ok(module)
}

/// What is stored now and how sure it is. The levels first: a block that a pin replaces meanwhile is called less sure than
/// it is, and none is called safe for the one that took its place.
fn now<V: Vm>(node: &Node<V>) -> Result<(View, Levels), ErrorObjectOwned> {
    let levels = node.levels();
    let view = node.view();
    let latest = view.head().map_err(internal)?;
    let levels = Levels {
        latest,
        safe: levels.safe.min(latest),
        finalized: levels.finalized.min(latest),
    };
    Ok((view, levels))
}

fn status<V: Vm>(context: &Context<V>) -> Answer {
    let node = &context.node;
    let definition = node.definition();
    let (view, levels) = now(node)?;
    let latest = view.newest().map_err(internal)?;
    let named = |number: u64| -> Answer {
        let block = view.block(number).map_err(internal)?;
        let block = block.map(
            |block| json!({"number": block.number, "hash": block.hash, "height": block.height}),
        );
        Ok(block.unwrap_or(Value::Null))
    };
    let reasons = context.board.reasons();
    Ok(json!({
        "application": context.name,
        "version": env!("CARGO_PKG_VERSION"),
        "chainId": definition.chain_id(),
        "definition": definition.digest(),
        "origin": definition.origin.0,
        "latest": named(levels.latest)?,
        "safe": named(levels.safe)?,
        "finalized": named(levels.finalized)?,
        "sequencer": context.board.progress(),
        "l1": context.board.l1_standing(),
        "replicas": context.board.replica_standings(),
        "contracts": definition.l1,
        "messages": latest.messages,
        "withdrawals": latest.withdrawals,
        "pending": node.submissions().count(),
        "maxTransactionBytes": definition.sequencer.parameters.max_transaction_bytes,
        "ready": reasons.is_empty(),
        "reasons": reasons,
        "warnings": warnings(definition),
    }))
}

/// What users of a rollup should know before they put money into it.
pub(crate) fn warnings(definition: &crate::Definition) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if definition.l1.is_none() {
        warnings.push("this rollup has no L1: there are no deposits, and no block is ever safe");
    }
    if definition.deposits {
        warnings.push(
            "deposits are taken, but the rollup's state is not proven on the L1 yet: nothing but the settler of the vault pays withdrawals",
        );
    }
    warnings
}

fn get_block<V: Vm>(params: &Params<'_>, context: &Context<V>) -> Answer {
    let id: BlockId = params.one()?;
    let (view, levels) = now(&context.node)?;
    let number = match id {
        BlockId::Number(number) => number,
        BlockId::Level(Level::Latest) => levels.latest,
        BlockId::Level(Level::Safe) => levels.safe,
        BlockId::Level(Level::Finalized) => levels.finalized,
    };
    let block = view.block(number).map_err(internal)?;
    Ok(block.map_or(Value::Null, |block| block_json(&block, levels)))
}

fn block_json(block: &Block, levels: Levels) -> Value {
    let inputs: Vec<Value> = block.outcomes.iter().map(done_json).collect();
    json!({
        "number": block.number,
        "hash": block.hash,
        "parent": block.parent,
        "stateRoot": block.state_root,
        "height": block.height,
        "sequencerBlock": block.sequencer_block,
        "timestampMs": block.timestamp_ms,
        "l1Number": block.l1_number,
        "pin": block.pin,
        "inputs": inputs,
        "messages": block.messages,
        "withdrawals": block.withdrawals,
        "level": Level::of(block.number, levels),
    })
}

fn done_json(done: &Done) -> Value {
    let origin = match done.origin {
        Origin::Message(index) => json!({"message": index}),
        Origin::Transaction { index, hash } => json!({"index": index, "sequencerHash": hash}),
    };
    json!({"id": done.id, "origin": origin, "skipped": done.skipped})
}

fn finality<V: Vm>(params: &Params<'_>, context: &Context<V>) -> Answer {
    let id: Hash = params.one()?;
    let (view, levels) = now(&context.node)?;
    if let Some(place) = view.place(id).map_err(internal)? {
        let done = view.done(place).map_err(internal)?;
        return Ok(json!({
            "id": id,
            "level": Level::of(place.number, levels),
            "block": place.number,
            "position": place.position,
            "skipped": done.and_then(|(_, done)| done.skipped),
        }));
    }
    let pending = context.node.waiting(id);
    let level = pending.map_or("unknown", |_| "pending");
    Ok(json!({"id": id, "level": level}))
}

fn get_skipped<V: Vm>(params: &Params<'_>, context: &Context<V>) -> Answer {
    let id: Hash = params.one()?;
    let view = context.node.view();
    let place = view.place(id).map_err(internal)?;
    let Some(place) = place.filter(|place| !place.is_applied) else {
        return Ok(Value::Null);
    };
    let done = view.done(place).map_err(internal)?;
    Ok(done.map_or(Value::Null, |(block, done)| {
        json!({"id": id, "block": block.number, "position": place.position, "reason": done.skipped})
    }))
}

fn deposits<V: Vm>(params: &Params<'_>, context: &Context<V>) -> Answer {
    let mut params = params.sequence();
    let from: u64 = params.next()?;
    let limit: u64 = params.optional_next()?.unwrap_or(100);
    if limit > MOST_DEPOSITS {
        let message = format!("at most {MOST_DEPOSITS} deposits in an answer");
        return Err(ErrorObjectOwned::owned(code::INVALID, message, None::<()>));
    }
    let (view, levels) = now(&context.node)?;
    let found = view.messages(from, limit).map_err(internal)?;
    let mut deposits = Vec::new();
    for (message, place) in found {
        let rollup_types::MessageBody::Deposit(deposit) = &message.body else {
            continue;
        };
        let done = view.done(place).map_err(internal)?;
        deposits.push(json!({
            "index": message.index,
            "id": message.hash(),
            "l1Block": message.l1_block,
            "sender": message.sender,
            "token": deposit.token,
            "amount": deposit.amount.to_string(),
            "recipient": deposit.recipient,
            "decimals": deposit.decimals,
            "block": place.number,
            "level": Level::of(place.number, levels),
            "skipped": done.and_then(|(_, done)| done.skipped),
        }));
    }
    let executed = view.newest().map_err(internal)?.messages;
    let next = from.saturating_add(limit).min(executed.max(from));
    Ok(json!({"deposits": deposits, "next": next, "executed": executed}))
}

fn get_withdrawal_proof<V: Vm>(params: &Params<'_>, context: &Context<V>) -> Answer {
    let mut params = params.sequence();
    let index: u64 = params.next()?;
    let root: Option<Hash> = params.optional_next()?;
    let view = context.node.view();
    let all = view.newest().map_err(internal)?.withdrawals;
    let missing = |message: String| ErrorObjectOwned::owned(code::NOT_FOUND, message, None::<()>);
    let withdrawal = view.withdrawal(index).map_err(internal)?;
    let Some(withdrawal) = withdrawal.filter(|_| index < all) else {
        return Err(missing(format!(
            "there is no withdrawal {index}: the rollup has {all}"
        )));
    };
    let count = match root {
        None => all,
        Some(root) => view
            .withdrawals_of_root(root, index + 1, all)
            .map_err(internal)?
            .ok_or_else(|| {
                missing(format!(
                    "the root {root} is not one over withdrawal {index}"
                ))
            })?,
    };
    let range = view.withdrawal_range(count).map_err(internal)?;
    let proof = view.prove_withdrawal(index, count).map_err(internal)?;
    let (Some(range), Some(proof)) = (range, proof) else {
        return Err(missing(format!("there is no proof of withdrawal {index}")));
    };
    Ok(json!({
        "withdrawal": {
            "index": withdrawal.index,
            "chainId": withdrawal.chain_id,
            "token": withdrawal.token,
            "amount": withdrawal.amount.to_string(),
            "recipient": withdrawal.recipient,
        },
        "hash": withdrawal.hash(),
        "root": range.root(),
        "proof": {"count": proof.count, "path": proof.path, "peaks": proof.peaks},
    }))
}

async fn send<V: Vm>(params: Params<'static>, context: &Context<V>) -> Answer {
    let text: String = params.one()?;
    let digits = text.strip_prefix("0x").unwrap_or(&text);
    let bytes = hex::decode(digits).map_err(|error| {
        let message = format!("a transaction is hex with 0x: {error}");
        ErrorObjectOwned::owned(code::INVALID, message, None::<()>)
    })?;
    let submitted = context.node.submit(Bytes::from(bytes)).await;
    submitted.map(|id| json!(id)).map_err(|error| {
        let code = match &error {
            SubmitError::Size { .. } => code::INVALID,
            SubmitError::Full => code::LIMIT,
            SubmitError::State(_) => code::INTERNAL,
            _ => code::REFUSED,
        };
        ErrorObjectOwned::owned(code, error.to_string(), None::<()>)
    })
}

async fn get_inclusion_proof<V: Vm>(params: Params<'static>, context: &Context<V>) -> Answer {
    let id: Hash = params.one()?;
    let missing = |message: String| ErrorObjectOwned::owned(code::NOT_FOUND, message, None::<()>);
    let node = context.node.clone();
    let found = tokio::task::spawn_blocking(move || {
        let view = node.view();
        view.place(id)?
            .map(|place| Ok(view.done(place)?.map(|(block, done)| (block, done, place))))
            .transpose()
            .map(Option::flatten)
    });
    let found = found.await.map_err(internal)?;
    let found = found.map_err(|error: StorageError| internal(error))?;
    let Some((block, done, place)) = found else {
        return Err(missing(format!(
            "there is no input {id} in the rollup's chain"
        )));
    };
    let Origin::Transaction { hash, .. } = done.origin else {
        return Err(missing(format!(
            "{id} is a message of the L1: the queue proves it, and no transaction of the sequencer"
        )));
    };
    let namespace = context.node.definition().namespace;
    let proven = context
        .servers
        .prove_transaction(hash, Some(namespace))
        .await;
    let (proof, proven) = proven.map_err(|error: ClientError| {
        let code = match error {
            ClientError::Pruned(_) => code::NOT_FOUND,
            _ => code::UNREACHABLE,
        };
        ErrorObjectOwned::owned(code, error.to_string(), None::<()>)
    })?;
    if proven.hash != block.sequencer_block {
        // The same bytes stand in an earlier block, from before the rollup's origin.
        return Err(missing(format!(
            "the sequencer proves {id} in another block, {}",
            proven.hash
        )));
    }
    Ok(json!({
        "block": block.number,
        "blockHash": block.hash,
        "position": place.position,
        "proof": proof,
    }))
}

fn internal(error: impl std::fmt::Display) -> ErrorObjectOwned {
    tracing::error!(%error, "a request failed");
    ErrorObjectOwned::owned(code::INTERNAL, error.to_string(), None::<()>)
}
