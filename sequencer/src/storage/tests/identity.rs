use std::fs;

use hotshot_types::Hash;

use super::chain::{genesis, identity, initialize, open, record};
use crate::storage::{Durability, Identity, Storage, StorageError};

#[test]
fn a_second_open_of_the_same_directory_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let second = Storage::open(directory.path(), &identity(0));
    assert!(
        matches!(second, Err(StorageError::Locked { .. })),
        "{second:?}"
    );
    drop(first);
    open(directory.path());
}

#[test]
fn a_directory_of_another_network_node_or_genesis_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let refusal = |identity: Identity| {
        Storage::open(directory.path(), &identity)
            .unwrap_err()
            .to_string()
    };

    let text = refusal(Identity {
        chain_domain: Hash([8; 32]),
        ..identity(0)
    });
    assert!(text.contains(&Hash([8; 32]).to_string()), "{text}");
    assert!(text.contains(&Hash([7; 32]).to_string()), "{text}");

    let text = refusal(identity(1));
    assert!(
        text.contains(&identity(0).key.unwrap().to_string()),
        "{text}"
    );
    assert!(
        text.contains(&identity(1).key.unwrap().to_string()),
        "{text}"
    );

    let text = refusal(Identity {
        key: None,
        ..identity(0)
    });
    assert!(text.contains("a follower"), "{text}");

    let text = refusal(Identity {
        genesis: Hash([9; 32]),
        ..identity(0)
    });
    assert!(text.contains(&genesis().hash().to_string()), "{text}");
}

#[test]
fn a_followers_directory_becomes_a_validators_without_the_followers_record() {
    let directory = tempfile::tempdir().unwrap();
    let follower = Identity {
        key: None,
        ..identity(0)
    };
    let storage = Storage::open(directory.path(), &follower).unwrap();
    initialize(&storage);
    let mut batch = storage.batch();
    batch.put_record(&record(3));
    storage.commit(batch, Durability::Synced).unwrap();
    drop(storage);

    for _ in 0..2 {
        let storage = open(directory.path());
        assert_eq!(storage.record().unwrap(), None);
        assert_eq!(storage.tip().unwrap(), genesis());
    }
    assert!(matches!(
        Storage::open(directory.path(), &follower),
        Err(StorageError::OtherNode { .. })
    ));
}

#[test]
fn a_database_whose_creation_was_interrupted_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let database = directory.path().join("db");
    fs::create_dir_all(database.join("keyspaces")).unwrap();
    fs::write(database.join("0.jnl"), [0; 4096]).unwrap();
    open(directory.path());
}

#[test]
fn a_file_in_place_of_the_directory_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data");
    fs::write(&path, "not a directory").unwrap();
    let error = Storage::open(&path, &identity(0)).unwrap_err();
    assert!(error.to_string().contains("data"), "{error}");
}

#[test]
fn storage_without_genesis_has_no_tip() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Storage::open(directory.path(), &identity(0)).unwrap();
    assert!(matches!(storage.tip(), Err(StorageError::Uninitialized)));
    initialize(&storage);
    initialize(&storage);
    assert_eq!(storage.tip().unwrap(), genesis());
}
