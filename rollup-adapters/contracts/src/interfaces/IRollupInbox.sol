// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Accumulator, Header, HistoryProof, RingEntry} from "@light-client/interfaces/ILightClient.sol";

/// How far this L1 knows one rollup's inputs, by the light client: the sequencer's blocks that hold its namespace, and
/// the L1 messages that those blocks take up. And the way around a sequencer that stops: pins.
///
/// A message is covered once the light client's head names an L1 block as finalized that is not below the message's:
/// whoever follows the rollup then executes it, whatever the sequencer does. A message that is not covered for
/// `forceDelay` lets anyone pin: between the head and the block after it all messages of the queue are executed.
interface IRollupInbox {
    /// The rollup's inputs up to a height are known.
    event Advanced(uint64 height, uint64 blockCount, bytes32 chain, uint64 l1Number);
    /// Between the sequencer's block `afterHeight` and the next, messages up to `messageEnd` (exclusive) are executed.
    event Forced(uint64 indexed number, uint64 afterHeight, uint64 messageEnd);

    /// The inbox knows this height or a higher one.
    error RollupInbox_StaleHeight(uint64 height, uint64 known);
    /// Messages are forced on the home L1 only, whose chain id this is.
    error RollupInbox_NotHome(uint256 homeChainId);
    /// The light client is frozen: it has no head to pin after.
    error RollupInbox_Frozen();
    /// The messages of the checkpoint are covered by the light client's head, whose L1 block is named, or by a pin.
    error RollupInbox_Covered(uint64 l1Number, uint64 pinned);
    /// The messages of the checkpoint are not old enough.
    error RollupInbox_TooEarly(uint256 until);
    /// A constructor argument that no rollup can have.
    error RollupInbox_InvalidParameter();

    /// Learns the rollup's inputs up to a block. Anyone may; the height must rise. RQ9
    /// @param entry The place in the light client's ring of `stored`, which is the header's block or a later one
    /// @param proof Where the header stands in the history of that block; for that block itself `count` is 0
    /// @param accumulator The summary of all blocks that hold the namespace
    /// @param siblings Its path to the header's `nsAccRoot`
    function advance(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof,
        Accumulator calldata accumulator,
        bytes32[] calldata siblings
    ) external;

    /// The same while no block holds the namespace: there is no accumulator, and the path ends at another leaf or at
    /// nothing (both words 0).
    function advanceAbsent(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof,
        bytes32 otherKey,
        bytes32 otherValue,
        bytes32[] calldata siblings
    ) external;

    /// Pins all messages of the queue after the light client's head, if a message is not covered for `forceDelay`.
    /// Anyone may. Whoever knows a newer block that covers it hands that to the light client first. RQ11
    /// @param hint A checkpoint of the queue whose last message is not covered: its number, or the hour if `isHour`
    function forceSegment(uint256 hint, bool isHour) external;

    /// The chain over all pins, in storage slot 0: 0 at first, then keccak256(abi.encode(chain before, uint64
    /// afterHeight, uint64 messageEnd, uint64 l1Block)), where `l1Block` is the block of the event.
    function pinChain() external view returns (bytes32);
    /// All pins.
    function pinCount() external view returns (uint64);
    /// `messageEnd` of the last pin: messages below it are covered.
    function pinned() external view returns (uint64);
    /// The height up to which the inputs are known.
    function height() external view returns (uint64);
    /// Blocks up to there that hold the namespace.
    function blockCount() external view returns (uint64);
    /// Transactions in them.
    function transactionTotal() external view returns (uint64);
    /// The chain over them (DA9).
    function chain() external view returns (bytes32);
    /// The L1 block that the block at this height names as finalized: messages up to it are covered.
    function l1Number() external view returns (uint64);

    /// The light client on this L1.
    function lightClient() external view returns (address);
    /// The rollup's queue on this L1.
    function queue() external view returns (address);
    /// The rollup's namespace, which is its chain id.
    function namespace() external view returns (uint64);
    /// The chain id of the L1 whose queue counts.
    function homeChainId() external view returns (uint256);
    /// Seconds after which a message that is not covered can be forced.
    function forceDelay() external view returns (uint64);
}
