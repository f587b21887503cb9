//! `prove`: that a transaction stands where a node says, checked here.

use std::path::PathBuf;

use rollup_types::{Hash, Vm as _};
use sequencer_client::{Fact, ProofFile, trust};
use serde::Deserialize;
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::{NodeArgs, parse_hash},
};
use crate::{Application, Definition};

/// Arguments of `prove`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The proof is checked here against the sequencer's genesis document, which the definition names. The \
file can be checked again, without any node, with `sequencer proof verify FILE --genesis GENESIS`."
)]
pub(super) struct Args {
    /// The transaction's id
    #[arg(value_parser = parse_hash)]
    id: Hash,
    /// Definition of the rollup
    #[arg(
        long,
        env = "ROLLUP_DEFINITION",
        value_name = "FILE",
        default_value = "rollup.toml"
    )]
    definition: PathBuf,
    /// Write the proof to this file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Inclusion {
    block: u64,
    position: u32,
    proof: ProofFile,
}

pub(super) async fn run<A: Application>(args: Args) -> Result<(), Failure> {
    let definition = Definition::read(&args.definition)?;
    let vm = A::vm(&definition).map_err(|error| Failure::new(Exit::Config, error))?;
    let mut root = trust::from_genesis(&definition.sequencer)?;
    let method = "rollup_getInclusionProof";
    let inclusion: Inclusion = args.node.ask(method, json!([args.id])).await?;
    let proven = inclusion.proof.verify(&mut root)?;
    let Fact::Transaction {
        namespace,
        index,
        hash,
        bytes,
    } = proven.fact
    else {
        return Err(Failure::new(
            Exit::Invalid,
            "the proof is of something else",
        ));
    };
    if namespace != definition.namespace {
        let message = format!("the proof is of namespace {namespace}");
        return Err(Failure::new(Exit::Invalid, message));
    }
    let id = vm.id(&bytes);
    if id != args.id {
        let message = format!("the proof is of another transaction, {id}");
        return Err(Failure::new(Exit::Invalid, message));
    }
    let height = proven.header.height;
    if height < definition.origin {
        let message = format!(
            "the proof is of block {height} of the sequencer, the rollup begins with {}",
            definition.origin
        );
        return Err(Failure::new(Exit::Invalid, message));
    }
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&inclusion.proof)?;
        std::fs::write(path, text + "\n").map_err(|error| {
            let message = format!("cannot write {}: {error}", path.display());
            Failure::new(Exit::Usage, message)
        })?;
    }
    if args.json {
        return output::json(&json!({
            "id": id,
            "transaction": hash,
            "block": inclusion.block,
            "position": inclusion.position,
            "height": height,
            "sequencerBlock": proven.hash,
            "index": index,
        }));
    }
    output::line(format_args!(
        "proven: transaction {index} of the namespace in final block {height} of the sequencer, which knows it as {hash}; the node says that it is input {} of the rollup's block {}",
        inclusion.position, inclusion.block
    ))
}
