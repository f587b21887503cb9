//! The watch over this node's own key: it gives the state machine leave to sign, or ends the node.
//!
//! Before the first signature peers are asked what they have seen of the key (K4). If that is more
//! than the safety record accounts for, or the record was lost to begin with, the key signs
//! nothing before the epoch that a quorum's certificates allow (K3). While the node runs the
//! question is repeated, so that another process with the same key is noticed.

mod asking;
mod checks;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hotshot::{Announcement, Input, Other, Recall, Standing, Vigil};
use hotshot_types::{Committee, Epoch, Hash, PublicKey, SecretKey, Signer as _, TimestampMs};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until},
};

pub(super) use self::checks::is_announced;
use self::checks::{Checks, Seen};
use super::{
    NodeError,
    clock::Clock,
    consensus::{Fact, Position},
    directory::Directory,
    roster::{Roster, Seats},
};
use crate::{
    keys,
    network::Network,
    storage::{Durability, Storage},
};

/// Answers that wait to be looked at.
const MAX_ANSWERS: usize = 64;

/// What keeps the key from signing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Leave {
    /// Nothing.
    #[default]
    Given,
    /// Peers are being asked for the key's newest signatures (K4).
    Watching,
    /// The record is lost; peers are being asked how far the chain is (K3).
    Recalling,
    /// The record is lost; nothing is signed before this epoch (K3).
    From(Epoch),
}

/// What this node knows of its key when it starts.
#[derive(Clone, Debug)]
pub(super) struct Duty {
    /// Its record; an unused one if it is lost.
    pub(super) standing: Standing,
    /// Whether the record is lost and no epoch for the return is known.
    pub(super) is_lost: bool,
}

/// What the watch works with.
pub(super) struct Parts {
    pub(super) key: SecretKey,
    pub(super) duty: Duty,
    pub(super) domain: Hash,
    pub(super) epoch_length: u64,
    pub(super) view_timeout_ms: u64,
    pub(super) roster: Arc<Roster>,
    pub(super) clock: Clock,
    pub(super) storage: Storage,
    pub(super) network: Network,
    pub(super) directory: Arc<Directory>,
    pub(super) facts: mpsc::Sender<Fact>,
    pub(super) position: watch::Receiver<Position>,
    pub(super) leave: watch::Sender<Leave>,
}

enum Phase {
    /// K4: what do peers know? Nothing is announced yet, so that a copy of older data does not
    /// drive out who rightly holds the key.
    Look(Vigil),
    /// K4, before the first signature: announced, and waiting for others to notice.
    Vigil(Vigil),
    /// K3: how far is the chain?
    Recall(Recall),
    /// K3: until this epoch.
    Wait(Epoch),
    /// The key signs.
    Duty,
}

/// Runs until the node stops.
///
/// # Errors
/// Another process holds the key, or the disk refused.
pub(super) async fn run(parts: Parts) -> Result<(), NodeError> {
    let own = parts.key.public_key();
    let (questions, question) = watch::channel(asking::Question::default());
    let (answers, mut inbox) = mpsc::channel(MAX_ANSWERS);
    let period = Duration::from_millis(parts.view_timeout_ms.max(50));
    let roster = Arc::clone(&parts.roster);
    let committees: checks::Committees = Arc::new(move |epoch| roster.committee(epoch));
    let mut everybody = asking::Everybody::new(question, answers, period);
    everybody.extend(&parts.network, &parts.directory);
    let mut position = parts.position.clone();
    let mut watch = Watch {
        own,
        checks: Checks::new(parts.domain, own, committees),
        standing: parts.duty.standing.clone(),
        phase: Phase::Duty,
        announced: None,
        asked: parts.roster.newest(),
        known_run: 0,
        baseline: BTreeMap::new(),
        questions,
        period,
        parts,
    };
    watch.begin().await?;
    loop {
        watch.go_on().await?;
        everybody.extend(&watch.parts.network, &watch.parts.directory);
        let deadline = watch.deadline();
        tokio::select! {
            answer = inbox.recv() => match answer {
                Some(answer) => watch.hear(answer).await?,
                None => return Ok(()),
            },
            changed = position.changed() => if changed.is_err() {
                return Ok(());
            },
            () = sleep_until(deadline) => {}
        }
    }
}

