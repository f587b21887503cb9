use hotshot_types::{L1Block, Parameters, SecretKey, TimestampMs};

use std::fs;

use super::*;

fn validator(seed: u8, salt: Hash) -> GenesisValidator {
    let secret = SecretKey::derive(&[seed; 32]);
    GenesisValidator {
        operator: Address::ZERO,
        key: secret.public_key(),
        possession: secret.prove_possession(chain_domain(salt), Address::ZERO),
        weight: u64::from(seed),
        network_key: Hash([seed; 32]),
        address: format!("/ip4/127.0.0.1/tcp/900{seed}"),
    }
}

fn document() -> GenesisDocument {
    let salt = salt_of_name("test");
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
        validators: (1..=4).map(|seed| validator(seed, salt)).collect(),
    }
}

#[test]
fn document_survives_its_file() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("genesis.toml");
    fs::write(&path, document_text(&document()))?;
    let read = load(&path)?;
    assert_eq!(read, document());
    assert_eq!(read.hash(), document().hash());
    Ok(())
}

#[test]
fn entry_survives_its_file() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("entry.toml");
    let salt = salt_of_name("test");
    let mut entry = ValidatorEntry {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt,
        validator: validator(1, salt),
    };
    entry.validator.address = "quote \" and \\ backslash".to_owned();
    fs::write(&path, entry_text(&entry))?;
    assert_eq!(load_entry(&path)?, entry);
    Ok(())
}

#[test]
fn document_with_a_possession_for_another_network_is_refused()
-> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("genesis.toml");
    let mut document = document();
    document.salt = salt_of_name("other");
    fs::write(&path, document_text(&document))?;
    let error = load(&path).expect_err("the possessions are for another network");
    assert!(
        error
            .to_string()
            .contains("proof of possession of validator 0"),
        "{error}"
    );
    Ok(())
}

#[test]
fn missing_document_says_where_to_get_one() {
    let error = load(Path::new("/nonexistent/genesis.toml")).expect_err("no such file");
    assert!(
        error.to_string().contains("sequencer genesis new"),
        "{error}"
    );
}

#[test]
fn unknown_field_of_a_document_is_refused() -> Result<(), Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("genesis.toml");
    fs::write(
        &path,
        format!("surplus = 1\n{}", document_text(&document())),
    )?;
    let error = load(&path).expect_err("surplus means nothing");
    assert!(error.to_string().contains("surplus"), "{error}");
    Ok(())
}
