use hotshot_types::{
    Address, GenesisDocument, L1Block, Parameters, SecretKey, TimestampMs,
    genesis::GenesisValidator,
};

use super::*;

const DOMAIN: Hash = Hash([7; 32]);

fn address(text: &str) -> Vec<Multiaddr> {
    vec![text.parse().expect("a multiaddress")]
}

/// A network of one validator, and the book of a node without stake.
fn book() -> (Book, Keypair) {
    let key = Keypair::generate_ed25519();
    let secret = SecretKey::derive(&[1; 32]);
    let genesis = GenesisDocument {
        l1_chain_id: 0,
        stake_table: Address::ZERO,
        salt: Hash::ZERO,
        timestamp_ms: TimestampMs(0),
        l1: L1Block {
            number: 0,
            hash: Hash::ZERO,
            timestamp: 0,
        },
        seeds: [Hash::ZERO; 2],
        parameters: Parameters::development(),
        validators: vec![GenesisValidator {
            operator: Address::ZERO,
            key: secret.public_key(),
            possession: secret.prove_possession(DOMAIN, Address::ZERO),
            weight: 1,
            network_key: Hash(crate::keys::network_public(&key)),
            address: "/ip4/10.0.0.1/tcp/9000".into(),
        }],
    };
    let own = PeerId::random();
    let directory = Arc::new(Directory::new(&genesis, own).expect("a directory"));
    (Book::new(DOMAIN, own, directory), key)
}

fn record(key: &Keypair, number: u64, text: &str) -> AddressRecord {
    AddressRecord::sign(DOMAIN, key, number, &address(text)).expect("Ed25519 keys sign")
}

fn known(book: &Book, key: &Keypair) -> Vec<Multiaddr> {
    let record = book.get(&key.public().to_peer_id());
    record.map(AddressRecord::addresses).unwrap_or_default()
}

#[test]
fn a_newer_record_replaces_an_older_one_and_a_replay_does_not() {
    let (mut book, key) = book();
    let now = Instant::now();
    let first = record(&key, 1, "/ip4/10.0.0.2/tcp/1");
    let second = record(&key, 2, "/ip4/10.0.0.3/tcp/2");
    assert_eq!(book.accept(now, first.clone()), Outcome::News);
    let later = now + MIN_PAUSE;
    assert_eq!(book.accept(later, second.clone()), Outcome::News);
    for replayed in [first, second] {
        assert_eq!(book.accept(later + MIN_PAUSE, replayed), Outcome::Nothing);
    }
    assert_eq!(known(&book, &key), address("/ip4/10.0.0.3/tcp/2"));
}

#[test]
fn a_forged_record_is_a_fault_of_whoever_sent_it() {
    let (mut book, key) = book();
    let honest = record(&key, 1, "/ip4/10.0.0.2/tcp/1");
    let mut moved = honest.clone();
    moved.addresses = vec!["/ip4/10.6.6.6/tcp/1".into()];
    let mut renumbered = honest.clone();
    renumbered.number = 9;
    let other_chain = AddressRecord::sign(Hash([8; 32]), &key, 1, &address("/ip4/10.0.0.2/tcp/1"));
    let mut impersonated = record(&Keypair::generate_ed25519(), 1, "/ip4/10.6.6.6/tcp/1");
    impersonated.key = honest.key;
    for forged in [
        moved,
        renumbered,
        other_chain.expect("signed"),
        impersonated,
    ] {
        let outcome = book.accept(Instant::now(), forged);
        assert_eq!(outcome, Outcome::Fault("a forged address record"));
    }
    let mut crowded = honest;
    crowded.addresses = vec!["/ip4/10.0.0.2/tcp/1".into(); MAX_ADDRESSES + 1];
    let outcome = book.accept(Instant::now(), crowded);
    assert_eq!(outcome, Outcome::Fault("a malformed address record"));
    assert_eq!(book.all(), []);
}

#[test]
fn a_stranger_gets_no_entry() {
    let (mut book, _) = book();
    let stranger = record(&Keypair::generate_ed25519(), 1, "/ip4/10.6.6.6/tcp/1");
    assert_eq!(book.accept(Instant::now(), stranger), Outcome::Nothing);
    assert_eq!(book.all(), []);
}

#[test]
fn a_validator_that_moves_all_the_time_is_heard_now_and_then() {
    let (mut book, key) = book();
    let now = Instant::now();
    let first = record(&key, 1, "/ip4/10.0.0.2/tcp/1");
    let second = record(&key, 2, "/ip4/10.0.0.2/tcp/2");
    assert_eq!(book.accept(now, first), Outcome::News);
    assert_eq!(book.accept(now, second.clone()), Outcome::Nothing);
    assert_eq!(book.accept(now + MIN_PAUSE, second), Outcome::News);
}
