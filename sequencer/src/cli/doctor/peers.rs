//! The running node, its peers, and this machine's clock by theirs.

use sequencer_client::{ClientConfig, client::Api, types::NodeState};

use super::{Report, Scene, identity};
use crate::{
    cli::exit::Exit,
    node::probe::{self, Answer, Reached, Target},
};

pub(super) async fn examine(scene: &Scene, report: &mut Report) {
    if scene.is_running {
        running(scene, report).await;
    }
    let Some(genesis) = &scene.genesis else {
        return;
    };
    let further = scene.settings.p2p.peers.as_deref().unwrap_or_default();
    let mut targets = match probe::targets(genesis, further) {
        Ok(targets) => targets,
        Err(error) => return report.fail("peers", error, Exit::Config),
    };
    // Before a run nobody answers at our own address; beside one it shows that peers reach us.
    targets.retain(|target| scene.is_running || !is_own(scene, target));
    if targets.is_empty() {
        return report.ok("peers", "there are none to connect to");
    }
    if !report.is_json() {
        eprintln!("asking {} peers ...", targets.len());
    }
    let reached = probe::probe(genesis.chain_domain(), &targets, scene.patience).await;
    match reached {
        Ok(reached) => {
            for (target, reached) in targets.iter().zip(&reached) {
                one(scene, target, reached, report);
            }
            together(scene, &targets, &reached, report);
            clock(scene, &targets, &reached, report);
        }
        Err(error) => report.fail("peers", error, Exit::Internal),
    }
}

fn is_own(scene: &Scene, target: &Target) -> bool {
    target.validator.is_some() && target.validator == scene.validator
}

/// What the node on this data directory says.
async fn running(scene: &Scene, report: &mut Report) {
    let Some(api) = scene.settings.api.resolve().ok() else {
        return;
    };
    let config = ClientConfig {
        timeout: scene.patience,
        connect_timeout: scene.patience,
        ..ClientConfig::default()
    };
    let status = match Api::new(&format!("http://{}", api.listen), config) {
        Ok(api) => api.status().await,
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => node_state(scene, &status, report),
        Err(error) => report.fail("node", error, Exit::Unreachable),
    }
}

fn node_state(scene: &Scene, status: &NodeState, report: &mut Report) {
    let is_other = scene
        .genesis
        .as_ref()
        .is_some_and(|genesis| !identity::same_network(genesis, status.chain_domain));
    if is_other {
        let message = "the running node is of another network than the genesis document: restart it, or correct the setting `genesis`";
        report.fail("node", message, Exit::Config);
    }
    if status.version != env!("CARGO_PKG_VERSION") {
        let message = format!(
            "the running node is version {}, this program {}: restart the node to complete the upgrade",
            status.version,
            env!("CARGO_PKG_VERSION")
        );
        report.warn("version", message);
    }
    let about = format!(
        "block {} is final, {} of {} peers",
        status.final_height, status.peers.connected, status.peers.total
    );
    if status.ready {
        report.ok("node", format!("ready; {about}"));
    } else {
        let reasons = status.reasons.join("; ");
        report.fail(
            "node",
            format!("not ready: {reasons}; {about}"),
            Exit::Unreachable,
        );
    }
}

fn one(scene: &Scene, target: &Target, reached: &Reached, report: &mut Report) {
    let name = match target.validator {
        Some(index) if is_own(scene, target) => format!("validator {index}, this node,"),
        Some(index) => format!("validator {index}"),
        None => format!("peer {}", target.id),
    };
    let at = &target.address;
    match reached {
        Reached::Peer(answer) => report.ok(
            "peers",
            format!(
                "{name} at {at} answers after {:.1} ms, version {}, block {}",
                answer.round_trip.as_secs_f64() * 1e3,
                answer.version,
                answer.height
            ),
        ),
        Reached::Silent => report.warn(
            "peers",
            format!("{name} at {at} shakes hands and does not answer: an older version, or overloaded"),
        ),
        Reached::Stranger => report.warn(
            "peers",
            format!("{name} at {at}: something listens there that is not this peer of this network; compare genesis documents and keys with its operator"),
        ),
        Reached::Nobody(error) => report.warn(
            "peers",
            format!("{name} at {at} can't be reached ({error}): it is down, or a firewall is between"),
        ),
    }
}

/// Whether the reachable stake could decide anything.
fn together(scene: &Scene, targets: &[Target], reached: &[Reached], report: &mut Report) {
    let Some(genesis) = &scene.genesis else {
        return;
    };
    let weight = |index: usize| u128::from(genesis.validators[index].weight);
    let total: u128 = (0..genesis.validators.len()).map(weight).sum();
    let others: u128 = targets
        .iter()
        .zip(reached)
        .filter(|(target, reached)| {
            matches!(reached, Reached::Peer(_) | Reached::Silent) && !is_own(scene, target)
        })
        .filter_map(|(target, _)| target.validator.map(weight))
        .sum();
    let own = scene.validator.map_or(0, weight);
    let quorum = genesis
        .committee(hotshot_types::Epoch::FIRST)
        .map_or(total, |committee| committee.quorum());
    let about = format!(
        "stake {} of {total} is reachable, this node's included; a quorum is {quorum}",
        others + own
    );
    if others + own >= quorum {
        report.ok("peers", about);
    } else if others == 0 {
        report.fail(
            "peers",
            format!("{about}. Nobody was reached: unless the network has not started yet, this machine's connection or firewall is at fault"),
            Exit::Unreachable,
        );
    } else {
        report.warn("peers", format!("{about}: blocks come once more of it is"));
    }
}

