//! A client of several servers names the one that lies, hides or stalls, and goes on with the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hotshot_types::{Epoch, Hash, Height};
use sequencer_client::{
    Client, ClientConfig, Cursor, Evidence, Fault, Servers,
    client::{Api, BlockId, NamespaceEvent, ServersConfig, ServersStream},
    proof::verify_finality,
    trust,
    types::{NamespaceBlock, Submitted, TransactionState},
};
use tokio::sync::watch;

use crate::{
    chain::{Chain, id},
    liar::{Liar, Lie},
    node::{Node, of_many_epochs, sample},
};

/// For tests of what happens to a server that is slow.
const QUICK: ServersConfig = ServersConfig {
    hedge: Duration::from_millis(1_000),
    stale: Duration::from_secs(2),
};

/// Who was asked is waited for, however busy the machine: for tests of what an answer says. Other
/// servers are looked at every five seconds.
const PATIENT: ServersConfig = ServersConfig {
    hedge: Duration::from_secs(60),
    stale: Duration::from_secs(10),
};

/// Three honest nodes with the sample chain, and a liar that is asked before them.
struct Desk {
    honest: Vec<Node>,
    liar: Liar,
    servers: Servers,
}

impl Desk {
    /// Whoever is slow is waited for: what is told counts.
    async fn with(lie: Lie) -> Self {
        Self::of(lie, PATIENT).await
    }

    async fn of(lie: Lie, config: ServersConfig) -> Self {
        let honest = vec![sample().await, sample().await, sample().await];
        let liar = Liar::before(honest[0].address, lie).await;
        let servers = servers(config, &liar.url, &honest);
        Self {
            honest,
            liar,
            servers,
        }
    }

    /// The liar was caught with this, and nobody else with a lie.
    #[track_caller]
    fn caught(&self, is_it: impl Fn(&Fault) -> bool) -> Evidence {
        let evidence = self.servers.evidence();
        assert!(
            lies(&self.servers)
                .iter()
                .all(|found| found.server == self.liar.url),
            "an honest server is blamed: {evidence:?}"
        );
        let found = evidence.iter().find(|found| is_it(&found.fault));
        let found = found.unwrap_or_else(|| panic!("{evidence:?}"));
        Evidence::clone(found)
    }

    #[track_caller]
    fn left(&self) {
        let asked = self.servers.asked();
        assert_eq!(asked.len(), self.honest.len());
        assert!(!asked.contains(&self.liar.url.as_str()));
    }

    /// The others answer, and nobody is left.
    async fn is_no_lie(&self) {
        let block = self.servers.block(BlockId::Height(Height(6))).await;
        assert_eq!(block.unwrap().header.height, Height(6));
        assert_eq!(lies(&self.servers), []);
        // Asked first again.
        let servers = servers(PATIENT, &self.liar.url, &self.honest);
        let mut stream = servers.follow(id(7), Height(1)).await.unwrap();
        assert_eq!(until(&mut stream, 10).await, [1, 3, 5, 7, 9]);
        assert_eq!(lies(&servers), []);
        assert_eq!((self.servers.asked().len(), servers.asked().len()), (4, 4));
    }

    /// Reads namespace 7 to the end of the chain.
    async fn reads_everything(&self) {
        let mut stream = self.servers.follow(id(7), Height(1)).await.unwrap();
        assert_eq!(until(&mut stream, 10).await, [1, 3, 5, 7, 9]);
        assert_eq!(stream.follower().height(), Height(10));
    }
}

fn lies(servers: &Servers) -> Vec<Arc<Evidence>> {
    let mut evidence = servers.evidence();
    evidence.retain(|found| found.fault.is_lie());
    evidence
}

fn servers(config: ServersConfig, first: &str, others: &[Node]) -> Servers {
    let mut apis = vec![Api::new(first, ClientConfig::default()).unwrap()];
    apis.extend(others.iter().map(Node::api));
    let root = trust::from_genesis(&others[0].chain.genesis).unwrap();
    Servers::new(apis, root, config).unwrap()
}

