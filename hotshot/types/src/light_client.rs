//! What the light-client contract is handed to believe a certificate of finality.
//!
//! The contract stores a committee's commitment only. It takes the sum of all keys from whoever
//! calls, subtracts those of the members that did not sign, and so needs these, proven, and no
//! others.

use crate::{
    Committee, FinalityCertificate, Hash, Signers, Stake, View,
    bls::{PointG1, sum_g1, sum_g2},
};

/// Members of a committee, proven against the root in its commitment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MembersProof {
    /// By rising index, [`Self::RECORD`] bytes each: index (2 bytes), weight (8), G1 half (96, x and y).
    pub records: Vec<u8>,
    /// For each node with members below it, in post-order (left, right, itself): its child without
    /// members, if it has one. Padding is sent too.
    pub siblings: Vec<Hash>,
}

impl MembersProof {
    /// Bytes of a member.
    pub const RECORD: usize = 106;

    /// Proves the members in the set; none if the set is of another size than the committee.
    #[must_use]
    pub fn of(committee: &Committee, members: &Signers) -> Option<Self> {
        if members.committee_len() != committee.len() {
            return None;
        }
        let mut records = Vec::with_capacity(members.count() * Self::RECORD);
        for index in members.iter() {
            let member = committee.member(index)?;
            records.extend_from_slice(&index.0.to_be_bytes());
            records.extend_from_slice(&member.weight.to_be_bytes());
            records.extend_from_slice(&member.key.point_g1().packed());
        }
        let known: Vec<usize> = members.iter().map(|index| index.position()).collect();
        let levels = committee.levels();
        let mut siblings = Vec::new();
        lacking(&levels, levels.len() - 1, 0, &known, &mut siblings);
        Some(Self { records, siblings })
    }
}

/// Collects what is not known below the node at a level and position, whose leaves `known` are.
fn lacking(
    levels: &[Vec<Hash>],
    level: usize,
    position: usize,
    known: &[usize],
    to: &mut Vec<Hash>,
) {
    let Some(below) = level.checked_sub(1) else {
        return;
    };
    let (left, right) = (2 * position, 2 * position + 1);
    let (lefts, rights) = known.split_at(known.partition_point(|leaf| leaf >> below < right));
    for (child, leaves) in [(left, lefts), (right, rights)] {
        if !leaves.is_empty() {
            lacking(levels, below, child, leaves, to);
        }
    }
    match (lefts.is_empty(), rights.is_empty()) {
        (true, false) => to.push(levels[below][left]),
        (false, true) => to.push(levels[below][right]),
        _ => {}
    }
}

/// The arguments of the contract's `update` that stand for a certificate of finality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractCertificate {
    /// The view that was voted in.
    pub view: View,
    /// How many members the committee has.
    pub size: usize,
    /// The sum of their weights.
    pub total: Stake,
    /// The sum of their G1 halves.
    pub sum: PointG1,
    /// The root over them.
    pub root: Hash,
    /// The sum of the signatures, x and y.
    pub signature: [u8; 96],
    /// The sum of the signers' G2 halves: x.c0, x.c1, y.c0, y.c1.
    pub signers: [u8; 192],
    /// Those who did not sign.
    pub absent: MembersProof,
}

impl ContractCertificate {
    /// The arguments for a certificate by a committee; none if the certificate's set of signers is of another size, or
    /// its signature is no point.
    #[must_use]
    pub fn of(certificate: &FinalityCertificate, committee: &Committee) -> Option<Self> {
        let absent = certificate.signers.complement();
        let signers = certificate
            .signers
            .iter()
            .filter_map(|index| Some(&committee.member(index)?.key));
        Some(Self {
            view: certificate.round().view,
            size: committee.len(),
            total: committee.total(),
            sum: sum_g1(committee.members().iter().map(|member| &member.key)),
            root: committee.root(),
            signature: certificate.signature.point()?.packed(),
            signers: sum_g2(signers).packed(),
            absent: MembersProof::of(committee, &absent)?,
        })
    }
}

#[cfg(test)]
mod tests;
