use super::*;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [7, 0, 255, 90];
    let length = u8::try_from(payload.len()).expect("short");
    let mut frame = vec![first, MASKED | length];
    frame.extend_from_slice(&mask);
    let masked = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask);
    frame.extend(masked);
    frame
}

fn read(bytes: &[u8]) -> Result<Option<Control>, Violation> {
    next(&mut BytesMut::from(bytes))
}

#[test]
fn control_frames_are_read_from_any_cut() {
    let sent = [
        masked(0x89, b"are you there"),
        masked(0x8A, b""),
        masked(0x88, &[3, 232]),
    ]
    .concat();
    let mut received = BytesMut::new();
    let mut found = Vec::new();
    for byte in sent {
        received.extend_from_slice(&[byte]);
        found.extend(next(&mut received).expect("a valid frame"));
    }
    let ping = Control::Ping(Bytes::from_static(b"are you there"));
    assert_eq!(found, [ping, Control::Pong, Control::Close]);
    assert!(received.is_empty());
}

#[test]
fn what_no_client_may_send_is_refused_at_its_head() {
    for message in [0x81, 0x82, 0x01, 0x00] {
        assert_eq!(read(&masked(message, b"hi")[..2]), Err(Violation::Message));
    }
    let unmasked: &[u8] = &[0x89, 0];
    let compressed: &[u8] = &[0xC9, 0x80];
    let fragmented: &[u8] = &[0x09, 0x80];
    let long: &[u8] = &[0x89, 0x80 | 126];
    let unknown: &[u8] = &[0x8B, 0x80];
    for frame in [unmasked, compressed, fragmented, long, unknown] {
        assert_eq!(read(frame), Err(Violation::Protocol), "{frame:?}");
    }
}

#[test]
fn any_bytes_end_in_a_verdict_or_wait_for_little() {
    for first in 0..=255 {
        for second in 0..=255 {
            let mut received = BytesMut::from([first, second].repeat(70).as_slice());
            while let Ok(Some(_)) = next(&mut received) {}
            assert!(received.len() <= 140);
        }
    }
}

#[test]
fn lengths_have_their_shortest_form() {
    assert_eq!(text_header(125), [0x81, 125]);
    assert_eq!(text_header(126), [0x81, 126, 0, 126]);
    assert_eq!(text_header(65_535), [0x81, 126, 255, 255]);
    assert_eq!(text_header(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
}

#[test]
fn a_reason_is_cut_to_what_a_close_frame_holds() {
    let frame = close(1008, &"x".repeat(500));
    assert_eq!(frame.len(), 2 + LONGEST_CONTROL);
    assert_eq!(frame[..4], [0x88, 125, 3, 240]);
}
