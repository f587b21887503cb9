use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes, BytesMut};
use proptest::prelude::*;

use super::{
    BadEncoding, Coder, Encoded, Reconstruction, ReconstructionError, ShardError, ShardRange,
    covering_slots, is_inline, leaf, shard_len,
};
use crate::committed::{Commitments, CommittedPayload};
use crate::merkle::{Path, Tree};
use crate::payload::{Limits, NamespaceId, Payload, PayloadError};
use crate::slots::Slots;

const ROOMY: Limits = Limits {
    payload_bytes: 64 << 20,
    namespaces: 256,
    transaction_bytes: 64 << 20,
};

fn id(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

fn transaction(length: usize) -> Bytes {
    (0..length)
        .map(|index| (index * 31 + index / 251).to_le_bytes()[0])
        .collect()
}

/// A payload whose encoding has roughly this many bytes; none for 0.
fn payload(length: usize) -> Payload {
    if length == 0 {
        return Payload::empty();
    }
    let namespaces = BTreeMap::from([
        (id(3), vec![transaction(length)]),
        (id(9), vec![transaction(7); 3]),
    ]);
    Payload::build(&namespaces, &ROOMY).unwrap()
}

fn committed(slots: &Slots, length: usize) -> CommittedPayload {
    CommittedPayload::new(&mut Coder::new(), slots, payload(length))
}

/// Proves single slots and collects them.
fn collect(
    encoded: &Encoded,
    commitments: Commitments,
    slots: &Slots,
    chosen: &[u32],
) -> Reconstruction {
    let mut reconstruction = Reconstruction::new(commitments, slots).unwrap();
    for slot in chosen {
        let range = encoded.range(*slot..*slot + 1).unwrap();
        let checked = range
            .check(
                &commitments.shard_root,
                slots,
                *slot..*slot + 1,
                commitments.payload_len,
            )
            .unwrap();
        reconstruction.add(&checked).unwrap();
    }
    reconstruction
}

fn rebuilt(
    encoded: &Encoded,
    commitments: Commitments,
    slots: &Slots,
    chosen: &[u32],
) -> Result<Payload, BadEncoding> {
    let reconstruction = collect(encoded, commitments, slots, chosen);
    let result = reconstruction.decode(&mut Coder::new(), &ROOMY).unwrap();
    result.map(|committed| {
        assert_eq!(committed.commitments(), commitments);
        committed.payload().clone()
    })
}

/// What a leader commits to who lays out the shards by hand. Recovery shards are right unless changed.
fn forged(slots: &Slots, coded: BytesMut, change: impl Fn(&mut Vec<Vec<u8>>)) -> Encoded {
    let shard = coded.len() / slots.threshold() as usize;
    let honest = Coder::new().extend(slots, coded, shard);
    let mut shards: Vec<Vec<u8>> = (0..slots.total())
        .map(|slot| honest.range(slot..slot + 1).unwrap().shards.to_vec())
        .collect();
    change(&mut shards);
    let leaves = (0..)
        .zip(&shards)
        .map(|(slot, shard)| leaf(slot, shard))
        .collect();
    let (systematic, recovery) = shards.split_at(slots.threshold() as usize);
    Encoded::new(
        systematic.concat().into(),
        recovery.concat().into(),
        shard,
        Tree::new(leaves),
    )
}

fn coded(slots: &Slots, prefix: u64, payload: &[u8], padding: u8) -> BytesMut {
    let mut coded = BytesMut::new();
    coded.put_u64_le(prefix);
    coded.extend_from_slice(payload);
    let shard = shard_len(payload.len() as u64, slots).unwrap();
    coded.resize(shard * slots.threshold() as usize, padding);
    coded
}

/// The verdicts over every set of k slots out of a small committee: they have to agree.
fn verdict(slots: &Slots, encoded: &Encoded, payload: &Payload) -> Result<(), BadEncoding> {
    let mut commitments =
        CommittedPayload::new(&mut Coder::new(), slots, payload.clone()).commitments();
    commitments.shard_root = encoded.root();
    verdict_for(slots, encoded, commitments)
}

fn verdict_for(
    slots: &Slots,
    encoded: &Encoded,
    commitments: Commitments,
) -> Result<(), BadEncoding> {
    let mut verdicts = Vec::new();
    for set in 0..1_u32 << slots.total() {
        let chosen: Vec<u32> = (0..slots.total())
            .filter(|slot| set >> slot & 1 == 1)
            .collect();
        if set.count_ones() >= slots.threshold() {
            verdicts.push(rebuilt(encoded, commitments, slots, &chosen).map(drop));
        }
    }
    assert!(
        verdicts.windows(2).all(|pair| pair[0] == pair[1]),
        "{verdicts:?}"
    );
    verdicts.remove(0)
}

#[test]
fn da12_a_shard_is_a_multiple_of_64_bytes_that_holds_the_prefix() {
    let slots = Slots::new(&[1; 4]).unwrap();
    for (length, expected) in [
        (0, 64),
        (119, 64),
        (120, 64),
        (121, 128),
        (248, 128),
        (249, 192),
    ] {
        assert_eq!(shard_len(length, &slots), Some(expected), "{length}");
    }
    assert_eq!(shard_len(u64::MAX, &slots), None);
    assert_eq!(shard_len(u64::MAX - 8, &slots), Some(1 << 63));
}

#[test]
fn da12_small_payloads_are_inline() {
    let slots = Slots::new(&[1; 4]).unwrap();
    assert!(is_inline(0, &slots));
    assert!(is_inline(32 * 1024, &slots));
    assert!(!is_inline(32 * 1024 + 1, &slots));
    let slots = Slots::new(&[1; 3000]).unwrap();
    assert!(is_inline(64 * 1000, &slots));
    assert!(!is_inline(64 * u64::from(slots.threshold()) + 1, &slots));
}

#[test]
fn any_threshold_of_slots_rebuilds_the_payload() {
    for stakes in [vec![1; 2], vec![1; 4], vec![3, 1, 1, 1]] {
        let slots = Slots::new(&stakes).unwrap();
        for length in [0, 1, 1000] {
            let committed = committed(&slots, length);
            if slots.total() <= 10 {
                assert_eq!(
                    verdict_for(&slots, committed.encoded(), committed.commitments()),
                    Ok(())
                );
            }
            let last: Vec<u32> = (slots.total() - slots.threshold()..slots.total()).collect();
            let payload = rebuilt(committed.encoded(), committed.commitments(), &slots, &last);
            assert_eq!(payload.as_ref(), Ok(committed.payload()));
        }
    }
}

#[test]
fn the_ranges_of_validators_rebuild_the_payload() {
    let slots = Slots::new(&[40, 7, 25, 9, 31, 2]).unwrap();
    let committed = committed(&slots, 100_000);
    let commitments = committed.commitments();
    let mut reconstruction = Reconstruction::new(commitments, &slots).unwrap();
    for validator in [1, 3, 4] {
        assert!(!reconstruction.is_ready());
        assert!(reconstruction.decode(&mut Coder::new(), &ROOMY).is_none());
        let range = slots.range(validator).unwrap();
        let sent = committed.encoded().range(range.clone()).unwrap();
        let checked = sent
            .check(
                &commitments.shard_root,
                &slots,
                range.clone(),
                commitments.payload_len,
            )
            .unwrap();
        assert_eq!(checked.slots(), range);
        assert_eq!(reconstruction.add(&checked), Ok(range.len()));
        assert_eq!(reconstruction.add(&checked), Ok(0));
    }
    assert!(reconstruction.is_ready());
    assert!(!reconstruction.has_all_systematic());
    let rebuilt = reconstruction
        .decode(&mut Coder::new(), &ROOMY)
        .unwrap()
        .unwrap();
    assert_eq!(rebuilt.payload(), committed.payload());
}

#[test]
fn a_committee_of_one_has_no_recovery_shards() {
    let slots = Slots::new(&[5]).unwrap();
    for length in [0, 5000] {
        let committed = committed(&slots, length);
        assert_eq!(committed.encoded().total(), 1);
        let payload = rebuilt(committed.encoded(), committed.commitments(), &slots, &[0]);
        assert_eq!(payload.as_ref(), Ok(committed.payload()));
    }
}

#[test]
fn a_range_across_the_border_to_the_recovery_shards_is_whole() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let encoded = committed(&slots, 1000).encoded().clone();
    let whole = encoded.range(0..4).unwrap();
    assert!(whole.proof.siblings().is_empty());
    let middle = encoded.range(1..3).unwrap();
    assert_eq!(
        middle.shards,
        whole.shards[encoded.shard_len()..3 * encoded.shard_len()]
    );
    assert_eq!(encoded.range(2..2), None);
    assert_eq!(encoded.range(3..5), None);
}

