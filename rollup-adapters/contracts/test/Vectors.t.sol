// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HistoryProof} from "@light-client/interfaces/ILightClient.sol";
import {Withdrawal} from "../src/interfaces/IWithdrawalVault.sol";
import {Messages} from "../src/libraries/Messages.sol";
import {RollupFixture} from "./support/RollupFixture.sol";

/// What the nodes' own code hashes is what the contracts hash.
contract VectorsTest is RollupFixture {
    function test_messages_vectors_areHashed() public view {
        string memory json = vm.readFile("vectors/messages.json");
        bytes32 chain;
        uint256 found = 0;
        for (; has(json, item(".messages", found)); ++found) {
            string memory path = item(".messages", found);
            bytes32 hash = Messages.hash(
                uint8(number(json, path, ".kind")),
                number(json, path, ".index"),
                number(json, path, ".l1_block"),
                vm.parseJsonAddress(json, string.concat(path, ".sender")),
                data(json, path, ".body")
            );
            assertEq(hash, word(json, path, ".hash"), "hash");
            chain = Messages.chained(chain, hash);
            assertEq(chain, word(json, path, ".chain"), "chain");
        }
        assertEq(found, 6, "messages");
    }

    /// The pins of the vectors, made by the inbox itself.
    function test_pins_vectors_areChained() public {
        string memory json = vm.readFile("vectors/pins.json");
        uint256 found = 0;
        for (; has(json, item(".pins", found)); ++found) {
            string memory path = item(".pins", found);
            uint64 head = number(json, path, ".after_height");
            vm.roll(number(json, path, ".l1_block"));
            while (headers.length <= head) produce(0, 0);
            if (client.finalized().height != head) relay(head);
            while (queue.count() < number(json, path, ".message_end")) force(ALICE, "x");
            vm.warp(block.timestamp + FORCE_DELAY);
            inbox.forceSegment(queue.checkpoints(), false);
            assertEq(inbox.pinChain(), word(json, path, ".chain"), "chain");
        }
        assertEq(found, 3, "pins");
    }

    function test_withdrawals_vectors_arePaid() public {
        depositEther(ALICE, 100 ether);
        string memory json = vm.readFile("vectors/withdrawals.json");
        vm.prank(SETTLER);
        vault.settle(word(json, ".root", ""));
        uint256 found = 0;
        for (; has(json, item(".withdrawals", found)); ++found) {
            string memory path = item(".withdrawals", found);
            Withdrawal memory owed = Withdrawal({
                index: number(json, path, ".index"),
                chainId: number(json, path, ".chain_id"),
                token: vm.parseJsonAddress(json, string.concat(path, ".token")),
                amount: uint128(vm.parseJsonUint(json, string.concat(path, ".amount"))),
                recipient: vm.parseJsonAddress(json, string.concat(path, ".recipient"))
            });
            assertEq(keccak256(abi.encode(owed)), word(json, path, ".hash"), "hash");
            path = string.concat(path, ".proof");
            HistoryProof memory proof =
                HistoryProof(number(json, path, ".count"), words(json, path, ".path"), words(json, path, ".peaks"));
            cheats.chainId(owed.chainId);
            if (owed.chainId != HOME) vm.expectRevert();
            vault.claim(owed, proof);
            if (owed.chainId == HOME) assertEq(owed.recipient.balance, owed.amount, "paid");
        }
        assertEq(found, 11, "withdrawals");
    }
}
