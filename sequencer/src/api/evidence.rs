//! Proofs of misbehaviour that the node has seen.

use axum::extract::State;
use hotshot_types::evidence::Evidence;
use sequencer_client::{text, types::EvidencePage};
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
pub(super) struct Page {
    after: Option<String>,
    limit: Option<u32>,
}

pub(super) async fn list(
    State(context): State<Context>,
    Parameters(Page { after, limit }): Parameters<Page>,
) -> Result<Cached<Json<EvidencePage>>, Refusal> {
    let after = after.map(|text| {
        text::parse_hash(&text).map_err(|_| {
            Refusal::invalid(format!(
                "`{text}` names no evidence: write the `next` of the page before"
            ))
        })
    });
    let after = after.transpose()?;
    let longest = context.bounds().page_blocks;
    let limit = permits(page_limit(limit, longest)?);
    let page = context
        .read(move |reader| {
            let mut evidence = reader.storage().evidence(after, limit + 1)?;
            let more = evidence.len() > limit;
            evidence.truncate(limit);
            let next = evidence.last().filter(|_| more).map(Evidence::id);
            Ok(EvidencePage {
                evidence,
                more,
                next,
            })
        })
        .await?;
    Ok(Cached(Json(page), false))
}
