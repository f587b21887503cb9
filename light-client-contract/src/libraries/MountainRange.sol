// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "./Merkle.sol";
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
        uint64 count = proof.count;
        bytes32[] calldata path = proof.path;
        bytes32[] calldata peaks = proof.peaks;
        // The mountain starts where the height and the count differ first, and is as high as that bit.
        uint256 level = path.length;
        if (height >= count || level >= 64 || (height ^ count) >> level != 1) return false;
        if (peaks.length + 1 != _ones(count)) return false;
        bytes32 peak = Merkle.climb(leaf, height, path);
        bytes32 bag = peaks.length == 0 ? peak : _bag(peak, _ones((count >> level) >> 1), peaks);
        return keccak256(abi.encodePacked(uint8(3), count, bag)) == root;
    }

    /// The peaks from the right, with `peak` in its place after the first `before` others.
    function _bag(bytes32 peak, uint256 before, bytes32[] calldata others) private pure returns (bytes32 bag) {
        uint256 left = others.length;
        bag = left == before ? peak : others[--left];
        while (left > before) bag = Merkle.node(others[--left], bag);
        if (others.length > before) bag = Merkle.node(peak, bag);
        while (left > 0) bag = Merkle.node(others[--left], bag);
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
