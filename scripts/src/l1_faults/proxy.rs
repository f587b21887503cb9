//! An endpoint of an L1 that fails or lies as it is told to.

use std::{
    io::{Error, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};

/// Largest message.
const MAX_MESSAGE: usize = 32 << 20;
/// Most connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 256;
/// For one exchange.
const LIMIT: Duration = Duration::from_secs(30);

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Manner {
    /// Passes on what it is asked and answered.
    Honest,
    /// Takes connections and closes them.
    Dead,
    /// Answers that too much is asked.
    RateLimited,
    /// Shows an old block as final.
    Lagging,
    /// Shows other blocks, and no events.
    Lying,
}

impl Manner {
    /// All that are faults, in the order of the scenario.
    pub(crate) const FAULTS: [Self; 4] =
        [Self::Dead, Self::RateLimited, Self::Lagging, Self::Lying];

    /// In a sentence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Dead => "dead",
            Self::RateLimited => "rate-limited",
            Self::Lagging => "lagging",
            Self::Lying => "lying",
        }
    }
}

/// Stands before an L1 until it is dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Host and port, as metrics name it.
    pub(crate) name: String,
    manner: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// An honest one.
    pub(crate) async fn before(url: &str) -> Result<Self> {
        let target = url.strip_prefix("http://").context("a plain URL")?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let name = listener.local_addr()?.to_string();
        let manner = Arc::new(AtomicU8::new(Manner::Honest as u8));
        let task = tokio::spawn(serve(listener, target.to_owned(), Arc::clone(&manner)));
        Ok(Self { name, manner, task })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.name)
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.manner.store(manner as u8, Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: String, manner: Arc<AtomicU8>) {
    // Aborted with this task.
    let mut exchanges = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (target, manner) = (target.clone(), Arc::clone(&manner));
        exchanges.spawn(timeout(LIMIT, async move {
            // A broken connection is the client's to notice.
            exchange(client, &target, &manner).await.ok()
        }));
        while exchanges.len() >= MAX_CONNECTIONS {
            exchanges.join_next().await;
        }
        while exchanges.try_join_next().is_some() {}
    }
}

/// One request; the connection is closed after it.
async fn exchange(mut client: TcpStream, target: &str, manner: &AtomicU8) -> Result<(), Error> {
    let request = body_of(&mut client).await?;
    let is = |other: Manner| manner.load(Relaxed) == other as u8;
    if is(Manner::Dead) {
        return Ok(());
    }
    if is(Manner::RateLimited) {
        return reply(&mut client, "429 Too Many Requests", "{}").await;
    }
    let request = match is(Manner::Lagging) {
        true => request.replace("\"finalized\"", "\"0x1\""),
        false => request,
    };
    let mut answer = ask(target, &request).await?;
    if is(Manner::Lying) && !request.contains("eth_chainId") {
        answer = lie(&request, &answer);
    }
    reply(&mut client, "200 OK", &answer).await
}

/// Another answer of the same form.
fn lie(request: &str, answer: &str) -> String {
    if request.contains("eth_getLogs") {
        return r#"{"jsonrpc":"2.0","id":0,"result":[]}"#.to_owned();
    }
    let other_hash = falsified(answer, "\"hash\":\"0x");
    falsified(&other_hash, "\"result\":\"0x")
}

/// The text with other digits behind `field`, and as many.
fn falsified(text: &str, field: &str) -> String {
    match text.split_once(field) {
        Some((before, after)) if after.len() > 8 && after.is_char_boundary(4) => {
            let digits = if after.starts_with("7777") {
                "8888"
            } else {
                "7777"
            };
            format!("{before}{field}{digits}{}", &after[4..])
        }
        _ => text.to_owned(),
    }
}

async fn ask(target: &str, body: &str) -> Result<String, Error> {
    let mut stream = TcpStream::connect(target).await?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    body_of(&mut stream).await
}

async fn reply(client: &mut TcpStream, status: &str, body: &str) -> Result<(), Error> {
    let text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(text.as_bytes()).await?;
    client.shutdown().await
}

/// The body of a message that says how long it is.
async fn body_of(stream: &mut TcpStream) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let mut part = vec![0; 16 << 10];
    loop {
        if let Some(body) = whole_body(&bytes)? {
            return Ok(body);
        }
        let count = stream.read(&mut part).await?;
        if count == 0 || bytes.len() > MAX_MESSAGE {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&part[..count]);
    }
}

/// The body, once all of it is there.
fn whole_body(bytes: &[u8]) -> Result<Option<String>, Error> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else { return Ok(None) };
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
        .ok_or(ErrorKind::InvalidData)?;
    match body.get(..length) {
        Some(body) => String::from_utf8(body.to_vec())
            .map(Some)
            .map_err(|_| ErrorKind::InvalidData.into()),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_is_read_once_it_is_whole() -> Result<()> {
        let message = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody";
        assert_eq!(whole_body(message)?.as_deref(), Some("body"));
        assert_eq!(whole_body(&message[..message.len() - 1])?, None);
        assert!(whole_body(b"POST / HTTP/1.1\r\n\r\nbody").is_err());
        Ok(())
    }

    #[test]
    fn lies_have_the_form_of_the_truth() {
        let block = r#"{"result":{"hash":"0x123456789a","number":"0x1"}}"#;
        let lie = lie("eth_getBlockByNumber", block);
        assert_eq!(lie, r#"{"result":{"hash":"0x777756789a","number":"0x1"}}"#);
    }
}
