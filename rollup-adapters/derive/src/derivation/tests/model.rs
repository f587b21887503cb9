//! Whatever the order and the pieces in which facts come, the outcome is that of the model.

use proptest::prelude::*;

use super::world::{Chain, L1, NETWORK, Node, naive};

#[derive(Clone, Debug)]
struct Plan {
    /// Of each block: by how much the L1 number rises, and transactions of namespaces 7 and 8.
    blocks: Vec<(u64, usize, usize)>,
    /// L1 blocks of messages.
    messages: Vec<u64>,
    /// L1 blocks in which the light client rises, and by how much, and whether there is a pin.
    light: Vec<(u64, u64, bool)>,
    origin: u64,
    choices: Vec<u8>,
}

fn plan() -> impl Strategy<Value = Plan> {
    let block = (
        prop_oneof![3 => Just(0_u64), 1 => 1_u64..4, 1 => 10_u64..20],
        prop_oneof![3 => Just(0_usize), 1 => 1_usize..4],
        0_usize..2,
    );
    (
        prop::collection::vec(block, 1..40),
        prop::collection::vec(1_u64..60, 0..12),
        prop::collection::vec((1_u64..60, 0_u64..6, any::<bool>()), 0..8),
        1_u64..4,
        prop::collection::vec(any::<u8>(), 200..400),
    )
        .prop_map(|(blocks, mut messages, mut light, origin, choices)| {
            messages.sort_unstable();
            light.sort_unstable();
            Plan {
                origin: origin.min(blocks.len() as u64),
                blocks,
                messages,
                light,
                choices,
            }
        })
}

fn build(plan: &Plan) -> (Chain, L1) {
    let mut chain = Chain::new(NETWORK);
    let mut number = 0;
    for (rise, ours, others) in &plan.blocks {
        number += rise;
        let texts = ["one", "two", "three"];
        let mut namespaces: Vec<(u64, &[&str])> = Vec::new();
        if *ours > 0 {
            namespaces.push((7, &texts[..*ours]));
        }
        if *others > 0 {
            namespaces.push((8, &texts[..*others]));
        }
        chain.push(number, &namespaces);
    }
    let mut l1 = L1::default();
    for l1_block in &plan.messages {
        l1.send(*l1_block);
    }
    let mut height = 0;
    for (l1_block, rise, is_pinned) in &plan.light {
        height = (height + rise).min(chain.tip());
        l1.light.insert(*l1_block, height);
        if *is_pinned {
            l1.pin(*l1_block, height);
        }
    }
    (chain, l1)
}

/// An L1 that lies: other messages and pins from a place on.
fn lie(l1: &L1, choice: u8, tip: u64) -> L1 {
    let mut lie = l1.clone();
    let keep = usize::from(choice) % (l1.messages.len() + 1);
    lie.messages.truncate(keep);
    lie.pins.retain(|pin| pin.message_end <= keep as u64);
    let last = lie.messages.last().map_or(0, |message| message.l1_block);
    let pinned = lie.pins.last().map_or(0, |pin| pin.l1_block);
    lie.send(last.max(pinned));
    lie.messages[keep].sender.0[0] = choice;
    lie.pin(last.max(pinned), u64::from(choice) % (tip + 1));
    lie
}

fn check(plan: &Plan, may_lie: bool) {
    let (chain, l1) = build(plan);
    let mut choices = plan.choices.iter().copied().cycle();
    let mut choose = move || choices.next().unwrap();
    let mut node = Node::new(&chain, plan.origin);
    let mut rounds = 0;
    while rounds < 60 {
        rounds += 1;
        match choose() % 6 {
            0 => node.restart(),
            1 => {
                let number = u64::from(choose()) % 70;
                let is_attested = choose() % 2 == 0;
                node.see(&l1, number, is_attested);
            }
            2 if may_lie => {
                let lie = lie(&l1, choose(), chain.tip());
                // What is attested is the same for everybody.
                let base = node.derivation.l1_base();
                let view = lie.view(70, false, base);
                let is_fork = base.queue.count < lie.messages.len() as u64
                    && base.pins.count < lie.pins.len() as u64;
                if is_fork {
                    node.derivation.take(crate::Fact::L1(view)).unwrap();
                }
            }
            _ => {
                let from = node.derivation.follower().height().0;
                let until = (from + u64::from(choose() % 8)).min(chain.tip());
                node.tell(until, || choose() % 3 == 0);
            }
        }
        let number = u64::from(choose()) % 70;
        node.run(&l1, number, || usize::from(choose() % 5));
    }
    // In the end the light client is above everything, so whatever was only believed is known to be true or not.
    let mut l1 = l1;
    l1.light.insert(100, chain.tip() + 1);
    loop {
        node.see(&l1, 100, true);
        node.tell(chain.tip(), || true);
        if !node.run(&l1, 100, || 2) {
            break;
        }
    }
    assert_eq!(node.segments(), naive(&chain, &l1, plan.origin));
    let levels = node.derivation.levels();
    assert!(
        node.blocks
            .iter()
            .all(|(made, _)| levels.is_safe(made.place))
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_outcome_is_that_of_the_model(plan in plan()) {
        check(&plan, false);
    }

    #[test]
    fn an_l1_that_lies_is_found_out_once_a_header_attests_the_truth(plan in plan()) {
        check(&plan, true);
    }
}
