//! Deploying the contracts of a rollup from forge's artifacts.
//!
//! Three transactions of one account with nonce n: vault n, inbox n+1, queue n+2. The first two are made for the address
//! that the queue will have; its constructor refuses those of another queue. Whoever deploys has no power afterwards.

use alloy_sol_types::SolValue as _;
use hotshot_types::Address;
use light_client::{
    account::created,
    deploy::{Artifacts, DeployError, create},
    rpc::Tag,
    send::Sender,
};

use crate::abi::{U256, address};

/// Where the contracts of a rollup are on an L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// Deposits and forced transactions.
    pub queue: Address,
    /// What the L1 knows of the rollup's inputs, and pins.
    pub inbox: Address,
    /// The escrow.
    pub vault: Address,
}

impl Contracts {
    /// The addresses that an account's next three contracts will have.
    #[must_use]
    pub fn predicted(deployer: Address, nonce: u64) -> Self {
        Self {
            vault: created(deployer, nonce),
            inbox: created(deployer, nonce + 1),
            queue: created(deployer, nonce + 2),
        }
    }
}

/// What is chosen at the deployment.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// The light client on this L1.
    pub light_client: Address,
    /// The rollup's namespace, which is its chain id.
    pub namespace: u64,
    /// The chain id of the L1 whose queue counts; another one than this L1's makes a replica.
    pub home_chain_id: u64,
    /// Seconds after which a message that is not covered can be forced: at most a day.
    pub force_delay_s: u64,
    /// Most ether in the escrow, in wei.
    pub cap: u128,
    /// Whether deposits are taken.
    pub deposits_allowed: bool,
    /// What a message costs, in wei.
    pub base_fee: u64,
    /// And what each message adds that is not covered yet.
    pub fee_step: u64,
    /// Whom the fees belong to.
    pub fee_account: Address,
    /// Who settles the root over withdrawals; nobody if it is [`Address::ZERO`].
    pub settler: Address,
}

impl Terms {
    /// Those of demos and local networks: 12 hours, 1,000 ether, deposits on, 0.00001 ether a message, no settler.
    #[must_use]
    pub const fn development(
        light_client: Address,
        namespace: u64,
        home_chain_id: u64,
        fee_account: Address,
    ) -> Self {
        Self {
            light_client,
            namespace,
            home_chain_id,
            force_delay_s: 12 * 60 * 60,
            cap: 1_000_000_000_000_000_000_000,
            deposits_allowed: true,
            base_fee: 10_000_000_000_000,
            fee_step: 100_000_000_000,
            fee_account,
            settler: Address::ZERO,
        }
    }
}

/// Deploys the contracts of a rollup on an L1 that has the light client.
///
/// # Errors
/// A missing artifact, an L1 that refuses, another transaction of the account in between.
pub async fn deploy(
    sender: &Sender,
    artifacts: &Artifacts,
    terms: &Terms,
) -> Result<Contracts, DeployError> {
    let endpoint = sender.endpoint();
    let nonce = endpoint.nonce(sender.address(), Tag::Latest).await?;
    let contracts = Contracts::predicted(sender.address(), nonce);
    let home = U256::from(terms.home_chain_id);
    let queue = address(contracts.queue);
    let vault = (queue, address(terms.settler), home).abi_encode_params();
    let inbox = (
        address(terms.light_client),
        queue,
        terms.namespace,
        home,
        terms.force_delay_s,
    )
        .abi_encode_params();
    let queue = (
        address(contracts.inbox),
        address(contracts.vault),
        (
            home,
            terms.cap,
            terms.deposits_allowed,
            terms.base_fee,
            terms.fee_step,
            address(terms.fee_account),
        ),
    )
        .abi_encode_params();
    for (contract, arguments, expected) in [
        ("WithdrawalVault", vault, contracts.vault),
        ("RollupInbox", inbox, contracts.inbox),
        ("L1MessageQueue", queue, contracts.queue),
    ] {
        if create(sender, artifacts, contract, &arguments).await? != expected {
            return Err(DeployError::Moved);
        }
    }
    Ok(contracts)
}
