// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HistoryProof} from "@light-client/interfaces/ILightClient.sol";

/// The mountain range built whole from its leaves, unlike in the contracts.
library History {
    /// The root over the first `count` leaves.
    function root(bytes32[] memory leaves, uint64 count) internal pure returns (bytes32) {
        bytes32 bag;
        uint256 end = count;
        for (uint256 level = 0; level < 64; ++level) {
            if (count >> level & 1 == 0) continue;
            bytes32 peak = _node(leaves, end - (1 << level), level);
            bag = end == count ? peak : keccak256(abi.encodePacked(uint8(1), peak, bag));
            end -= 1 << level;
        }
        return keccak256(abi.encodePacked(uint8(3), count, bag));
    }

    /// Where a leaf stands among the first `count`.
    function prove(bytes32[] memory leaves, uint64 count, uint64 index)
        internal
        pure
        returns (HistoryProof memory proof)
    {
        proof.count = count;
        uint256 start = 0;
        bytes32[] memory peaks = new bytes32[](64);
        uint256 found = 0;
        for (uint256 above = 64; above > 0; --above) {
            uint256 level = above - 1;
            if (count >> level & 1 == 0) continue;
            if (index >= start && index < start + (1 << level)) {
                proof.path = new bytes32[](level);
                for (uint256 i = 0; i < level; ++i) {
                    uint256 sibling = ((index - start) >> i) ^ 1;
                    proof.path[i] = _node(leaves, start + (sibling << i), i);
                }
            } else {
                peaks[found++] = _node(leaves, start, level);
            }
            start += 1 << level;
        }
        proof.peaks = new bytes32[](found);
        for (uint256 i = 0; i < found; ++i) {
            proof.peaks[i] = peaks[i];
        }
    }

    function _node(bytes32[] memory leaves, uint256 start, uint256 level) private pure returns (bytes32) {
        if (level == 0) return leaves[start];
        uint256 half = 1 << (level - 1);
        return
            keccak256(
                abi.encodePacked(uint8(1), _node(leaves, start, level - 1), _node(leaves, start + half, level - 1))
            );
    }
}
