//! Proofs of an EVM rollup, checked without trusting the node that gave them.

use std::{fs, path::PathBuf};

use alloy_consensus::Header;
use anyhow::{Context as _, Result, ensure};
use hotshot_types::{Address, Hash, digest::keccak, mountain_range::HeaderProof};
use rollup_derive::l1::{AccountProof, L1State};
use rollup_types::Withdrawal;
use sequencer_client::{
    ProofFile,
    proof::{Claim, Fact},
    trust,
};
use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use super::{node::Rollup, round::NAMESPACE, wallet::Wallet};
use crate::{
    l1::proof::{self, Claimed},
    network::{Network, answer},
};

/// A transaction whose place in the sequencer's chain was checked.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Included {
    /// The sequencer's block.
    pub(crate) height: u64,
    /// Changed proofs that were refused, here and by the contract.
    pub(crate) refused: u64,
    #[serde(skip)]
    file: PathBuf,
}

/// Asks for a transaction's proof of inclusion and checks it offline: in this process, and by `sequencer proof verify`,
/// with the genesis document alone.
pub(crate) async fn offline(
    network: &Network,
    wallet: &Wallet,
    id: Hash,
    rollup: &Rollup,
) -> Result<Included> {
    let answered = wallet.ask("rollup_getInclusionProof", json!([id])).await?;
    let file: ProofFile = serde_json::from_value(answered["proof"].clone())?;
    let proven = file.verify(&mut trust::from_genesis(&network.genesis)?)?;
    let Fact::Transaction {
        bytes, namespace, ..
    } = &proven.fact
    else {
        anyhow::bail!("the proof is of another kind");
    };
    ensure!(
        keccak(bytes) == id && namespace.get() == NAMESPACE,
        "the proof is of another transaction"
    );
    let path = rollup.directory.join("inclusion.json");
    fs::write(&path, serde_json::to_vec(&answered["proof"])?)?;
    let node = network.nodes.first().context("there is no node")?;
    let mut command = node.program();
    command.args(["proof", "verify"]).arg(&path);
    command.arg("--genesis").arg(network.genesis_file());
    tokio::task::spawn_blocking(move || answer(&mut command)).await??;
    Ok(Included {
        height: proven.header.height.0,
        refused: 0,
        file: path,
    })
}

/// Has the light client on the home L1 check the same proof, and refuse it with any value of it changed.
pub(crate) async fn on_l1(network: &Network, mut included: Included) -> Result<Included> {
    let l1 = network.l1.as_ref().context("there is no L1")?;
    let node = network.nodes.first().context("there is no node")?;
    let file: ProofFile = serde_json::from_slice(&fs::read(&included.file)?)?;
    let proven = file.verify(&mut trust::from_genesis(&network.genesis)?)?;
    let Fact::Transaction { hash, .. } = proven.fact else {
        anyhow::bail!("the proof is of another kind");
    };
    let Claim::Transaction { proof, .. } = file.claim else {
        anyhow::bail!("the proof is of another kind");
    };
    let claimed = Claimed {
        hash,
        height: proven.header.height,
        block: proven.hash,
        proof,
    };
    let verified = proof::verify(l1, 0, &node.api()?, &claimed).await?;
    for call in proof::changed(&verified.call) {
        let refused = l1.home().refuses(l1.light_clients[0], &call).await;
        refused.context("a changed proof")?;
        included.refused += 1;
    }
    Ok(included)
}

/// A withdrawal's record and its path to the root over all withdrawals.
#[derive(Debug)]
pub(crate) struct Withdrawn {
    pub(crate) record: Withdrawal,
    pub(crate) proof: HeaderProof,
    pub(crate) root: Hash,
}

/// Checks them, but not whose root it is.
pub(crate) fn withdrawal(answer: &Value, recipient: Address, amount: u128) -> Result<Withdrawn> {
    let text = |value: &Value| value.as_str().map(str::to_owned).context("no text");
    let told = &answer["withdrawal"];
    let record = Withdrawal {
        index: told["index"].as_u64().context("no index")?,
        chain_id: told["chainId"].as_u64().context("no chain")?,
        token: text(&told["token"])?.parse()?,
        amount: text(&told["amount"])?.parse()?,
        recipient: text(&told["recipient"])?.parse()?,
    };
    ensure!(
        record.recipient == recipient && record.amount == amount && record.token == Address::ZERO,
        "the record is of another withdrawal: {told}"
    );
    let proof = HeaderProof {
        height: hotshot_types::Height(record.index),
        count: answer["proof"]["count"].as_u64().context("no count")?,
        path: serde_json::from_value(answer["proof"]["path"].clone())?,
        peaks: serde_json::from_value(answer["proof"]["peaks"].clone())?,
    };
    let root: Hash = text(&answer["root"])?.parse()?;
    ensure!(
        proof.verify(root, record.hash()),
        "the withdrawal's proof does not lead to its root"
    );
    Ok(Withdrawn {
        record,
        proof,
        root,
    })
}

/// Reads the header of a block with this hash.
pub(crate) fn header(block: &Value, hash: Hash) -> Result<Header> {
    let header: Header = serde_json::from_value(block.clone())?;
    let found = keccak(&alloy_rlp::encode(&header));
    ensure!(found == hash, "the header hashes to {found}, not to {hash}");
    Ok(header)
}

/// Checks the proof that a contract's slot holds a word in the state of a block.
pub(crate) fn storage(
    header: &Header,
    proof: &Value,
    contract: Address,
    (slot, value): (Hash, Hash),
) -> Result<()> {
    let mut told = AccountProof::deserialize(proof)?;
    let state = L1State::believed(&alloy_rlp::encode(header))?;
    state.open(contract, &told)?;
    let [found] = &mut told.slots[..] else {
        anyhow::bail!("the proof is of {} slots", told.slots.len());
    };
    ensure!(
        (found.slot, found.value) == (slot, value),
        "slot {} holds {}",
        found.slot,
        found.value
    );
    found.value.0[31] ^= 1;
    ensure!(
        state.open(contract, &told).is_err(),
        "the proof would also prove another word"
    );
    Ok(())
}
