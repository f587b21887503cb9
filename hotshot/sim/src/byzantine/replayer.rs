//! Sends again what it has heard, to anybody and at any time, and makes things up: votes in other
//! names, in rounds of its fancy, certificates nobody signed.

use std::sync::Arc;

use hotshot_types::{Epoch, Message, Round, Signature, ValidatorIndex, View};

use super::{Behaviour, Den};
use crate::wire::{Mail, Wire};

/// Messages remembered; a new one replaces a random one.
const REMEMBERED: usize = 256;

#[derive(Default)]
pub(super) struct Replayer {
    heard: Vec<Wire>,
}

impl Replayer {
    /// A message of another round, or in another name. Its signature no longer fits.
    fn distorted(message: &Message, den: &mut Den<'_>) -> Option<Message> {
        let far = den.dice.pick(&[1, 2, 16, 1_000, View::MAX.0]);
        let other = |round: Round, dice: &mut crate::dice::Dice| {
            if dice.percent(70) {
                Round {
                    view: round.view.plus(far),
                    ..round
                }
            } else {
                Round {
                    epoch: Epoch(round.epoch.0.max(2) - 1).plus(far),
                    ..round
                }
            }
        };
        let name = ValidatorIndex::at(den.dice.index(den.identities + 2));
        match message {
            Message::Vote1(vote) => {
                let mut vote = vote.clone();
                if den.dice.percent(50) {
                    vote.statement.round = other(vote.statement.round, den.dice);
                    vote.signer = den.index(vote.statement.round.epoch)?;
                } else {
                    vote.signer = name;
                }
                Some(Message::Vote1(vote))
            }
            Message::Vote2(vote) => {
                let mut vote = vote.clone();
                vote.statement.round = other(vote.statement.round, den.dice);
                vote.signer = den.index(vote.statement.round.epoch)?;
                Some(Message::Vote2(vote))
            }
            Message::Timeout(timeout) => {
                let mut timeout = timeout.clone();
                timeout.round = other(timeout.round, den.dice);
                timeout.signer = den.index(timeout.round.epoch)?;
                Some(Message::Timeout(timeout))
            }
            Message::Quorum(qc) => {
                let mut qc = qc.clone();
                qc.statement.round = other(qc.statement.round, den.dice);
                Some(Message::Quorum(qc))
            }
            Message::Final(fc, _) => {
                let mut fc = fc.clone();
                fc.signature = Signature::ZERO;
                Some(Message::Final(fc, None))
            }
            Message::TimeoutCertificate(tc) => {
                let mut tc = tc.clone();
                tc.round = other(tc.round, den.dice);
                Some(Message::TimeoutCertificate(tc))
            }
            _ => None,
        }
    }
}

impl Behaviour for Replayer {
    fn incoming(&mut self, wire: &Wire, den: &mut Den<'_>) {
        if !matches!(wire, Wire::Message(_) | Wire::Slots { .. }) {
            return;
        }
        if self.heard.len() < REMEMBERED {
            self.heard.push(wire.clone());
        } else if den.dice.percent(30) {
            let place = den.dice.index(REMEMBERED);
            self.heard[place] = wire.clone();
        }
    }

    fn beat(&mut self, den: &mut Den<'_>) {
        for _ in 0..3 {
            if self.heard.is_empty() {
                return;
            }
            let wire = self.heard[den.dice.index(self.heard.len())].clone();
            let wire = match &wire {
                Wire::Message(message) if den.dice.percent(40) => {
                    Self::distorted(message, den).map_or(wire, Wire::Message)
                }
                _ => wire,
            };
            let others = den.others();
            let to = den.some(&others, 50);
            den.post(Mail {
                to,
                wire: Arc::new(wire),
                delay_ms: 0,
            });
        }
    }
}
