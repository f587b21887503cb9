// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Header} from "../interfaces/ILightClient.sol";

/// What validators sign and what a block hash is over (R3, D1 to D4, D6): Keccak-256 of words, the first of which is
/// the Keccak-256 of a name. And what the light client's ring holds.
library Digests {
    bytes32 internal constant CHAIN_DOMAIN = keccak256("chain domain");
    bytes32 internal constant PROPOSAL = keccak256("D_prop");
    bytes32 internal constant QUORUM = keccak256("D_qv");
    bytes32 internal constant FINAL = keccak256("D_fv");
    bytes32 internal constant TIMEOUT = keccak256("D_to");
    bytes32 internal constant POSSESSION = keccak256("D_pop");

    /// The name of the network with a stake table on an L1.
    function chainDomain(uint256 chainId, address stakeTable, bytes32 salt) internal pure returns (bytes32) {
        return keccak256(abi.encode(CHAIN_DOMAIN, chainId, stakeTable, salt));
    }

    /// D1: a leader's proposal. `kind` is 0 for a fresh block and 1 for one proposed again.
    function proposal(bytes32 domain, uint64 epoch, uint64 viewNumber, uint8 kind, uint64 height, bytes32 hash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(PROPOSAL, domain, epoch, viewNumber, kind, height, hash));
    }

    /// D2 or D3, by the tag: vote 1 or vote 2.
    function vote(bytes32 tag, bytes32 domain, uint64 epoch, uint64 viewNumber, uint64 height, bytes32 hash)
        internal
        pure
        returns (bytes32 digest)
    {
        assembly ("memory-safe") {
            let all := mload(0x40)
            mstore(all, tag)
            mstore(add(all, 0x20), domain)
            mstore(add(all, 0x40), epoch)
            mstore(add(all, 0x60), viewNumber)
            mstore(add(all, 0x80), height)
            mstore(add(all, 0xa0), hash)
            digest := keccak256(all, 0xc0)
        }
    }

    /// D4: a timeout.
    function timeout(bytes32 domain, uint64 epoch, uint64 viewNumber, uint64 lockView, bytes32 lockHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(TIMEOUT, domain, epoch, viewNumber, lockView, lockHash));
    }

    /// D6: an operator's possession of a key.
    function possession(bytes32 domain, address operator, uint256[4] memory pk1, uint256[8] memory pk2)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(POSSESSION, domain, operator, pk1, pk2));
    }

    /// R3: the hash of a block.
    function blockHash(Header calldata header, bytes32 restHash) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            // The header's words are those of lc_hash, in its order. One with dirty upper bits is no block's.
            let words := mload(0x40)
            calldatacopy(words, header, 0x100)
            mstore(0, keccak256(words, 0x100))
            mstore(0x20, restHash)
            hash := keccak256(0, 0x40)
        }
    }

    /// What the ring keeps of a block: Keccak-256 of the words of a `RingEntry`.
    function ringEntry(bytes32 blockHash_, bytes32 historyRoot) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            mstore(0, blockHash_)
            mstore(0x20, historyRoot)
            hash := keccak256(0, 0x40)
        }
    }
}
