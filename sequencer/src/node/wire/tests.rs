use super::*;

fn transactions() -> Vec<(NamespaceId, Bytes)> {
    vec![
        (
            NamespaceId::new(1).expect("not zero"),
            Bytes::from_static(b"a"),
        ),
        (
            NamespaceId::new(42).expect("not zero"),
            Bytes::from_static(b"bcd"),
        ),
    ]
}

#[test]
fn transactions_survive_the_way() {
    let frame = Bulk::Transactions(transactions())
        .encode()
        .expect("encodes");
    let Bulk::Transactions(read) = Bulk::decode(&frame).expect("decodes") else {
        panic!("another kind of frame");
    };
    assert_eq!(read, transactions());
}

#[test]
fn a_frame_cut_anywhere_is_refused_or_shorter() {
    let frame = Bulk::Transactions(transactions())
        .encode()
        .expect("encodes");
    // The ends of whole transactions: nothing, the first, both.
    let whole = [1, 14, frame.len()];
    for end in 0..=frame.len() {
        let read = Bulk::decode(&frame.slice(..end));
        assert_eq!(read.is_ok(), whole.contains(&end), "cut at {end}");
    }
}

#[test]
fn the_reserved_namespace_is_refused_on_the_way() {
    let mut frame = BytesMut::from(&[TRANSACTIONS][..]);
    frame.put_u64_le(0);
    frame.put_u32_le(1);
    frame.put_u8(7);
    assert!(Bulk::decode(&frame.freeze()).is_err());
}

#[test]
fn a_reply_is_found_or_not_found() {
    assert_eq!(body_of(&not_found()).expect("well formed"), None);
    assert_eq!(
        body_of(&found(b"x")).expect("well formed"),
        Some(Bytes::from_static(b"x"))
    );
    assert!(body_of(&Bytes::new()).is_err());
    assert!(body_of(&Bytes::from_static(&[0, 1])).is_err());
    assert!(body_of(&Bytes::from_static(&[2])).is_err());
}

#[test]
fn more_address_records_than_validators_are_refused() {
    let key = libp2p::identity::Keypair::generate_ed25519();
    let record = AddressRecord::sign(Hash::ZERO, &key, 1, &[]).expect("Ed25519 keys sign");
    for (count, fits) in [(0, true), (MAX_RECORDS, true), (MAX_RECORDS + 1, false)] {
        let frame = Bulk::Addresses(vec![record.clone(); count]).encode();
        let read = Bulk::decode(&frame.expect("encodes"));
        assert_eq!(matches!(read, Ok(Bulk::Addresses(_))), fits, "{count}");
    }
}

#[test]
fn garbage_after_each_tag_is_refused() {
    for tag in [FINAL, ADDRESSES, ADDRESSES + 1] {
        for length in [0, 1, 4, 100] {
            let frame = [&[tag][..], &vec![0xff; length]].concat();
            assert!(Bulk::decode(&frame.into()).is_err(), "{tag} {length}");
        }
    }
}
