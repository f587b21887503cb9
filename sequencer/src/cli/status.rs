//! `sequencer status`: how a node is doing.

use sequencer_client::types::NodeState;

use super::{exit::Failure, output, remote::NodeArgs};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let status = args.node.api()?.status().await?;
    if args.json {
        output::json(&status)
    } else {
        output::line(text(&status))
    }
}

fn text(status: &NodeState) -> String {
    let role = match status.validator {
        Some(index) => format!("validator {index}"),
        None => "not a validator".into(),
    };
    let mut text = format!(
        "{}  {role}, {} of {} peers\nblock {} is final; round {}",
        if status.ready { "ready" } else { "not ready" },
        status.peers.connected,
        status.peers.total,
        status.final_height,
        status.round(),
    );
    if let Some(sync) = status.sync {
        text.push_str(&format!(
            "\ncatching up to block {}: {:.1}%",
            sync.target, sync.percent
        ));
        if let Some(eta) = sync.eta_seconds {
            text.push_str(&format!(", about {eta} s left"));
        }
    }
    for reason in &status.reasons {
        text.push_str(&format!("\n  {reason}"));
    }
    text
}
