use std::fs;

use clap::{Args as _, Command, FromArgMatches as _};
use hotshot_types::{
    Address, GenesisDocument, L1Block, Parameters, TimestampMs, genesis::GenesisValidator,
};

use super::{template::DEFAULTS, *};

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn parse(text: &str) -> Result<Settings, ConfigError> {
    file::parse(Path::new("sequencer.toml"), text)
}

fn flags(arguments: &[&str]) -> Result<Settings, clap::Error> {
    let command = Settings::augment_args(Command::new("test").no_binary_name(true));
    Settings::from_arg_matches(&command.try_get_matches_from(arguments)?)
}

fn uncommented() -> String {
    template::defaults().to_string()
}

/// A directory with the keys of validator 0 and a genesis document of two validators.
fn data_dir(address: &str) -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    let keys = directory.path().join("keys");
    let paths = keys::KeyPaths {
        consensus: keys.join("consensus.key"),
        network: keys.join("network.key"),
    };
    let (consensus, network) = keys::create(&paths, &keys::Protection::Development)?;
    let salt = genesis_file::salt_of_name("test");
    let entry = |secret: &SecretKey, network_key| GenesisValidator {
        operator: Address::ZERO,
        key: secret.public_key(),
        possession: secret.prove_possession(genesis_file::chain_domain(salt), Address::ZERO),
        weight: 1,
        network_key,
        address: address.to_owned(),
    };
    let other = SecretKey::derive(&[7; 32]);
    let genesis = GenesisDocument {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt,
        timestamp_ms: TimestampMs(1),
        l1: L1Block {
            number: 0,
            hash: Hash::ZERO,
            timestamp: 0,
        },
        seeds: [Hash::ZERO; 2],
        parameters: Parameters::development(),
        validators: vec![
            entry(&other, Hash([7; 32])),
            entry(&consensus, Hash(keys::network_public(&network))),
        ],
    };
    let text = genesis_file::document_text(&genesis);
    fs::write(directory.path().join("genesis.toml"), text)?;
    Ok(directory)
}

fn settings(data_dir: &Path) -> Settings {
    Settings {
        data_dir: Some(data_dir.to_owned()),
        ..Settings::default()
    }
}

#[test]
fn every_setting_is_in_the_file_that_init_writes_and_no_other() {
    let mut section = String::new();
    let mut written = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.replace(']', ".");
        } else if let Some(key) = template::setting(line) {
            written.push(format!("{section}{key}"));
        }
    }
    written.sort();
    let mut known = file::known_keys();
    known.sort();
    assert_eq!(written, known);
}

#[test]
fn flag_and_variable_of_a_setting_follow_from_its_key() {
    let command = Settings::augment_args(Command::new("test"));
    for argument in command.get_arguments() {
        let key = argument.get_id().as_str();
        let variable = format!("SEQUENCER_{}", key.replace('.', "_").to_uppercase());
        assert_eq!(argument.get_long(), Some(key.replace('_', "-").as_str()));
        assert_eq!(
            argument.get_env().and_then(|name| name.to_str()),
            Some(variable.as_str())
        );
    }
}

#[test]
fn defaults_in_the_written_file_are_the_real_ones() -> Outcome {
    let file = parse(&uncommented())?;
    assert_eq!(file.api.resolve()?, ApiSettings::default().resolve()?);
    assert_eq!(file.metrics.resolve(), MetricsSettings::default().resolve());
    assert_eq!(
        file.retention.resolve(Retention::default())?,
        Retention::default()
    );
    assert_eq!(
        file.mempool.resolve(MempoolLimits::default())?,
        MempoolLimits::default()
    );
    assert_eq!(file.log.format, Some(LogFormat::default()));
    Ok(())
}

