// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator, Header, HistoryProof, ILightClient, RingEntry} from "@light-client/interfaces/ILightClient.sol";
import {IRollupInbox} from "../src/interfaces/IRollupInbox.sol";
import {RollupInbox} from "../src/RollupInbox.sol";
import {RollupFixture} from "./support/RollupFixture.sol";

/// What the inbox learns from the light client, with blocks that a committee of four signs in the test.
contract RollupInboxTest is RollupFixture {
    uint64 private constant DAY = 24 hours;

    function _siblings(uint256 depth) private pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            siblings[i] = keccak256(abi.encode("sibling", i));
        }
    }

    /// A block with the rollup's accumulator after so many blocks.
    function _produce(uint64 blockCount, uint256 depth) private returns (uint64) {
        return produce(mapRoot(_accumulator(blockCount), _siblings(depth)), uint64(block.number - 70));
    }

    function _accumulator(uint64 blockCount) private pure returns (Accumulator memory) {
        return Accumulator(blockCount, 10 * blockCount, keccak256(abi.encode(blockCount)));
    }

    function test_advance_head_succeeds() public {
        uint64 height = _produce(1, 8);
        relay(height);
        vm.expectEmit(address(inbox));
        emit IRollupInbox.Advanced(height, 1, _accumulator(1).chain, uint64(block.number - 70));
        advance(height, _accumulator(1), _siblings(8));
        assertEq(inbox.height(), height, "height");
        assertEq(inbox.blockCount(), 1, "blocks");
        assertEq(inbox.transactionTotal(), 10, "transactions");
        assertEq(inbox.chain(), _accumulator(1).chain, "chain");
        assertEq(inbox.l1Number(), block.number - 70, "L1 block");
    }

    function test_advance_blocksOfHistory_succeeds() public {
        for (uint64 i = 1; i <= 13; ++i) {
            _produce(i / 3, i % 4);
        }
        relay(13);
        for (uint64 i = 3; i <= 13; ++i) {
            advance(i, _accumulator(i / 3), _siblings(i % 4));
            assertEq(inbox.height(), i, "height");
        }
    }

    /// The maps and accumulators that the network's own code makes.
    function test_advance_vectors_succeeds() public {
        string memory json = vm.readFile("../../da/vectors/accumulator.json");
        uint256 present = 0;
        uint256 absent = 0;
        for (uint256 i = 0; has(json, item(".blocks", i)); ++i) {
            uint64 height = produce(word(json, item(".blocks", i), ".ns_acc_root"), uint64(i));
            relay(height);
            for (uint256 j = 0; j < 5; ++j) {
                string memory path = item(string.concat(item(".blocks", i), ".proofs"), j);
                if (number(json, path, ".namespace") != NAMESPACE) continue;
                bytes32[] memory siblings = words(json, path, ".proof.path");
                if (!has(json, string.concat(path, ".proof.terminal.entry"))) {
                    _advanceAbsent(height, 0, 0, siblings, "");
                    ++absent;
                    continue;
                }
                path = string.concat(path, ".proof.terminal.entry");
                Accumulator memory accumulator = Accumulator(
                    number(json, path, ".block_count"),
                    number(json, path, ".transaction_total"),
                    word(json, path, ".acc")
                );
                advance(height, accumulator, siblings);
                assertEq(inbox.chain(), accumulator.chain, "chain");
                ++present;
            }
        }
        assertEq(inbox.height(), present + absent, "all of them");
        assertTrue(present > 3 && absent > 0, "proofs");
    }

    function _advanceAbsent(uint64 height, bytes32 key, bytes32 value, bytes32[] memory siblings, bytes memory refusal)
        private
    {
        uint8 entry = client.finalized().entry;
        RingEntry memory stored = ringEntry(height);
        Header memory header = headers[height];
        HistoryProof memory proof;
        if (refusal.length != 0) vm.expectRevert(refusal);
        inbox.advanceAbsent(entry, stored, header, rest(height), proof, key, value, siblings);
    }

    function test_advanceAbsent_namespaceThatIsThere_reverts() public {
        uint64 height = _produce(1, 0);
        relay(height);
        bytes32 key = keccak256(abi.encodePacked(NAMESPACE));
        bytes32 value = keccak256(abi.encode(_accumulator(1)));
        bytes memory reason = abi.encodeWithSelector(ILightClient.LightClient_WrongAccumulator.selector);
        _advanceAbsent(height, key, value, _siblings(0), reason);
        _advanceAbsent(height, 0, 0, _siblings(0), reason);
    }

    function test_advance_heightThatDoesNotRise_reverts() public {
        _produce(1, 0);
        _produce(1, 0);
        relay(2);
        advance(2, _accumulator(1), _siblings(0));
        for (uint64 height = 1; height <= 2; ++height) {
            _expectRefusal(
                height,
                headers[height],
                _accumulator(1),
                abi.encodeWithSelector(IRollupInbox.RollupInbox_StaleHeight.selector, height, 2)
            );
        }
    }

    function test_advance_anotherHeader_reverts() public {
        _produce(1, 0);
        _produce(2, 0);
        relay(2);
        bytes memory reason = abi.encodeWithSelector(ILightClient.LightClient_NotInHistory.selector);
        Header memory header = headers[2];
        ++header.l1Finalized;
        _expectRefusal(2, header, _accumulator(2), reason);
        header = headers[1];
        header.nsAccRoot = mapRoot(_accumulator(9), _siblings(0));
        _expectRefusal(1, header, _accumulator(9), reason);
        // A block that the light client has not got.
        _produce(3, 0);
        _expectRefusal(3, headers[3], _accumulator(3), reason);
    }

    function test_advance_anotherAccumulator_reverts() public {
        _produce(1, 0);
        relay(1);
        bytes memory reason = abi.encodeWithSelector(ILightClient.LightClient_WrongAccumulator.selector);
        _expectRefusal(1, headers[1], _accumulator(2), reason);
        _expectRefusal(1, headers[1], Accumulator(0, 0, 0), reason);
    }

    function test_advance_wrongPlaceOfTheRing_reverts() public {
        _produce(1, 0);
        relay(1);
        uint8 entry = client.finalized().entry;
        RingEntry memory stored = ringEntry(1);
        HistoryProof memory proof;
        Header memory header = headers[1];
        for (uint8 i = 0; i < 3; ++i) {
            if (i == entry) continue;
            vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_WrongEntry.selector, i));
            inbox.advance(i, stored, header, rest(1), proof, _accumulator(1), _siblings(0));
        }
    }

    function _expectRefusal(uint64 height, Header memory header, Accumulator memory accumulator, bytes memory reason)
        private
    {
        uint64 head = client.finalized().height;
        uint8 entry = client.finalized().entry;
        HistoryProof memory proof = historyProof(height < head ? height : head, head);
        RingEntry memory stored = ringEntry(head);
        vm.expectRevert(reason);
        inbox.advance(entry, stored, header, rest(height), proof, accumulator, _siblings(0));
    }

    function test_advance_onAnotherL1_succeeds() public {
        _produce(1, 0);
        relay(1);
        cheats.chainId(HOME + 1);
        advance(1, _accumulator(1), _siblings(0));
        assertEq(inbox.height(), 1, "height");
    }

    function test_constructor_whatNoRollupHas_reverts() public {
        bytes4 reason = IRollupInbox.RollupInbox_InvalidParameter.selector;
        vm.expectRevert(reason);
        new RollupInbox(address(0), address(queue), NAMESPACE, HOME, FORCE_DELAY);
        vm.expectRevert(reason);
        new RollupInbox(address(client), address(queue), 0, HOME, FORCE_DELAY);
        vm.expectRevert(reason);
        new RollupInbox(address(client), address(queue), NAMESPACE, HOME, 0);
        vm.expectRevert(reason);
        new RollupInbox(address(client), address(queue), NAMESPACE, HOME, DAY + 1);
        new RollupInbox(address(client), address(queue), NAMESPACE, HOME, DAY);
    }
}
