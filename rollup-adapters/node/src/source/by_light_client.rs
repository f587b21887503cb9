//! By light client: whenever the L1 stores a newer block, everything up to it.

use std::time::Duration;

use hotshot_types::Height;
use rollup_derive::Fact;
use sequencer_client::Servers;
use sequencer_proof::{Anchor, Follower};
use tokio::{sync::watch, time::sleep};

use super::{Anchors, Facts, SourceError};

/// Between two looks at the L1.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the reader stands: the follower's position, and the height to ask for next, which is higher where servers no
/// longer keep old summaries.
struct Position {
    follower: Follower,
    next: Height,
    /// Whether nothing is missing up to there.
    is_confirmed: bool,
}

/// Nobody listens any more.
struct Over;

/// Reads until nobody listens.
pub(super) async fn read(
    servers: &Servers,
    anchors: &mut Anchors,
    newest: &watch::Sender<Option<Anchor>>,
    from: Follower,
    facts: &Facts,
) {
    let next = from.height().next();
    let mut at = Position {
        follower: from,
        next,
        is_confirmed: true,
    };
    loop {
        match anchor(servers, anchors, newest).await {
            Ok(Some(anchor)) => match follow(servers, &anchor, &mut at, facts).await {
                Ok(()) => {}
                Err(Over) => return,
            },
            Ok(None) => {}
            Err(error) => {
                if facts.send(Err(error)).await.is_err() {
                    return;
                }
            }
        }
        sleep(PAUSE).await;
    }
}

/// The block that the L1 stores, opened by a server. None while the light client is frozen.
async fn anchor(
    servers: &Servers,
    anchors: &mut Anchors,
    newest: &watch::Sender<Option<Anchor>>,
) -> Result<Option<Anchor>, SourceError> {
    let stored = anchors.newest().await.map_err(SourceError::L1)?;
    let Some((height, entry)) = stored else {
        tracing::error!(
            "the light client on the L1 is frozen: two final blocks contradict each other"
        );
        return Ok(None);
    };
    let known = newest.borrow().clone();
    if let Some(known) = known.filter(|known| known.block().header.height >= height) {
        return Ok(Some(known));
    }
    let anchor = servers.anchor(height, entry).await?;
    newest.send_replace(Some(anchor.clone()));
    Ok(Some(anchor))
}

/// Reads up to an anchor, or until something fails.
async fn follow(
    servers: &Servers,
    anchor: &Anchor,
    at: &mut Position,
    facts: &Facts,
) -> Result<(), Over> {
    while at.next <= anchor.block().header.height {
        let part = servers.part_under(anchor, &at.follower, at.next, at.is_confirmed);
        let part = match part.await {
            Ok(part) => part,
            Err(error) => return send(facts, Err(error.into())).await,
        };
        for (block, body) in part.blocks {
            send(facts, Ok(Fact::Block(block, body))).await?;
        }
        *at = Position {
            follower: part.follower,
            next: part.next,
            is_confirmed: part.summary.is_some(),
        };
        if let Some(summary) = part.summary {
            let checked = at.follower.check(&summary.header, summary.entry());
            send(facts, Ok(Fact::Complete(summary))).await?;
            if checked.is_err() {
                // Some server left out a block a while ago. Derivation notices, too, and says from where to read anew.
                return Err(Over);
            }
        }
    }
    Ok(())
}

async fn send(facts: &Facts, fact: Result<Fact, SourceError>) -> Result<(), Over> {
    facts.send(fact).await.map_err(|_| Over)
}
