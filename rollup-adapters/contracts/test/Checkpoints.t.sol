// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Checkpoint, IL1MessageQueue} from "../src/interfaces/IL1MessageQueue.sol";
import {RollupFixture} from "./support/RollupFixture.sol";

/// How many messages there were at an L1 block, and since when.
contract CheckpointsTest is RollupFixture {
    /// The queue after each block with messages, from 0 on, as the test saw it.
    uint64[] private _blocks;
    uint64[] private _counts;
    bytes32[] private _chains;

    function _see(uint256 messages) private {
        for (uint256 i = 0; i < messages; ++i) {
            force(ALICE, abi.encode(block.number, i));
        }
        if (_blocks.length == 0) _push(0, 0, 0);
        if (messages != 0) _push(uint64(block.number), queue.count(), queue.chain());
    }

    function _push(uint64 l1Block, uint64 count, bytes32 chain) private {
        _blocks.push(l1Block);
        _counts.push(count);
        _chains.push(chain);
    }

    function _expect(uint64 l1Block, uint256 hint, uint256 seen) private view {
        (uint64 count, bytes32 chain) = queue.countAt(l1Block, hint);
        assertEq(count, _counts[seen], "count");
        assertEq(chain, _chains[seen], "chain");
    }

    function _expectWrong(uint64 l1Block, uint256 hint) private {
        vm.expectRevert(abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_WrongHint.selector, hint));
        queue.countAt(l1Block, hint);
    }

    function test_countAt_neighbours_areChecked() public {
        (uint64 none, bytes32 nothing) = queue.countAt(uint64(block.number), 0);
        assertTrue(none == 0 && nothing == 0, "an empty queue");
        _see(2);
        pass(5);
        _see(1);
        pass(3);
        _see(4);
        pass(2);
        assertEq(queue.checkpoints(), 3, "checkpoints");
        uint64 first = uint64(START_BLOCK);
        // Before the first, at it, between, at the last, after it.
        uint64[8] memory blocks = [0, first - 1, first, first + 4, first + 5, first + 7, first + 8, first + 10];
        uint8[8] memory place = [0, 0, 1, 1, 2, 2, 3, 3];
        for (uint256 i = 0; i < 8; ++i) {
            for (uint256 hint = 0; hint < 4; ++hint) {
                if (hint == place[i]) _expect(blocks[i], hint, hint);
                else _expectWrong(blocks[i], hint);
            }
            vm.expectRevert(abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_NoCheckpoint.selector, 4, 3));
            queue.countAt(blocks[i], 4);
        }
    }

    function test_countAt_blockToCome_reverts() public {
        _see(1);
        uint64 next = uint64(block.number + 1);
        vm.expectRevert(abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_FutureBlock.selector, next));
        queue.countAt(next, 1);
    }

    function test_countAt_thousandDepositsInOneBlock_areOneCheckpoint() public {
        _see(3);
        pass(1);
        for (uint256 i = 0; i < 1000; ++i) {
            assertEq(depositEther(ALICE, 1), 3 + i, "index");
        }
        _push(uint64(block.number), queue.count(), queue.chain());
        assertEq(queue.count(), 1003, "count");
        assertEq(queue.checkpoints(), 2, "checkpoints");
        assertEq(address(vault).balance, 1000, "escrow");
        _expect(uint64(block.number - 1), 1, 1);
        _expect(uint64(block.number), 2, 2);
    }

    function test_countAt_ringWrap_keepsTheNewest() public {
        uint256 size = queue.RING_SIZE();
        for (uint256 i = 0; i < size + 44; ++i) {
            _see(1);
            pass(1);
        }
        assertEq(queue.checkpoints(), size + 44, "checkpoints");
        // The oldest is overwritten, one after the other.
        vm.expectRevert(abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_NoCheckpoint.selector, 43, size + 44));
        queue.checkpoint(43);
        for (uint256 i = 44; i <= size + 44; ++i) {
            _expect(_blocks[i], i, i);
            Checkpoint memory point = queue.checkpoint(i);
            assertEq(point.time, START + 12 * (i - 1), "time");
        }
    }

    function test_hourly_whatTheRingLoses_isKept() public {
        uint256 hour = START / 3600;
        vm.warp(hour * 3600);
        for (uint256 i = 0; i < 257; ++i) {
            force(ALICE, "x");
            pass(1);
        }
        assertEq(queue.hourly(hour).count, 0, "the ring has all of it");
        for (uint256 i = 0; i < 343; ++i) {
            force(ALICE, "x");
            pass(1);
        }
        // 300 blocks an hour, of which the ring has lost 343.
        Checkpoint memory point = queue.hourly(hour);
        assertEq(point.time, hour * 3600 + 3588, "time");
        assertEq(point.l1Block, START_BLOCK + 299, "block");
        assertEq(point.count, 300, "count");
        assertEq(queue.hourly(hour + 1).count, 343, "the last lost");
        assertEq(queue.checkpoint(344).count, 344, "the first that the ring has");
        vm.warp(block.timestamp + 40 hours);
        force(ALICE, "x");
        assertEq(queue.hourly(hour + 1).count, 343, "what is old is not kept");
    }

    function testFuzz_countAt_anyBlock_hasOneHint(uint256 seed) public {
        for (uint256 i = 0; i < 12; ++i) {
            _see(seed >> (2 * i) & 3);
            pass(1 + (seed >> (24 + 2 * i) & 3));
        }
        for (uint64 l1Block = uint64(START_BLOCK) - 1; l1Block <= block.number; ++l1Block) {
            uint256 hint = 0;
            while (hint + 1 < _blocks.length && _blocks[hint + 1] <= l1Block) ++hint;
            _expect(l1Block, hint, hint);
            if (hint > 0) _expectWrong(l1Block, hint - 1);
            if (hint + 1 < _blocks.length) _expectWrong(l1Block, hint + 1);
        }
    }
}
