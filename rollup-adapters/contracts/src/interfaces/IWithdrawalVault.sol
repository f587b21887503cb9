// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HistoryProof} from "@light-client/interfaces/ILightClient.sol";

/// What a rollup owes on an L1. Its hash is keccak256(abi.encode) of these words.
struct Withdrawal {
    /// Its place among all withdrawals of the rollup, from 0.
    uint64 index;
    /// The L1 that pays it.
    uint256 chainId;
    /// The ERC-20; 0 for ether.
    address token;
    uint128 amount;
    /// Who is paid.
    address recipient;
}

/// Holds the deposits of a rollup and pays its withdrawals on the home L1. All withdrawals of the rollup are a mountain
/// range, as block hashes are; its root is settled by one account or contract, and by nothing else. Nobody administers
/// the vault.
interface IWithdrawalVault {
    /// The root over the rollup's withdrawals is settled.
    event Settled(bytes32 root);
    /// A withdrawal was paid.
    event Claimed(uint64 indexed index, address token, uint128 amount, address recipient);

    /// Only the settler settles.
    error WithdrawalVault_NotSettler(address sender);
    /// Withdrawals are paid on the home L1 only, whose chain id this is.
    error WithdrawalVault_NotHome(uint256 homeChainId);
    /// Another L1 pays this withdrawal.
    error WithdrawalVault_OtherChain(uint256 chainId);
    /// Nothing has been settled yet.
    error WithdrawalVault_NothingSettled();
    /// The settled root does not hold this withdrawal there.
    error WithdrawalVault_NotSettled();
    /// The withdrawal has been paid.
    error WithdrawalVault_AlreadyClaimed(uint64 index);
    /// The recipient did not take the ether.
    error WithdrawalVault_PaymentFailed();
    /// The token took another amount from the vault than was to be paid.
    error WithdrawalVault_WrongTransfer(uint256 expected, uint256 found);
    /// Ether comes in by a deposit at the queue only.
    error WithdrawalVault_NotQueue(address sender);

    /// Sets the root of the mountain range over all withdrawals. Only the settler.
    function settle(bytes32 root) external;

    /// Pays a withdrawal to its recipient. Anyone may. RQ12
    /// @param proof Where it stands under the settled root
    function claim(Withdrawal calldata withdrawal, HistoryProof calldata proof) external;

    /// Whether a withdrawal has been paid.
    function isClaimed(uint64 index) external view returns (bool);
    /// The settled root; 0 before the first.
    function root() external view returns (bytes32);
    /// Who settles.
    function settler() external view returns (address);
    /// The rollup's queue on this L1.
    function queue() external view returns (address);
    /// The chain id of the L1 that pays.
    function homeChainId() external view returns (uint256);
}