#[test]
fn shards_that_are_not_the_senders_are_refused() {
    let slots = Slots::new(&[1; 10]).unwrap();
    let committed = committed(&slots, 10_000);
    let Commitments {
        payload_len,
        shard_root,
        ..
    } = committed.commitments();
    let sent = committed.encoded().range(3..5).unwrap();
    let refusal = |sent: &ShardRange, payload_len| {
        sent.check(&shard_root, &slots, 3..5, payload_len)
            .unwrap_err()
    };

    assert!(sent.check(&shard_root, &slots, 3..5, payload_len).is_ok());
    let other = committed.encoded().range(4..6).unwrap();
    assert_eq!(
        refusal(&other, payload_len),
        ShardError::Start {
            got: 4,
            expected: 3
        }
    );
    let moved = ShardRange { start: 3, ..other };
    assert_eq!(refusal(&moved, payload_len), ShardError::Proof);
    let short = committed.encoded().range(3..4).unwrap();
    let length = committed.encoded().shard_len();
    assert_eq!(
        refusal(&short, payload_len),
        ShardError::Length {
            got: length,
            expected: 2 * length
        }
    );
    let empty = ShardRange {
        shards: Bytes::new(),
        ..sent.clone()
    };
    assert_eq!(
        refusal(&empty, payload_len),
        ShardError::Length {
            got: 0,
            expected: 2 * length
        }
    );
    assert_eq!(
        refusal(&sent, u64::MAX),
        ShardError::PayloadLength(u64::MAX)
    );
    assert!(matches!(
        refusal(&sent, u64::MAX - 8),
        ShardError::Length { .. }
    ));
    assert!(matches!(
        refusal(&sent, payload_len + 1000),
        ShardError::Length { .. }
    ));
    assert_eq!(
        sent.check(&shard_root, &slots, 3..3, payload_len)
            .unwrap_err(),
        ShardError::Range
    );
    assert_eq!(
        sent.check(&shard_root, &slots, 9..11, payload_len)
            .unwrap_err(),
        ShardError::Range
    );
    assert_eq!(
        sent.check(&[7; 32], &slots, 3..5, payload_len).unwrap_err(),
        ShardError::Proof
    );
}

