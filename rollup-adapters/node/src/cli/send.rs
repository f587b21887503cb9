//! `send`: hands in a transaction.

use std::{io::Read as _, path::PathBuf, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    exit::{Exit, Failure},
    output,
    remote::{NodeArgs, parse_bytes},
};

/// Larger than any transaction that a sequencer takes.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// Between two looks whether it is in a block.
const LOOK: Duration = Duration::from_millis(200);

/// Arguments of `send`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The node keeps the transaction on its disk and hands it to the sequencer until it is in a block. \
With --wait the verb ends with 0 once it is executed, with 8 if it is skipped, with 9 if it takes longer."
)]
pub(super) struct Args {
    /// The transaction in hex
    #[arg(value_name = "HEX", required_unless_present_any = ["text", "file"], conflicts_with_all = ["text", "file"], value_parser = parse_bytes)]
    hex: Option<Bytes>,
    /// The transaction as text
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    text: Option<String>,
    /// The transaction as the bytes of a file
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Wait until it is in a block
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,
    #[command(flatten)]
    node: NodeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    fn bytes(&self) -> Result<Bytes, Failure> {
        if let Some(text) = &self.text {
            return Ok(Bytes::from(text.clone()));
        }
        if let Some(path) = &self.file {
            let mut bytes = Vec::new();
            std::fs::File::open(path)
                .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
                .map_err(|error| {
                    let message = format!("cannot read {}: {error}", path.display());
                    Failure::new(Exit::Usage, message)
                })?;
            return Ok(bytes.into());
        }
        Ok(self.hex.clone().unwrap_or_default())
    }
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let bytes = args.bytes()?;
    let status = args.node.wait().await?;
    if let Some(most) = status["maxTransactionBytes"].as_u64()
        && bytes.len() as u64 > most
    {
        let message = format!(
            "the transaction has {} bytes, the sequencer takes at most {most}",
            bytes.len()
        );
        return Err(Failure::new(Exit::Usage, message));
    }
    let transaction = format!("0x{}", hex::encode(bytes));
    let id: String = args.node.ask("rollup_send", json!([transaction])).await?;
    let Some(wait) = args.wait else {
        return if args.json {
            output::json(&json!({"id": id, "level": "pending"}))
        } else {
            output::line(id)
        };
    };
    let until = Instant::now() + Duration::from_secs(wait);
    loop {
        let finality: Value = args.node.ask("rollup_finality", json!([id])).await?;
        if !finality["block"].is_null() {
            if args.json {
                output::json(&finality)?;
            } else {
                output::line(format_args!("{id} in block {}", finality["block"]))?;
            }
            return match finality["skipped"].as_str() {
                Some(reason) => Err(Failure::new(Exit::Refused, format!("skipped: {reason}"))),
                None => Ok(()),
            };
        }
        if Instant::now() >= until {
            let message =
                format!("{id} is in no block after {wait} s; the node goes on handing it in");
            return Err(Failure::new(Exit::Timeout, message));
        }
        sleep(LOOK).await;
    }
}
