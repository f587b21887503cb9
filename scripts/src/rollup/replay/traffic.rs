//! Traffic of every kind: what wallets send to a node of the rollup, and what anybody may send to the sequencer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::Address;
use light_client::{Account, account::created, rpc::RpcError};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};
use sequencer_client::client::Api;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{
    network::Network,
    rollup::{node::RollupNode, round::NAMESPACE, wallet::Wallet},
    traffic,
};

/// Pause between two transactions of an account.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a node may not take a transaction because too many wait.
const PATIENCE: Duration = Duration::from_secs(30);
/// Creates a contract that counts its calls in slot 0 and makes an empty log of each.
const COUNTER: &str = "6e60005460010160005560006000a000600052600f6011f3";
/// Creates a contract that reverts every call.
const REFUSAL: &str = "6460006000fd6000526005601bf3";

/// Accounts that send until they are stopped.
pub(crate) struct Traffic {
    stop: watch::Sender<bool>,
    users: JoinSet<Result<()>>,
    sent: Arc<AtomicU64>,
}

struct User {
    wallet: Wallet,
    nonce: u64,
    contracts: Vec<Address>,
    random: StdRng,
    sequencer: Api,
    namespace: NamespaceId,
}

impl Traffic {
    /// Each account sends at its own pace.
    pub(crate) async fn start(
        network: &Network,
        node: &RollupNode,
        accounts: Vec<Account>,
        seed: u64,
    ) -> Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let sent = Arc::new(AtomicU64::new(0));
        let mut users = JoinSet::new();
        for (index, account) in accounts.into_iter().enumerate() {
            let sequencer = &network.nodes[index % network.nodes.len()];
            let user = User {
                wallet: Wallet::new(account, node.endpoint.clone()).await?,
                nonce: 0,
                contracts: Vec::new(),
                random: StdRng::seed_from_u64(seed + 1 + index as u64),
                sequencer: sequencer.api()?,
                namespace: traffic::namespace(NAMESPACE)?,
            };
            users.spawn(user.run(stopping.clone(), Arc::clone(&sent)));
        }
        Ok(Self { stop, users, sent })
    }

    /// Fails if an account no longer sends.
    pub(crate) fn check(&mut self) -> Result<()> {
        match self.users.try_join_next() {
            Some(ended) => ended
                .context("traffic panicked")?
                .context("an account no longer sends"),
            None => Ok(()),
        }
    }

    /// Ends it; how much was handed in.
    pub(crate) async fn stop(mut self) -> Result<u64> {
        self.stop.send_replace(true);
        while let Some(ended) = self.users.join_next().await {
            ended.context("traffic panicked")??;
        }
        Ok(self.sent.load(Relaxed))
    }
}

impl User {
    async fn run(mut self, stopping: watch::Receiver<bool>, sent: Arc<AtomicU64>) -> Result<()> {
        while !*stopping.borrow() {
            match self.random.random_range(0..20_u32) {
                0 => self.junk().await?,
                1 => self.ahead().await?,
                kind => self.good(kind).await?,
            }
            sent.fetch_add(1, Relaxed);
            sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Bytes that are no transaction, straight to the sequencer.
    async fn junk(&mut self) -> Result<()> {
        let mut bytes = vec![0; self.random.random_range(1..300)];
        self.random.fill_bytes(&mut bytes);
        self.sequencer
            .submit(self.namespace, Bytes::from(bytes), None)
            .await?;
        Ok(())
    }

    /// A nonce that is never reached, straight to the sequencer.
    async fn ahead(&mut self) -> Result<()> {
        let nonce = 1 << 40 | self.random.next_u64() >> 30;
        let signed = self
            .wallet
            .sign(nonce, Some(Address([9; 20])), 1, Vec::new());
        self.sequencer
            .submit(self.namespace, signed.bytes, None)
            .await?;
        Ok(())
    }

    async fn good(&mut self, kind: u32) -> Result<()> {
        let contract = self.contracts.last().copied();
        let (to, value, data, gas) = match (kind, contract) {
            (2, _) | (3, None) => (None, 0, hex::decode(COUNTER)?, 200_000),
            (3, _) => (None, 0, hex::decode(REFUSAL)?, 200_000),
            (4..12, Some(contract)) => (Some(contract), 0, vec![1], 100_000),
            // Not enough for the contract: it fails and pays.
            (12, Some(contract)) => (Some(contract), 0, vec![1], 23_000),
            _ => {
                let to = Address([self.random.random_range(1..=40); 20]);
                (
                    Some(to),
                    u128::from(self.random.next_u32()),
                    Vec::new(),
                    21_000,
                )
            }
        };
        if to.is_none() {
            self.contracts
                .push(created(self.wallet.address(), self.nonce));
        }
        let signed = self.wallet.sign_with_gas(self.nonce, to, value, data, gas);
        self.nonce += 1;
        // Until the node has it: a gap would hold up all that come after.
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.wallet.endpoint.send_raw(&signed.bytes).await {
                Ok(_) => return Ok(()),
                Err(RpcError::Refused { message, .. }) if message.contains("already known") => {
                    return Ok(());
                }
                // As many wait as the node keeps, of all or of this account.
                Err(RpcError::Refused { message, .. })
                    if ["too many", "nonce too high"]
                        .iter()
                        .any(|reason| message.contains(reason)) =>
                {
                    ensure!(
                        Instant::now() < deadline,
                        "a transaction with nonce {} is refused for {} s: {message}",
                        self.nonce - 1,
                        PATIENCE.as_secs()
                    );
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}
