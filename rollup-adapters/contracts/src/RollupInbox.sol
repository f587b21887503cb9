// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Accumulator,
    Finalized,
    Header,
    HistoryProof,
    ILightClient,
    RingEntry
} from "@light-client/interfaces/ILightClient.sol";
import {NamespaceMap} from "@light-client/libraries/NamespaceMap.sol";
import {Checkpoint, IL1MessageQueue} from "./interfaces/IL1MessageQueue.sol";
import {IRollupInbox} from "./interfaces/IRollupInbox.sol";

/// The inbox of one rollup: see IRollupInbox for what it does and guarantees.
contract RollupInbox is IRollupInbox {
    /// The queue remembers the hours of more than a day.
    uint64 private constant LONGEST_DELAY = 24 hours;

    address public immutable lightClient;
    address public immutable queue;
    uint64 public immutable namespace;
    uint256 public immutable homeChainId;
    uint64 public immutable forceDelay;

    /// In slot 0, where nodes prove it.
    bytes32 public pinChain;
    /// What the last `advance` learnt: these four in slot 1.
    uint64 public height;
    uint64 public blockCount;
    uint64 public transactionTotal;
    uint64 public l1Number;
    bytes32 public chain;
    uint64 public pinCount;
    uint64 public pinned;

    /// @param lightClient_ The light client on this L1
    /// @param queue_ The rollup's queue on this L1, which is deployed after this
    constructor(address lightClient_, address queue_, uint64 namespace_, uint256 homeChainId_, uint64 forceDelay_) {
        require(
            lightClient_.code.length != 0 && namespace_ != 0 && forceDelay_ != 0 && forceDelay_ <= LONGEST_DELAY,
            RollupInbox_InvalidParameter()
        );
        (lightClient, queue, namespace) = (lightClient_, queue_, namespace_);
        (homeChainId, forceDelay) = (homeChainId_, forceDelay_);
    }

    /// @inheritdoc IRollupInbox
    function advance(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof,
        Accumulator calldata accumulator,
        bytes32[] calldata siblings
    ) external {
        _requireFinal(entry, stored, header, restHash, proof);
        NamespaceMap.verify(header.nsAccRoot, namespace, accumulator, siblings);
        _advance(header, accumulator);
    }

    /// @inheritdoc IRollupInbox
    function advanceAbsent(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof,
        bytes32 otherKey,
        bytes32 otherValue,
        bytes32[] calldata siblings
    ) external {
        _requireFinal(entry, stored, header, restHash, proof);
        NamespaceMap.verifyAbsent(header.nsAccRoot, namespace, otherKey, otherValue, siblings);
        _advance(header, Accumulator(0, 0, 0));
    }

    /// @inheritdoc IRollupInbox
    function forceSegment(uint256 hint, bool isHour) external {
        require(block.chainid == homeChainId, RollupInbox_NotHome(homeChainId));
        require(!ILightClient(lightClient).isFrozen(), RollupInbox_Frozen());
        Finalized memory head = ILightClient(lightClient).finalized();
        IL1MessageQueue messages = IL1MessageQueue(queue);
        Checkpoint memory point = isHour ? messages.hourly(hint) : messages.checkpoint(hint);
        require(point.l1Block > head.l1Finalized && point.count > pinned, RollupInbox_Covered(head.l1Finalized, pinned));
        uint256 until = uint256(point.time) + forceDelay;
        require(block.timestamp >= until, RollupInbox_TooEarly(until));

        uint64 end = messages.count();
        pinned = end;
        pinChain = keccak256(abi.encode(pinChain, head.height, end, uint64(block.number)));
        emit Forced(pinCount++, head.height, end);
    }

    function _requireFinal(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof
    ) private view {
        require(header.height > height, RollupInbox_StaleHeight(header.height, height));
        ILightClient(lightClient).verifyHeader(entry, stored, header, restHash, proof);
    }

    function _advance(Header calldata header, Accumulator memory accumulator) private {
        (height, l1Number) = (header.height, header.l1Finalized);
        (blockCount, transactionTotal) = (accumulator.blockCount, accumulator.transactionTotal);
        chain = accumulator.chain;
        emit Advanced(header.height, accumulator.blockCount, accumulator.chain, header.l1Finalized);
    }
}
