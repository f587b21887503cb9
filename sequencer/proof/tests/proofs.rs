//! Proof files: every kind verifies, and no field of any kind can be changed without being refused.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod chain;

use chain::{Chain, id};
use hotshot_types::{
    Epoch, Hash,
    finality::{FinalityError, Trust},
};
use sequencer_proof::{Base64, Checkpoint, Claim, Fact, ProofFile, Proven, VerifyError, trust};
use serde_json::Value;

fn trust_of(chain: &Chain) -> Trust {
    trust::from_genesis(&chain.genesis).unwrap()
}

fn header_file(chain: &Chain, height: u64, certified: u64) -> ProofFile {
    ProofFile::new(chain.finality_by(1, height, certified), Claim::Header)
}

fn namespace_file(chain: &Chain, height: u64, namespace: u64) -> ProofFile {
    let claim = Claim::Namespace {
        namespace: id(namespace),
        transactions: chain.transactions(height, namespace),
        proof: chain.block(height).tree.prove(id(namespace)),
    };
    ProofFile::new(chain.finality(1, height), claim)
}

fn transaction_file(chain: &Chain, height: u64, namespace: u64, index: usize) -> ProofFile {
    let claim = Claim::Transaction {
        namespace: id(namespace),
        transaction: chain.transactions(height, namespace)[index].clone(),
        proof: chain
            .block(height)
            .tree
            .prove_transaction(id(namespace), index)
            .unwrap(),
    };
    ProofFile::new(chain.finality(1, height), claim)
}

fn accumulator_file(chain: &Chain, height: u64, namespace: u64) -> ProofFile {
    let claim = Claim::Accumulator {
        namespace: id(namespace),
        proof: chain.accumulator(height, namespace),
    };
    ProofFile::new(chain.finality(1, height), claim)
}

/// One file of each kind and form.
fn files(chain: &Chain) -> Vec<(&'static str, ProofFile)> {
    vec![
        ("a header of the first epoch", header_file(chain, 3, 3)),
        (
            "a header after a change of committee",
            header_file(chain, 9, 9),
        ),
        ("an ancestor", header_file(chain, 2, 9)),
        ("genesis", header_file(chain, 0, 5)),
        ("a namespace", namespace_file(chain, 5, 7)),
        (
            "a namespace alone in its block",
            namespace_file(chain, 4, 9),
        ),
        (
            "a namespace between two others",
            namespace_file(chain, 5, 500),
        ),
        ("a namespace below all others", namespace_file(chain, 5, 3)),
        (
            "a namespace above all others",
            namespace_file(chain, 5, 2000),
        ),
        ("a namespace of an empty block", namespace_file(chain, 6, 7)),
        ("a transaction", transaction_file(chain, 5, 7, 1)),
        ("a transaction alone", transaction_file(chain, 5, 1000, 0)),
        ("an accumulator", accumulator_file(chain, 9, 7)),
        (
            "the accumulator of an unknown namespace",
            accumulator_file(chain, 9, 12345),
        ),
        ("the accumulator before the first block", {
            let proof = chain.accumulator(0, 7);
            ProofFile::new(
                chain.finality_by(1, 0, 5),
                Claim::Accumulator {
                    namespace: id(7),
                    proof,
                },
            )
        }),
    ]
}

#[test]
fn each_kind_of_proof_is_accepted() {
    let chain = Chain::sample();
    for (name, file) in files(&chain) {
        let proven = file.verify(&mut trust_of(&chain));
        let proven = proven.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            proven.hash,
            chain.block(proven.header.height.0).header.hash(),
            "{name}"
        );
    }
}

#[test]
fn facts_are_what_the_chain_holds() {
    let chain = Chain::sample();
    let fact = |file: ProofFile| file.verify(&mut trust_of(&chain)).unwrap().fact;
    let Fact::Namespace(seven, body) = fact(namespace_file(&chain, 5, 7)) else {
        panic!()
    };
    assert_eq!((seven, body.len()), (id(7), 3));
    assert_eq!(body.get(1).unwrap().as_ref(), [5, 2, 2]);
    assert_eq!(fact(namespace_file(&chain, 6, 7)), Fact::Absent(id(7)));
    let Fact::Transaction {
        index, bytes, hash, ..
    } = fact(transaction_file(&chain, 5, 7, 2))
    else {
        panic!()
    };
    assert_eq!((index, bytes.as_ref()), (2, [5, 3].as_slice()));
    assert_eq!(hash, Hash(da::tx_hash(&[5, 3])));
    let Fact::Accumulator(_, entry) = fact(accumulator_file(&chain, 9, 7)) else {
        panic!()
    };
    assert_eq!((entry.block_count, entry.transaction_total), (5, 15));
}

