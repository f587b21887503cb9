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
        uint256 end;
        (nodes, end, weight, sum) = _read(records, committee.size);
        bytes32 root = _climb(nodes, end, _depth(committee.size), siblings);
        require(root == committee.root, ILightClient.LightClient_WrongMembers());
    }

    /// Sums the records up and writes their leaves to memory from `nodes` to `end`: pairs of index and hash.
    function _read(bytes calldata records, uint256 size)
        private
        view
        returns (uint256 nodes, uint256 end, uint256 weight, uint256[4] memory sum)
    {
        (uint256 g1Add, uint256 g1AddGas) = (Bls.G1_ADD, Bls.G1_ADD_GAS);
        bool inOrder = true;
        bool onCurve = true;
        uint256 index;
        assembly ("memory-safe") {
            // The sum so far and the next key, which addition takes both; then the pairs. The leaf is the key with its
            // index in front of it and its weight behind it; its index stands where the sum ends, which is kept aside.
            let sumEnd := add(mload(0x40), 0x60)
            nodes := add(sumEnd, 0xc0)
            end := nodes
            calldatacopy(sub(sumEnd, 0x60), calldatasize(), 0x80)
            let atLeast := 0
            for { let from := records.offset } lt(from, add(records.offset, records.length)) {
                from := add(from, RECORD)
            } {
                let head := calldataload(from)
                index := shr(240, head)
                if or(lt(index, atLeast), iszero(lt(index, size))) {
                    inOrder := 0
                    break
                }
                atLeast := add(index, 1)
                head := and(shr(176, head), 0xffffffffffffffff)
                weight := add(weight, head)
                mstore(add(sumEnd, 0x20), shr(128, calldataload(add(from, 10))))
                mstore(add(sumEnd, 0x40), calldataload(add(from, 26)))
                mstore(add(sumEnd, 0x60), shr(128, calldataload(add(from, 58))))
                mstore(add(sumEnd, 0x80), calldataload(add(from, 74)))
                mstore(add(sumEnd, 0xa0), head)
                let kept := mload(sumEnd)
                mstore(sumEnd, index)
                mstore(end, index)
                mstore(add(end, 0x20), keccak256(sumEnd, 0xc0))
                mstore(sumEnd, kept)
                let points := sub(sumEnd, 0x60)
                if iszero(staticcall(g1AddGas, g1Add, points, 0x100, points, 0x80)) {
                    onCurve := 0
                    break
                }
                end := add(end, 0x40)
            }
            // One word more, for the end to be marked.
            mstore(0x40, add(end, 0x20))
            mcopy(sum, sub(sumEnd, 0x60), 0x80)
        }
        require(inOrder, ILightClient.LightClient_AbsentOutOfOrder(index));
        require(onCurve, Bls.Bls_InvalidPoint());
    }

    /// The root over some leaves, pairs of index and hash, with the siblings that they lack.
    function _climb(uint256 nodes, uint256 end, uint256 depth, bytes32[] calldata siblings)
        private
        pure
        returns (bytes32 root)
    {
        bool usedUp;
        assembly ("memory-safe") {
            // 0x01, left, right: from the last byte of the first word of memory on, over the free memory pointer.
            let free := mload(0x40)
            mstore(0x00, 1)
            let sibling := siblings.offset
            for {} depth { depth := sub(depth, 1) } {
                // No node has this index, so the last one has no neighbour.
                mstore(end, not(0))
                // Parents replace the nodes; there are never more of them than nodes read.
                let to := nodes
                for { let from := nodes } lt(from, end) { from := add(from, 0x40) } {
                    let index := mload(from)
                    // The node goes left (0x20) or right (0x40), its sibling to the other place.
                    let side := shl(5, and(index, 1))
                    mstore(add(0x20, side), mload(add(from, 0x20)))
                    // Only a left node can have its sibling next to it: indices rise.
                    switch eq(mload(add(from, 0x40)), or(index, 1))
                    case 1 {
                        mstore(0x40, mload(add(from, 0x60)))
                        from := add(from, 0x40)
                    }
                    default {
                        mstore(sub(0x40, side), calldataload(sibling))
                        sibling := add(sibling, 0x20)
                    }
                    mstore(to, shr(1, index))
                    mstore(add(to, 0x20), keccak256(0x1f, 0x41))
                    to := add(to, 0x40)
                }
                end := to
            }
            mstore(0x40, free)
            root := mload(add(nodes, 0x20))
            usedUp := eq(sibling, add(siblings.offset, shl(5, siblings.length)))
        }
        // Too few siblings read what follows them in calldata; a surplus would leave proofs malleable.
        require(usedUp, ILightClient.LightClient_WrongMembers());
    }

    /// Levels above the leaves of a tree of `size` leaves, padded to a power of two.
    function _depth(uint256 size) private pure returns (uint256 depth) {
        while (uint256(1) << depth < size) ++depth;
    }
}
