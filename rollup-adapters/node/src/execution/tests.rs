//! Blocks of segments that do not fit into one, and of nothing.

use rollup_types::{Address, L1Message, MessageBody};

use super::*;
use crate::testing::{self, tally::Tally};

#[test]
fn transactions_are_counted_through_all_blocks_of_a_segment() {
    let directory = tempfile::tempdir().unwrap();
    let definition = testing::definition("tally", 7, toml::Table::new());
    let node = testing::node(Tally(2), definition, directory.path()).unwrap();
    let message = L1Message {
        index: 0,
        l1_block: 4,
        sender: Address([1; 20]),
        body: MessageBody::ForcedTransaction("b1".into()),
    };
    let mut inputs = vec![Input::L1(message)];
    inputs.extend(["a1", "a2", "a3", "a4"].map(|text| Input::Transaction(text.into())));
    let blocks = testing::execute(&node, 5, &inputs).unwrap();
    let origins = blocks.iter().map(|block| {
        let origin = |done: &crate::Done| match done.origin {
            Origin::Message(index) => format!("message {index}"),
            Origin::Transaction { index, .. } => format!("transaction {index}"),
        };
        block.outcomes.iter().map(origin).collect::<Vec<_>>()
    });
    assert_eq!(
        origins.collect::<Vec<_>>(),
        [
            vec!["message 0", "transaction 0"],
            vec!["transaction 1", "transaction 2"],
            vec!["transaction 3"]
        ]
    );
}

/// RT3
#[test]
#[should_panic(expected = "a block is made of at least one input")]
fn no_block_is_made_of_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let definition = testing::definition("tally", 7, toml::Table::new());
    let node = testing::node(Tally(2), definition, directory.path()).unwrap();
    let parts = SegmentParts {
        height: 5,
        sequencer_block: Hash::ZERO,
        timestamp_ms: 0,
        l1_number: 0,
        randao_mix: Hash::ZERO,
        pin: Some(0),
        l1: rollup_derive::Levels::default(),
    };
    make_block(&node, &parts, &[], 0, |_| Vec::new()).unwrap();
}
