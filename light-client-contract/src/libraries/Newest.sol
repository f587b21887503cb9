// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What a light client knows of its newest block, but for the hashes: height (64 bits), epoch (32), timestamp in seconds
/// (40), the block of this L1 in which it was stored (40), the block of the home L1 that it names as finalized (64), its
/// place in the ring (8), frozen (8), from the lowest bit on. One word, for every update rewrites it.
type Newest is uint256;

using {height, epoch, timestamp, l1Block, l1Finalized, entry, isFrozen, freeze} for Newest global;

/// A client that is not frozen.
function newest(uint64 height_, uint32 epoch_, uint40 timestamp_, uint40 l1Block_, uint64 l1Finalized_, uint8 entry_)
    pure
    returns (Newest)
{
    return Newest.wrap(
        uint256(height_) | uint256(epoch_) << 64 | uint256(timestamp_) << 96 | uint256(l1Block_) << 136
            | uint256(l1Finalized_) << 176 | uint256(entry_) << 240
    );
}

function height(Newest self) pure returns (uint64) {
    return uint64(Newest.unwrap(self));
}

function epoch(Newest self) pure returns (uint64) {
    return uint32(Newest.unwrap(self) >> 64);
}

function timestamp(Newest self) pure returns (uint64) {
    return uint40(Newest.unwrap(self) >> 96);
}

function l1Block(Newest self) pure returns (uint64) {
    return uint40(Newest.unwrap(self) >> 136);
}

function l1Finalized(Newest self) pure returns (uint64) {
    return uint64(Newest.unwrap(self) >> 176);
}

function entry(Newest self) pure returns (uint8) {
    return uint8(Newest.unwrap(self) >> 240);
}

function isFrozen(Newest self) pure returns (bool) {
    return Newest.unwrap(self) >> 248 != 0;
}

/// The same, frozen.
function freeze(Newest self) pure returns (Newest) {
    return Newest.wrap(Newest.unwrap(self) | uint256(1) << 248);
}
