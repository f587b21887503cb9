use std::fs;

use super::*;
use crate::testing;

const L1: &str = r#"
[l1]
chain_id = 31337
light_client = "0x0000000000000000000000000000000000000001"
queue = "0x0000000000000000000000000000000000000002"
inbox = "0x0000000000000000000000000000000000000003"
vault = "0x0000000000000000000000000000000000000004"
first_block = 5
"#;

fn genesis(l1_chain_id: u64) -> GenesisDocument {
    testing::sequencer(l1_chain_id)
}

fn read(text: &str, genesis: &GenesisDocument) -> Result<Definition, DefinitionError> {
    let directory = tempfile::tempdir().unwrap();
    let document = toml::to_string_pretty(genesis).unwrap();
    fs::write(directory.path().join("genesis.toml"), document).unwrap();
    let path = directory.path().join("rollup.toml");
    fs::write(&path, text).unwrap();
    Definition::read(&path)
}

fn text(rest: &str) -> String {
    format!(
        "application = \"tally\"\nnamespace = 7\norigin = 1\ngenesis = \"genesis.toml\"\n{rest}"
    )
}

fn complaint(text: &str, chain: u64) -> String {
    read(text, &genesis(chain)).unwrap_err().to_string()
}

#[test]
fn a_definition_is_read_with_the_genesis_document_it_names() {
    let definition = read(
        &text(&format!("deposits = true\n{L1}\n[vm]\nlimit = 3\n")),
        &genesis(31_337),
    );
    let definition = definition.unwrap();
    assert_eq!(definition.chain_id(), 7);
    assert_eq!(definition.l1.unwrap().first_block, 5);
    assert!(definition.deposits);
    assert_eq!(definition.vm["limit"].as_integer(), Some(3));
    assert_eq!(definition.sequencer, genesis(31_337));
}

#[test]
fn the_digest_is_over_all_that_nodes_have_to_agree_on() {
    let base = format!("{L1}\n[vm]\nb = 1\na = 2\n");
    let digest = |text: &str| read(text, &genesis(31_337)).unwrap().digest();
    let first = digest(&text(&base));
    assert_eq!(
        digest(&text(&format!("{L1}\n# a note\n[vm]\na = 2\nb = 1\n"))),
        first
    );
    for (from, to) in [
        ("namespace = 7", "namespace = 8"),
        ("origin = 1", "origin = 2"),
        ("\"tally\"", "\"other\""),
        ("000002", "000009"),
        ("first_block = 5", "first_block = 6"),
        ("b = 1", "b = 3"),
    ] {
        assert_ne!(digest(&text(&base).replace(from, to)), first, "{to}");
    }
    let mut other = genesis(31_337);
    other.timestamp_ms.0 += 1;
    assert_ne!(read(&text(&base), &other).unwrap().digest(), first);
}

#[test]
fn what_cannot_be_is_refused_in_a_sentence() {
    for (definition, chain, words) in [
        (text("colour = 1\n"), 0, "colour"),
        (
            text("").replace("namespace = 7", "namespace = 0"),
            0,
            "namespace 0",
        ),
        (text("").replace("origin = 1", "origin = 0"), 0, "origin"),
        (text("").replace("origin = 1\n", ""), 0, "origin"),
        (
            text("").replace("origin = 1", "origin = 9223372036854775808"),
            0,
            "2^63",
        ),
        (
            text("").replace("genesis.toml", "missing.toml"),
            0,
            "missing.toml",
        ),
        (text("deposits = true\n"), 0, "[l1]"),
        (text(""), 31_337, "[l1] is missing"),
        (text(L1), 1, "chain id 1"),
        (
            text(&L1.replace("000002", "000003")),
            31_337,
            "same address",
        ),
        (text(&L1.replace("000002", "000000")), 31_337, "l1.queue"),
        (
            text(&L1.replace("0x0000000000000000000000000000000000000002", "0x12")),
            31_337,
            "hex",
        ),
        (
            text(&format!("genesis_hash = \"0x{}\"\n", "1".repeat(64))),
            0,
            "0x1111",
        ),
        ("not toml at all".into(), 0, "no definition"),
    ] {
        let complaint = complaint(&definition, chain);
        assert!(complaint.contains(words), "{words}: {complaint}");
    }
}

#[test]
fn each_l1_has_its_own_chain_id() {
    let replica = |chain: u64| {
        format!(
            "[[l1_replica]]\nchain_id = {chain}\nlight_client = \"0x{0}\"\ninbox = \"0x{0}\"\n",
            "11".repeat(20)
        )
    };
    let both = format!("{L1}{}{}", replica(5), replica(6));
    assert_eq!(
        read(&text(&both), &genesis(31_337)).unwrap().replicas.len(),
        2
    );
    for replicas in [replica(31_337), format!("{0}{0}", replica(5))] {
        let complaint = complaint(&text(&format!("{L1}{replicas}")), 31_337);
        assert!(complaint.contains("two L1s"), "{complaint}");
    }
}

#[test]
fn who_has_no_definition_is_told_how_to_make_one() {
    let error = Definition::read(Path::new("/nowhere/rollup.toml")).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("/nowhere/rollup.toml"), "{words}");
    assert!(words.contains("`init`"), "{words}");
}

#[test]
fn a_file_without_end_is_refused() {
    let error = Definition::read(Path::new("/dev/zero")).unwrap_err();
    assert!(matches!(error, DefinitionError::Read { .. }), "{error}");
}
