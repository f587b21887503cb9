// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator, HistoryProof} from "@light-client/interfaces/ILightClient.sol";
import {Withdrawal} from "../src/interfaces/IWithdrawalVault.sol";
import {RollupFixture} from "./support/RollupFixture.sol";
import {Token} from "./support/Tokens.sol";

/// What each call costs as a whole transaction (intrinsic, calldata with the floor of EIP-7623, execution), storage
/// cold, the ring full; compared with `snapshots/Rollup.json`.
/// forge-config: default.evm_version = "osaka"
contract GasTest is RollupFixture {
    uint256 private constant INTRINSIC = 21_000;

    Token private token;

    function setUp() public override {
        super.setUp();
        token = new Token();
        token.mint(ALICE, 1e12);
        token.mint(address(vault), 1);
        vm.prank(ALICE);
        token.approve(address(queue), 1e12);
        // The ring of checkpoints is full, over more than 32 hours.
        for (uint256 i = 0; i < 300; ++i) {
            depositEther(ALICE, 1 gwei);
            pass(50);
        }
    }

    function test_deposit_ether_gas() public {
        bytes memory input = abi.encodeCall(queue.deposit, (address(0), 1 ether, ALICE));
        _measure("deposit_ether", address(queue), 1 ether + queue.fee(), input);
    }

    function test_deposit_etherSecondInItsBlock_gas() public {
        depositEther(BOB, 1 gwei);
        bytes memory input = abi.encodeCall(queue.deposit, (address(0), 1 ether, ALICE));
        _measure("deposit_ether_second", address(queue), 1 ether + queue.fee(), input);
    }

    /// While others fill the ring within 32 hours, which is what they pay for.
    function test_deposit_etherInABusyRing_gas() public {
        for (uint256 i = 0; i < 600; ++i) {
            depositEther(BOB, 1 gwei);
            pass(1);
        }
        bytes memory input = abi.encodeCall(queue.deposit, (address(0), 1 ether, ALICE));
        _measure("deposit_ether_busy", address(queue), 1 ether + queue.fee(), input);
    }

    function test_deposit_etherWithSurplus_gas() public {
        bytes memory input = abi.encodeCall(queue.deposit, (address(0), 1 ether, ALICE));
        _measure("deposit_ether_surplus", address(queue), 2 ether, input);
    }

    function test_deposit_token_gas() public {
        bytes memory input = abi.encodeCall(queue.deposit, (address(token), 1e9, ALICE));
        _measure("deposit_token", address(queue), queue.fee(), input);
    }

    /// A transfer of ether, signed.
    function test_forceTx_transfer_gas() public {
        bytes memory transaction = new bytes(110);
        for (uint256 i = 0; i < 110; ++i) {
            transaction[i] = bytes1(uint8(1 + i));
        }
        _measure("force_transfer", address(queue), queue.fee(), abi.encodeCall(queue.forceTx, (transaction)));
    }

    function _siblings() private pure returns (bytes32[] memory siblings) {
        siblings = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            siblings[i] = keccak256(abi.encode(i));
        }
    }

    function _advanced(uint64 blocks) private returns (Accumulator memory accumulator, uint64 height) {
        accumulator = Accumulator(1, 1, keccak256("first"));
        relay(produce(mapRoot(accumulator, _siblings()), uint64(block.number - 70)));
        advance(1, accumulator, _siblings());
        accumulator = Accumulator(1 + blocks, 1 + 9 * blocks, keccak256("later"));
        for (uint64 i = 0; i < blocks; ++i) {
            height = produce(mapRoot(accumulator, _siblings()), uint64(block.number - 60));
        }
    }

    function _advance(string memory name, uint64 height, Accumulator memory accumulator) private {
        uint64 head = client.finalized().height;
        bytes memory input = abi.encodeCall(
            inbox.advance,
            (
                client.finalized().entry,
                ringEntry(head),
                headers[height],
                rest(height),
                historyProof(height, head),
                accumulator,
                _siblings()
            )
        );
        vm.cool(address(client));
        _measure(name, address(inbox), 0, input);
    }

    /// The light client's newest block, of a network with about 256 rollups.
    function test_advance_head_gas() public {
        (Accumulator memory accumulator, uint64 height) = _advanced(1);
        relay(height);
        _advance("advance_head", height, accumulator);
    }

    /// A hundred blocks on at once.
    function test_advance_hundredBlocks_gas() public {
        (Accumulator memory accumulator, uint64 height) = _advanced(100);
        relay(height);
        _advance("advance_100", height, accumulator);
    }

    function test_forceSegment_second_gas() public {
        inbox.forceSegment(queue.checkpoints() - 250, false);
        force(ALICE, "x");
        vm.warp(block.timestamp + FORCE_DELAY);
        bytes memory input = abi.encodeCall(inbox.forceSegment, (uint256(queue.checkpoints()), false));
        vm.cool(address(client));
        vm.cool(address(queue));
        _measure("force_segment", address(inbox), 0, input);
    }

    function test_cover_gas() public {
        vm.mockCall(address(inbox), abi.encodeCall(inbox.l1Number, ()), abi.encode(block.number));
        queue.cover(queue.checkpoints() - 2);
        _measure("cover", address(queue), 0, abi.encodeCall(queue.cover, (uint256(queue.checkpoints()))));
    }

    /// The second of a word of the bitmap, under a root over 2^20 withdrawals.
    function test_claim_ether_gas() public {
        _claim("claim_ether", address(0), 1 gwei);
    }

    function test_claim_token_gas() public {
        token.mint(address(vault), 1e6);
        token.mint(BOB, 1);
        _claim("claim_token", address(token), 1e6);
    }

    function _claim(string memory name, address asset, uint128 amount) private {
        Withdrawal[2] memory owed =
            [Withdrawal(0, HOME, asset, amount / 2, BOB), Withdrawal(1, HOME, asset, amount / 2, BOB)];
        bytes32[] memory leaves = new bytes32[](2);
        for (uint256 i = 0; i < 2; ++i) {
            leaves[i] = keccak256(abi.encode(owed[i]));
        }
        bytes32[] memory path = new bytes32[](20);
        bytes32 node = keccak256(abi.encodePacked(uint8(1), leaves[0], leaves[1]));
        for (uint256 i = 1; i < 20; ++i) {
            path[i] = keccak256(abi.encode("sibling", i));
            node = keccak256(abi.encodePacked(uint8(1), node, path[i]));
        }
        vm.prank(SETTLER);
        vault.settle(keccak256(abi.encodePacked(uint8(3), uint64(1 << 20), node)));
        for (uint256 i = 0; i < 2; ++i) {
            path[0] = leaves[1 - i];
            bytes memory input = abi.encodeCall(vault.claim, (owed[i], HistoryProof(1 << 20, path, new bytes32[](0))));
            if (i == 0) {
                (bool done,) = address(vault).call(input);
                assertTrue(done, "the first");
            } else {
                _measure(name, address(vault), 0, input);
            }
        }
    }

    function _measure(string memory name, address target, uint256 value, bytes memory input) private {
        uint256 tokens = 0;
        for (uint256 i = 0; i < input.length; ++i) {
            tokens += input[i] == 0 ? 1 : 4;
        }
        vm.cool(target);
        vm.cool(address(token));
        if (target != address(vault)) vm.cool(address(vault));
        vm.prank(ALICE);
        (bool done, bytes memory reason) = target.call{value: value}(input);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
        uint256 used = INTRINSIC + 4 * tokens + vm.lastCallGas().gasTotalUsed;
        uint256 atLeast = INTRINSIC + 10 * tokens;
        vm.snapshotValue("Rollup", name, used > atLeast ? used : atLeast);
    }
}
