//! `sequencer namespace`: the transactions of a rollup, verified.

use std::{path::PathBuf, pin::pin};

use clap::Subcommand;
use da::{NamespaceBody, NamespaceId};
use hotshot_types::{Hash, Height};
use sequencer_client::{
    Base64, Fact,
    client::{BlockId, NamespaceEvent, VerifiedBlock},
};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::{
    exit::{Exit, Failure},
    output,
    proof::{counted, sentence, summary},
    remote::{NodeArgs, TrustArgs, parse_block, parse_namespace, write_proof},
};

mod place;

use place::Place;

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
    /// First height [default: where the cursor stands, or the block after the last final one]
    #[arg(long, value_name = "HEIGHT")]
    from: Option<u64>,
    /// Keep the position in this file and go on from it; nothing is proven again
    #[arg(long, value_name = "FILE")]
    cursor: Option<PathBuf>,
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
    let servers = args.node.servers(&args.trust)?;
    let outcome = servers.prove_namespace(args.height, args.namespace).await;
    let (proof, proven) = args.node.told(&servers, outcome)?;
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
    let mut place = Place::at(args.cursor.as_deref());
    let kept = place.read(args.namespace)?;
    let root = match &kept {
        Some(cursor) if args.from.is_none() => {
            args.trust.with_checkpoint(cursor.checkpoint.clone())?
        }
        Some(cursor) => {
            let message = format!(
                "{} stands at block {}: leave --from away, or remove the file to start anew",
                place.name(),
                cursor.height
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        None => args.trust.load()?,
    };
    let servers = args.node.servers_with(root)?;
    let mut said = 0;
    let mut stream = match &kept {
        Some(cursor) => servers.follow_after(cursor.follower(args.namespace)?),
        None => {
            let from = match args.from {
                Some(height) => Height(height),
                None => servers.head().await?.header.height.next(),
            };
            let outcome = servers.follow(args.namespace, from).await;
            said = args.node.tell(&servers, said)?;
            outcome?
        }
    };
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut stop = pin!(stopped());
    while left > 0 {
        let event = tokio::select! {
            event = stream.next() => event,
            name = &mut stop => {
                name.map_err(|error| Failure::new(Exit::Internal, error))?;
                place.write(&stream.cursor())?;
                eprintln!("stopped; {}", place.how_to_go_on(stream.follower().height()));
                return Ok(());
            }
        };
        said = args.node.tell(&servers, said)?;
        match event {
            Ok(NamespaceEvent::Block(block, body)) => {
                print(args.namespace, &block, &body, args.json)?;
                left -= 1;
            }
            Ok(NamespaceEvent::Complete(_)) => {}
            Err(error) => {
                place.write(&stream.cursor())?;
                eprintln!("got as far as block {}", stream.follower().height());
                return Err(error.into());
            }
        }
        place.write_now_and_then(|| stream.cursor())?;
    }
    place.write(&stream.cursor())
}

/// Waits for Ctrl-C or a wish to terminate.
async fn stopped() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = tokio::signal::ctrl_c() => outcome,
        _ = terminate.recv() => Ok(()),
    }
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
    let servers = args.node.servers(&args.trust)?;
    let outcome = if args.accumulator {
        servers.prove_accumulator(args.height, args.namespace).await
    } else {
        servers.prove_namespace(args.height, args.namespace).await
    };
    let (proof, proven) = args.node.told(&servers, outcome)?;
    write_proof(&args.out, &proof)?;
    if args.json {
        output::json(&summary(&proven))
    } else {
        output::line(sentence(&proven))
    }
}
