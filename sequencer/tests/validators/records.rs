//! What becomes of a validator whose record is lost, old or doubled.

use std::{fs, path::PathBuf};

use super::network::{Network, Node, eventually, fails, succeeds};

/// The epoch from which on the node says that it signs again.
fn announced_return(node: &Node) -> u64 {
    let text = |node: &Node| -> Option<u64> {
        let log = node.log();
        let (_, rest) = log.rsplit_once("signs nothing before epoch ")?;
        rest.split(|letter: char| !letter.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    };
    eventually("it says when it signs again", || text(node).is_some());
    text(node).unwrap()
}

/// Starts the node and checks that it signs nothing before the epoch that K3 allows, and then does.
fn comes_back_by_k3(network: &mut Network, node: usize) {
    // Those that run; one of them may be ahead of the others.
    let others = network.nodes.iter().enumerate();
    let others = others.filter(|(index, _)| *index != node);
    let before = others.map(|(_, other)| other.epoch()).min().unwrap();
    network.nodes[node].start();
    let from = announced_return(&network.nodes[node]);
    assert!(from >= before + 2, "{from} is below {before} + 2");
    let said = format!("signs again in epoch {from}");
    eventually("/readyz says so", || {
        network.nodes[node].readiness().contains(&said) || network.newest_epoch() >= from
    });
    eventually("it votes again", || {
        // The one that votes may be the first in its epoch.
        let (votes, epoch) = (network.nodes[node].votes(), network.newest_epoch());
        assert!(
            votes == 0 || epoch >= from,
            "it votes in epoch {epoch}, not {from}"
        );
        votes > 0
    });
    network.assert_no_equivocation();
}

#[test]
fn k3_a_deleted_record_keeps_the_key_silent_for_two_epochs() {
    let mut network = Network::running();
    network.nodes[3].kill();
    fs::remove_dir_all(network.nodes[3].home.join("db")).unwrap();
    comes_back_by_k3(&mut network, 3);
    // The record that it has written since is a record like any other.
    network.nodes[3].kill();
    network.nodes[3].start();
    eventually("it votes at once", || network.nodes[3].votes() > 0);
    network.assert_no_equivocation();
}

#[test]
fn k3_a_flipped_byte_of_the_record_keeps_the_key_silent_for_two_epochs() {
    let mut network = Network::running();
    network.nodes[3].kill();
    let mut flipped = 0;
    for path in journals(&network.nodes[3]) {
        let mut bytes = fs::read(&path).unwrap();
        let magic = b"SafetyR1";
        // Every copy of the record is broken, and the witness still knows that there was one.
        for at in 0..bytes.len().saturating_sub(64) {
            if bytes[at..].starts_with(magic) {
                bytes[at + 40] ^= 0xff;
                flipped += 1;
            }
        }
        fs::write(&path, bytes).unwrap();
    }
    assert!(flipped > 0);
    // The database refuses to open at all; what is thrown away with it is the record, too.
    let mut run = network.nodes[3].run();
    fails(&mut run, 6, "sequencer db repair");
    fs::remove_dir_all(network.nodes[3].home.join("db/db")).unwrap();
    comes_back_by_k3(&mut network, 3);
    assert!(network.nodes[3].log().contains("damaged"));
}

fn journals(node: &Node) -> Vec<PathBuf> {
    let entries = fs::read_dir(node.home.join("db/db")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .collect()
}

#[test]
fn k4_an_old_copy_is_noticed_by_what_peers_have_seen_of_the_key() {
    let mut network = Network::running();
    network.nodes[3].kill();
    let copy = network.nodes[3].copy("copy");
    network.nodes[3].start();
    eventually("it votes again", || network.nodes[3].votes() > 10);
    network.nodes[3].kill();
    network.nodes[3].restore(&copy);
    comes_back_by_k3(&mut network, 3);
}

#[test]
fn k4_of_two_copies_started_together_no_two_sign() {
    let mut network = Network::running();
    network.nodes[3].kill();
    let mut twin = network.nodes[3].copy("twin");
    network.nodes[3].start();
    twin.start();
    eventually("one of them refuses", || {
        network.nodes[3].exit_code().is_some() || twin.exit_code().is_some()
    });
    let codes = [network.nodes[3].exit_code(), twin.exit_code()];
    for (code, log) in codes.into_iter().zip([network.nodes[3].log(), twin.log()]) {
        if let Some(code) = code {
            assert_eq!(code, 8, "{log}");
            assert!(
                log.contains("another process holds the consensus key"),
                "{log}"
            );
        }
    }
    let height = network.nodes[0]
        .metric("sequencer_consensus_height")
        .unwrap();
    eventually("the others go on", || {
        network.nodes[0].metric("sequencer_consensus_height") > Some(height + 20)
    });
    network.nodes[3].kill();
    network.assert_no_equivocation();
}

#[test]
fn k4_a_copy_of_a_running_validator_is_refused_or_silent() {
    let mut network = Network::running();
    // As a careless backup would have it: taken while the node runs.
    let mut copy = network.nodes[3].copy("copy");
    let before = network.nodes[3].votes();
    eventually("the validator goes on", || {
        network.nodes[3].votes() > before + 5
    });
    copy.start();
    eventually("one of them has ended or says that it is silent", || {
        copy.exit_code().is_some()
            || network.nodes[3].exit_code().is_some()
            || copy.log().contains("signs nothing")
    });
    let height = network.nodes[0]
        .metric("sequencer_consensus_height")
        .unwrap();
    eventually("the others go on", || {
        network.nodes[0].metric("sequencer_consensus_height") > Some(height + 20)
    });
    if network.nodes[3].exit_code().is_some() {
        network.nodes[3].kill();
    }
    network.assert_no_equivocation();
}

#[test]
fn k4_a_restart_after_a_kill_is_not_taken_for_a_second_process() {
    let mut network = Network::running();
    for _ in 0..3 {
        network.nodes[3].kill();
        network.nodes[3].start();
        eventually("it votes again", || network.nodes[3].votes() > 0);
    }
    assert!(!network.nodes[3].log().contains("lost"));
    network.assert_no_equivocation();
}

#[test]
fn k3_a_record_moves_to_another_directory_and_never_down() {
    let mut network = Network::running();
    let file = network.directory.path().join("record.json");
    let export = |node: &Node| {
        let mut command = node.command(&["protection", "export"]);
        command.arg("--out").arg(&file);
        command
    };
    fails(
        &mut export(&network.nodes[3]),
        8,
        "in use by another process",
    );
    network.nodes[3].kill();
    succeeds(&mut export(&network.nodes[3]));

    let import = |node: &Node| {
        let mut command = node.command(&["protection", "import"]);
        command.arg(&file);
        command
    };
    fails(&mut import(&network.nodes[2]), 8, "in use");
    network.nodes[2].kill();
    fails(&mut import(&network.nodes[2]), 8, "of the key");
    network.nodes[2].start();

    let show = |node: &Node| -> serde_json::Value {
        let output = succeeds(&mut node.command(&["protection", "show", "--json"]));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let before = show(&network.nodes[3]);
    succeeds(&mut import(&network.nodes[3]));
    assert_eq!(
        show(&network.nodes[3]),
        before,
        "its own record changes nothing"
    );

    // A new machine: the keys and the record, and nothing else.
    fs::remove_dir_all(network.nodes[3].home.join("db")).unwrap();
    succeeds(&mut import(&network.nodes[3]));
    let moved = show(&network.nodes[3]);
    let from = moved["signs_from"].as_u64().unwrap();
    assert_eq!(
        from,
        1 + before["record"]["entry"]["round"]["epoch"]
            .as_u64()
            .unwrap()
    );
    assert_eq!(moved["run"], before["run"]);
    network.nodes[3].start();
    eventually("it votes again", || {
        let (votes, epoch) = (network.nodes[3].votes(), network.newest_epoch());
        assert!(votes == 0 || epoch >= from);
        votes > 0
    });
    network.assert_no_equivocation();
}
