//! `block`: a block of the rollup.

use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output,
    remote::NodeArgs,
};

/// Arguments of `block`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A number, `latest`, `safe` or `finalized`
    #[arg(default_value = "latest", value_parser = parse)]
    block: Value,
    #[command(flatten)]
    node: NodeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn parse(text: &str) -> Result<Value, String> {
    if matches!(text, "latest" | "safe" | "finalized") {
        return Ok(json!(text));
    }
    let number: Result<u64, _> = text.parse();
    number.map(|number| json!(number)).map_err(|_| {
        format!("`{text}` is no block: write a number, `latest`, `safe` or `finalized`")
    })
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let block: Value = args
        .node
        .ask("rollup_getBlock", json!([args.block]))
        .await?;
    if block.is_null() {
        let message = format!("there is no block {}", args.block);
        return Err(Failure::new(Exit::NotFound, message));
    }
    if args.json {
        return output::json(&block);
    }
    let text = |key: &str| block[key].as_str().unwrap_or("?").to_owned();
    output::line(format_args!(
        "block {} ({})  {}\nstate {}\nof sequencer block {}, L1 block {}",
        block["number"],
        text("level"),
        text("hash"),
        text("stateRoot"),
        block["height"],
        block["l1Number"],
    ))?;
    for input in block["inputs"].as_array().into_iter().flatten() {
        let id = input["id"].as_str().unwrap_or("?");
        match input["skipped"].as_str() {
            Some(reason) => output::line(format_args!("  {id} skipped: {reason}"))?,
            None => output::line(format_args!("  {id}"))?,
        }
    }
    Ok(())
}
