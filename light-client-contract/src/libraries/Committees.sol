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
        returns (bytes32 hash)
    {
        (uint256 size, uint256 total, bytes32 root) = (committee.size, committee.total, committee.root);
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
    /// by strictly rising index and are proven by `siblings` against the committee's root.
    function addAbsent(
        Committee calldata committee,
        bytes calldata records,
        bytes32[] calldata siblings,
        uint256[4] memory sum
    ) internal view returns (uint256 weight) {
        if (records.length == 0) {
            require(siblings.length == 0, ILightClient.LightClient_WrongMembers());
            return 0;
        }
        require(records.length % RECORD == 0, ILightClient.LightClient_MalformedAbsent());
        uint256 nodes;
        uint256 end;
        (nodes, end, weight) = _read(records, committee.size, sum);
        require(
            _climb(nodes, end, _width(committee.size), siblings) == committee.root,
            ILightClient.LightClient_WrongMembers()
        );
    }

    /// Adds the records up and writes their leaves to memory from `nodes` to `end`: pairs of index and hash.
    function _read(bytes calldata records, uint256 size, uint256[4] memory sum)
        private
        view
        returns (uint256 nodes, uint256 end, uint256 weight)
    {
        (uint256 g1Add, uint256 g1AddGas) = (Bls.G1_ADD, Bls.G1_ADD_GAS);
        bool inOrder;
        bool onCurve = true;
        uint256 atLeast;
        assembly ("memory-safe") {
            // A word, the next key, and the sum so far, for addition takes both; then the pairs. The leaf is the key
            // with its index in front of it and its weight behind it, where the sum begins, which is kept aside.
            let leaf := mload(0x40)
            calldatacopy(leaf, calldatasize(), 0xa0)
            mcopy(add(leaf, 0xa0), sum, 0x80)
            nodes := add(leaf, 0x120)
            end := nodes
            let from := records.offset
            let last := add(from, records.length)
            for {} lt(from, last) { from := add(from, RECORD) } {
                let head := calldataload(from)
                let index := shr(240, head)
                if lt(index, atLeast) { break }
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
                onCurve := and(onCurve, staticcall(g1AddGas, g1Add, add(leaf, 0x20), 0x100, add(leaf, 0xa0), 0x80))
                end := add(end, 0x40)
            }
            // One word more, for the end to be marked.
            mstore(0x40, add(end, 0x20))
            mcopy(sum, add(leaf, 0xa0), 0x80)
            // Indices rise, so that the last one is the highest.
            inOrder := iszero(or(lt(from, last), gt(atLeast, size)))
            // The record that was refused, for the error.
            if lt(from, last) { atLeast := add(shr(240, calldataload(from)), 1) }
        }
        if (inOrder && onCurve) return (nodes, end, weight);
        require(inOrder, ILightClient.LightClient_AbsentOutOfOrder(atLeast - 1));
        revert Bls.Bls_InvalidPoint();
    }

    /// The root over some leaves, pairs of index and hash, with the siblings that they lack; 0 if these are too many or
    /// too few. Frees the leaves' memory.
    function _climb(uint256 nodes, uint256 end, uint256 width, bytes32[] calldata siblings)
        private
        pure
        returns (bytes32 root)
    {
        bool usedUp;
        assembly ("memory-safe") {
            // 0x01, left, right: from the last byte of the first word of memory on, over the free memory pointer.
            mstore(0x00, 1)
            let sibling := siblings.offset
            for {} gt(width, 1) { width := shr(1, width) } {
                // No node has this index, so the last one has no neighbour.
                mstore(end, not(0))
                // Parents replace the nodes; there are never more of them than nodes read.
                let to := nodes
                for { let from := nodes } lt(from, end) {} {
                    let index := mload(from)
                    // The node goes left (0x20) or right (0x40), the next sibling to the other place.
                    let side := shl(5, and(index, 1))
                    mstore(add(0x20, side), mload(add(from, 0x20)))
                    from := add(from, 0x40)
                    mstore(sub(0x40, side), calldataload(sibling))
                    sibling := add(sibling, 0x20)
                    // Only a left node can have its sibling next to it, instead: indices rise.
                    if eq(mload(from), or(index, 1)) {
                        mstore(0x40, mload(add(from, 0x20)))
                        sibling := sub(sibling, 0x20)
                        from := add(from, 0x40)
                    }
                    mstore(to, shr(1, index))
                    mstore(add(to, 0x20), keccak256(0x1f, 0x41))
                    to := add(to, 0x40)
                }
                end := to
            }
            mstore(0x40, nodes)
            root := mload(add(nodes, 0x20))
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
