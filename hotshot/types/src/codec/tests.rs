use std::fmt::Debug;

use proptest::{prelude::*, sample::Index};
use serde::{Serialize, de::DeserializeOwned};

use super::*;
use crate::{
    Committee, Evidence, FinalityCertificate, GenesisDocument, Header, Message, QuorumCertificate,
    Signers, TimeoutCertificate,
    finality::{EpochStep, FinalityProof},
    mountain_range::{HeaderProof, MountainRange},
    vectors::sample,
};

/// Encodings of one or more values of each type that is decoded from outside.
struct Samples {
    messages: Vec<Vec<u8>>,
    evidence: Vec<Vec<u8>>,
    header: Vec<u8>,
    quorum: Vec<u8>,
    timeout: Vec<u8>,
    committee: Vec<u8>,
    genesis: Vec<u8>,
    proof: Vec<u8>,
}

fn samples() -> &'static Samples {
    static SAMPLES: std::sync::OnceLock<Samples> = std::sync::OnceLock::new();
    SAMPLES.get_or_init(|| Samples {
        messages: sample::messages()
            .iter()
            .map(|(_, message)| encode(message))
            .collect(),
        evidence: sample::evidence()
            .iter()
            .map(|(_, evidence)| encode(evidence))
            .collect(),
        header: encode(&sample::header()),
        quorum: encode(&sample::quorum_certificate(6)),
        timeout: encode(&sample::timeout_certificate()),
        committee: encode(&*sample::sample_committee()),
        genesis: encode(&sample::genesis()),
        proof: encode(&finality_proof()),
    })
}

fn finality_proof() -> FinalityProof {
    FinalityProof {
        steps: vec![EpochStep {
            header: sample::header(),
            certificate: sample::finality_certificate(6),
            members: Some(sample::members(&[1])),
        }],
        certified: sample::header(),
        certificate: sample::finality_certificate(7),
        ancestor: Some((sample::header(), header_proof())),
    }
}

fn header_proof() -> HeaderProof {
    HeaderProof {
        height: crate::Height(3),
        count: 7,
        path: vec![],
        peaks: vec![sample::named("a"), sample::named("b")],
    }
}

/// Decodes as every type; whatever succeeds must encode to the same bytes.
fn assert_canonical(bytes: &[u8]) {
    fn check<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) {
        if let Ok(value) = decode::<T>(bytes) {
            assert_eq!(encode(&value), bytes, "{}", std::any::type_name::<T>());
        }
    }
    check::<Message>(bytes);
    check::<Evidence>(bytes);
    check::<Header>(bytes);
    check::<QuorumCertificate>(bytes);
    check::<FinalityCertificate>(bytes);
    check::<TimeoutCertificate>(bytes);
    check::<Committee>(bytes);
    check::<GenesisDocument>(bytes);
    check::<FinalityProof>(bytes);
    check::<EpochStep>(bytes);
    check::<HeaderProof>(bytes);
    check::<MountainRange>(bytes);
    check::<Signers>(bytes);
}

fn any_sample() -> impl Strategy<Value = Vec<u8>> {
    let samples = samples();
    let mut all: Vec<Vec<u8>> = [&samples.messages[..], &samples.evidence[..]].concat();
    all.extend([
        samples.header.clone(),
        samples.quorum.clone(),
        samples.timeout.clone(),
        samples.committee.clone(),
        samples.genesis.clone(),
        samples.proof.clone(),
    ]);
    proptest::sample::select(all)
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        assert_canonical(&bytes);
    }

    #[test]
    fn a_changed_encoding_is_refused_or_another_value(
        bytes in any_sample(), at: Index, byte: u8
    ) {
        let mut bytes = bytes;
        let at = at.index(bytes.len());
        bytes[at] = byte;
        assert_canonical(&bytes);
    }

    #[test]
    fn a_cut_spliced_or_extended_encoding_is_refused_or_another_value(
        bytes in any_sample(), from: Index, len in 0..80_usize, insert: Vec<u8>
    ) {
        let mut bytes = bytes;
        let from = from.index(bytes.len());
        let to = bytes.len().min(from + len);
        bytes.splice(from..to, insert);
        assert_canonical(&bytes);
    }
}

fn survives<T>(value: &T)
where
    T: BorshSerialize + BorshDeserialize + PartialEq + Debug,
{
    let bytes = encode(value);
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
    for len in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..len]).is_err(), "cut at {len}");
    }
    assert!(
        decode::<T>(&[bytes.as_slice(), &[0]].concat()).is_err(),
        "with a byte more"
    );
}

fn survives_json<T>(value: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value);
}

#[test]
fn everything_survives_its_encoding_and_no_prefix_or_extension_does() {
    for (_, message) in sample::messages() {
        survives(&message);
    }
    for (_, evidence) in sample::evidence() {
        survives(&evidence);
        survives_json(&evidence);
    }
    survives(&sample::header());
    survives(&*sample::sample_committee());
    survives(&sample::genesis());
    survives_json(&sample::genesis());
    survives(&finality_proof());
    survives_json(&finality_proof());
    survives(&sample::timeout_certificate());
    survives_json(&sample::timeout_certificate());
    survives_json(&sample::quorum_certificate(6));
}

/// A length that the input can't hold is refused without allocating for it.
#[test]
fn lists_beyond_their_bound_are_refused() {
    let mut tc = sample::timeout_certificate();
    tc.groups = vec![tc.groups[0].clone(); 1_001];
    let error = decode::<TimeoutCertificate>(&encode(&tc)).unwrap_err();
    assert!(error.to_string().contains("at most 1000"), "{error}");
    let json = serde_json::to_value(&tc).unwrap();
    assert!(serde_json::from_value::<TimeoutCertificate>(json).is_err());

    let mut proof = header_proof();
    proof.path = vec![crate::Hash::ZERO; 65];
    assert!(decode::<HeaderProof>(&encode(&proof)).is_err());
    let json = serde_json::to_value(&proof).unwrap();
    assert!(serde_json::from_value::<HeaderProof>(json).is_err());

    let mut step = finality_proof().steps.remove(0);
    step.members = Some(vec![sample::members(&[1]).remove(0); 1_001]);
    assert!(decode::<EpochStep>(&encode(&step)).is_err());
    let json = serde_json::to_value(&step).unwrap();
    assert!(serde_json::from_value::<EpochStep>(json).is_err());

    for steps in [4_097, u32::MAX] {
        let error = decode::<FinalityProof>(&steps.to_le_bytes()).unwrap_err();
        assert!(error.to_string().contains("at most 4096"), "{error}");
    }
    for list in [u32::MAX, 1 << 31] {
        assert!(decode::<MountainRange>(&encode(&(7_u64, list))).is_err());
    }
}
