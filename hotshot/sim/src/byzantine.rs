//! Byzantine nodes: an honest replica inside, and a behaviour that decides what leaves the node.
//!
//! Behaviours see everything their node sends and receives, share the keys of the whole
//! coalition, and own no honest key.

use hotshot_types::{Epoch, Hash, Kind, Message, Round, SealedHeader, Signature, ValidatorIndex};

use crate::{
    contents::{Contents, Flavour},
    dice::Dice,
    disk::Stored,
    keys::{self, Identity},
    schedule::Schedule,
    wire::{Mail, Wire},
};

mod bad_encoder;
mod ballot;
mod delayer;
mod equivocator;
mod forge;
mod mangler;
mod replayer;
mod silent;
mod stale_lock;
mod twin;
mod withholder;

/// The behaviours by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Conduct {
    Silent,
    Equivocator,
    Withholder,
    BadEncoder,
    Delayer,
    Replayer,
    Twin,
    StaleLock,
    Mangler,
}

impl Conduct {
    pub(crate) const ALL: [Self; 9] = [
        Self::Silent,
        Self::Equivocator,
        Self::Withholder,
        Self::BadEncoder,
        Self::Delayer,
        Self::Replayer,
        Self::Twin,
        Self::StaleLock,
        Self::Mangler,
    ];
}

/// A fresh state of a behaviour.
pub(crate) fn behaviour(conduct: Conduct) -> Box<dyn Behaviour> {
    match conduct {
        Conduct::Silent => Box::new(silent::Silent),
        Conduct::Equivocator => Box::<equivocator::Equivocator>::default(),
        Conduct::Withholder => Box::new(withholder::Withholder),
        Conduct::BadEncoder => Box::new(bad_encoder::BadEncoder),
        Conduct::Delayer => Box::new(delayer::Delayer),
        Conduct::Replayer => Box::<replayer::Replayer>::default(),
        Conduct::Twin => Box::new(twin::Twin),
        Conduct::StaleLock => Box::<stale_lock::StaleLock>::default(),
        Conduct::Mangler => Box::new(mangler::Mangler),
    }
}

/// How a Byzantine node differs from an honest one.
pub(crate) trait Behaviour {
    /// The replica inside wants this sent. What is posted instead is up to the behaviour.
    fn outgoing(&mut self, mail: Mail, den: &mut Den<'_>) {
        den.post(mail);
    }

    /// Something arrived; the replica inside gets it too.
    fn incoming(&mut self, _wire: &Wire, _den: &mut Den<'_>) {}

    /// A tenth of a second has passed.
    fn beat(&mut self, _den: &mut Den<'_>) {}

    /// What is wrong with the next payload it builds.
    fn flavour(&mut self, _dice: &mut Dice) -> Flavour {
        Flavour::Good
    }

    /// Whether it answers requests.
    fn is_serving(&self) -> bool {
        true
    }
}

/// What a behaviour may look at and use.
pub(crate) struct Den<'a> {
    pub(crate) identity: Identity,
    pub(crate) identities: usize,
    pub(crate) timeout_ms: u64,
    /// The identities whose keys may be used.
    pub(crate) coalition: &'a [Identity],
    pub(crate) stored: &'a Stored,
    pub(crate) dice: &'a mut Dice,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) contents: &'a mut Contents,
    /// What leaves the node.
    pub(crate) posted: Vec<Mail>,
}

impl Den<'_> {
    pub(crate) fn post(&mut self, mail: Mail) {
        self.posted.push(mail);
    }

    pub(crate) fn send(&mut self, to: Vec<Identity>, wire: Wire) {
        self.post(Mail::new(to, wire));
    }

    pub(crate) fn tell(&mut self, to: Vec<Identity>, message: Message) {
        self.send(to, Wire::Message(message));
    }

    /// Everybody else.
    pub(crate) fn others(&self) -> Vec<Identity> {
        (0..self.identities)
            .filter(|identity| *identity != self.identity)
            .collect()
    }

    /// A random part of a list, each with this chance.
    pub(crate) fn some(&mut self, of: &[Identity], percent: u64) -> Vec<Identity> {
        of.iter()
            .copied()
            .filter(|_| self.dice.percent(percent))
            .collect()
    }

    /// Splits everybody else in two; one node of ten is in both halves.
    pub(crate) fn halves(&mut self) -> (Vec<Identity>, Vec<Identity>) {
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for identity in self.others() {
            let is_both = self.dice.percent(10);
            let is_left = self.dice.percent(50);
            if is_left || is_both {
                left.push(identity);
            }
            if !is_left || is_both {
                right.push(identity);
            }
        }
        (left, right)
    }

    /// This node's index in the committee of an epoch.
    pub(crate) fn index(&self, epoch: Epoch) -> Option<ValidatorIndex> {
        let members = self.schedule.members(epoch);
        let position = members
            .iter()
            .position(|identity| *identity == self.identity)?;
        Some(ValidatorIndex::at(position))
    }

    pub(crate) fn domain(&self) -> Hash {
        self.schedule.domain
    }

    /// Signs with this node's key.
    pub(crate) fn sign(&self, digest: &Hash) -> Signature {
        assert!(
            self.coalition.contains(&self.identity),
            "an honest key can't be used"
        );
        keys::sign(self.identity, digest)
    }

    /// The leader's signature on a proposal (D1).
    pub(crate) fn sign_proposal(
        &self,
        round: Round,
        kind: Kind,
        header: &SealedHeader,
    ) -> Signature {
        let digest = hotshot_types::digest::proposal(
            self.domain(),
            round,
            kind,
            header.height,
            header.hash(),
        );
        self.sign(&digest)
    }

    /// The last block of the epoch before.
    pub(crate) fn anchor(&self, epoch: Epoch) -> Option<&SealedHeader> {
        let last = Epoch(epoch.0.checked_sub(1)?).last_height(self.schedule.epoch_length);
        let anchor = self.stored.chain.get(usize::try_from(last.0).ok()?)?;
        Some(anchor.as_ref())
    }
}
