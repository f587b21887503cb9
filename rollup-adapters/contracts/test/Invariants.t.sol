// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator} from "@light-client/interfaces/ILightClient.sol";
import {Withdrawal} from "../src/interfaces/IWithdrawalVault.sol";
import {L1MessageQueue} from "../src/L1MessageQueue.sol";
import {WithdrawalVault} from "../src/WithdrawalVault.sol";
import {Test} from "@light-client-test/Test.sol";
import {Cheats} from "./support/Cheats.sol";
import {History} from "./support/History.sol";
import {RollupFixture} from "./support/RollupFixture.sol";
import {Token} from "./support/Tokens.sol";

/// Users of a rollup that gives back no more than was put into it, and what they believe to have.
contract Users is Test {
    Cheats private constant cheats = Cheats(address(vm));

    L1MessageQueue private immutable queue;
    WithdrawalVault private immutable vault;
    address private immutable settler;
    address[2] private _tokens;

    Withdrawal[] private _owed;
    bytes32[] private _leaves;
    uint64 private _settled;
    mapping(uint64 => bool) public paid;

    /// By token: what is in the escrow, and what of it is on the rollup.
    mapping(address => uint256) public escrow;
    mapping(address => uint256) public onRollup;
    uint256 public fees;
    uint64 public count;
    bytes32 public chain;
    /// By message: its L1 block.
    uint64[] public blocks;

    constructor(L1MessageQueue queue_, WithdrawalVault vault_, address settler_, Token token) {
        (queue, vault, settler) = (queue_, vault_, settler_);
        _tokens[1] = address(token);
    }

    function deposit(uint256 seed, uint128 amount, uint64 surplus) external {
        address user = _user(seed);
        address token = _tokens[seed % 2];
        amount = uint128(bound(amount, 1, 1 ether));
        uint256 value = queue.fee();
        fees += value;
        if (token == address(0)) {
            value += amount;
        } else {
            Token(token).mint(user, amount);
            vm.prank(user);
            Token(token).approve(address(queue), amount);
        }
        cheats.deal(user, value + surplus);
        vm.prank(user);
        queue.deposit{value: value + surplus}(token, amount, user);
        assertEq(user.balance, surplus, "surplus");
        escrow[token] += amount;
        onRollup[token] += amount;
        _follow(0, user, abi.encode(token, amount, user, token == address(0) ? 18 : 6));
    }

    function forceTx(uint256 seed, bytes calldata transaction) external {
        address user = _user(seed);
        uint256 value = queue.fee();
        cheats.deal(user, value);
        vm.prank(user);
        queue.forceTx{value: value}(transaction);
        fees += value;
        _follow(1, user, transaction);
    }

    function withdraw(uint256 seed, uint128 amount) external {
        address token = _tokens[seed % 2];
        if (onRollup[token] == 0) return;
        amount = uint128(bound(amount, 1, onRollup[token]));
        onRollup[token] -= amount;
        Withdrawal memory owed = Withdrawal(uint64(_owed.length), block.chainid, token, amount, _user(seed));
        _owed.push(owed);
        _leaves.push(keccak256(abi.encode(owed)));
    }

    function settle() external {
        _settled = uint64(_leaves.length);
        if (_settled == 0) return;
        bytes32 root = History.root(_leaves, _settled);
        vm.prank(settler);
        vault.settle(root);
    }

    function claim(uint256 seed) external {
        if (_settled == 0) return;
        uint64 index = uint64(seed % _settled);
        Withdrawal memory owed = _owed[index];
        if (paid[index]) {
            vm.expectRevert();
        } else {
            escrow[owed.token] -= owed.amount;
            paid[index] = true;
        }
        vault.claim(owed, History.prove(_leaves, _settled, index));
    }

    function collect() external {
        queue.collect();
        fees = 0;
    }

    function pass(uint256 blocks) external {
        blocks = bound(blocks, 1, 400);
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + 12 * blocks);
    }

    function unclaimed(address token) external view returns (uint256 sum) {
        for (uint64 i = 0; i < _owed.length; ++i) {
            if (_owed[i].token == token && !paid[i]) sum += _owed[i].amount;
        }
    }

    function lastBlock() external view returns (uint64) {
        return blocks.length == 0 ? 0 : blocks[blocks.length - 1];
    }

    function _follow(uint8 kind, address sender, bytes memory body) private {
        bytes32 message = keccak256(abi.encode(kind, count++, block.number, sender, keccak256(body)));
        chain = keccak256(abi.encodePacked(chain, message));
        blocks.push(uint64(block.number));
    }

    function _user(uint256 seed) private pure returns (address) {
        return address(uint160(0x20000 + seed % 5));
    }
}

