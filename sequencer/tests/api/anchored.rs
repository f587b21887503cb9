//! Reading under what a light client on an L1 stores: without looking at a certificate.

use hotshot_types::{Hash, Height, digest::keccak_concat};
use sequencer_client::{
    Anchor, Client, ClientConfig, ClientError, Fault, Follower, Servers,
    client::{Api, ServersConfig},
    trust,
};

use crate::{
    chain::{Chain, id},
    liar::{Liar, Lie},
    node::{Node, sample},
};

/// What the contract has of a block.
fn entry(chain: &Chain, height: u64) -> Hash {
    let header = chain.header(height);
    keccak_concat(&[&header.hash().0, &header.history_root.0])
}

/// A client that could not check a certificate: its trust is in another network.
fn client(api: Api) -> Client {
    let parameters = Chain::sample().genesis.parameters;
    let other = Chain::of(Hash([99; 32]), parameters);
    Client::new(api, trust::from_genesis(&other.genesis).unwrap())
}

async fn heights(client: &Client, anchor: &Anchor) -> Vec<u64> {
    let start = Follower::from_start(id(7));
    let part = client.part_under(anchor, &start, Height(1), true);
    let part = part.await.unwrap();
    assert_eq!(part.next, anchor.block().header.height.next());
    let summary = part.summary.unwrap();
    assert_eq!(summary.header.height, anchor.block().header.height);
    let blocks = part.blocks.iter();
    blocks.map(|(block, _)| block.header.height.0).collect()
}

#[tokio::test]
async fn everything_up_to_the_light_clients_block_is_read() {
    let node = sample().await;
    let client = client(node.api());
    for (height, expected) in [
        (10, vec![1, 3, 5, 7, 9]),
        (7, vec![1, 3, 5, 7]),
        (6, vec![1, 3, 5]),
    ] {
        let entry = entry(&node.chain, height);
        let anchor = client.anchor(Height(height), entry).await.unwrap();
        assert_eq!(heights(&client, &anchor).await, expected);
        for below in 0..=height {
            let block = client.block_under(&anchor, Height(below)).await.unwrap();
            assert_eq!(block.header, *node.chain.header(below));
        }
        let above = client.block_under(&anchor, Height(height + 1)).await;
        assert!(above.is_err());
    }
}

#[tokio::test]
async fn a_namespace_of_one_block_is_read() {
    let node = sample().await;
    let client = client(node.api());
    let anchor = client
        .anchor(Height(8), entry(&node.chain, 8))
        .await
        .unwrap();
    let (block, body) = client
        .namespace_under(&anchor, Height(5), id(7))
        .await
        .unwrap();
    assert_eq!((block.header.height, body.unwrap().len()), (Height(5), 3));
    let (_, body) = client
        .namespace_under(&anchor, Height(6), id(7))
        .await
        .unwrap();
    assert_eq!(body, None);
}

#[tokio::test]
async fn another_block_than_the_light_clients_opens_nothing() {
    let node = sample().await;
    let servers = servers(&node.url(), std::slice::from_ref(&node));
    let refused = servers.anchor(Height(7), entry(&node.chain, 8)).await;
    assert!(
        matches!(refused, Err(ClientError::Anchor(_))),
        "{refused:?}"
    );
    assert_eq!(servers.evidence(), [], "the L1 may be wrong");
}

fn servers(first: &str, others: &[Node]) -> Servers {
    let mut apis = vec![Api::new(first, ClientConfig::default()).unwrap()];
    apis.extend(others.iter().map(Node::api));
    let root = trust::from_genesis(&others[0].chain.genesis).unwrap();
    Servers::new(apis, root, ServersConfig::default()).unwrap()
}

#[tokio::test]
async fn whoever_alters_a_block_under_the_anchor_is_left() {
    let node = sample().await;
    let liar = Liar::before(node.address, Lie::WrongBytes).await;
    let servers = servers(&liar.url, std::slice::from_ref(&node));
    let anchor = servers
        .anchor(Height(10), entry(&node.chain, 10))
        .await
        .unwrap();
    let start = Follower::from_start(id(7));
    let part = servers
        .part_under(&anchor, &start, Height(1), true)
        .await
        .unwrap();
    assert_eq!(part.blocks.len(), 5);
    let evidence = servers.evidence();
    assert_eq!(evidence.len(), 1);
    assert_eq!(
        (&evidence[0].server, &evidence[0].fault),
        (&liar.url, &Fault::FalseProof)
    );
}
