// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Certificate, Committee, Header, ILightClient, PackedG1, PackedG2} from "../../src/interfaces/ILightClient.sol";
import {Test} from "./Test.sol";

/// Light clients that the vectors of updates apply to.
abstract contract LightClientFixture is Test {
    uint64 internal constant TRUST_PERIOD = 7 days;
    address internal constant TIMELOCK = address(0x71);
    bytes32 internal constant ANCHOR_REST = keccak256("rest of the anchor");

    struct Case {
        Header header;
        bytes32 restHash;
        bytes32 blockHash;
        bytes32 commitment;
        Certificate certificate;
    }

    function updates() internal view returns (string memory) {
        return consensusVectors("updates.json");
    }

    function domain() internal view returns (bytes32) {
        return word(updates(), ".chain_domain", "");
    }

    function readCase(string memory json, uint256 index) internal pure returns (Case memory read) {
        string memory path = item(".cases", index);
        string memory header = string.concat(path, ".header");
        read.header = Header({
            height: number(json, header, ".height"),
            epoch: number(json, header, ".epoch"),
            historyRoot: word(json, header, ".history_root"),
            nextCommittee: word(json, header, ".next_committee"),
            nsRoot: word(json, header, ".ns_root"),
            nsAccRoot: word(json, header, ".ns_acc_root"),
            timestampMs: number(json, header, ".timestamp_ms"),
            l1Finalized: number(json, header, ".l1_finalized")
        });
        read.restHash = word(json, path, ".rest_hash");
        read.blockHash = word(json, path, ".block_hash");
        read.commitment = word(json, path, ".commitment");
        read.certificate = _certificate(json, string.concat(path, ".certificate"));
    }

    function _certificate(string memory json, string memory path) private pure returns (Certificate memory read) {
        read.viewNumber = number(json, path, ".view");
        read.committee = Committee({
            size: number(json, path, ".size"),
            total: uint128(vm.parseJsonUint(json, string.concat(path, ".total"))),
            sum: abi.decode(data(json, path, ".sum"), (PackedG1)),
            root: word(json, path, ".root")
        });
        read.signature = abi.decode(data(json, path, ".signature"), (PackedG1));
        read.signers = abi.decode(data(json, path, ".signers"), (PackedG2));
        read.absent = data(json, path, ".absent");
        read.siblings = words(json, path, ".siblings");
    }

    /// A client whose newest block is one below the case's header, in an epoch whose committee is the case's.
    function clientFor(Case memory target) internal returns (ILightClient) {
        return clientAt(target, target.header.epoch, target.commitment, keccak256("next committee"));
    }

    /// A client whose newest block is one below the case's header.
    function clientAt(Case memory target, uint64 epoch, bytes32 current, bytes32 next) internal returns (ILightClient) {
        Header memory anchor = target.header;
        Header memory header = Header({
            height: anchor.height - 1,
            epoch: epoch,
            historyRoot: keccak256("history of the anchor"),
            nextCommittee: next,
            nsRoot: 0,
            nsAccRoot: 0,
            timestampMs: anchor.timestampMs - 1000,
            l1Finalized: anchor.l1Finalized - 1
        });
        vm.warp(anchor.timestampMs / 1000 + 12);
        return deployClient(domain(), header, current, next);
    }

    function deployClient(bytes32 chainDomain, Header memory anchor, bytes32 current, bytes32 next)
        internal
        returns (ILightClient)
    {
        return ILightClient(
            vm.deployCode(
                "LightClient.sol:LightClient",
                abi.encode(chainDomain, TIMELOCK, TRUST_PERIOD, anchor, ANCHOR_REST, current, next)
            )
        );
    }
}
