//! Rollups that sign their own transactions.

use anyhow::Result;
use bytes::Bytes;
use hotshot_types::{Address, digest::keccak};
use light_client::account::{Account, Transaction};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{Rollup, namespace};

/// Accounts of a rollup.
const ACCOUNTS: u64 = 16;
/// Bytes of a batch.
const BATCH_BYTES: usize = 48 * 1024;

/// A rollup whose users send transfers, token transfers and contract calls. The same chain id
/// always sends the same transactions.
pub(crate) fn users(chain_id: u64) -> Result<Rollup> {
    let transactions = Box::new(Users::new(chain_id)?);
    Ok(Rollup {
        namespace: namespace(chain_id)?,
        transactions,
    })
}

/// A rollup that sends batches of its users' transactions.
pub(crate) fn batches(chain_id: u64) -> Result<Rollup> {
    let mut users = Users::new(chain_id)?;
    let batches = std::iter::from_fn(move || {
        let mut batch = Vec::with_capacity(BATCH_BYTES + 2048);
        while batch.len() < BATCH_BYTES {
            batch.extend_from_slice(&users.next()?);
        }
        Some(Bytes::from(batch))
    });
    Ok(Rollup {
        namespace: namespace(chain_id)?,
        transactions: Box::new(batches),
    })
}

struct Users {
    chain_id: u64,
    accounts: Vec<Account>,
    addresses: Vec<Address>,
    sent: u64,
    random: StdRng,
}

impl Users {
    fn new(chain_id: u64) -> Result<Self> {
        let seed = |index: u64| [chain_id.to_be_bytes(), index.to_be_bytes()].concat();
        let accounts: Vec<Account> = (0..ACCOUNTS)
            .map(|index| Account::of(&seed(index)))
            .collect::<Result<_, _>>()?;
        let addresses = accounts.iter().map(Account::address).collect();
        let random = StdRng::from_seed(keccak(&chain_id.to_be_bytes()).0);
        Ok(Self {
            chain_id,
            accounts,
            addresses,
            sent: 0,
            random,
        })
    }

    /// What users do: pay somebody, move a token, or call a contract with some input.
    fn data(&mut self) -> Vec<u8> {
        match self.random.random_range(0..10_u32) {
            0..4 => Vec::new(),
            4..8 => {
                // transfer(address,uint256)
                let mut data = vec![0xa9, 0x05, 0x9c, 0xbb];
                data.extend_from_slice(&[0; 12]);
                data.extend_from_slice(&self.recipient().0);
                data.extend_from_slice(&[0; 24]);
                data.extend_from_slice(&self.random.next_u64().to_be_bytes());
                data
            }
            _ => {
                let mut data = vec![0; self.random.random_range(100..1_500)];
                self.random.fill_bytes(&mut data);
                data
            }
        }
    }

    fn recipient(&mut self) -> Address {
        self.addresses[self.random.random_range(0..self.addresses.len())]
    }
}

impl Iterator for Users {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let sender = usize::try_from(self.sent % ACCOUNTS).ok()?;
        let (to, value) = (self.recipient(), u128::from(self.random.next_u32()));
        let data = self.data();
        let call = Transaction {
            chain_id: self.chain_id,
            nonce: self.sent / ACCOUNTS,
            priority_fee: 1_000_000_000,
            max_fee: 30_000_000_000,
            gas: 21_000 + 16 * data.len() as u64,
            to: Some(to),
            value,
            data,
        };
        self.sent += 1;
        Some(self.accounts.get(sender)?.sign(&call).bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use anyhow::Context as _;

    use super::*;

    /// The first transactions of a rollup.
    fn take(rollup: &mut Rollup, count: usize) -> Result<Vec<Bytes>> {
        let taken: Vec<Bytes> = rollup.transactions.by_ref().take(count).collect();
        (taken.len() == count)
            .then_some(taken)
            .context("the rollup has too few transactions")
    }

    #[test]
    fn users_never_send_the_same_twice() -> Result<()> {
        let sent = take(&mut users(10)?, 500)?;
        assert_eq!(sent.iter().collect::<BTreeSet<_>>().len(), 500);
        Ok(())
    }

    #[test]
    fn two_runs_send_the_same_and_two_rollups_do_not() -> Result<()> {
        assert_eq!(take(&mut users(10)?, 50)?, take(&mut users(10)?, 50)?);
        assert_ne!(take(&mut users(10)?, 1)?, take(&mut users(11)?, 1)?);
        Ok(())
    }

    #[test]
    fn batches_have_their_size() -> Result<()> {
        assert!(
            take(&mut batches(10)?, 2)?
                .iter()
                .all(|batch| batch.len() >= BATCH_BYTES)
        );
        Ok(())
    }
}
