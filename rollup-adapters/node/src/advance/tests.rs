//! Against the real contracts on anvil.

use rollup_contracts::calls::Hint;
use sequencer_client::{
    ClientConfig,
    client::{Api, ServersConfig},
    trust,
};
use serde_json::{Value, json};

use super::*;
use crate::{l1::tests::Rollup, testing};

impl Rollup {
    fn advancer(&self) -> Advancer {
        let root = trust::from_genesis(&testing::sequencer(anvil::CHAIN)).unwrap();
        // Nobody listens there.
        let api = Api::new("http://127.0.0.1:9", ClientConfig::default()).unwrap();
        Advancer {
            endpoints: vec![self.sender.endpoint().clone()],
            account: anvil::account(1),
            contracts: self.contracts,
            namespace: NamespaceId::new(7).unwrap(),
            every: 1,
            servers: Arc::new(Servers::new(vec![api], root, ServersConfig::default()).unwrap()),
        }
    }

    async fn order(&self, method: &'static str, params: Value) -> Value {
        self.sender.endpoint().ask(method, params).await.unwrap()
    }

    async fn covered(&self) -> u64 {
        let call = IL1MessageQueue::coveredCall {};
        let covered = self
            .sender
            .endpoint()
            .view(self.contracts.queue, &call, Tag::Latest);
        covered.await.unwrap()
    }
}

#[tokio::test]
async fn queue_is_told_again_when_the_l1_takes_back_what_it_was_told() {
    let rollup = Rollup::start(0).await;
    rollup.force(&[b"one", b"two"]).await;
    rollup.order("evm_increaseTime", json!([24 * 3_600])).await;
    rollup.order("evm_mine", json!([])).await;
    let force = calls::force_segment(Hint::Checkpoint(1));
    let inbox = Some(rollup.contracts.inbox);
    rollup.sender.send(inbox, force).await.unwrap();

    let (advancer, mut told) = (rollup.advancer(), None);
    let before = rollup.order("evm_snapshot", json!([])).await;
    for _ in 0..2 {
        advancer.look(0, &mut told).await.unwrap();
        assert_eq!(rollup.covered().await, 2);
    }
    rollup.order("evm_revert", json!([before])).await;
    assert_eq!(rollup.covered().await, 0);
    advancer.look(0, &mut told).await.unwrap();
    assert_eq!(rollup.covered().await, 2);
}
