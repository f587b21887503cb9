//! Where a reader of a namespace stopped, with all that it needs to go on: nothing is read or proven again.

use da::{AccumulatorEntry, NamespaceId};
use hotshot_types::{Height, finality::Trust};
use serde::{Deserialize, Serialize};

use crate::{Checkpoint, Follower, TrustError};

/// The one version of the file there is.
pub const CURSOR_VERSION: u32 = 1;

/// Why a cursor can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// A file of a later or unknown format.
    #[error("cursor version {0} is unknown; this program reads version {CURSOR_VERSION}")]
    Version(u32),
    /// It belongs to another namespace.
    #[error("the cursor is of namespace {found}, not of {asked}")]
    Namespace {
        /// The namespace that is to be read.
        asked: NamespaceId,
        /// The cursor's.
        found: NamespaceId,
    },
    /// What it trusts is no committee.
    #[error(transparent)]
    Trust(#[from] TrustError),
}

/// A verified position in a namespace, as JSON. Whoever uses it trusts whoever wrote it, as with a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cursor {
    /// [`CURSOR_VERSION`].
    pub version: u32,
    /// The namespace.
    pub namespace: NamespaceId,
    /// Everything up to this height was read.
    pub height: Height,
    /// The summary of the namespace's blocks up to there.
    pub entry: AccumulatorEntry,
    /// The committee to verify on with.
    pub checkpoint: Checkpoint,
}

impl Cursor {
    /// The cursor of a reader.
    #[must_use]
    pub fn new(follower: &Follower, trust: &Trust) -> Self {
        Self {
            version: CURSOR_VERSION,
            namespace: follower.namespace(),
            height: follower.height(),
            entry: follower.entry(),
            checkpoint: Checkpoint::of(trust),
        }
    }

    /// Where to go on, provided that it is this namespace.
    ///
    /// # Errors
    /// Another version or namespace.
    pub fn follower(&self, namespace: NamespaceId) -> Result<Follower, CursorError> {
        if self.version != CURSOR_VERSION {
            return Err(CursorError::Version(self.version));
        }
        if self.namespace != namespace {
            return Err(CursorError::Namespace {
                asked: namespace,
                found: self.namespace,
            });
        }
        Ok(Follower::resume(namespace, self.height, self.entry))
    }

    /// What to verify with.
    ///
    /// # Errors
    /// A committee that is none.
    pub fn trust(&self) -> Result<Trust, CursorError> {
        Ok(self.checkpoint.clone().trust()?)
    }
}
