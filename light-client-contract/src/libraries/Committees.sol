// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";
import {ILightClient} from "../interfaces/ILightClient.sol";

/// The commitment of a committee, and the proof of some of its members.
library Committees {
    /// Index (2 bytes), weight (8), key in G1 without padding (96).
    uint256 internal constant RECORD = 106;

    /// Keccak-256 of the words epoch, n, S, sum of keys, root.
    function commitment(uint64 epoch, uint256 size, uint256 total, uint256[4] memory sum, bytes32 root)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let all := mload(0x40)
            mstore(all, epoch)
            mstore(add(all, 0x20), size)
            mstore(add(all, 0x40), total)
            mcopy(add(all, 0x60), sum, 0x80)
            mstore(add(all, 0xe0), root)
            hash := keccak256(all, 0x100)
        }
    }

    /// Adds the keys of members to `sum`, in place, and returns the sum of their weights. The members stand in `records`
    /// by strictly rising index and are proven by `siblings` against the root of a committee of `size`.
    function addAbsent(
        uint256 size,
        bytes32 root,
        bytes calldata records,
        bytes32[] calldata siblings,
        uint256[4] memory sum
    ) internal view returns (uint256 weight) {
        if (records.length == 0) {
            require(siblings.length == 0, ILightClient.LightClient_WrongMembers());
            return 0;
        }
        require(records.length % RECORD == 0, ILightClient.LightClient_MalformedAbsent());
        uint256 leaves;
        uint256 end;
        (leaves, end, weight) = _read(records, size, sum);
        require(_climb(leaves, end, _width(size), siblings) == root, ILightClient.LightClient_WrongMembers());
    }

    /// Adds the records up and writes their leaves to memory from `leaves` to `end`: pairs of index and hash.
    function _read(bytes calldata records, uint256 size, uint256[4] memory sum)
        private
        view
        returns (uint256 leaves, uint256 end, uint256 weight)
    {
        (uint256 g1Add, uint256 g1AddGas) = (Bls.G1_ADD, Bls.G1_ADD_GAS);
        bool good = true;
        uint256 atLeast;
        assembly ("memory-safe") {
            // A word, the next key, and the sum so far, for addition takes both; then the pairs. The leaf is the key
            // with its index in front of it and its weight behind it, where the sum begins, which is kept aside.
            let leaf := mload(0x40)
            calldatacopy(leaf, calldatasize(), 0xa0)
            mcopy(add(leaf, 0xa0), sum, 0x80)
            leaves := add(leaf, 0x120)
            end := leaves
            let from := records.offset
            let last := add(from, records.length)
            for {} lt(from, last) { from := add(from, RECORD) } {
                let head := calldataload(from)
                let index := shr(240, head)
                good := and(good, iszero(lt(index, atLeast)))
                atLeast := add(index, 1)
                head := shr(192, shl(16, head))
                weight := add(weight, head)
                // Behind the padding of each coordinate.
                calldatacopy(add(leaf, 0x30), add(from, 10), 48)
                calldatacopy(add(leaf, 0x70), add(from, 58), 48)
                mstore(leaf, index)
                mstore(end, index)
                index := mload(add(leaf, 0xa0))
                mstore(add(leaf, 0xa0), head)
                mstore(add(end, 0x20), keccak256(leaf, 0xc0))
                mstore(add(leaf, 0xa0), index)
                good := and(good, staticcall(g1AddGas, g1Add, add(leaf, 0x20), 0x100, add(leaf, 0xa0), 0x80))
                end := add(end, 0x40)
            }
            // One word more, for the end to be marked.
            mstore(0x40, add(end, 0x20))
            mcopy(sum, add(leaf, 0xa0), 0x80)
            // Indices rise, so that the last one is the highest.
            good := and(good, iszero(gt(atLeast, size)))
        }
        if (good) return (leaves, end, weight);
        _requireInOrder(records, size);
        revert Bls.Bls_InvalidPoint();
    }

    /// Reverts for the first record whose index does not rise or is outside the committee.
    function _requireInOrder(bytes calldata records, uint256 size) private pure {
        uint256 atLeast = 0;
        for (uint256 from = 0; from < records.length; from += RECORD) {
            uint256 index = uint16(bytes2(records[from:from + 2]));
            require(index >= atLeast && index < size, ILightClient.LightClient_AbsentOutOfOrder(index));
            atLeast = index + 1;
        }
    }

    /// The root over some leaves, pairs of index and hash, with the siblings that they lack; 0 if these are too many or
    /// too few. Frees the leaves' memory.
    ///
    /// Each leaf climbs until it meets the way of the next one, of which it is then the left sibling, and waits there.
    function _climb(uint256 leaves, uint256 end, uint256 width, bytes32[] calldata siblings)
        private
        pure
        returns (bytes32 root)
    {
        bool usedUp;
        assembly ("memory-safe") {
            // 0x01, left, right: from the last byte of the first word of memory on, over the free memory pointer.
            mstore(0x00, 1)
            let sibling := siblings.offset
            // The nodes that wait, the lowest last, where leaves were that are read. And a bit for the level of each.
            let top := leaves
            let waiting := 0
            // The last leaf climbs to the root.
            mstore(end, xor(mload(sub(end, 0x40)), width))
            for { let leaf := leaves } lt(leaf, end) { leaf := add(leaf, 0x40) } {
                let index := mload(leaf)
                let node := mload(add(leaf, 0x20))
                // The two ways meet above the highest bit in which the indices differ.
                let apart := shr(1, xor(index, mload(add(leaf, 0x40))))
                let level := 1
                for {} iszero(lt(apart, level)) { level := add(level, level) } {
                    if and(waiting, level) {
                        waiting := xor(waiting, level)
                        top := sub(top, 0x20)
                        mstore(0x20, mload(top))
                        mstore(0x40, node)
                        node := keccak256(0x1f, 0x41)
                        continue
                    }
                    let other := calldataload(sibling)
                    sibling := add(sibling, 0x20)
                    if and(index, level) {
                        mstore(0x20, other)
                        mstore(0x40, node)
                        node := keccak256(0x1f, 0x41)
                        continue
                    }
                    mstore(0x20, node)
                    mstore(0x40, other)
                    node := keccak256(0x1f, 0x41)
                }
                waiting := or(waiting, level)
                mstore(top, node)
                top := add(top, 0x20)
            }
            mstore(0x40, leaves)
            root := mload(leaves)
            usedUp := eq(sibling, add(siblings.offset, shl(5, siblings.length)))
        }
        // Too few siblings read what follows them in calldata; a surplus would leave proofs malleable.
        if (!usedUp) return 0;
        return root;
    }

    /// Leaves of a tree over `size` members, padded to a power of two.
    function _width(uint256 size) private pure returns (uint256 width) {
        unchecked {
            // Sets all bits below the highest one of the last index, which has 64 bits.
            width = size - 1;
            width |= width >> 1;
            width |= width >> 2;
            width |= width >> 4;
            width |= width >> 8;
            width |= width >> 16;
            width |= width >> 32;
            ++width;
        }
    }
}
