//! `withdraw`: claims on the L1 what left the rollup.

use light_client::rpc::Tag;
use rollup_contracts::{abi::vault::IWithdrawalVault, calls};
use rollup_types::{Address, Hash, HeaderProof, Height, Withdrawal};
use serde::Deserialize;
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::{L1Args, NodeArgs, refused},
};

/// Arguments of `withdraw`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The vault pays what is under the root that its settler settled. Anyone may claim: the recipient is paid."
)]
pub(super) struct Args {
    /// The withdrawal's place among all withdrawals of the rollup, from 0
    #[arg(value_name = "INDEX")]
    index: u64,
    #[command(flatten)]
    node: NodeArgs,
    #[command(flatten)]
    l1: L1Args,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Answer {
    withdrawal: Told,
    proof: Path,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    chain_id: u64,
    token: Address,
    amount: String,
    recipient: Address,
}

#[derive(Deserialize)]
struct Path {
    count: u64,
    path: Vec<Hash>,
    peaks: Vec<Hash>,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let desk = args.l1.open().await?;
    let vault = desk.contracts.vault;
    let claimed = IWithdrawalVault::isClaimedCall { index: args.index };
    if desk.read(vault, claimed, Tag::Latest).await? {
        let message = format!("withdrawal {} has been paid", args.index);
        return Err(Failure::new(Exit::Refused, message));
    }
    let root = desk
        .read(vault, IWithdrawalVault::rootCall {}, Tag::Latest)
        .await?;
    let root = Hash(root.0);
    if root == Hash::ZERO {
        let message = "the vault's settler has settled nothing yet";
        return Err(Failure::new(Exit::Refused, message));
    }
    let answer: Answer = args
        .node
        .ask("rollup_getWithdrawalProof", json!([args.index, root]))
        .await?;
    let (withdrawal, proof) = answer.checked(args.index, root)?;
    let call = calls::claim(&withdrawal, &proof);
    let receipt = desk.sender.send(Some(vault), call).await.map_err(refused)?;
    if args.json {
        return output::json(&json!({
            "index": withdrawal.index,
            "amount": withdrawal.amount.to_string(),
            "recipient": withdrawal.recipient,
            "transaction": receipt.transaction_hash,
            "l1Block": receipt.block_number,
        }));
    }
    output::line(format_args!(
        "paid withdrawal {}: {} to {} in L1 block {}",
        withdrawal.index, withdrawal.amount, withdrawal.recipient, receipt.block_number
    ))
}

impl Answer {
    /// Checked here, so that no fee is lost on a node's mistake.
    fn checked(self, index: u64, root: Hash) -> Result<(Withdrawal, HeaderProof), Failure> {
        let wrong = || {
            Failure::new(
                Exit::Invalid,
                "the node's proof does not lead to the settled root",
            )
        };
        let withdrawal = Withdrawal {
            index,
            chain_id: self.withdrawal.chain_id,
            token: self.withdrawal.token,
            amount: self.withdrawal.amount.parse().map_err(|_| wrong())?,
            recipient: self.withdrawal.recipient,
        };
        let proof = HeaderProof {
            height: Height(index),
            count: self.proof.count,
            path: self.proof.path,
            peaks: self.proof.peaks,
        };
        if !proof.verify(root, withdrawal.hash()) {
            return Err(wrong());
        }
        Ok((withdrawal, proof))
    }
}
