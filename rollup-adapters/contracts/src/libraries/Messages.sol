// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// The hashes of L1 messages, and the chain over them. RQ1
library Messages {
    uint8 internal constant DEPOSIT = 0;
    uint8 internal constant FORCED = 1;

    /// A message's hash: it names the message on the rollup.
    function hash(uint8 kind, uint64 index, uint64 l1Block, address sender, bytes memory body)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(kind, index, l1Block, sender, keccak256(body)));
    }

    /// The chain after one more message.
    function chained(bytes32 before, bytes32 message) internal pure returns (bytes32) {
        return keccak256(abi.encode(before, message));
    }
}