#[test]
fn each_setting_knows_whether_a_flag_a_file_or_nothing_spoke_for_it() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = settings_path(directory.path());
    fs::write(
        &path,
        "genesis = \"net.toml\"\n[retention]\npayload_epochs = 30\n[api]\nlisten = \"127.0.0.1:1\"\n",
    )?;
    let data_dir = directory.path().to_str().expect("temporary paths are text");
    let arguments = ["--data-dir", data_dir, "--api.listen", "127.0.0.1:2"];
    let command = TracedSettings::augment_args(Command::new("test").no_binary_name(true));
    let traced = TracedSettings::from_arg_matches(&command.try_get_matches_from(arguments)?)?;
    let (settings, effective) = traced.effective(None)?;
    let of = |key: &str| {
        let found = effective.iter().find(|setting| setting.key == key);
        let found = found.expect("every setting is listed").clone();
        (found.value.map(|value| value.to_string()), found.origin)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        of("api.listen"),
        (text("\"127.0.0.1:2\""), Origin::Flag("--api.listen".into()))
    );
    assert_eq!(settings.api.resolve()?.listen.port(), 2);
    let genesis = format!("\"{}\"", directory.path().join("net.toml").display());
    assert_eq!(of("genesis"), (Some(genesis), Origin::File(path.clone())));
    assert_eq!(
        of("retention.payload_epochs"),
        (text("30"), Origin::File(path))
    );
    // Slots are kept at least as long as payloads, so this default follows from another setting.
    assert_eq!(of("retention.slot_epochs"), (text("30"), Origin::Default));
    assert_eq!(of("p2p.listen"), (None, Origin::Default));
    assert_eq!(of("log.format"), (text("\"pretty\""), Origin::Default));
    let keys: Vec<_> = effective.iter().map(|setting| &setting.key).collect();
    assert_eq!(keys, file::known_keys().iter().collect::<Vec<_>>());
    Ok(())
}

#[test]
fn commented_file_says_nothing() -> Outcome {
    assert_eq!(parse(&template(&Settings::default()))?, Settings::default());
    Ok(())
}

#[test]
fn chosen_settings_survive_the_written_file() -> Outcome {
    let chosen = flags(&[
        "--genesis",
        "net/genesis.toml",
        "--p2p.listen",
        "/ip4/127.0.0.1/tcp/1,/ip6/::1/tcp/2",
        "--api.listen",
        "127.0.0.1:81",
        "--api.public",
        "--api.max-streams",
        "7",
        "--metrics.enabled=false",
        "--log.format",
        "json",
        "--retention.slot-epochs",
        "20",
        "--mempool.source-bytes",
        "1000",
    ])?;
    assert_eq!(parse(&template(&chosen))?, chosen);
    Ok(())
}

#[test]
fn unknown_key_is_an_error_that_names_the_nearest() {
    for (text, key, nearest) in [
        ("[api]\nlisten_on = \"x\"", "api.listen_on", "api.listen"),
        ("gensis = \"x\"", "gensis", "genesis"),
        ("[mempol]\nmax_bytes = 1", "mempol", "mempool"),
    ] {
        let error = parse(text).expect_err("the key means nothing").to_string();
        assert!(error.contains(&format!("unknown key `{key}`")), "{error}");
        assert!(
            error.contains(&format!("did you mean `{nearest}")),
            "{error}"
        );
    }
}

#[test]
fn wrong_type_is_an_error_with_its_line() {
    let error = parse("[retention]\n\nslot_epochs = \"ten\"")
        .expect_err("no number")
        .to_string();
    assert!(error.contains("line 3"), "{error}");
    let error = parse("api = 5").expect_err("no section").to_string();
    assert!(error.contains("line 1"), "{error}");
    let error = parse("[p2p]\nlisten = [\"127.0.0.1:9000\"]").expect_err("no multiaddress");
    assert!(
        error.to_string().contains("/ip4/127.0.0.1/tcp/9000"),
        "{error}"
    );
}

