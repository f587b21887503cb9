//! What a rollup's contract would do: verify a namespace and a transaction of an old block inside
//! the light client, against the one block that it stores.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, Result, ensure};
use da::{NamespaceLeaf, Path, TransactionProof};
use hotshot_types::{
    Hash, Height,
    mountain_range::{HeaderProof, MountainRange},
};
use light_client::{
    abi::{
        self,
        light_client::{HistoryProof, ILightClient, Namespace, TreePath},
    },
    update,
};
use sequencer_client::{client::Api, types::Block};

use super::L1;
use crate::{chain, network::eventually, traffic::load::Delivered};

/// How long the relayer may take to a block above the transaction's.
const RELAY_LIMIT: Duration = Duration::from_secs(60);

/// A transaction, where it is said to stand, and the proof.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    /// Its identity on the sequencer.
    pub(crate) hash: Hash,
    /// The sequencer's block.
    pub(crate) height: Height,
    pub(crate) block: Hash,
    /// Against the block's `ns_root`.
    pub(crate) proof: TransactionProof,
}

impl Claimed {
    /// What a node says of a transaction that was delivered.
    pub(crate) async fn by(api: &Api, sent: &Delivered) -> Result<Self> {
        let answer = api.transaction(sent.hash, Some(sent.namespace)).await?;
        Ok(Self {
            hash: sent.hash,
            height: sent.position.height,
            block: sent.position.block,
            proof: answer.proof.context("the node gave no proof")?,
        })
    }
}

/// What was verified inside the contract.
#[derive(Clone)]
pub(crate) struct Verified {
    /// The transaction's block.
    pub(crate) height: Height,
    /// The block that the light client stores.
    pub(crate) stored: Height,
    /// The call that it answered last.
    pub(crate) call: ILightClient::verifyTransactionCall,
}

/// Waits until the light client of an L1 is above a transaction's block, then has it verify the
/// block, the namespace and the transaction in it, and refuse a transaction that is not there.
pub(crate) async fn verify(
    l1: &L1,
    chain: usize,
    api: &Api,
    claimed: &Claimed,
) -> Result<Verified> {
    let height = claimed.height;
    let above = async || -> Result<_> {
        let found = l1.finalized(chain).await?;
        ensure!(found.height >= height.0, "it stores block {}", found.height);
        Ok(found)
    };
    let what = format!("block {height} in the light client");
    let stored = eventually(RELAY_LIMIT, &what, above).await?;
    let blocks = chain::blocks(api, Height(0), Height(stored.height)).await?;
    let header = &blocks[usize::try_from(height.0)?].header;
    let newest = blocks.last().context("the node has no blocks")?;
    let call = ILightClient::verifyHeaderCall {
        entry: stored.entry,
        stored: update::ring_entry(&newest.header),
        header: update::header(header),
        restHash: abi::word(header.rest_hash()),
        proof: history(&blocks, height, stored.height)?,
    };
    let (chain, address) = (&l1.chains[chain], l1.light_clients[chain]);
    let hash = chain.view(address, &call).await?;
    ensure!(
        hash == abi::word(claimed.block),
        "the contract proved another block"
    );
    let proof = &claimed.proof;
    let namespace_path = tree_path(proof.ns_index, proof.ns_count, &proof.ns_path);
    let call = ILightClient::verifyNamespaceCall {
        nsRoot: abi::word(header.ns_root),
        namespace: namespace(&proof.leaf),
        path: namespace_path.clone(),
    };
    chain.view(address, &call).await?;
    let call = ILightClient::verifyTransactionCall {
        nsRoot: abi::word(header.ns_root),
        namespace: namespace(&proof.leaf),
        namespacePath: namespace_path,
        transactionHash: abi::word(claimed.hash),
        transactionPath: tree_path(proof.index, proof.leaf.tx_count, &proof.path),
    };
    chain.view(address, &call).await?;
    let mut other = call.clone();
    other.transactionHash.0[0] ^= 1;
    let refused = chain.refuses(address, &other).await;
    refused.context("a transaction that is not there")?;
    Ok(Verified {
        height,
        stored: Height(stored.height),
        call,
    })
}

/// The same call with each value of the proof changed, one at a time, each path longer, and each that has a sibling
/// shorter.
pub(crate) fn changed(
    call: &ILightClient::verifyTransactionCall,
) -> Vec<ILightClient::verifyTransactionCall> {
    type Call = ILightClient::verifyTransactionCall;
    let mut calls = Vec::new();
    let mut change = |with: &dyn Fn(&mut Call)| {
        let mut other = call.clone();
        with(&mut other);
        calls.push(other);
    };
    change(&|call| call.nsRoot.0[31] ^= 1);
    change(&|call| call.namespace.id ^= 1);
    change(&|call| call.namespace.byteLength ^= 1);
    change(&|call| call.namespace.transactionCount ^= 1);
    change(&|call| call.namespace.transactionRoot.0[0] ^= 1);
    change(&|call| call.transactionHash.0[31] ^= 1);
    let paths: [fn(&mut Call) -> &mut TreePath; 2] = [
        |call| &mut call.namespacePath,
        |call| &mut call.transactionPath,
    ];
    for path in paths {
        change(&|call| path(call).index ^= 1);
        change(&|call| path(call).count ^= 1);
        change(&|call| path(call).siblings.push(abi::word(Hash::ZERO)));
        for sibling in 0..path(&mut call.clone()).siblings.len() {
            change(&|call| path(call).siblings[sibling].0[31] ^= 1);
            change(&|call| {
                path(call).siblings.remove(sibling);
            });
        }
    }
    calls
}

/// Where a block stands in the history of the stored one; the stored one itself needs no proof.
fn history(blocks: &[Block], height: Height, stored: u64) -> Result<HistoryProof> {
    if height.0 == stored {
        return Ok(HistoryProof {
            count: 0,
            path: Vec::new(),
            peaks: Vec::new(),
        });
    }
    let mut range = MountainRange::new();
    let mut nodes = BTreeMap::new();
    for block in blocks.iter().take(usize::try_from(stored)?) {
        nodes.extend(range.append(block.hash));
    }
    let proof = HeaderProof::build(height, stored, |position| nodes.get(&position).copied());
    let proof = proof.context("the history has no such block")?;
    let words = |hashes: Vec<Hash>| hashes.into_iter().map(abi::word).collect();
    Ok(HistoryProof {
        count: proof.count,
        path: words(proof.path),
        peaks: words(proof.peaks),
    })
}

fn namespace(leaf: &NamespaceLeaf) -> Namespace {
    Namespace {
        id: leaf.id.get(),
        byteLength: leaf.byte_len,
        transactionCount: leaf.tx_count,
        transactionRoot: leaf.tx_root.into(),
    }
}

fn tree_path(index: u64, count: u64, path: &Path) -> TreePath {
    TreePath {
        index,
        count,
        siblings: path.siblings().iter().map(|hash| (*hash).into()).collect(),
    }
}
