//! What the light client on the L1 stores, proven against a block that the L1's endpoints agree is final.

use alloy_consensus::Header as L1Header;
use light_client::rpc::{Endpoint, RpcError};
use rollup_derive::l1::{AccountProof, L1State, Newest};
use rollup_types::{Address, Hash, Height, field};

use crate::l1::{Endpoints, Wrong, header_at, prove};

/// Reads the light client.
#[derive(Debug)]
pub(crate) struct Anchors {
    endpoints: Endpoints,
    light_client: Address,
}

struct Told {
    header: Option<L1Header>,
    proof: AccountProof,
}

impl Anchors {
    pub(crate) fn new(endpoints: Endpoints, light_client: Address) -> Self {
        Self {
            endpoints,
            light_client,
        }
    }

    /// Height and entry of its newest block; none if it is frozen.
    ///
    /// # Errors
    /// No endpoint proves it.
    pub(super) async fn newest(&mut self) -> Result<Option<(Height, Hash)>, String> {
        let agreed = self.endpoints.finalized().await;
        let (number, hash) =
            agreed.ok_or("no majority of the L1 endpoints agrees on a final block")?;
        let light_client = self.light_client;
        let ask = |_, endpoint| async move { told(&endpoint, light_client, number).await };
        let check = |told| check(told, light_client, hash);
        self.endpoints.ask("the light client", ask, check).await
    }
}

async fn told(endpoint: &Endpoint, light_client: Address, number: u64) -> Result<Told, RpcError> {
    let header = header_at(endpoint, number).await?;
    let height = field::LIGHT_CLIENT_HEIGHT;
    let proof = prove(endpoint, light_client, &[height], number).await?;
    // Which place of the ring to ask for; checked with everything else.
    let word = proof.slots.first().map(|slot| slot.value);
    let proof = match word.and_then(Newest::read) {
        Some(newest) => prove(endpoint, light_client, &[height, newest.entry], number).await?,
        None => proof,
    };
    Ok(Told { header, proof })
}

fn check(told: Told, light_client: Address, hash: Hash) -> Result<Option<(Height, Hash)>, Wrong> {
    let lacks = || Wrong::Lacking("the endpoint does not have that block yet".into());
    let header = alloy_rlp::encode(told.header.ok_or_else(lacks)?);
    let state = L1State::believed(&header).map_err(|error| Wrong::Lacking(error.to_string()))?;
    if state.hash() != hash {
        let reason = format!("its header has hash {}, the block is {hash}", state.hash());
        return Err(Wrong::Lacking(reason));
    }
    let lie = |error: rollup_derive::l1::L1Error| Wrong::Lie(error.to_string());
    let account = state.open(light_client, &told.proof).map_err(lie)?;
    Newest::stored(&account).map_err(lie)
}
