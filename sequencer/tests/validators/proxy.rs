//! An L1 endpoint that behaves as the test says.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

/// How an endpoint behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Manner {
    Honest,
    /// Takes connections and closes them.
    Dead,
    RateLimited,
    /// Shows an old block as final.
    Lagging,
    /// Shows other blocks and no events.
    Lying,
}

impl Manner {
    pub(crate) const FAULTY: [Self; 4] =
        [Self::Dead, Self::RateLimited, Self::Lagging, Self::Lying];
}

/// Stands before an L1 node until the test's process ends.
pub(crate) struct Proxy {
    pub(crate) url: String,
    manner: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) fn before(url: &str) -> Self {
        let target: SocketAddr = url.strip_prefix("http://").unwrap().parse().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, crate::ports::free())).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let manner = Arc::new(AtomicU8::new(Manner::Honest as u8));
        let shown = Arc::clone(&manner);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let manner = Arc::clone(&shown);
                thread::spawn(move || serve(stream, target, &manner));
            }
        });
        Self { url, manner }
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.manner.store(manner as u8, Relaxed);
    }
}

/// One request of a connection, which is closed after it.
fn serve(mut client: TcpStream, target: SocketAddr, manner: &AtomicU8) -> Option<()> {
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .ok()?;
    let request = body_of(&mut client)?;
    let is = |other: Manner| manner.load(Relaxed) == other as u8;
    if is(Manner::Dead) {
        return None;
    }
    if is(Manner::RateLimited) {
        return reply(&mut client, "429 Too Many Requests", "{}");
    }
    let request = match is(Manner::Lagging) {
        true => request.replace("\"finalized\"", "\"0x1\""),
        false => request,
    };
    let mut answer = ask(target, &request)?;
    if is(Manner::Lying) && !request.contains("eth_chainId") {
        answer = if request.contains("eth_getLogs") {
            r#"{"jsonrpc":"2.0","id":0,"result":[]}"#.into()
        } else {
            let lie = falsified(&answer, "\"hash\":\"0x");
            falsified(&lie, "\"result\":\"0x")
        };
    }
    reply(&mut client, "200 OK", &answer)
}

/// The answer with other digits behind `field`, and as many.
fn falsified(answer: &str, field: &str) -> String {
    match answer.split_once(field) {
        Some((before, after)) if after.len() > 8 => {
            let digits = if after.starts_with("7777") {
                "8888"
            } else {
                "7777"
            };
            format!("{before}{field}{digits}{}", &after[4..])
        }
        _ => answer.to_owned(),
    }
}

fn ask(target: SocketAddr, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(target).ok()?;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: l1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    body_of(&mut stream)
}

fn reply(client: &mut TcpStream, status: &str, body: &str) -> Option<()> {
    let text = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(text.as_bytes()).ok()
}

/// The body of a message with a Content-Length.
fn body_of(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))?;
            if body.len() >= length.trim().parse().ok()? {
                break;
            }
        }
        let mut part = [0; 16_384];
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
    }
    let text = String::from_utf8(bytes).ok()?;
    Some(text.split_once("\r\n\r\n")?.1.to_owned())
}
