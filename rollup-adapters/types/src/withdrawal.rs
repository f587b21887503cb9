//! Withdrawals: what a rollup owes on an L1. Their hashes are the leaves of a mountain range, which is built, proven and
//! checked as that of block hashes (`hotshot_types::mountain_range`); its root is what a rollup settles.

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Address, Hash, digest::Words};

/// Money that left the rollup, to be claimed on an L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Withdrawal {
    /// Its place among all withdrawals of the rollup, from 0.
    pub index: u64,
    /// The L1 that pays it.
    pub chain_id: u64,
    /// The ERC-20 token there; [`Address::ZERO`] for ether.
    pub token: Address,
    /// In the token's smallest unit.
    pub amount: u128,
    /// Who is paid.
    pub recipient: Address,
}

impl Withdrawal {
    /// keccak(abi.encode(index, chainId, token, amount, recipient)): the leaf of the range.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Words::new()
            .uint(self.index)
            .uint(self.chain_id)
            .address(self.token)
            .uint(self.amount)
            .address(self.recipient)
            .finish()
    }
}
