// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Inner nodes of the trees over Keccak-256: keccak(0x01 || left || right).
library Merkle {
    /// The node above a leaf's path of siblings.
    function climb(bytes32 leaf, uint256 index, bytes32[] calldata siblings) internal pure returns (bytes32 top) {
        assembly ("memory-safe") {
            // 0x01, left, right: from the last byte of the first word of memory on, over the free memory pointer.
            let free := mload(0x40)
            mstore(0x00, 1)
            let end := add(siblings.offset, shl(5, siblings.length))
            for { let sibling := siblings.offset } lt(sibling, end) { sibling := add(sibling, 0x20) } {
                // The node goes left (0x20) or right (0x40), the sibling to the other place.
                let side := shl(and(index, 1), 0x20)
                mstore(side, leaf)
                mstore(xor(side, 0x60), calldataload(sibling))
                leaf := keccak256(0x1f, 0x41)
                index := shr(1, index)
            }
            mstore(0x40, free)
            top := leaf
        }
    }

    /// The node above two others.
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 parent) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(0x00, 1)
            mstore(0x20, left)
            mstore(0x40, right)
            parent := keccak256(0x1f, 0x41)
            mstore(0x40, free)
        }
    }
}
