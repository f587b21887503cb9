use std::{fs, path::Path};

use bytes::Bytes;
use rollup_derive::L1Base;
use rollup_types::{Hash, Input, L1Message, MessageBody, Transition, Vm as _};

use super::*;
use crate::testing::{
    self, definition,
    tally::{Tally, count},
};

fn node(directory: &Path) -> crate::Node<Tally> {
    testing::node(
        Tally(10),
        definition("tally", 7, toml::Table::new()),
        directory,
    )
    .unwrap()
}

fn transactions(all: &[&[u8]]) -> Vec<Input> {
    let all = all.iter().map(|bytes| Bytes::copy_from_slice(bytes));
    all.map(Input::Transaction).collect()
}

/// Everything that can be read of a node.
fn all(view: &View) -> (Vec<Block>, Vec<Option<u64>>, Vec<Option<Place>>) {
    let head = view.head().unwrap();
    let blocks = (0..=head).map(|number| view.block(number).unwrap().unwrap());
    let counts = (0..=255).map(|name| count(view, name));
    let ids = [b"a1".as_slice(), b"a2", b"b1", b"!x"].map(|bytes| Tally(1).id(bytes));
    let places = ids.map(|id| view.place(id).unwrap());
    (blocks.collect(), counts.collect(), places.to_vec())
}

#[test]
fn what_a_block_wrote_is_there_after_opening_again() {
    let directory = tempfile::tempdir().unwrap();
    let before = {
        let node = node(directory.path());
        testing::execute(&node, 3, &transactions(&[b"a1", b"!x"])).unwrap();
        testing::execute(&node, 5, &transactions(&[b"a2", b"w"])).unwrap();
        all(&node.view())
    };
    let node = node(directory.path());
    assert_eq!(all(&node.view()), before);
    assert_eq!(count(&node.view(), b'a'), Some(2));
    assert_eq!(node.levels().latest, 2);
    let skipped = node.view().place(Tally(1).id(b"!x")).unwrap().unwrap();
    assert!(!skipped.is_applied);
    let (_, done) = node.view().done(skipped).unwrap().unwrap();
    assert_eq!(done.skipped.as_deref(), Some("it is bad"));
}

#[test]
fn a_machine_may_use_any_bytes_as_a_key() {
    let directory = tempfile::tempdir().unwrap();
    let keys: Vec<Vec<u8>> = [0, 1, 1_024, 1_025, 65_535, 65_536, 200_000]
        .iter()
        .map(|len| vec![b'k'; *len])
        .collect();
    let value = |key: &Vec<u8>| Some(Bytes::from(key.len().to_string()));
    let genesis = Transition {
        writes: keys.iter().map(|key| (key.clone(), value(key))).collect(),
        ..Transition::default()
    };
    let storage = Storage::open(directory.path(), Hash([1; 32]), &genesis).unwrap();
    let view = storage.view();
    for key in &keys {
        assert_eq!(State::get(&view, key).unwrap(), value(key));
    }
}

#[test]
fn undoing_a_block_leaves_what_was_before_it_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    testing::execute(&node, 3, &transactions(&[b"a1"])).unwrap();
    let first = all(&node.view());
    let message = L1Message {
        index: 0,
        l1_block: 4,
        sender: rollup_types::Address([1; 20]),
        body: MessageBody::ForcedTransaction(Bytes::from_static(b"b1")),
    };
    let mut inputs = vec![Input::L1(message)];
    inputs.extend(transactions(&[b"a2", b"!x", b"w", b"d"]));
    testing::execute(&node, 5, &inputs).unwrap();
    assert_eq!(count(&node.view(), b'a'), None, "it was deleted");
    assert_eq!(node.view().messages(0, 10).unwrap().len(), 1);
    let second = all(&node.view());
    assert_eq!(second.0[2].messages, 1);
    testing::undo(&node).unwrap();
    assert_eq!(all(&node.view()), first);
    assert_eq!(node.view().withdrawal(0).unwrap(), None);
    assert!(node.view().messages(0, 10).unwrap().is_empty());
    testing::execute(&node, 5, &inputs).unwrap();
    assert_eq!(all(&node.view()), second, "the same again");
}

#[test]
fn messages_that_were_executed_and_undone_are_read_again_from_the_first_on() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let message = |index, l1_block| L1Message {
        index,
        l1_block,
        sender: rollup_types::Address([1; 20]),
        body: MessageBody::ForcedTransaction(Bytes::from_static(b"b1")),
    };
    for (index, l1_block) in [(0, 4), (1, 9)] {
        testing::execute(&node, 5 + index, &[Input::L1(message(index, l1_block))]).unwrap();
    }
    // After a pin the derivation may stand before messages that blocks hold.
    for (count, known) in [(0, 3), (1, 8), (2, 8)] {
        let mut base = L1Base::default();
        base.queue.count = count;
        assert_eq!(
            node.view().l1_known(base).unwrap(),
            known,
            "from {count} on"
        );
    }
}