struct Watch {
    parts: Parts,
    own: PublicKey,
    checks: Checks,
    standing: Standing,
    phase: Phase,
    announced: Option<Announcement>,
    /// The committee that is waited for.
    asked: Arc<Committee>,
    /// The highest run of another process that was heard of.
    known_run: u64,
    /// The rounds that each member had seen signatures of when it was first asked.
    baseline: BTreeMap<[u8; PublicKey::LEN], checks::Rounds>,
    questions: watch::Sender<asking::Question>,
    period: Duration,
}

impl Watch {
    async fn begin(&mut self) -> Result<(), NodeError> {
        if self.parts.duty.is_lost {
            self.recall();
            Ok(())
        } else {
            self.wait(self.standing.from)
        }
    }

    /// K4: asks, without saying anything.
    fn look(&mut self) {
        self.announced = None;
        self.phase = Phase::Look(self.new_vigil());
        self.tell(Leave::Watching);
        self.ask(None, true);
    }

    fn new_vigil(&mut self) -> Vigil {
        self.asked = Arc::clone(&self.seats().committee);
        Vigil::new(
            self.parts.clock.now(),
            self.parts.view_timeout_ms,
            self.own,
            Arc::clone(&self.asked),
        )
    }

    /// The committee that votes now.
    fn seats(&self) -> Arc<Seats> {
        self.parts.roster.at_or_before(self.epoch())
    }

    /// K4: announces this run and asks.
    fn vigil(&mut self) -> Result<(), NodeError> {
        let run = self.parts.storage.begin_run(self.known_run)?;
        let id = Hash(*keys::entropy()?);
        let digest = Announcement::digest(self.parts.domain, run, id);
        let signature = self.parts.key.sign(&digest);
        let announcement = Announcement { run, id, signature };
        self.announced = Some(announcement);
        self.phase = Phase::Vigil(self.new_vigil());
        self.tell(Leave::Watching);
        self.ask(Some(announcement), true);
        Ok(())
    }

    /// K3: the record is lost. Nothing is announced until the key may sign again, so that a
    /// process that rightly holds it goes on.
    fn recall(&mut self) {
        self.announced = None;
        self.phase = Phase::Recall(Recall::default());
        self.tell(Leave::Recalling);
        self.ask(None, true);
    }

    fn wait(&mut self, from: Epoch) -> Result<(), NodeError> {
        self.standing.from = from;
        if self.epoch() >= from {
            self.look();
            return Ok(());
        }
        tracing::warn!(
            from = from.0,
            now = self.epoch().0,
            "this key signs nothing before epoch {from}: its safety record is lost or older than that"
        );
        self.phase = Phase::Wait(from);
        self.tell(Leave::From(from));
        self.ask(None, false);
        Ok(())
    }

    fn tell(&self, leave: Leave) {
        self.parts.leave.send_replace(leave);
    }

    fn ask(&self, announcement: Option<Announcement>, is_urgent: bool) {
        self.questions.send_replace(asking::Question {
            announcement,
            is_urgent,
        });
    }

    fn epoch(&self) -> Epoch {
        self.parts.position.borrow().round.epoch.max(Epoch::FIRST)
    }

    fn deadline(&self) -> Instant {
        match &self.phase {
            Phase::Vigil(vigil) if !vigil.is_over(self.parts.clock.now()) => {
                let until = self.parts.clock.instant_of(vigil.deadline());
                Instant::from_std(until).max(Instant::now() + Duration::from_millis(5))
            }
            _ => Instant::now() + self.period,
        }
    }

    /// What time, or the chain, or the answers so far allow.
    async fn go_on(&mut self) -> Result<(), NodeError> {
        let waits = matches!(self.phase, Phase::Look(_) | Phase::Vigil(_));
        if waits && self.seats().committee.members() != self.asked.members() {
            // Others vote now: it is they who have to be asked.
            self.look();
        }
        match &self.phase {
            Phase::Vigil(vigil) if vigil.is_over(self.parts.clock.now()) => {
                self.phase = Phase::Duty;
                self.ask(self.announced, false);
                self.tell(Leave::Given);
                let leave = Box::new(Input::Leave(self.standing.from));
                if self.parts.facts.send(Fact::Input(leave)).await.is_err() {
                    tracing::debug!("consensus has stopped");
                }
                tracing::info!("this key may sign");
                Ok(())
            }
            // So many have answered that nobody could sign usefully without one of them.
            Phase::Look(look) if look.is_over(TimestampMs(u64::MAX)) => self.vigil(),
            Phase::Recall(recall) => {
                let roster = &self.parts.roster;
                let from = recall.returns(&self.own, |epoch| {
                    roster.of(epoch).map(|seats| Arc::clone(&seats.committee))
                });
                let Some(from) = from else {
                    return Ok(());
                };
                let mut batch = self.parts.storage.batch();
                batch.put_return(from);
                // What was run before the loss is no news from here on.
                batch.put_run(self.parts.storage.run_number()?.max(self.known_run));
                self.parts.storage.commit(batch, Durability::Synced)?;
                self.wait(from)
            }
            Phase::Wait(from) if self.epoch() >= *from => self.wait(*from),
            _ => Ok(()),
        }
    }

