//! The contracts' interfaces, made from their Solidity text.
//!
//! The interfaces and not forge's artifacts are the source, so that this crate builds on a machine without Node and
//! forge. Creation code, which only deploying takes, is read from the artifacts at run time.

/// Who may vote, and with what.
#[expect(
    clippy::too_many_arguments,
    reason = "a function made from the interface has the arguments it has there"
)]
pub mod stake_table {
    alloy_sol_types::sol!("../src/interfaces/IStakeTable.sol");
}

/// Follows a network by its certificates of finality.
pub mod light_client {
    alloy_sol_types::sol!("../src/interfaces/ILightClient.sol");
}

/// What is used of the stake's ERC-20.
pub mod token {
    alloy_sol_types::sol! {
        interface IStakeToken {
            event Transfer(address indexed from, address indexed to, uint256 value);
            error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
            error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
            function approve(address spender, uint256 value) external returns (bool);
            function transfer(address to, uint256 value) external returns (bool);
            function allowance(address owner, address spender) external view returns (uint256);
            function balanceOf(address account) external view returns (uint256);
            function symbol() external view returns (string memory);
        }
    }
}

pub use alloy_sol_types::{
    Revert, SolCall, SolConstructor, SolError, SolEvent, SolInterface, SolValue,
    private::{Address as AbiAddress, FixedBytes, U256, Uint},
};

use hotshot_types::{Address, Hash};

/// An address as the bindings take it.
#[must_use]
pub fn address(address: Address) -> AbiAddress {
    AbiAddress::from(address.0)
}

/// An address as the bindings give it.
#[must_use]
pub fn from_address(address: AbiAddress) -> Address {
    Address(address.into_array())
}

/// 32 bytes as the bindings take them.
#[must_use]
pub fn word(hash: Hash) -> FixedBytes<32> {
    FixedBytes(hash.0)
}

/// An amount of tokens, 96 bits, as the bindings take it. None if it is more.
#[must_use]
pub fn amount(amount: u128) -> Option<Uint<96, 2>> {
    Uint::try_from(amount).ok()
}

/// An amount of tokens as the bindings give it.
#[must_use]
pub fn from_amount(amount: Uint<96, 2>) -> u128 {
    let [low, high] = amount.into_limbs();
    u128::from(low) | u128::from(high) << 64
}
