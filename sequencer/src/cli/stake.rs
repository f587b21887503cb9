//! `sequencer stake`: registering a validator, stake in and out, from an account of the home L1.
//!
//! The consensus key and the account need not meet: `stake payload` writes on the key's machine what
//! `stake register --payload` takes on the account's. Nothing in it is secret, and it is of no use to
//! another account.

use std::path::PathBuf;

use clap::Subcommand;
use hotshot_types::Address;

use super::{exit::Failure, init::write_new, output};
use crate::{
    config::{L1Url, ListenAddress},
    genesis_file,
    keys::{self, Cost, PasswordSource},
};

mod amount;
mod desk;
mod moves;
mod payload;
mod standing;

use amount::Amount;
use desk::{Desk, Means};
use payload::Payload;

/// Arguments of `stake`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make the key of a new L1 account, encrypted
    Account(NewAccount),
    /// Write what an account needs to register this node's keys, without the account
    Payload(PayloadArgs),
    /// Become a validator: stake, and put the node's keys into the stake table
    ///
    /// The node is in the committee of the second epoch after the one in which the L1 block of the
    /// registration is final.
    Register(Register),
    /// Add stake to a validator, your own or another
    Delegate(Delegate),
    /// Take stake back, into escrow
    Undelegate(Delegate),
    /// Leave for good with all own stake; it stays in escrow
    Exit(Exit),
    /// Have stake paid out whose escrow is over
    Withdraw(Withdraw),
    /// Replace the consensus key
    Rotate(Rotate),
    /// Replace the network key and address that others find this validator by
    UpdateNetwork(Rotate),
    /// Show what an account has at stake, and what it can withdraw
    Status(Status),
}

/// Which network, and where its home L1 is.
#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// Genesis document of the network: it names the stake table
    #[arg(long, env = "SEQUENCER_GENESIS", value_name = "FILE")]
    genesis: PathBuf,
    /// URL of a node of the home L1
    #[arg(
        long = "l1",
        env = "SEQUENCER_STAKE_L1",
        value_name = "URL",
        hide_env_values = true
    )]
    l1: Option<L1Url>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Who sends, and whether at all.
#[derive(Clone, Debug, clap::Args)]
struct Sending {
    #[command(flatten)]
    place: Place,
    /// Key file of the account: a keystore of EIP-2335 or 32 bytes in hex, mode 0600
    #[arg(long, env = "SEQUENCER_STAKE_ACCOUNT", value_name = "FILE")]
    account: Option<PathBuf>,
    /// File with the password of the account's key
    #[arg(long, value_name = "FILE")]
    account_password_file: Option<PathBuf>,
    /// Check everything and show the cost; send nothing
    #[arg(long, conflicts_with = "calldata_only")]
    dry_run: bool,
    /// Print the calls for another wallet to send; needs no key, no URL and sends nothing
    #[arg(long)]
    calldata_only: bool,
    /// Most that is paid for a unit of gas
    #[arg(long, value_name = "GWEI", default_value_t = 500)]
    max_fee_gwei: u64,
}

#[derive(Debug, clap::Args)]
struct NewAccount {
    /// The new key file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File with the password of the key
    #[arg(long, value_name = "FILE")]
    account_password_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// This node's keys.
#[derive(Clone, Debug, clap::Args)]
struct Node {
    /// Directory of the node's data
    #[arg(long, env = "SEQUENCER_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// File with the password of the node's keys
    #[arg(long, env = "SEQUENCER_PASSWORD_FILE", value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Where other validators reach this one, for example /ip4/203.0.113.7/tcp/9000
    #[arg(long, value_name = "MULTIADDR")]
    address: Option<ListenAddress>,
}

#[derive(Debug, clap::Args)]
struct PayloadArgs {
    #[command(flatten)]
    node: Node,
    /// Genesis document of the network
    #[arg(long, env = "SEQUENCER_GENESIS", value_name = "FILE")]
    genesis: PathBuf,
    /// The account that will register
    #[arg(long, value_name = "ADDRESS")]
    operator: Address,
    /// The new file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Register {
    #[command(flatten)]
    sending: Sending,
    /// The file that `stake payload` wrote; without it the node's keys are read
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "address", "password_file"])]
    payload: Option<PathBuf>,
    #[command(flatten)]
    node: Node,
    /// Stake in tokens, such as 32 or 0.5
    #[arg(long, value_name = "TOKENS")]
    amount: Amount,
}

