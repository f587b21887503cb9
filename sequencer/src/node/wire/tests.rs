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
