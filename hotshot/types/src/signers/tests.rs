use proptest::prelude::*;

use super::*;
use crate::codec::{decode, encode};

fn set(len: usize, members: &[u16]) -> Signers {
    Signers::of(len, members.iter().copied().map(ValidatorIndex))
}

/// The encoding from its parts.
fn bytes(len: u16, bits: &[u8]) -> Vec<u8> {
    let count = u32::try_from(bits.len()).unwrap();
    [len.to_le_bytes().as_slice(), &count.to_le_bytes(), bits].concat()
}

/// C3.
#[test]
fn signer_i_is_bit_i_mod_8_of_byte_i_over_8() {
    let set = set(11, &[0, 3, 8, 10]);
    assert_eq!(encode(&set), bytes(11, &[0b0000_1001, 0b0000_0101]));
    assert_eq!(
        set.iter().map(|index| index.0).collect::<Vec<_>>(),
        [0, 3, 8, 10]
    );
    assert_eq!((set.count(), set.committee_len()), (4, 11));
}

/// Section 14, item 2.
#[test]
fn a_bitmap_with_signers_outside_the_committee_is_refused() {
    for bit in 3..8 {
        assert!(decode::<Signers>(&bytes(3, &[1 << bit])).is_err());
    }
    assert_eq!(decode(&bytes(3, &[0b101])), Ok(set(3, &[0, 2])));
    assert_eq!(decode(&bytes(8, &[0x80])), Ok(set(8, &[7])));
}

#[test]
fn a_bitmap_of_another_length_than_its_committees_is_refused() {
    for (len, bits) in [
        (3, 0),
        (3, 2),
        (8, 2),
        (9, 1),
        (0, 1),
        (1_001, 126),
        (u16::MAX, 8_192),
    ] {
        assert!(
            decode::<Signers>(&bytes(len, &vec![0; bits])).is_err(),
            "{len} {bits}"
        );
    }
    assert!(decode::<Signers>(&bytes(1_000, &[0xff; 125])).is_ok());
    assert!(decode::<Signers>(&bytes(0, &[])).is_ok());
}

#[test]
fn json_is_held_to_the_same_rules() {
    let set = set(11, &[0, 3, 8, 10]);
    let json = serde_json::to_string(&set).unwrap();
    assert_eq!(json, r#"{"committee":11,"bitmap":"0x0905"}"#);
    assert_eq!(serde_json::from_str::<Signers>(&json).unwrap(), set);
    for bad in [
        r#"{"committee":11,"bitmap":"0x0909"}"#,
        r#"{"committee":11,"bitmap":"0x09"}"#,
        r#"{"committee":11,"bitmap":"0x090"}"#,
        r#"{"committee":1001,"bitmap":"0x"}"#,
        r#"{"committee":70000,"bitmap":"0x"}"#,
        r#"{"committee":11,"bitmap":"0x0905","extra":0}"#,
    ] {
        assert!(serde_json::from_str::<Signers>(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_index_outside_the_committee_is_never_in_a_set() {
    let mut set = set(3, &[0, 3, 9, u16::MAX]);
    assert_eq!(set.count(), 1);
    assert!(!set.insert(ValidatorIndex(3)));
    assert!(!set.insert(ValidatorIndex(0)));
    assert!(set.insert(ValidatorIndex(2)));
    assert!(!set.contains(ValidatorIndex(3)) && !set.contains(ValidatorIndex(u16::MAX)));
}

#[test]
fn sets_are_disjoint_if_they_share_nobody() {
    assert!(set(9, &[0, 8]).is_disjoint(&set(9, &[1, 7])));
    assert!(!set(9, &[0, 8]).is_disjoint(&set(9, &[8])));
    assert!(set(9, &[]).is_disjoint(&set(9, &[])));
}

proptest! {
    #[test]
    fn a_set_and_its_complement_are_everybody(len in 0..=64_usize, members: Vec<u16>) {
        let set = set(len, &members);
        let rest = set.complement();
        prop_assert!(set.is_disjoint(&rest));
        prop_assert_eq!(set.count() + rest.count(), len);
        prop_assert_eq!(set.iter().count(), set.count());
        prop_assert_eq!(rest.complement(), set);
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(len in 0..20_u16, bits: Vec<u8>) {
        let bytes = bytes(len, &bits);
        if let Ok(set) = decode::<Signers>(&bytes) {
            prop_assert_eq!(encode(&set), bytes);
        }
    }
}
