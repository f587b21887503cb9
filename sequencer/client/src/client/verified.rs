//! Answers that were checked before they are returned.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use da::{AccumulatorEntry, NamespaceId};
use hotshot_types::{
    Hash, Height,
    finality::{FinalityProof, Trust},
};

use sequencer_proof::{
    FinalBlock, Follower, VerifiedBlock, VerifiedBody,
    proof::{Claim, Fact, ProofFile, Proven},
};

use super::{Api, BlockId, ClientError, NamespaceStream};
use crate::types::{NamespaceAnswer, ProblemCode, TransactionAnswer};

/// Epochs that are crossed with one request when a proof has to be put together; nodes allow more.
const STRIDE: u64 = 200;
/// Most epochs a proof is put together for: a new network's checkpoint is due long before.
const MAX_STEPS: usize = 50_000;

/// All data of a namespace in a final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedNamespace {
    /// The block.
    pub block: VerifiedBlock,
    /// The transactions; nothing when the block does not have the namespace.
    pub body: Option<VerifiedBody>,
}

/// A transaction in a final block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTransaction {
    /// The block.
    pub block: VerifiedBlock,
    /// The namespace.
    pub namespace: NamespaceId,
    /// The position in it, from 0.
    pub index: u64,
    /// The bytes.
    pub bytes: Bytes,
}

/// A client with a trust root: what it returns was verified, whatever node it asks.
///
/// A clone shares what was learnt.
#[derive(Clone, Debug)]
pub struct Client {
    api: Api,
    root: Trust,
    /// The newest committee it was led to; guarded for the moment of a copy only.
    newest: Arc<Mutex<Trust>>,
}

impl Client {
    /// Asks a node and trusts a committee.
    #[must_use]
    pub fn new(api: Api, root: Trust) -> Self {
        Self {
            api,
            newest: Arc::new(Mutex::new(root.clone())),
            root,
        }
    }

    /// Another node, and what this client was led to.
    pub(super) fn at(&self, api: Api) -> Self {
        Self {
            api,
            ..self.clone()
        }
    }

