// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// Text of printable ASCII without spaces, as multiaddresses are.
library Ascii {
    uint256 private constant EACH = 0x0101010101010101010101010101010101010101010101010101010101010101;
    uint256 private constant HIGH_BITS = EACH * 0x80;

    /// Whether all letters are from '!' to '~'. 32 of them are looked at in one word.
    function isPrintable(string calldata text) internal pure returns (bool) {
        uint256 length = bytes(text).length;
        for (uint256 start = 0; start < length; start += 32) {
            uint256 word;
            assembly ("memory-safe") {
                word := calldataload(add(text.offset, start))
            }
            uint256 rest = length - start;
            if (rest < 32) {
                // What follows the text is replaced by letters that pass.
                uint256 letters = type(uint256).max << (8 * (32 - rest));
                word = (word & letters) | (EACH * 0x21 & ~letters);
            }
            unchecked {
                // In letters below 0x80, which no sum carries out of: 0x5f reaches the high bit from 0x21 on, 1 at 0x7f.
                if (word & HIGH_BITS != 0) return false;
                if ((word + EACH * 0x5f) & HIGH_BITS != HIGH_BITS || (word + EACH) & HIGH_BITS != 0) return false;
            }
        }
        return true;
    }
}
