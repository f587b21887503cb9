//! Frames of RFC 6455, as far as a stream that only the server talks on needs them.

use bytes::{Buf as _, Bytes, BytesMut};

/// Longest payload of a control frame (RFC 6455 section 5.5).
const LONGEST_CONTROL: usize = 125;
const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// A ping without payload.
pub(super) const HEARTBEAT: &[u8] = &[FINAL | PING, 0];

/// What a client may say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Control {
    /// Wants a pong with the same payload.
    Ping(Bytes),
    /// Is still there.
    Pong,
    /// Leaves.
    Close,
}

/// What a client may not say, and the close code for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Violation {
    /// 1002: this is no frame of a client.
    Protocol,
    /// 1003: a message; the stream takes none.
    Message,
}

impl Violation {
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Message => 1003,
        }
    }
}

/// The header of a text message in one frame.
pub(in crate::api::streams) fn text_header(length: usize) -> Vec<u8> {
    let mut header = vec![FINAL | TEXT];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short), _) if length <= LONGEST_CONTROL => header.push(short),
        (_, Ok(medium)) => {
            header.push(126);
            header.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            header.push(127);
            header.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    header
}

fn control(code: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(LONGEST_CONTROL)];
    let length = u8::try_from(payload.len()).expect("it was cut to 125 bytes");
    let mut frame = vec![FINAL | code, length];
    frame.extend_from_slice(payload);
    frame
}

/// The answer to a ping.
pub(super) fn pong(payload: &[u8]) -> Vec<u8> {
    control(PONG, payload)
}

/// The last frame. The reason is ASCII.
pub(super) fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend_from_slice(reason.as_bytes());
    control(CLOSE, &payload)
}

/// Takes the next whole frame of a client out of what was received. Never waits for more than a control frame.
pub(super) fn next(received: &mut BytesMut) -> Result<Option<Control>, Violation> {
    let &[first, second, ..] = received.as_ref() else {
        return Ok(None);
    };
    let (code, length) = (first & 0x0F, usize::from(second & !MASKED));
    // Extensions, which would use the other bits, are not negotiated; clients mask all they send.
    if first & 0x70 != 0 || second & MASKED == 0 {
        return Err(Violation::Protocol);
    }
    match code {
        0..=2 => return Err(Violation::Message),
        CLOSE | PING | PONG if first & FINAL != 0 && length <= LONGEST_CONTROL => {}
        _ => return Err(Violation::Protocol),
    }
    let whole = 6 + length;
    if received.len() < whole {
        return Ok(None);
    }
    let mut frame = received.split_to(whole);
    frame.advance(2);
    let mask = frame.split_to(4);
    for (byte, mask) in frame.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    Ok(Some(match code {
        PING => Control::Ping(frame.freeze()),
        PONG => Control::Pong,
        _ => Control::Close,
    }))
}

#[cfg(test)]
mod tests;
