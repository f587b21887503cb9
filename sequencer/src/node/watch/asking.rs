//! One task a peer that asks it again and again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use hotshot::Announcement;
use hotshot_types::{PublicKey, codec};
use libp2p::PeerId;
use tokio::sync::{mpsc, watch};

use crate::{
    network::Network,
    node::{
        directory::Directory,
        wire::{self, Request, Watched},
    },
};

/// Pause before a peer that did not answer is asked again, while the answer is urgent.
const RETRY: Duration = Duration::from_millis(40);
/// Points for an answer that is not what was asked for.
const FALSE_ANSWER: u32 = 50;

/// What is asked of all peers now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Question {
    pub(super) announcement: Option<Announcement>,
    /// Whether the key waits for the answer.
    pub(super) is_urgent: bool,
}

/// What a member answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) member: PublicKey,
    /// What it was told.
    pub(super) to: Option<Announcement>,
    pub(super) watched: Watched,
}

/// Every other validator that is asked, until the network stops. Bounded by the committees.
pub(super) struct Everybody {
    question: watch::Receiver<Question>,
    answers: mpsc::Sender<Answer>,
    period: Duration,
    asked: BTreeSet<PeerId>,
}

impl Everybody {
    pub(super) fn new(
        question: watch::Receiver<Question>,
        answers: mpsc::Sender<Answer>,
        period: Duration,
    ) -> Self {
        Self {
            question,
            answers,
            period,
            asked: BTreeSet::new(),
        }
    }

    /// Asks those, too, who have come into a committee.
    pub(super) fn extend(&mut self, network: &Network, directory: &Arc<Directory>) {
        for peer in directory.peers() {
            if !self.asked.insert(peer.id) {
                continue;
            }
            let asking = Asking {
                network: network.clone(),
                peer: peer.id,
                directory: Arc::clone(directory),
                period: self.period,
            };
            tokio::spawn(asking.run(self.question.clone(), self.answers.clone()));
        }
    }
}

struct Asking {
    network: Network,
    peer: PeerId,
    directory: Arc<Directory>,
    period: Duration,
}

impl Asking {
    async fn run(self, mut question: watch::Receiver<Question>, answers: mpsc::Sender<Answer>) {
        loop {
            let asked = *question.borrow_and_update();
            let answer = self.ask(asked.announcement).await;
            let pause = match answer {
                None if asked.is_urgent => RETRY,
                _ => self.period,
            };
            if let (Some(watched), Some(member)) = (answer, self.directory.sender(self.peer).key) {
                let answer = Answer {
                    member,
                    to: asked.announcement,
                    watched,
                };
                if answers.send(answer).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                changed = question.changed() => if changed.is_err() {
                    return;
                },
            }
        }
    }

    async fn ask(&self, announcement: Option<Announcement>) -> Option<Watched> {
        let frame = Bytes::from(codec::encode(&Request::Watch(announcement)));
        let limit = self.period.max(Duration::from_secs(1));
        let reply = self.network.request(self.peer, frame, limit).await.ok()?;
        let watched = match wire::body_of(&reply) {
            Ok(None) => return None,
            Ok(Some(body)) => codec::decode(&body).ok(),
            Err(_) => None,
        };
        if watched.is_none() {
            self.network
                .blame(self.peer, FALSE_ANSWER, "a false answer about our key");
        }
        watched
    }
}
