//! Whether the committee in force is what the stake table says.

use anyhow::{Context as _, Result, ensure};
use hotshot_types::Epoch;

use super::{L1, WEIGHT_OF_TOKEN};
use crate::network::Node;

/// Weight of a stake in token units.
const UNITS_OF_WEIGHT: u128 = 1_000_000_000;

/// The epoch that a node is in, once its committee has the stake that the contract has now.
pub(crate) async fn in_force(l1: &L1, node: &Node) -> Result<Epoch> {
    let api = node.api()?;
    let epoch = api.status().await?.epoch;
    let committee = api.epoch(epoch).await?.committee;
    for (index, (operator, weight)) in l1.operators.iter().zip(committee.weights()).enumerate() {
        let stake = l1.stake_of(operator.account.address()).await?;
        let expected = u64::try_from(stake / UNITS_OF_WEIGHT).context("the stake is too large")?;
        ensure!(
            weight == expected,
            "validator {index} weighs {} tokens in epoch {epoch}, and has {} at stake",
            weight / WEIGHT_OF_TOKEN,
            expected / WEIGHT_OF_TOKEN
        );
    }
    ensure!(
        committee.weights().len() == l1.operators.len(),
        "the committee of epoch {epoch} has {} members",
        committee.weights().len()
    );
    Ok(epoch)
}
