//! Blocks that follow all rules of the header, on whatever parent the forger likes.

use hotshot_types::{
    Epoch, Header, Kind, Proposal, Round, SealedHeader, TimestampMs, digest,
    header::{HEADER_VERSION, mix},
    mountain_range::MountainRange,
};

use super::Den;
use crate::{
    contents::Flavour,
    wire::{Wire, slots_of},
};

/// A well-formed block on `parent`, proposed in `round` by the forger; none if it does not know
/// the parent's ancestors.
pub(super) fn block(
    den: &mut Den<'_>,
    parent: &SealedHeader,
    round: Round,
    timestamp_ms: TimestampMs,
) -> Option<(SealedHeader, Option<bytes::Bytes>)> {
    let body = den
        .contents
        .make(den.dice, Flavour::Good, parent.ns_acc_root);
    let mut history = MountainRange::new();
    for header in den.stored.range(hotshot_types::Height(0), parent.hash())? {
        history.append(header.hash());
    }
    let height = parent.height.next();
    let epoch = Epoch::of(height, den.schedule.epoch_length);
    let reveal = den.sign(&digest::randomness(den.domain(), epoch, height));
    let header = Header {
        version: HEADER_VERSION,
        chain_domain: den.domain(),
        height,
        epoch,
        origin_view: round.view,
        proposer: den.index(epoch)?,
        parent_hash: parent.hash(),
        timestamp_ms: timestamp_ms.max(TimestampMs(parent.timestamp_ms.0 + 1)),
        l1_finalized: parent.l1_finalized,
        payload_len: body.payload_len,
        shard_root: body.shard_root,
        ns_root: body.ns_root,
        ns_acc_root: body.ns_acc_root,
        history_root: history.root(),
        next_committee: den.schedule.commitment(epoch.next()),
        randao_reveal: reveal,
        randao_mix: mix(parent.randao_mix, &reveal),
    };
    Some((header.seal(), body.inline))
}

/// The same proposal for a block with another payload on the same parent, signed anew.
pub(super) fn sibling(den: &mut Den<'_>, proposal: &Proposal) -> Option<(Proposal, SealedHeader)> {
    if proposal.kind == Kind::Repropose {
        return None;
    }
    let parent = den
        .stored
        .headers
        .get(&proposal.header.parent_hash)?
        .clone();
    let body = den
        .contents
        .make(den.dice, Flavour::Good, parent.ns_acc_root);
    let header = Header {
        payload_len: body.payload_len,
        shard_root: body.shard_root,
        ns_root: body.ns_root,
        ns_acc_root: body.ns_acc_root,
        ..proposal.header.clone()
    }
    .seal();
    let signature = den.sign_proposal(proposal.round, proposal.kind, &header);
    let proposal = Proposal {
        header: header.header().clone(),
        payload: body.inline,
        signature,
        ..proposal.clone()
    };
    Some((proposal, header))
}

/// Sends each of these validators its slots of a forged block.
pub(super) fn disperse(den: &mut Den<'_>, header: &SealedHeader, to: &[usize]) {
    if crate::contents::is_inline(header) {
        return;
    }
    for member in to {
        let wire = Wire::Slots {
            hash: header.hash(),
            owners: slots_of(*member) | slots_of(den.identity),
        };
        den.send(vec![*member], wire);
    }
}
