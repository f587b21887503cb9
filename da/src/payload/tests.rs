use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{
    Limits, NAMESPACE_OVERHEAD, NamespaceBody, NamespaceId, PAYLOAD_OVERHEAD, Payload,
    PayloadError, TRANSACTION_OVERHEAD,
};

type Namespaces = BTreeMap<NamespaceId, Vec<Bytes>>;

const LIMITS: Limits = Limits {
    payload_bytes: 4096,
    namespaces: 8,
    transaction_bytes: 64,
};

fn id(id: u64) -> NamespaceId {
    NamespaceId::new(id).unwrap()
}

fn example() -> Namespaces {
    let transactions = |texts: &[&'static str]| {
        texts
            .iter()
            .map(|text| Bytes::from_static(text.as_bytes()))
            .collect()
    };
    BTreeMap::from([
        (id(1), transactions(&["ab", "c"])),
        (id(258), transactions(&["def"])),
    ])
}

const EXAMPLE: &[u8] = &[
    2, 0, 0, 0, // two namespaces
    1, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0, 0, // 1, ends at 15
    2, 1, 0, 0, 0, 0, 0, 0, 26, 0, 0, 0, // 258, ends at 26
    2, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, b'a', b'b', b'c', // two transactions
    1, 0, 0, 0, 3, 0, 0, 0, b'd', b'e', b'f', // one transaction
];

fn decode(bytes: &[u8]) -> Result<Payload, PayloadError> {
    Payload::decode(Bytes::copy_from_slice(bytes), &LIMITS)
}

fn changed(position: usize, byte: u8) -> Vec<u8> {
    let mut bytes = EXAMPLE.to_vec();
    bytes[position] = byte;
    bytes
}

fn contents(payload: &Payload) -> Namespaces {
    payload
        .namespaces()
        .map(|namespace| (namespace.id, namespace.body.transactions().collect()))
        .collect()
}

fn namespaces() -> impl Strategy<Value = Namespaces> {
    let transactions = vec(vec(any::<u8>(), 1..64).prop_map(Bytes::from), 1..5);
    btree_map((1..40_u64).prop_map(id), transactions, 0..8)
}

#[test]
fn da2_da3_a_payload_has_the_bytes_of_the_specification() {
    let payload = Payload::build(&example(), &LIMITS).unwrap();
    assert_eq!(payload.bytes(), EXAMPLE);
    assert_eq!(payload, decode(EXAMPLE).unwrap());
    assert_eq!(payload.body_range(id(1)), Some(28..43));
    assert_eq!(payload.body_range(id(258)), Some(43..54));
    assert_eq!(payload.body_range(id(2)), None);
    assert_eq!(payload.namespace(id(258)).unwrap().get(0).unwrap(), "def");
    assert_eq!(payload.namespace(id(258)).unwrap().get(1), None);
    assert_eq!(payload.transaction_count(), 3);
}

#[test]
fn da2_the_empty_payload_is_zero_bytes_and_nothing_else() {
    assert_eq!(
        Payload::build(&BTreeMap::new(), &LIMITS).unwrap(),
        Payload::empty()
    );
    assert_eq!(decode(&[]).unwrap(), Payload::empty());
    assert_eq!(decode(&[0; 4]), Err(PayloadError::NoNamespaces));
}

#[test]
fn overheads_add_up_to_the_length_of_a_payload() {
    let payload = Payload::build(&example(), &LIMITS).unwrap();
    let transactions = 3 * TRANSACTION_OVERHEAD + 6;
    assert_eq!(
        payload.len(),
        PAYLOAD_OVERHEAD + 2 * NAMESPACE_OVERHEAD + transactions
    );
}

#[test]
fn transactions_are_slices_of_the_payload() {
    let bytes = Bytes::copy_from_slice(EXAMPLE);
    let payload = Payload::decode(bytes.clone(), &LIMITS).unwrap();
    let transaction = payload.namespace(id(1)).unwrap().get(1).unwrap();
    assert_eq!(transaction.as_ptr(), bytes[42..].as_ptr());
}

