//! Leads with headers in which one field is not what the rules say, or is at the edge of them.

use hotshot_types::{
    Hash, Header, L1Block, Message, Proposal, SealedHeader, Signature, TimestampMs, ValidatorIndex,
    View,
};

use super::{Behaviour, Den};
use crate::{
    plan::Plan,
    wire::{Mail, Wire},
};

pub(super) struct Mangler;

fn mangle(header: &Header, den: &mut Den<'_>) -> SealedHeader {
    let mut header = header.clone();
    let later = header.timestamp_ms.0;
    match den.dice.below(12) {
        0 => header.proposer = ValidatorIndex::at(den.dice.index(den.identities)),
        1 => header.timestamp_ms = TimestampMs(later + den.dice.below(4 * den.timeout_ms)),
        2 => header.timestamp_ms = TimestampMs(later.saturating_sub(100_000)),
        3 => header.timestamp_ms = TimestampMs(later + 10_000_000),
        // An L1 block that nobody, or hardly anybody, has seen finalized.
        4 => header.l1_finalized = Plan::l1_block(header.l1_finalized.number + 1_000_000),
        5 => header.l1_finalized = Plan::l1_block(header.l1_finalized.number + den.dice.below(60)),
        6 => {
            header.l1_finalized = L1Block {
                hash: Hash([9; 32]),
                ..header.l1_finalized
            }
        }
        7 => header.history_root = Hash([1; 32]),
        8 => header.next_committee = Hash([2; 32]),
        9 => header.randao_reveal = Signature([3; 48]),
        10 => header.randao_mix = Hash([4; 32]),
        _ => header.origin_view = View(header.origin_view.0.saturating_sub(1)),
    }
    header.seal()
}

impl Behaviour for Mangler {
    fn outgoing(&mut self, mail: Mail, den: &mut Den<'_>) {
        let wire = mail.wire.clone();
        let Wire::Message(Message::Proposal(proposal)) = wire.as_ref() else {
            den.post(mail);
            return;
        };
        let header = mangle(&proposal.header, den);
        let mangled = Proposal {
            signature: den.sign_proposal(proposal.round, proposal.kind, &header),
            header: header.header().clone(),
            ..Proposal::clone(proposal)
        };
        super::forge::disperse(den, &header, &mail.to);
        den.tell(mail.to, Message::Proposal(Box::new(mangled)));
    }
}
