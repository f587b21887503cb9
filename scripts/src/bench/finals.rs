//! When each block was final, as each node's stream of headers told it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use hotshot_types::Height;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinSet,
};

use crate::network::Network;

/// Times by height, for each node.
#[derive(Clone, Debug)]
pub(super) struct Finals(Arc<Mutex<Vec<BTreeMap<Height, Instant>>>>);

impl Finals {
    /// Follows all nodes until the tasks are dropped.
    pub(super) async fn watch(network: &Network) -> Result<(Self, JoinSet<Result<()>>)> {
        let finals = Self(Arc::new(Mutex::new(vec![
            BTreeMap::new();
            network.nodes.len()
        ])));
        let mut tasks = JoinSet::new();
        for node in &network.nodes {
            let url = node.url();
            let address = url.strip_prefix("http://").context("a plain URL")?;
            let mut stream = TcpStream::connect(address).await?;
            // HTTP/1.0: no chunks between the lines.
            let request = format!("GET /v1/stream/headers HTTP/1.0\r\nhost: {address}\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            tasks.spawn(finals.clone().follow(node.index, stream));
        }
        Ok((finals, tasks))
    }

    async fn follow(self, node: usize, stream: TcpStream) -> Result<()> {
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(id) = line.strip_prefix("id:") {
                let height = Height(id.trim().parse()?);
                let now = Instant::now();
                let mut finals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                finals[node].insert(height, now);
            }
        }
        bail!("node {node} ended its stream of headers")
    }

    /// When a node said that a height is final.
    pub(super) fn at(&self, node: usize, height: Height) -> Option<Instant> {
        let finals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        finals.get(node)?.get(&height).copied()
    }

    /// When the `count`-th of all nodes said so.
    pub(super) fn nth(&self, count: usize, height: Height) -> Option<Instant> {
        let finals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times: Vec<Instant> = finals
            .iter()
            .filter_map(|node| node.get(&height).copied())
            .collect();
        times.sort_unstable();
        times.get(count.checked_sub(1)?).copied()
    }
}
