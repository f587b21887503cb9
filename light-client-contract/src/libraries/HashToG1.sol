// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";

/// hash_to_curve of RFC 9380 for BLS12381G1_XMD:SHA-256_SSWU_RO_, of messages of one word, under the two ciphersuites
/// of the protocol (D7). The suites' names have 43 bytes; below they stand with their length as last byte.
library HashToG1 {
    bytes32 private constant SIGNATURE_HEAD = "BLS_SIG_BLS12381G1_XMD:SHA-256_S";
    bytes32 private constant POSSESSION_HEAD = "BLS_POP_BLS12381G1_XMD:SHA-256_S";
    /// The end of both names, and 43.
    bytes12 private constant TAIL = "SWU_RO_POP_+";

    uint256 private constant SHA_256 = 0x02;
    uint256 private constant MODEXP = 0x05;

    /// Of what is signed, but for the proof of possession.
    function ofSigned(bytes32 digest) internal view returns (uint256[4] memory) {
        return hash(abi.encodePacked(digest), abi.encodePacked(SIGNATURE_HEAD, TAIL));
    }

    /// Of the proof of possession.
    function ofPossession(bytes32 digest) internal view returns (uint256[4] memory) {
        return hash(abi.encodePacked(digest), abi.encodePacked(POSSESSION_HEAD, TAIL));
    }

    /// Of any message under any suite, which is given with its length as last byte.
    function hash(bytes memory message, bytes memory suite) internal view returns (uint256[4] memory) {
        bytes memory uniform = expand(message, suite);
        return Bls.add(_map(uniform, 0), _map(uniform, 0x40));
    }

    /// expand_message_xmd to 128 bytes.
    function expand(bytes memory message, bytes memory suite) internal view returns (bytes memory uniform) {
        // Z_pad, the message, the length asked for, and a zero byte.
        bytes memory first = abi.encodePacked(bytes32(0), bytes32(0), message, uint16(128), uint8(0), suite);
        // A word, a counter, the suite.
        bytes memory next = abi.encodePacked(bytes32(0), uint8(0), suite);
        uniform = new bytes(128);
        bool done;
        assembly ("memory-safe") {
            let word := add(next, 0x20)
            done := staticcall(gas(), SHA_256, add(first, 0x20), mload(first), 0, 0x20)
            let zeroth := mload(0)
            let last := 0
            for { let i := 1 } lt(i, 5) { i := add(i, 1) } {
                mstore(word, xor(zeroth, last))
                mstore8(add(word, 0x20), i)
                done := and(done, staticcall(gas(), SHA_256, word, mload(next), 0, 0x20))
                last := mload(0)
                mstore(add(uniform, shl(5, i)), last)
            }
        }
        // Only a lack of gas makes SHA-256 fail.
        require(done);
    }

    /// The 64 bytes at an offset, modulo p, on the curve.
    function _map(bytes memory uniform, uint256 offset) private view returns (uint256[4] memory point) {
        uint256 high = Bls.P_HIGH;
        uint256 low = Bls.P_LOW;
        uint256 map = Bls.MAP_TO_G1;
        uint256 mapGas = Bls.MAP_TO_G1_GAS;
        bool done;
        assembly ("memory-safe") {
            // Lengths of base, exponent and modulus, then these.
            let input := mload(0x40)
            mstore(input, 0x40)
            mstore(add(input, 0x20), 1)
            mstore(add(input, 0x40), 0x40)
            mcopy(add(input, 0x60), add(add(uniform, 0x20), offset), 0x40)
            mstore8(add(input, 0xa0), 1)
            mstore(add(input, 0xa1), high)
            mstore(add(input, 0xc1), low)
            done := staticcall(gas(), MODEXP, input, 0xe1, input, 0x40)
            done := and(done, staticcall(mapGas, map, input, 0x40, point, 0x80))
            done := and(done, eq(returndatasize(), 0x80))
        }
        require(done, Bls.Bls_InvalidPoint());
    }
}
