use bytes::Bytes;
use rollup_types::{Hash, Input, Vm as _};
use sequencer_client::{
    ClientConfig, Servers,
    client::{Api, ServersConfig},
    trust,
};

use super::{Queue, handing_in};
use crate::{
    Node, SubmitError,
    board::Board,
    storage::Waiting,
    testing::{
        self, definition,
        served::Served,
        tally::{LOCKED, SLOT, Tally},
    },
};

fn node(directory: &std::path::Path) -> Node<Tally> {
    testing::node(
        Tally(10),
        definition("tally", 7, toml::Table::new()),
        directory,
    )
    .unwrap()
}

fn bytes(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn waiting(node: &Node<Tally>) -> Vec<Bytes> {
    node.pending().into_iter().map(|it| it.bytes).collect()
}

#[tokio::test]
async fn what_is_accepted_survives_a_restart_in_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let before = {
        let node = node(directory.path());
        for text in ["c", "a", "b"] {
            let id = node.submit(bytes(text)).await.unwrap();
            assert_eq!(id, Tally(1).id(text.as_bytes()));
        }
        node.pending()
    };
    let node = node(directory.path());
    assert_eq!(node.pending(), before);
    assert_eq!(waiting(&node), [bytes("c"), bytes("a"), bytes("b")]);
    node.submit(bytes("d")).await.unwrap();
    assert_eq!(
        waiting(&node).last(),
        Some(&bytes("d")),
        "later ones come last"
    );
}

#[tokio::test]
async fn the_same_bytes_wait_once() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let first = node.submit(bytes("a")).await.unwrap();
    assert_eq!(node.submit(bytes("a")).await.unwrap(), first);
    assert_eq!(waiting(&node).len(), 1);
}

#[tokio::test]
async fn what_a_block_holds_waits_no_longer_even_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    {
        let node = node(directory.path());
        node.submit(bytes("a")).await.unwrap();
        node.submit(bytes("b")).await.unwrap();
        // The sequencer may order the same bytes twice.
        let inputs = [bytes("a"), bytes("a")].map(Input::Transaction);
        testing::execute(&node, 1, &inputs).unwrap();
        assert_eq!(waiting(&node), [bytes("b")]);
    }
    let node = node(directory.path());
    assert_eq!(waiting(&node), [bytes("b")]);
    let error = node.submit(bytes("a")).await.unwrap_err();
    assert_eq!(error, SubmitError::Executed { number: 1 });
}