#[test]
fn da4_encodings_that_are_not_canonical_are_refused() {
    assert_eq!(decode(&changed(4, 0)), Err(PayloadError::ReservedNamespace));
    assert_eq!(
        decode(&[&changed(16, 1)[..17], &[0], &EXAMPLE[18..]].concat()),
        Err(PayloadError::NamespaceOrder(1))
    );
    assert_eq!(decode(&changed(12, 14)), Err(PayloadError::Offset));
    assert_eq!(decode(&changed(12, 27)), Err(PayloadError::Offset));
    assert_eq!(decode(&changed(24, 14)), Err(PayloadError::Offset));
    assert_eq!(decode(&changed(24, 25)), Err(PayloadError::Offset));
    assert_eq!(decode(&changed(28, 0)), Err(PayloadError::NoTransactions));
    assert_eq!(decode(&changed(31, 255)), Err(PayloadError::Truncated));
    assert_eq!(decode(&changed(32, 0)), Err(PayloadError::EmptyTransaction));
    assert_eq!(decode(&changed(36, 2)), Err(PayloadError::EmptyTransaction));
    assert_eq!(decode(&changed(36, 1)), Err(PayloadError::Offset));
    assert_eq!(
        decode(&changed(32, 1)).map(|payload| payload.len()),
        Ok(EXAMPLE.len())
    );
    assert_eq!(decode(&changed(47, 2)), Err(PayloadError::Trailing(1)));
    assert_eq!(
        decode(&[EXAMPLE, &[0]].concat()),
        Err(PayloadError::Trailing(1))
    );
    assert_eq!(decode(&EXAMPLE[..3]), Err(PayloadError::Truncated));
    assert_eq!(decode(&EXAMPLE[..20]), Err(PayloadError::Truncated));
}

#[test]
fn da4_limits_are_inclusive_both_ways() {
    let exact = Limits {
        payload_bytes: 54,
        namespaces: 2,
        transaction_bytes: 3,
    };
    let too_small = [
        (
            Limits {
                payload_bytes: 53,
                ..exact
            },
            PayloadError::PayloadTooLarge {
                length: 54,
                limit: 53,
            },
        ),
        (
            Limits {
                namespaces: 1,
                ..exact
            },
            PayloadError::TooManyNamespaces { count: 2, limit: 1 },
        ),
        (
            Limits {
                transaction_bytes: 2,
                ..exact
            },
            PayloadError::TransactionTooLarge {
                length: 3,
                limit: 2,
            },
        ),
    ];
    let bytes = Bytes::from_static(EXAMPLE);
    assert!(Payload::build(&example(), &exact).is_ok());
    assert!(Payload::decode(bytes.clone(), &exact).is_ok());
    for (limits, error) in too_small {
        assert_eq!(Payload::build(&example(), &limits), Err(error.clone()));
        assert_eq!(Payload::decode(bytes.clone(), &limits), Err(error));
    }
}

#[test]
fn a_huge_count_is_refused_before_anything_is_allocated() {
    assert_eq!(
        decode(&[255; 64]),
        Err(PayloadError::TooManyNamespaces {
            count: u64::from(u32::MAX),
            limit: 8
        })
    );
    let body = Bytes::from_static(&[255; 64]);
    assert_eq!(
        NamespaceBody::decode(body, u32::MAX),
        Err(PayloadError::Truncated)
    );
}

#[test]
fn empty_transactions_and_namespaces_are_not_built() {
    let of = |transactions: Vec<Bytes>| {
        Payload::build(&BTreeMap::from([(id(5), transactions)]), &LIMITS)
    };
    assert_eq!(of(vec![]), Err(PayloadError::NoTransactions));
    assert_eq!(of(vec![Bytes::new()]), Err(PayloadError::EmptyTransaction));
}

#[test]
fn namespace_zero_is_not_representable() {
    assert_eq!(NamespaceId::new(0), None);
    assert!(borsh::from_slice::<NamespaceId>(&[0; 8]).is_err());
    assert!(serde_json::from_str::<NamespaceId>("0").is_err());
    assert_eq!(
        serde_json::from_str::<NamespaceId>("18446744073709551615")
            .unwrap()
            .get(),
        u64::MAX
    );
}

proptest! {
    #[test]
    fn da4_what_is_built_is_decoded_to_the_same(namespaces in namespaces()) {
        let payload = Payload::build(&namespaces, &LIMITS).unwrap();
        let decoded = decode(payload.bytes()).unwrap();
        prop_assert_eq!(&decoded, &payload);
        prop_assert_eq!(contents(&decoded), namespaces);
    }

    #[test]
    fn da4_what_is_decoded_has_no_other_encoding(
        namespaces in namespaces(),
        changes in vec((any::<prop::sample::Index>(), prop_oneof![0..30_u8, any::<u8>()]), 0..4),
        cut in 0..3_usize,
        added in vec(0..2_u8, 0..3),
    ) {
        let mut bytes = Payload::build(&namespaces, &LIMITS).unwrap().bytes().to_vec();
        for (position, byte) in changes {
            if !bytes.is_empty() {
                let position = position.index(bytes.len());
                bytes[position] = byte;
            }
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        bytes.extend(added);
        if let Ok(payload) = decode(&bytes) {
            let again = Payload::build(&contents(&payload), &LIMITS).unwrap();
            prop_assert_eq!(again.bytes(), &bytes);
        }
    }

    #[test]
    fn da4_small_integers_decode_to_what_encodes_back(bytes in vec(prop_oneof![9 => Just(0), 1 => 1..9_u8], 0..60)) {
        if let Ok(payload) = decode(&bytes) {
            let again = Payload::build(&contents(&payload), &LIMITS).unwrap();
            prop_assert_eq!(again.bytes(), &bytes);
        }
    }
}
