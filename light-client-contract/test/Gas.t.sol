// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILightClient, Header, HistoryProof, Namespace, RingEntry, TreePath} from "../src/interfaces/ILightClient.sol";
import {IStakeTable} from "../src/interfaces/IStakeTable.sol";
import {LightClientFixture} from "./support/LightClientFixture.sol";
import {Signer} from "./support/Signer.sol";
import {StakeTableFixture} from "./support/StakeTableFixture.sol";
import {Transaction} from "./support/Transaction.sol";
import {Validators} from "./support/Validators.sol";

/// The gas of each call that users pay for, over fixed vectors; compared with `snapshots/LightClient.json`.
/// forge-config: default.evm_version = "osaka"
contract GasTest is LightClientFixture {
    ILightClient[] private _clients;

    function setUp() public {
        string memory json = updates();
        for (uint256 i = 0; i < 8; ++i) {
            _clients.push(clientFor(readCase(json, i)));
        }
    }

    function test_update_n4Absent0_gas() public {
        _update(0);
    }

    function test_update_n4Absent1_gas() public {
        _update(1);
    }

    function test_update_n100Absent0_gas() public {
        _update(3);
    }

    function test_update_n100Absent5_gas() public {
        _update(4);
    }

    function test_update_n100Absent33_gas() public {
        _update(5);
    }

    function test_update_n1000Absent20_gas() public {
        _update(6);
    }

    function test_update_n1000Absent50_gas() public {
        _update(7);
    }

    function _update(uint256 index) private {
        string memory json = updates();
        Case memory read = readCase(json, index);
        bytes memory input = abi.encodeCall(ILightClient.update, (read.header, read.restHash, read.certificate));
        uint256 used = Transaction.gasOf(address(_clients[index]), input);
        string memory name = vm.parseJsonString(json, string.concat(item(".cases", index), ".name"));
        vm.snapshotValue("LightClient", string.concat("update_", name), used);
    }
}

/// What rollups pay for a proof, execution only.
/// forge-config: default.evm_version = "osaka"
contract ProofGasTest is LightClientFixture {
    ILightClient private _client;

    bytes32 private constant REST = keccak256("rest");

    /// A block at height 5 of a history of 2^20 blocks: twenty hashes.
    function test_verifyHeader_twentyHashes_gas() public {
        Header memory header;
        header.height = 5;
        bytes32 node = keccak256(abi.encode(keccak256(abi.encode(header)), REST));
        HistoryProof memory proof = HistoryProof(1 << 20, new bytes32[](0), new bytes32[](0));
        (node, proof.path) = _above(node, header.height, 20);
        Header memory anchor;
        anchor.historyRoot = keccak256(abi.encodePacked(uint8(3), proof.count, node));
        ILightClient client = deployClient(keccak256("network"), anchor, bytes32("1"), bytes32("2"));
        RingEntry memory stored = RingEntry(Validators.hashOf(anchor, ANCHOR_REST), anchor.historyRoot);
        bytes memory input = abi.encodeCall(ILightClient.verifyHeader, (1, stored, header, REST, proof));
        vm.snapshotValue("LightClient", "verify_header", Transaction.execution(address(client), input));
    }

    function test_verifyNamespace_depthEight_gas() public {
        (bytes32 root, Namespace memory namespace, TreePath memory path) = _namespace(keccak256("transactions"), 1);
        bytes memory input = abi.encodeCall(ILightClient.verifyNamespace, (root, namespace, path));
        vm.snapshotValue("LightClient", "verify_namespace", Transaction.execution(_any(), input));
    }

    /// Namespaces of depth 8, transactions of depth 8.
    function test_verifyTransaction_depthEight_gas() public {
        TreePath memory place = TreePath(7, 256, new bytes32[](8));
        bytes32 hash = sha256("transaction");
        bytes32 node = sha256(abi.encodePacked(uint8(0), place.index, hash));
        for (uint256 level = 0; level < 8; ++level) {
            place.siblings[level] = keccak256(abi.encode(level));
            node = place.index >> level & 1 == 1
                ? sha256(abi.encodePacked(uint8(1), place.siblings[level], node))
                : sha256(abi.encodePacked(uint8(1), node, place.siblings[level]));
        }
        (bytes32 root, Namespace memory namespace, TreePath memory path) = _namespace(node, 256);
        bytes memory input = abi.encodeCall(ILightClient.verifyTransaction, (root, namespace, path, hash, place));
        vm.snapshotValue("LightClient", "verify_transaction", Transaction.execution(_any(), input));
    }

    function _namespace(bytes32 transactionRoot, uint64 count)
        private
        pure
        returns (bytes32 root, Namespace memory namespace, TreePath memory path)
    {
        namespace = Namespace(42, 1000, count, transactionRoot);
        path = TreePath(100, 256, new bytes32[](0));
        bytes32 node = keccak256(abi.encodePacked(uint8(0), uint64(42), uint64(1000), count, transactionRoot));
        (node, path.siblings) = _above(node, path.index, 8);
        root = keccak256(abi.encodePacked(uint8(2), path.count, node));
    }

    /// The root `depth` levels above a node at an index, and the siblings on the way.
    function _above(bytes32 node, uint256 index, uint256 depth)
        private
        pure
        returns (bytes32 root, bytes32[] memory siblings)
    {
        siblings = new bytes32[](depth);
        for (uint256 level = 0; level < depth; ++level) {
            siblings[level] = keccak256(abi.encode(level));
            node = index >> level & 1 == 1
                ? keccak256(abi.encodePacked(uint8(1), siblings[level], node))
                : keccak256(abi.encodePacked(uint8(1), node, siblings[level]));
        }
        return (node, siblings);
    }

    function _any() private returns (address) {
        Header memory anchor;
        return address(deployClient(keccak256("network"), anchor, bytes32("1"), bytes32("2")));
    }
}

/// What validators and reporters pay, as whole transactions.
/// forge-config: default.evm_version = "osaka"
contract StakeGasTest is StakeTableFixture {
    function setUp() public override {
        super.setUp();
        register(BOB, 21, MINIMUM);
        fund(ALICE, 2 * uint256(MINIMUM));
        // Its approval is for this much, as wallets do it.
        vm.prank(ALICE);
        token.approve(TABLE, 2 * uint256(MINIMUM));
        // The reporter has tokens.
        token.transfer(address(this), 1);
    }

    function test_register_gas() public {
        uint256[4] memory possession = Signer.possession(22, table.chainDomain(), ALICE);
        bytes memory input = abi.encodeCall(
            IStakeTable.register,
            (
                Signer.pk1(22),
                Signer.pk2(22),
                possession,
                keccak256("key"),
                "/ip4/192.168.100.100/udp/30000/quic-v1",
                MINIMUM
            )
        );
        _measure("register", ALICE, input);
    }

    function test_delegate_gas() public {
        _measure("delegate", ALICE, abi.encodeCall(IStakeTable.delegate, (BOB, 10 ether)));
    }

    function test_slash_gas() public {
        _measure("slash", address(this), abi.encodeCall(IStakeTable.slash, (doubleVote(21, 4))));
    }

    function _measure(string memory name, address sender, bytes memory input) private {
        vm.cool(address(token));
        vm.startPrank(sender);
        uint256 used = Transaction.gasOf(TABLE, input);
        vm.stopPrank();
        vm.snapshotValue("StakeTable", name, used);
    }
}
