//! A real small chain behind an HTTP server of a sequencer's node: everything in its answers is proven.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use hotshot_types::{GenesisDocument, Hash, Height, Parameters, finality::FinalityProof};
use sequencer_client::types::Position;
use sequencer_client::types::{
    NamespaceAnswer, NamespaceBlock, NamespaceHead, Submitted, TransactionAnswer, TransactionState,
    event,
};
use serde::Serialize;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

#[path = "../../../../sequencer/proof/tests/chain/mod.rs"]
mod chain;

use chain::{Chain, id};

/// The namespace of the rollup.
pub(crate) const NAMESPACE: u64 = 7;

/// The node.
pub(crate) struct Served {
    pub(crate) url: String,
    chain: Arc<Mutex<Chain>>,
    grown: watch::Sender<u64>,
    submitted: watch::Receiver<Vec<Bytes>>,
}

#[derive(Clone)]
struct State {
    chain: Arc<Mutex<Chain>>,
    grown: watch::Receiver<u64>,
    submitted: Arc<watch::Sender<Vec<Bytes>>>,
    fault: Fault,
}

/// What a node does that it should not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// It leaves this block out of streams.
    Hides(u64),
    /// It refuses every transaction, or those that begin with a byte.
    Refuses(Option<u8>),
    /// It takes a transaction and says so only after the next block.
    Slow,
}

impl Served {
    pub(crate) async fn start() -> Self {
        Self::of_network(7).await
    }

    /// A network of its own for each number.
    pub(crate) async fn of_network(salt: u8) -> Self {
        let parameters = Parameters {
            epoch_length: chain::EPOCH_LENGTH,
            ..Parameters::development()
        };
        let chain = Chain::of(Hash([salt; 32]), parameters);
        Self::of(
            Arc::new(Mutex::new(chain)),
            watch::Sender::new(0),
            Fault::None,
        )
        .await
    }

    /// Another node of the same chain, which leaves a block out.
    pub(crate) async fn liar(&self, hidden: u64) -> Self {
        self.beside(Fault::Hides(hidden)).await
    }

    /// Another node of the same chain, which refuses every transaction.
    pub(crate) async fn refusing(&self) -> Self {
        self.beside(Fault::Refuses(None)).await
    }

    /// Another node of the same chain, which refuses transactions that begin with a byte.
    pub(crate) async fn refusing_those_of(&self, first: u8) -> Self {
        self.beside(Fault::Refuses(Some(first))).await
    }

    /// Another node of the same chain, which answers who submits only after the next block.
    pub(crate) async fn slow(&self) -> Self {
        self.beside(Fault::Slow).await
    }

    async fn beside(&self, fault: Fault) -> Self {
        Self::of(Arc::clone(&self.chain), self.grown.clone(), fault).await
    }

    async fn of(chain: Arc<Mutex<Chain>>, grown: watch::Sender<u64>, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let (sender, submitted) = watch::channel(Vec::new());
        let state = State {
            chain: Arc::clone(&chain),
            grown: grown.subscribe(),
            submitted: Arc::new(sender),
            fault,
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move { answer(stream, state).await });
            }
        });
        Self {
            url: format!("http://{address}"),
            chain,
            grown,
            submitted,
        }
    }

    pub(crate) fn genesis(&self) -> GenesisDocument {
        self.chain.lock().unwrap().genesis.clone()
    }

    /// The next block, with these transactions of the rollup; without its namespace if there are none.
    pub(crate) fn push(&self, transactions: &[&str]) -> u64 {
        let mut chain = self.chain.lock().unwrap();
        let transactions: Vec<Vec<u8>> = transactions
            .iter()
            .map(|text| text.as_bytes().to_vec())
            .collect();
        if transactions.is_empty() {
            chain.push(&[(9, &[b"of another rollup".to_vec()])]);
        } else {
            chain.push(&[(NAMESPACE, &transactions)]);
        }
        let height = chain.height();
        drop(chain);
        self.grown.send_replace(height);
        height
    }

    /// Waits until so many submissions came.
    pub(crate) async fn submitted(&self, count: usize) -> Vec<Bytes> {
        let mut submitted = self.submitted.clone();
        let all = submitted.wait_for(|all| all.len() >= count).await.unwrap();
        all.clone()
    }
}