/// By how much this clock differs from most others'. A proposal is refused until the voter's clock
/// has come within min(500 ms, T0/4) of its timestamp (P3).
fn clock(scene: &Scene, targets: &[Target], reached: &[Reached], report: &mut Report) {
    let mut ahead: Vec<i64> = targets
        .iter()
        .zip(reached)
        .filter(|(target, _)| !is_own(scene, target))
        .filter_map(|(_, reached)| match reached {
            Reached::Peer(answer) => Some(certainly_ahead(answer)),
            _ => None,
        })
        .collect();
    ahead.sort_unstable();
    let Some(median) = ahead.get(ahead.len() / 2).copied() else {
        return alone(scene, reached, report);
    };
    let view = scene
        .genesis
        .as_ref()
        .map_or(500, |genesis| genesis.parameters.view_timeout_ms);
    let tolerance = (view / 4).min(500);
    let off = median.unsigned_abs();
    let direction = if median > 0 { "behind" } else { "ahead of" };
    let about = format!(
        "{off} ms {direction} the peers' clocks (median of {})",
        ahead.len()
    );
    let advice = "synchronise it, for example with `timedatectl set-ntp true`";
    if off > tolerance {
        report.fail(
            "clock",
            format!("{about}, more than {tolerance} ms: {advice}"),
            Exit::Config,
        );
    } else if off > tolerance / 2 {
        report.warn("clock", format!("{about}: {advice}"));
    } else {
        report.ok("clock", about);
    }
}

/// By how much a peer's clock is ahead at least: the answer was given at some time of the round trip.
fn certainly_ahead(answer: &Answer) -> i64 {
    let half = i64::try_from(answer.round_trip.as_millis() / 2).unwrap_or(i64::MAX);
    let ahead = answer.clock_ahead_ms;
    ahead.signum() * ahead.saturating_abs().saturating_sub(half).max(0)
}

/// Without peers only the newest block known says anything: its time is past.
fn alone(scene: &Scene, reached: &[Reached], report: &mut Report) {
    let now = probe::wall_ms();
    let newest = reached.iter().find_map(|reached| match reached {
        Reached::Peer(answer) => Some(answer.timestamp_ms.0),
        _ => None,
    });
    let genesis = scene.genesis.as_ref().map(|genesis| genesis.timestamp_ms.0);
    match newest.or(genesis) {
        Some(past) if past > now => report.fail(
            "clock",
            format!("{} ms behind the newest block known: synchronise it, for example with `timedatectl set-ntp true`", past - now),
            Exit::Config,
        ),
        _ => report.warn(
            "clock",
            "no peer to compare it with; not before the newest block known",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use hotshot_types::{Height, TimestampMs};
    use libp2p::{Multiaddr, PeerId};

    use super::*;
    use crate::{cli::doctor::report::Level, config::Settings};

    fn level(clocks: &[(i64, u64)]) -> Level {
        let scene = Scene {
            settings: Settings::default(),
            data_dir: PathBuf::new(),
            is_running: false,
            genesis: None,
            key: None,
            is_unused: true,
            validator: None,
            patience: Duration::ZERO,
        };
        let target = || Target {
            validator: None,
            id: PeerId::random(),
            address: Multiaddr::empty(),
        };
        let targets: Vec<Target> = clocks.iter().map(|_| target()).collect();
        let answers = clocks.iter().map(|(ahead, round_trip)| {
            Reached::Peer(Answer {
                round_trip: Duration::from_millis(*round_trip),
                clock_ahead_ms: *ahead,
                version: String::new(),
                height: Height(0),
                timestamp_ms: TimestampMs(0),
            })
        });
        let mut report = Report::new(true);
        clock(&scene, &targets, &answers.collect::<Vec<_>>(), &mut report);
        report.only_level()
    }

    #[test]
    fn clock_is_judged_by_the_median_of_the_peers_and_not_by_one_that_lies() {
        assert_eq!(level(&[(3, 0), (-5, 0), (i64::MAX, 0)]), Level::Ok);
        assert_eq!(level(&[(3, 0), (i64::MIN, 0), (-5, 0)]), Level::Ok);
        assert_eq!(level(&[(100, 0), (90, 0), (80, 0)]), Level::Warn);
        assert_eq!(level(&[(-200, 0), (-210, 0), (0, 0)]), Level::Fail);
        assert_eq!(level(&[(2_000, 10)]), Level::Fail);
        assert_eq!(level(&[]), Level::Warn);
    }

    #[test]
    fn what_a_slow_answer_leaves_open_is_not_held_against_the_clock() {
        assert_eq!(level(&[(200, 400)]), Level::Ok);
        assert_eq!(level(&[(-400, 400)]), Level::Fail);
    }
}
