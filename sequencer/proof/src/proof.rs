//! Proofs that stand on their own: a file, a trust root, and no node to ask.
//!
//! A [`ProofFile`] proves one header final and one [`Claim`] about that header's block. Everything in the file that
//! is not proven by something else in it makes the file invalid.

use bytes::Bytes;
use da::{
    AccumulatorEntry, AccumulatorProof, NamespaceBody, NamespaceId, NamespaceProof, Payload,
    ProofError, TransactionProof,
};
use hotshot_types::{
    Hash, Header,
    finality::{FinalityError, FinalityProof, Trust},
};
use serde::{Deserialize, Serialize};

use crate::text::Base64;

/// The one version of the file there is.
pub const PROOF_VERSION: u32 = 1;

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A file of a later or unknown format.
    #[error("proof version {0} is unknown; this program reads version {PROOF_VERSION}")]
    Version(u32),
    /// The header is not proven final.
    #[error("the block is not proven final: {0}")]
    Finality(#[from] FinalityError),
    /// A step for an epoch the proof does not need or has out of order.
    #[error("the proof has a step too many or out of order, for epoch {0}")]
    SuperfluousStep(hotshot_types::Epoch),
    /// The namespace proof does not fit the header, the namespace or the transactions.
    #[error("the namespace is not proven: {0}")]
    Namespace(ProofError),
    /// The transactions can't be the body of a namespace.
    #[error("the transactions are no namespace: {0}")]
    Transactions(da::PayloadError),
    /// The transaction proof does not fit the header, the namespace or the bytes.
    #[error("the transaction is not proven: {0}")]
    Transaction(ProofError),
    /// The accumulator proof does not fit the header or the namespace.
    #[error("the accumulator is not proven: {0}")]
    Accumulator(ProofError),
    /// The proof is of another block than what it was put to.
    #[error("the proof is of block {0}, not of the one it came with")]
    OtherBlock(Hash),
}

/// What a file claims about the block of its header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Claim {
    /// Nothing more than that the header is final.
    Header,
    /// These are all transactions of a namespace, in order; none: the block does not have the namespace.
    Namespace {
        /// The namespace.
        namespace: NamespaceId,
        /// Its transactions.
        transactions: Vec<Base64>,
        /// Against `ns_root`.
        proof: NamespaceProof,
    },
    /// This transaction stands at a position of a namespace.
    Transaction {
        /// The namespace.
        namespace: NamespaceId,
        /// The transaction.
        transaction: Base64,
        /// Against `ns_root`.
        proof: TransactionProof,
    },
    /// This is the summary of all blocks of a namespace, up to this one.
    Accumulator {
        /// The namespace.
        namespace: NamespaceId,
        /// Against `ns_acc_root`.
        proof: AccumulatorProof,
    },
}

/// A proof file, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    /// [`PROOF_VERSION`].
    pub version: u32,
    /// Proves the header final.
    pub finality: FinalityProof,
    /// What is claimed about its block.
    pub claim: Claim,
}

/// What a file proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The final header.
    pub header: Header,
    /// Its hash.
    pub hash: Hash,
    /// What is so about its block.
    pub fact: Fact,
}

/// What is so about a final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It is final.
    Final,
    /// All transactions of a namespace.
    Namespace(NamespaceId, NamespaceBody),
    /// The block has no transaction of the namespace.
    Absent(NamespaceId),
    /// A transaction and its position.
    Transaction {
        /// The namespace.
        namespace: NamespaceId,
        /// The position in the namespace, from 0.
        index: u64,
        /// [`da::tx_hash`] of the bytes.
        hash: Hash,
        /// The transaction.
        bytes: Bytes,
    },
    /// The summary of the namespace up to the block; the entry of zeros if it never occurred.
    Accumulator(NamespaceId, AccumulatorEntry),
}

impl ProofFile {
    /// A file of the current version.
    #[must_use]
    pub fn new(finality: FinalityProof, claim: Claim) -> Self {
        Self {
            version: PROOF_VERSION,
            finality,
            claim,
        }
    }

