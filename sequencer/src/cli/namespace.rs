//! `sequencer namespace`: the transactions of a rollup, verified.

use std::path::PathBuf;

use clap::Subcommand;
use da::{NamespaceBody, NamespaceId};
use hotshot_types::{Hash, Height};
use sequencer_client::{
    Base64, Fact,
    client::{BlockId, NamespaceEvent, VerifiedBlock},
};
use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output,
    proof::{counted, sentence, summary},
    remote::{NodeArgs, TrustArgs, parse_block, parse_namespace, write_proof},
};

/// Arguments of `namespace`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show all transactions of a namespace in one block
    Get(Get),
    /// Print each block of a namespace as it becomes final, one a line; hidden blocks are noticed
    Stream(Stream),
    /// Write a proof about a namespace: its data in a block, or its whole history's summary
    Proof(Prove),
}

#[derive(Debug, clap::Args)]
struct Get {
    /// Namespace, decimal or hex with 0x
    #[arg(value_name = "N", value_parser = parse_namespace)]
    namespace: NamespaceId,
    /// Height, block hash, or `latest`
    #[arg(long, value_name = "BLOCK", value_parser = parse_block, default_value = "latest")]
    height: BlockId,
    /// Also write a proof file
    #[arg(long, value_name = "FILE")]
    proof_out: Option<PathBuf>,
    /// Print the transactions' bytes and nothing else, one after the other
    #[arg(long, conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Stream {
    /// Namespace, decimal or hex with 0x
    #[arg(value_name = "N", value_parser = parse_namespace)]
    namespace: NamespaceId,
    /// First height [default: the block after the last final one]
    #[arg(long, value_name = "HEIGHT")]
    from: Option<u64>,
    /// Stop after this many blocks
    #[arg(long, value_name = "BLOCKS")]
    limit: Option<u64>,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Prove {
    /// Namespace, decimal or hex with 0x
    #[arg(value_name = "N", value_parser = parse_namespace)]
    namespace: NamespaceId,
    /// Height, block hash, or `latest`
    #[arg(long, value_name = "BLOCK", value_parser = parse_block, default_value = "latest")]
    height: BlockId,
    /// Prove the summary of all blocks up to this one instead of the data in it
    #[arg(long)]
    accumulator: bool,
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

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Get(args) => get(args).await,
        Verb::Stream(args) => stream(args).await,
        Verb::Proof(args) => prove(args).await,
    }
}

async fn get(args: Get) -> Result<(), Failure> {
    let client = args.node.client(&args.trust)?;
    let (proof, proven) = client.prove_namespace(args.height, args.namespace).await?;
    if let Some(path) = &args.proof_out {
        write_proof(path, &proof)?;
    }
    let body = match &proven.fact {
        Fact::Namespace(_, body) => Some(body),
        _ => None,
    };
    if args.raw {
        return output::raw(&body.map(concatenated).unwrap_or_default());
    }
    if args.json {
        let transactions = body.map(of_body).unwrap_or_default();
        let (height, block) = (proven.header.height, proven.hash);
        return output::json(&json!({
            "namespace": args.namespace,
            "height": height,
            "block": block,
            "timestamp_ms": proven.header.timestamp_ms,
            "transactions": transactions,
            "verified": true,
        }));
    }
    output::line(format_args!("{}  (verified)", sentence(&proven)))?;
    for (index, transaction) in body.iter().flat_map(|body| body.transactions()).enumerate() {
        let hash = Hash(da::tx_hash(&transaction));
        output::line(format_args!(
            "  {index:>4}  {hash}  {}",
            counted(transaction.len() as u64, "byte")
        ))?;
    }
    Ok(())
}

fn concatenated(body: &NamespaceBody) -> Vec<u8> {
    body.transactions()
        .flat_map(|transaction| transaction.to_vec())
        .collect()
}

fn of_body(body: &NamespaceBody) -> Vec<Value> {
    body.transactions()
        .map(|transaction| {
            json!({ "hash": Hash(da::tx_hash(&transaction)), "payload": Base64(transaction) })
        })
        .collect()
}

async fn stream(args: Stream) -> Result<(), Failure> {
    let client = args.node.client(&args.trust)?;
    let from = match args.from {
        Some(height) => Height(height),
        None => client.block(BlockId::Latest).await?.header.height.next(),
    };
    let mut stream = client.follow(args.namespace, from).await?;
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let event = tokio::select! {
            event = stream.next() => event,
            stop = tokio::signal::ctrl_c() => {
                stop.map_err(|error| Failure::new(Exit::Internal, error))?;
                eprintln!("stopped; go on with --from {}", stream.resume_from());
                return Ok(());
            }
        };
        match event {
            Ok(NamespaceEvent::Block(block, body)) => {
                print(args.namespace, &block, &body, args.json)?;
                left -= 1;
            }
            Ok(NamespaceEvent::Complete(_)) => {}
            Err(error) => {
                eprintln!("got as far as block {}", stream.follower().height());
                return Err(error.into());
            }
        }
    }
    Ok(())
}

fn print(
    id: NamespaceId,
    block: &VerifiedBlock,
    body: &NamespaceBody,
    json: bool,
) -> Result<(), Failure> {
    let height = block.header.height;
    if json {
        return output::json_line(&json!({
            "namespace": id,
            "height": height,
            "block": block.hash,
            "timestamp_ms": block.header.timestamp_ms,
            "transactions": of_body(body),
        }));
    }
    let bytes: usize = body
        .transactions()
        .map(|transaction| transaction.len())
        .sum();
    output::line(format_args!(
        "block {height}  {}  {}, {}",
        block.hash,
        counted(body.len() as u64, "transaction"),
        counted(bytes as u64, "byte")
    ))
}

async fn prove(args: Prove) -> Result<(), Failure> {
    let client = args.node.client(&args.trust)?;
    let (proof, proven) = if args.accumulator {
        client
            .prove_accumulator(args.height, args.namespace)
            .await?
    } else {
        client.prove_namespace(args.height, args.namespace).await?
    };
    write_proof(&args.out, &proof)?;
    if args.json {
        output::json(&summary(&proven))
    } else {
        output::line(sentence(&proven))
    }
}
