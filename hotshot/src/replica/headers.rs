//! P3: what a voter requires of a proposed header.

use hotshot_types::{
    Epoch, Hash, Header, Kind, Round, SealedHeader, TimestampMs,
    header::{HEADER_VERSION, mix},
};

use super::Replica;
use crate::{l1::Opinion, rounds::Proposed};

/// The verdict of P3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderCheck {
    /// All is right.
    Right,
    /// Right from this time on.
    WaitUntil(TimestampMs),
    /// Something is not known yet that will be told: an L1 block, a committee, the parent.
    Wait,
    /// Wrong for ever.
    Wrong,
}

impl Replica {
    /// The largest lead of a header's timestamp over this node's clock (P3).
    fn allowance_ms(&self) -> u64 {
        (self.config.view_timeout_ms / 4).min(500)
    }

    pub(super) fn check_header(&self, round: Round, proposed: &Proposed) -> HeaderCheck {
        match proposed.kind {
            Kind::Fresh => self.check_fresh(round, &proposed.header),
            Kind::Repropose => self.check_reproposed(round, &proposed.header),
        }
    }

    fn check_reproposed(&self, round: Round, header: &SealedHeader) -> HeaderCheck {
        let origin = Round {
            view: header.origin_view,
            ..round
        };
        let right = header.version == HEADER_VERSION
            && header.chain_domain == self.config.domain
            && header.epoch == round.epoch
            && self.is_last_of_epoch(header.height)
            && header.origin_view < round.view
            && Some(header.proposer) == self.leader(origin);
        if right {
            HeaderCheck::Right
        } else {
            HeaderCheck::Wrong
        }
    }

    fn check_fresh(&self, round: Round, header: &SealedHeader) -> HeaderCheck {
        let Some(block) = self.chain.get(header.parent_hash) else {
            return HeaderCheck::Wait;
        };
        let parent = &block.header;
        let right = header.version == HEADER_VERSION
            && header.chain_domain == self.config.domain
            && header.height == parent.height.next()
            && header.epoch == round.epoch
            && Epoch::of(header.height, self.config.epoch_length) == round.epoch
            && header.origin_view == round.view
            && Some(header.proposer) == self.leader(round)
            && header.timestamp_ms > parent.timestamp_ms
            && header.payload_len <= self.config.max_payload_bytes
            && header.history_root == block.history.root()
            && header.randao_mix == mix(parent.randao_mix, &header.randao_reveal);
        if !right {
            return HeaderCheck::Wrong;
        }
        match self.next_committee(parent, round.epoch) {
            None => return HeaderCheck::Wait,
            Some(expected) if expected != header.next_committee => return HeaderCheck::Wrong,
            Some(_) => {}
        }
        if header.l1_finalized != parent.l1_finalized {
            match self.l1.judge(header.l1_finalized, parent.l1_finalized) {
                Opinion::Agrees => {}
                Opinion::Unknown => return HeaderCheck::Wait,
                Opinion::Contradicts => return HeaderCheck::Wrong,
            }
        }
        let latest = self
            .now
            .plus(self.allowance_ms())
            .max(parent.timestamp_ms.next());
        if header.timestamp_ms > latest {
            let lead = header.timestamp_ms.above(latest);
            return HeaderCheck::WaitUntil(self.now.plus(lead));
        }
        HeaderCheck::Right
    }

    /// The parent's inside an epoch; computed for its first block.
    pub(super) fn next_committee(&self, parent: &Header, epoch: Epoch) -> Option<Hash> {
        if parent.epoch == epoch {
            Some(parent.next_committee)
        } else {
            Some(self.committee_of(epoch.next())?.commitment())
        }
    }
}
