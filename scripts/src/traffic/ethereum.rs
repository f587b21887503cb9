//! Signed Ethereum transactions of type 2 (EIP-1559).

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hotshot_types::{Address, digest::keccak};
use k256::ecdsa::SigningKey;

use super::rlp::Item;

/// What an account wants done.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Chain it is for.
    pub(crate) chain_id: u64,
    /// Of the sender.
    pub(crate) nonce: u64,
    /// Whom it calls or pays.
    pub(crate) to: Address,
    /// What it pays, in wei.
    pub(crate) value: u128,
    /// Input of the called contract.
    pub(crate) data: Vec<u8>,
}

/// An account with its key.
pub(crate) struct Account {
    key: SigningKey,
}

impl Account {
    /// The account of a seed.
    pub(crate) fn of(seed: &[u8]) -> Result<Self> {
        let key = SigningKey::from_slice(&keccak(seed).0).context("the seed gives no key")?;
        Ok(Self { key })
    }

    /// Its address: the end of the hash of its public key.
    pub(crate) fn address(&self) -> Address {
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut address = Address::ZERO;
        // The first byte says that the point is not compressed.
        address
            .0
            .copy_from_slice(&keccak(&point.as_bytes()[1..]).0[12..]);
        address
    }

    /// The transaction as it is sent to a node of the rollup.
    pub(crate) fn sign(&self, call: &Call) -> Bytes {
        let mut fields = vec![
            Item::number(call.chain_id.into()),
            Item::number(call.nonce.into()),
            Item::number(1_000_000_000),
            Item::number(30_000_000_000),
            Item::number(21_000 + 16 * call.data.len() as u128),
            Item::Bytes(call.to.0.to_vec()),
            Item::number(call.value),
            Item::Bytes(call.data.clone()),
            Item::List(Vec::new()),
        ];
        let unsigned = envelope(Item::List(fields.clone()));
        let (signature, recovery) = self.key.sign_prehash_recoverable(&keccak(&unsigned).0);
        let (r, s) = signature.split_bytes();
        fields.push(Item::number(u128::from(recovery.is_y_odd())));
        fields.push(Item::integer(&r));
        fields.push(Item::integer(&s));
        envelope(Item::List(fields)).into()
    }
}

fn envelope(list: Item) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend(list.encode());
    bytes
}

#[cfg(test)]
mod tests {
    use k256::ecdsa::{RecoveryId, Signature, VerifyingKey};

    use super::*;

    fn call() -> Call {
        Call {
            chain_id: 42,
            nonce: 7,
            to: Address([9; 20]),
            value: 5,
            data: vec![1, 2, 3],
        }
    }

    #[test]
    fn address_of_a_known_key_is_the_known_one() -> Result<()> {
        let mut one = [0; 32];
        one[31] = 1;
        let account = Account {
            key: SigningKey::from_slice(&one)?,
        };
        let known: Address = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf".parse()?;
        assert_eq!(account.address(), known);
        Ok(())
    }

    #[test]
    fn sender_is_recovered_from_a_signed_transaction() -> Result<()> {
        let account = Account::of(b"sender")?;
        let signed = account.sign(&call());
        // The last three fields: parity (one byte), r and s (32 bytes each, with their lengths).
        let (r, s) = (
            &signed[signed.len() - 65..][..32],
            &signed[signed.len() - 32..],
        );
        let parity = signed[signed.len() - 67];
        let signature = Signature::from_slice(&[r, s].concat())?;
        let recovery = RecoveryId::new(parity == 1, false);
        let unsigned = envelope(Item::List(vec![
            Item::number(42),
            Item::number(7),
            Item::number(1_000_000_000),
            Item::number(30_000_000_000),
            Item::number(21_048),
            Item::Bytes(vec![9; 20]),
            Item::number(5),
            Item::Bytes(vec![1, 2, 3]),
            Item::List(vec![]),
        ]));
        let sender =
            VerifyingKey::recover_from_prehash(&keccak(&unsigned).0, &signature, recovery)?;
        assert_eq!(&sender, account.key.verifying_key());
        Ok(())
    }

    #[test]
    fn each_nonce_gives_another_transaction() -> Result<()> {
        let account = Account::of(b"sender")?;
        assert_ne!(
            account.sign(&call()),
            account.sign(&Call { nonce: 8, ..call() })
        );
        assert_eq!(account.sign(&call()), account.sign(&call()));
        Ok(())
    }
}
