// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator, ILightClient} from "../interfaces/ILightClient.sol";

/// The Jellyfish Merkle tree from namespaces to the summary of all their blocks (DA9): key = keccak(id in 8 bytes),
/// leaf = keccak("JMT::LeafNode" || key || value hash), node = keccak("JMT::IntrnalNode" || left || right); a subtree
/// of one leaf is that leaf.
library NamespaceMap {
    bytes32 private constant EMPTY = "SPARSE_MERKLE_PLACEHOLDER_HASH__";

    /// Reverts unless the map has this summary for the namespace.
    function verify(bytes32 root, uint64 id, Accumulator calldata accumulator, bytes32[] calldata siblings)
        internal
        pure
    {
        bytes32 value = keccak256(abi.encode(accumulator.blockCount, accumulator.transactionTotal, accumulator.chain));
        bytes32 key = _key(id);
        require(_climb(key, _leaf(key, value), siblings) == root, ILightClient.LightClient_WrongAccumulator());
    }

    /// Reverts unless the map has nothing for the namespace: its path ends at another leaf, or at an empty subtree.
    function verifyAbsent(bytes32 root, uint64 id, bytes32 otherKey, bytes32 otherValue, bytes32[] calldata siblings)
        internal
        pure
    {
        bytes32 key = _key(id);
        bytes32 end = EMPTY;
        if (otherKey != 0 || otherValue != 0) {
            // The other leaf shows absence only if this key would have to pass through the same node.
            bool onPath = siblings.length <= 256 && uint256(key ^ otherKey) >> (256 - siblings.length) == 0;
            require(otherKey != key && onPath, ILightClient.LightClient_WrongAccumulator());
            end = _leaf(otherKey, otherValue);
        }
        require(_climb(key, end, siblings) == root, ILightClient.LightClient_WrongAccumulator());
    }

    function _key(uint64 id) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(id));
    }

    function _leaf(bytes32 key, bytes32 value) private pure returns (bytes32) {
        return keccak256(abi.encodePacked("JMT::LeafNode", key, value));
    }

    /// The root above a node on the path of a key, whose highest bit is that of the root.
    function _climb(bytes32 key, bytes32 node, bytes32[] calldata siblings) private pure returns (bytes32) {
        uint256 depth = siblings.length;
        require(depth <= 256, ILightClient.LightClient_WrongAccumulator());
        for (uint256 i = 0; i < depth; ++i) {
            bool right = (uint256(key) >> (256 - depth + i)) & 1 == 1;
            node = right
                ? keccak256(abi.encodePacked("JMT::IntrnalNode", siblings[i], node))
                : keccak256(abi.encodePacked("JMT::IntrnalNode", node, siblings[i]));
        }
        return node;
    }
}