    /// The unverified layer: to submit, and to ask for what nobody can prove.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The newest committee it was led to.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.newest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn advance(&self, trust: Trust) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if trust.epoch() > newest.epoch() {
            *newest = trust;
        }
    }

    /// A proof that a block is final, put together from several answers if it crosses more epochs than one holds.
    /// What it proves is not verified yet.
    async fn finality(&self, id: BlockId, from: &Trust) -> Result<FinalityProof, ClientError> {
        match self.api.finality(id, from.epoch()).await {
            Err(error) if is_too_long(&error) => {}
            outcome => return outcome,
        }
        let height = match id {
            BlockId::Height(height) => height,
            BlockId::Hash(_) | BlockId::Latest => self.api.block(id).await?.header.height,
        };
        let (mut steps, mut known) = (Vec::new(), from.clone());
        loop {
            let at = known.epoch();
            match self.api.finality(BlockId::Height(height), at).await {
                Ok(mut proof) => {
                    steps.append(&mut proof.steps);
                    return Ok(FinalityProof { steps, ..proof });
                }
                Err(error) if is_too_long(&error) && steps.len() < MAX_STEPS => {}
                Err(error) => return Err(error),
            }
            let until = at.plus(STRIDE).last_height(self.root.epoch_length());
            let mut part = self.api.finality(BlockId::Height(until), at).await?;
            // Checked at once: a server that makes up the way would have no end.
            VerifiedBlock::by_certificate(&part, &mut known)?;
            if known.epoch() <= at {
                return Err(ClientError::Unproven("the way from the trusted epoch"));
            }
            self.advance(known.clone());
            steps.append(&mut part.steps);
        }
    }

    /// Checks a proof against the committee that it was asked to start from, and remembers where it led. Another
    /// server may have led this client further since; that makes no honest proof false.
    pub(super) fn check_finality(
        &self,
        proof: &FinalityProof,
        trust: &mut Trust,
    ) -> Result<VerifiedBlock, ClientError> {
        let block = VerifiedBlock::by_certificate(proof, trust)?;
        self.advance(trust.clone());
        Ok(block)
    }

    /// A final block.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn block(&self, id: BlockId) -> Result<VerifiedBlock, ClientError> {
        let mut trust = self.trust();
        let proof = self.finality(id, &trust).await?;
        let block = self.check_finality(&proof, &mut trust)?;
        is_asked(id, &block)?;
        Ok(block)
    }

    /// All transactions of a namespace in a final block.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn namespace(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<VerifiedNamespace, ClientError> {
        let answer = self.api.namespace(id, namespace).await?;
        let proof = answer.proof.ok_or(ClientError::Unproven("the namespace"))?;
        let height = BlockId::Height(answer.height);
        let mut trust = self.trust();
        let finality = self.finality(height, &trust).await?;
        let block = self.check_finality(&finality, &mut trust)?;
        is_asked(height, &block)?;
        is_asked(id, &block)?;
        let body = VerifiedBody::new(&block, namespace, &answer.transactions, &proof)?;
        Ok(VerifiedNamespace { block, body })
    }

    /// A transaction, where it stands, and that it is final.
    ///
    /// # Errors
    /// No answer, not final yet, or a false answer.
    pub async fn transaction(
        &self,
        hash: Hash,
        namespace: Option<NamespaceId>,
    ) -> Result<VerifiedTransaction, ClientError> {
        let answer = self.api.transaction(hash, namespace).await?;
        let trust = self.trust();
        let (file, height) = self.transaction_file(answer, &trust).await?;
        let (block, fact) = self.check(&file, trust, BlockId::Height(height), height)?;
        match fact {
            Fact::Transaction {
                namespace: found,
                index,
                hash: proven,
                bytes,
            } => {
                if proven != hash || namespace.is_some_and(|asked| asked != found) {
                    return Err(ClientError::OtherSubject("transaction"));
                }
                Ok(VerifiedTransaction {
                    block,
                    namespace: found,
                    index,
                    bytes,
                })
            }
            _ => Err(ClientError::OtherSubject("transaction")),
        }
    }

    /// The summary of all blocks of a namespace up to a final block; zeros when there is none.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn accumulator(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<(VerifiedBlock, AccumulatorEntry), ClientError> {
        let trust = self.trust();
        let (file, height) = self.accumulator_file(id, namespace, &trust).await?;
        let (block, fact) = self.check(&file, trust, id, height)?;
        match fact {
            Fact::Accumulator(_, entry) => Ok((block, entry)),
            _ => Err(ClientError::OtherSubject("namespace")),
        }
    }

    /// Reads a namespace from a height on, for as long as the caller wants.
    ///
    /// # Errors
    /// The start can't be proven.
    pub async fn follow(
        &self,
        namespace: NamespaceId,
        from: Height,
    ) -> Result<NamespaceStream, ClientError> {
        let follower = self.start(namespace, from).await?;
        Ok(NamespaceStream::resume(self.clone(), follower))
    }

    /// The verified position before a height.
    pub(super) async fn start(
        &self,
        namespace: NamespaceId,
        from: Height,
    ) -> Result<Follower, ClientError> {
        match from.previous() {
            None | Some(Height(0)) => Ok(Follower::from_start(namespace)),
            Some(before) => {
                let before = BlockId::Height(before);
                let (block, entry) = self.accumulator(before, namespace).await?;
                Ok(Follower::resume(namespace, block.header.height, entry))
            }
        }
    }

    /// A file that proves a block final to whoever has this client's trust root.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn prove_block(&self, id: BlockId) -> Result<(ProofFile, Proven), ClientError> {
        let finality = self.finality(id, &self.root).await?;
        self.export(ProofFile::new(finality, Claim::Header), Some(id))
    }

    /// A file that proves all data of a namespace in a block, or its absence, to whoever has this client's trust
    /// root.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn prove_namespace(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<(ProofFile, Proven), ClientError> {
        let answer = self.api.namespace(id, namespace).await?;
        let (file, _) = self.namespace_file(answer, namespace, &self.root).await?;
        self.export(file, Some(id))
    }

    /// A file that proves a transaction final to whoever has this client's trust root.
    ///
    /// # Errors
    /// No answer, not final yet, or a false answer.
    pub async fn prove_transaction(
        &self,
        hash: Hash,
        namespace: Option<NamespaceId>,
    ) -> Result<(ProofFile, Proven), ClientError> {
        let answer = self.api.transaction(hash, namespace).await?;
        let (file, _) = self.transaction_file(answer, &self.root).await?;
        let (file, proven) = self.export(file, None)?;
        match &proven.fact {
            Fact::Transaction {
                hash: found,
                namespace: at,
                ..
            } if *found == hash && namespace.is_none_or(|asked| asked == *at) => Ok((file, proven)),
            _ => Err(ClientError::OtherSubject("transaction")),
        }
    }

    /// A file that proves the summary of a namespace up to a block to whoever has this client's trust root.
    ///
    /// # Errors
    /// No answer, or a false one.
    pub async fn prove_accumulator(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<(ProofFile, Proven), ClientError> {
        let (file, _) = self.accumulator_file(id, namespace, &self.root).await?;
        self.export(file, Some(id))
    }

    async fn namespace_file(
        &self,
        answer: NamespaceAnswer,
        namespace: NamespaceId,
        from: &Trust,
    ) -> Result<(ProofFile, Height), ClientError> {
        let proof = answer.proof.ok_or(ClientError::Unproven("the namespace"))?;
        let finality = self.finality(BlockId::Height(answer.height), from).await?;
        let claim = Claim::Namespace {
            namespace,
            transactions: answer.transactions,
            proof,
        };
        Ok((ProofFile::new(finality, claim), answer.height))
    }

    async fn transaction_file(
        &self,
        answer: TransactionAnswer,
        from: &Trust,
    ) -> Result<(ProofFile, Height), ClientError> {
        let position = answer.position.ok_or(ClientError::NotFinal)?;
        let (Some(transaction), Some(proof)) = (answer.transaction, answer.proof) else {
            return Err(ClientError::Pruned(position.height));
        };
        let finality = self
            .finality(BlockId::Height(position.height), from)
            .await?;
        let claim = Claim::Transaction {
            namespace: answer.namespace,
            transaction,
            proof,
        };
        Ok((ProofFile::new(finality, claim), position.height))
    }

    async fn accumulator_file(
        &self,
        id: BlockId,
        namespace: NamespaceId,
        from: &Trust,
    ) -> Result<(ProofFile, Height), ClientError> {
        let answer = self.api.accumulator(id, namespace).await?;
        let finality = self.finality(BlockId::Height(answer.height), from).await?;
        let claim = Claim::Accumulator {
            namespace,
            proof: answer.proof,
        };
        Ok((ProofFile::new(finality, claim), answer.height))
    }

    /// Verifies with the committee that the proof was asked to start from.
    fn check(
        &self,
        file: &ProofFile,
        mut trust: Trust,
        id: BlockId,
        height: Height,
    ) -> Result<(VerifiedBlock, Fact), ClientError> {
        let (block, fact) = VerifiedBlock::by_file(file, &mut trust)?;
        self.advance(trust);
        is_asked(BlockId::Height(height), &block)?;
        is_asked(id, &block)?;
        Ok((block, fact))
    }

    /// Verifies with the root, as the file's reader will.
    fn export(
        &self,
        file: ProofFile,
        id: Option<BlockId>,
    ) -> Result<(ProofFile, Proven), ClientError> {
        let proven = file.verify(&mut self.root.clone())?;
        let block = FinalBlock {
            hash: proven.hash,
            header: proven.header.clone(),
        };
        id.map_or(Ok(()), |id| is_asked(id, &block))?;
        Ok((file, proven))
    }
}

fn is_too_long(error: &ClientError) -> bool {
    matches!(error, ClientError::Refused(problem) if problem.code == ProblemCode::ProofTooLong)
}

/// Whether a proven block is the one that was asked for.
fn is_asked(id: BlockId, block: &FinalBlock) -> Result<(), ClientError> {
    let is_it = match id {
        BlockId::Height(height) => block.header.height == height,
        BlockId::Hash(hash) => block.hash == hash,
        BlockId::Latest => true,
    };
    if is_it {
        Ok(())
    } else {
        Err(ClientError::OtherSubject("block"))
    }
}
