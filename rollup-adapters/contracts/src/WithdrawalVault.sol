// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {HistoryProof} from "@light-client/interfaces/ILightClient.sol";
import {MountainRange} from "@light-client/libraries/MountainRange.sol";
import {IWithdrawalVault, Withdrawal} from "./interfaces/IWithdrawalVault.sol";

/// The escrow of one rollup: see IWithdrawalVault for what it does and guarantees. RQ13
contract WithdrawalVault is IWithdrawalVault, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    address public immutable queue;
    address public immutable settler;
    uint256 public immutable homeChainId;

    bytes32 public root;
    /// Bit i of word w: withdrawal 256 * w + i was paid.
    mapping(uint256 => uint256) private _claimed;

    /// @param queue_ The rollup's queue on this L1, which is deployed after this
    constructor(address queue_, address settler_, uint256 homeChainId_) {
        (queue, settler, homeChainId) = (queue_, settler_, homeChainId_);
    }

    /// Deposits of ether.
    receive() external payable {
        require(msg.sender == queue, WithdrawalVault_NotQueue(msg.sender));
    }

    /// @inheritdoc IWithdrawalVault
    function settle(bytes32 newRoot) external {
        require(msg.sender == settler, WithdrawalVault_NotSettler(msg.sender));
        root = newRoot;
        emit Settled(newRoot);
    }

    /// @inheritdoc IWithdrawalVault
    function claim(Withdrawal calldata withdrawal, HistoryProof calldata proof) external nonReentrant {
        require(block.chainid == homeChainId, WithdrawalVault_NotHome(homeChainId));
        require(withdrawal.chainId == block.chainid, WithdrawalVault_OtherChain(withdrawal.chainId));
        bytes32 settled = root;
        require(settled != 0, WithdrawalVault_NothingSettled());
        uint64 index = withdrawal.index;
        bytes32 leaf = keccak256(abi.encode(withdrawal));
        require(MountainRange.contains(settled, index, leaf, proof), WithdrawalVault_NotSettled());
        require(!isClaimed(index), WithdrawalVault_AlreadyClaimed(index));

        _claimed[index / 256] |= 1 << (index % 256);
        emit Claimed(index, withdrawal.token, withdrawal.amount, withdrawal.recipient);
        _pay(withdrawal.token, withdrawal.amount, withdrawal.recipient);
    }

    /// @inheritdoc IWithdrawalVault
    function isClaimed(uint64 index) public view returns (bool) {
        return _claimed[index / 256] >> (index % 256) & 1 == 1;
    }

    function _pay(address token, uint256 amount, address recipient) private {
        if (token == address(0)) {
            (bool done,) = recipient.call{value: amount}("");
            require(done, WithdrawalVault_PaymentFailed());
            return;
        }
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(recipient, amount);
        uint256 left = IERC20(token).balanceOf(address(this));
        uint256 found = before > left ? before - left : 0;
        require(found == amount, WithdrawalVault_WrongTransfer(amount, found));
    }
}
