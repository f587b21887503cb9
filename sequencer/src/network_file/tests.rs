use hotshot_types::{
    Address, L1Block, Parameters, SecretKey, TimestampMs, genesis::GenesisValidator,
};

use std::fs;

use super::*;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn document() -> GenesisDocument {
    let salt = genesis_file::salt_of_name("test");
    let secret = SecretKey::derive(&[1; 32]);
    GenesisDocument {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt,
        timestamp_ms: TimestampMs(1_700_000_000_000),
        l1: L1Block {
            number: 0,
            hash: Hash::ZERO,
            timestamp: 0,
        },
        seeds: [Hash([1; 32]), Hash([2; 32])],
        parameters: Parameters::development(),
        validators: vec![GenesisValidator {
            operator: Address::ZERO,
            key: secret.public_key(),
            possession: secret.prove_possession(genesis_file::chain_domain(salt), Address::ZERO),
            weight: 1,
            network_key: Hash([3; 32]),
            address: "/dns/a.example.org/tcp/9000".into(),
        }],
    }
}

fn network() -> NetworkFile {
    let peer = libp2p::PeerId::random();
    let bootnodes = [
        format!("/ip4/192.0.2.1/tcp/9000/p2p/{peer}"),
        format!("/dns/boot.example.org/tcp/9001/p2p/{peer}"),
    ];
    let bootnodes = bootnodes
        .iter()
        .map(|text| text.parse().expect("a bootnode"));
    NetworkFile::new(document(), bootnodes.collect())
}

fn load(text: &str) -> Result<NetworkFile, NetworkFileError> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("network");
    fs::write(&path, text).expect("a file");
    NetworkFile::load(&path)
}

#[test]
fn a_network_survives_its_file_in_both_forms() -> Outcome {
    let mut none = network();
    none.bootnodes.clear();
    for network in [network(), none] {
        assert_eq!(load(&network.text())?, network);
        assert_eq!(load(&serde_json::to_string(&network)?)?, network);
    }
    Ok(())
}

#[test]
fn a_changed_genesis_document_is_refused() {
    let text = network()
        .text()
        .replace("epoch_length = 50", "epoch_length = 51");
    let error = load(&text).expect_err("the hash is another");
    assert!(
        matches!(error, NetworkFileError::OtherGenesis { .. }),
        "{error}"
    );
}

#[test]
fn what_is_no_network_file_is_told_so() {
    for text in ["", "genesis_hash = 1", "{}", "\u{0}", "[genesis]"] {
        let error = load(text).expect_err("no network file");
        assert!(error.to_string().contains("is no network file"), "{error}");
    }
    let mut strange = network().text();
    strange.insert_str(0, "bootnode = []\n");
    let error = load(&strange).expect_err("an unknown key");
    assert!(error.to_string().contains("bootnode"), "{error}");
}
