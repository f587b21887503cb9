// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HistoryProof} from "../interfaces/ILightClient.sol";

/// The Merkle mountain range over block hashes (R2): leaf = the block hash, its index the height, node =
/// keccak(0x01 || left || right), bagged from the right, root = keccak(0x03 || count || bag).
library MountainRange {
    /// Whether `leaf` stands at `height` under `root`.
    function contains(bytes32 root, uint64 height, bytes32 leaf, HistoryProof calldata proof)
        internal
        pure
        returns (bool)
    {
        if (height >= proof.count) return false;
        // Above this bit the height and the count agree; there the mountain starts.
        uint256 level = _highestBit(height ^ proof.count);
        uint256 before = _ones((proof.count >> level) >> 1);
        if (proof.path.length != level || proof.peaks.length + 1 != _ones(proof.count)) return false;
        bytes32 peak = _climb(leaf, height, proof.path);
        bytes32 bag = _bag(peak, before, proof.peaks);
        return keccak256(abi.encodePacked(uint8(3), proof.count, bag)) == root;
    }

    function _climb(bytes32 node, uint256 index, bytes32[] calldata path) private pure returns (bytes32 top) {
        assembly ("memory-safe") {
            let pair := mload(0x40)
            mstore(pair, 1)
            let end := add(path.offset, shl(5, path.length))
            for { let at := path.offset } lt(at, end) { at := add(at, 0x20) } {
                // The node goes left (0x20) or right (0x40), the sibling to the other place.
                let side := shl(5, and(index, 1))
                mstore(add(add(pair, 0x20), side), node)
                mstore(sub(add(pair, 0x40), side), calldataload(at))
                node := keccak256(add(pair, 0x1f), 0x41)
                index := shr(1, index)
            }
            top := node
        }
    }

    /// The peaks from the right, with `peak` in its place after the first `before` others.
    function _bag(bytes32 peak, uint256 before, bytes32[] calldata others) private pure returns (bytes32 bag) {
        uint256 left = others.length;
        bag = left == before ? peak : others[--left];
        while (left > before) bag = _node(others[--left], bag);
        if (others.length > before) bag = _node(peak, bag);
        while (left > 0) bag = _node(others[--left], bag);
    }

    function _node(bytes32 left, bytes32 right) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            let pair := mload(0x40)
            mstore(pair, 1)
            mstore(add(pair, 0x20), left)
            mstore(add(pair, 0x40), right)
            node := keccak256(add(pair, 0x1f), 0x41)
        }
    }

    function _highestBit(uint64 word) private pure returns (uint256 bit) {
        assembly ("memory-safe") {
            bit := sub(255, clz(word))
        }
    }

    function _ones(uint64 word) private pure returns (uint256 count) {
        unchecked {
            uint256 x = word;
            x = x - ((x >> 1) & 0x5555555555555555);
            x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
            x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
            count = ((x * 0x0101010101010101) >> 56) & 0xff;
        }
    }
}
