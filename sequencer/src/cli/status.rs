//! `sequencer status`: how a node is doing, or several.

use futures::future::join_all;
use sequencer_client::{ClientError, client::Api, types::NodeState};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::NodeArgs,
};

/// Arguments of `status`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Ends with 0 if a node is ready, with 4 if none is or none can be reached.")]
pub(crate) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let apis = args.node.apis()?;
    if let [api] = apis.as_slice() {
        let status = api.status().await?;
        if args.json {
            output::json(&status)?;
        } else {
            output::line(text(&status))?;
        }
        return if status.ready {
            Ok(())
        } else {
            Err(Failure::new(Exit::Unreachable, "the node is not ready"))
        };
    }
    let all = join_all(apis.iter().map(Api::status)).await;
    if args.json {
        let of = |(api, status): (&Api, &Result<NodeState, ClientError>)| match status {
            Ok(status) => json!({ "url": api.url(), "status": status }),
            Err(error) => json!({ "url": api.url(), "error": error.to_string() }),
        };
        let list: Vec<_> = apis.iter().zip(&all).map(of).collect();
        output::json(&list)?;
    } else {
        for (api, status) in apis.iter().zip(&all) {
            let said = match status {
                Ok(status) => text(status),
                Err(error) => error.to_string(),
            };
            output::line(format_args!("{}\n{said}", api.url()))?;
        }
    }
    // One that is ready is enough for success.
    if all
        .iter()
        .any(|status| status.as_ref().is_ok_and(|it| it.ready))
    {
        return Ok(());
    }
    let is_silent = all.iter().all(Result::is_err);
    match all.into_iter().next() {
        Some(Err(error)) if is_silent => Err(error.into()),
        _ => Err(Failure::new(
            Exit::Unreachable,
            "none of the nodes is ready",
        )),
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
