//! `sequencer db` on the database of a node that has stopped.

use std::fs;

use crate::{
    command_line::Desk,
    node::{Node, sample},
};

/// A desk with a data directory `home` that holds the sample chain.
async fn desk() -> Desk {
    let node = sample().await;
    let desk = Desk::at(&node);
    fs::create_dir(desk.path("home")).unwrap();
    let (_, database) = node.into_database().await;
    fs::rename(database.keep(), desk.path("home/db")).unwrap();
    desk
}

const PLACE: &str = "--data-dir home --genesis genesis.toml";

#[tokio::test]
async fn a_sound_database_is_counted_and_found_right() {
    let desk = desk().await;
    let stats = desk.run(&format!("db stats {PLACE} --json")).await.json();
    assert_eq!(stats["tip"], 10);
    assert_eq!(stats["epoch"], 3);
    let headers = stats["keyspaces"].as_array().unwrap();
    let headers = headers.iter().find(|space| space["name"] == "headers");
    assert_eq!(headers.unwrap()["entries"], 11);
    let found = desk.run(&format!("db verify {PLACE} --json")).await.json();
    assert_eq!(found["faults"], serde_json::json!([]));
    assert_eq!(
        (&found["headers"], &found["certificates"]),
        (&11.into(), &10.into())
    );
    let text = desk.run(&format!("db stats {PLACE}")).await;
    assert!(text.out.contains("namespace_map"), "{}", text.out);
}

#[tokio::test]
async fn a_node_starts_from_a_snapshot_in_an_empty_directory_only() {
    let desk = desk().await;
    let line = format!("db snapshot {PLACE} --out chain.snapshot --json");
    let written = desk.run(&line).await.json();
    assert_eq!(written["height"], 10);
    desk.run(&line).await.fails(8, "not overwritten");
    let line = "db restore chain.snapshot --data-dir new --genesis genesis.toml --json";
    assert_eq!(desk.run(line).await.json(), written);
    desk.run(line).await.fails(8, "empty directory");
    let verify = "db verify --data-dir new --genesis genesis.toml --json";
    assert_eq!(desk.run(verify).await.json()["headers"], 11);

    let mut bytes = fs::read(desk.path("chain.snapshot")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(desk.path("changed"), bytes).unwrap();
    let line = "db restore changed --data-dir other --genesis genesis.toml";
    desk.run(line).await.fails(6, "snapshot");
    assert!(!desk.path("other/db").exists());
    let line = "db restore nothing --data-dir other --genesis genesis.toml";
    desk.run(line).await.fails(3, "nothing");
}

#[tokio::test]
async fn nothing_is_pruned_without_a_yes() {
    let desk = desk().await;
    let line = format!("db prune {PLACE} --below 6");
    desk.run(&line).await.fails(8, "--yes");
    let pruned = desk.run(&format!("{line} --yes --json")).await.json();
    assert_eq!(pruned["cutoffs"]["payloads"], 6);
    assert!(pruned["removed"].as_u64().unwrap() > 3, "{pruned}");
    let found = desk.run(&format!("db verify {PLACE} --json")).await.json();
    assert_eq!(found["faults"], serde_json::json!([]));
    desk.run(&format!("db prune {PLACE} --yes"))
        .await
        .fails(2, "--keep-epochs");
}

#[tokio::test]
async fn a_damaged_database_is_built_anew_from_a_snapshot() {
    let desk = desk().await;
    let line = format!("db snapshot {PLACE} --out chain.snapshot");
    assert_eq!(desk.run(&line).await.code, 0);
    let journal = desk.path("home/db/db/0.jnl");
    let mut bytes = fs::read(&journal).unwrap();
    bytes[2_000] ^= 1;
    fs::write(&journal, bytes).unwrap();
    let verify = desk.run(&format!("db verify {PLACE}")).await;
    assert_eq!(verify.code, 6, "{}", verify.err);
    assert!(verify.err.contains("db repair"), "{}", verify.err);
    let repair = format!("db repair {PLACE} --snapshot chain.snapshot --json");
    let repaired = desk.run(&repair).await.json();
    assert_eq!(repaired["height"], 10);
    assert_eq!(repaired["record"], "none");
    assert!(desk.path("home/db.damaged-1").exists());
    assert_eq!(desk.run(&format!("db verify {PLACE}")).await.code, 0);
}

#[tokio::test]
async fn a_directory_without_data_or_in_use_is_refused() {
    let node: Node = sample().await;
    let desk = Desk::at(&node);
    desk.run(&format!("db stats {PLACE}"))
        .await
        .fails(5, "holds no node's data");
    std::os::unix::fs::symlink(node.directory(), desk.path("link")).unwrap();
    fs::create_dir(desk.path("home")).unwrap();
    fs::rename(desk.path("link"), desk.path("home/db")).unwrap();
    for verb in [
        "stats",
        "verify",
        "snapshot --out x",
        "prune --below 1 --yes",
        "repair",
    ] {
        desk.run(&format!("db {verb} {PLACE}"))
            .await
            .fails(8, "stop the node first");
    }
}
