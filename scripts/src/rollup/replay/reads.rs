//! What a node answers readers with, and how soon, while it executes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use hotshot_types::Address;
use light_client::rpc::Endpoint;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::Measuring;

/// Requests a second.
pub(crate) const RATE: u64 = 200;
/// Most requests that wait for an answer.
const WAITING: usize = 1_000;

/// Readers ask a node at an even pace, whatever the answers take, for what wallets show of these accounts: how long each
/// answer took.
pub(crate) fn start(rollup: &Endpoint, accounts: Vec<Address>) -> Measuring {
    let rollup = rollup.clone();
    Measuring::start(|stopping| read(rollup, accounts, stopping))
}

async fn read(
    rollup: Endpoint,
    accounts: Vec<Address>,
    stopping: watch::Receiver<bool>,
) -> Result<Vec<Duration>> {
    let mut pace = interval(Duration::from_secs(1) / u32::try_from(RATE)?);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut waiting, mut took) = (JoinSet::new(), Vec::new());
    let mut questions = accounts.iter().cycle().enumerate();
    while !*stopping.borrow() {
        pace.tick().await;
        while let Some(answered) = waiting.try_join_next() {
            took.push(answered.context("a reader panicked")??);
        }
        ensure!(waiting.len() < WAITING, "{WAITING} requests have no answer");
        let (turn, account) = questions.next().context("nobody to ask about")?;
        waiting.spawn(ask(rollup.clone(), turn, *account));
    }
    while let Some(answered) = waiting.join_next().await {
        took.push(answered.context("a reader panicked")??);
    }
    Ok(took)
}

async fn ask(rollup: Endpoint, turn: usize, account: Address) -> Result<Duration> {
    let (method, params) = match turn % 7 {
        0 => ("eth_getBalance", json!([account, "latest"])),
        1 => ("eth_getTransactionCount", json!([account, "pending"])),
        2 => ("eth_getBlockByNumber", json!(["latest", true])),
        3 => ("eth_getLogs", json!([{}])),
        4 => ("eth_getProof", json!([account, ["0x0"], "latest"])),
        5 => ("eth_feeHistory", json!(["0x10", "latest", [50]])),
        _ => (
            "eth_estimateGas",
            json!([{ "from": account, "to": account, "value": "0x1" }]),
        ),
    };
    let begun = Instant::now();
    let answer: Value = rollup.ask(method, params).await.context(method)?;
    ensure!(!answer.is_null(), "{method} has no answer");
    Ok(begun.elapsed())
}
