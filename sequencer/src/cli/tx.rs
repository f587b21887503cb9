//! `sequencer tx`: submitting transactions and looking them up.

use std::{
    io::{ErrorKind, Read as _},
    path::PathBuf,
    time::Duration,
};

use bytes::Bytes;
use clap::Subcommand;
use da::NamespaceId;
use hotshot_types::Hash;
use sequencer_client::{
    Base64, ClientError, Fact, Proven,
    client::{Api, VerifiedTransaction},
    text,
    types::{Position, Submitted, TransactionAnswer, TransactionState},
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::{NodeArgs, TrustArgs, parse_hash, parse_namespace, write_proof},
};
use crate::bounded_file;

/// More than any network takes: the node says what its limit is.
const MAX_INPUT_BYTES: u64 = 64 << 20;

/// Arguments of `tx`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Submit a transaction: a file, hex digits, or standard input
    Submit(Submit),
    /// Show what became of a transaction
    Get(Get),
}

#[derive(Debug, clap::Args)]
struct Submit {
    /// Namespace, usually the chain id of the rollup; decimal or hex with 0x
    #[arg(long, short, value_name = "N", value_parser = parse_namespace)]
    namespace: NamespaceId,
    /// File with the transaction's bytes; `-` is standard input
    #[arg(long, short, value_name = "FILE", conflicts_with = "hex")]
    file: Option<PathBuf>,
    /// The transaction as hex digits, with or without 0x
    #[arg(long, value_name = "HEX")]
    hex: Option<String>,
    /// Wait until it is final
    #[arg(long)]
    wait: bool,
    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// Write a proof that it is final, verified against --genesis; waits for it
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    trust: TrustArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Get {
    /// SHA-256 of the transaction
    #[arg(value_name = "HASH", value_parser = parse_hash)]
    hash: Hash,
    /// Namespace, if the same bytes may be in several
    #[arg(long, short, value_name = "N", value_parser = parse_namespace)]
    namespace: Option<NamespaceId>,
    /// Write a proof that it is final, verified against --genesis
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
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
        Verb::Submit(args) => submit(args).await,
        Verb::Get(args) => get(args).await,
    }
}

async fn submit(args: Submit) -> Result<(), Failure> {
    // Before anything is sent: a proof that nobody could check would be found out too late.
    let trust = args.proof.as_ref().map(|_| args.trust.load()).transpose()?;
    let transaction = input(&args)?;
    let wait = (args.wait || args.proof.is_some()).then(|| Duration::from_secs(args.timeout));
    if wait.is_some() {
        eprintln!(
            "submitting {} bytes to namespace {} and waiting until they are final ..",
            transaction.len(),
            args.namespace
        );
    }
    // A node that fails may have passed it on already; the next one then says the same of it.
    let mut submitted = match wait {
        Some(wait) => submit_and_wait(&args, transaction, wait).await?,
        None => {
            let submit =
                async |api: Api| api.submit(args.namespace, transaction.clone(), None).await;
            args.node.any(submit).await?
        }
    };
    if wait.is_some() && submitted.position.is_none() {
        print_submitted(&submitted, args.json)?;
        let message = format!(
            "not final after {} s; the node has it and goes on trying, and submitting it again is harmless",
            args.timeout
        );
        return Err(Failure::new(Exit::Timeout, message));
    }
    if let (Some(path), Some(trust)) = (&args.proof, trust) {
        let servers = args.node.servers_with(trust)?;
        let outcome = servers
            .prove_transaction(submitted.hash, Some(args.namespace))
            .await;
        let (proof, proven) = args.node.told(&servers, outcome)?;
        write_proof(path, &proof)?;
        submitted.position = position(&proven);
    }
    print_submitted(&submitted, args.json)
}

/// Where a proof says that its transaction stands.
fn position(proven: &Proven) -> Option<Position> {
    let Fact::Transaction { index, .. } = proven.fact else {
        return None;
    };
    Some(Position {
        height: proven.header.height,
        block: proven.hash,
        index,
    })
}

/// Waits until it is final or the time is over. Nodes bound how long one request waits, so longer waits take several,
/// each at the next node, in case that one holds it back; the transaction is the same.
async fn submit_and_wait(
    args: &Submit,
    transaction: Bytes,
    wait: Duration,
) -> Result<Submitted, Failure> {
    let deadline = tokio::time::Instant::now() + wait;
    let apis = args.node.apis()?;
    let (mut next, mut failed) = (0, 0);
    loop {
        let api = &apis[next % apis.len()];
        next += 1;
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        match submit_once(api, args.namespace, transaction.clone(), left).await {
            Ok((submitted, is_over)) => {
                if is_over || submitted.position.is_some() {
                    return Ok(submitted);
                }
                failed = 0;
            }
            Err(error) => {
                failed += 1;
                if failed == apis.len() || !error.is_transient() {
                    return Err(error.into());
                }
            }
        }
    }
}

