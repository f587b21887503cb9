//! Whether a message is worth anything, and which signatures it rests on.

use hotshot_types::{
    Certificate, Committee, Entry, EpochEnd, Final, Lock, Message, Quorum, Round, Status, Timeout,
    TimeoutCertificate, ValidatorIndex, View, VoteKind, evidence::Evidence,
};

use super::{Open, Replica};
use crate::{Fault, Sender, rounds::WINDOW_ABOVE};

impl Replica {
    /// Whether a message of this epoch is worth anything, and which signatures it rests on.
    pub(super) fn inspect(
        &self,
        sender: &Sender,
        message: &mut Message,
        open: &mut Open,
    ) -> Result<bool, Fault> {
        match message {
            Message::Vote1(vote) => {
                self.inspect_signer(sender, vote.signer)?;
                Ok(self.in_window(vote.round()))
            }
            Message::Vote2(vote) => {
                self.inspect_signer(sender, vote.signer)?;
                Ok(self.in_window(vote.round()))
            }
            Message::Timeout(timeout) => self.inspect_timeout(sender, timeout, open),
            Message::Proposal(proposal) => self.inspect_proposal(sender, proposal, open),
            Message::Quorum(qc) => {
                let news = self.rounds.quorum(qc.round()).map(|known| known.statement)
                    != Some(qc.statement);
                self.inspect_quorum(qc, open)?;
                Ok(news && qc.round() >= self.window_start())
            }
            Message::Final(fc, qc) => {
                if let Some(qc) = qc {
                    self.inspect_quorum(qc, open)?;
                }
                self.inspect_final(fc, open)?;
                let known = self.rounds.finality(fc.round());
                let is_known = known.is_some_and(|known| known.statement == fc.statement);
                let is_old = fc.round() < self.round()
                    && self.chain.final_hash(fc.height()) == Some(fc.hash());
                Ok(!is_known && !is_old)
            }
            Message::TimeoutCertificate(tc) => {
                let known = self.rounds.timeout(tc.round);
                let is_known = known.is_some_and(|known| known.high.view() == tc.high.view());
                if tc.round < self.round() || is_known {
                    return Ok(false);
                }
                self.inspect_timeout_certificate(tc, open)?;
                Ok(true)
            }
            Message::EpochEnd(end) => self.inspect_epoch_end(end, open),
            Message::Status(status) => self.inspect_status(status, open),
            Message::Evidence(evidence) => self.inspect_evidence(evidence, open),
        }
    }

    pub(super) fn in_window(&self, round: Round) -> bool {
        round.view > View(0)
            && round >= self.window_start()
            && round.view <= self.round().view.plus(WINDOW_ABOVE)
    }

    pub(super) fn inspect_signer(
        &self,
        sender: &Sender,
        signer: ValidatorIndex,
    ) -> Result<(), Fault> {
        let member = self.committee().member(signer).map(|member| member.key);
        if member.is_some() && member == sender.key {
            Ok(())
        } else {
            Err(Fault::Impersonation)
        }
    }

    pub(super) fn inspect_quorum(
        &self,
        qc: &mut Certificate<Quorum>,
        open: &mut Open,
    ) -> Result<(), Fault> {
        let locked = match &self.record.lock {
            Lock::Quorum(lock) => Some(lock),
            Lock::Anchor => None,
        };
        let known = self.rounds.quorum(qc.round());
        if let Some(known) = [known, locked]
            .into_iter()
            .flatten()
            .find(|known| known.statement == qc.statement)
        {
            qc.clone_from(known);
            return Ok(());
        }
        self.inspect_certificate(qc, open)
    }

    pub(super) fn inspect_final(
        &self,
        fc: &mut Certificate<Final>,
        open: &mut Open,
    ) -> Result<(), Fault> {
        let known = self.rounds.finality(fc.round());
        if let Some(known) = [known, self.highest_final.as_ref()]
            .into_iter()
            .flatten()
            .find(|known| known.statement == fc.statement)
        {
            fc.clone_from(known);
            return Ok(());
        }
        self.inspect_certificate(fc, open)
    }

