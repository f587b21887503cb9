//! `force` and `pin`: what users can do about a sequencer that leaves them out.

use bytes::Bytes;
use light_client::abi::light_client::ILightClient;
use rollup_contracts::{
    abi::inbox::IRollupInbox,
    calls,
    queue::{self, Coverage},
};
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::{L1Args, parse_bytes, refused},
};
use crate::l1;

/// Arguments of `force`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The transaction goes into the queue on the L1, and is executed once a final block of the sequencer names \
its L1 block as final: nobody can leave it out. If the sequencer stands still, `pin` after the rollup's delay."
)]
pub(super) struct Args {
    /// The transaction in hex
    #[arg(
        value_name = "HEX",
        required_unless_present = "text",
        conflicts_with = "text",
        value_parser = parse_bytes
    )]
    hex: Option<Bytes>,
    /// The transaction as text
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    #[command(flatten)]
    l1: L1Args,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let text = args.text.map(Bytes::from);
    let bytes = text.or(args.hex).unwrap_or_default();
    let desk = args.l1.open().await?;
    let fee = desk.fee().await?;
    let (_, message) = desk.enqueue(fee, calls::force_tx(&bytes)).await?;
    if args.json {
        let (index, l1_block) = (message.index, message.l1_block);
        return output::json(&json!({"index": index, "id": message.hash(), "l1Block": l1_block}));
    }
    output::line(format_args!(
        "message {} of the queue, in L1 block {}; its id on the rollup is {}, or the transaction's own where the machine \
knows it by that, as the EVM does",
        message.index,
        message.l1_block,
        message.hash()
    ))
}

/// Arguments of `pin`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Works once a message has waited for longer than the rollup's delay and the light client's newest block \
does not cover it. Then every message of the queue is executed right after that block, whatever the sequencer does. The \
L1 alone is asked: no node of the sequencer has to answer."
)]
pub(super) struct PinArgs {
    #[command(flatten)]
    l1: L1Args,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn pin(args: PinArgs) -> Result<(), Failure> {
    let desk = args.l1.open().await?;
    let (inbox, light_client) = (desk.contracts.inbox, desk.contracts.light_client);
    let (endpoint, queue) = (desk.sender.endpoint(), desk.contracts.queue);
    let at = endpoint.newest().await?;
    let head = ILightClient::finalizedCall {};
    let coverage = Coverage {
        l1_block: desk.read(light_client, head, at).await?.l1Finalized,
        pinned: desk.read(inbox, IRollupInbox::pinnedCall {}, at).await?,
    };
    let hint = queue::oldest(endpoint, queue, coverage, at).await?;
    let hint = hint.ok_or_else(|| {
        let message = "no message waits that the light client's newest block does not cover";
        Failure::new(Exit::Refused, message)
    })?;
    let call = calls::force_segment(hint);
    let receipt = desk.sender.send(Some(inbox), call).await.map_err(refused)?;
    let pin = receipt.logs.iter().rev().find_map(l1::pin);
    let pin = pin.ok_or_else(|| {
        Failure::new(
            Exit::Config,
            "the inbox logged no pin: is the definition of this L1?",
        )
    })?;
    if args.json {
        return output::json(&json!({
            "number": pin.number,
            "after": pin.after.0,
            "messageEnd": pin.message_end,
            "l1Block": pin.l1_block,
        }));
    }
    output::line(format_args!(
        "pin {}: messages below {} are executed right after block {} of the sequencer",
        pin.number, pin.message_end, pin.after
    ))
}
