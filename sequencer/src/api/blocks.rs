//! Routes about blocks.

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse as _, Response},
};
use hotshot_types::SealedHeader;
use sequencer_client::{
    Base64,
    types::{Block, BlockPage, BlockWithPayload},
};

use super::{
    Context, Reader,
    extract::{BlockName, Nothing, Parameters, Range, Segments},
    refusal::Refusal,
    router::{Cached, Json},
};

impl Reader {
    /// A block as the API shows it.
    pub(super) fn block(&self, header: &SealedHeader) -> Result<Block, Refusal> {
        let certificate = self.storage().certificate(header.height)?;
        Ok(Block {
            hash: header.hash(),
            header: header.header().clone(),
            certificate: certificate.filter(|found| found.hash() == header.hash()),
        })
    }
}

pub(super) async fn block(
    State(context): State<Context>,
    Segments(name): Segments<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Cached<Json<Block>>, Refusal> {
    let name = BlockName::parse(&name)?;
    let block = context
        .read(move |reader| reader.header(name).and_then(|header| reader.block(&header)))
        .await?;
    Ok(Cached(Json(block), name.is_fixed()))
}

pub(super) async fn payload(
    State(context): State<Context>,
    Segments(name): Segments<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let name = BlockName::parse(&name)?;
    let (block, opened) = context
        .read(move |reader| {
            let header = reader.header(name)?;
            Ok((reader.block(&header)?, reader.open(&header)?))
        })
        .await?;
    let bytes = opened.payload.bytes().clone();
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    if accept.is_some_and(|accept| accept.contains("application/octet-stream")) {
        let form = [
            (header::CONTENT_TYPE, "application/octet-stream"),
            (header::VARY, "accept"),
        ];
        return Ok(Cached((form, bytes), name.is_fixed()).into_response());
    }
    let answer = BlockWithPayload {
        block,
        payload: Some(Base64(bytes)),
    };
    let form = [(header::VARY, "accept")];
    Ok(Cached((form, Json(answer)), name.is_fixed()).into_response())
}

pub(super) async fn range(
    State(context): State<Context>,
    Parameters(range): Parameters<Range>,
) -> Result<Cached<Json<BlockPage>>, Refusal> {
    let page = context
        .read(move |reader| {
            let heights = range.dense_heights(reader.served, reader.bounds().page_blocks)?;
            let span = heights.last.above(heights.first) + 1;
            let count = span.min(heights.limit.into());
            let count = usize::try_from(count).map_err(Refusal::internal)?;
            let headers = reader.storage().headers(heights.first, count)?;
            let blocks: Vec<_> = headers
                .iter()
                .map(|header| reader.block(header))
                .collect::<Result<_, _>>()?;
            let next = heights.first.plus(blocks.len() as u64);
            Ok(BlockPage {
                blocks,
                next: (next <= reader.served).then_some(next),
            })
        })
        .await?;
    Ok(Cached(Json(page), false))
}