    fn inspect_certificate<K: VoteKind>(
        &self,
        certificate: &Certificate<K>,
        open: &mut Open,
    ) -> Result<(), Fault> {
        let committee = self.committee();
        certificate
            .check_shape(committee)
            .map_err(|_| Fault::Malformed("a certificate without a quorum of this epoch"))?;
        let key = certificate.cache_key();
        if !self.intake.remembered.contains(&key) {
            open.checks
                .push(certificate.check(self.config.domain, committee));
            open.keys.push(key);
        }
        Ok(())
    }

    pub(super) fn inspect_timeout_certificate(
        &self,
        tc: &mut TimeoutCertificate,
        open: &mut Open,
    ) -> Result<(), Fault> {
        let committee = self.committee();
        tc.check_shape(committee, self.anchor())
            .map_err(|_| Fault::Malformed("a timeout certificate without a quorum"))?;
        let key = tc.cache_key();
        if !self.intake.remembered.contains(&key) && self.rounds.timeout(tc.round) != Some(&*tc) {
            open.checks.extend(tc.checks(self.config.domain, committee));
            open.keys.push(key);
        }
        if let Lock::Quorum(qc) = &mut tc.high {
            self.inspect_quorum(qc, open)?;
        }
        Ok(())
    }

    fn inspect_timeout(
        &self,
        sender: &Sender,
        timeout: &mut Timeout,
        open: &mut Open,
    ) -> Result<bool, Fault> {
        self.inspect_signer(sender, timeout.signer)?;
        if let Lock::Quorum(qc) = &mut timeout.lock {
            if qc.round().epoch != timeout.round.epoch || qc.round().view > timeout.round.view {
                return Err(Fault::Malformed("a timeout with an impossible lock"));
            }
            self.inspect_quorum(qc, open)?;
        }
        // What does not open a round above ours is of no use.
        let current = self.round();
        match &mut timeout.entry {
            Entry::Quorum(qc) if qc.round() >= current => self.inspect_quorum(qc, open)?,
            Entry::Final(fc) if fc.round() >= current => self.inspect_final(fc, open)?,
            Entry::Timeout(tc) if tc.round >= current => {
                self.inspect_timeout_certificate(tc, open)?;
            }
            useless => *useless = Entry::Anchor(None),
        }
        Ok(true)
    }

    fn inspect_epoch_end(&self, end: &mut EpochEnd, open: &mut Open) -> Result<bool, Fault> {
        let certificate = &mut end.certificate;
        if certificate.hash() != end.header.hash()
            || certificate.height() != end.header.height
            || !self.is_last_of_epoch(end.header.height)
        {
            return Err(Fault::Malformed(
                "an epoch's end that is not its last block",
            ));
        }
        self.inspect_final(certificate, open)?;
        Ok(true)
    }

    fn inspect_status(&self, status: &mut Status, open: &mut Open) -> Result<bool, Fault> {
        if let Lock::Quorum(qc) = &mut status.lock {
            if qc.round().epoch == self.epoch() && qc.round() >= self.window_start() {
                self.inspect_quorum(qc, open)?;
            } else {
                status.lock = Lock::Anchor;
            }
        }
        let tip = self.chain.tip().height;
        let useful = status
            .finality
            .as_ref()
            .is_some_and(|fc| fc.round().epoch == self.epoch() && fc.height() > tip);
        match &mut status.finality {
            Some(fc) if useful => self.inspect_final(fc, open)?,
            finality => *finality = None,
        }
        Ok(true)
    }

    fn inspect_evidence(&self, evidence: &Evidence, open: &mut Open) -> Result<bool, Fault> {
        let Some(committee) = self.committee_of(evidence.epoch()) else {
            return Ok(false);
        };
        if !self.is_contradiction(evidence, committee) {
            return Err(Fault::Malformed("evidence of nothing"));
        }
        if !self.is_news(evidence) {
            return Ok(false);
        }
        open.checks
            .extend(evidence.checks(self.config.domain, committee));
        Ok(true)
    }

    fn is_contradiction(&self, evidence: &Evidence, committee: &Committee) -> bool {
        match evidence {
            // Two heights need the history between them, which only the contract is shown.
            Evidence::Fork(a, b) => {
                a.height() == b.height()
                    && a.hash() != b.hash()
                    && a.check_shape(committee).is_ok()
                    && b.check_shape(committee).is_ok()
            }
            _ => !evidence.guilty().is_empty(),
        }
    }
}
