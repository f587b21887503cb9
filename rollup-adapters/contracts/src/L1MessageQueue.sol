// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Checkpoint, IL1MessageQueue} from "./interfaces/IL1MessageQueue.sol";
import {IRollupInbox} from "./interfaces/IRollupInbox.sol";
import {IWithdrawalVault} from "./interfaces/IWithdrawalVault.sol";
import {Decimals} from "./libraries/Decimals.sol";
import {Messages} from "./libraries/Messages.sol";

/// The queue of one rollup: see IL1MessageQueue for what it does and guarantees. RQ13
contract L1MessageQueue is IL1MessageQueue, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// The queue as it is, in one word that every message rewrites.
    struct Head {
        uint64 count;
        uint48 covered;
        /// The last L1 block with messages, and its time in seconds.
        uint48 l1Block;
        uint48 time;
        /// Checkpoints of the blocks with messages before that one.
        uint48 checkpoints;
    }

    /// A checkpoint without its chain.
    struct Mark {
        uint64 l1Block;
        uint64 time;
        uint64 count;
    }

    /// What is set at the deployment.
    struct Terms {
        uint256 homeChainId;
        uint128 cap;
        bool depositsAllowed;
        /// Fee of a message, and how much each message adds that is not covered, in wei.
        uint64 baseFee;
        uint64 feeStep;
        address feeAccount;
    }

    uint256 public constant RING_SIZE = 256;
    /// The longest delay of an inbox is a day.
    uint256 public constant HOURS = 32;
    /// Most bytes of a forced transaction.
    uint256 public constant MAX_TRANSACTION = 128 << 10;
    /// More than a checkpoint costs in new slots. Every message needs that much beyond the rest, whether it writes one or
    /// not: who estimates its gas does not know which place it will have in its block.
    uint256 private constant CHECKPOINT_GAS = 80_000;

    address public immutable inbox;
    address public immutable vault;
    uint256 public immutable homeChainId;
    uint128 public immutable cap;
    bool public immutable depositsAllowed;
    uint64 public immutable baseFee;
    uint64 public immutable feeStep;
    address public immutable feeAccount;

    /// In slot 0, where nodes prove it.
    bytes32 public chain;
    Head private _head;
    /// By number. Overwritten, so that no message pays for a new slot once the ring is full. RQ7
    Mark[RING_SIZE] private _marks;
    bytes32[RING_SIZE] private _chains;
    /// The last that the ring lost of an hour, by the hour.
    Mark[HOURS] private _hours;

    /// @param inbox_ The rollup's inbox, made for the address of this contract
    /// @param vault_ The rollup's vault, made for the address of this contract
    constructor(address inbox_, address vault_, Terms memory terms) {
        require(
            IRollupInbox(inbox_).queue() == address(this) && IWithdrawalVault(vault_).queue() == address(this)
                && IRollupInbox(inbox_).homeChainId() == terms.homeChainId
                && IWithdrawalVault(vault_).homeChainId() == terms.homeChainId && terms.feeAccount != address(0),
            L1MessageQueue_InvalidParameter()
        );
        (inbox, vault, homeChainId) = (inbox_, vault_, terms.homeChainId);
        (cap, depositsAllowed) = (terms.cap, terms.depositsAllowed);
        (baseFee, feeStep, feeAccount) = (terms.baseFee, terms.feeStep, terms.feeAccount);
    }

    /// Messages count on the home L1 only. RQ8
    modifier atHome() {
        require(block.chainid == homeChainId, L1MessageQueue_NotHome(homeChainId));
        _;
    }

    /// @inheritdoc IL1MessageQueue
    function deposit(address token, uint128 amount, address recipient)
        external
        payable
        atHome
        nonReentrant
        returns (uint64 index)
    {
        require(depositsAllowed, L1MessageQueue_DepositsOff());
        require(amount != 0, L1MessageQueue_ZeroAmount());
        require(recipient != address(0), L1MessageQueue_ZeroRecipient());
        Head memory head = _head;
        uint256 needed = _fee(head);
        uint8 decimals = 18;
        if (token == address(0)) {
            needed += amount;
            _takeEther(amount, needed);
        } else {
            _takeToken(token, amount);
            decimals = Decimals.ofToken(token);
        }
        index = _enqueue(head, needed, Messages.DEPOSIT, abi.encode(token, amount, recipient, decimals));
    }

    /// @inheritdoc IL1MessageQueue
    function forceTx(bytes calldata transaction) external payable atHome nonReentrant returns (uint64 index) {
        uint256 length = transaction.length;
        require(length <= MAX_TRANSACTION, L1MessageQueue_TooLong(length, MAX_TRANSACTION));
        Head memory head = _head;
        index = _enqueue(head, _fee(head), Messages.FORCED, transaction);
    }

    /// @inheritdoc IL1MessageQueue
    function cover(uint256 hint) external nonReentrant {
        IRollupInbox known = IRollupInbox(inbox);
        uint64 found = known.pinned();
        Checkpoint memory point = checkpoint(hint);
        if (point.l1Block <= known.l1Number() && point.count > found) found = point.count;
        require(found > _head.covered, L1MessageQueue_NotCovered());
        _head.covered = uint48(found);
    }

    /// @inheritdoc IL1MessageQueue
    function collect() external nonReentrant {
        (bool done,) = feeAccount.call{value: address(this).balance}("");
        require(done, L1MessageQueue_CollectFailed());
    }

    /// @inheritdoc IL1MessageQueue
    function countAt(uint64 l1Block, uint256 hint) external view returns (uint64, bytes32) {
        require(l1Block <= block.number, L1MessageQueue_FutureBlock(l1Block));
        Checkpoint memory point = checkpoint(hint);
        bool isNewest = hint == _head.checkpoints || checkpoint(hint + 1).l1Block > l1Block;
        require(point.l1Block <= l1Block && isNewest, L1MessageQueue_WrongHint(hint));
        return (point.count, point.chain);
    }

    /// @inheritdoc IL1MessageQueue
    function checkpoint(uint256 number) public view returns (Checkpoint memory) {
        Head memory head = _head;
        if (number == head.checkpoints) return Checkpoint(head.l1Block, head.time, head.count, chain);
        require(
            number < head.checkpoints && number + RING_SIZE >= head.checkpoints,
            L1MessageQueue_NoCheckpoint(number, head.checkpoints)
        );
        Mark storage mark = _marks[number % RING_SIZE];
        return Checkpoint(mark.l1Block, mark.time, mark.count, _chains[number % RING_SIZE]);
    }

    /// @inheritdoc IL1MessageQueue
    function hourly(uint256 hour) external view returns (Checkpoint memory) {
        Mark storage mark = _hours[hour % HOURS];
        return Checkpoint(mark.l1Block, mark.time, mark.count, 0);
    }

    /// @inheritdoc IL1MessageQueue
    function checkpoints() external view returns (uint64) {
        return _head.checkpoints;
    }

    /// @inheritdoc IL1MessageQueue
    function count() external view returns (uint64) {
        return _head.count;
    }

    /// @inheritdoc IL1MessageQueue
    function covered() external view returns (uint64) {
        return _head.covered;
    }

    /// @inheritdoc IL1MessageQueue
    function fee() external view returns (uint256) {
        return _fee(_head);
    }

    /// RQ5
    function _fee(Head memory head) private view returns (uint256) {
        return uint256(baseFee) + uint256(feeStep) * (head.count - head.covered);
    }

    /// RQ4
    function _takeEther(uint256 amount, uint256 needed) private {
        require(msg.value >= needed, L1MessageQueue_TooLittleEther(msg.value, needed));
        uint256 escrow = vault.balance + amount;
        require(escrow <= cap, L1MessageQueue_AboveCap(escrow, cap));
        (bool done,) = vault.call{value: amount}("");
        require(done, L1MessageQueue_EscrowFailed());
    }

    /// RQ3
    function _takeToken(address token, uint256 amount) private {
        require(token.code.length != 0, L1MessageQueue_NoToken(token));
        uint256 before = IERC20(token).balanceOf(vault);
        IERC20(token).safeTransferFrom(msg.sender, vault, amount);
        uint256 found = IERC20(token).balanceOf(vault) - before;
        require(found == amount, L1MessageQueue_WrongTransfer(amount, found));
    }

    /// Takes the fee and gives back what was sent beyond what is needed.
    function _refund(uint256 needed) private {
        require(msg.value >= needed, L1MessageQueue_TooLittleEther(msg.value, needed));
        if (msg.value == needed) return;
        (bool done,) = msg.sender.call{value: msg.value - needed}("");
        require(done, L1MessageQueue_RefundFailed());
    }

    /// RQ2
    function _enqueue(Head memory head, uint256 needed, uint8 kind, bytes memory body) private returns (uint64 index) {
        index = head.count;
        bytes32 before = chain;
        uint256 spent = gasleft();
        if (head.l1Block != block.number) {
            _remember(head, before);
            (head.l1Block, head.time) = (uint48(block.number), uint48(block.timestamp));
            ++head.checkpoints;
        }
        spent -= gasleft();
        ++head.count;
        _head = head;
        chain = Messages.chained(before, Messages.hash(kind, index, uint64(block.number), msg.sender, body));
        emit Queued(index, kind, msg.sender, body);
        _refund(needed);
        require(spent + gasleft() >= CHECKPOINT_GAS, L1MessageQueue_TooLittleGas());
    }

    /// Keeps how the queue was after the last block with messages: the first of this block comes. What the ring loses
    /// before any inbox would force it is kept by the hour.
    function _remember(Head memory head, bytes32 before) private {
        uint256 place = head.checkpoints % RING_SIZE;
        // Nothing is put into memory: what comes after would then cost more than without a checkpoint.
        Mark storage mark = _marks[place];
        if (mark.count != 0 && block.timestamp < mark.time + HOURS * 1 hours) {
            _hours[mark.time / 1 hours % HOURS] = mark;
        }
        (mark.l1Block, mark.time, mark.count) = (head.l1Block, head.time, head.count);
        _chains[place] = before;
    }
}