#[tokio::test]
async fn what_was_written_while_its_block_was_waits_no_longer_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    {
        let node = node(directory.path());
        node.submit(bytes("a")).await.unwrap();
        node.submit(bytes("b")).await.unwrap();
        let waiting = node.storage().all_waiting().unwrap().remove(0);
        testing::execute(&node, 1, &[Input::Transaction(bytes("a"))]).unwrap();
        node.storage().keep_waiting(&waiting, None).unwrap();
    }
    for _ in 0..2 {
        let node = node(directory.path());
        assert_eq!(waiting(&node), [bytes("b")]);
        assert_eq!(node.storage().all_waiting().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn what_the_machine_would_skip_is_refused_and_what_may_become_good_waits() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let error = node.submit(bytes("!x")).await.unwrap_err();
    assert_eq!(error, SubmitError::Refused("it is bad".into()));
    let locked = Bytes::from(vec![LOCKED, 1]);
    node.submit(locked.clone()).await.unwrap();
    assert_eq!(waiting(&node), [locked]);
}

#[tokio::test]
async fn bytes_that_were_skipped_are_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    testing::execute(&node, 1, &[Input::Transaction(bytes("!x"))]).unwrap();
    let error = node.submit(bytes("!x")).await.unwrap_err();
    assert!(
        matches!(error, SubmitError::Skipped { number: 1, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn what_is_replaced_waits_no_longer_even_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    {
        let node = node(directory.path());
        node.submit(bytes("=a1")).await.unwrap();
        node.submit(bytes("=b1")).await.unwrap();
        let error = node.submit(bytes("=a2")).await.unwrap_err();
        assert_eq!(error, SubmitError::Taken("it is no longer".into()));
        let all = [bytes("=a1"), bytes("=b1")];
        assert_eq!(waiting(&node), all, "nothing is lost");
        node.submit(bytes("=a22")).await.unwrap();
        assert_eq!(waiting(&node), [bytes("=b1"), bytes("=a22")]);
    }
    let node = node(directory.path());
    assert_eq!(waiting(&node), [bytes("=b1"), bytes("=a22")]);
    let error = node.submit(bytes("=a1")).await.unwrap_err();
    assert!(matches!(error, SubmitError::Taken(_)), "{error}");
    let (a, b) = (
        (b"=a".to_vec(), bytes("=a22")),
        (b"=b".to_vec(), bytes("=b1")),
    );
    assert_eq!(node.slots(b"="), [a, b.clone()]);
    assert_eq!(node.slots(b"=b"), std::slice::from_ref(&b));
    testing::execute(&node, 1, &[Input::Transaction(bytes("=a22"))]).unwrap();
    assert_eq!(node.slots(b"="), [b]);
    node.submit(bytes("=a3")).await.unwrap();
    assert_eq!(waiting(&node), [bytes("=b1"), bytes("=a3")]);
}

#[tokio::test]
async fn one_waits_in_a_slot_though_many_come_at_once_and_nobody_waits_for_the_answer() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    for name in 0..32 {
        let mut submitting = Box::pin(node.submit(Bytes::from(vec![SLOT, b'a', name])));
        // What was begun is done though it is dropped here, where it may be done already.
        drop(futures::poll!(submitting.as_mut()));
    }
    while node.pending().is_empty() {
        tokio::task::yield_now().await;
    }
    let error = node.submit(bytes("=a!")).await.unwrap_err();
    assert!(matches!(error, SubmitError::Taken(_)), "{error}");
    assert_eq!(waiting(&node).len(), 1);
}

#[tokio::test]
async fn what_is_handed_in_again_goes_to_every_server() {
    let servers = [Served::start().await, Served::start().await];
    let apis = servers.each_ref().map(|served| {
        let api = Api::new(&served.url, ClientConfig::default());
        api.unwrap()
    });
    let root = trust::from_genesis(&servers[0].genesis()).unwrap();
    let client = Servers::new(apis.into(), root, ServersConfig::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    node.submit(bytes("a")).await.unwrap();
    let waiting = node.storage().all_waiting().unwrap().remove(0);
    let mut had = Vec::new();
    for is_again in [false, true] {
        let handed = handing_in::hand_in(&node, &client, &waiting, is_again);
        handed.await.unwrap();
        for served in &servers {
            had.push(served.submitted(0).await.len());
        }
    }
    assert_eq!(had, [1, 0, 2, 1]);
}

#[tokio::test]
async fn what_was_replaced_is_not_handed_in_any_more() {
    let served = Served::start().await.slow().await;
    let api = Api::new(&served.url, ClientConfig::default()).unwrap();
    let root = trust::from_genesis(&served.genesis()).unwrap();
    let servers = Servers::new(vec![api], root, ServersConfig::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    node.submit(bytes("a")).await.unwrap();
    node.submit(bytes("=b")).await.unwrap();
    let handing_in = {
        let node = node.clone();
        tokio::spawn(async move { handing_in::run(node, &servers, &Board::new(1, 0)).await })
    };
    assert_eq!(served.submitted(1).await, [bytes("a")]);
    // While the server has not answered, and `=b` is next.
    node.submit(bytes("=b2")).await.unwrap();
    served.push(&[]);
    assert_eq!(served.submitted(2).await, [bytes("a"), bytes("=b2")]);
    handing_in.abort();
}

#[tokio::test]
async fn what_came_before_an_outage_is_not_dropped_at_the_first_refusal_after_it() {
    let served = Served::start().await.refusing().await;
    let api = Api::new(&served.url, ClientConfig::default()).unwrap();
    let root = trust::from_genesis(&served.genesis()).unwrap();
    let servers = Servers::new(vec![api], root, ServersConfig::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let locked = Bytes::from(vec![LOCKED, 1]);
    {
        let node = node(directory.path());
        node.submit(locked.clone()).await.unwrap();
        node.submit(bytes("a")).await.unwrap();
        for mut waiting in node.storage().all_waiting().unwrap() {
            waiting.since_ms = 0;
            node.storage().keep_waiting(&waiting, None).unwrap();
        }
    }
    let node = node(directory.path());
    let handing_in = {
        let node = node.clone();
        tokio::spawn(async move { handing_in::run(node, &servers, &Board::new(1, 0)).await })
    };
    assert_eq!(served.submitted(1).await, [bytes("a")]);
    // Handed in after that one was refused.
    node.submit(bytes("b")).await.unwrap();
    served.submitted(2).await;
    assert_eq!(waiting(&node), [locked, bytes("a"), bytes("b")]);
    handing_in.abort();
}

/// One server refuses it, and the other one is out of reach and might take it.
#[tokio::test]
async fn what_not_every_server_refused_does_not_keep_others_from_being_handed_in() {
    let served = Served::start().await.refusing_those_of(b'x').await;
    let apis = [served.url.as_str(), "http://127.0.0.1:1"];
    let apis = apis.map(|url| Api::new(url, ClientConfig::default()).unwrap());
    let root = trust::from_genesis(&served.genesis()).unwrap();
    let servers = Servers::new(apis.into(), root, ServersConfig::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    node.submit(bytes("x")).await.unwrap();
    node.submit(bytes("a")).await.unwrap();
    let handing_in = {
        let node = node.clone();
        tokio::spawn(async move { handing_in::run(node, &servers, &Board::new(1, 0)).await })
    };
    assert_eq!(served.submitted(2).await, [bytes("x"), bytes("a")]);
    handing_in.abort();
}

#[tokio::test]
async fn sizes_are_checked() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let most = node.definition().sequencer.parameters.max_transaction_bytes;
    let largest = usize::try_from(most).unwrap();
    for size in [0, largest + 1] {
        let error = node.submit(Bytes::from(vec![1; size])).await.unwrap_err();
        assert!(matches!(error, SubmitError::Size { .. }), "{size}: {error}");
    }
    assert!(node.submit(Bytes::from(vec![1; largest])).await.is_ok());
}

#[tokio::test]
async fn a_full_queue_refuses_and_takes_more_once_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let large = |name: u8| Bytes::from(vec![name; 1 << 20]);
    for name in 128..191 {
        node.submit(large(name)).await.unwrap();
    }
    let slotted = |size: usize| Bytes::from([b"=a".as_slice(), &vec![0; size - 2]].concat());
    node.submit(slotted((1 << 20) - 1)).await.unwrap();
    assert_eq!(
        node.submit(bytes("aa")).await.unwrap_err(),
        SubmitError::Full
    );
    // What it replaces makes room.
    node.submit(slotted(1 << 20)).await.unwrap();
    testing::execute(&node, 1, &[Input::Transaction(large(130))]).unwrap();
    assert!(node.submit(bytes("a")).await.is_ok());
}

#[tokio::test]
async fn what_may_become_good_has_a_share_of_its_own_and_leaves_room_for_what_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let locked = |name: u8| Bytes::from([vec![LOCKED], vec![name; (1 << 20) - 1]].concat());
    for name in 0..8 {
        node.submit(locked(name)).await.unwrap();
    }
    let refused = node.submit(bytes("?")).await.unwrap_err();
    assert_eq!(refused, SubmitError::Full);
    node.submit(bytes("a")).await.unwrap();
    testing::execute(&node, 1, &[Input::Transaction(locked(3))]).unwrap();
    node.submit(bytes("?")).await.unwrap();
}

/// One that waits and has no slot.
fn entry(sequence: u64) -> Waiting {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&sequence.to_be_bytes());
    Waiting {
        sequence,
        id: Hash(hash),
        hash: Hash(hash),
        since_ms: 0,
        bytes: Bytes::from_static(b"?"),
        slot: None,
    }
}

#[test]
fn so_many_are_held_and_what_is_replaced_or_is_good_now_makes_room() {
    let mut queue = Queue::default();
    for sequence in 0..1_000 {
        assert!(queue.has_room(1, true, None));
        let held = entry(sequence);
        queue.insert(held.clone());
        queue.hold(held.hash, true);
        queue.hold(held.hash, true);
    }
    assert!(!queue.has_room(1, true, None));
    assert!(queue.has_room(1, false, None));
    let held = entry(7);
    assert!(queue.has_room(1, true, Some(&held)));
    let good = entry(1_000);
    queue.insert(good.clone());
    assert!(!queue.has_room(1, true, Some(&good)), "it was not held");
    queue.hold(held.hash, false);
    assert!(queue.has_room(1, true, None));
    for sequence in 0..=1_000 {
        queue.remove(entry(sequence).hash);
    }
    let left = (queue.held.len(), queue.held_bytes, queue.bytes);
    assert_eq!(left, (0, 0, 0));
}

#[test]
fn a_pass_has_all_that_is_good_first_and_then_some_that_are_held_in_turn() {
    let most = super::HELD_A_PASS as u64;
    let (good, all) = (2 * most + 12, 2 * most + 22);
    let mut queue = Queue::default();
    for sequence in 0..all {
        queue.insert(entry(sequence));
        queue.hold(entry(sequence).hash, sequence != good);
    }
    let mut next = 0;
    let mut pass = |is_due: &dyn Fn(&Waiting) -> bool| -> Vec<u64> {
        let pass = queue.pass(&mut next, is_due);
        pass.iter().map(|waiting| waiting.sequence).collect()
    };
    let then = |held: Vec<u64>| [vec![good], held].concat();
    assert_eq!(pass(&|_| true), then((0..most).collect()));
    assert_eq!(pass(&|_| true), then((most..2 * most).collect()));
    let last = (2 * most..good).chain(good + 1..all).chain(0..most - 21);
    assert_eq!(pass(&|_| true), then(last.collect()));
    let due = pass(&|waiting| waiting.sequence > 2 * most - 23);
    assert_eq!(due, then(vec![2 * most - 22]));
}

#[tokio::test]
async fn all_that_was_held_is_handed_in_once_it_is_good() {
    let served = Served::start().await;
    let api = Api::new(&served.url, ClientConfig::default()).unwrap();
    let root = trust::from_genesis(&served.genesis()).unwrap();
    let servers = Servers::new(vec![api], root, ServersConfig::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    for name in 0..100 {
        node.submit(vec![LOCKED, name].into()).await.unwrap();
    }
    node.submit(bytes("a")).await.unwrap();
    let handing_in = {
        let node = node.clone();
        tokio::spawn(async move { handing_in::run(node, &servers, &Board::new(1, 0)).await })
    };
    assert_eq!(served.submitted(1).await, [bytes("a")]);
    testing::execute(&node, 1, &[Input::Transaction(bytes("k"))]).unwrap();
    served.submitted(101).await;
    assert!(node.submissions().queue().held.is_empty());
    handing_in.abort();
}

#[tokio::test]
async fn listeners_hear_of_blocks_and_of_blocks_that_are_undone() {
    use crate::{Change, Levels};
    let directory = tempfile::tempdir().unwrap();
    let node = node(directory.path());
    let mut changes = node.changes();
    let blocks = testing::execute(&node, 1, &[Input::Transaction(bytes("a"))]).unwrap();
    testing::execute(&node, 2, &[Input::Transaction(bytes("b"))]).unwrap();
    testing::undo(&node).unwrap();
    testing::raise(&node, 1, 0).unwrap();
    let hash = blocks[0].hash;
    assert_eq!(
        changes.recv().await.unwrap(),
        Change::Block { number: 1, hash }
    );
    assert!(matches!(
        changes.recv().await.unwrap(),
        Change::Block { number: 2, .. }
    ));
    assert_eq!(changes.recv().await.unwrap(), Change::RolledBack { to: 1 });
    let levels = Levels {
        latest: 1,
        safe: 1,
        finalized: 0,
    };
    assert_eq!(changes.recv().await.unwrap(), Change::Levels(levels));
}