    async fn hear(&mut self, answer: asking::Answer) -> Result<(), NodeError> {
        let asking::Answer {
            member,
            to,
            watched,
        } = answer;
        if to != self.announced {
            // It was given before this run was announced.
            return Ok(());
        }
        let wants_status = !matches!(self.phase, Phase::Wait(_) | Phase::Duty);
        let seen = self.checks.check(watched, wants_status).await;
        let others_lately = self.meet(&seen)?;
        let news = self.has_news(&member, &seen)?;
        match &mut self.phase {
            Phase::Look(vigil) | Phase::Vigil(vigil) => {
                if news {
                    return self.lose("peers have seen signatures that it does not account for");
                }
                vigil.answered(&member, others_lately);
            }
            Phase::Recall(recall) => {
                if let Some(status) = &seen.status {
                    let shown = hotshot::epoch_shown(status, self.parts.epoch_length);
                    recall.note(&member, shown);
                }
            }
            Phase::Wait(_) | Phase::Duty => {}
        }
        Ok(())
    }

    /// Another process that a peer has heard of; whether it was heard lately and is to step down.
    fn meet(&mut self, seen: &Seen) -> Result<bool, NodeError> {
        let Some((other, quiet_ms)) = seen.other else {
            return Ok(false);
        };
        let known = self.known_run.max(self.parts.storage.run_number()?);
        self.known_run = self.known_run.max(other.run);
        let Some(announced) = &self.announced else {
            if matches!(self.phase, Phase::Look(_)) && other.run > known {
                self.lose("the key was used later with other data")?;
            }
            return Ok(false);
        };
        match (announced.meets(&other), &self.phase) {
            (Some(Other::Twin), _) => Err(NodeError::Doppelganger(
                "its data directory was started twice",
            )),
            (Some(Other::Later), Phase::Duty) => Err(NodeError::Doppelganger(
                "one that was started later took over",
            )),
            (Some(Other::Later), _) => {
                self.lose("the key was used later with other data")?;
                Ok(false)
            }
            (Some(Other::Earlier), _) => Ok(u128::from(quiet_ms) < 2 * self.period.as_millis()),
            (None, _) => Ok(false),
        }
    }

    /// K4: whether a verified signature of the key is not this node's own. Where more and more of
    /// them appear while this node signs nothing, another process is alive.
    fn has_news(&mut self, member: &PublicKey, seen: &Seen) -> Result<bool, NodeError> {
        if matches!(self.phase, Phase::Duty) {
            return Ok(false);
        }
        let is_whole = matches!(self.phase, Phase::Look(_) | Phase::Vigil(_));
        let unknown: Vec<_> = seen
            .sightings
            .iter()
            .filter(|sighting| !is_whole || !self.standing.accounts_for(sighting))
            .filter(|sighting| self.checks.is_authentic(sighting))
            .collect();
        if unknown.is_empty() {
            return Ok(false);
        }
        let rounds = checks::rounds(&unknown);
        let known = self.baseline.entry(member.to_bytes()).or_insert(rounds);
        known.advanced |= rounds.is_above(known);
        let seats = self.seats();
        let members = seats.committee.members().iter();
        let stake: u128 = members
            .filter(|member| {
                let known = self.baseline.get(&member.key.to_bytes());
                known.is_some_and(|known| known.advanced)
            })
            .map(|member| u128::from(member.weight))
            .sum();
        if stake >= seats.committee.one_honest() {
            return Err(NodeError::Doppelganger("it is signing now"));
        }
        Ok(is_whole)
    }

    fn lose(&mut self, why: &str) -> Result<(), NodeError> {
        if !matches!(self.phase, Phase::Look(_) | Phase::Vigil(_)) {
            return Ok(());
        }
        tracing::error!(
            "the safety record of this key is lost: {why}. It signs nothing until the network \
             has passed the epochs in which it may have signed"
        );
        self.parts.storage.forget_record()?;
        self.standing.record = hotshot::Record::unused();
        self.recall();
        Ok(())
    }
}
