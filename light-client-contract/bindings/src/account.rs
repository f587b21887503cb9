//! An account of an L1: its key, its address, and the transactions that it signs (EIP-1559).

use std::fmt;

use bytes::Bytes;
use hotshot_types::{Address, Hash, digest::keccak};
use k256::ecdsa::SigningKey;

use crate::rlp::Item;

/// What an account wants done. It names everything that the signature covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    /// Chain it is for.
    pub chain_id: u64,
    /// Of the sender.
    pub nonce: u64,
    /// Most that is paid to the block's proposer for a unit of gas, in wei.
    pub priority_fee: u128,
    /// Most that is paid in all for a unit of gas, in wei.
    pub max_fee: u128,
    /// Most gas.
    pub gas: u64,
    /// Whom it calls or pays; none to create a contract.
    pub to: Option<Address>,
    /// What it pays, in wei.
    pub value: u128,
    /// Input of the called contract, or the code that creates one.
    pub data: Vec<u8>,
}

/// A transaction with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// As it is handed in.
    pub bytes: Bytes,
    /// Names it.
    pub hash: Hash,
}

/// The key is no number that can be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("32 bytes that are no private key of an account: zero, or above the curve's order")]
pub struct AccountError;

/// An account with its key, which is wiped when it is dropped.
#[derive(Clone)]
pub struct Account {
    key: SigningKey,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.address())
    }
}

impl Account {
    /// The account of a private key.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, AccountError> {
        let key = SigningKey::from_slice(secret).map_err(|_| AccountError)?;
        Ok(Self { key })
    }

    /// The account of a seed, for development.
    ///
    /// # Errors
    /// A seed whose hash is no private key.
    pub fn of(seed: &[u8]) -> Result<Self, AccountError> {
        Self::from_bytes(&keccak(seed).0)
    }

    /// Its address: the end of the hash of its public key.
    #[must_use]
    pub fn address(&self) -> Address {
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut address = Address::ZERO;
        // The first byte says that the point is not compressed.
        address
            .0
            .copy_from_slice(&keccak(&point.as_bytes()[1..]).0[12..]);
        address
    }

    /// The transaction as it is handed in.
    #[must_use]
    pub fn sign(&self, transaction: &Transaction) -> Signed {
        let mut fields = transaction.fields();
        let unsigned = envelope(Item::List(fields.clone()));
        let (signature, recovery) = self.key.sign_prehash_recoverable(&keccak(&unsigned).0);
        let (r, s) = signature.split_bytes();
        fields.push(Item::number(u128::from(recovery.is_y_odd())));
        fields.push(Item::integer(&r));
        fields.push(Item::integer(&s));
        let bytes = Bytes::from(envelope(Item::List(fields)));
        Signed {
            hash: keccak(&bytes),
            bytes,
        }
    }
}

impl Transaction {
    fn fields(&self) -> Vec<Item> {
        vec![
            Item::number(self.chain_id.into()),
            Item::number(self.nonce.into()),
            Item::number(self.priority_fee),
            Item::number(self.max_fee),
            Item::number(self.gas.into()),
            Item::Bytes(self.to.map_or_else(Vec::new, |to| to.0.to_vec())),
            Item::number(self.value),
            Item::Bytes(self.data.clone()),
            Item::List(Vec::new()),
        ]
    }
}

/// The address of the contract that an account creates with a nonce.
#[must_use]
pub fn created(creator: Address, nonce: u64) -> Address {
    let list = Item::List(vec![
        Item::Bytes(creator.0.to_vec()),
        Item::number(nonce.into()),
    ]);
    let mut address = Address::ZERO;
    address.0.copy_from_slice(&keccak(&list.encode()).0[12..]);
    address
}

fn envelope(list: Item) -> Vec<u8> {
    let mut bytes = vec![2];
    bytes.extend(list.encode());
    bytes
}

#[cfg(test)]
mod tests;
