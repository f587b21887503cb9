//! Transactions from signing to the receipt: nonces, fees, and what is stuck.
//!
//! Nothing is kept on disk. The nonce is the one after the last transaction in a block, so what an
//! earlier run left waiting is replaced, and whoever calls looks at the contract's state afterwards
//! and not at what it remembers to have sent: a reorganisation or a crash costs a repetition.

use std::time::Duration;

use hotshot_types::{Address, Hash};
use tokio::time::{Instant, sleep};

use crate::{
    account::{Account, Transaction},
    refusal,
    rpc::{CallFrame, Data, Endpoint, PaidCall, Quantity, Receipt, RpcError, Tag},
};

/// Least tip: 0.01 gwei. Nodes refuse or forget what pays nothing.
const LEAST_TIP: u128 = 10_000_000;
/// Pause between two looks for the receipt.
const LOOK: Duration = Duration::from_millis(500);
/// Looks at a nonce that is used before it counts as used by another transaction.
const LOOKS_FOR_RECEIPT: u32 = 10;
/// Gas on top of the estimate, in percent: state may change until the block.
const MARGIN: u64 = 25;

/// How transactions are sent.
#[derive(Clone, Copy, Debug)]
pub struct SendConfig {
    /// A transaction that is in no block for this long is sent again with higher fees.
    pub patience: Duration,
    /// How often that is done.
    pub bumps: u32,
    /// Most that is paid for a unit of gas, in wei.
    pub most_fee: u128,
}

impl Default for SendConfig {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(45),
            bumps: 8,
            most_fee: 500_000_000_000,
        }
    }
}

/// Why a transaction did not do what it was to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The endpoint.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The contract refuses, with this data; nothing was sent.
    #[error("{}", refusal::sentence(.0))]
    Refused(Vec<u8>),
    /// It was in a block, and undone there: the state changed meanwhile.
    #[error(
        "the transaction {0} failed in its block; the fee is lost, and what it was to do may have been done by another one"
    )]
    Failed(Hash),
    /// Another transaction with its nonce came first.
    #[error("another transaction of this account came first")]
    Superseded,
    /// A reorganisation undid transactions before it, so it can be in no block.
    #[error("the L1 undid earlier transactions of this account: look again what is missing")]
    Undone,
    /// In no block in spite of higher fees.
    #[error(
        "the transaction {hash} is in no block after {waited_s} s, though up to {fee_gwei} gwei were offered: raise the limit, or wait"
    )]
    Stuck {
        /// The last one sent.
        hash: Hash,
        /// How long it was waited for.
        waited_s: u64,
        /// The fee for a unit of gas that was offered last.
        fee_gwei: u128,
    },
    /// Fees are above what may be paid.
    #[error(
        "the L1 asks for {fee_gwei} gwei for a unit of gas, above the limit of {most_gwei} gwei"
    )]
    TooDear {
        /// What it asks for.
        fee_gwei: u128,
        /// The limit.
        most_gwei: u128,
    },
}

/// What is paid for a unit of gas, in wei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fees {
    tip: u128,
    most: u128,
}

impl Fees {
    /// A replacement has to pay a tenth more in both; a quarter more is enough everywhere.
    fn bumped(self, limit: u128) -> Self {
        let more = |fee: u128| fee + fee / 4 + 1;
        let most = more(self.most).min(limit);
        Self {
            tip: more(self.tip).min(most),
            most,
        }
    }
}

/// An account at an endpoint.
#[derive(Clone, Debug)]
pub struct Sender {
    endpoint: Endpoint,
    account: Account,
    chain_id: u64,
    config: SendConfig,
}

impl Sender {
    /// Asks the endpoint for its chain.
    ///
    /// # Errors
    /// No answer.
    pub async fn new(
        endpoint: Endpoint,
        account: Account,
        config: SendConfig,
    ) -> Result<Self, RpcError> {
        let chain_id = endpoint.chain_id().await?;
        Ok(Self {
            endpoint,
            account,
            chain_id,
            config,
        })
    }

    /// The account.
    #[must_use]
    pub fn address(&self) -> Address {
        self.account.address()
    }

    /// The endpoint.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The chain.
    #[must_use]
    pub fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// Whether a transaction of the account waits for a block.
    ///
    /// # Errors
    /// No answer.
    pub async fn is_waiting(&self) -> Result<bool, RpcError> {
        let mined = self.endpoint.nonce(self.address(), Tag::Latest).await?;
        let all = self.endpoint.nonce(self.address(), Tag::Pending).await?;
        Ok(all > mined)
    }

    /// The gas that a call takes, if the contract does not refuse it now.
    ///
    /// # Errors
    /// The contract's refusal, or no answer.
    pub async fn try_out(&self, to: Option<Address>, input: Vec<u8>) -> Result<u64, SendError> {
        self.try_out_paying(to, 0, input).await
    }

