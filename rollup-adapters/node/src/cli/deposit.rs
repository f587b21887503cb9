//! `deposit`: puts money from the L1 into the rollup.

use rollup_contracts::{
    abi::{U256, token::IToken},
    calls,
};
use rollup_types::Address;
use serde_json::json;

use super::{
    exit::{Exit, Failure},
    output,
    remote::{Desk, L1Args, parse_address, refused},
};
use light_client::{
    abi::{SolCall as _, address},
    rpc::Tag,
};

/// Arguments of `deposit`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The money goes into the vault on the L1, and appears on the rollup once a final block of the sequencer \
names the deposit's L1 block as final. A fee for the queue is paid on top."
)]
pub(super) struct Args {
    /// How much, in the token's smallest unit: wei for ether
    #[arg(value_name = "AMOUNT")]
    amount: u128,
    /// Who gets it on the rollup [default: the account]
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    to: Option<Address>,
    /// The ERC-20 token; ether without it
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    token: Option<Address>,
    #[command(flatten)]
    l1: L1Args,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<(), Failure> {
    let desk = args.l1.open().await?;
    if !desk.definition.deposits {
        let message = "this rollup takes no deposits: its definition says deposits = false";
        return Err(Failure::new(Exit::Refused, message));
    }
    eprintln!(
        "warning: the rollup's state is not proven on the L1 yet: nothing but the settler of the vault pays withdrawals"
    );
    let to = args.to.unwrap_or_else(|| desk.sender.address());
    let token = args.token.unwrap_or(Address::ZERO);
    let fee = desk.fee().await?;
    let value = if token == Address::ZERO {
        args.amount.checked_add(fee)
    } else {
        approve(&desk, token, args.amount).await?;
        Some(fee)
    };
    let value = value.ok_or_else(|| Failure::new(Exit::Usage, "the amount is beyond 128 bits"))?;
    let call = calls::deposit(token, args.amount, to);
    let (receipt, message) = desk.enqueue(value, call).await?;
    if args.json {
        return output::json(&json!({
            "index": message.index,
            "id": message.hash(),
            "l1Block": message.l1_block,
            "transaction": receipt.transaction_hash,
            "fee": fee.to_string(),
        }));
    }
    output::line(format_args!(
        "message {} of the queue, in L1 block {}; its id on the rollup is {}",
        message.index,
        message.l1_block,
        message.hash()
    ))
}

/// Lets the queue take the tokens, unless it may already.
async fn approve(desk: &Desk, token: Address, amount: u128) -> Result<(), Failure> {
    let (owner, spender) = (
        address(desk.sender.address()),
        address(desk.contracts.queue),
    );
    let allowance = desk
        .read(token, IToken::allowanceCall { owner, spender }, Tag::Latest)
        .await?;
    if allowance >= U256::from(amount) {
        return Ok(());
    }
    let value = U256::from(amount);
    let call = IToken::approveCall { spender, value }.abi_encode();
    desk.sender.send(Some(token), call).await.map_err(refused)?;
    Ok(())
}
