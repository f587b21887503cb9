//! Signed transactions, from bytes that may be anything to what revm executes (RE2).

use alloy_consensus::{
    SignableTransaction as _, Transaction as _, TxEnvelope, Typed2718 as _, crypto::SECP256K1N_HALF,
};
use alloy_eips::{Decodable2718 as _, Encodable2718 as _, eip2718::Eip2718Error};
use alloy_primitives::{Address, B256, Bytes, Signature, U256};
use revm::{context::TxEnv, context_interface::either::Either, precompile::crypto};

use crate::TRANSACTION_GAS;

/// No fee of a transaction is higher, in wei per gas: a fee times all gas of a block stays below 2^128.
pub(crate) const MAX_FEE: u128 = (1 << 96) - 1;

/// A transaction with its signer.
#[derive(Debug)]
pub struct Signed {
    /// The transaction.
    pub envelope: TxEnvelope,
    /// Who signed it.
    pub sender: Address,
}

/// What is wrong with a transaction on any state. The texts begin as geth's, by which wallets tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes are none.
    #[error("invalid transaction: {0}")]
    Undecodable(String),
    /// The bytes are another encoding of it than the one that they have to be.
    #[error("invalid transaction: not encoded the one way it may be")]
    NotCanonical,
    /// Blobs too.
    #[error("transaction type not supported: {0}")]
    UnknownType(u8),
    /// It is for another chain.
    #[error("invalid chain id for signer: have {found} want {expected}")]
    OtherChain {
        /// Its chain.
        found: u64,
        /// This one.
        expected: u64,
    },
    /// It is for any chain.
    #[error("only replay-protected (EIP-155) transactions allowed")]
    NoChain,
    /// Its gas limit.
    #[error("transaction gas limit too high (cap: {TRANSACTION_GAS}, tx: {0})")]
    TooMuchGas(u64),
    /// Its highest fee, in wei per gas.
    #[error("a fee of {0} wei per gas is out of range")]
    FeeOutOfRange(u128),
    /// Nobody can have signed it so.
    #[error("invalid sender: the signature is invalid")]
    BadSignature,
}

impl Malformed {
    /// Whether the bytes are a transaction at all, so that it has a hash that somebody may know.
    pub(crate) fn is_transaction(&self) -> bool {
        match self {
            Self::Undecodable(_) | Self::NotCanonical | Self::UnknownType(_) => false,
            Self::OtherChain { .. }
            | Self::NoChain
            | Self::TooMuchGas(_)
            | Self::FeeOutOfRange(_)
            | Self::BadSignature => true,
        }
    }
}

impl Signed {
    /// Reads a transaction and finds out who signed it.
    ///
    /// # Errors
    /// No state makes it good. RE2
    pub fn read(bytes: &[u8], chain_id: u64) -> Result<Self, Malformed> {
        match bytes.first() {
            None => return Err(Malformed::Undecodable("no bytes".to_owned())),
            // RLP lists, which legacy transactions are, start from 0xc0.
            Some(&first) if !matches!(first, 1 | 2 | 4 | 0xc0..) => {
                return Err(Malformed::UnknownType(first));
            }
            _ => {}
        }
        let envelope = TxEnvelope::decode_2718_exact(bytes).map_err(|error| match error {
            Eip2718Error::RlpError(error) => Malformed::Undecodable(error.to_string()),
            error => Malformed::Undecodable(error.to_string()),
        })?;
        if envelope.encode_2718_len() != bytes.len() || envelope.encoded_2718() != bytes {
            return Err(Malformed::NotCanonical);
        }
        match envelope.chain_id() {
            Some(found) if found == chain_id => {}
            Some(found) => {
                return Err(Malformed::OtherChain {
                    found,
                    expected: chain_id,
                });
            }
            None => return Err(Malformed::NoChain),
        }
        if envelope.gas_limit() > TRANSACTION_GAS {
            return Err(Malformed::TooMuchGas(envelope.gas_limit()));
        }
        if envelope.max_fee_per_gas() > MAX_FEE {
            return Err(Malformed::FeeOutOfRange(envelope.max_fee_per_gas()));
        }
        let sender = signer(&envelope).ok_or(Malformed::BadSignature)?;
        Ok(Self { envelope, sender })
    }

    pub(crate) fn hash(&self) -> B256 {
        *self.envelope.tx_hash()
    }

    /// What revm executes.
    pub(crate) fn environment(&self) -> TxEnv {
        let transaction = &self.envelope;
        let authorizations = transaction.authorization_list().unwrap_or_default();
        TxEnv {
            tx_type: transaction.ty(),
            caller: self.sender,
            gas_limit: transaction.gas_limit(),
            gas_price: transaction.max_fee_per_gas(),
            kind: transaction.kind(),
            value: transaction.value(),
            data: transaction.input().clone(),
            nonce: transaction.nonce(),
            chain_id: transaction.chain_id(),
            access_list: transaction.access_list().cloned().unwrap_or_default(),
            gas_priority_fee: transaction.max_priority_fee_per_gas(),
            blob_hashes: Vec::new(),
            max_fee_per_blob_gas: 0,
            authorization_list: authorizations.iter().cloned().map(Either::Left).collect(),
        }
    }
}

/// Who signed; none if nobody can have.
fn signer(envelope: &TxEnvelope) -> Option<Address> {
    let signature = envelope.signature();
    // Else anybody could make a second transaction of it, with another hash (EIP-2).
    if signature.s() > SECP256K1N_HALF {
        return None;
    }
    let hash = match envelope {
        TxEnvelope::Legacy(signed) => signed.tx().signature_hash(),
        TxEnvelope::Eip2930(signed) => signed.tx().signature_hash(),
        TxEnvelope::Eip1559(signed) => signed.tx().signature_hash(),
        TxEnvelope::Eip4844(signed) => signed.tx().signature_hash(),
        TxEnvelope::Eip7702(signed) => signed.tx().signature_hash(),
    };
    recover(signature, hash)
}

/// As alloy does, but with the precompile's implementation, which is several times faster.
fn recover(signature: &Signature, hash: B256) -> Option<Address> {
    let bytes = signature.as_bytes();
    let (scalars, _) = bytes.split_first_chunk::<64>()?;
    let word = crypto()
        .secp256k1_ecrecover(scalars, u8::from(signature.v()), &hash.0)
        .ok()?;
    Some(Address::from_word(word.into()))
}

/// What users know a transaction by, decodable or not.
pub(crate) fn id(bytes: &[u8]) -> B256 {
    alloy_primitives::keccak256(bytes)
}

/// The bytes without copying them.
pub(crate) fn shared(bytes: &bytes::Bytes) -> Bytes {
    Bytes(bytes.clone())
}

/// What a transaction costs at most: its value and all its gas at its highest price.
#[must_use]
pub fn highest_cost(envelope: &TxEnvelope) -> U256 {
    let gas = U256::from(envelope.gas_limit()) * U256::from(envelope.max_fee_per_gas());
    envelope.value().saturating_add(gas)
}
