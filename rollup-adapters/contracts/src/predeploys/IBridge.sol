// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// The way out of an EVM rollup, at 0x4200000000000000000000000000000000000010 from genesis on. The rollup's nodes make a
/// withdrawal of each `Withdrawal` that it logs, and of nothing else.
interface IBridge {
    /// Money left the rollup; `token` is that of the L1, 0 for ether.
    event Withdrawal(uint64 chainId, address token, uint128 amount, address recipient);

    /// Only the rollup's home L1 pays.
    error Bridge_NotHome(uint64 homeChainId);
    /// Nothing was sent along.
    error Bridge_NoAmount();
    /// More than a withdrawal can hold.
    error Bridge_TooMuch(uint256 amount);
    /// Nobody would be paid.
    error Bridge_NoRecipient();
    /// Tokens are withdrawn through the factory, which burns them.
    error Bridge_NotFactory();

    /// Burns the ether sent along (this contract can't pay out) and records that `recipient` is owed as much on the L1.
    function withdraw(uint64 chainId, address recipient) external payable;

    /// Records that `recipient` is owed tokens, which the factory has burned. Callable by the factory only.
    function withdrawToken(uint64 chainId, address token, uint128 amount, address recipient) external;

    /// Chain id of the L1 that pays; genesis writes it into slot 0.
    function homeChainId() external view returns (uint64);
}
