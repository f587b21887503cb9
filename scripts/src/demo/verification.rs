//! Reading everything back, believing nothing that is not proven from genesis.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use da::{NamespaceBody, NamespaceId, tx_hash};
use hotshot_types::{Hash, Height};
use sequencer_client::{
    Servers,
    client::{NamespaceEvent, ServersConfig},
    trust,
    types::Position,
};

use super::last_height;
use crate::{
    network::{Network, Node},
    traffic::load::Delivered,
};

/// How many servers each reader of a namespace has.
const SERVERS: usize = 2;
/// How many readers each namespace has; the second one asks the servers of the first in another order.
const READERS: usize = 2;

/// Where the transactions of a namespace stand.
type Places = BTreeMap<Hash, Position>;

/// Reads each namespace over several servers and checks that what was delivered stands in it exactly once, where the
/// node that took it said, and that another node proved it. Returns the number of proofs that were verified.
pub(crate) async fn verify(network: &Network, delivered: &[Delivered]) -> Result<u64> {
    let mut by_namespace: BTreeMap<NamespaceId, Vec<&Delivered>> = BTreeMap::new();
    for sent in delivered {
        by_namespace.entry(sent.namespace).or_default().push(sent);
    }
    let end = last_height(delivered);
    let mut proofs = 0;
    for (position, (namespace, sent)) in by_namespace.into_iter().enumerate() {
        let mut proven_by: BTreeMap<Hash, BTreeSet<usize>> = BTreeMap::new();
        for reader in 0..READERS {
            let nodes = servers_of(network, position + reader);
            let reading = read(network, &nodes, namespace, end)
                .await
                .with_context(|| format!("namespace {namespace} from {}", nodes[0]))?;
            proofs += reading.proofs;
            compare(&reading.places, &sent)
                .with_context(|| format!("namespace {namespace} from {}", nodes[0]))?;
            for (hash, node) in reading.proven_by {
                proven_by.entry(hash).or_default().insert(node);
            }
        }
        for sent in sent {
            let is_independent = proven_by
                .get(&sent.hash)
                .is_some_and(|nodes| nodes.iter().any(|node| *node != sent.taken_by));
            ensure!(
                is_independent,
                "only the node that took {} proved it",
                sent.hash
            );
        }
    }
    Ok(proofs)
}

/// The nodes after the one at a position, so that the namespace's home, which takes its transactions, comes last.
fn servers_of(network: &Network, position: usize) -> Vec<&Node> {
    let count = network.nodes.len();
    (1..=SERVERS.min(count))
        .map(|step| &network.nodes[(position + step) % count])
        .collect()
}

/// What a reader found.
#[derive(Default)]
struct Reading {
    places: Places,
    /// The node that proved each transaction.
    proven_by: BTreeMap<Hash, usize>,
    proofs: u64,
}

/// Reads a namespace from its start up to a height; the answer is proven complete.
async fn read(
    network: &Network,
    nodes: &[&Node],
    namespace: NamespaceId,
    end: Height,
) -> Result<Reading> {
    let apis = nodes.iter().map(|node| node.api()).collect::<Result<_>>()?;
    let root = trust::from_genesis(&network.genesis)?;
    let servers = Servers::new(apis, root, ServersConfig::default())?;
    let mut stream = servers.follow(namespace, Height(0)).await?;
    let mut reading = Reading::default();
    loop {
        let event = stream.next().await?;
        // What is here already comes without a pause, and a signal would have to wait for the end of it.
        tokio::task::yield_now().await;
        reading.proofs += 1;
        let server = stream.server().unwrap_or_default().trim_end_matches('/');
        let server = nodes.iter().find(|node| node.url() == server);
        match event {
            NamespaceEvent::Block(block, body) => {
                let (height, hash) = (block.header.height, block.hash);
                add(&mut reading.places, height, hash, &body)?;
                for transaction in body.transactions() {
                    let server = server.context("an answer of no server")?;
                    let hash = Hash(tx_hash(&transaction));
                    reading.proven_by.insert(hash, server.index);
                }
            }
            NamespaceEvent::Complete(block) if block.header.height >= end => break,
            NamespaceEvent::Complete(_) => {}
        }
    }
    let evidence = servers.evidence();
    if let Some(evidence) = evidence.iter().find(|found| found.fault.is_lie()) {
        bail!("an honest node was caught: {evidence}");
    }
    Ok(reading)
}

fn add(places: &mut Places, height: Height, block: Hash, body: &NamespaceBody) -> Result<()> {
    for (index, transaction) in (0_u64..).zip(body.transactions()) {
        let hash = Hash(tx_hash(&transaction));
        let place = Position {
            height,
            block,
            index,
        };
        if let Some(before) = places.insert(hash, place) {
            bail!(
                "{hash} stands in the chain twice, in blocks {} and {height}",
                before.height
            );
        }
    }
    Ok(())
}

/// Whether the chain holds what was delivered, where it should be, and nothing else.
fn compare(places: &Places, sent: &[&Delivered]) -> Result<()> {
    for sent in sent {
        let place = places.get(&sent.hash);
        let place =
            place.with_context(|| format!("{} was called final and is not there", sent.hash))?;
        ensure!(
            *place == sent.position,
            "{} does not stand where it was said to",
            sent.hash
        );
    }
    let expected: BTreeSet<Hash> = sent.iter().map(|sent| sent.hash).collect();
    let surplus = places.keys().find(|hash| !expected.contains(hash));
    ensure!(
        surplus.is_none(),
        "the chain holds a transaction that nobody sent: {surplus:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn delivered(seed: u8, height: u64) -> Delivered {
        Delivered {
            namespace: NamespaceId::new(1).expect("not zero"),
            hash: Hash([seed; 32]),
            len: 1,
            taken_by: 0,
            latency: Duration::ZERO,
            position: position(height),
            repeats: 0,
        }
    }

    fn position(height: u64) -> Position {
        Position {
            height: Height(height),
            block: Hash::ZERO,
            index: 0,
        }
    }

    #[test]
    fn chain_must_hold_exactly_what_was_delivered() {
        let (one, two) = (delivered(1, 5), delivered(2, 6));
        let chain = Places::from([(one.hash, position(5)), (two.hash, position(6))]);
        assert!(compare(&chain, &[&one, &two]).is_ok());
        assert!(compare(&chain, &[&one]).is_err(), "a surplus transaction");
        assert!(
            compare(&chain, &[&one, &two, &delivered(3, 7)]).is_err(),
            "a lost transaction"
        );
        assert!(
            compare(&chain, &[&one, &delivered(2, 7)]).is_err(),
            "another place"
        );
    }
}