#[test]
fn shards_of_another_block_are_not_collected() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let (one, other) = (committed(&slots, 1000), committed(&slots, 1001));
    let Commitments {
        payload_len,
        shard_root,
        ..
    } = other.commitments();
    let sent = other.encoded().range(0..1).unwrap();
    let checked = sent.check(&shard_root, &slots, 0..1, payload_len).unwrap();
    let mut reconstruction = Reconstruction::new(one.commitments(), &slots).unwrap();
    assert_eq!(
        reconstruction.add(&checked),
        Err(ReconstructionError::OtherBlock)
    );
    assert_eq!(reconstruction.present(), 0);

    let endless = Commitments {
        payload_len: u64::MAX,
        ..one.commitments()
    };
    assert_eq!(
        Reconstruction::new(endless, &slots).unwrap_err(),
        ReconstructionError::PayloadLength(u64::MAX)
    );
}

#[test]
fn p1_a_commitment_to_no_codeword_is_found_with_any_shards() {
    let slots = Slots::new(&[1; 7]).unwrap();
    let payload = payload(1000);
    for slot in 0..slots.total() as usize {
        let coded = coded(&slots, payload.len() as u64, payload.bytes(), 0);
        let encoded = forged(&slots, coded, |shards| shards[slot][10] ^= 1);
        assert_eq!(
            verdict(&slots, &encoded, &payload),
            Err(BadEncoding::ShardRoot)
        );
    }
}

#[test]
fn p1_a_wrong_length_prefix_makes_a_block_bad() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let payload = payload(1000);
    let wrong = payload.len() as u64 - 1;
    let encoded = forged(&slots, coded(&slots, wrong, payload.bytes(), 0), |_| ());
    assert_eq!(
        verdict(&slots, &encoded, &payload),
        Err(BadEncoding::LengthPrefix(wrong))
    );
}

