use hotshot_types::digest::keccak;
use light_client::abi::{SolEvent as _, stake_table::IStakeTable as Events};

use super::*;

const DOMAIN: Hash = Hash([7; 32]);

fn block(number: u64) -> L1Block {
    L1Block {
        number,
        hash: keccak(&number.to_be_bytes()),
        timestamp: number,
    }
}

/// Events about nobody, one in each block from 1 on, as the contract chains them.
fn logs(count: u64) -> Vec<StakeLog> {
    let mut chain = DOMAIN;
    let event = |block| {
        let data = vec![0; 64];
        let topic = Hash(Events::Deregistered::SIGNATURE_HASH.0);
        let subject = Hash::ZERO;
        chain = keccak_concat(&[&chain.0, &topic.0, &subject.0, &keccak(&data).0]);
        StakeLog {
            block,
            topic,
            subject,
            chain,
            data,
        }
    };
    (1..=count).map(event).collect()
}

fn open(directory: &Path) -> StoredEvents {
    StoredEvents::open(directory, DOMAIN).unwrap()
}

/// A directory with ten events.
fn filled() -> (tempfile::TempDir, Vec<StakeLog>) {
    let directory = tempfile::tempdir().unwrap();
    let logs = logs(10);
    let mut events = open(directory.path());
    assert!(
        events
            .extend(logs.clone(), block(20), logs[9].chain)
            .unwrap()
    );
    (directory, logs)
}

#[test]
fn events_survive_a_restart() {
    let (directory, logs) = filled();
    let events = open(directory.path());
    assert_eq!((events.block(), events.len()), (Some(block(20)), 10));
    assert_eq!(events.registry().chain(), logs[9].chain);
    assert_eq!(events.registry_at(3).unwrap().chain(), logs[2].chain);
    assert_eq!(events.registry_at(21), None);
}

#[test]
fn a_place_that_was_not_kept_is_asked_for_again() {
    let (directory, logs) = filled();
    let mut events = open(directory.path());
    assert!(!events.extend(Vec::new(), block(30), logs[9].chain).unwrap());
    assert_eq!(events.block(), Some(block(30)));
    assert_eq!(open(directory.path()).block(), Some(block(20)));
    events.keep_cursor().unwrap();
    assert_eq!(open(directory.path()).block(), Some(block(30)));
}

#[test]
fn events_that_do_not_lead_to_the_contracts_hash_are_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let logs = logs(10);
    let mut events = open(directory.path());
    let short = events.extend(logs[..9].to_vec(), block(20), logs[9].chain);
    assert!(short.is_err(), "the last one is missing");
    let gap = events.extend(logs[1..].to_vec(), block(20), logs[9].chain);
    assert!(gap.is_err(), "the first one is missing");
    assert_eq!((events.block(), events.len()), (None, 0));
    events
        .extend(logs.clone(), block(20), logs[9].chain)
        .unwrap();
    assert_eq!(open(directory.path()).len(), 10);
}

/// A crash between the two writes leaves more events than the cursor knows of, or half of one.
#[test]
fn what_is_beyond_the_cursor_is_dropped() {
    let (directory, logs) = filled();
    let path = directory.path().join("l1/events");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [whole.as_slice(), &frame(&logs[9])[..30]].concat()).unwrap();
    assert_eq!(open(directory.path()).len(), 10);
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn damage_anywhere_and_another_network_start_anew() {
    let (directory, _) = filled();
    let path = directory.path().join("l1/events");
    let whole = fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(41) {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        let known = read(&directory.path().join("l1"), DOMAIN).unwrap();
        assert!(known.is_none(), "byte {place}");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert_eq!(open(directory.path()).block(), None);
    let (directory, _) = filled();
    let other = StoredEvents::open(directory.path(), Hash([8; 32])).unwrap();
    assert_eq!(other.block(), None);
}
