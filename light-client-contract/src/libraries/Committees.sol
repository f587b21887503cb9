// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";
import {Committee, ILightClient} from "../interfaces/ILightClient.sol";

/// The commitment of a committee, and the proof of some of its members.
library Committees {
    /// Index (2 bytes), weight (8), key in G1 without padding (96).
    uint256 internal constant RECORD = 106;

    /// Keccak-256 of the words epoch, n, S, sum of keys, root.
    function commitment(Committee calldata committee, uint64 epoch, uint256[4] memory sum)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(epoch, committee.size, committee.total, sum, committee.root));
    }

    /// The sums of the weights and of the keys of members that stand in `records` by strictly rising index, proven by
    /// `siblings` against the committee's root.
    function absent(Committee calldata committee, bytes calldata records, bytes32[] calldata siblings)
        internal
        view
        returns (uint256 weight, uint256[4] memory sum)
    {
        if (records.length == 0) {
            require(siblings.length == 0, ILightClient.LightClient_WrongMembers());
            return (0, sum);
        }
        require(records.length % RECORD == 0, ILightClient.LightClient_MalformedAbsent());
        uint256 nodes;
        (nodes, weight, sum) = _read(records, committee.size);
        bytes32 root = _climb(nodes, records.length / RECORD, _depth(committee.size), siblings);
        require(root == committee.root, ILightClient.LightClient_WrongMembers());
    }

    /// Sums the records up and writes their leaves to memory: pairs of index and hash.
    function _read(bytes calldata records, uint256 size)
        private
        view
        returns (uint256 nodes, uint256 weight, uint256[4] memory sum)
    {
        uint256 count = records.length / RECORD;
        // The sum so far and the next key, which addition takes both; then the pairs.
        uint256 buffer;
        assembly ("memory-safe") {
            buffer := mload(0x40)
            nodes := add(buffer, 0x100)
            mstore(0x40, add(nodes, shl(6, count)))
            mcopy(buffer, sum, 0x80)
        }
        uint256 add_ = Bls.G1_ADD;
        uint256 addGas = Bls.G1_ADD_GAS;
        uint256 atLeast = 0;
        for (uint256 i = 0; i < count; ++i) {
            uint256 index;
            bool done;
            assembly ("memory-safe") {
                let from := add(records.offset, mul(i, RECORD))
                let head := calldataload(from)
                index := shr(240, head)
                let share := and(shr(176, head), 0xffffffffffffffff)
                weight := add(weight, share)
                let key := add(buffer, 0x80)
                mstore(key, shr(128, calldataload(add(from, 10))))
                mstore(add(key, 0x20), calldataload(add(from, 26)))
                mstore(add(key, 0x40), shr(128, calldataload(add(from, 58))))
                mstore(add(key, 0x60), calldataload(add(from, 74)))
                done := staticcall(addGas, add_, buffer, 0x100, buffer, 0x80)
                done := and(done, eq(returndatasize(), 0x80))
                let node := add(nodes, shl(6, i))
                let leaf := mload(0x40)
                mstore(leaf, index)
                mcopy(add(leaf, 0x20), key, 0x80)
                mstore(add(leaf, 0xa0), share)
                mstore(node, index)
                mstore(add(node, 0x20), keccak256(leaf, 0xc0))
            }
            require(done, Bls.Bls_InvalidPoint());
            require(index >= atLeast && index < size, ILightClient.LightClient_AbsentOutOfOrder(index));
            atLeast = index + 1;
        }
        assembly ("memory-safe") {
            mcopy(sum, buffer, 0x80)
        }
    }

    /// The root over some leaves, pairs of index and hash, with the siblings that they lack.
    function _climb(uint256 nodes, uint256 count, uint256 depth, bytes32[] calldata siblings)
        private
        pure
        returns (bytes32 root)
    {
        uint256 used = 0;
        assembly ("memory-safe") {
            // 0x01, left, right: from the last byte of a word on.
            let pair := mload(0x40)
            mstore(pair, 1)
            let left := add(pair, 0x20)
            let right := add(pair, 0x40)
            for { let level := 0 } lt(level, depth) { level := add(level, 1) } {
                let end := add(nodes, shl(6, count))
                // Parents replace the nodes; there are never more of them than nodes read.
                let to := nodes
                for { let from := nodes } lt(from, end) { from := add(from, 0x40) } {
                    let index := mload(from)
                    switch and(index, 1)
                    case 1 {
                        mstore(left, calldataload(add(siblings.offset, shl(5, used))))
                        used := add(used, 1)
                        mstore(right, mload(add(from, 0x20)))
                    }
                    default {
                        mstore(left, mload(add(from, 0x20)))
                        let next := add(from, 0x40)
                        switch and(lt(next, end), eq(mload(next), add(index, 1)))
                        case 1 {
                            mstore(right, mload(add(next, 0x20)))
                            from := next
                        }
                        default {
                            mstore(right, calldataload(add(siblings.offset, shl(5, used))))
                            used := add(used, 1)
                        }
                    }
                    mstore(to, shr(1, index))
                    mstore(add(to, 0x20), keccak256(add(pair, 0x1f), 0x41))
                    to := add(to, 0x40)
                }
                count := shr(6, sub(to, nodes))
            }
            root := mload(add(nodes, 0x20))
        }
        // Too few siblings read what follows them in calldata; a surplus would leave proofs malleable.
        require(used == siblings.length, ILightClient.LightClient_WrongMembers());
    }

    /// Levels above the leaves of a tree of `size` leaves, padded to a power of two.
    function _depth(uint256 size) private pure returns (uint256 depth) {
        while (uint256(1) << depth < size) ++depth;
    }
}