#[test]
fn a_view_stays_as_it_was_while_the_node_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    testing::execute(&node, 1, &transactions(&[b"a1"])).unwrap();
    let view = node.view();
    testing::execute(&node, 2, &transactions(&[b"a2"])).unwrap();
    assert_eq!((view.head().unwrap(), count(&view, b'a')), (1, Some(1)));
    testing::undo(&node).unwrap();
    testing::undo(&node).unwrap();
    assert_eq!((view.head().unwrap(), count(&view, b'a')), (1, Some(1)));
    assert_eq!(node.view().head().unwrap(), 0);
}

#[test]
fn an_id_that_was_applied_counts_more_than_a_later_copy_that_was_skipped() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path(), Hash([1; 32])).unwrap();
    let mut batch = storage.batch();
    let id = Hash([5; 32]);
    for (number, position, applied) in [(1, 0, 0), (2, 3, 1), (9, 1, 0)] {
        let key = record::place_key(id, number, position);
        batch.insert(&storage.0.spaces.places, key, [applied]);
    }
    batch.commit().unwrap();
    let place = storage.view().place(id).unwrap().unwrap();
    assert_eq!(
        (place.number, place.position, place.is_applied),
        (2, 3, true)
    );
}

#[test]
fn withdrawals_are_proven_under_every_root_that_holds_them() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    for height in 1..=6 {
        testing::execute(&node, height, &transactions(&[b"w", b"w2"])).unwrap();
    }
    testing::undo(&node).unwrap();
    testing::execute(&node, 6, &transactions(&[b"w3"])).unwrap();
    let view = node.view();
    assert_eq!(view.newest().unwrap().withdrawals, 11);
    for count in 1..=11 {
        let root = view.withdrawal_range(count).unwrap().unwrap().root();
        assert_eq!(view.withdrawals_of_root(root, 1, 11).unwrap(), Some(count));
        for index in 0..count {
            let leaf = view.withdrawal(index).unwrap().unwrap().hash();
            let proof = view.prove_withdrawal(index, count).unwrap().unwrap();
            assert!(proof.verify(root, leaf), "{index} of {count}");
        }
        assert_eq!(view.prove_withdrawal(count, count).unwrap(), None);
    }
}

#[test]
fn blocks_whose_undo_is_gone_are_not_taken_back() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    for height in 1..=3 {
        testing::execute(&node, height, &transactions(&[b"a1"])).unwrap();
    }
    node.storage().trim_undo(2).unwrap();
    testing::undo(&node).unwrap();
    let error = testing::undo(&node).unwrap_err();
    assert!(
        matches!(error, StorageError::TooDeep { to: 1, kept: 3 }),
        "{error}"
    );
    assert_eq!(node.view().head().unwrap(), 2);
}

#[test]
fn levels_are_kept_and_never_above_the_newest_block() {
    let directory = tempfile::tempdir().unwrap();
    {
        let node = node(directory.path());
        for height in 1..=3 {
            testing::execute(&node, height, &transactions(&[b"a1"])).unwrap();
        }
        testing::raise(&node, 2, 9).unwrap();
        let levels = node.levels();
        assert_eq!((levels.safe, levels.finalized), (2, 2));
        testing::raise(&node, 1, 0).unwrap();
        assert_eq!(node.levels(), levels, "levels don't fall");
    }
    let levels = node(directory.path()).levels();
    assert_eq!((levels.latest, levels.safe, levels.finalized), (3, 2, 2));
}

fn open(directory: &Path, definition: Hash) -> Result<Storage, StorageError> {
    Storage::open(directory, definition, &Tally(1).genesis())
}

#[test]
fn a_directory_of_another_rollup_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Hash([1; 32])).unwrap());
    let error = open(directory.path(), Hash([2; 32])).unwrap_err();
    assert!(
        matches!(error, StorageError::OtherDefinition { .. }),
        "{error}"
    );
    let other = Transition {
        hash: Hash([3; 32]),
        ..Transition::default()
    };
    let error = Storage::open(directory.path(), Hash([1; 32]), &other).unwrap_err();
    assert!(
        matches!(error, StorageError::OtherGenesis { .. }),
        "{error}"
    );
    assert!(open(directory.path(), Hash([1; 32])).is_ok());
}

