use sequencer_client::{
    ClientConfig,
    client::{Api, ServersConfig},
    trust,
};

use super::*;
use crate::testing::served::Served;

#[tokio::test]
async fn what_comes_after_errors_does_not_wait_behind_them() {
    let served = Served::start().await;
    served.push(&["a"]);
    let api = Api::new(&served.url, ClientConfig::default()).unwrap();
    let root = trust::from_genesis(&served.genesis()).unwrap();
    let servers = Servers::new(vec![api], root, ServersConfig::default()).unwrap();
    let head = servers.head().await.unwrap();
    let (sender, facts) = mpsc::channel(AHEAD);
    let mut source = Source {
        servers: Arc::new(servers),
        namespace: NamespaceId::new(7).unwrap(),
        way: Way::Certificate,
        facts,
        reader: tokio::spawn(async {}),
        noted: None,
        named: 0,
    };
    let error = |number: u64| Err(SourceError::Absent(Height(number)));
    for number in 1..=3 {
        sender.send(error(number)).await.unwrap();
    }
    let last = source.next().await.unwrap_err();
    assert!(matches!(last, SourceError::Absent(Height(3))), "{last}");
    sender.send(error(4)).await.unwrap();
    for _ in 0..2 {
        let fact = Fact::Header(head.clone());
        sender.send(Ok(fact)).await.unwrap();
    }
    sender.send(error(5)).await.unwrap();
    assert!(matches!(source.next().await, Ok(Fact::Header(_))));
    assert!(
        matches!(source.next().await, Ok(Fact::Header(_))),
        "no fact is left out"
    );
    assert!(source.next().await.is_err());
}
