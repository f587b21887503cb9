//! Which checkpoints of the queue are covered.

use anvil::CHAIN;
use hotshot_types::Hash;
use light_client::rpc::Tag;
use rollup_contracts::{
    calls::{self, Hint},
    queue::{Border, Coverage, border, oldest, untold},
};
use serde_json::{Value, json};

use rollup_contracts::deploy::Contracts;

use super::Rollup;

/// Checkpoints that a search looks at.
const RING: u64 = 256;

impl Rollup {
    async fn border(&self, l1_block: u64, pinned: u64) -> Border {
        let (queue, coverage) = (self.contracts.queue, Coverage { l1_block, pinned });
        let found = border(self.sender.endpoint(), queue, coverage, Tag::Latest);
        found.await.unwrap()
    }

    async fn oldest(&self, pinned: u64, at: Tag) -> Option<Hint> {
        let coverage = Coverage {
            l1_block: 0,
            pinned,
        };
        let found = oldest(self.sender.endpoint(), self.contracts.queue, coverage, at);
        found.await.unwrap()
    }

    async fn untold(&self, l1_block: u64, pinned: u64) -> Option<(u64, u64)> {
        let (queue, coverage) = (self.contracts.queue, Coverage { l1_block, pinned });
        let found = untold(self.sender.endpoint(), queue, coverage, Tag::Latest);
        found.await.unwrap()
    }

    /// Puts a message into each of so many blocks, without a look at what it costs.
    async fn fill(&self, blocks: u64) {
        let call = format!("0x{}", hex::encode(calls::force_tx(b"x")));
        let transaction = json!([{
            "from": self.sender.address(),
            "to": self.contracts.queue,
            "value": "0x38d7ea4c68000",
            "input": call,
            "gas": "0x7a120",
        }]);
        let _: () = self.l1.order("evm_setAutomine", json!([false])).await;
        for _ in 0..blocks {
            let transaction = transaction.clone();
            let _: Hash = self.l1.order("eth_sendTransaction", transaction).await;
            let _: Value = self.l1.order("evm_mine", json!([])).await;
        }
        let _: () = self.l1.order("evm_setAutomine", json!([true])).await;
    }

    async fn l1_block(&self) -> u64 {
        let newest = self.sender.endpoint().block(Tag::Latest);
        newest.await.unwrap().unwrap().number
    }
}

#[tokio::test]
async fn border_is_found_wherever_it_is() {
    let rollup = Rollup::start(CHAIN).await;
    let at = |place: u64, last: u64| Border {
        covered: Some((place, place)),
        uncovered: (place < last).then_some(place + 1),
        newest: last,
    };
    assert_eq!(rollup.border(0, 0).await, at(0, 0));
    assert_eq!(rollup.border(1_000, 9).await, at(0, 0));
    let before = rollup.l1_block().await;
    rollup.fill(5).await;
    // The checkpoint with a number is of a block with a message, which is the message with that number.
    for place in 0..=5 {
        assert_eq!(rollup.border(before + place, 0).await, at(place, 5));
        assert_eq!(rollup.border(0, place).await, at(place, 5));
        assert_eq!(rollup.border(before + place, 3).await, at(place.max(3), 5));
    }

    rollup.fill(RING).await;
    let last = 5 + RING;
    let oldest = last - (RING - 1);
    let none = Border {
        covered: None,
        uncovered: Some(oldest),
        newest: last,
    };
    assert_eq!(rollup.border(0, 0).await, none);
    assert_eq!(rollup.border(before + oldest - 1, 0).await, none);
    for place in [oldest, oldest + 1, 100, last - 1, last] {
        assert_eq!(rollup.border(before + place, 0).await, at(place, last));
        assert_eq!(rollup.border(0, place).await, at(place, last));
    }
}

#[tokio::test]
async fn message_is_forced_in_time_though_somebody_fills_the_ring() {
    let rollup = Rollup::start(CHAIN).await;
    let inbox = rollup.contracts.inbox;
    assert_eq!(rollup.oldest(0, Tag::Latest).await, None);
    rollup.force(b"a transaction").await;
    assert_eq!(
        rollup.oldest(0, Tag::Latest).await,
        Some(Hint::Checkpoint(1))
    );
    let newest = rollup.sender.endpoint().block(Tag::Latest);
    let hour = newest.await.unwrap().unwrap().timestamp / 3_600;
    // Another hour that the ring loses, and then all of it is younger than the delay.
    for (hours, blocks) in [(2, 3), (10, RING)] {
        let seconds = json!([hours * 3_600]);
        let _: Value = rollup.l1.order("evm_increaseTime", seconds).await;
        rollup.fill(blocks).await;
    }
    let checkpoint = rollup.border(0, 0).await.uncovered.unwrap();
    let early = calls::force_segment(Hint::Checkpoint(checkpoint));
    let early = rollup.refusal(inbox, 0, early).await;
    assert!(early.contains("can be forced from"), "{early}");
    let hint = rollup.oldest(0, Tag::Latest).await;
    assert_eq!(hint, Some(Hint::Hour(hour)));
    let force = calls::force_segment(hint.unwrap());
    let forced = rollup.sender.send(Some(inbox), force).await;
    assert!(forced.is_ok(), "{forced:?}");

    // Below a pin's end nothing waits, whatever the hours hold.
    let count = 1 + 3 + RING;
    assert_eq!(rollup.oldest(count, Tag::Latest).await, None);
    rollup.fill(RING).await;
    let ring = Hint::Checkpoint(count + 1);
    let before = rollup.sender.endpoint().newest().await.unwrap();
    assert_eq!(rollup.oldest(count, Tag::Latest).await, Some(ring));
    // Those who go on meanwhile change no answer about the block before.
    rollup.fill(3).await;
    assert_eq!(rollup.oldest(count, before).await, Some(ring));
}

#[tokio::test]
async fn queue_is_told_of_a_pin_though_all_that_it_remembers_came_later() {
    let rollup = Rollup::start(CHAIN).await;
    let Contracts { queue, inbox, .. } = rollup.contracts;
    rollup.force(b"a transaction").await;
    assert_eq!(rollup.untold(0, 0).await, None);
    let _: Value = rollup
        .l1
        .order("evm_increaseTime", json!([12 * 60 * 60]))
        .await;
    let _: Value = rollup.l1.order("evm_mine", json!([])).await;
    let force = calls::force_segment(Hint::Checkpoint(1));
    rollup.sender.send(Some(inbox), force).await.unwrap();
    let untold = rollup.untold(0, 1).await;
    assert_eq!(untold, Some((1, 1)));
    rollup.fill(RING + 1).await;
    let (checkpoint, covered) = rollup.untold(0, 1).await.unwrap();
    assert_eq!((checkpoint, covered), (RING + 2, 1));
    // More come before it is there.
    rollup.fill(3).await;
    let before = rollup.fee().await;
    let cover = calls::cover(checkpoint);
    rollup.sender.send(Some(queue), cover).await.unwrap();
    assert_eq!(rollup.fee().await, before - 100_000_000_000);
    assert_eq!(rollup.untold(0, 1).await, None);
}
