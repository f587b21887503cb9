use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

use super::*;

fn transaction() -> Transaction {
    Transaction {
        chain_id: 42,
        nonce: 7,
        priority_fee: 1_000_000_000,
        max_fee: 30_000_000_000,
        gas: 21_048,
        to: Some(Address([9; 20])),
        value: 5,
        data: vec![1, 2, 3],
    }
}

fn one() -> Account {
    let mut one = [0; 32];
    one[31] = 1;
    Account::from_bytes(&one).unwrap()
}

#[test]
fn address_of_a_known_key_is_the_known_one() {
    let known: Address = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
        .parse()
        .unwrap();
    assert_eq!(one().address(), known);
}

#[test]
fn address_of_a_created_contract_is_the_known_one() {
    // The first contract of anvil's first account.
    let creator = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        .parse()
        .unwrap();
    let known: Address = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
        .parse()
        .unwrap();
    assert_eq!(created(creator, 0), known);
}

#[test]
fn sender_is_recovered_from_a_signed_transaction() {
    let account = Account::of(b"sender").unwrap();
    let signed = account.sign(&transaction());
    let bytes = &signed.bytes;
    // The last three fields: parity (one byte), r and s (32 bytes each, with their lengths).
    let (r, s) = (&bytes[bytes.len() - 65..][..32], &bytes[bytes.len() - 32..]);
    let parity = bytes[bytes.len() - 67];
    let signature = Signature::from_slice(&[r, s].concat()).unwrap();
    let recovery = RecoveryId::new(parity == 1, false);
    let unsigned = envelope(Item::List(transaction().fields()));
    let sender =
        VerifyingKey::recover_from_prehash(&keccak(&unsigned).0, &signature, recovery).unwrap();
    assert_eq!(&sender, account.key.verifying_key());
}

#[test]
fn each_nonce_gives_another_transaction() {
    let account = Account::of(b"sender").unwrap();
    let next = Transaction {
        nonce: 8,
        ..transaction()
    };
    assert_ne!(account.sign(&transaction()), account.sign(&next));
    assert_eq!(account.sign(&transaction()), account.sign(&transaction()));
}

#[test]
fn zero_is_no_private_key() {
    assert_eq!(Account::from_bytes(&[0; 32]).err(), Some(AccountError));
    assert!(Account::from_bytes(&[0xff; 32]).is_err());
}