/// Heights of the blocks up to where everything is read.
async fn until(stream: &mut ServersStream<'_>, height: u64) -> Vec<u64> {
    let mut heights = Vec::new();
    let read = async {
        loop {
            match stream.next().await.unwrap() {
                NamespaceEvent::Block(block, _) => heights.push(block.header.height.0),
                NamespaceEvent::Complete(block) if block.header.height.0 >= height => return,
                NamespaceEvent::Complete(_) => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(120), read)
        .await
        .expect("the others serve");
    heights
}

#[tokio::test]
async fn wrong_bytes_are_caught_in_answers_and_streams() {
    let desk = Desk::with(Lie::WrongBytes).await;
    let data = desk.servers.namespace(BlockId::Height(Height(5)), id(7));
    let body = data.await.unwrap().body.unwrap();
    assert_eq!(&body.transactions().next().unwrap()[..], [5, 1]);
    let evidence = desk.caught(|fault| *fault == Fault::FalseProof);
    assert!(
        evidence.answers[0]
            .text
            .as_ref()
            .unwrap()
            .contains("bGllcw==")
    );
    desk.left();

    let desk = Desk::with(Lie::WrongBytes).await;
    desk.reads_everything().await;
    desk.caught(|fault| *fault == Fault::FalseProof);
    desk.left();

    let desk = Desk::with(Lie::WrongBytes).await;
    let hash = Hash(da::tx_hash(&[5, 2, 2]));
    let found = desk.servers.transaction(hash, None).await.unwrap();
    assert_eq!((found.block.header.height, found.index), (Height(5), 1));
    desk.caught(|fault| *fault == Fault::OtherSubject || *fault == Fault::FalseProof);
    desk.left();
}

#[tokio::test]
async fn a_withheld_block_is_caught_before_the_next_one_is_returned() {
    for withheld in [1, 3, 7] {
        let desk = Desk::with(Lie::Withheld(withheld)).await;
        desk.reads_everything().await;
        let evidence = desk.caught(|fault| matches!(fault, Fault::Hidden { .. }));
        let Fault::Hidden {
            height,
            expected,
            received,
        } = evidence.fault
        else {
            unreachable!()
        };
        assert!(height > Height(withheld));
        assert_eq!(expected, received + 1);
        desk.left();
    }
}

#[tokio::test]
async fn a_block_that_is_withheld_with_the_way_to_its_epoch_is_caught_too() {
    for withheld in [5, 9] {
        let desk = Desk::with(Lie::Withheld(withheld)).await;
        desk.reads_everything().await;
        desk.caught(Fault::is_lie);
        desk.left();
    }
}

#[tokio::test]
async fn a_forged_certificate_is_caught_and_anybody_can_check_the_evidence() {
    let desk = Desk::with(Lie::ForgedCertificate).await;
    let block = desk
        .servers
        .block(BlockId::Height(Height(6)))
        .await
        .unwrap();
    assert_eq!(block.hash, desk.honest[0].chain.header(6).hash());
    desk.caught(|fault| *fault == Fault::FalseProof);
    desk.left();

    let desk = Desk::with(Lie::ForgedCertificate).await;
    desk.reads_everything().await;
    let evidence = desk.caught(|fault| *fault == Fault::FalseProof);
    // Whoever gets the file checks the same bytes with the same trust root.
    let file = serde_json::to_string(&evidence).unwrap();
    let evidence: Evidence = serde_json::from_str(&file).unwrap();
    let answer = evidence.answers.last().unwrap();
    let sent: NamespaceBlock = serde_json::from_str(answer.text.as_ref().unwrap()).unwrap();
    let mut root = trust::from_genesis(&desk.honest[0].chain.genesis).unwrap();
    assert!(verify_finality(&sent.finality.unwrap(), &mut root).is_err());
}

#[tokio::test]
async fn a_stale_accumulator_is_caught() {
    let honest = sample().await;
    let desk = Desk::with(stale_accumulator(&honest).await).await;
    let (_, entry) = desk
        .servers
        .accumulator(BlockId::Height(Height(8)), id(7))
        .await
        .unwrap();
    assert_eq!(entry.block_count, 4);
    desk.caught(|fault| *fault == Fault::FalseProof);
    desk.left();
    let desk = Desk::with(stale_accumulator(&honest).await).await;
    desk.reads_everything().await;
    desk.caught(|fault| *fault == Fault::FalseProof);
    desk.left();
}

async fn stale_accumulator(honest: &Node) -> Lie {
    let api = honest.api();
    let old = api.accumulator(BlockId::Height(Height(2)), id(7)).await;
    Lie::StaleAccumulator(serde_json::to_value(old.unwrap().proof).unwrap())
}

#[tokio::test]
async fn what_is_no_answer_of_the_api_is_caught() {
    let desk = Desk::with(Lie::Garbage).await;
    desk.reads_everything().await;
    let evidence = desk.caught(|fault| *fault == Fault::Malformed);
    assert!(evidence.to_string().contains("does not speak the API"));
    desk.left();
}

#[tokio::test]
async fn the_page_of_a_proxy_is_no_lie_of_the_server_behind_it() {
    for status in [200, 302, 403, 404, 413, 503] {
        let desk = Desk::with(Lie::Page(status.try_into().unwrap())).await;
        desk.is_no_lie().await;
        let sent = desk.servers.submit(id(7), vec![9].into(), None);
        sent.await.unwrap();
        let api = Api::new(&desk.liar.url, ClientConfig::default()).unwrap();
        let page = api.payload(BlockId::Height(Height(6))).await;
        assert!(page.unwrap_err().is_transient());
    }
}

#[tokio::test]
async fn what_is_cut_on_its_way_is_no_lie_of_the_server() {
    Desk::with(Lie::Cut).await.is_no_lie().await;
}

#[tokio::test]
async fn an_old_answer_of_a_cache_is_no_lie_of_the_server_behind_it() {
    let desk = Desk::with(Lie::Cached).await;
    let block = desk.servers.block(BlockId::Height(Height(10)));
    assert_eq!(block.await.unwrap().header.epoch, Epoch(3));
    let block = desk.servers.block(BlockId::Height(Height(2)));
    assert_eq!(block.await.unwrap().header.height, Height(2));
    assert_eq!(lies(&desk.servers), []);
    assert_eq!(desk.servers.asked().len(), 4, "nobody is left");
    assert_ne!(desk.servers.asked()[0], desk.liar.url, "it rests");
}

#[tokio::test]
async fn a_server_that_stalls_gets_a_competitor_and_rests() {
    let desk = Desk::of(Lie::Silence, QUICK).await;
    let block = desk
        .servers
        .block(BlockId::Height(Height(6)))
        .await
        .unwrap();
    assert_eq!(block.header.height, Height(6));
    desk.caught(|fault| matches!(fault, Fault::Silent { waited_ms } if *waited_ms >= 1_000));
    assert_ne!(desk.servers.asked()[0], desk.liar.url, "it rests");
    let desk = Desk::of(Lie::Silence, QUICK).await;
    desk.reads_everything().await;
    desk.caught(|fault| {
        matches!(
            fault,
            Fault::Behind {
                proven: Height(10),
                ..
            }
        )
    });
}

#[tokio::test]
async fn a_server_that_is_behind_is_compared_with_what_others_prove() {
    let honest = sample().await;
    let mut short = Chain::sample();
    short.blocks.truncate(5);
    let behind = Node::start(short).await;
    // By the time that the old block comes, the client was led to a later epoch.
    let newest = Liar::before(honest.address, Lie::After(watch::channel(true).1)).await;
    let behind = Liar::before(behind.address, Lie::After(newest.answered.clone())).await;
    let config = ServersConfig {
        // Blocks of the sample are 100 ms apart.
        stale: Duration::from_millis(500),
        ..PATIENT
    };
    let apis = [&behind, &newest].map(|server| {
        let config = ClientConfig::default();
        Api::new(&server.url, config).unwrap()
    });
    let root = trust::from_genesis(&honest.chain.genesis).unwrap();
    let servers = Servers::new(apis.into(), root, config).unwrap();
    let head = servers.block(BlockId::Latest).await.unwrap();
    assert_eq!(head.header.height, Height(10));
    assert_eq!(lies(&servers), [], "to be late is no lie");
    let evidence = servers.evidence();
    let expected = Fault::Behind {
        shown: Height(4),
        proven: Height(10),
    };
    let evidence = evidence.iter().find(|found| found.fault == expected);
    let evidence = evidence.expect("it is behind");
    assert!(evidence.server.starts_with(&behind.url));
    let proof = evidence.answers[0].text.as_ref().unwrap();
    assert!(proof.contains("certificate"), "the other's proof is kept");
}

#[tokio::test]
async fn a_stream_is_believed_after_its_client_was_led_further_elsewhere() {
    let node = sample().await;
    let client = node.client();
    let mut stream = client.follow(id(7), Height(1)).await.unwrap();
    let first = stream.next().await.unwrap();
    assert!(matches!(first, NamespaceEvent::Block(block, _) if block.header.epoch == Epoch(1)));
    client.block(BlockId::Height(Height(10))).await.unwrap();
    assert_eq!(client.trust().epoch(), Epoch(3));
    let second = stream.next().await.unwrap();
    assert!(matches!(second, NamespaceEvent::Block(block, _) if block.header.epoch == Epoch(1)));
    while !matches!(stream.next().await.unwrap(), NamespaceEvent::Complete(block) if block.header.height == Height(10))
    {
    }
}

#[tokio::test]
async fn a_stream_leaves_a_server_that_stops_growing() {
    let honest = vec![sample().await, sample().await];
    let mut short = Chain::sample();
    short.blocks.truncate(5);
    let behind = Node::start(short).await;
    let servers = servers(QUICK, &behind.url(), &honest);
    let mut stream = servers.follow(id(7), Height(1)).await.unwrap();
    assert_eq!(until(&mut stream, 10).await, [1, 3, 5, 7, 9]);
    let evidence = servers.evidence();
    assert!(evidence.iter().any(|found| {
        found.server.starts_with(&behind.url()) && matches!(found.fault, Fault::Behind { .. })
    }));
}

#[tokio::test]
async fn a_reader_goes_on_at_another_server_when_one_stops() {
    let mut nodes = [sample().await, sample().await];
    let servers = servers(PATIENT, &nodes[0].url(), &nodes[1..]);
    let mut stream = servers.follow(id(7), Height(1)).await.unwrap();
    assert_eq!(until(&mut stream, 10).await, [1, 3, 5, 7, 9]);
    nodes[0].stop().await;
    nodes[1].push(&[(7, &[vec![11]])]);
    assert_eq!(until(&mut stream, 11).await, [11]);
    assert_eq!(lies(&servers), [], "stopping is no lie");
}

#[tokio::test]
async fn a_reader_resumes_from_its_cursor_without_proving_anything_again() {
    let mut node = sample().await;
    let servers = servers(PATIENT, &node.url(), std::slice::from_ref(&node));
    let mut stream = servers.follow(id(7), Height(1)).await.unwrap();
    let mut heights = Vec::new();
    while heights.len() < 4 {
        if let NamespaceEvent::Block(block, _) = stream.next().await.unwrap() {
            heights.push(block.header.height.0);
        }
    }
    let file = serde_json::to_string(&stream.cursor()).unwrap();
    drop(stream);
    node.push(&[(7, &[vec![11]])]);
    let cursor: Cursor = serde_json::from_str(&file).unwrap();
    assert_eq!(cursor.height, Height(7));
    assert_eq!(cursor.checkpoint.committee.epoch().0, 2, "that of block 7");
    assert!(cursor.follower(id(8)).is_err(), "another namespace's");
    let later = Servers::new(vec![node.api()], cursor.trust().unwrap(), PATIENT).unwrap();
    let mut stream = later.follow_after(cursor.follower(id(7)).unwrap());
    assert_eq!(until(&mut stream, 11).await, [9, 11]);
}

#[tokio::test]
async fn a_pending_transaction_is_nobodys_fault() {
    let desk = Desk::with(Lie::Withheld(100)).await;
    let sent = desk.honest[0]
        .api()
        .submit(id(7), vec![9, 9].into(), None)
        .await;
    let hash = sent.unwrap().hash;
    assert!(desk.servers.transaction(hash, None).await.is_err());
    assert_eq!(lies(&desk.servers), []);
    assert_eq!(desk.servers.asked().len(), 4);
}

#[tokio::test]
async fn a_server_that_answers_a_submission_with_another_transaction_is_left() {
    let receipt = |bytes: &[u8]| Submitted {
        hash: Hash(da::tx_hash(bytes)),
        namespace: id(7),
        state: TransactionState::Pending,
        position: None,
    };
    let older = serde_json::to_value(receipt(&[5, 1])).unwrap();
    let desk = Desk::with(Lie::Receipt(older)).await;
    let submitted = desk.servers.submit(id(7), vec![9, 9].into(), None).await;
    assert_eq!(submitted.unwrap(), receipt(&[9, 9]));
    desk.caught(|fault| *fault == Fault::OtherSubject);
    desk.left();
}

#[tokio::test]
async fn a_way_to_a_block_that_is_made_up_is_not_walked() {
    let node = of_many_epochs().await;
    let told = Arc::new(AtomicU64::new(0));
    let liar = Liar::before(node.address, Lie::Way(Arc::clone(&told))).await;
    let api = Api::new(&liar.url, ClientConfig::default()).unwrap();
    let client = Client::new(api, node.client().trust());
    let error = client
        .block(BlockId::Height(Height(300)))
        .await
        .unwrap_err();
    assert_eq!(Fault::of(&error), Some(Fault::FalseProof), "{error}");
    assert_eq!(told.load(Relaxed), 1, "the first part was checked");
}

#[tokio::test]
async fn one_server_alone_is_as_good_as_a_client() {
    let node = sample().await;
    let root = trust::from_genesis(&node.chain.genesis).unwrap();
    let servers = Servers::new(vec![node.api()], root.clone(), PATIENT).unwrap();
    let client = Client::new(node.api(), root.clone());
    let latest = BlockId::Latest;
    assert_eq!(
        servers.block(latest).await.unwrap(),
        client.block(latest).await.unwrap()
    );
    assert!(Servers::new(Vec::new(), root, PATIENT).is_err());
}