#[test]
fn p1_padding_that_is_not_zero_makes_a_block_bad() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let payload = payload(1000);
    let encoded = forged(
        &slots,
        coded(&slots, payload.len() as u64, payload.bytes(), 1),
        |_| (),
    );
    assert_eq!(
        verdict(&slots, &encoded, &payload),
        Err(BadEncoding::Padding)
    );
}

#[test]
fn p1_a_payload_that_is_not_canonical_makes_a_block_bad() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let bytes = [0; 4];
    let encoded = forged(&slots, coded(&slots, 4, &bytes, 0), |_| ());
    let ns_root = committed(&slots, 0).commitments().ns_root;
    let commitments = Commitments {
        payload_len: 4,
        shard_root: encoded.root(),
        ns_root,
    };
    let bad = Err(BadEncoding::Payload(PayloadError::NoNamespaces));
    assert_eq!(verdict_for(&slots, &encoded, commitments), bad);
}

#[test]
fn p1_a_payload_over_the_limits_makes_a_block_bad() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let committed = committed(&slots, 1000);
    let limits = Limits {
        payload_bytes: 1000,
        ..ROOMY
    };
    let reconstruction = collect(
        committed.encoded(),
        committed.commitments(),
        &slots,
        &[0, 3],
    );
    let verdict = reconstruction
        .decode(&mut Coder::new(), &limits)
        .unwrap()
        .unwrap_err();
    assert!(matches!(
        verdict,
        BadEncoding::Payload(PayloadError::PayloadTooLarge { .. })
    ));
}

#[test]
fn p1_another_namespace_root_makes_a_block_bad() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let committed = committed(&slots, 1000);
    let commitments = Commitments {
        ns_root: [1; 32],
        ..committed.commitments()
    };
    let verdict = verdict_for(&slots, committed.encoded(), commitments);
    assert_eq!(verdict, Err(BadEncoding::NamespaceRoot));
}

#[test]
fn p1_a_header_with_another_length_and_the_same_shards_is_bad() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let committed = committed(&slots, 1000);
    let right = committed.commitments();
    let commitments = Commitments {
        payload_len: right.payload_len + 1,
        ..right
    };
    let verdict = verdict_for(&slots, committed.encoded(), commitments);
    assert_eq!(verdict, Err(BadEncoding::LengthPrefix(right.payload_len)));
}

#[test]
fn a_coder_that_was_used_before_encodes_the_same() {
    let mut used = Coder::new();
    for (validators, length) in [
        (10, 50_000),
        (4, 100),
        (100, 7000),
        (4, 90_000),
        (1, 5),
        (10, 0),
    ] {
        let slots = Slots::new(&vec![1; validators]).unwrap();
        let payload = payload(length);
        let root = used.encode(&slots, payload.bytes()).root();
        assert_eq!(root, Coder::new().encode(&slots, payload.bytes()).root());
    }
}

#[test]
fn buffers_are_reused_only_when_nobody_holds_them() {
    let slots = Slots::new(&[1; 4]).unwrap();
    let mut coder = Coder::new();
    let (first, second) = (transaction(200_000), transaction(199_000));
    let held = coder.encode(&slots, &first);
    let kept = held.range(0..2).unwrap();
    let copy = kept.shards.to_vec();
    drop(held);
    let other = coder.encode(&slots, &second);
    assert_eq!(kept.shards, copy, "a slice that is held is not overwritten");
    assert_eq!(other.root(), Coder::new().encode(&slots, &second).root());

    let place = other.payload(1).as_ptr();
    drop(other);
    let again = coder.encode(&slots, &second);
    assert_eq!(
        again.payload(1).as_ptr(),
        place,
        "a buffer that nobody holds is used again"
    );
    assert_eq!(again.root(), Coder::new().encode(&slots, &second).root());
}

