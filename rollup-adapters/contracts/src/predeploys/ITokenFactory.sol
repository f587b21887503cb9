// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Tokens of the L1 on an EVM rollup, at 0x4200000000000000000000000000000000000012 from genesis on.
interface ITokenFactory {
    /// A token of the L1 came for the first time.
    event Created(address indexed l1Token, address token);

    /// Only the rollup itself mints, for deposits.
    error TokenFactory_NotSystem();
    /// Not one of this factory's tokens.
    error TokenFactory_UnknownToken(address token);

    /// Mints what was deposited on the L1; makes the token if it is its first deposit. Callable by the rollup only.
    function mint(address l1Token, uint8 decimals, uint128 amount, address recipient) external returns (address token);

    /// Burns tokens of the caller, which needs no approval, and records that `recipient` is owed them on the L1.
    function withdraw(address token, uint64 chainId, uint128 amount, address recipient) external;

    /// The token here that stands for one of the L1; 0 before its first deposit.
    function tokenOf(address l1Token) external view returns (address token);

    /// The token of the L1 that one of ours stands for; 0 for all others.
    function l1TokenOf(address token) external view returns (address l1Token);
}