contract InvariantsTest is RollupFixture {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Users private users;
    Token private token;
    /// The rollup's summary, the same in all blocks.
    Accumulator private _summary = Accumulator(3, 5, keccak256("blocks"));
    uint64 private _after;

    function setUp() public override {
        super.setUp();
        token = new Token();
        users = new Users(queue, vault, SETTLER, token);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](2);
        (targets[0], targets[1]) = (address(users), address(this));
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(this), new bytes4[](4));
        targets[0].selectors[0] = this.makeBlock.selector;
        targets[0].selectors[1] = this.advanceInbox.selector;
        targets[0].selectors[2] = this.cover.selector;
        targets[0].selectors[3] = this.pin.selector;
    }

    /// The network makes a block, which names a newer L1 block or the same again.
    function makeBlock(uint256 seed) external {
        uint64 named = headers[headers.length - 1].l1Finalized;
        if (seed % 3 == 0) named = uint64(bound(seed, named, block.number));
        relay(produce(mapRoot(_summary, new bytes32[](0)), named));
    }

    function advanceInbox() external {
        uint64 head = client.finalized().height;
        if (head > inbox.height()) advance(head, _summary, new bytes32[](0));
    }

    function cover(uint256 seed) external {
        uint64 before = queue.covered();
        (bool done,) = address(queue).call(abi.encodeCall(queue.cover, (_hint(seed))));
        assertTrue(done ? queue.covered() > before : queue.covered() == before, "covered rises");
    }

    /// RQ11: the end rises, the height never falls.
    function pin(uint256 seed) external {
        if (seed % 2 == 0) pass(FORCE_DELAY / 12);
        (uint64 end, bytes32 chain, uint64 head) = (inbox.pinned(), inbox.pinChain(), client.finalized().height);
        (bool done,) = address(inbox).call(abi.encodeCall(inbox.forceSegment, (_hint(seed / 2), false)));
        if (!done) return;
        assertTrue(inbox.pinned() > end && head >= _after, "end and height");
        assertEq(inbox.pinChain(), keccak256(abi.encode(chain, head, queue.count(), block.number)), "chain");
        assertTrue(users.blocks(queue.count() - 1) > headers[head].l1Finalized, "the head covers not all");
        _after = head;
    }

    function _hint(uint256 seed) private view returns (uint256) {
        return bound(seed, 0, queue.checkpoints());
    }

    /// RQ5: what the queue knows to be covered is named by a block that the inbox knows, or pinned.
    function invariant_coveredIsExecuted() external view {
        uint64 covered = queue.covered();
        assertTrue(covered <= queue.count() && inbox.pinned() <= queue.count(), "of the queue");
        assertTrue(covered <= inbox.pinned() || users.blocks(covered - 1) <= inbox.l1Number(), "named or pinned");
    }

    /// What is on the rollup and what it owes is in the escrow, no more and no less.
    function invariant_escrowCoversWhatIsOwed() external view {
        uint256 owed = users.onRollup(address(0)) + users.unclaimed(address(0));
        assertEq(address(vault).balance, owed, "ether");
        assertEq(address(vault).balance, users.escrow(address(0)), "ether in and out");
        owed = users.onRollup(address(token)) + users.unclaimed(address(token));
        assertEq(token.balanceOf(address(vault)), owed, "tokens");
        assertEq(token.balanceOf(address(vault)), users.escrow(address(token)), "tokens in and out");
        assertEq(token.balanceOf(address(queue)), 0, "the queue keeps no tokens");
    }

    function invariant_queueKeepsTheFeesOnly() external view {
        assertEq(address(queue).balance, users.fees(), "fees");
    }

    /// Whoever follows the messages has the queue's own chain.
    function invariant_chain() external view {
        assertEq(queue.chain(), users.chain(), "chain");
        assertEq(queue.count(), users.count(), "count");
        (uint64 count, bytes32 chain) = queue.countAt(uint64(block.number), queue.checkpoints());
        assertEq(count, users.count(), "count now");
        assertEq(chain, users.chain(), "chain now");
    }

    function invariant_checkpointsRise() external view {
        uint64 newest = queue.checkpoints();
        for (uint64 i = newest > 20 ? newest - 20 : 0; i < newest; ++i) {
            assertTrue(queue.checkpoint(i).l1Block < queue.checkpoint(i + 1).l1Block, "blocks");
            assertTrue(queue.checkpoint(i).count < queue.checkpoint(i + 1).count, "counts");
            assertTrue(queue.checkpoint(i).time < queue.checkpoint(i + 1).time, "times");
        }
        assertEq(queue.checkpoint(newest).l1Block, users.lastBlock(), "the last");
    }
}
