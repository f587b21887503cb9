// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator, Header, HistoryProof, ILightClient, Namespace, TreePath} from "../src/interfaces/ILightClient.sol";
import {MountainRange} from "../src/libraries/MountainRange.sol";
import {LightClientFixture} from "./support/LightClientFixture.sol";

/// The proofs that rollups verify, against the vectors of the payload and of the mountain range.
contract ProofsTest is LightClientFixture {
    ILightClient private client;

    function setUp() public {
        client = clientFor(readCase(updates(), 0));
    }

    function contains(bytes32 root, uint64 height, bytes32 leaf, HistoryProof calldata proof)
        external
        pure
        returns (bool)
    {
        return MountainRange.contains(root, height, leaf, proof);
    }

    function test_mountainRange_vectors_succeeds() public view {
        string memory json = consensusVectors("mountain_range.json");
        uint256 count = 0;
        for (; has(json, item(".proofs", count)); ++count) {
            string memory path = item(".proofs", count);
            HistoryProof memory proof = _history(json, string.concat(path, ".proof"));
            uint64 height = number(json, path, ".proof.height");
            (bytes32 root, bytes32 leaf) = (word(json, path, ".root"), word(json, path, ".block_hash"));
            assertTrue(this.contains(root, height, leaf, proof), path);
            _refuseMutations(root, height, leaf, proof);
        }
        assertEq(count, 21, "proofs");
    }

    function _refuseMutations(bytes32 root, uint64 height, bytes32 leaf, HistoryProof memory proof) private view {
        assertTrue(!this.contains(root, height, ~leaf, proof), "another leaf");
        assertTrue(!this.contains(~root, height, leaf, proof), "another root");
        assertTrue(!this.contains(root, height + 1, leaf, proof), "another height");
        assertTrue(!this.contains(root, uint64(proof.count), leaf, proof), "a height that is no leaf's");
        proof.count += 1;
        assertTrue(!this.contains(root, height, leaf, proof), "another count");
        proof.count -= 1;
        proof.path = _longer(proof.path);
        assertTrue(!this.contains(root, height, leaf, proof), "a path that is too long");
        proof.path = _shorter(proof.path);
        proof.peaks = _longer(proof.peaks);
        assertTrue(!this.contains(root, height, leaf, proof), "too many peaks");
        proof.peaks = _shorter(proof.peaks);
        if (proof.peaks.length > 0) {
            proof.peaks[0] = ~proof.peaks[0];
            assertTrue(!this.contains(root, height, leaf, proof), "another peak");
        }
        if (proof.path.length > 0) {
            proof.path[0] = ~proof.path[0];
            assertTrue(!this.contains(root, height, leaf, proof), "another sibling");
        }
    }

    function test_verifyNamespace_vectors_succeeds() public {
        string memory json = payloadVectors("namespaces.json");
        uint256 present = 0;
        uint256 absent = 0;
        for (uint256 i = 0; i < 3; ++i) {
            bytes32 root = word(json, item(".cases", i), ".ns_root");
            for (uint256 j = 0; j < 8; ++j) {
                string memory path = item(string.concat(item(".cases", i), ".proofs"), j);
                uint64 id = number(json, path, ".namespace");
                if (has(json, string.concat(path, ".proof.present"))) {
                    _present(json, string.concat(path, ".proof.present"), root, id);
                    ++present;
                } else {
                    _absent(json, string.concat(path, ".proof.absent"), root, id);
                    ++absent;
                }
            }
        }
        assertEq(present, 5, "present");
        assertEq(absent, 19, "absent");
    }

    function _present(string memory json, string memory path, bytes32 root, uint64 id) private {
        Namespace memory namespace = _namespace(json, string.concat(path, ".leaf"));
        TreePath memory place = _path(json, path, ".index", ".count", ".path");
        assertEq(namespace.id, id, "namespace");
        client.verifyNamespace(root, namespace, place);
        // It cannot be said to be absent, with itself as either neighbour.
        vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
        client.verifyNamespaceAbsent(root, id, namespace, place, namespace, place);
        namespace.transactionCount += 1;
        _refuseNamespace(root, namespace, place);
        namespace.transactionCount -= 1;
        namespace.byteLength += 1;
        _refuseNamespace(root, namespace, place);
        namespace.byteLength -= 1;
        place.count += 1;
        _refuseNamespace(root, namespace, place);
        place.count -= 1;
        place.siblings = _longer(place.siblings);
        _refuseNamespace(root, namespace, place);
        place.siblings = _shorter(place.siblings);
        place.index += 1;
        _refuseNamespace(root, namespace, place);
    }

    function _refuseNamespace(bytes32 root, Namespace memory namespace, TreePath memory place) private {
        vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
        client.verifyNamespace(root, namespace, place);
    }

    function _absent(string memory json, string memory path, bytes32 root, uint64 id) private {
        Namespace memory left;
        Namespace memory right;
        TreePath memory leftPath;
        TreePath memory rightPath;
        uint64 index = number(json, path, ".index");
        uint64 count = number(json, path, ".count");
        if (index > 0) {
            left = _namespace(json, string.concat(path, ".left.leaf"));
            leftPath = TreePath(index - 1, count, words(json, path, ".left.path"));
        }
        if (index < count) {
            right = _namespace(json, string.concat(path, ".right.leaf"));
            rightPath = TreePath(index, count, words(json, path, ".right.path"));
        } else {
            rightPath.index = index;
        }
        client.verifyNamespaceAbsent(root, id, left, leftPath, right, rightPath);
        if (count == 0) return;
        // The neighbours themselves are there.
        if (index > 0) {
            vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
            client.verifyNamespaceAbsent(root, left.id, left, leftPath, right, rightPath);
        }
        if (index < count) {
            vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
            client.verifyNamespaceAbsent(root, right.id, left, leftPath, right, rightPath);
        }
        vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
        client.verifyNamespaceAbsent(~root, id, left, leftPath, right, rightPath);
    }

    function test_verifyTransaction_vectors_succeeds() public {
        string memory json = payloadVectors("transactions.json");
        bytes32 root = word(json, ".ns_root", "");
        uint256 count = 0;
        for (; has(json, item(".cases", count)); ++count) {
            string memory path = item(".cases", count);
            Namespace memory namespace = _namespace(json, string.concat(path, ".proof.leaf"));
            TreePath memory namespacePath =
                _path(json, string.concat(path, ".proof"), ".ns_index", ".ns_count", ".ns_path");
            TreePath memory place = TreePath({
                index: number(json, path, ".proof.index"),
                count: namespace.transactionCount,
                siblings: words(json, path, ".proof.path")
            });
            bytes32 hash = word(json, path, ".tx_hash");
            assertEq(sha256(data(json, path, ".transaction")), hash, "transaction hash");
            client.verifyTransaction(root, namespace, namespacePath, hash, place);
            vm.expectRevert(ILightClient.LightClient_WrongTransaction.selector);
            client.verifyTransaction(root, namespace, namespacePath, ~hash, place);
            vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
            client.verifyTransaction(~root, namespace, namespacePath, hash, place);
            place.count += 1;
            vm.expectRevert(ILightClient.LightClient_WrongTransaction.selector);
            client.verifyTransaction(root, namespace, namespacePath, hash, place);
            place.count -= 1;
            place.siblings = _longer(place.siblings);
            vm.expectRevert(ILightClient.LightClient_WrongTransaction.selector);
            client.verifyTransaction(root, namespace, namespacePath, hash, place);
        }
        assertEq(count, 12, "transactions");
    }

    function test_verifyAccumulator_vectors_succeeds() public {
        string memory json = payloadVectors("accumulator.json");
        uint256 present = 0;
        uint256 absent = 0;
        for (uint256 i = 0; has(json, item(".blocks", i)); ++i) {
            bytes32 root = word(json, item(".blocks", i), ".ns_acc_root");
            for (uint256 j = 0; j < 5; ++j) {
                string memory path = item(string.concat(item(".blocks", i), ".proofs"), j);
                if (has(json, string.concat(path, ".proof.terminal.entry"))) {
                    _entry(json, path, root);
                    ++present;
                } else {
                    _noEntry(json, path, root);
                    ++absent;
                }
            }
        }
        assertTrue(present > 10 && absent > 8, "proofs");
    }

    function _entry(string memory json, string memory path, bytes32 root) private {
        uint64 id = number(json, path, ".namespace");
        string memory entry = string.concat(path, ".proof.terminal.entry");
        Accumulator memory accumulator = Accumulator({
            blockCount: number(json, entry, ".block_count"),
            transactionTotal: number(json, entry, ".transaction_total"),
            chain: word(json, entry, ".acc")
        });
        bytes32[] memory siblings = words(json, path, ".proof.path");
        client.verifyAccumulator(root, id, accumulator, siblings);
        bytes4 reason = ILightClient.LightClient_WrongAccumulator.selector;
        vm.expectRevert(reason);
        client.verifyAccumulator(root, id + 1, accumulator, siblings);
        vm.expectRevert(reason);
        client.verifyAccumulatorAbsent(root, id, 0, 0, siblings);
        bytes32 key = keccak256(abi.encodePacked(id));
        bytes32 value = keccak256(abi.encode(accumulator));
        vm.expectRevert(reason);
        client.verifyAccumulatorAbsent(root, id, key, value, siblings);
        accumulator.blockCount += 1;
        vm.expectRevert(reason);
        client.verifyAccumulator(root, id, accumulator, siblings);
    }

    function _noEntry(string memory json, string memory path, bytes32 root) private {
        uint64 id = number(json, path, ".namespace");
        bytes32[] memory siblings = words(json, path, ".proof.path");
        bytes32 key;
        bytes32 value;
        if (has(json, string.concat(path, ".proof.terminal.other"))) {
            key = word(json, path, ".proof.terminal.other.key");
            value = word(json, path, ".proof.terminal.other.value");
        }
        client.verifyAccumulatorAbsent(root, id, key, value, siblings);
        vm.expectRevert(ILightClient.LightClient_WrongAccumulator.selector);
        client.verifyAccumulatorAbsent(~root, id, key, value, siblings);
        if (key == 0) return;
        vm.expectRevert(ILightClient.LightClient_WrongAccumulator.selector);
        client.verifyAccumulatorAbsent(root, id, key, ~value, siblings);
    }

    /// A leaf elsewhere in the map says nothing about a key that does not pass through its place.
    function test_verifyAccumulatorAbsent_leafOffThePath_reverts() public {
        (bytes32 key, bytes32 other) = (keccak256(abi.encodePacked(uint64(1))), bytes32(0));
        // The other key differs in the first bit, so both are children of the root.
        other = key ^ bytes32(uint256(1) << 255);
        bytes32 value = keccak256("value");
        bytes32 mine = keccak256(abi.encodePacked("JMT::LeafNode", key, value));
        bytes32 foreign = keccak256(abi.encodePacked("JMT::LeafNode", other, value));
        bool right = uint256(key) >> 255 == 1;
        // A map in which the foreign leaf is where the key's would be.
        bytes32 root = right
            ? keccak256(abi.encodePacked("JMT::IntrnalNode", mine, foreign))
            : keccak256(abi.encodePacked("JMT::IntrnalNode", foreign, mine));
        bytes32[] memory siblings = new bytes32[](1);
        siblings[0] = mine;
        vm.expectRevert(ILightClient.LightClient_WrongAccumulator.selector);
        client.verifyAccumulatorAbsent(root, 1, other, value, siblings);
    }

    /// Two keys that differ in their last bit only.
    function test_verifyAccumulator_pathAsLongAsAKey_succeeds() public view {
        Accumulator memory accumulator;
        bytes32 key = keccak256(abi.encodePacked(uint64(1)));
        bytes32 node = keccak256(abi.encodePacked("JMT::LeafNode", key, keccak256(abi.encode(accumulator))));
        bytes32[] memory siblings = new bytes32[](256);
        for (uint256 bit = 0; bit < 256; ++bit) {
            siblings[bit] = keccak256(abi.encode(bit));
            node = uint256(key) >> bit & 1 == 1
                ? keccak256(abi.encodePacked("JMT::IntrnalNode", siblings[bit], node))
                : keccak256(abi.encodePacked("JMT::IntrnalNode", node, siblings[bit]));
        }
        client.verifyAccumulator(node, 1, accumulator, siblings);
    }

    function test_verifyAccumulator_pathLongerThanAKey_reverts() public {
        Accumulator memory accumulator;
        bytes32[] memory siblings = new bytes32[](257);
        vm.expectRevert(ILightClient.LightClient_WrongAccumulator.selector);
        client.verifyAccumulator(0, 1, accumulator, siblings);
        vm.expectRevert(ILightClient.LightClient_WrongAccumulator.selector);
        client.verifyAccumulatorAbsent(0, 1, 0, 0, siblings);
        vm.expectRevert(ILightClient.LightClient_WrongAccumulator.selector);
        client.verifyAccumulatorAbsent(0, 1, bytes32(uint256(1)), 0, siblings);
    }

    /// Places that no tree has are refused as any wrong proof is.
    function test_verifyNamespaceAbsent_placesThatNoTreeHas_reverts() public {
        Namespace memory namespace;
        TreePath memory left;
        TreePath memory right;
        right.index = 1;
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(ILightClient.LightClient_WrongNamespace.selector);
            client.verifyNamespaceAbsent(keccak256("root"), 1, namespace, left, namespace, right);
            left = TreePath(type(uint64).max, type(uint64).max, new bytes32[](0));
        }
    }

    function _history(string memory json, string memory path) private pure returns (HistoryProof memory) {
        return HistoryProof({
            count: number(json, path, ".count"), path: words(json, path, ".path"), peaks: words(json, path, ".peaks")
        });
    }

    function _namespace(string memory json, string memory path) private pure returns (Namespace memory) {
        return Namespace({
            id: number(json, path, ".id"),
            byteLength: number(json, path, ".byte_len"),
            transactionCount: number(json, path, ".tx_count"),
            transactionRoot: word(json, path, ".tx_root")
        });
    }

    function _path(
        string memory json,
        string memory path,
        string memory index,
        string memory count,
        string memory siblings
    ) private pure returns (TreePath memory) {
        return TreePath(number(json, path, index), number(json, path, count), words(json, path, siblings));
    }

    function _longer(bytes32[] memory list) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            longer[i] = list[i];
        }
    }

    function _shorter(bytes32[] memory list) private pure returns (bytes32[] memory shorter) {
        shorter = new bytes32[](list.length - 1);
        for (uint256 i = 0; i < shorter.length; ++i) {
            shorter[i] = list[i];
        }
    }
}
