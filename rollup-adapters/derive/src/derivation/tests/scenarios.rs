//! The rules one by one.

use rollup_types::Input;

use super::world::{Chain, L1, Made, NETWORK, Node, id, naive, rules};
use crate::{
    Cursor, CursorError, Derivation, Fact, FactError, Need, Place, RollBack, Rules, SegmentKind,
    Step,
};
use hotshot_types::Height;

/// What each segment has, in short: height, kind, and its inputs.
fn short(segments: &[Made]) -> Vec<String> {
    segments
        .iter()
        .map(|made| {
            let inputs: Vec<_> = made
                .inputs
                .iter()
                .map(|input| match input {
                    Input::L1(message) => format!("m{}", message.index),
                    Input::Transaction(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                })
                .collect();
            let kind = match made.kind {
                SegmentKind::Block => "block".to_owned(),
                SegmentKind::Messages => "messages".to_owned(),
                SegmentKind::Pin(number) => format!("pin {number}"),
            };
            format!("{} {kind}: {}", made.place.height, inputs.join(" "))
        })
        .collect()
}

fn everything(node: &mut Node<'_>, l1: &L1) -> Vec<String> {
    node.tell(node.chain.tip(), || true);
    node.run(l1, 1_000, || 100);
    short(&node.segments())
}

/// RD2: blocks of other rollups and empty ones make none.
#[test]
fn only_blocks_that_hold_the_namespace_make_segments() {
    let mut chain = Chain::new(NETWORK);
    chain.push(1, &[(8, &["x"])]);
    chain.push(1, &[(7, &["a", "b"]), (8, &["x"])]);
    chain.push(1, &[]);
    chain.push(1, &[(7, &["c"])]);
    let mut node = Node::new(&chain, 1);
    assert_eq!(
        everything(&mut node, &L1::default()),
        ["2 block: a b", "4 block: c"]
    );
}

/// RD1: what was before the rollup's time is not executed.
#[test]
fn a_rollup_starts_at_its_origin() {
    let mut chain = Chain::new(NETWORK);
    chain.push(1, &[(7, &["before"])]);
    chain.push(1, &[(7, &["a"])]);
    let mut node = Node::new(&chain, 2);
    assert_eq!(everything(&mut node, &L1::default()), ["2 block: a"]);
    let missing = Cursor::start(&rules(2), None);
    assert!(matches!(missing, Err(CursorError::Origin { .. })));
    let other = chain.summary(2, 7);
    assert!(Cursor::start(&rules(2), Some(&other)).is_err());
    let other = chain.summary(1, 8);
    assert!(Cursor::start(&rules(2), Some(&other)).is_err());
}

/// RD3: messages first, then transactions.
#[test]
fn messages_come_before_the_transactions_of_the_block_they_are_due_in() {
    let mut chain = Chain::new(NETWORK);
    chain.push(4, &[(7, &["a"])]);
    chain.push(5, &[(7, &["b"])]);
    let mut l1 = L1::default();
    l1.send(5);
    l1.send(5);
    l1.send(6);
    let mut node = Node::new(&chain, 1);
    assert_eq!(
        everything(&mut node, &l1),
        ["1 block: a", "2 block: m0 m1 b"]
    );
}

/// RD5.
#[test]
fn messages_become_due_without_the_namespace() {
    let mut chain = Chain::new(NETWORK);
    for height in 1..=100 {
        chain.push(height / 10, &[]);
    }
    chain.push(11, &[(7, &["a"])]);
    let mut l1 = L1::default();
    for l1_block in [3, 3, 7, 11] {
        l1.send(l1_block);
    }
    let mut node = Node::new(&chain, 1);
    let expected = ["30 messages: m0 m1", "70 messages: m2", "101 block: m3 a"];
    assert_eq!(everything(&mut node, &l1), expected);
    // Found by halving, not by reading every header.
    assert!(node.asked.len() < 20, "{:?}", node.asked);
}

#[test]
fn an_idle_rollup_asks_for_nothing_while_the_l1_stands_still() {
    let mut chain = Chain::new(NETWORK);
    for _ in 0..20 {
        chain.push(3, &[]);
    }
    let mut node = Node::new(&chain, 1);
    node.tell(10, || true);
    node.run(&L1::default(), 3, || 1);
    assert_eq!(node.asked.len(), 1);
    node.tell(20, || true);
    node.run(&L1::default(), 3, || 1);
    assert_eq!(node.asked.len(), 1);
    assert_eq!(node.derivation.cursor().height(), Height(20));
}

/// RD3: a segment that does not fit goes on in a further block, after a restart too.
#[test]
fn a_segment_goes_on_where_the_block_before_it_ended() {
    let mut chain = Chain::new(NETWORK);
    chain.push(5, &[(7, &["a", "b", "c"])]);
    let mut l1 = L1::default();
    l1.send(2);
    l1.send(3);
    let mut node = Node::new(&chain, 1);
    node.tell(1, || true);
    for done in 0..5_u64 {
        if done == 2 || done == 4 {
            node.restart();
            node.tell(1, || true);
        }
        loop {
            match node.derivation.step() {
                Step::Execute(segment) => {
                    let left = segment.left().len() as u64;
                    assert_eq!((segment.done as u64, left), (done, 5 - done));
                    break;
                }
                Step::Need(Need::L1 { .. }) => node.see(&l1, 5, true),
                step => panic!("{step:?}"),
            }
        }
        let cursor = node.derivation.executed(1);
        assert_eq!(cursor.inside(), (done + 1) % 5);
        let made = node.segments().first().cloned();
        node.blocks.push((
            made.unwrap_or_else(|| naive(&chain, &l1, 1)[0].clone()),
            cursor,
        ));
    }
    assert_eq!(node.derivation.step(), Step::Idle);
    assert_eq!(node.derivation.cursor().messages(), 2);
}

/// RD4.
#[test]
fn a_pin_stands_between_its_block_and_the_next() {
    let mut chain = Chain::new(NETWORK);
    chain.push(1, &[(7, &["a"])]);
    chain.push(1, &[]);
    chain.push(9, &[(7, &["b"])]);
    let mut l1 = L1::default();
    l1.send(4);
    l1.pin(5, 2);
    l1.send(6);
    l1.pin(7, 2);
    l1.send(8);
    let mut node = Node::new(&chain, 1);
    node.see(&l1, 7, false);
    let segments = everything(&mut node, &l1);
    assert_eq!(
        segments,
        ["1 block: a", "2 pin 0: m0", "2 pin 1: m1", "3 block: m2 b"]
    );
    let made = node.segments();
    assert_eq!(
        made.iter().map(|made| made.l1_number).collect::<Vec<_>>(),
        [1, 4, 6, 9]
    );
    assert_eq!(made[1].timestamp_ms, chain.header(2).header.timestamp_ms.0);
    assert_eq!(made[1].randao_mix, chain.header(2).header.randao_mix);
}

/// RD4: also if the block after it names no newer L1 block, so that nothing else asks for a view.
#[test]
fn a_pin_goes_on_after_a_restart_before_anything_else() {
    let mut chain = Chain::new(NETWORK);
    chain.push(1, &[(7, &["a"])]);
    chain.push(1, &[(7, &["b", "c"])]);
    let mut l1 = L1::default();
    l1.send(4);
    l1.send(4);
    l1.pin(5, 1);
    let mut node = Node::new(&chain, 1);
    node.see(&l1, 5, false);
    node.tell(1, || true);
    let mut inputs = [1, 1, 0].into_iter();
    node.run(&l1, 5, || inputs.next().unwrap());
    assert_eq!(node.blocks.last().unwrap().1.inside(), 1);
    node.restart();
    node.tell(2, || true);
    assert_eq!(node.derivation.step(), Step::Need(Need::View));
    // A view from before the pin does not do.
    node.see(&l1, 4, true);
    assert_eq!(node.derivation.step(), Step::Need(Need::View));
    let segments = everything(&mut node, &l1);
    assert_eq!(segments, ["1 block: a", "1 pin 0: m0 m1", "2 block: b c"]);
}

/// RD4: while the light client lags, blocks after its head are soft.
#[test]
fn a_late_pin_undoes_exactly_what_stands_after_it() {
    let mut chain = Chain::new(NETWORK);
    chain.push(1, &[(7, &["a"])]);
    chain.push(1, &[(7, &["b"])]);
    chain.push(1, &[(7, &["c"])]);
    chain.push(1, &[(7, &["d"])]);
    let mut l1 = L1::default();
    l1.send(4);
    let mut node = Node::new(&chain, 1);
    everything(&mut node, &l1);
    l1.pin(5, 2);
    node.see(&l1, 5, false);
    let expected = RollBack::Overtaken(Place::of_pin(Height(2), 0));
    assert_eq!(node.derivation.step(), Step::RollBack(expected));
    assert!(node.run(&l1, 5, || 1));
    assert_eq!(node.undone, 2);
    // Without the pin the same blocks would come again. A view that can't have it does not do.
    node.tell(4, || true);
    assert_eq!(node.derivation.step(), Step::Need(Need::View));
    node.see(&l1, 4, true);
    assert_eq!(node.derivation.step(), Step::Need(Need::View));
    let segments = everything(&mut node, &l1);
    assert_eq!(
        segments,
        [
            "1 block: a",
            "2 block: b",
            "2 pin 0: m0",
            "3 block: c",
            "4 block: d"
        ]
    );
}

#[test]
fn a_halted_chain_goes_on_by_pins() {
    let mut chain = Chain::new(NETWORK);
    chain.push(1, &[(7, &["a"])]);
    let mut l1 = L1::default();
    let mut node = Node::new(&chain, 1);
    everything(&mut node, &l1);
    for round in 0..3 {
        l1.send(10 + round);
        l1.pin(10 + round, 1);
        node.see(&l1, 10 + round, false);
        assert!(!node.run(&l1, 10 + round, || 1));
    }
    let expected = ["1 block: a", "1 pin 0: m0", "1 pin 1: m1", "1 pin 2: m2"];
    assert_eq!(short(&node.segments()), expected);
    // Nothing of it is safe before a final header attests it.
    let place = Place::of_pin(Height(1), 0);
    assert!(!node.derivation.levels().is_safe(place));
}

#[test]
fn a_pin_before_the_origin_is_executed_at_the_start() {
    let mut chain = Chain::new(NETWORK);
    for _ in 0..4 {
        chain.push(1, &[(7, &["a"])]);
    }
    let mut l1 = L1::default();
    l1.pin(1, 1);
    l1.send(2);
    l1.pin(3, 2);
    let mut node = Node::new(&chain, 4);
    node.see(&l1, 5, true);
    assert_eq!(everything(&mut node, &l1), ["3 pin 1: m0", "4 block: a"]);
}

/// RD7.
#[test]
fn what_the_light_client_has_passed_is_safe() {
    let mut chain = Chain::new(NETWORK);
    for height in 1..=6 {
        chain.push(height, &[(7, &["a"])]);
    }
    let mut l1 = L1::default();
    l1.light.insert(5, 4);
    let mut node = Node::new(&chain, 1);
    node.tell(6, || true);
    node.run(&l1, 0, || 1);
    let levels = node.derivation.levels();
    let safe: Vec<_> = (1..=6)
        .filter(|height| levels.is_safe(Place::of_block(Height(*height))))
        .collect();
    assert_eq!(safe, [1, 2, 3, 4]);
    assert!(!levels.is_safe(Place::of_pin(Height(2), 0)));
    assert!(!levels.is_finalized(Place::of_block(Height(1))));
}

#[test]
fn more_blocks_than_are_kept_are_asked_for_again() {
    let mut chain = Chain::new(NETWORK);
    for _ in 0..1_100 {
        chain.push(0, &[(7, &["a"])]);
    }
    let mut node = Node::new(&chain, 1);
    node.tell(1_100, || false);
    node.run(&L1::default(), 0, || 1);
    assert_eq!(node.segments().len(), 1_100);
    let again: Vec<_> = node
        .asked
        .iter()
        .filter(|need| matches!(need, Need::Block(_)))
        .collect();
    assert_eq!(again.len(), 76);
}

#[test]
fn a_cursor_of_another_rollup_is_refused() {
    let cursor = Cursor::start(&rules(1), None).unwrap();
    let other = Rules {
        namespace: id(8),
        ..rules(1)
    };
    let refused = Derivation::resume(other, cursor);
    assert!(matches!(refused, Err(CursorError::OtherRollup { .. })));
}

#[test]
fn a_view_that_starts_elsewhere_is_refused() {
    let mut l1 = L1::default();
    l1.send(1);
    let chain = Chain::new(NETWORK);
    let mut node = Node::new(&chain, 1);
    let base = node.derivation.l1_base();
    let view = l1.view(1, true, base);
    node.derivation.take(Fact::L1(view.clone())).unwrap();
    assert_eq!(
        node.derivation.take(Fact::L1(view)),
        Err(FactError::OtherBase)
    );
}