#[derive(Debug, clap::Args)]
struct Delegate {
    #[command(flatten)]
    sending: Sending,
    /// The validator's account; the sender's own without this
    #[arg(long, value_name = "ADDRESS")]
    operator: Option<Address>,
    /// Tokens, such as 32 or 0.5
    #[arg(long, value_name = "TOKENS")]
    amount: Amount,
}

#[derive(Debug, clap::Args)]
struct Exit {
    #[command(flatten)]
    sending: Sending,
}

#[derive(Debug, clap::Args)]
struct Withdraw {
    #[command(flatten)]
    sending: Sending,
    /// Numbers of withdrawals, as `stake status` shows them
    #[arg(required = true, value_name = "NUMBER", num_args = 1..=32)]
    withdrawals: Vec<u64>,
}

#[derive(Debug, clap::Args)]
struct Rotate {
    #[command(flatten)]
    sending: Sending,
    /// The file that `stake payload` wrote; without it the node's keys are read
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data_dir", "address", "password_file"])]
    payload: Option<PathBuf>,
    #[command(flatten)]
    node: Node,
}

#[derive(Debug, clap::Args)]
struct Status {
    #[command(flatten)]
    place: Place,
    /// The account
    #[arg(long, value_name = "ADDRESS")]
    operator: Address,
}

/// Runs one of the verbs.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Account(args) => new_account(&args),
        Verb::Payload(args) => write_payload(&args),
        Verb::Register(args) => {
            let desk = Desk::open(&args.sending).await?;
            let payload = payload_for(&desk, args.payload.as_ref(), &args.node)?;
            desk.settle(moves::register(&desk, &payload, args.amount).await?)
                .await
        }
        Verb::Delegate(args) => {
            let desk = Desk::open(&args.sending).await?;
            let operator = desk.operator(args.operator)?;
            desk.settle(moves::delegate(&desk, operator, args.amount).await?)
                .await
        }
        Verb::Undelegate(args) => {
            let desk = Desk::open(&args.sending).await?;
            let operator = desk.operator(args.operator)?;
            desk.settle(moves::undelegate(&desk, operator, args.amount))
                .await
        }
        Verb::Exit(args) => {
            let desk = Desk::open(&args.sending).await?;
            desk.settle(moves::exit(&desk)).await
        }
        Verb::Withdraw(args) => {
            let desk = Desk::open(&args.sending).await?;
            desk.settle(moves::withdraw(&desk, &args.withdrawals)).await
        }
        Verb::Rotate(args) => {
            let desk = Desk::open(&args.sending).await?;
            let payload = payload_for(&desk, args.payload.as_ref(), &args.node)?;
            desk.settle(moves::rotate(&desk, &payload)?).await
        }
        Verb::UpdateNetwork(args) => {
            let desk = Desk::open(&args.sending).await?;
            let payload = payload_for(&desk, args.payload.as_ref(), &args.node)?;
            desk.settle(moves::update_network(&desk, &payload)).await
        }
        Verb::Status(args) => {
            let means = Means::of(&args.place)?;
            standing::show(&means, args.operator, args.place.json).await
        }
    }
}

fn new_account(args: &NewAccount) -> Result<(), Failure> {
    keys::ensure_absent(&args.out)?;
    let source = PasswordSource::of(args.account_password_file.as_deref(), None);
    let password = source.choose("the account's key")?;
    let account = keys::create_account(&args.out, &password, Cost::RECOMMENDED)?;
    if args.json {
        return output::json(&serde_json::json!({
            "address": account.address(),
            "file": args.out,
        }));
    }
    output::line(format_args!(
        "account {} in {}",
        account.address(),
        args.out.display()
    ))
}

fn write_payload(args: &PayloadArgs) -> Result<(), Failure> {
    let genesis = genesis_file::load(&args.genesis)?;
    let payload = Payload::of_node(&args.node, &genesis, args.operator)?;
    let mut text = serde_json::to_string_pretty(&payload)?;
    text.push('\n');
    write_new(&args.out, &text)?;
    output::line(format_args!(
        "wrote {}: register it with `sequencer stake register --payload` from account {}",
        args.out.display(),
        args.operator
    ))
}

/// From a file, or made now for the account that sends.
fn payload_for(desk: &Desk, file: Option<&PathBuf>, node: &Node) -> Result<Payload, Failure> {
    let payload = match file {
        Some(file) => Payload::read(file)?,
        None => Payload::of_node(node, desk.genesis(), desk.operator(None)?)?,
    };
    payload.check(desk.genesis(), desk.sender_address())?;
    Ok(payload)
}

fn print_calls(steps: &[moves::Step]) -> Result<(), Failure> {
    output::json(&steps)
}