    /// The same for a call that brings so many wei with it.
    ///
    /// # Errors
    /// As [`Self::try_out`].
    pub async fn try_out_paying(
        &self,
        to: Option<Address>,
        value: u128,
        input: Vec<u8>,
    ) -> Result<u64, SendError> {
        let call = CallFrame {
            from: Some(self.address()),
            to,
            input: Data(input),
        };
        let gas = if value == 0 {
            self.endpoint.estimate_gas(&call).await
        } else {
            let value = Quantity(value);
            self.endpoint.estimate_paid(&PaidCall { call, value }).await
        };
        match gas {
            Ok(gas) => Ok(gas),
            Err(error) => Err(match error.revert_data() {
                Some(data) => SendError::Refused(data.to_vec()),
                None => error.into(),
            }),
        }
    }

    /// Sends a call, or a contract's creation code, and waits until it is in a block.
    ///
    /// # Errors
    /// Refused, failed, or stuck.
    pub async fn send(&self, to: Option<Address>, data: Vec<u8>) -> Result<Receipt, SendError> {
        self.pay(to, 0, data).await
    }

    /// The same with so many wei.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn pay(
        &self,
        to: Option<Address>,
        value: u128,
        data: Vec<u8>,
    ) -> Result<Receipt, SendError> {
        let gas = self.try_out_paying(to, value, data.clone()).await?;
        let nonce = self.endpoint.nonce(self.address(), Tag::Latest).await?;
        let mut fees = self.fees().await?;
        let mut sent: Vec<Hash> = Vec::new();
        let started = Instant::now();
        for _ in 0..=self.config.bumps {
            let signed = self.account.sign(&Transaction {
                chain_id: self.chain_id,
                nonce,
                priority_fee: fees.tip,
                max_fee: fees.most,
                gas: gas + gas * MARGIN / 100,
                to,
                value,
                data: data.clone(),
            });
            match self.endpoint.send_raw(&signed.bytes).await {
                Ok(_) => sent.push(signed.hash),
                Err(error) => match Refusal::of(&error) {
                    // It was handed in before, perhaps by a run that crashed.
                    Refusal::Known => sent.push(signed.hash),
                    Refusal::Underpriced => {
                        fees = fees.bumped(self.config.most_fee);
                        continue;
                    }
                    Refusal::NonceUsed if sent.is_empty() => return Err(SendError::Superseded),
                    Refusal::NonceUsed => {}
                    Refusal::Other => return Err(error.into()),
                },
            }
            if let Some(receipt) = self.wait(&sent, nonce).await? {
                return if receipt.is_success() {
                    Ok(receipt)
                } else {
                    Err(SendError::Failed(receipt.transaction_hash))
                };
            }
            fees = fees.bumped(self.config.most_fee);
        }
        Err(SendError::Stuck {
            hash: sent.last().copied().unwrap_or_default(),
            waited_s: started.elapsed().as_secs(),
            fee_gwei: fees.most / 1_000_000_000,
        })
    }

    /// The receipt of one of these; none if none is in a block in time.
    async fn wait(&self, sent: &[Hash], nonce: u64) -> Result<Option<Receipt>, SendError> {
        let until = Instant::now() + self.config.patience;
        let mut without_receipt = 0;
        let mut out_of_reach = 0;
        loop {
            // Read first: if it is used and none of ours has a receipt, another one used it. Nodes
            // know a block's nonces a moment before its receipts, so one look is not enough.
            let next = self.endpoint.nonce(self.address(), Tag::Latest).await?;
            for hash in sent {
                if let Some(receipt) = self.endpoint.receipt(*hash).await? {
                    return Ok(Some(receipt));
                }
            }
            without_receipt += u32::from(next > nonce);
            if without_receipt >= LOOKS_FOR_RECEIPT {
                return Err(SendError::Superseded);
            }
            // One look is not enough here either: behind one URL may be nodes that lag.
            out_of_reach = if next < nonce { out_of_reach + 1 } else { 0 };
            if out_of_reach >= LOOKS_FOR_RECEIPT {
                return Err(SendError::Undone);
            }
            if Instant::now() >= until {
                return Ok(None);
            }
            sleep(LOOK).await;
        }
    }

    async fn fees(&self) -> Result<Fees, SendError> {
        let history = self.endpoint.fee_history().await?;
        let base = history
            .base_fee_per_gas
            .last()
            .copied()
            .unwrap_or(Quantity(0));
        let mut tips: Vec<u128> = history.reward.iter().flatten().map(|tip| tip.0).collect();
        tips.sort_unstable();
        let tip = tips.get(tips.len() / 2).copied().unwrap_or_default();
        let tip = tip.max(LEAST_TIP);
        let limit = self.config.most_fee;
        let least = base.0.saturating_add(tip);
        if least > limit {
            return Err(SendError::TooDear {
                fee_gwei: least / 1_000_000_000,
                most_gwei: limit / 1_000_000_000,
            });
        }
        Ok(Fees {
            tip,
            most: base.0.saturating_mul(2).saturating_add(tip).min(limit),
        })
    }
}

/// What a node means when it does not take a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Known,
    Underpriced,
    NonceUsed,
    Other,
}

impl Refusal {
    fn of(error: &RpcError) -> Self {
        let RpcError::Refused { message, .. } = error else {
            return Self::Other;
        };
        let message = message.to_ascii_lowercase();
        let says = |words: &str| message.contains(words);
        if says("already known") || says("already imported") || says("known transaction") {
            Self::Known
        } else if says("underpriced") {
            Self::Underpriced
        } else if says("nonce too low") || says("nonce is too low") {
            Self::NonceUsed
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests;
