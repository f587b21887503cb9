//! Proofs of misbehaviour that the node has seen.

use axum::extract::State;
use sequencer_client::types::EvidencePage;
use serde::Deserialize;

use super::{
    Context,
    extract::{Parameters, page_limit},
    permits,
    refusal::Refusal,
    router::{Cached, Json},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limit {
    limit: Option<u32>,
}

pub(super) async fn list(
    State(context): State<Context>,
    Parameters(Limit { limit }): Parameters<Limit>,
) -> Result<Cached<Json<EvidencePage>>, Refusal> {
    let longest = context.bounds().page_blocks;
    let limit = permits(page_limit(limit, longest)?);
    let page = context
        .read(move |reader| {
            let mut evidence = reader.storage().evidence(limit + 1)?;
            let more = evidence.len() > limit;
            evidence.truncate(limit);
            Ok(EvidencePage { evidence, more })
        })
        .await?;
    Ok(Cached(Json(page), false))
}
