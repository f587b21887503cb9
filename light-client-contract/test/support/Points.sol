// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../../src/libraries/Bls.sol";

/// Points that no key or signature is, and negated ones, in the padding of EIP-2537.
library Points {
    /// (4, y): on the curve y^2 = x^3 + 4, of an order that has a factor of the cofactor.
    function outsideSubgroup() internal pure returns (uint256[4] memory) {
        return [
            uint256(0),
            4,
            0x0a989badd40d6212b33cffc3f3763e9b,
            0xc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c
        ];
    }

    /// (2, y): on the curve of G2, outside its subgroup.
    function outsideSubgroupOfG2() internal pure returns (uint256[8] memory) {
        return [
            uint256(0),
            2,
            0,
            0,
            0x18c6b864ae17dc9da64203ffefb96630,
            0x6425a7bc6aeb7c75247438372716284a4173830420cd476ba1a365b95bfcec38,
            0x172e93db764a8400a7d5071b6b6f5de0,
            0xda2f0f4a063119abca014006b7c40a2cfe291a1924e65db0d6d0fcfbf3bf3d5c
        ];
    }

    /// -a, which leaves a as it is.
    function negated(uint256[4] memory a) internal pure returns (uint256[4] memory copy) {
        copy = [a[0], a[1], a[2], a[3]];
        Bls.negate(copy);
    }

    /// A second encoding of the same point: y + p.
    function aboveModulus(uint256[4] memory point) internal pure returns (uint256[4] memory) {
        unchecked {
            uint256 low = point[3] + Bls.P_LOW;
            return [point[0], point[1], point[2] + Bls.P_HIGH + (low < point[3] ? 1 : 0), low];
        }
    }
}
