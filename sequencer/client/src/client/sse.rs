//! Server-sent events, as far as a node uses them: the fields `event`, `id`, `data`, comments as heartbeat.

use bytes::{Buf as _, BytesMut};

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// Its name; empty if it has none.
    pub(super) name: String,
    /// Its data, lines joined.
    pub(super) data: String,
}

/// An event over the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Oversized;

/// Cuts events out of bytes as they come. Keeps no more than one unfinished event, of bounded size.
#[derive(Debug)]
pub(super) struct Parser {
    buffer: BytesMut,
    /// Bytes of the buffer that were searched for the end of a line.
    searched: usize,
    event: Event,
    has_data: bool,
    limit: usize,
}

impl Parser {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            searched: 0,
            event: Event::default(),
            has_data: false,
            limit,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole event, if there is one in what was pushed.
    pub(super) fn next(&mut self) -> Result<Option<Event>, Oversized> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let event = std::mem::take(&mut self.event);
                if std::mem::take(&mut self.has_data) {
                    return Ok(Some(event));
                }
                continue;
            }
            self.field(&line);
            if self.event.data.len() > self.limit {
                return Err(Oversized);
            }
        }
        if self.buffer.len() > self.limit {
            return Err(Oversized);
        }
        Ok(None)
    }

    fn line(&mut self) -> Option<String> {
        let end = self.buffer[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| end + self.searched) else {
            self.searched = self.buffer.len();
            return None;
        };
        let line = self.buffer.split_to(end);
        self.buffer.advance(1);
        self.searched = 0;
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        Some(String::from_utf8_lossy(line).into_owned())
    }

    fn field(&mut self, line: &str) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "event" => self.event.name = value.into(),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // Comments and fields of no use here, the id among them: heights are in the data.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
