// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IRollupInbox} from "../src/interfaces/IRollupInbox.sol";
import {RollupFixture} from "./support/RollupFixture.sol";

/// The way around a sequencer that stops, or keeps the L1 away.
contract ForceSegmentTest is RollupFixture {
    function _force(uint256 hint) private {
        inbox.forceSegment(hint, false);
    }

    function _expect(bytes memory reason, uint256 hint) private {
        vm.expectRevert(reason);
        inbox.forceSegment(hint, false);
    }

    function _covered(uint64 l1Number, uint64 pinned) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRollupInbox.RollupInbox_Covered.selector, l1Number, pinned);
    }

    function _tooEarly(uint256 until) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IRollupInbox.RollupInbox_TooEarly.selector, until);
    }

    function test_forceSegment_afterTheDelayOnly_succeeds() public {
        produce(0, uint64(block.number - 70));
        relay(1);
        depositEther(ALICE, 1 ether);
        vm.warp(START + FORCE_DELAY - 1);
        _expect(_tooEarly(START + FORCE_DELAY), 1);
        vm.roll(block.number + 3599);
        force(BOB, "late");
        vm.warp(START + FORCE_DELAY);

        vm.expectEmit(address(inbox));
        emit IRollupInbox.Forced(0, 1, 2);
        vm.prank(BOB);
        // The later message is not old enough, but it is taken along.
        _force(1);
        bytes32 chain = keccak256(abi.encode(bytes32(0), 1, 2, block.number));
        assertEq(inbox.pinChain(), chain, "chain");
        assertEq(cheats.load(address(inbox), 0), chain, "slot 0");
        assertEq(inbox.pinCount(), 1, "count");
        assertEq(inbox.pinned(), 2, "messages");
        _expect(_covered(uint64(START_BLOCK - 70), 2), 1);
        _expect(_covered(uint64(START_BLOCK - 70), 2), 2);

        // One that comes afterwards has to wait again, and is pinned after the same head.
        pass(1);
        force(BOB, "after");
        _expect(_covered(uint64(START_BLOCK - 70), 2), 2);
        _expect(_tooEarly(block.timestamp + FORCE_DELAY), 3);
        vm.warp(block.timestamp + FORCE_DELAY);
        _force(3);
        assertEq(inbox.pinChain(), keccak256(abi.encode(chain, 1, 3, block.number)), "chain of two");
    }

    function test_forceSegment_nothingToForce_reverts() public {
        vm.warp(START + 10 * uint256(FORCE_DELAY));
        _expect(_covered(uint64(START_BLOCK - 100), 0), 0);
    }

    function test_forceSegment_headThatCovers_reverts() public {
        depositEther(ALICE, 1 ether);
        pass(1);
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + FORCE_DELAY);
        // The first is covered, the second is not.
        uint64 height = produce(0, uint64(START_BLOCK));
        relay(height);
        _expect(_covered(uint64(START_BLOCK), 0), 0);
        _expect(_covered(uint64(START_BLOCK), 0), 1);
        uint256 snapshot = vm.snapshotState();
        _force(2);
        assertEq(inbox.pinned(), 2, "pinned");
        vm.revertToState(snapshot);
        // Whoever disagrees submits the newer block first.
        height = produce(0, uint64(START_BLOCK + 1));
        relay(height);
        _expect(_covered(uint64(START_BLOCK + 1), 0), 2);
    }

    /// Whoever hands newer blocks that cover nothing to the light client, as a sequencer that keeps the L1 away always
    /// can, hinders no pin: it stands after the newest of them.
    function test_forceSegment_newerBlocksBefore_succeeds() public {
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + FORCE_DELAY);
        bytes memory pin = abi.encodeCall(inbox.forceSegment, (1, false));
        for (uint256 i = 0; i < 40; ++i) {
            relay(produce(0, uint64(START_BLOCK - 1)));
        }
        vm.expectEmit(address(inbox));
        emit IRollupInbox.Forced(0, 40, 1);
        (bool done,) = address(inbox).call(pin);
        assertTrue(done, "pinned");
    }

    /// Blocks that are in the light client's ring, but below its head, show nothing: the head covers the message.
    function test_forceSegment_olderBlocksDoNotCover_reverts() public {
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + FORCE_DELAY);
        relay(produce(0, uint64(START_BLOCK - 1)));
        relay(produce(0, uint64(START_BLOCK)));
        pass(1);
        force(BOB, "x");
        _expect(_covered(uint64(START_BLOCK), 0), 1);
        _expect(_tooEarly(block.timestamp + FORCE_DELAY), 2);
    }

    /// A message that is pinned and named by a later block too is taken up once: no pin holds it again.
    function test_forceSegment_pinnedMessageLater_isNotPinnedAgain() public {
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + FORCE_DELAY);
        _force(1);
        relay(produce(0, uint64(START_BLOCK - 1)));
        vm.warp(block.timestamp + FORCE_DELAY);
        _expect(_covered(uint64(START_BLOCK - 1), 1), 1);
        assertEq(inbox.pinCount(), 1, "pins");
    }

    function test_forceSegment_frozenLightClient_reverts() public {
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + FORCE_DELAY);
        freeze();
        _expect(abi.encodeWithSelector(IRollupInbox.RollupInbox_Frozen.selector), 1);
    }

    /// A light client that is past its trust period still has a head.
    function test_forceSegment_expiredLightClient_succeeds() public {
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + 366 days);
        assertTrue(client.isExpired(), "expired");
        _force(1);
        assertEq(inbox.pinned(), 1, "pinned");
    }

    function test_forceSegment_onAnotherL1_reverts() public {
        depositEther(ALICE, 1 ether);
        vm.warp(block.timestamp + FORCE_DELAY);
        cheats.chainId(HOME + 1);
        _expect(abi.encodeWithSelector(IRollupInbox.RollupInbox_NotHome.selector, HOME), 1);
    }

    /// Whoever puts a message into every block cannot hide how long another one has been waiting.
    function test_forceSegment_ringFilledByOthers_succeeds() public {
        depositEther(ALICE, 1 ether);
        uint256 first = block.timestamp;
        while (block.timestamp < first + FORCE_DELAY + 1 hours) {
            pass(1);
            force(BOB, "");
        }
        uint64 checkpoints = queue.checkpoints();
        for (uint256 hint = checkpoints - queue.RING_SIZE(); hint <= checkpoints; ++hint) {
            _expect(_tooEarly(uint256(queue.checkpoint(hint).time) + FORCE_DELAY), hint);
        }
        inbox.forceSegment(first / 1 hours, true);
        assertEq(inbox.pinned(), queue.count(), "all messages");
    }

    function testFuzz_forceSegment_anyHint_forcesOnlyWhatWaited(uint256 seed) public {
        uint256[6] memory times;
        uint256[6] memory blocks;
        for (uint256 i = 0; i < 6; ++i) {
            force(ALICE, "x");
            (times[i], blocks[i]) = (block.timestamp, block.number);
            pass(1 + (seed >> (16 * i) & 0x7ff));
        }
        uint64 l1Number = uint64(START_BLOCK + (seed >> 100) % (block.number - START_BLOCK));
        uint64 height = produce(0, l1Number);
        relay(height);
        for (uint256 i = 0; i < 6; ++i) {
            uint256 hint = i + 1;
            bool may = blocks[i] > l1Number && block.timestamp >= times[i] + FORCE_DELAY;
            uint256 snapshot = vm.snapshotState();
            if (!may) vm.expectRevert();
            _force(hint);
            if (may) assertEq(inbox.pinned(), 6, "pinned");
            vm.revertToState(snapshot);
        }
    }
}
