//! Answering a validator that asks what was seen of its own key (K3, K4).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use hotshot::{Announcement, Register};
use hotshot_types::{Hash, PublicKey, codec};
use libp2p::PeerId;
use tokio::sync::{mpsc, oneshot};

use super::{
    clock::Clock, consensus::Fact, directory::Directory, heard::Heard, watch, wire::Watched,
};

/// What this node has seen of other validators' keys.
pub(super) struct Lookout {
    domain: Hash,
    clock: Clock,
    directory: Arc<Directory>,
    heard: Arc<Heard>,
    facts: mpsc::Sender<Fact>,
    register: Mutex<Register>,
}

impl Lookout {
    pub(super) fn new(
        domain: Hash,
        clock: Clock,
        directory: Arc<Directory>,
        heard: Arc<Heard>,
        facts: mpsc::Sender<Fact>,
    ) -> Self {
        Self {
            domain,
            clock,
            directory,
            heard,
            facts,
            register: Mutex::default(),
        }
    }

    /// The reply to a validator; none for anybody else, or for a false announcement.
    pub(super) async fn answer(
        &self,
        peer: PeerId,
        announcement: Option<Announcement>,
    ) -> Option<Bytes> {
        let key = self.directory.sender(peer).key?;
        let other = match announcement {
            None => self.register().newest(self.clock.now(), &key),
            Some(announcement) => self.announce(key, announcement).await?,
        };
        let watched = Watched {
            other,
            newest: self.heard.newest(&key),
            status: self.status().await,
        };
        Some(codec::encode(&watched).into())
    }

    async fn announce(
        &self,
        key: PublicKey,
        announcement: Announcement,
    ) -> Option<Option<(Announcement, u64)>> {
        if !self.register().knows(&key, &announcement) {
            let domain = self.domain;
            let verified = tokio::task::spawn_blocking(move || {
                watch::is_announced(domain, &key, &announcement)
            });
            if !verified.await.unwrap_or(false) {
                return None;
            }
        }
        let now = self.clock.now();
        Some(self.register().announce(now, &key, announcement))
    }

    fn register(&self) -> std::sync::MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn status(&self) -> Option<hotshot_types::Status> {
        let (answer, status) = oneshot::channel();
        self.facts.send(Fact::Status(answer)).await.ok()?;
        status.await.ok()
    }
}
