//! Scenarios that chance alone would take long to hit.

use hotshot_types::Height;

use super::*;
use crate::byzantine::Conduct;

fn world(seed: u64, identities: usize) -> World {
    World::new(Plan::calm(seed, identities, Vec::new()))
}

fn height(world: &World, node: usize) -> Height {
    world.nodes[node].disk.live.tip().height
}

fn everybody_reaches(target: u64) -> impl Fn(&World) -> bool {
    move |world| {
        world
            .honest()
            .all(|host| host.is_up() && host.disk.live.tip().height.0 >= target)
    }
}

fn last_timeouts(world: &World) -> Vec<Option<Round>> {
    let nodes = world.nodes.iter();
    nodes
        .map(|host| host.disk.durable.record.last_timeout)
        .collect()
}

#[test]
fn four_honest_nodes_in_good_weather_lose_no_view() {
    let mut world = world(1, 4);
    world.run_until(everybody_reaches(40)).unwrap();
    assert_eq!(world.tally.timeouts, 0);
}

/// Section 14, 29.
#[test]
fn all_nodes_restart_at_an_epoch_boundary() {
    for seed in 0..40 {
        let mut world = world(seed, 4);
        let boundary = 2 * world.plan.epoch_length;
        world
            .run_until(|world| (0..4).any(|node| height(world, node).0 >= boundary))
            .unwrap();
        for node in 0..4 {
            world.stop(node);
        }
        for node in 0..4 {
            world.start(node).unwrap();
        }
        world.run_until(everybody_reaches(boundary + 5)).unwrap();
    }
}

/// Section 14, 40.
#[test]
fn three_of_four_restart_while_timed_out_in_one_view() {
    for seed in 0..20 {
        let mut world = world(seed, 4);
        world.run_until(everybody_reaches(3)).unwrap();
        world.plan.weather = Weather::cut(world.plan.delta_ms);
        let before = last_timeouts(&world);
        world
            .run_until(|world| {
                let now = last_timeouts(world);
                now.iter().zip(&before).all(|(now, before)| now > before)
            })
            .unwrap();
        for node in 1..4 {
            world.stop(node);
            world.start(node).unwrap();
        }
        world.plan.weather = Weather::clear(world.plan.delta_ms);
        let target = (0..4).map(|node| height(&world, node).0).max().unwrap() + 5;
        world.run_until(everybody_reaches(target)).unwrap();
    }
}

/// Section 14, 30: whoever holds the certificate of a view restarts, but for one.
#[test]
fn all_but_one_restart_after_views_have_timed_out() {
    for seed in 0..20 {
        let mut world = World::new(Plan::calm(seed, 4, vec![(3, Conduct::Silent)]));
        world.run_until(|world| world.tally.timeouts >= 2).unwrap();
        for node in 1..3 {
            world.stop(node);
            world.start(node).unwrap();
        }
        let target = (0..3).map(|node| height(&world, node).0).max().unwrap() + 5;
        world.run_until(everybody_reaches(target)).unwrap();
    }
}

#[test]
fn a_node_that_starts_late_catches_up_over_several_epochs() {
    let mut plan = Plan::calm(7, 4, Vec::new());
    plan.starts_ms[2] = u64::MAX;
    let epoch_length = plan.epoch_length;
    let mut world = World::new(plan);
    world
        .run_until(|world| height(world, 0).0 >= 5 * epoch_length)
        .unwrap();
    world.start(2).unwrap();
    let target = 6 * epoch_length;
    world.run_until(everybody_reaches(target)).unwrap();
}

#[test]
fn each_behaviour_alone_is_survived_and_those_that_contradict_themselves_are_found_out() {
    for conduct in Conduct::ALL {
        // Somebody silent as well, so that views time out.
        let byzantine = vec![(5, conduct), (6, Conduct::Silent)];
        let mut world = World::new(Plan::calm(11, 7, byzantine));
        world
            .run_until(everybody_reaches(60))
            .unwrap_or_else(|violation| panic!("{conduct:?}: {violation}"));
        let contradicts = matches!(
            conduct,
            Conduct::Equivocator | Conduct::Twin | Conduct::StaleLock
        );
        assert_eq!(world.tally.evidence > 0, contradicts, "{conduct:?}");
    }
}
