//! Headers and certificates as the light client takes them.

use hotshot_types::{Committee, FinalityCertificate, Header, light_client::ContractCertificate};

use crate::abi::{FixedBytes, SolCall as _, light_client as abi, word};

/// The part of a header that L1 reads.
#[must_use]
pub fn header(header: &Header) -> abi::Header {
    abi::Header {
        height: header.height.0,
        epoch: header.epoch.0,
        historyRoot: word(header.history_root),
        nextCommittee: word(header.next_committee),
        nsRoot: word(header.ns_root),
        nsAccRoot: word(header.ns_acc_root),
        timestampMs: header.timestamp_ms.0,
        l1Finalized: header.l1_finalized.number,
    }
}

/// What the ring of a light client keeps of a block.
#[must_use]
pub fn ring_entry(header: &Header) -> abi::RingEntry {
    abi::RingEntry {
        blockHash: word(header.hash()),
        historyRoot: word(header.history_root),
    }
}

/// A certificate of finality, with the committee that made it and a proof of those who did not sign. None if it is not
/// of that committee's size, or its signature is no point.
#[must_use]
pub fn certificate(
    certificate: &FinalityCertificate,
    committee: &Committee,
) -> Option<abi::Certificate> {
    let parts = ContractCertificate::of(certificate, committee)?;
    Some(abi::Certificate {
        viewNumber: parts.view.0,
        committee: abi::Committee {
            size: u64::try_from(parts.size).ok()?,
            total: parts.total,
            sum: abi::PackedG1 {
                words: words(&parts.sum.packed()),
            },
            root: word(parts.root),
        },
        signature: abi::PackedG1 {
            words: words(&parts.signature),
        },
        signers: abi::PackedG2 {
            words: words(&parts.signers),
        },
        absent: parts.absent.records.into(),
        siblings: parts.absent.siblings.into_iter().map(word).collect(),
    })
}

/// The call that stores a final block. None as for [`certificate`].
#[must_use]
pub fn update(
    block: &Header,
    proof: &FinalityCertificate,
    committee: &Committee,
) -> Option<Vec<u8>> {
    let call = abi::ILightClient::updateCall {
        header: header(block),
        restHash: word(block.rest_hash()),
        certificate: certificate(proof, committee)?,
    };
    Some(call.abi_encode())
}

fn words<const N: usize>(bytes: &[u8]) -> [FixedBytes<32>; N] {
    std::array::from_fn(|index| FixedBytes::from_slice(&bytes[32 * index..][..32]))
}
