//! `sequencer proof`: verifying without a node.

use std::path::PathBuf;

use clap::Subcommand;
use hotshot_types::finality::FinalityError;
use sequencer_client::{Checkpoint, Fact, ProofFile, Proven, VerifyError, client::BlockId};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output,
    remote::{NodeArgs, TrustArgs, parse_block, read_json, write_json, write_proof},
};

/// Arguments of `proof`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Verify a proof file without asking anybody
    Verify(Verify),
    /// Write a proof that a block is final
    Block(Block),
    /// Follow the chain of committees to the newest and write it as a checkpoint
    Checkpoint(MakeCheckpoint),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// Write the data that was proven to a file: a transaction, or all of a namespace's as JSON
    #[arg(long, value_name = "FILE")]
    data_out: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Block {
    /// Height, block hash, or `latest`
    #[arg(value_name = "BLOCK", value_parser = parse_block)]
    block: BlockId,
    /// Where to write the proof
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct MakeCheckpoint {
    /// Where to write the checkpoint
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Verify(args) => verify(&args),
        Verb::Block(args) => block(args).await,
        Verb::Checkpoint(args) => checkpoint(args).await,
    }
}

fn verify(args: &Verify) -> Result<(), Failure> {
    let mut trust = args.trust.load()?;
    let from = trust.epoch();
    let proof: ProofFile = read_json("proof", &args.file, Exit::Invalid)?;
    let proven = proof.verify(&mut trust).map_err(|error| {
        Failure::new(
            Exit::Invalid,
            format!(
                "{} proves nothing: {error}{}",
                args.file.display(),
                hint(&error)
            ),
        )
    })?;
    if let Some(path) = &args.data_out {
        write_data(path, &proven)?;
    }
    if args.json {
        return output::json(&summary(&proven));
    }
    output::line(format_args!("valid  {}", sentence(&proven)))?;
    output::line(format_args!(
        "       block {} is {} of epoch {}, final; checked from the committee of epoch {from}",
        proven.header.height, proven.hash, proven.header.epoch
    ))
}

/// Signatures of another network look as false ones do: there, and only there, nobody can tell which it is.
fn hint(error: &VerifyError) -> &'static str {
    match error {
        VerifyError::Finality(
            FinalityError::Certificate(..)
            | FinalityError::OtherNetwork { .. }
            | FinalityError::OtherCommittee(_),
        ) => {
            "; unless the genesis document or checkpoint is that of another network: compare `sequencer genesis hash` with what the network's operators say"
        }
        _ => "",
    }
}

fn write_data(path: &std::path::Path, proven: &Proven) -> Result<(), Failure> {
    let bytes = match &proven.fact {
        Fact::Transaction { bytes, .. } => bytes.to_vec(),
        Fact::Namespace(_, body) => {
            let transactions: Vec<_> = body.transactions().map(sequencer_client::Base64).collect();
            serde_json::to_vec(&transactions)?
        }
        Fact::Final | Fact::Absent(_) | Fact::Accumulator(..) => {
            return Err(Failure::new(
                Exit::Usage,
                "this proof carries no data: leave --data-out away",
            ));
        }
    };
    std::fs::write(path, bytes).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("cannot write {}: {error}", path.display()),
        )
    })
}

/// What was proven, in words.
pub(super) fn sentence(proven: &Proven) -> String {
    let height = proven.header.height;
    match &proven.fact {
        Fact::Final => format!("block {height} is final"),
        Fact::Namespace(id, body) => format!(
            "namespace {id} has exactly {} in block {height}",
            counted(body.len() as u64, "transaction")
        ),
        Fact::Absent(id) => format!("namespace {id} has no transaction in block {height}"),
        Fact::Transaction {
            namespace,
            index,
            hash,
            bytes,
        } => format!(
            "transaction {hash} ({}) is at position {index} of namespace {namespace} in block {height}",
            counted(bytes.len() as u64, "byte")
        ),
        Fact::Accumulator(id, entry) => format!(
            "namespace {id} has {} in {} up to block {height}",
            counted(entry.transaction_total, "transaction"),
            counted(entry.block_count, "block")
        ),
    }
}

/// A number with its noun.
pub(super) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// What was proven, for programs.
pub(super) fn summary(proven: &Proven) -> Value {
    let fact = match &proven.fact {
        Fact::Final => json!({ "kind": "header" }),
        Fact::Namespace(id, body) => json!({
            "kind": "namespace",
            "namespace": id,
            "transactions": body.len(),
            "bytes": body.bytes().len(),
        }),
        Fact::Absent(id) => {
            json!({ "kind": "namespace", "namespace": id, "transactions": 0, "bytes": 0 })
        }
        Fact::Transaction {
            namespace,
            index,
            hash,
            bytes,
        } => json!({
            "kind": "transaction",
            "namespace": namespace,
            "index": index,
            "hash": hash,
            "bytes": bytes.len(),
        }),
        Fact::Accumulator(id, entry) => json!({
            "kind": "accumulator",
            "namespace": id,
            "blocks": entry.block_count,
            "transactions": entry.transaction_total,
        }),
    };
    json!({
        "valid": true,
        "height": proven.header.height,
        "block": proven.hash,
        "epoch": proven.header.epoch,
        "timestamp_ms": proven.header.timestamp_ms,
        "fact": fact,
    })
}

async fn block(args: Block) -> Result<(), Failure> {
    let servers = args.node.servers(&args.trust)?;
    let outcome = servers.prove_block(args.block).await;
    let (proof, proven) = args.node.told(&servers, outcome)?;
    write_proof(&args.out, &proof)?;
    if args.json {
        output::json(&summary(&proven))
    } else {
        output::line(sentence(&proven))
    }
}

async fn checkpoint(args: MakeCheckpoint) -> Result<(), Failure> {
    let servers = args.node.servers(&args.trust)?;
    let outcome = servers.block(BlockId::Latest).await;
    let block = args.node.told(&servers, outcome)?;
    let checkpoint = Checkpoint::of(&servers.trust());
    write_json("checkpoint", &args.out, &checkpoint)?;
    let epoch = checkpoint.committee.epoch();
    eprintln!(
        "checkpoint written to {}; hand it to whoever trusts you",
        args.out.display()
    );
    if args.json {
        output::json(&json!({
            "epoch": epoch,
            "commitment": checkpoint.committee.commitment(),
            "height": block.header.height,
        }))
    } else {
        output::line(format_args!(
            "committee of epoch {epoch}, {}, reached by verified steps",
            counted(checkpoint.committee.len() as u64, "validator")
        ))
    }
}
