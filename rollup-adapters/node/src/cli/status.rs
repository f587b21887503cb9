//! `status`: how a node is doing.

use serde_json::{Value, json};

use super::{
    exit::{Exit, Failure},
    output,
    remote::NodeArgs,
};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Ends with 0 if the node is ready, with 4 if it is not or can't be reached."
)]
pub(super) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let status: Value = args.node.ask("rollup_status", json!([])).await?;
    if args.json {
        output::json(&status)?;
    } else {
        output::line(text(&status))?;
    }
    if status["ready"] == json!(true) {
        Ok(())
    } else {
        Err(Failure::new(Exit::Unreachable, "the node is not ready"))
    }
}

fn text(status: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let is_ready = status["ready"] == json!(true);
    let mut text = format!(
        "{}  {} rollup, chain id {}\nblock {} is latest, {} safe, {} finalized; {}\nsequencer block {} of {} is executed{}",
        if is_ready { "ready" } else { "not ready" },
        status["application"].as_str().unwrap_or("?"),
        number(&status["chainId"]),
        number(&status["latest"]["number"]),
        number(&status["safe"]["number"]),
        number(&status["finalized"]["number"]),
        match number(&status["pending"]) {
            1 => "1 transaction waits".to_owned(),
            count => format!("{count} transactions wait"),
        },
        number(&status["sequencer"]["height"]),
        number(&status["sequencer"]["target"]),
        match status["sequencer"]["silentSeconds"].as_u64() {
            Some(seconds) => format!("; the newest was heard of {seconds} s ago"),
            None => "; none was heard of yet".to_owned(),
        },
    );
    let l1 = &status["l1"];
    if l1.is_object() {
        text.push_str(&format!(
            "\nL1 block {}: light client at {}, inbox at {}; {} of its {} executed",
            number(&l1["block"]),
            number(&l1["lightClient"]),
            number(&l1["inbox"]),
            number(&status["messages"]),
            match number(&l1["messages"]) {
                1 => "1 message".to_owned(),
                count => format!("{count} messages"),
            },
        ));
    }
    for (mark, key) in [("", "reasons"), ("warning: ", "warnings")] {
        for reason in status[key].as_array().into_iter().flatten() {
            text.push_str(&format!("\n  {mark}{}", reason.as_str().unwrap_or("?")));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        let status = |count: u64| {
            let l1 = json!({"block": 1, "lightClient": 1, "inbox": 1, "messages": count});
            text(&json!({"pending": count, "messages": count, "l1": l1}))
        };
        for words in ["; 1 transaction waits\n", "; 1 of its 1 message executed"] {
            assert!(status(1).contains(words), "{}", status(1));
        }
        for words in ["; 2 transactions wait\n", "; 2 of its 2 messages executed"] {
            assert!(status(2).contains(words), "{}", status(2));
        }
    }
}