#[test]
fn flag_beats_file_and_file_beats_default() -> Outcome {
    let directory = data_dir("/ip4/10.0.0.1/tcp/9100")?;
    let file = "[retention]\npayload_epochs = 3\nslot_epochs = 30\n";
    fs::write(settings_path(directory.path()), file)?;
    let data_dir = directory.path().to_str().expect("temporary paths are text");
    let flags = flags(&["--data-dir", data_dir, "--retention.payload-epochs", "4"])?;
    let config = NodeConfig::load(&flags.with_file(None)?)?;
    let expected = Retention {
        payload_epochs: 4,
        slot_epochs: 30,
        is_archive: false,
    };
    assert_eq!(config.retention, expected);
    assert_eq!(config.mempool, MempoolLimits::default());
    Ok(())
}

#[test]
fn paths_in_the_file_start_at_its_directory() -> Outcome {
    let directory = tempfile::tempdir()?;
    let path = settings_path(directory.path());
    fs::write(&path, "genesis = \"../genesis.toml\"\n")?;
    let settings = Settings::default().with_file(Some(path))?;
    assert_eq!(settings.data_dir.as_deref(), Some(directory.path()));
    assert_eq!(
        settings.genesis_path()?,
        directory.path().join("../genesis.toml")
    );
    assert_eq!(
        settings.network_key_path()?,
        directory.path().join("keys/network.key")
    );
    Ok(())
}

#[test]
fn missing_file_is_an_error_only_when_it_was_named() -> Outcome {
    let directory = tempfile::tempdir()?;
    let silent = settings(directory.path());
    assert_eq!(silent.clone().with_file(None)?, silent);
    let named = Some(directory.path().join("other.toml"));
    assert!(matches!(
        silent.with_file(named),
        Err(ConfigError::Read { .. })
    ));
    Ok(())
}

#[test]
fn validator_listens_on_the_port_that_genesis_promises() -> Outcome {
    for (promised, expected) in [
        ("/ip4/10.0.0.1/tcp/9100", "/ip4/0.0.0.0/tcp/9100"),
        ("/dns/a.example.org/tcp/9200", "/ip4/0.0.0.0/tcp/9200"),
        ("/ip4/127.0.0.1/tcp/9300", "/ip4/127.0.0.1/tcp/9300"),
    ] {
        let directory = data_dir(promised)?;
        let config = NodeConfig::load(&settings(directory.path()))?;
        assert_eq!(config.p2p.listen, vec![expected.parse::<Multiaddr>()?]);
        assert_eq!(config.validator(), Some(ValidatorIndex(1)));
    }
    Ok(())
}

#[test]
fn network_key_of_another_node_is_refused() -> Outcome {
    let directory = data_dir("/ip4/10.0.0.1/tcp/9100")?;
    let other = data_dir("/ip4/10.0.0.2/tcp/9100")?;
    let mut settings = settings(directory.path());
    settings.network_key = Some(other.path().join("keys/network.key"));
    let error = NodeConfig::load(&settings).expect_err("the keys are of two nodes");
    assert!(
        matches!(error, ConfigError::OtherNetworkKey { index: 1, .. }),
        "{error}"
    );
    Ok(())
}

#[test]
fn api_is_open_to_other_machines_only_when_asked_for() -> Outcome {
    let open = flags(&["--api.listen", "0.0.0.0:8080"])?;
    assert!(matches!(open.api.resolve(), Err(ConfigError::PublicApi(_))));
    let asked = flags(&["--api.listen", "0.0.0.0:8080", "--api.public"])?;
    assert!(asked.api.resolve()?.is_public);
    Ok(())
}

#[test]
fn slots_are_kept_at_least_as_long_as_payloads() -> Outcome {
    let resolve = |arguments: &[&str]| -> Result<_, Box<dyn std::error::Error>> {
        Ok(flags(arguments)?.retention.resolve(Retention::default()))
    };
    assert!(
        resolve(&[
            "--retention.payload-epochs",
            "5",
            "--retention.slot-epochs",
            "4"
        ])?
        .is_err()
    );
    assert_eq!(
        resolve(&["--retention.payload-epochs", "50"])??.slot_epochs,
        50
    );
    Ok(())
}

