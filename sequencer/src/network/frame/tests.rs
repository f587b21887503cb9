use futures::{executor::block_on, io::Cursor};

use super::*;

fn encoded(payloads: &[&[u8]]) -> Vec<u8> {
    let mut stream = Vec::new();
    for payload in payloads {
        block_on(write_frame(&mut stream, &Bytes::copy_from_slice(payload))).unwrap();
    }
    stream
}

#[test]
fn frames_come_back_in_order_and_the_end_is_clean() {
    let mut reader = Cursor::new(encoded(&[b"one", b"", b"three"]));
    for expected in [&b"one"[..], b"", b"three"] {
        assert_eq!(
            block_on(read_frame(&mut reader, 5)).unwrap().unwrap(),
            expected
        );
    }
    assert!(block_on(read_frame(&mut reader, 5)).unwrap().is_none());
}

#[test]
fn a_frame_over_the_cap_is_refused_by_its_length_alone() {
    let mut reader = Cursor::new(u32::MAX.to_be_bytes());
    assert!(matches!(
        block_on(read_frame(&mut reader, 1024)),
        Err(FrameError::Oversized { cap: 1024, .. })
    ));
}

#[test]
fn every_cut_within_a_frame_is_told_from_an_end_between_frames() {
    let stream = encoded(&[b"payload"]);
    for cut in 1..stream.len() {
        let mut reader = Cursor::new(&stream[..cut]);
        assert!(
            matches!(
                block_on(read_frame(&mut reader, 1024)),
                Err(FrameError::Truncated)
            ),
            "cut at {cut}"
        );
    }
}
