//! Checks on the tests themselves: every rule of the README is named by a test, and every attack
//! in its list has one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The rules of the README by letter.
const RULES: [(char, u32); 13] = [
    ('M', 2),
    ('R', 4),
    ('D', 8),
    ('C', 3),
    ('H', 1),
    ('W', 4),
    ('P', 3),
    ('V', 16),
    ('T', 5),
    ('X', 6),
    ('K', 4),
    ('B', 5),
    ('J', 3),
];

/// Rules about bytes and bounds that are tested where they are kept.
const ELSEWHERE: [(&str, &str, &str); 13] = [
    (
        "M1",
        "hotshot/types/src/committee/tests.rs",
        "thresholds_do_not_overflow_with_a_thousand_members_of_the_largest_weight",
    ),
    (
        "M2",
        "hotshot/types/src/committee/tests.rs",
        "thresholds_are_exact_for_every_remainder_of_three",
    ),
    (
        "R2",
        "hotshot/types/src/mountain_range/tests.rs",
        "the_root_is_the_one_that_the_rule_describes",
    ),
    (
        "R3",
        "hotshot/types/src/header/tests.rs",
        "every_field_is_in_the_block_hash",
    ),
    (
        "R4",
        "hotshot/types/src/genesis/tests.rs",
        "the_genesis_header_commits_to_the_document",
    ),
    (
        "D5",
        "hotshot/types/src/digest/tests.rs",
        "digests_are_the_hash_of_their_words",
    ),
    (
        "D6",
        "hotshot/types/src/bls/tests.rs",
        "a_proof_of_possession_is_bound_to_operator_network_and_ciphersuite",
    ),
    (
        "D7",
        "hotshot/types/src/bls/tests.rs",
        "halves_of_different_secrets_are_found_in_a_batch",
    ),
    (
        "C2",
        "hotshot/types/src/certificate/tests.rs",
        "groups_out_of_order_or_repeated_are_refused",
    ),
    (
        "T2",
        "hotshot/types/src/committee/tests.rs",
        "leaders_are_the_first_whose_cumulative_weight_exceeds_the_scaled_draw",
    ),
    (
        "K1",
        "hotshot/types/src/finality/tests.rs",
        "trust_walks_over_epochs_whose_members_change",
    ),
    (
        "B2",
        "sequencer/src/network/quota/tests.rs",
        "a_burst_is_free_and_the_rest_waits_for_the_rate",
    ),
    (
        "B3",
        "sequencer/src/network/frame/tests.rs",
        "a_frame_over_the_cap_is_refused_by_its_length_alone",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All sources below a folder that hold tests.
fn test_sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            found.extend(test_sources(&path));
        } else if path.ends_with("tests.rs")
            || path.components().any(|part| part.as_os_str() == "tests")
        {
            found.push(path);
        }
    }
    found
}

/// The rules that the comments right above tests name; `D1 to D4` names four.
fn named_rules(source: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut comment = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            comment.push_str(text);
            comment.push(' ');
        } else if line == "#[test]" {
            named.extend(rules_in(&comment));
        } else if !line.starts_with("#[") {
            comment.clear();
        }
    }
    named
}

fn rules_in(text: &str) -> Vec<String> {
    let words: Vec<&str> = text
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let rule = |word: &str| -> Option<(char, u32)> {
        let letter = word.chars().next()?;
        let number = word.get(1..)?.parse().ok()?;
        let known = RULES.iter().find(|(known, _)| *known == letter)?;
        (1..=known.1).contains(&number).then_some((letter, number))
    };
    let mut found = Vec::new();
    for (at, word) in words.iter().enumerate() {
        let Some((letter, number)) = rule(word) else {
            continue;
        };
        let range_to = words
            .get(at + 1)
            .filter(|next| **next == "to")
            .and_then(|_| rule(words.get(at + 2)?))
            .filter(|(last_letter, _)| *last_letter == letter)
            .map_or(number, |(_, last)| last);
        found.extend((number..=range_to).map(|number| format!("{letter}{number}")));
    }
    found
}

#[test]
fn every_rule_is_named_by_a_test() {
    let mut named = BTreeSet::new();
    for folder in ["hotshot/tests", "hotshot/src", "hotshot/types/src"] {
        for source in test_sources(&root().join(folder)) {
            named.extend(named_rules(&read(&source)));
        }
    }
    for (rule, file, test) in ELSEWHERE {
        assert!(
            has_test(&root().join(file), test),
            "{rule}: no {test} in {file}"
        );
        named.insert(rule.to_owned());
    }
    let missing: Vec<String> = RULES
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")))
        .filter(|rule| !named.contains(rule))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "rules without a test");
}

fn has_test(file: &Path, name: &str) -> bool {
    read(file).contains(&format!("fn {name}("))
}

/// The file of a test that the README names as `protocol::voting::x`, `unit::pacemaker::x` or
/// `types::bls::x`.
fn file_of(path: &str) -> Option<(PathBuf, &str)> {
    let (module, name) = path.rsplit_once("::")?;
    let (place, module) = module.split_once("::")?;
    let module = module.replace("::", "/");
    let file = match place {
        "protocol" => format!("hotshot/tests/protocol/{module}.rs"),
        "unit" => format!("hotshot/src/{module}/tests.rs"),
        "types" => format!("hotshot/types/src/{module}/tests.rs"),
        _ => return None,
    };
    Some((root().join(file), name))
}

#[test]
fn every_attack_in_the_readme_has_a_test() {
    let readme = read(&root().join("hotshot/README.md"));
    let list = readme
        .split("\n## ")
        .find(|section| section.contains("Each of these is a test"))
        .expect("the README has the list");
    let mut next = 1;
    for row in list.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let Some(number) = cells.first().and_then(|cell| cell.parse::<u32>().ok()) else {
            continue;
        };
        assert_eq!(number, next, "the list has no gap");
        next += 1;
        let tests: Vec<&str> = cells[2]
            .split('`')
            .filter(|part| part.contains("::"))
            .collect();
        assert!(!tests.is_empty(), "{number} has no test");
        for test in tests {
            let (file, name) = file_of(test).unwrap_or_else(|| panic!("where is {test}?"));
            assert!(has_test(&file, name), "{number}: no test {test}");
        }
    }
    assert_eq!(next, 41);
}

#[test]
fn ranges_of_rules_name_all_of_them() {
    assert_eq!(
        rules_in(" D1 to D3, V16; X9 and (B1)."),
        ["D1", "D2", "D3", "D3", "V16", "B1"]
    );
    let source = "/// V1.\n#[test]\nfn a() {}\n/// V2.\nfn no_test() {}\n";
    assert_eq!(named_rules(source), BTreeSet::from(["V1".to_owned()]));
}