/// Waits for as long as the node allows, at most `left`; and whether that was all of it.
async fn submit_once(
    api: &Api,
    namespace: NamespaceId,
    transaction: Bytes,
    left: Duration,
) -> Result<(Submitted, bool), ClientError> {
    let longest = Duration::from_millis(api.limits().await?.wait_ms);
    let wait = Some(left.min(longest));
    let submitted = api.submit(namespace, transaction, wait).await?;
    Ok((submitted, left <= longest))
}

fn input(args: &Submit) -> Result<Bytes, Failure> {
    let bytes = match (&args.file, &args.hex) {
        (_, Some(digits)) => text::parse_hex(digits)?,
        (Some(path), None) if path.as_os_str() != "-" => {
            match bounded_file::read(path, MAX_INPUT_BYTES) {
                Ok(bytes) => bytes.into(),
                Err(error) if error.kind() == ErrorKind::FileTooLarge => return Err(too_large()),
                Err(error) => {
                    let message = format!("cannot read {}: {error}", path.display());
                    return Err(Failure::new(Exit::Usage, message));
                }
            }
        }
        _ => {
            let mut bytes = Vec::new();
            std::io::stdin()
                .lock()
                .take(MAX_INPUT_BYTES + 1)
                .read_to_end(&mut bytes)
                .map_err(|error| {
                    Failure::new(Exit::Usage, format!("cannot read standard input: {error}"))
                })?;
            if bytes.len() as u64 > MAX_INPUT_BYTES {
                return Err(too_large());
            }
            bytes.into()
        }
    };
    if bytes.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "the transaction is empty: a transaction has at least one byte",
        ));
    }
    Ok(bytes)
}

fn too_large() -> Failure {
    Failure::new(
        Exit::Usage,
        "the transaction is larger than any network takes; `curl URL/v1/limits` shows the node's limit",
    )
}

fn print_submitted(submitted: &Submitted, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(submitted);
    }
    let Submitted {
        hash,
        namespace,
        position,
        ..
    } = submitted;
    match position {
        Some(position) => output::line(format_args!(
            "final  {hash}  namespace {namespace}, block {}, position {}",
            position.height, position.index
        )),
        None => output::line(format_args!(
            "pending  {hash}  namespace {namespace}; follow it with: sequencer tx get {hash} --namespace {namespace}"
        )),
    }
}

async fn get(args: Get) -> Result<(), Failure> {
    let ask = async |api: Api| api.transaction(args.hash, args.namespace).await;
    if !args.trust.is_given() && args.proof.is_none() {
        return print_answer(&args.node.any(ask).await?, false, args.json);
    }
    let servers = args.node.servers(&args.trust)?;
    let outcome = servers.transaction(args.hash, args.namespace).await;
    if let Err(ClientError::NotFinal) = outcome
        && let answer = args.node.any(ask).await?
        && answer.state == TransactionState::Pending
    {
        if args.proof.is_some() {
            return Err(Failure::new(
                Exit::NotFound,
                format!(
                    "{} is not final yet, so there is no proof: try again in a moment",
                    args.hash
                ),
            ));
        }
        return print_answer(&answer, false, args.json);
    }
    let verified = args.node.told(&servers, outcome)?;
    if let Some(path) = &args.proof {
        let outcome = servers.prove_transaction(args.hash, args.namespace).await;
        write_proof(path, &args.node.told(&servers, outcome)?.0)?;
    }
    print_answer(&proven(args.hash, verified), true, args.json)
}

/// What was proven, in the form of a node's answer.
fn proven(hash: Hash, found: VerifiedTransaction) -> TransactionAnswer {
    TransactionAnswer {
        hash,
        namespace: found.namespace,
        state: TransactionState::Final,
        position: Some(Position {
            height: found.block.header.height,
            block: found.block.hash,
            index: found.index,
        }),
        transaction: Some(Base64(found.bytes)),
        proof: None,
    }
}

fn print_answer(answer: &TransactionAnswer, verified: bool, json: bool) -> Result<(), Failure> {
    let TransactionAnswer {
        hash,
        namespace,
        state,
        position,
        transaction,
        ..
    } = answer;
    if json {
        return output::json(&json!({
            "hash": hash,
            "namespace": namespace,
            "state": state,
            "position": position,
            "transaction": transaction,
            "verified": verified,
        }));
    }
    match position {
        Some(position) => {
            output::line(format_args!(
                "final  {hash}  namespace {namespace}, block {}, position {}{}",
                position.height,
                position.index,
                if verified { "  (verified)" } else { "" }
            ))?;
            if !verified {
                eprintln!("this is what the node says; pass --genesis FILE to verify it");
            }
            Ok(())
        }
        None => output::line(format_args!("pending  {hash}  namespace {namespace}")),
    }
}
