use super::*;

#[test]
fn records_come_back_as_they_were_written() {
    let records: [(u64, &[u8]); 4] = [(7, b"one"), (0, b""), (u64::MAX, b"three"), (7, b"one")];
    let mut batch = Vec::new();
    for (namespace, transaction) in records {
        push_record(&mut batch, namespace, transaction);
    }
    let read = read_records(&batch.into(), 4).expect("they are whole");
    let expected = records.map(|(namespace, transaction)| (namespace, Bytes::from(transaction)));
    assert_eq!(read, expected);
    assert_eq!(read_records(&Bytes::new(), 4), Ok(Vec::new()));
}

#[test]
fn a_batch_cut_off_anywhere_but_between_records_is_refused_with_the_place() {
    let mut batch = Vec::new();
    push_record(&mut batch, 7, b"one");
    let second = batch.len();
    push_record(&mut batch, 8, b"second");
    let batch = Bytes::from(batch);
    for length in 1..batch.len() {
        let (index, offset) = if length < second { (0, 0) } else { (1, second) };
        let outcome = read_records(&batch.slice(..length), 9);
        if length == second {
            assert_eq!(outcome.expect("one whole record").len(), 1);
        } else {
            assert_eq!(outcome, Err(BatchError::CutOff { index, offset }));
        }
    }
    assert_eq!(
        read_records(&batch, 1),
        Err(BatchError::TooMany { limit: 1 })
    );
}

#[test]
fn a_length_beyond_the_batch_is_refused() {
    let mut batch = 7_u64.to_le_bytes().to_vec();
    batch.extend_from_slice(&u32::MAX.to_le_bytes());
    batch.extend_from_slice(b"short");
    let outcome = read_records(&batch.into(), 9);
    assert_eq!(
        outcome,
        Err(BatchError::CutOff {
            index: 0,
            offset: 0
        })
    );
}