#[test]
fn a_pool_without_room_for_a_transaction_is_refused() -> Outcome {
    let none = flags(&["--mempool.namespace-bytes", "0"])?;
    let error = none.check().expect_err("nothing fits").to_string();
    assert!(error.contains("mempool.namespace_bytes"), "{error}");
    // The network allows transactions of 1 MiB.
    let directory = data_dir("/ip4/10.0.0.1/tcp/9100")?;
    let mut settings = settings(directory.path());
    settings.mempool.source_bytes = Some((1 << 20) + 255);
    let error = NodeConfig::load(&settings).expect_err("a byte is missing");
    assert!(
        error
            .to_string()
            .contains("set mempool.source_bytes to 1048832 or more"),
        "{error}"
    );
    settings.mempool.source_bytes = Some((1 << 20) + 256);
    NodeConfig::load(&settings)?;
    Ok(())
}

#[test]
fn misspelt_variables_are_noticed() {
    let names = ["SEQUENCER_API_LISTN", "SEQUENCER_API_LISTEN", "PATH"].map(str::to_owned);
    let unknown = unknown_variables(names.into_iter());
    let nearest = Some("SEQUENCER_API_LISTEN".to_owned());
    assert_eq!(unknown, [("SEQUENCER_API_LISTN".to_owned(), nearest)]);
}

#[test]
fn peers_are_written_with_their_id() {
    let id = libp2p::PeerId::random();
    let text = format!("{id}@/ip4/10.0.0.7/tcp/9000");
    let peer: PeerAddress = text.parse().expect("a peer");
    assert_eq!((peer.id, peer.to_string()), (id, text));
    assert!("/ip4/10.0.0.7/tcp/9000".parse::<PeerAddress>().is_err());
    assert!(
        format!("{id}@10.0.0.7:9000")
            .parse::<PeerAddress>()
            .is_err()
    );
}

#[test]
fn bootnodes_are_written_with_their_id_at_the_end() {
    let id = libp2p::PeerId::random();
    let text = format!("/dns/boot.example.org/tcp/9000/p2p/{id}");
    let bootnode: Bootnode = text.parse().expect("a bootnode");
    assert_eq!((bootnode.0.id, bootnode.to_string()), (id, text));
    for wrong in ["/dns/boot.example.org/tcp/9000", &format!("/p2p/{id}"), ""] {
        assert!(wrong.parse::<Bootnode>().is_err(), "{wrong}");
    }
}

#[test]
fn node_without_a_consensus_key_follows() -> Outcome {
    let directory = data_dir("/ip4/10.0.0.1/tcp/9100")?;
    fs::remove_dir_all(directory.path().join("keys"))?;
    keys::create_network(
        &directory.path().join("keys/network.key"),
        &keys::Protection::Development,
    )?;
    let silent = settings(directory.path());
    let config = NodeConfig::load(&silent)?;
    assert_eq!(config.validator(), None);
    assert!(config.consensus_key.is_none());
    // Who names a key that is not there did not mean to follow.
    let mut named = silent;
    named.consensus_key = Some(directory.path().join("keys/consensus.key"));
    assert!(matches!(NodeConfig::load(&named), Err(ConfigError::Key(_))));
    Ok(())
}

#[test]
fn network_key_of_a_validator_without_its_consensus_key_is_refused() -> Outcome {
    let directory = data_dir("/ip4/10.0.0.1/tcp/9100")?;
    fs::remove_file(directory.path().join("keys/consensus.key"))?;
    let error = NodeConfig::load(&settings(directory.path())).expect_err("half a validator");
    assert!(
        matches!(error, ConfigError::OtherConsensusKey { index: 1 }),
        "{error}"
    );
    Ok(())
}
