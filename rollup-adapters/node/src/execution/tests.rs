//! Blocks of segments that do not fit into one.

use rollup_types::{Address, Input, L1Message, MessageBody};

use crate::{
    Origin,
    testing::{self, tally::Tally},
};

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