async fn answer(mut stream: TcpStream, state: State) {
    let mut buffer = Vec::new();
    let (head, body) = loop {
        if let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8(buffer[..end].to_vec()).unwrap();
            let length = head.to_ascii_lowercase();
            let length = length.split("content-length:").nth(1);
            let length = length.map_or(0, |text| {
                text.lines().next().unwrap().trim().parse().unwrap()
            });
            if buffer.len() >= end + 4 + length {
                break (head, buffer[end + 4..end + 4 + length].to_vec());
            }
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    };
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let number = |name: &str| -> u64 {
        let value = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        value.map_or(1, |value| value.parse().unwrap())
    };
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let height = |text: &str| -> u64 {
        let chain = state.chain.lock().unwrap();
        if text == "latest" {
            chain.height()
        } else {
            text.parse().unwrap()
        }
    };
    match parts.as_slice() {
        ["v1", "light-client", at] => {
            let at = height(at);
            let found = {
                let chain = state.chain.lock().unwrap();
                // Genesis has no certificate.
                (at > 0).then(|| finality(&chain, number("from_epoch"), at))
            };
            reply(&mut stream, found).await;
        }
        ["v1", "blocks", at, "namespaces", _] => {
            let found = namespace(&state.chain.lock().unwrap(), height(at));
            reply(&mut stream, Some(found)).await;
        }
        ["v1", "transactions"] => {
            let bytes = Bytes::from(body);
            state.submitted.send_modify(|all| all.push(bytes.clone()));
            if state.fault == Fault::Slow {
                state.grown.clone().changed().await.unwrap();
            }
            let submitted = Submitted {
                hash: Hash(da::tx_hash(&bytes)),
                namespace: id(NAMESPACE),
                state: TransactionState::Pending,
                position: None,
            };
            let is_refused = match state.fault {
                Fault::Refuses(first) => first.is_none_or(|first| bytes.first() == Some(&first)),
                _ => false,
            };
            reply(&mut stream, (!is_refused).then_some(submitted)).await;
        }
        ["v1", "transactions", hash] => {
            let found = transaction(&state.chain.lock().unwrap(), hash.parse().unwrap());
            reply(&mut stream, found).await;
        }
        ["v1", "stream", "namespaces", _] => {
            follow(
                &mut stream,
                state.clone(),
                number("from"),
                number("from_epoch"),
            )
            .await;
        }
        other => panic!("nobody asks for {other:?}"),
    }
}

async fn reply(stream: &mut TcpStream, found: Option<impl Serialize>) {
    let (status, body) = match found {
        Some(found) => ("200 OK", serde_json::to_string(&found).unwrap()),
        None => ("404 Not Found", json!({"type": "about:blank", "title": "none", "status": 404, "code": "not_found", "detail": "none"}).to_string()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // The client may be gone.
    stream
        .write_all(format!("{head}{body}").as_bytes())
        .await
        .ok();
}

/// Who trusts a later committee is shown the block as an ancestor of one of that epoch.
fn finality(chain: &Chain, from_epoch: u64, height: u64) -> FinalityProof {
    let first = (from_epoch - 1) * chain::EPOCH_LENGTH + 1;
    chain.finality_by(from_epoch, height, height.max(first))
}

fn namespace(chain: &Chain, height: u64) -> NamespaceAnswer {
    NamespaceAnswer {
        height: Height(height),
        block: chain.block(height).header.hash(),
        namespace: id(NAMESPACE),
        transactions: chain.transactions(height, NAMESPACE),
        proof: Some(chain.block(height).tree.prove(id(NAMESPACE))),
    }
}

fn transaction(chain: &Chain, hash: Hash) -> Option<TransactionAnswer> {
    for height in 1..=chain.height() {
        for (index, bytes) in chain
            .transactions(height, NAMESPACE)
            .into_iter()
            .enumerate()
        {
            if Hash(da::tx_hash(&bytes.0)) != hash {
                continue;
            }
            let block = chain.block(height);
            return Some(TransactionAnswer {
                hash,
                namespace: id(NAMESPACE),
                state: TransactionState::Final,
                position: Some(Position {
                    height: Height(height),
                    block: block.header.hash(),
                    index: index as u64,
                }),
                proof: block.tree.prove_transaction(id(NAMESPACE), index),
                transaction: Some(bytes),
            });
        }
    }
    None
}

async fn follow(stream: &mut TcpStream, mut state: State, from: u64, from_epoch: u64) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    if stream.write_all(head.as_bytes()).await.is_err() {
        return;
    }
    let mut next = from;
    loop {
        let mut events = String::new();
        let tip = {
            let chain = state.chain.lock().unwrap();
            for height in next.max(1)..=chain.height() {
                let transactions = chain.transactions(height, NAMESPACE);
                if transactions.is_empty() || state.fault == Fault::Hides(height) {
                    continue;
                }
                let block = NamespaceBlock {
                    height: Height(height),
                    block: chain.block(height).header.hash(),
                    namespace: id(NAMESPACE),
                    transactions,
                    proof: Some(chain.block(height).tree.prove(id(NAMESPACE))),
                    finality: Some(finality(&chain, from_epoch, height)),
                    accumulator: Some(chain.accumulator(height, NAMESPACE)),
                };
                let data = serde_json::to_string(&block).unwrap();
                events.push_str(&format!(
                    "event: {}\nid: {height}\ndata: {data}\n\n",
                    event::BLOCK
                ));
            }
            let tip = chain.height();
            if tip >= next && tip > 0 {
                let told = NamespaceHead {
                    height: Height(tip),
                    namespace: id(NAMESPACE),
                    finality: Some(finality(&chain, from_epoch, tip)),
                    accumulator: Some(chain.accumulator(tip, NAMESPACE)),
                };
                let data = serde_json::to_string(&told).unwrap();
                events.push_str(&format!(
                    "event: {}\nid: {tip}\ndata: {data}\n\n",
                    event::HEAD
                ));
            }
            tip
        };
        if stream.write_all(events.as_bytes()).await.is_err() {
            return;
        }
        next = next.max(tip + 1);
        let mut byte = [0];
        tokio::select! {
            grown = state.grown.wait_for(|height| *height >= next) => if grown.is_err() { return },
            _ = stream.read(&mut byte) => return,
        }
    }
}
