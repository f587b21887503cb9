//! Events as bytes, made once for all readers of both kinds.

use bytes::{Buf, Bytes};
use hotshot_types::Height;
use serde::Serialize;

use super::{super::refusal::Refusal, websocket::frame};

const SSE_END: &[u8] = b"\n\n";
const MESSAGE_END: &[u8] = b"}";

/// One event of a stream. Cloning shares its bytes.
#[derive(Clone, Debug)]
pub(super) struct Event {
    height: Height,
    /// The whole event as a server-sent one.
    sse: Bytes,
    /// The JSON in it.
    data: Bytes,
    /// What stands before the JSON in a WebSocket frame.
    head: Bytes,
}

impl Event {
    /// An event whose id is a height.
    pub(super) fn new(name: &str, height: Height, data: &impl Serialize) -> Result<Self, Refusal> {
        let mut sse = format!("event: {name}\nid: {height}\ndata: ").into_bytes();
        let start = sse.len();
        serde_json::to_writer(&mut sse, data).map_err(Refusal::internal)?;
        let end = sse.len();
        sse.extend_from_slice(SSE_END);
        let sse = Bytes::from(sse);
        let prefix = format!("{{\"event\":\"{name}\",\"id\":{height},\"data\":");
        let length = prefix.len() + (end - start) + MESSAGE_END.len();
        let mut head = frame::text_header(length);
        head.extend_from_slice(prefix.as_bytes());
        Ok(Self {
            height,
            data: sse.slice(start..end),
            sse,
            head: head.into(),
        })
    }

    /// Its id.
    pub(super) fn height(&self) -> Height {
        self.height
    }

    /// Bytes it takes in memory.
    pub(super) fn size(&self) -> usize {
        self.sse.len() + self.head.len()
    }

    /// As a server-sent event.
    pub(super) fn sse(&self) -> Bytes {
        self.sse.clone()
    }

    /// As a WebSocket frame: an object of `event`, `id` and `data`.
    pub(super) fn frame(&self) -> impl Buf + use<> {
        self.head
            .clone()
            .chain(self.data.clone())
            .chain(Bytes::from_static(MESSAGE_END))
    }
}