    /// Checks everything in the file. The trust moves on to the epoch of the certificate.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn verify(&self, trust: &mut Trust) -> Result<Proven, VerifyError> {
        if self.version != PROOF_VERSION {
            return Err(VerifyError::Version(self.version));
        }
        let header = verify_finality(&self.finality, trust)?.clone();
        let fact = self.claim.verify(&header)?;
        Ok(Proven {
            hash: header.hash(),
            header,
            fact,
        })
    }
}

/// Checks a finality proof strictly: as [`Trust::verify`], and each step is one of an epoch before the certificate's,
/// in order, so that no part of the proof goes unread.
///
/// # Errors
/// What is wrong with the proof.
pub fn verify_finality<'a>(
    proof: &'a FinalityProof,
    trust: &mut Trust,
) -> Result<&'a Header, VerifyError> {
    let target = proof.certificate.round().epoch;
    let mut next = None;
    for step in &proof.steps {
        let epoch = step.header.epoch;
        if epoch >= target || next.is_some_and(|next| epoch != next) {
            return Err(VerifyError::SuperfluousStep(epoch));
        }
        next = Some(epoch.next());
    }
    Ok(trust.verify(proof)?)
}

impl Claim {
    /// Checks the claim against a header that was proven final.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, header: &Header) -> Result<Fact, VerifyError> {
        match self {
            Self::Header => Ok(Fact::Final),
            Self::Namespace {
                namespace,
                transactions,
                proof,
            } => {
                let body = verify_namespace(header, *namespace, transactions, proof)?;
                Ok(body.map_or(Fact::Absent(*namespace), |body| {
                    Fact::Namespace(*namespace, body)
                }))
            }
            Self::Transaction {
                namespace,
                transaction,
                proof,
            } => {
                proof
                    .verify(&header.ns_root.0, *namespace, proof.index, &transaction.0)
                    .map_err(VerifyError::Transaction)?;
                Ok(Fact::Transaction {
                    namespace: *namespace,
                    index: proof.index,
                    hash: Hash(da::tx_hash(&transaction.0)),
                    bytes: transaction.0.clone(),
                })
            }
            Self::Accumulator { namespace, proof } => {
                let entry = proof
                    .verify(&header.ns_acc_root.0, *namespace)
                    .map_err(VerifyError::Accumulator)?;
                Ok(Fact::Accumulator(*namespace, entry.unwrap_or_default()))
            }
        }
    }
}

/// Checks that these are all transactions of a namespace in a block; none of them means that it is absent.
///
/// # Errors
/// What is wrong with the proof.
pub fn verify_namespace(
    header: &Header,
    namespace: NamespaceId,
    transactions: &[Base64],
    proof: &NamespaceProof,
) -> Result<Option<NamespaceBody>, VerifyError> {
    let body = body_of(namespace, transactions).map_err(VerifyError::Transactions)?;
    proof
        .verify(&header.ns_root.0, namespace, &body)
        .map_err(VerifyError::Namespace)
}

/// The bytes of a namespace with these transactions; no bytes for none.
///
/// # Errors
/// Transactions that no namespace holds.
pub fn body_of(id: NamespaceId, transactions: &[Base64]) -> Result<Bytes, da::PayloadError> {
    if transactions.is_empty() {
        return Ok(Bytes::new());
    }
    // The network's limits bind whoever builds a block; a reader only needs the encoding.
    let limits = da::Limits {
        payload_bytes: u32::MAX,
        namespaces: 1,
        transaction_bytes: u32::MAX,
    };
    let transactions = transactions
        .iter()
        .map(|transaction| transaction.0.clone())
        .collect();
    let payload = Payload::build(&[(id, transactions)].into(), &limits)?;
    let body = payload
        .namespace(id)
        .expect("the payload was built with this namespace");
    Ok(body.bytes().clone())
}
