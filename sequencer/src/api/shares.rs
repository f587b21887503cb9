//! The erasure-coded shares that a node keeps for its own validator.

use axum::extract::State;
use da::Slots;
use hotshot_types::ValidatorIndex;
use sequencer_client::types::{ProblemCode, SharesAnswer};

use super::{
    Context, Reader,
    extract::{BlockName, Nothing, Parameters, Segments},
    refusal::Refusal,
    router::{Cached, Json},
};

impl Reader {
    /// One validator's shares of a block, if it is this node's.
    fn shares(&self, name: BlockName, validator: ValidatorIndex) -> Result<SharesAnswer, Refusal> {
        let header = self.header(name)?;
        let unknown = |why: String| Refusal::new(ProblemCode::SharesUnknown, why);
        let Some(shares) = self.storage().slots(&header)? else {
            return Err(unknown(format!(
                "this node has no shares of block {}: it is no validator, they were not sent to it, or it keeps them no longer. The payload itself may still be at /v1/blocks/{}/payload",
                header.height, header.height
            )));
        };
        let info = self.storage().epoch(header.epoch)?;
        let info = info.ok_or_else(|| Refusal::internal("the block's committee is not stored"))?;
        let slots = Slots::new(&info.committee.weights()).map_err(Refusal::internal)?;
        let owner = slots.owner(shares.start).map(ValidatorIndex::at);
        if owner != Some(validator) {
            return Err(unknown(match owner {
                Some(owner) => format!(
                    "this node holds the shares of validator {owner}, not of {validator}: ask that validator's node"
                ),
                None => format!("this node does not hold the shares of validator {validator}"),
            }));
        }
        Ok(SharesAnswer {
            height: header.height,
            block: header.hash(),
            validator: validator.0,
            shares,
        })
    }
}

pub(super) async fn own(
    State(context): State<Context>,
    Segments((name, validator)): Segments<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Cached<Json<SharesAnswer>>, Refusal> {
    let name = BlockName::parse(&name)?;
    let validator = validator.parse().map(ValidatorIndex).map_err(|_| {
        Refusal::invalid(format!(
            "`{validator}` is no validator: write its index in the committee, from 0"
        ))
    })?;
    let answer = context
        .read(move |reader| reader.shares(name, validator))
        .await?;
    Ok(Cached(Json(answer), name.is_fixed()))
}
