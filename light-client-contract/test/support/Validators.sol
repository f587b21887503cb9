// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Certificate, Committee, Header, PackedG1, PackedG2} from "../../src/interfaces/ILightClient.sol";
import {Bls} from "../../src/libraries/Bls.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {Signer} from "./Signer.sol";

/// Committees made in the test itself, and their certificates. The tree is built whole here, unlike in the contract.
library Validators {
    struct Member {
        uint256 secret;
        uint64 weight;
    }

    function hashOf(Header memory header, bytes32 restHash) internal pure returns (bytes32) {
        return keccak256(abi.encode(keccak256(abi.encode(header)), restHash));
    }

    function committee(Member[] memory members) internal view returns (Committee memory made) {
        uint256[4] memory sum;
        for (uint256 i = 0; i < members.length; ++i) {
            sum = Bls.add(sum, Signer.pk1(members[i].secret));
            made.total += members[i].weight;
        }
        made.size = uint64(members.length);
        made.sum = pack(sum);
        bytes32[][] memory levels = _levels(members);
        made.root = levels[levels.length - 1][0];
    }

    function commitment(Committee memory made, uint64 epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode(epoch, made.size, made.total, unpack(made.sum), made.root));
    }

    /// The certificate on a block by all members but those whose bit is set in `absent`.
    function certify(bytes32 domain, Header memory header, bytes32 restHash, Member[] memory members, uint256 absent)
        internal
        view
        returns (Certificate memory made)
    {
        made.viewNumber = 3;
        made.committee = committee(members);
        uint256 secret = 0;
        for (uint256 i = 0; i < members.length; ++i) {
            if (absent >> i & 1 == 0) {
                secret += members[i].secret;
            } else {
                PackedG1 memory key = pack(Signer.pk1(members[i].secret));
                made.absent = abi.encodePacked(
                    made.absent, uint16(i), members[i].weight, key.words[0], key.words[1], key.words[2]
                );
            }
        }
        bytes32 digest =
            Digests.vote(Digests.FINAL, domain, header.epoch, made.viewNumber, header.height, hashOf(header, restHash));
        made.signature = pack(Signer.sign(secret, digest));
        made.signers = pack(Signer.pk2(secret));
        made.siblings = _siblings(_levels(members), absent);
    }

    function pack(uint256[4] memory point) internal pure returns (PackedG1 memory) {
        bytes memory packed = abi.encodePacked(uint128(point[0]), point[1], uint128(point[2]), point[3]);
        return abi.decode(packed, (PackedG1));
    }

    function unpack(PackedG1 memory packed) internal pure returns (uint256[4] memory point) {
        bytes memory all = abi.encode(packed);
        for (uint256 i = 0; i < 48; ++i) {
            point[i < 16 ? 0 : 1] = point[i < 16 ? 0 : 1] << 8 | uint8(all[i]);
            point[i < 16 ? 2 : 3] = point[i < 16 ? 2 : 3] << 8 | uint8(all[48 + i]);
        }
    }

    function pack(uint256[8] memory point) internal pure returns (PackedG2 memory) {
        bytes memory packed = abi.encodePacked(
            abi.encodePacked(uint128(point[0]), point[1], uint128(point[2]), point[3]),
            abi.encodePacked(uint128(point[4]), point[5], uint128(point[6]), point[7])
        );
        return abi.decode(packed, (PackedG2));
    }

    /// All levels of the tree, the leaves first.
    function _levels(Member[] memory members) private view returns (bytes32[][] memory levels) {
        uint256 width = 1;
        uint256 depth = 1;
        while (width < members.length) (width, depth) = (width * 2, depth + 1);
        levels = new bytes32[][](depth);
        levels[0] = new bytes32[](width);
        for (uint256 i = 0; i < members.length; ++i) {
            levels[0][i] = keccak256(abi.encode(i, Signer.pk1(members[i].secret), members[i].weight));
        }
        for (uint256 level = 1; level < depth; ++level) {
            width /= 2;
            levels[level] = new bytes32[](width);
            for (uint256 i = 0; i < width; ++i) {
                levels[level][i] =
                    keccak256(abi.encodePacked(uint8(1), levels[level - 1][2 * i], levels[level - 1][2 * i + 1]));
            }
        }
    }

    function _siblings(bytes32[][] memory levels, uint256 known) private pure returns (bytes32[] memory) {
        bytes memory siblings = _lacking(levels, levels.length - 1, 0, known);
        return abi.decode(bytes.concat(abi.encode(0x20, siblings.length / 32), siblings), (bytes32[]));
    }

    /// What is not known below a node, in post-order.
    function _lacking(bytes32[][] memory levels, uint256 level, uint256 position, uint256 known)
        private
        pure
        returns (bytes memory siblings)
    {
        if (level == 0 || !_isAbove(level, position, known)) return "";
        (uint256 left, uint256 right) = (2 * position, 2 * position + 1);
        siblings = bytes.concat(_lacking(levels, level - 1, left, known), _lacking(levels, level - 1, right, known));
        if (!_isAbove(level - 1, left, known)) siblings = bytes.concat(siblings, levels[level - 1][left]);
        if (!_isAbove(level - 1, right, known)) siblings = bytes.concat(siblings, levels[level - 1][right]);
    }

    /// Whether a node is above a known leaf, or is one.
    function _isAbove(uint256 level, uint256 position, uint256 known) private pure returns (bool) {
        uint256 leaves = 1 << level;
        return known >> (position * leaves) & ((1 << leaves) - 1) != 0;
    }
}
