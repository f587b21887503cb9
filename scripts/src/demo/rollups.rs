//! The demo's rollups: the EVM rollup's whole round, and a counter of a hundred lines beside it.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use super::progress::Progress;
use crate::{
    network::{Network, eventually},
    rollup::{
        node::RollupNode,
        round::{Evm, Figures},
        setup::{self, Wanted},
    },
};

/// The counter's namespace.
const COUNTER: u64 = 7_002;
/// How often it is counted.
const COUNTED: u64 = 5;
const COUNT_LIMIT: Duration = Duration::from_secs(30);

/// What the rollups did, in figures.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rollups {
    pub(super) evm: Figures,
    /// What the counter says in the end.
    pub(super) counter: u64,
}

/// Runs the rollups on a network that is up.
pub(super) async fn run(
    network: &mut Network,
    sequencer: &Path,
    progress: &mut Progress,
) -> Result<Rollups> {
    progress.step(
        "deploying the EVM rollup's contracts, starting two nodes of it, and a counter rollup",
    );
    let mut evm = Evm::start(network, &setup::beside(sequencer, "rollup")?, None, &[]).await?;
    let mut counter = counter(network, sequencer).await?;
    let evm_figures = evm.round(network, |what| progress.step(what)).await?;
    progress.step("the counter rollup, on the same blocks, has counted what was sent to it");
    let total = count(&counter).await?;
    evm.check()?;
    counter.check()?;
    network.check()?;
    counter.stop().await?;
    evm.stop().await?;
    Ok(Rollups {
        evm: evm_figures,
        counter: total,
    })
}

/// Starts the example of `rollup-node` and sends it some numbers.
async fn counter(network: &Network, sequencer: &Path) -> Result<RollupNode> {
    let wanted = Wanted {
        application: "counter",
        namespace: COUNTER,
        force_delay_s: None,
        vm: "",
    };
    let program = setup::beside(sequencer, "examples/counter")?;
    let (rollup, _) = setup::prepare(network, program, &wanted).await?;
    let mut node = rollup.node("node", &[])?;
    node.start().await?;
    for number in 0..COUNTED {
        let transaction = format!("0x{}", hex::encode(format!("+demo {number}")));
        let _: Value = node
            .endpoint
            .ask("rollup_send", json!([transaction]))
            .await?;
    }
    Ok(node)
}

/// Waits until everything sent is counted.
async fn count(node: &RollupNode) -> Result<u64> {
    let counted = async || -> Result<u64> {
        let found: Value = node.endpoint.ask("counter_get", json!(["demo"])).await?;
        let found = found.as_u64().context("the counter is no number")?;
        ensure!(found == COUNTED, "the counter is {found} and not {COUNTED}");
        Ok(found)
    };
    eventually(COUNT_LIMIT, "a counter that has counted all", counted).await
}
