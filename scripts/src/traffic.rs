//! What rollups send: their transactions, and who submits them.

pub(crate) mod files;
pub(crate) mod load;
pub(crate) mod rollup;

use bytes::Bytes;
use da::NamespaceId;

/// A rollup with its transactions.
pub(crate) struct Rollup {
    /// Its namespace: a rollup's chain id.
    pub(crate) namespace: NamespaceId,
    /// What it sends, in order; may have no end.
    pub(crate) transactions: Box<dyn Iterator<Item = Bytes> + Send>,
}

/// A namespace from a number that is not zero.
pub(crate) fn namespace(id: u64) -> anyhow::Result<NamespaceId> {
    NamespaceId::new(id).ok_or_else(|| anyhow::anyhow!("namespace 0 is reserved"))
}