#[test]
fn columns_of_a_shard_are_coded_like_the_whole() {
    for (validators, length) in [(4, 3_000_000), (100, 900_000), (1, 700_000)] {
        let slots = Slots::new(&vec![1; validators]).unwrap();
        let encoded = Coder::new().encode(&slots, &transaction(length));
        let threshold = slots.threshold() as usize;
        let whole = encoded.range(0..slots.total()).unwrap().shards;
        let (systematic, recovery) = whole.split_at(threshold * encoded.shard_len());
        if validators > 1 {
            let originals = systematic.chunks(encoded.shard_len());
            let expected =
                reed_solomon_simd::encode(threshold, validators - threshold, originals).unwrap();
            assert_eq!(recovery, expected.concat());
        }
    }
}

#[test]
fn the_slots_that_cover_a_namespace_hold_its_bytes() {
    let slots = Slots::new(&[1; 10]).unwrap();
    let committed = committed(&slots, 3000);
    let length = committed.payload().len() as u64;
    let body = committed.payload().body_range(id(9)).unwrap();
    let covering = covering_slots(body.start as u64..body.end as u64, length, &slots).unwrap();
    let shards = committed.encoded().range(covering.clone()).unwrap().shards;
    let start = 8 + body.start - covering.start as usize * committed.encoded().shard_len();
    assert_eq!(
        &shards[start..start + body.len()],
        committed.payload().namespace(id(9)).unwrap().bytes()
    );
    assert_eq!(covering_slots(0..length + 1, length, &slots), None);
    assert_eq!(covering_slots(5..5, length, &slots), None);
}

#[test]
fn the_binary_form_of_shards_is_read_without_a_copy() {
    let slots = Slots::new(&[1; 10]).unwrap();
    let sent = committed(&slots, 3000).encoded().range(2..5).unwrap();
    let bytes = Bytes::from(borsh::to_vec(&sent).unwrap());
    let read = ShardRange::decode(&bytes).unwrap();
    assert_eq!(read, sent);
    assert_eq!(read.shards.as_ptr_range().end, bytes.as_ptr_range().end);
    assert_eq!(borsh::from_slice::<ShardRange>(&bytes).unwrap(), sent);
    let (head, shards) = sent.to_parts().unwrap();
    assert_eq!([&head[..], &shards].concat(), bytes);

    for cut in [0, 3, 7, 40, bytes.len() - 1] {
        assert!(ShardRange::decode(&bytes.slice(..cut)).is_err());
    }
    assert!(ShardRange::decode(&[&bytes[..], &[0]].concat().into()).is_err());
    let json = serde_json::to_string(&sent).unwrap();
    assert_eq!(serde_json::from_str::<ShardRange>(&json).unwrap(), sent);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_slots_of_random_committees_rebuild_the_payload(
        stakes in prop::collection::vec(1..50_u64, 1..12),
        length in 0..20_000_usize,
        order in any::<u64>(),
    ) {
        let slots = Slots::new(&stakes).unwrap();
        let committed = committed(&slots, length);
        let mut all: Vec<u32> = (0..slots.total()).collect();
        all.sort_by_key(|slot| (u64::from(*slot) + 1).wrapping_mul(order | 1).rotate_left(17));
        let chosen = &all[..slots.threshold() as usize];
        let payload = rebuilt(committed.encoded(), committed.commitments(), &slots, chosen);
        prop_assert_eq!(payload.as_ref(), Ok(committed.payload()));
    }

    #[test]
    fn a_changed_bit_in_shards_or_proof_is_always_noticed(
        start in 0..10_u32,
        count in 1..4_u32,
        bit in any::<prop::sample::Index>(),
        in_proof in any::<bool>(),
    ) {
        let slots = Slots::new(&[1; 10]).unwrap();
        let committed = committed(&slots, 2000);
        let range = start..(start + count).min(10);
        let mut sent = committed.encoded().range(range.clone()).unwrap();
        let mut proof = sent.proof.siblings().to_vec();
        if in_proof && !proof.is_empty() {
            let bit = bit.index(proof.len() * 256);
            proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
            sent.proof = Path::new(proof);
        } else {
            let mut shards = sent.shards.to_vec();
            let bit = bit.index(shards.len() * 8);
            shards[bit / 8] ^= 1 << (bit % 8);
            sent.shards = shards.into();
        }
        let Commitments { payload_len, shard_root, .. } = committed.commitments();
        prop_assert_eq!(sent.check(&shard_root, &slots, range, payload_len).unwrap_err(), ShardError::Proof);
    }
}
