//! EV1 to EV4: to the stake table, which slashes who signed both.

use std::sync::Arc;

use hotshot_types::{Address, Committee, Hash, bls::verify_all, evidence::Evidence};
use light_client::{
    abi::{self, SolEvent as _, stake_table::IStakeTable},
    evidence::Charge,
    rpc::{Endpoint, Receipt, Tag},
    send::Sender,
};

use super::{Outcome, ReportError, Reported, Reporter, contracts::view};

impl Reporter {
    /// EV1 to EV4.
    pub(super) async fn charge(
        &self,
        sender: &Sender,
        stake_table: Address,
        source: usize,
        evidence: &Evidence,
    ) -> Result<Outcome, ReportError> {
        let shown_by = &self.sources[source];
        let committee = match shown_by.committee(evidence.epoch()).await {
            Ok(committee) => committee,
            Err(error) => {
                tracing::debug!(source = shown_by.name(), %error, epoch = %evidence.epoch(), "evidence of an epoch whose committee it does not name");
                return Ok(Outcome::Open);
            }
        };
        let (piece, domain) = (evidence.clone(), self.domain);
        let judging = tokio::task::spawn_blocking(move || judge(&piece, domain, committee));
        let Some(charge) = judging.await.ok().flatten() else {
            self.metrics.refused();
            tracing::warn!(source = shown_by.name(), evidence = %evidence.id(), "shows evidence that proves nothing");
            return Ok(Outcome::Settled);
        };
        let operator = operator_of(sender.endpoint(), stake_table, charge.key).await?;
        if operator == Address::ZERO {
            tracing::info!(key = %charge.key, evidence = %evidence.id(), "a key that belongs to no operator was misused: there is no stake to take");
            return Ok(Outcome::Settled);
        }
        if is_jailed(sender.endpoint(), stake_table, operator, Tag::Latest).await? {
            let endpoint = sender.endpoint();
            return Ok(
                match is_jailed(endpoint, stake_table, operator, Tag::Finalized).await? {
                    true => Outcome::Settled,
                    // The block that says so may be undone.
                    false => Outcome::Open,
                },
            );
        }
        self.stagger().await;
        match sender.send(Some(stake_table), charge.call).await {
            Ok(receipt) => Ok(Outcome::Reported(
                self.slashed(operator, evidence, &receipt),
            )),
            Err(error) => self.not_sent(error, evidence),
        }
    }

    fn slashed(&self, operator: Address, evidence: &Evidence, receipt: &Receipt) -> Reported {
        let reward = receipt.logs.iter().find_map(|log| {
            let topics = log.topics.iter().map(|topic| abi::word(*topic));
            let event = IStakeTable::Slashed::decode_raw_log(topics, &log.data.0).ok()?;
            u128::try_from(event.reward).ok()
        });
        let reward = reward.unwrap_or_default();
        self.metrics.reported(receipt.gas_used);
        tracing::warn!(
            %operator, epoch = %evidence.epoch(), %reward, evidence = %evidence.id(),
            l1_block = receipt.block_number, gas = receipt.gas_used,
            "reported: the operator is slashed and leaves the committee with the second epoch from now"
        );
        Reported::Slashed {
            operator,
            epoch: evidence.epoch(),
            reward,
            l1_block: receipt.block_number,
            gas: receipt.gas_used,
        }
    }
}

/// The charge, if the parts contradict each other and the signatures hold.
fn judge(evidence: &Evidence, domain: Hash, committee: Committee) -> Option<Charge> {
    let committee = Arc::new(committee);
    let is_true = !evidence.guilty().is_empty() && verify_all(&evidence.checks(domain, &committee));
    Charge::of(evidence, &committee).filter(|_| is_true)
}

async fn operator_of(
    endpoint: &Endpoint,
    stake_table: Address,
    key: Hash,
) -> Result<Address, ReportError> {
    let call = IStakeTable::operatorOfCall {
        key: abi::word(key),
    };
    let found = view(endpoint, stake_table, call, Tag::Latest).await?;
    Ok(abi::from_address(found))
}

async fn is_jailed(
    endpoint: &Endpoint,
    stake_table: Address,
    operator: Address,
    tag: Tag,
) -> Result<bool, ReportError> {
    let call = IStakeTable::operatorCall {
        account: abi::address(operator),
    };
    Ok(view(endpoint, stake_table, call, tag).await?.jailed)
}

#[cfg(test)]
mod tests;
