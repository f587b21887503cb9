// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Merkle} from "./Merkle.sol";
import {ILightClient, Namespace, TreePath} from "../interfaces/ILightClient.sol";

/// The tree over a block's namespaces and the trees over their transactions (DA7, DA8).
library Namespaces {
    /// The hash of the leaf if it stands where the path says.
    function verify(bytes32 root, Namespace calldata namespace, TreePath calldata path)
        internal
        pure
        returns (bytes32 leaf)
    {
        leaf = keccak256(
            abi.encodePacked(
                uint8(0), namespace.id, namespace.byteLength, namespace.transactionCount, namespace.transactionRoot
            )
        );
        require(_fits(path), ILightClient.LightClient_WrongNamespace());
        bytes32 tree = Merkle.climb(leaf, path.index, path.siblings);
        require(_root(path.count, tree) == root, ILightClient.LightClient_WrongNamespace());
    }

    /// Reverts unless the namespace is not in the block.
    function verifyAbsent(
        bytes32 root,
        uint64 id,
        Namespace calldata left,
        TreePath calldata leftPath,
        Namespace calldata right,
        TreePath calldata rightPath
    ) internal pure {
        // A block without namespaces.
        if (root == _root(0, 0)) return;
        bool first = rightPath.index == 0;
        bool last = !first && uint256(leftPath.index) + 1 == leftPath.count;
        if (!first) {
            require(left.id < id, ILightClient.LightClient_WrongNamespace());
            verify(root, left, leftPath);
        }
        if (!last) {
            require(right.id > id, ILightClient.LightClient_WrongNamespace());
            verify(root, right, rightPath);
            require(first || rightPath.index == leftPath.index + 1, ILightClient.LightClient_WrongNamespace());
        }
    }

    /// Reverts unless the transaction stands where the path says.
    function verifyTransaction(Namespace calldata namespace, bytes32 transactionHash, TreePath calldata path)
        internal
        view
    {
        require(path.count == namespace.transactionCount && _fits(path), ILightClient.LightClient_WrongTransaction());
        bytes32 node = sha256(abi.encodePacked(uint8(0), path.index, transactionHash));
        bytes32 root = _climbSha256(node, path.index, path.siblings);
        require(root == namespace.transactionRoot, ILightClient.LightClient_WrongTransaction());
    }

    function _root(uint64 count, bytes32 tree) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(uint8(2), count, tree));
    }

    /// Whether the index is in the tree and the path has as many hashes as the tree has levels.
    function _fits(TreePath calldata path) private pure returns (bool) {
        (uint256 count, uint256 depth) = (path.count, path.siblings.length);
        if (path.index >= count || depth > 64) return false;
        // The depth is the number of bits of the last index.
        uint256 last = count - 1;
        return last >> depth == 0 && (depth == 0 || last >> (depth - 1) == 1);
    }

    function _climbSha256(bytes32 node, uint256 index, bytes32[] calldata siblings) private view returns (bytes32 top) {
        bool done;
        assembly ("memory-safe") {
            done := 1
            let pair := mload(0x40)
            mstore(pair, 1)
            let end := add(siblings.offset, shl(5, siblings.length))
            for { let at := siblings.offset } lt(at, end) { at := add(at, 0x20) } {
                let side := shl(5, and(index, 1))
                mstore(add(add(pair, 0x20), side), node)
                mstore(sub(add(pair, 0x40), side), calldataload(at))
                done := and(done, staticcall(gas(), 2, add(pair, 0x1f), 0x41, 0, 0x20))
                node := mload(0)
                index := shr(1, index)
            }
            top := node
        }
        // Only a lack of gas makes SHA-256 fail.
        require(done);
    }
}
