//! Routes about namespaces: their data, proofs and history.

use axum::extract::State;
use da::{AccumulatorProof, MapError, NamespaceId, NamespaceMap};
use hotshot_types::{Epoch, Height, SealedHeader, finality::FinalityProof};
use sequencer_client::{
    Base64,
    types::{AccumulatorAnswer, BlockNamespaces, NamespaceAnswer, NamespaceBlock, NamespacePage},
};

use super::{
    Context, Reader,
    extract::{BlockName, Nothing, Parameters, Range, Segments, WithProof, namespace},
    opened::Opened,
    refusal::Refusal,
    router::{Cached, Json},
};

/// Which proofs go with a namespace's block: from which epoch the reader trusts the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Proofs(pub(super) Option<Epoch>);

/// The epoch whose committee is known to whoever has checked this proof.
pub(super) fn reached(proof: Option<&FinalityProof>) -> Option<Epoch> {
    proof.map(|proof| proof.certificate.round().epoch)
}

fn transactions(opened: &Opened, id: NamespaceId) -> Vec<Base64> {
    let body = opened.payload.namespace(id);
    body.iter()
        .flat_map(|body| body.transactions())
        .map(Base64)
        .collect()
}

impl Reader {
    /// One block of a namespace's history.
    pub(super) fn namespace_block(
        &self,
        height: Height,
        id: NamespaceId,
        proofs: Proofs,
    ) -> Result<NamespaceBlock, Refusal> {
        let header = self.header(BlockName::Height(height))?;
        let opened = self.open(&header)?;
        let finality = proofs
            .0
            .map(|epoch| self.finality(epoch, height))
            .transpose()?;
        Ok(NamespaceBlock {
            height,
            block: header.hash(),
            namespace: id,
            transactions: transactions(&opened, id),
            proof: proofs.0.map(|_| opened.tree.prove(id)),
            finality,
            accumulator: None,
        })
    }

    /// Refuses heights for which the index of namespaces is no longer kept: their blocks would be left out silently.
    pub(super) fn has_index(&self, from: Height) -> Result<(), Refusal> {
        if from < self.storage().cutoffs()?.transactions {
            return Err(Refusal::pruned("the index of namespaces", from));
        }
        Ok(())
    }

    /// The summary of a namespace after a block.
    pub(super) fn accumulator(
        &self,
        header: &SealedHeader,
        id: NamespaceId,
    ) -> Result<AccumulatorProof, Refusal> {
        let pruned = || Refusal::pruned("the namespace map", header.height);
        let head = self.storage().map_head(header.height)?.ok_or_else(pruned)?;
        let store = self.storage().map_store();
        match NamespaceMap::new(&store, head).prove(id) {
            Ok(proof) => Ok(proof),
            Err(MapError::Store(error)) => Err(error.into()),
            // Between the look at the head and the read, the nodes may have been pruned.
            Err(_) if self.storage().map_head(header.height)?.is_none() => Err(pruned()),
            Err(error) => Err(Refusal::internal(error)),
        }
    }
}

pub(super) async fn list(
    State(context): State<Context>,
    Segments(name): Segments<String>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Cached<Json<BlockNamespaces>>, Refusal> {
    let name = BlockName::parse(&name)?;
    let answer = context
        .read(move |reader| {
            let header = reader.header(name)?;
            let opened = reader.open(&header)?;
            Ok(BlockNamespaces {
                height: header.height,
                block: header.hash(),
                namespaces: opened.tree.leaves().to_vec(),
            })
        })
        .await?;
    Ok(Cached(Json(answer), name.is_fixed()))
}

pub(super) async fn one(
    State(context): State<Context>,
    Segments((name, id)): Segments<(String, String)>,
    Parameters(query): Parameters<WithProof>,
) -> Result<Cached<Json<NamespaceAnswer>>, Refusal> {
    let (name, id) = (BlockName::parse(&name)?, namespace(&id)?);
    let answer = context
        .read(move |reader| {
            let header = reader.header(name)?;
            let opened = reader.open(&header)?;
            Ok(NamespaceAnswer {
                height: header.height,
                block: header.hash(),
                namespace: id,
                transactions: transactions(&opened, id),
                proof: query.proof.then(|| opened.tree.prove(id)),
            })
        })
        .await?;
    Ok(Cached(Json(answer), name.is_fixed()))
}

pub(super) async fn accumulator(
    State(context): State<Context>,
    Segments((name, id)): Segments<(String, String)>,
    Parameters(Nothing {}): Parameters<Nothing>,
) -> Result<Cached<Json<AccumulatorAnswer>>, Refusal> {
    let (name, id) = (BlockName::parse(&name)?, namespace(&id)?);
    let answer = context
        .read(move |reader| {
            let header = reader.header(name)?;
            let proof = reader.accumulator(&header, id)?;
            Ok(AccumulatorAnswer {
                height: header.height,
                namespace: id,
                proof,
            })
        })
        .await?;
    Ok(Cached(Json(answer), name.is_fixed()))
}

pub(super) async fn history(
    State(context): State<Context>,
    Segments(id): Segments<String>,
    Parameters(range): Parameters<Range>,
) -> Result<Cached<Json<NamespacePage>>, Refusal> {
    let id = namespace(&id)?;
    let page = context.read(move |reader| page(reader, id, &range)).await?;
    Ok(Cached(Json(page), false))
}

fn page(reader: &Reader, id: NamespaceId, range: &Range) -> Result<NamespacePage, Refusal> {
    if range.from_epoch < Epoch::FIRST {
        return Err(Refusal::invalid(
            "from_epoch must be at least 1: epochs begin there",
        ));
    }
    let heights = range.heights(reader.served, reader.bounds().page_blocks)?;
    reader.has_index(heights.first)?;
    let mut proofs = Proofs(range.proof.then_some(range.from_epoch));
    let limit = usize::try_from(heights.limit).map_err(Refusal::internal)?;
    let found = reader
        .storage()
        .namespace_blocks(id, heights.first, limit)?;
    let is_all = found.len() < limit;
    let mut blocks = Vec::new();
    let mut next = heights.first;
    let mut bytes = 0;
    for (height, leaf) in found {
        if height > heights.last || bytes >= u64::from(reader.bounds().page_bytes) {
            let ends_here = height > heights.last;
            next = if ends_here { heights.last.next() } else { next };
            return Ok(NamespacePage {
                blocks,
                next,
                more: next <= reader.served,
            });
        }
        let block = reader.namespace_block(height, id, proofs)?;
        // Whoever reads them in order needs the steps between two epochs once.
        proofs = Proofs(reached(block.finality.as_ref()));
        blocks.push(block);
        bytes += leaf.byte_len;
        next = height.next();
    }
    if is_all {
        next = heights.last.next();
    }
    Ok(NamespacePage {
        blocks,
        next,
        more: next <= reader.served,
    })
}
