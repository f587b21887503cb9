//! `sequencer block`: final blocks.

use clap::Subcommand;
use hotshot_types::{Hash, Header};
use sequencer_client::client::{Api, BlockId};
use serde_json::json;

use super::{
    exit::Failure,
    output,
    remote::{NodeArgs, TrustArgs, parse_block},
};

/// Arguments of `block`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show the header of a final block; verified if there is something to verify against
    Get(Get),
}

#[derive(Debug, clap::Args)]
struct Get {
    /// Height, block hash, or `latest`
    #[arg(value_name = "BLOCK", value_parser = parse_block)]
    block: BlockId,
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
    }
}

async fn get(args: Get) -> Result<(), Failure> {
    let verified = args.trust.is_given();
    let (hash, header) = if verified {
        let servers = args.node.servers(&args.trust)?;
        let outcome = servers.block(args.block).await;
        let block = args.node.told(&servers, outcome)?.into_inner();
        (block.hash, block.header)
    } else {
        let id = args.block;
        let ask = async |api: Api| api.block(id).await;
        let block = args.node.any(ask).await?;
        (block.hash, block.header)
    };
    if args.json {
        return output::json(&json!({ "hash": hash, "header": header, "verified": verified }));
    }
    print(hash, &header, verified)?;
    if !verified {
        eprintln!("this is what the node says; pass --genesis FILE to verify it");
    }
    Ok(())
}

fn print(hash: Hash, header: &Header, verified: bool) -> Result<(), Failure> {
    let Header {
        height,
        epoch,
        proposer,
        timestamp_ms,
        payload_len,
        parent_hash,
        ns_root,
        ..
    } = header;
    output::line(format_args!(
        "block {height}  {hash}{}",
        if verified { "  (final, verified)" } else { "" }
    ))?;
    output::line(format_args!(
        "  epoch {epoch}, proposed by validator {proposer} at {timestamp_ms} ms"
    ))?;
    output::line(format_args!(
        "  payload {payload_len} bytes, namespaces under {ns_root}"
    ))?;
    output::line(format_args!("  parent {parent_hash}"))
}
