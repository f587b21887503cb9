// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";

/// hash_to_curve of RFC 9380 for BLS12381G1_XMD:SHA-256_SSWU_RO_, of messages of one word, under the two ciphersuites
/// of the protocol (D7). The suites' names have 43 bytes; below they stand with their length as last byte.
library HashToG1 {
    bytes32 private constant SIGNATURE_HEAD = "BLS_SIG_BLS12381G1_XMD:SHA-256_S";
    bytes32 private constant POSSESSION_HEAD = "BLS_POP_BLS12381G1_XMD:SHA-256_S";
    /// The end of both names, and 43.
    bytes32 private constant TAIL = "SWU_RO_POP_+";

    uint256 private constant SHA_256 = 0x02;
    /// The whole part of 2^636 / p.
    uint256 private constant RECIPROCAL = 0x9d835d2f3cc9e45ce28101b0cc7a6ba291b82741ff6a0a94bdf4771e0286779d;

    /// Of what is signed, but for the proof of possession.
    function ofSigned(bytes32 digest) internal view returns (uint256[4] memory) {
        return _ofWord(digest, SIGNATURE_HEAD);
    }

    /// Of the proof of possession.
    function ofPossession(bytes32 digest) internal view returns (uint256[4] memory) {
        return _ofWord(digest, POSSESSION_HEAD);
    }

    /// Of any message under any suite, which is given with its length as last byte.
    function hash(bytes memory message, bytes memory suite) internal view returns (uint256[4] memory) {
        uint256 messageAt;
        uint256 suiteAt;
        assembly ("memory-safe") {
            messageAt := add(message, 0x20)
            suiteAt := add(suite, 0x20)
        }
        return _hash(messageAt, message.length, suiteAt, suite.length);
    }

    function _ofWord(bytes32 digest, bytes32 suite) private view returns (uint256[4] memory) {
        uint256 words;
        assembly ("memory-safe") {
            words := mload(0x40)
            mstore(0x40, add(words, 0x60))
            mstore(words, digest)
            mstore(add(words, 0x20), suite)
            mstore(add(words, 0x40), TAIL)
        }
        return _hash(words, 32, words + 32, 44);
    }

    function _hash(uint256 message, uint256 messageLength, uint256 suite, uint256 suiteLength)
        private
        view
        returns (uint256[4] memory)
    {
        return _mapBoth(_expand(message, messageLength, suite, suiteLength));
    }

    /// expand_message_xmd to 128 bytes of a message and a suite in memory; returns where they are.
    function _expand(uint256 message, uint256 messageLength, uint256 suite, uint256 suiteLength)
        private
        view
        returns (uint256 uniform)
    {
        bool done;
        assembly ("memory-safe") {
            uniform := mload(0x40)
            mstore(0x40, add(uniform, 0x80))
            // Z_pad (64 bytes), the message, the length asked for (2), 0, the suite.
            let first := mload(0x40)
            let middle := add(add(first, 64), messageLength)
            calldatacopy(first, calldatasize(), 64)
            mcopy(add(first, 64), message, messageLength)
            mstore(middle, shl(240, 0x80))
            mcopy(add(middle, 3), suite, suiteLength)
            done := staticcall(gas(), SHA_256, first, add(add(messageLength, suiteLength), 67), 0, 0x20)
            let zeroth := mload(0)
            // Then a word and its number (1) in front of the suite.
            let next := sub(middle, 30)
            let length := add(suiteLength, 33)
            let at := uniform
            let last := 0
            for { let i := 1 } lt(i, 5) { i := add(i, 1) } {
                mstore(next, xor(zeroth, last))
                mstore8(add(next, 0x20), i)
                done := and(done, staticcall(gas(), SHA_256, next, length, at, 0x20))
                last := mload(at)
                at := add(at, 0x20)
            }
        }
        // Only a lack of gas makes SHA-256 fail.
        require(done);
    }

    /// The sum of the points that the two halves of 128 bytes in memory map to, each modulo p. Overwrites them.
    function _mapBoth(uint256 uniform) private view returns (uint256[4] memory sum) {
        (uint256 map, uint256 mapGas) = (Bls.MAP_TO_G1, Bls.MAP_TO_G1_GAS);
        (uint256 g1Add, uint256 g1AddGas) = (Bls.G1_ADD, Bls.G1_ADD_GAS);
        reduce(uniform);
        reduce(uniform + 0x40);
        bool done;
        assembly ("memory-safe") {
            let points := mload(0x40)
            done := staticcall(mapGas, map, uniform, 0x40, points, 0x80)
            done := and(done, staticcall(mapGas, map, add(uniform, 0x40), 0x40, add(points, 0x80), 0x80))
            done := and(done, staticcall(g1AddGas, g1Add, points, 0x100, sum, 0x80))
            done := and(done, eq(returndatasize(), 0x80))
        }
        require(done, Bls.Bls_InvalidPoint());
    }

    /// Replaces a number of 64 bytes in memory by its rest modulo p, which is cheaper than MODEXP.
    ///
    /// With high and low the number's words, high * RECIPROCAL / 2^380 is below number / p by less than 2^-123: so its
    /// whole part is the quotient or one less, and what is left after that many p is below 2p.
    function reduce(uint256 place) internal pure {
        (uint256 pHigh, uint256 pLow) = (Bls.P_HIGH, Bls.P_LOW);
        assembly ("memory-safe") {
            // The high word of a product: a * b modulo 2^256 - 1 is the sum of both words modulo that.
            function mulHigh(a, b) -> high {
                let both := mulmod(a, b, not(0))
                let lower := mul(a, b)
                high := sub(sub(both, lower), lt(both, lower))
            }
            let high := mload(place)
            let low := mload(add(place, 0x20))
            let quotient := shr(124, mulHigh(high, RECIPROCAL))
            let lowProduct := mul(quotient, pLow)
            high := sub(sub(high, mul(quotient, pHigh)), mulHigh(quotient, pLow))
            high := sub(high, lt(low, lowProduct))
            low := sub(low, lowProduct)
            // Once more, unless that is below zero.
            let less := sub(sub(high, pHigh), lt(low, pLow))
            if iszero(shr(255, less)) {
                high := less
                low := sub(low, pLow)
            }
            mstore(place, high)
            mstore(add(place, 0x20), low)
        }
    }
}
