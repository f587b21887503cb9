//! Messages of other epochs: what is older is answered, what is newer waits (V14, V15).

use hotshot_types::{Entry, Epoch, Justify, Message};

use super::Replica;
use crate::{Outbox, Output, Recipients, Sender, rounds::WINDOW_ABOVE};

/// Messages of the next epoch kept for one member.
const MAX_PARKED: usize = 64;

impl Replica {
    /// Sorts out what is not of this epoch: what is older is answered with the epoch's end, what
    /// is newer asks for ours and waits (V14, V15).
    pub(super) fn of_this_epoch(
        &mut self,
        sender: Sender,
        message: Message,
        outbox: &mut Outbox,
    ) -> Option<Message> {
        let round = match &message {
            Message::Proposal(proposal) => proposal.round,
            Message::Vote1(vote) => vote.round(),
            Message::Vote2(vote) => vote.round(),
            Message::Timeout(timeout) => timeout.round,
            Message::Quorum(qc) => qc.round(),
            Message::Final(fc, _) => fc.round(),
            Message::TimeoutCertificate(tc) => tc.round,
            Message::EpochEnd(end) => end.certificate.round(),
            Message::Status(status) => status.round,
            Message::Evidence(_) => return Some(message),
        };
        let epoch = self.epoch();
        if round.epoch < epoch {
            if matches!(message, Message::Timeout(_) | Message::Status(_)) {
                self.answer_old_epoch(&sender, round.epoch, outbox);
            }
            return None;
        }
        if round.epoch == epoch {
            return Some(message);
        }
        self.ask_for_epoch_end(outbox);
        let anchor = match &message {
            Message::Proposal(proposal) => match &proposal.justify {
                Justify::Anchor(fc) => fc.clone(),
                _ => None,
            },
            Message::Timeout(timeout) => match &timeout.entry {
                Entry::Anchor(fc) => fc.clone(),
                _ => None,
            },
            _ => None,
        };
        let lasts = !matches!(message, Message::Status(_) | Message::EpochEnd(_));
        if lasts && round.epoch == epoch.next() && round.view.0 <= WINDOW_ABOVE {
            self.park(sender, message);
        }
        let fc = anchor.filter(|fc| fc.round().epoch == epoch)?;
        Some(Message::Final(fc, None))
    }

    fn park(&mut self, sender: Sender, message: Message) {
        let next = self.epoch().next();
        // A proposal may be large, and only its leader's is of use.
        if let Message::Proposal(proposal) = &message {
            let leader = self
                .leader(proposal.round)
                .and_then(|leader| self.committee_of(next)?.member(leader));
            if leader.map(|leader| leader.key) != sender.key {
                return;
            }
        }
        let member = sender
            .key
            .and_then(|key| self.committee_of(next)?.index_of(&key));
        if let Some(member) = member {
            let parked = self.intake.parked.entry(member).or_default();
            if parked.len() >= MAX_PARKED {
                parked.pop_front();
            }
            parked.push_back((sender, message));
        }
    }

    /// A new epoch opened: what waited for it comes in again.
    pub(in crate::replica) fn readmit_parked(&mut self, outbox: &mut Outbox) {
        self.intake.waiting.clear();
        for (_, messages) in std::mem::take(&mut self.intake.parked) {
            for (sender, message) in messages {
                self.on_message(sender, message, outbox);
            }
        }
    }

    fn ask_for_epoch_end(&mut self, outbox: &mut Outbox) {
        let due = self
            .asked_epoch_end
            .is_none_or(|last| self.now >= last.plus(self.config.view_timeout_ms / 2));
        if due {
            self.asked_epoch_end = Some(self.now);
            outbox.push(Output::FetchEpochEnd(self.epoch()));
        }
    }

    /// V14, rate-limited. Only the newest end is at hand; a node further back fetches the others.
    /// Members of the epoch just ended may not be members of this one.
    fn answer_old_epoch(&mut self, sender: &Sender, behind: Epoch, outbox: &mut Outbox) {
        let (Some(end), Some(key)) = (self.record.anchor.clone(), sender.key) else {
            return;
        };
        let Some(place) = [self.epoch(), behind].into_iter().find_map(|epoch| {
            let index = self.committee_of(epoch)?.index_of(&key)?;
            Some((epoch, index))
        }) else {
            return;
        };
        let due = self
            .answered_epoch_end
            .get(&place)
            .is_none_or(|last| self.now >= last.plus(self.config.view_timeout_ms / 2));
        if due {
            self.answered_epoch_end.insert(place, self.now);
            outbox.push(Output::Send(
                Recipients::One(key),
                Box::new(Message::EpochEnd(Box::new(end))),
            ));
        }
    }
}
