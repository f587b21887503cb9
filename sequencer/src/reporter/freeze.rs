//! EV5: to the light client, which freezes.

use hotshot_types::{Address, FinalityCertificate, evidence::Evidence};
use light_client::{abi::light_client::ILightClient, rpc::Tag, send::Sender};

use super::{MAX_SETTLED, Outcome, ReportError, Reported, Reporter, conflict, contracts::view};

impl Reporter {
    /// EV5.
    pub(super) async fn freeze(
        &mut self,
        sender: &Sender,
        light_client: Address,
        evidence: &Evidence,
        certificates: [&FinalityCertificate; 2],
    ) -> Result<Outcome, ReportError> {
        let endpoint = sender.endpoint();
        let is_frozen =
            async |tag| view(endpoint, light_client, ILightClient::isFrozenCall {}, tag).await;
        if is_frozen(Tag::Latest).await? {
            return Ok(match is_frozen(Tag::Finalized).await? {
                true => Outcome::Settled,
                false => Outcome::Open,
            });
        }
        let Some(call) = conflict::prove(&self.sources, self.domain, certificates).await else {
            if self.unproven.len() < MAX_SETTLED && self.unproven.insert(evidence.id()) {
                tracing::error!(
                    evidence = %evidence.id(),
                    "the network has two finality certificates that exclude each other, and no two of \
                     the nodes asked follow the two branches: the light client can't be frozen until \
                     a node of the other branch is asked, too"
                );
            }
            return Ok(Outcome::Open);
        };
        self.stagger().await;
        match sender.send(Some(light_client), call).await {
            Ok(receipt) => {
                self.metrics.reported(receipt.gas_used);
                tracing::error!(
                    %light_client, l1_block = receipt.block_number, gas = receipt.gas_used,
                    "reported: two final blocks exclude each other, and the light client is frozen for good"
                );
                Ok(Outcome::Reported(Reported::Frozen {
                    light_client,
                    epoch: evidence.epoch(),
                    l1_block: receipt.block_number,
                    gas: receipt.gas_used,
                }))
            }
            Err(error) => self.not_sent(error, evidence),
        }
    }
}
