//! Whose evidence is reported: a node's own, or that of nodes with a public API.

use hotshot_types::{
    Committee, Epoch, Hash, Header, Height, evidence::Evidence, finality::FinalityProof,
};
use sequencer_client::{
    ClientError,
    client::{Api, BlockId},
};

use crate::storage::{Storage, StorageError};

/// Pages that are read of one server at one look.
const MAX_PAGES: usize = 64;
/// Pieces of evidence that are read of the own database at one look.
const MAX_OWN: usize = 6_400;

/// Why a source does not answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The own database.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It does not know.
    #[error("it is not known there")]
    Unknown,
}

/// Where evidence comes from, and what is needed to report it.
#[derive(Clone, Debug)]
pub enum Source {
    /// The API of a node. Nothing that it says is believed.
    Api(Api),
    /// The node that reports.
    Own(Storage),
}

impl Source {
    /// For messages.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Api(api) => api.url(),
            Self::Own(_) => "this node",
        }
    }

    /// All evidence that it has, up to a bound.
    pub(super) async fn evidence(&self) -> Result<Vec<Evidence>, SourceError> {
        match self {
            Self::Api(api) => {
                let mut all = Vec::new();
                let mut after = None;
                for _ in 0..MAX_PAGES {
                    let page = api.evidence(after).await?;
                    all.extend(page.evidence);
                    // One that repeats itself is not asked again.
                    after = page.next.filter(|next| Some(*next) != after);
                    if after.is_none() {
                        break;
                    }
                }
                Ok(all)
            }
            Self::Own(storage) => read(storage, |own| own.evidence(None, MAX_OWN)).await,
        }
    }

    /// Who voted in an epoch.
    pub(super) async fn committee(&self, epoch: Epoch) -> Result<Committee, SourceError> {
        let committee = match self {
            Self::Api(api) => api.epoch(epoch).await?.committee,
            Self::Own(storage) => {
                let info = read(storage, move |own| own.epoch(epoch)).await?;
                let info = info.ok_or(SourceError::Unknown)?;
                info.committee.as_ref().clone()
            }
        };
        let is_asked_for = committee.epoch() == epoch;
        is_asked_for
            .then_some(committee)
            .ok_or(SourceError::Unknown)
    }

    /// The final block of a hash.
    pub(super) async fn header(&self, hash: Hash) -> Result<Header, SourceError> {
        let header = match self {
            Self::Api(api) => api.block(BlockId::Hash(hash)).await?.header,
            Self::Own(storage) => {
                let found = read(storage, move |own| match own.is_final(hash)? {
                    true => own.header_by_hash(hash),
                    false => Ok(None),
                });
                let found = found.await?.ok_or(SourceError::Unknown)?;
                found.header().clone()
            }
        };
        let is_asked_for = header.hash() == hash;
        is_asked_for.then_some(header).ok_or(SourceError::Unknown)
    }

    /// What proves its block at a height final, from an epoch on.
    pub(super) async fn finality(
        &self,
        height: Height,
        from: Epoch,
    ) -> Result<FinalityProof, SourceError> {
        match self {
            Self::Api(api) => Ok(api.finality(BlockId::Height(height), from).await?),
            Self::Own(storage) => {
                let proof = read(storage, move |own| own.finality_proof(from, height)).await?;
                proof.ok_or(SourceError::Unknown)
            }
        }
    }
}

/// Reads off this thread.
async fn read<T: Send + 'static>(
    storage: &Storage,
    read: impl FnOnce(&Storage) -> Result<T, StorageError> + Send + 'static,
) -> Result<T, SourceError> {
    let storage = storage.clone();
    let answer = tokio::task::spawn_blocking(move || read(&storage)).await;
    Ok(answer.map_err(|_| SourceError::Unknown)??)
}
