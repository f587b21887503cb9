//! By certificate: the client's own stream.

use std::time::Duration;

use rollup_derive::Fact;
use sequencer_client::{Servers, client::NamespaceEvent};
use sequencer_proof::Follower;
use tokio::time::sleep;

use super::Facts;

/// After all servers failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads until nobody listens.
pub(super) async fn read(servers: &Servers, from: Follower, facts: &Facts) {
    let mut stream = servers.follow_after(from);
    loop {
        let event = stream.next().await;
        let failed = event.is_err();
        let fact = event.map(|event| match event {
            NamespaceEvent::Block(block, body) => Fact::Block(block, body),
            NamespaceEvent::Complete(summary) => Fact::Complete(summary),
        });
        if facts.send(fact.map_err(Into::into)).await.is_err() {
            return;
        }
        if failed {
            sleep(PAUSE).await;
        }
    }
}