#[test]
fn a_second_process_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path(), Hash([1; 32])).unwrap();
    let error = open(directory.path(), Hash([1; 32])).unwrap_err();
    assert!(error.to_string().contains("in use"), "{error}");
    drop(first);
    assert!(open(directory.path(), Hash([1; 32])).is_ok());
}

#[test]
fn a_database_that_is_damaged_is_refused_in_a_sentence() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path(), Hash([1; 32])).unwrap());
    let mut damaged = 0;
    for entry in fs::read_dir(directory.path().join("db")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() && path.extension().is_none_or(|kind| kind != "jnl") {
            fs::write(&path, b"not what it was").unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0);
    let error = open(directory.path(), Hash([1; 32])).unwrap_err();
    let error = error.to_string();
    assert!(error.contains("builds it anew"), "{error}");
    assert!(error.contains("has to be sent again"), "{error}");
}

#[test]
fn what_does_not_decode_is_damage_and_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path(), Hash([1; 32])).unwrap();
    let blocks = &storage.0.spaces.blocks;
    blocks.insert(0_u64.to_be_bytes(), b"short").unwrap();
    let error = storage.view().block(0).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
    drop(storage);
    let error = open(directory.path(), Hash([1; 32])).unwrap_err();
    assert!(matches!(error, StorageError::Damaged { .. }), "{error}");
}

/// The disk as a kill leaves it: the journal ends in the middle of the last batch.
#[test]
fn a_block_that_was_half_written_is_not_there() {
    let directory = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let (first, second) = {
        let node = node(directory.path());
        testing::execute(&node, 1, &transactions(&[b"a1"])).unwrap();
        let first = all(&node.view());
        testing::execute(&node, 2, &transactions(&[b"a2", b"b1", b"!x", b"w"])).unwrap();
        let second = all(&node.view());
        // While it is open, as a kill would find it.
        copy_all(directory.path(), copy.path());
        (first, second)
    };
    assert_eq!(
        all(&node(copy.path()).view()),
        second,
        "whole, without closing"
    );
    fs::remove_dir_all(copy.path()).unwrap();
    copy_all(directory.path(), copy.path());
    cut_last_write(copy.path());
    let node = node(copy.path());
    assert_eq!(all(&node.view()), first, "all of the last block is gone");
    testing::execute(&node, 2, &transactions(&[b"a2", b"b1", b"!x", b"w"])).unwrap();
    assert_eq!(all(&node.view()), second);
}

/// A level that is told is not lost before its block is.
#[test]
fn a_block_that_the_l1_covers_is_written_with_its_levels() {
    let directory = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let l1 = |light_client, advanced| rollup_derive::Levels {
        light_client: rollup_types::Height(light_client),
        pins: 0,
        advanced: rollup_types::Height(advanced),
    };
    let levels = |latest, safe, finalized| crate::Levels {
        latest,
        safe,
        finalized,
    };
    {
        let node = node(directory.path());
        let mut changes = node.changes();
        testing::execute_under(&node, l1(3, 3), 3, &transactions(&[b"a1"])).unwrap();
        assert_eq!(node.levels(), levels(1, 1, 1));
        testing::execute_under(&node, l1(4, 3), 4, &transactions(&[b"a2"])).unwrap();
        assert_eq!(node.levels(), levels(2, 2, 1));
        testing::execute_under(&node, l1(4, 3), 5, &transactions(&[b"b1"])).unwrap();
        assert_eq!(node.levels(), levels(3, 2, 1));
        let told = std::iter::from_fn(|| changes.try_recv().ok());
        let raised: Vec<_> = told
            .filter(|change| matches!(change, crate::Change::Levels(_)))
            .collect();
        let raises = [levels(1, 1, 1), levels(2, 2, 1)].map(crate::Change::Levels);
        assert_eq!(raised, raises);
        copy_all(directory.path(), copy.path());
    }
    for left in [levels(2, 2, 1), levels(1, 1, 1), levels(0, 0, 0)] {
        cut_last_write(copy.path());
        assert_eq!(node(copy.path()).levels(), left);
    }
}

/// What a kill leaves of a write that it cuts off.
fn cut_last_write(directory: &Path) {
    let journal = journal(directory);
    let bytes = fs::read(&journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    fs::write(&journal, &bytes[..end - 10]).unwrap();
}

fn journal(directory: &Path) -> std::path::PathBuf {
    let files = fs::read_dir(directory.join("db")).unwrap();
    let mut journals = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "jnl"));
    journals.next().unwrap()
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
