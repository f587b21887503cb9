use super::*;
use crate::{
    bls::KeyError,
    vectors::sample::{domain, empty_roots, genesis, named, operator, secret},
};

#[test]
fn the_sample_document_is_sound() {
    let document = genesis();
    document.check().unwrap();
    assert_eq!(document.chain_domain(), domain());
}

/// R4.
#[test]
fn the_genesis_header_commits_to_the_document() {
    let document = genesis();
    let header = document.header(empty_roots()).unwrap();
    assert_eq!(
        header.parent_hash,
        digest::keccak(&codec::encode(&document))
    );
    assert_eq!(header.randao_mix, document.seeds[1]);
    assert_eq!(header.randao_reveal, Signature::ZERO);
    assert_eq!(header.history_root, MountainRange::new().root());
    assert_eq!(
        header.next_committee,
        document.committee(Epoch(1)).unwrap().commitment()
    );
    assert_eq!(
        (header.timestamp_ms, header.l1_finalized),
        (document.timestamp_ms, document.l1)
    );
    let zero = (
        header.height,
        header.epoch,
        header.origin_view,
        header.proposer,
    );
    assert_eq!(zero, (Height(0), Epoch(0), View(0), ValidatorIndex(0)));
    assert_eq!(header.payload_len, 0);
}

#[test]
fn every_field_of_the_document_is_in_its_hash() {
    let changes: [fn(&mut GenesisDocument); 13] = [
        |d| d.l1_chain_id += 1,
        |d| d.stake_table = operator(9),
        |d| d.salt = named("x"),
        |d| d.timestamp_ms = d.timestamp_ms.next(),
        |d| d.l1.number += 1,
        |d| d.seeds.swap(0, 1),
        |d| d.parameters.epoch_length += 1,
        |d| d.parameters.max_payload_bytes += 1,
        |d| d.validators.swap(0, 1),
        |d| d.validators[0].weight += 1,
        |d| d.validators[0].address.push('1'),
        |d| d.validators[0].network_key = named("x"),
        |d| d.validators[0].operator = operator(9),
    ];
    let hashes: std::collections::BTreeSet<Hash> = changes
        .iter()
        .map(|change| {
            let mut other = genesis();
            change(&mut other);
            other.hash()
        })
        .chain([genesis().hash()])
        .collect();
    assert_eq!(hashes.len(), changes.len() + 1);
}

/// Section 14, item 1.
#[test]
fn a_validator_without_its_own_proof_of_possession_is_refused() {
    let refused = |change: fn(&mut GenesisDocument)| {
        let mut document = genesis();
        change(&mut document);
        document.check()
    };
    let possession = |index| Err(GenesisError::Possession(index, operator(index)));
    assert_eq!(
        refused(|d| d.validators[2].possession = d.validators[1].possession),
        possession(2)
    );
    assert_eq!(
        refused(|d| d.validators[1].operator = operator(9)),
        Err(GenesisError::Possession(1, operator(9)))
    );
    assert_eq!(
        refused(|d| d.salt = named("another network")),
        possession(0)
    );
    assert_eq!(
        refused(|d| d.validators[3].possession = Signature::ZERO),
        possession(3)
    );
}

#[test]
fn validators_that_form_no_committee_are_refused() {
    let mut document = genesis();
    document.validators[1] = document.validators[0].clone();
    assert_eq!(
        document.check(),
        Err(CommitteeError::DuplicateKey(ValidatorIndex(1)).into())
    );
    document.validators.clear();
    assert_eq!(document.check(), Err(CommitteeError::Size(0).into()));
    assert_eq!(
        document.header(empty_roots()).err(),
        Some(CommitteeError::Size(0))
    );

    let mut document = genesis();
    let mut halves = document.validators[0].key.to_bytes();
    halves[48..].copy_from_slice(&secret(9).public_key().to_bytes()[48..]);
    document.validators[0].key = PublicKey::from_bytes(&halves).unwrap();
    assert_eq!(
        document.check(),
        Err(CommitteeError::Key(KeyError::HalvesDiffer).into())
    );
}

#[test]
fn two_validators_with_one_network_key_are_refused() {
    let mut document = genesis();
    document.validators[3].network_key = document.validators[1].network_key;
    let error = document.check().unwrap_err();
    assert_eq!(error, GenesisError::SameNetworkKey(1, 3));
    assert!(error.to_string().contains("validators 1 and 3"), "{error}");
}

#[test]
fn parameters_that_no_network_can_run_with_are_refused() {
    type Change = fn(&mut Parameters);
    let changes: [(Change, &str); 8] = [
        (|p| p.epoch_length = 0, "epoch_length"),
        (|p| p.epoch_length = u64::MAX, "epoch_length"),
        (|p| p.view_timeout_ms = 0, "view_timeout_ms"),
        (|p| p.view_timeout_ms = 1 << 32, "view_timeout_ms"),
        (
            |p| p.empty_block_delay_ms = u64::MAX,
            "empty_block_delay_ms",
        ),
        (|p| p.max_namespaces = 0, "max_namespaces"),
        (
            |p| p.max_payload_bytes = p.max_transaction_bytes + 23,
            "max_payload_bytes",
        ),
        (
            |p| (p.max_payload_bytes, p.max_transaction_bytes) = (u32::MAX, u32::MAX),
            "max_payload_bytes",
        ),
    ];
    for (change, name) in changes {
        let mut document = genesis();
        change(&mut document.parameters);
        match document.check() {
            Err(GenesisError::Parameter(found, _)) => assert_eq!(found, name),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn an_unknown_field_is_refused_in_json() {
    let json = serde_json::to_string(&genesis()).unwrap();
    assert_eq!(
        serde_json::from_str::<GenesisDocument>(&json).unwrap(),
        genesis()
    );
    let unknown = json.replace("\"epoch_length\"", "\"epoch_lenght\":1,\"epoch_length\"");
    assert!(serde_json::from_str::<GenesisDocument>(&unknown).is_err());
}