#[test]
fn a_file_survives_its_json_form() {
    let chain = Chain::sample();
    for (name, file) in files(&chain) {
        let text = serde_json::to_string(&file).unwrap();
        assert_eq!(
            serde_json::from_str::<ProofFile>(&text).unwrap(),
            file,
            "{name}"
        );
    }
}

/// Every place in a JSON value, as a pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                found.push(format!("{at}/{name}"));
                places(field, &format!("{at}/{name}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                found.push(format!("{at}/{index}"));
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// Other values that could stand in a place.
fn tampered(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => {
            let number = number.as_u64().unwrap();
            vec![
                (number + 1).into(),
                number.saturating_sub(1).into(),
                (number ^ 1 << 20).into(),
            ]
        }
        Value::String(text) => {
            // One digit in the first and one in the last byte, hex or base64.
            let flip = |at: usize| {
                let mut bytes = text.clone().into_bytes();
                bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
                Value::from(String::from_utf8(bytes).unwrap())
            };
            let is_hex = text.starts_with("0x");
            let first = if is_hex { 2 } else { 0 };
            vec![
                flip(first),
                flip(text.trim_end_matches('=').len() - 1),
                "0x".into(),
                "".into(),
            ]
        }
        Value::Array(items) => {
            let mut fewer = items.clone();
            let mut turned = items.clone();
            turned.reverse();
            fewer.pop();
            let mut more = items.clone();
            more.extend(items.first().cloned());
            vec![fewer.into(), turned.into(), more.into()]
        }
        Value::Object(_) => vec![Value::Null],
        Value::Null => vec![],
        Value::Bool(flag) => vec![(!flag).into()],
    }
}

fn is_absent(chain: &Chain, proven: &Proven) -> bool {
    let height = proven.header.height.0;
    match proven.fact {
        Fact::Absent(id) => chain.block(height).payload.namespace(id).is_none(),
        Fact::Accumulator(id, entry) => {
            entry == Default::default()
                && (0..=height).all(|height| chain.block(height).payload.namespace(id).is_none())
        }
        _ => false,
    }
}

#[test]
fn no_field_of_any_kind_can_be_changed() {
    let chain = Chain::sample();
    let trust = trust_of(&chain);
    let mut tried = 0;
    for (name, file) in files(&chain) {
        let original = serde_json::to_value(&file).unwrap();
        let mut found = Vec::new();
        places(&original, "", &mut found);
        for place in found {
            for other in tampered(original.pointer(&place).unwrap()) {
                let mut value = original.clone();
                *value.pointer_mut(&place).unwrap() = other.clone();
                // A refusal to read the file is as good as one to believe it.
                let Ok(forged) = serde_json::from_value::<ProofFile>(value) else {
                    continue;
                };
                if forged == file {
                    continue;
                }
                tried += 1;
                match forged.verify(&mut trust.clone()) {
                    Err(_) => {}
                    Ok(proven) if place == "/claim/namespace" => {
                        // The same neighbours show that other namespaces are absent, too; nothing else.
                        assert!(is_absent(&chain, &proven), "{name}: {place} = {other}");
                    }
                    Ok(_) => panic!("{name}: {place} = {other} was accepted"),
                }
            }
        }
    }
    assert!(tried > 500, "only {tried} forgeries were tried");
}

#[test]
fn a_claim_about_another_block_is_refused() {
    let chain = Chain::sample();
    for (claim, _) in [
        (namespace_file(&chain, 5, 7).claim, 5),
        (accumulator_file(&chain, 5, 7).claim, 5),
    ] {
        let file = ProofFile::new(chain.finality(1, 7), claim);
        assert!(file.verify(&mut trust_of(&chain)).is_err());
    }
}

#[test]
fn a_transaction_that_was_left_out_is_noticed() {
    let chain = Chain::sample();
    let mut file = namespace_file(&chain, 5, 7);
    if let Claim::Namespace { transactions, .. } = &mut file.claim {
        transactions.remove(1);
    }
    assert!(matches!(
        file.verify(&mut trust_of(&chain)),
        Err(VerifyError::Namespace(_))
    ));
    if let Claim::Namespace { transactions, .. } = &mut file.claim {
        transactions.clear();
    }
    assert!(matches!(
        file.verify(&mut trust_of(&chain)),
        Err(VerifyError::Namespace(_))
    ));
}

#[test]
fn an_empty_transaction_is_no_namespace() {
    let chain = Chain::sample();
    let mut file = namespace_file(&chain, 5, 7);
    if let Claim::Namespace { transactions, .. } = &mut file.claim {
        transactions.push(Base64::default());
    }
    assert!(matches!(
        file.verify(&mut trust_of(&chain)),
        Err(VerifyError::Transactions(_))
    ));
}

#[test]
fn too_few_signers_are_refused() {
    let chain = Chain::sample();
    let header = chain.header(3);
    for (signers, is_enough) in [(&[0, 1][..], false), (&[0, 1, 2][..], true)] {
        let mut file = header_file(&chain, 3, 3);
        file.finality.certificate = chain.certify(header, signers);
        assert_eq!(file.verify(&mut trust_of(&chain)).is_ok(), is_enough);
    }
}

#[test]
fn a_proof_of_another_network_is_refused() {
    let chain = Chain::sample();
    let other = Chain::of(Hash([8; 32]), chain.genesis.parameters);
    let outcome = header_file(&chain, 3, 3).verify(&mut trust_of(&other));
    assert!(matches!(
        outcome,
        Err(VerifyError::Finality(FinalityError::OtherNetwork { .. }))
    ));
}

#[test]
fn a_quorum_certificate_is_not_finality() {
    let chain = Chain::sample();
    let mut file = header_file(&chain, 3, 3);
    let statement = file.finality.certificate.statement;
    let digest = statement.digest::<hotshot_types::Quorum>(chain.domain());
    let votes = chain.keys.iter().enumerate().map(|(index, key)| {
        (
            hotshot_types::ValidatorIndex::at(index),
            hotshot_types::Signer::sign(key, &digest),
        )
    });
    let job = hotshot_types::bls::Aggregate {
        digest,
        committee: chain.committee(1),
        votes: votes.collect(),
    };
    file.finality.certificate.signature = hotshot_types::bls::aggregate(&job).signature;
    assert!(file.verify(&mut trust_of(&chain)).is_err());
}

#[test]
fn later_proofs_start_at_the_epoch_that_was_reached() {
    let chain = Chain::sample();
    let mut trust = trust_of(&chain);
    header_file(&chain, 9, 9).verify(&mut trust).unwrap();
    assert_eq!(trust.epoch(), Epoch(3));
    let short = ProofFile::new(chain.finality(3, 10), Claim::Header);
    assert!(short.finality.steps.is_empty());
    short.verify(&mut trust).unwrap();
    assert!(
        short.verify(&mut trust_of(&chain)).is_err(),
        "genesis alone does not lead there"
    );
    let old = ProofFile::new(chain.finality_by(3, 2, 10), Claim::Header);
    assert_eq!(old.verify(&mut trust).unwrap().header.height.0, 2);
}

#[test]
fn a_checkpoint_stands_in_for_genesis() {
    let chain = Chain::sample();
    let mut trust = trust_of(&chain);
    header_file(&chain, 9, 9).verify(&mut trust).unwrap();
    let text = serde_json::to_string(&Checkpoint::of(&trust)).unwrap();
    let checkpoint: Checkpoint = serde_json::from_str(&text).unwrap();
    let short = ProofFile::new(chain.finality(3, 10), Claim::Header);
    short
        .verify(&mut checkpoint.clone().trust().unwrap())
        .unwrap();
    short
        .verify(&mut checkpoint.clone().trust_in(&chain.genesis).unwrap())
        .unwrap();
    let other = Chain::of(Hash([8; 32]), chain.genesis.parameters);
    assert!(checkpoint.trust_in(&other.genesis).is_err());
}

#[test]
fn an_unknown_version_is_refused() {
    let chain = Chain::sample();
    let mut file = header_file(&chain, 3, 3);
    file.version = 2;
    assert_eq!(
        file.verify(&mut trust_of(&chain)),
        Err(VerifyError::Version(2))
    );
}

#[test]
fn sizes_are_those_of_the_readme() {
    let chain = Chain::sample();
    let size = |file: &ProofFile| serde_json::to_string(file).unwrap().len();
    println!("header {}", size(&header_file(&chain, 3, 3)));
    println!("header, two epochs on {}", size(&header_file(&chain, 9, 9)));
    println!("ancestor {}", size(&header_file(&chain, 1, 4)));
    println!("namespace {}", size(&namespace_file(&chain, 3, 7)));
    println!("transaction {}", size(&transaction_file(&chain, 3, 7, 0)));
    println!("accumulator {}", size(&accumulator_file(&chain, 3, 7)));
    let steps = size(&header_file(&chain, 6, 6)) - size(&header_file(&chain, 3, 3));
    assert!(size(&header_file(&chain, 3, 3)) < 2_500);
    assert!(steps < 2_500, "an epoch without a change of committee");
}
