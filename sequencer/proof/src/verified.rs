//! What was checked, as types that only the checks make: whoever takes a [`VerifiedBlock`] needs to check nothing again.

use std::ops::Deref;

use da::{
    AccumulatorEntry, AccumulatorProof, NamespaceBody, NamespaceId, NamespaceLeaf, NamespaceProof,
};
use hotshot_types::{
    Hash, Header,
    finality::{FinalityProof, Trust},
};

use crate::{
    Fact,
    proof::{ProofFile, VerifyError, body_of, verify_finality},
    text::Base64,
};

/// A header and its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalBlock {
    /// Its hash.
    pub hash: Hash,
    /// Its header.
    pub header: Header,
}

/// A final block: proven by a certificate of finality, or by what the light client on an L1 stores.
///
/// Nothing else makes one:
///
/// ```compile_fail
/// fn forge(block: sequencer_proof::FinalBlock) -> sequencer_proof::VerifiedBlock {
///     sequencer_proof::VerifiedBlock(block)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBlock(FinalBlock);

impl VerifiedBlock {
    /// Checks a proof as [`verify_finality`]. The trust moves on to the epoch of the certificate.
    ///
    /// # Errors
    /// What is wrong with the proof.
    pub fn by_certificate(proof: &FinalityProof, trust: &mut Trust) -> Result<Self, VerifyError> {
        let header = verify_finality(proof, trust)?.clone();
        Ok(Self(FinalBlock {
            hash: header.hash(),
            header,
        }))
    }

    /// Checks everything in a proof file, as [`ProofFile::verify`].
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn by_file(file: &ProofFile, trust: &mut Trust) -> Result<(Self, Fact), VerifyError> {
        let proven = file.verify(trust)?;
        let block = FinalBlock {
            hash: proven.hash,
            header: proven.header,
        };
        Ok((Self(block), proven.fact))
    }

    /// After a check in this crate.
    pub(crate) fn checked(block: FinalBlock) -> Self {
        Self(block)
    }

    /// Hash and header, for whoever needs no proof any more.
    #[must_use]
    pub fn into_inner(self) -> FinalBlock {
        self.0
    }
}

impl Deref for VerifiedBlock {
    type Target = FinalBlock;

    fn deref(&self) -> &FinalBlock {
        &self.0
    }
}

/// All transactions of a namespace in a final block that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBody {
    block: Hash,
    leaf: NamespaceLeaf,
    body: NamespaceBody,
    summary: Option<AccumulatorEntry>,
}

impl VerifiedBody {
    /// Checks that these are all transactions of the namespace in the block; nothing if the proof shows that it has none.
    ///
    /// # Errors
    /// What is wrong with the proof.
    pub fn new(
        block: &VerifiedBlock,
        namespace: NamespaceId,
        transactions: &[Base64],
        proof: &NamespaceProof,
    ) -> Result<Option<Self>, VerifyError> {
        let root = &block.header.ns_root.0;
        let body = body_of(namespace, transactions).map_err(VerifyError::Transactions)?;
        let body = proof
            .verify(root, namespace, &body)
            .map_err(VerifyError::Namespace)?;
        let leaf = proof
            .verify_leaf(root, namespace)
            .map_err(VerifyError::Namespace)?;
        Ok(body.zip(leaf).map(|(body, leaf)| Self {
            block: block.hash,
            leaf: leaf.clone(),
            body,
            summary: None,
        }))
    }

    /// Adds the namespace's summary under the block's own header: who knows the summary before knows that no block was
    /// left out between.
    ///
    /// # Errors
    /// What is wrong with the proof, or another block than the body's.
    pub fn with_summary(
        self,
        block: &VerifiedBlock,
        proof: &AccumulatorProof,
    ) -> Result<Self, VerifyError> {
        if block.hash != self.block {
            return Err(VerifyError::OtherBlock(block.hash));
        }
        let summary = VerifiedSummary::new(block.clone(), self.leaf.id, proof)?;
        Ok(Self {
            summary: Some(summary.entry),
            ..self
        })
    }

    /// The hash of the block that it is in.
    #[must_use]
    pub fn block_hash(&self) -> Hash {
        self.block
    }

    /// What the block's namespace tree says about it.
    #[must_use]
    pub fn leaf(&self) -> &NamespaceLeaf {
        &self.leaf
    }

    /// The summary of the namespace up to this block and with it, if it was proven.
    #[must_use]
    pub fn summary(&self) -> Option<AccumulatorEntry> {
        self.summary
    }
}

impl Deref for VerifiedBody {
    type Target = NamespaceBody;

    fn deref(&self) -> &NamespaceBody {
        &self.body
    }
}

/// A final block, and the summary of a namespace under its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedSummary {
    block: VerifiedBlock,
    namespace: NamespaceId,
    entry: AccumulatorEntry,
}

impl VerifiedSummary {
    /// Checks the summary against the header; zeros if the namespace never occurred.
    ///
    /// # Errors
    /// What is wrong with the proof.
    pub fn new(
        block: VerifiedBlock,
        namespace: NamespaceId,
        proof: &AccumulatorProof,
    ) -> Result<Self, VerifyError> {
        let entry = proof
            .verify(&block.header.ns_acc_root.0, namespace)
            .map_err(VerifyError::Accumulator)?;
        Ok(Self {
            block,
            namespace,
            entry: entry.unwrap_or_default(),
        })
    }

    /// The block.
    #[must_use]
    pub fn block(&self) -> &VerifiedBlock {
        &self.block
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> NamespaceId {
        self.namespace
    }

    /// The summary of all its blocks up to this one.
    #[must_use]
    pub fn entry(&self) -> AccumulatorEntry {
        self.entry
    }
}

impl Deref for VerifiedSummary {
    type Target = VerifiedBlock;

    fn deref(&self) -> &VerifiedBlock {
        &self.block
    }
}
