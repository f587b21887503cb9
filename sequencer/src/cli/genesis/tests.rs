use std::path::Path;

use hotshot_types::{Address, genesis::GenesisValidator};

use super::*;
use crate::{
    cli::exit::Exit,
    config::Settings,
    genesis_file::{ValidatorEntry, entry_text},
    keys::{self, KeyPaths},
};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn compose(files: &[PathBuf]) -> Result<hotshot_types::GenesisDocument, String> {
    composed(files).map_err(|failure| failure.to_string())
}

/// Without L1 nothing is waited for.
fn composed(files: &[PathBuf]) -> Result<hotshot_types::GenesisDocument, Failure> {
    use futures::FutureExt as _;
    let document = compose::compose(files, Parameters::development(), None).now_or_never();
    document.expect("no request is made")
}

fn inspect(document: &hotshot_types::GenesisDocument) -> Result<String, String> {
    let inspection = inspection::inspect(document).map_err(|failure| failure.to_string())?;
    Ok(inspection.to_string())
}

/// Entry files of validators of a network, by weight.
fn entries(
    directory: &Path,
    network: &str,
    weights: &[u64],
) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let salt = genesis_file::salt_of_name(network);
    let mut files = Vec::new();
    for (index, weight) in weights.iter().enumerate() {
        let home = directory.join(format!("{network}-{index}"));
        let settings = Settings {
            data_dir: Some(home),
            ..Settings::default()
        };
        let paths = KeyPaths {
            consensus: settings.consensus_key_path()?,
            network: settings.network_key_path()?,
        };
        let (consensus, network_key) = keys::create(&paths, &keys::Protection::Development)?;
        let entry = ValidatorEntry {
            l1_chain_id: 0,
            stake_table: Address::ZERO,
            salt,
            validator: GenesisValidator {
                operator: Address::ZERO,
                key: consensus.public_key(),
                possession: consensus
                    .prove_possession(genesis_file::chain_domain(salt), Address::ZERO),
                weight: *weight,
                network_key: Hash(keys::network_public(&network_key)),
                address: format!("/ip4/127.0.0.1/tcp/{}", 9000 + index),
            },
        };
        let file = directory.join(format!("{network}-{index}.toml"));
        std::fs::write(&file, entry_text(&entry))?;
        files.push(file);
    }
    Ok(files)
}

#[test]
fn document_of_entries_passes_its_own_check() -> Outcome {
    let directory = tempfile::tempdir()?;
    let files = entries(directory.path(), "net", &[1, 2, 3, 4])?;
    let document = compose(&files)?;
    let text = inspect(&document)?;
    assert!(text.contains("4, weight 10, quorum 7"), "{text}");
    assert!(
        text.contains("warning: validator 3 holds a third"),
        "{text}"
    );
    Ok(())
}

#[test]
fn seeds_are_drawn_anew_each_time() -> Outcome {
    let directory = tempfile::tempdir()?;
    let files = entries(directory.path(), "net", &[1])?;
    let first = compose(&files)?;
    let second = compose(&files)?;
    assert_ne!(first.seeds, second.seeds);
    assert_ne!(first.seeds[0], first.seeds[1]);
    Ok(())
}

#[test]
fn entries_of_two_networks_are_refused() -> Outcome {
    let directory = tempfile::tempdir()?;
    let mut files = entries(directory.path(), "one", &[1])?;
    files.extend(entries(directory.path(), "two", &[1])?);
    let failure = composed(&files).expect_err("two salts");
    assert_eq!(failure.exit(), Exit::Config);
    assert!(failure.to_string().contains("another network"), "{failure}");
    Ok(())
}

#[test]
fn one_entry_given_twice_is_refused() -> Outcome {
    let directory = tempfile::tempdir()?;
    let mut files = entries(directory.path(), "net", &[1])?;
    files.push(files[0].clone());
    let failure = compose(&files).expect_err("one key twice");
    assert!(
        failure.contains("same consensus key") && failure.contains("net-0.toml"),
        "{failure}"
    );
    Ok(())
}

#[test]
fn address_that_nobody_can_dial_is_refused() -> Outcome {
    let directory = tempfile::tempdir()?;
    let files = entries(directory.path(), "net", &[1])?;
    let mut document = compose(&files)?;
    for (address, why) in [
        ("127.0.0.1:9000", "no multiaddress"),
        ("/ip4/10.0.0.1/udp/9000/quic-v1", "TCP alone"),
        ("/ip4/10.0.0.1", "no TCP port"),
        ("/ip4/10.0.0.1/tcp/0", "port 0"),
        ("/ip4/0.0.0.0/tcp/9000", "every interface"),
        ("/ip6/::/tcp/9000", "every interface"),
        ("/dns/node.example.org/tcp/9000/ws", "follow the port"),
        ("/unix/tmp", "neither an IP address nor a name"),
    ] {
        document.validators[0].address = address.into();
        let failure = inspection::inspect(&document)
            .expect_err(address)
            .to_string();
        assert!(failure.contains("validator 0"), "{failure}");
        assert!(
            failure.contains(address) && failure.contains(why),
            "{failure}"
        );
    }
    Ok(())
}

#[test]
fn one_address_of_two_validators_is_refused() -> Outcome {
    let directory = tempfile::tempdir()?;
    let files = entries(directory.path(), "net", &[1, 1])?;
    let mut document = compose(&files)?;
    document.validators[1].address = document.validators[0].address.clone();
    let failure = inspection::inspect(&document).expect_err("one address twice");
    let failure = failure.to_string();
    assert!(failure.contains("validators 0 and 1"), "{failure}");
    let text = std::fs::read_to_string(&files[1])?;
    std::fs::write(&files[1], text.replace("/tcp/9001", "/tcp/9000"))?;
    let failure = compose(&files).expect_err("one address twice");
    assert!(
        failure.contains("net-1.toml has the same address as"),
        "{failure}"
    );
    Ok(())
}

#[test]
fn changed_parameters_differ_from_the_preset_and_the_others_do_not() {
    let changes = Changes {
        epoch_length: Some(7),
        ..Changes::default()
    };
    let parameters = changes.apply(Preset::Testnet);
    assert_eq!(
        (parameters.epoch_length, parameters.view_timeout_ms),
        (7, 1_500)
    );
    assert_eq!(
        Changes::default().apply(Preset::Development),
        Parameters::development()
    );
}
