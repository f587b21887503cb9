//! The contracts of a place, and the account that calls them.

use hotshot_types::Address;
use light_client::{
    abi::{self, SolCall, light_client::ILightClient, stake_table::IStakeTable},
    rpc::{Endpoint, Tag, ViewError},
    send::Sender,
};

use super::{ReportError, Reporter};

impl Reporter {
    /// The account at the endpoint of this look.
    pub(super) async fn sender(&self) -> Result<Sender, ReportError> {
        let endpoints = &self.place.endpoints;
        let endpoint = endpoints[self.endpoint % endpoints.len()].clone();
        let sender = Sender::new(endpoint, self.account.clone(), self.config.sending).await?;
        match self.place.home {
            Some((_, expected)) if sender.chain_id() != expected => Err(ReportError::OtherChain {
                endpoint: sender.endpoint().name().to_owned(),
                found: sender.chain_id(),
                expected,
            }),
            _ => Ok(sender),
        }
    }

    /// The light client, if it and the stake table are this network's: whoever names another contract
    /// would have this account pay for calls of that.
    pub(super) async fn find(&mut self, endpoint: &Endpoint) -> Result<Address, ReportError> {
        if let Some(light_client) = self.light_client {
            return Ok(light_client);
        }
        let mut light_client = self.place.light_client;
        if let Some((stake_table, _)) = self.place.home {
            let call = IStakeTable::chainDomainCall {};
            let domain = view(endpoint, stake_table, call, Tag::Latest).await?;
            if domain.0 != self.domain.0 {
                return Err(ReportError::NoContract(stake_table));
            }
            let call = IStakeTable::lightClientCall {};
            let own = view(endpoint, stake_table, call, Tag::Latest).await?;
            light_client.get_or_insert(abi::from_address(own));
        }
        let light_client = light_client.unwrap_or_default();
        let call = ILightClient::chainDomainCall {};
        let domain = view(endpoint, light_client, call, Tag::Latest).await?;
        if domain.0 != self.domain.0 {
            return Err(ReportError::NoContract(light_client));
        }
        self.light_client = Some(light_client);
        Ok(light_client)
    }
}

/// Calls a view of a contract.
pub(super) async fn view<C: SolCall>(
    endpoint: &Endpoint,
    contract: Address,
    call: C,
    tag: Tag,
) -> Result<C::Return, ReportError> {
    let answer = endpoint.view(contract, &call, tag).await;
    answer.map_err(|error| match error {
        ViewError::Rpc(error) => error.into(),
        ViewError::Refused(_) | ViewError::NoContract { .. } => ReportError::NoContract(contract),
    })
}
