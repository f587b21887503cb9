// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./libraries/Bls.sol";
import {Digests} from "./libraries/Digests.sol";
import {Finality} from "./libraries/Finality.sol";
import {MountainRange} from "./libraries/MountainRange.sol";
import {NamespaceMap} from "./libraries/NamespaceMap.sol";
import {Namespaces} from "./libraries/Namespaces.sol";
import {Newest, newest} from "./libraries/Newest.sol";
import {
    Accumulator,
    Certificate,
    Committee,
    Finalized,
    Header,
    HistoryProof,
    ILightClient,
    Namespace,
    RingEntry,
    TreePath
} from "./interfaces/ILightClient.sol";

/// The light client of one network: see ILightClient for what it does and guarantees.
contract LightClient is ILightClient {
    /// Committees that were known when an L1 block began in which the epoch rose.
    struct Past {
        /// The epoch that was the current one.
        uint64 epoch;
        /// The L1 block, and its time in seconds.
        uint64 l1Block;
        uint64 time;
        bytes32 current;
        bytes32 next;
    }

    uint8 public constant ringSize = 32;
    /// L1 blocks that have to bring a new epoch each before a committee can be forgotten.
    uint256 private constant PASTS = 8;

    bytes32 public immutable chainDomain;
    address public immutable timelock;
    uint64 public immutable trustPeriod;

    Newest private _newest;
    /// Blocks of the home L1, 64 bits each, from the lowest on: those that the first blocks known of the current epoch
    /// and of the one before name as finalized; those without whose changes neither the current committee nor the next
    /// was drawn. 0 where there is none.
    uint256 private _draws;
    /// Commitments of the committees of the current epoch and the next, by the epoch's parity.
    bytes32[2] private _committees;
    /// The Keccak-256 of each `RingEntry`: one word to write. Full from the start, so that an update never pays for a new
    /// slot.
    bytes32[ringSize] private _ring;
    /// By the number of the L1 block; full from the start too.
    Past[PASTS] private _pasts;

    /// @param domain Names the network in every signature
    /// @param guardian The timelock that may set an anchor after the trust period
    /// @param period The trust period in seconds: shorter than the stake table's escrow
    /// @param header The anchor: a block trusted to be final, usually genesis
    /// @param restHash The hash of the rest of the anchor's header
    /// @param current Commitment of the committee of the anchor's epoch; for genesis that of epoch 1
    /// @param next Commitment of the committee of the epoch after that
    constructor(
        bytes32 domain,
        address guardian,
        uint64 period,
        Header memory header,
        bytes32 restHash,
        bytes32 current,
        bytes32 next
    ) {
        Bls.requirePrecompiles();
        require(domain != 0 && guardian != address(0) && period != 0, LightClient_InvalidAnchor());
        (chainDomain, timelock, trustPeriod) = (domain, guardian, period);
        bytes32 blockHash = keccak256(abi.encode(keccak256(abi.encode(header)), restHash));
        bytes32 entry = Digests.ringEntry(blockHash, header.historyRoot);
        for (uint8 i = 0; i < ringSize; ++i) {
            _ring[i] = entry;
        }
        for (uint256 i = 0; i < PASTS; ++i) {
            _pasts[i] = Past({epoch: type(uint64).max, l1Block: 0, time: 0, current: current, next: next});
        }
        _anchor(header, blockHash, current, next);
    }

    /// @inheritdoc ILightClient
    function update(Header calldata header, bytes32 restHash, Certificate calldata certificate) external {
        Newest known = _newest;
        _requireTrusted(known);
        (uint64 height, uint64 epoch) = (header.height, header.epoch);
        require(height > known.height(), LightClient_StaleHeight(height, known.height()));
        bytes32 commitment = _committee(known.epoch(), epoch);
        bytes32 blockHash = Digests.blockHash(header, restHash);
        Finality.verify(chainDomain, commitment, header, blockHash, certificate);

        if (epoch != known.epoch()) _advance(known.epoch(), header);
        _store(known.entry(), height, epoch, blockHash, header.historyRoot, header.timestampMs, header.l1Finalized);
    }

    /// @inheritdoc ILightClient
    function reportConflict(
        Header calldata lower,
        bytes32 lowerRest,
        Certificate calldata lowerCertificate,
        Header calldata upper,
        bytes32 upperRest,
        Certificate calldata upperCertificate,
        bytes32 inHistory,
        HistoryProof calldata proof
    ) external {
        Newest known = _newest;
        _requireTrusted(known);
        bytes32 lowerHash = Digests.blockHash(lower, lowerRest);
        bytes32 upperHash = Digests.blockHash(upper, upperRest);
        bytes32 otherHash = lower.height == upper.height ? upperHash : inHistory;
        require(
            otherHash != lowerHash
                && (lower.height == upper.height
                    || (lower.height < upper.height
                        && proof.count == upper.height
                        && MountainRange.contains(upper.historyRoot, lower.height, inHistory, proof))),
            LightClient_NoConflict()
        );
        bytes32 domain = chainDomain;
        Finality.verify(domain, _accountable(known.epoch(), lower.epoch), lower, lowerHash, lowerCertificate);
        Finality.verify(domain, _accountable(known.epoch(), upper.epoch), upper, upperHash, upperCertificate);

        _newest = known.freeze();
        // An empty ring proves nothing, so that readers need not look at the flag.
        delete _ring;
        emit Frozen(lower.height, lowerHash, otherHash);
    }

    /// @inheritdoc ILightClient
    function reanchor(Header calldata header, bytes32 restHash, bytes32 current, bytes32 next) external {
        require(msg.sender == timelock, LightClient_NotTimelock(msg.sender));
        Newest known = _newest;
        require(!known.isFrozen(), LightClient_Frozen());
        require(_isExpired(known), LightClient_TrustNotExpired());
        require(header.height > known.height(), LightClient_StaleHeight(header.height, known.height()));
        bytes32 blockHash = Digests.blockHash(header, restHash);
        _anchor(header, blockHash, current, next);
        emit Reanchored(header.height, header.epoch, blockHash);
    }

    /// @inheritdoc ILightClient
    function verifyHeader(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof
    ) external view returns (bytes32 blockHash) {
        require(entry < ringSize, LightClient_NoSuchEntry(entry));
        if (Digests.ringEntry(stored.blockHash, stored.historyRoot) != _ring[entry]) {
            require(!_newest.isFrozen(), LightClient_Frozen());
            revert LightClient_WrongEntry(entry);
        }
        blockHash = Digests.blockHash(header, restHash);
        bool found = proof.count == 0
            ? blockHash == stored.blockHash
            : MountainRange.contains(stored.historyRoot, header.height, blockHash, proof);
        require(found, LightClient_NotInHistory());
    }

    /// @inheritdoc ILightClient
    function verifyNamespace(bytes32 nsRoot, Namespace calldata namespace, TreePath calldata path)
        external
        pure
        returns (bytes32 leaf)
    {
        return Namespaces.verify(nsRoot, namespace, path);
    }

    /// @inheritdoc ILightClient
    function verifyNamespaceAbsent(
        bytes32 nsRoot,
        uint64 id,
        Namespace calldata left,
        TreePath calldata leftPath,
        Namespace calldata right,
        TreePath calldata rightPath
    ) external pure {
        Namespaces.verifyAbsent(nsRoot, id, left, leftPath, right, rightPath);
    }

    /// @inheritdoc ILightClient
    function verifyTransaction(
        bytes32 nsRoot,
        Namespace calldata namespace,
        TreePath calldata namespacePath,
        bytes32 transactionHash,
        TreePath calldata transactionPath
    ) external view {
        Namespaces.verify(nsRoot, namespace, namespacePath);
        Namespaces.verifyTransaction(namespace, transactionHash, transactionPath);
    }

    /// @inheritdoc ILightClient
    function verifyAccumulator(
        bytes32 nsAccRoot,
        uint64 id,
        Accumulator calldata accumulator,
        bytes32[] calldata siblings
    ) external pure {
        NamespaceMap.verify(nsAccRoot, id, accumulator, siblings);
    }

    /// @inheritdoc ILightClient
    function verifyAccumulatorAbsent(
        bytes32 nsAccRoot,
        uint64 id,
        bytes32 otherKey,
        bytes32 otherValue,
        bytes32[] calldata siblings
    ) external pure {
        NamespaceMap.verifyAbsent(nsAccRoot, id, otherKey, otherValue, siblings);
    }

    /// @inheritdoc ILightClient
    function finalized() external view returns (Finalized memory) {
        Newest known = _newest;
        return Finalized({
            height: known.height(),
            epoch: known.epoch(),
            timestamp: known.timestamp(),
            l1Block: known.l1Block(),
            entry: known.entry(),
            l1Finalized: known.l1Finalized()
        });
    }

    /// @inheritdoc ILightClient
    function entryAt(uint8 entry) external view returns (bytes32 hash) {
        require(entry < ringSize, LightClient_NoSuchEntry(entry));
        return _ring[entry];
    }

    /// @inheritdoc ILightClient
    function committee(uint64 epoch) external view returns (bytes32) {
        return _committee(_newest.epoch(), epoch);
    }

    /// @inheritdoc ILightClient
    function isFrozen() external view returns (bool) {
        return _newest.isFrozen();
    }

    /// @inheritdoc ILightClient
    function isExpired() external view returns (bool) {
        return _isExpired(_newest);
    }

    /// @inheritdoc ILightClient
    function isStalled(uint64 blocks) external view returns (bool) {
        Newest known = _newest;
        return known.isFrozen() || _isExpired(known) || block.number - known.l1Block() > blocks;
    }

    /// @inheritdoc ILightClient
    function hasRotatedOut(uint64 l1Block) external view returns (bool) {
        return l1Block != 0 && uint64(_draws >> 128) >= l1Block;
    }

    function _requireTrusted(Newest known) private view {
        require(!known.isFrozen(), LightClient_Frozen());
        require(!_isExpired(known), LightClient_TrustExpired(known.timestamp(), trustPeriod));
    }

    function _isExpired(Newest known) private view returns (bool) {
        return block.timestamp > uint256(known.timestamp()) + trustPeriod;
    }

    /// The commitment of the committee of an epoch, while `current` is the newest block's.
    function _committee(uint64 current, uint64 epoch) private view returns (bytes32) {
        require(epoch == current || epoch == uint256(current) + 1, LightClient_UnknownEpoch(epoch, current));
        return _committees[epoch % 2];
    }

    /// The commitment of the committee of an epoch whose validators still answer for what they signed: also one that
    /// was known at the beginning of one of the last L1 blocks in which the epoch rose, for the trust period.
    function _accountable(uint64 current, uint64 epoch) private view returns (bytes32) {
        if (epoch != current && epoch != uint256(current) + 1) {
            for (uint256 i = 0; i < PASTS; ++i) {
                Past storage past = _pasts[i];
                uint64 pastEpoch = past.epoch;
                if (block.timestamp > uint256(past.time) + trustPeriod) continue;
                if (pastEpoch == epoch) return past.current;
                if (uint256(pastEpoch) + 1 == epoch) return past.next;
            }
        }
        return _committee(current, epoch);
    }

    /// Learns from the first block known of an epoch who votes in the next.
    function _advance(uint64 current, Header calldata header) private {
        _remember(current);
        (uint64 next, bytes32 commitment) = (header.epoch + 1, header.nextCommittee);
        _committees[next % 2] = commitment;

        // The next committee was drawn at the first block of the epoch before this one, after the first block known of
        // the epoch before that.
        uint256 draws = _draws;
        uint256 drawn = uint64(draws >> 64);
        _draws = uint256(header.l1Finalized) | uint256(uint64(draws)) << 64 | (draws >> 192) << 128 | drawn << 192;
        emit CommitteeKnown(next, commitment);
    }

    /// Keeps the committees that this L1 block found: whoever takes the client many epochs further at once cannot make
    /// it forget those who signed two chains.
    function _remember(uint64 current) private {
        Past storage past = _pasts[block.number % PASTS];
        if (past.l1Block == block.number) return;
        (past.epoch, past.l1Block, past.time) = (current, uint64(block.number), uint64(block.timestamp));
        (past.current, past.next) = (_committees[current % 2], _committees[(current + 1) % 2]);
    }

    /// Starts from a block. The epoch of genesis counts as epoch 1, in which no block is known yet.
    function _anchor(Header memory header, bytes32 blockHash, bytes32 current, bytes32 next) private {
        require(current != 0 && next != 0, LightClient_InvalidAnchor());
        uint64 epoch = header.height == 0 ? 1 : header.epoch;
        require(epoch != 0 && (header.height != 0 || header.epoch == 0), LightClient_InvalidAnchor());
        require(epoch < type(uint32).max, LightClient_InvalidAnchor());
        _committees[epoch % 2] = current;
        _committees[(epoch + 1) % 2] = next;
        _draws = header.l1Finalized;
        emit CommitteeKnown(epoch, current);
        emit CommitteeKnown(epoch + 1, next);
        uint8 last = _newest.entry();
        _store(last, header.height, epoch, blockHash, header.historyRoot, header.timestampMs, header.l1Finalized);
    }

    /// Writes the newest block and the place after `last` in the ring.
    function _store(
        uint8 last,
        uint64 height,
        uint64 epoch,
        bytes32 blockHash,
        bytes32 historyRoot,
        uint64 timestampMs,
        uint64 l1Finalized
    ) private {
        uint256 time = timestampMs / 1000;
        if (time > block.timestamp) time = block.timestamp;
        uint8 entry;
        unchecked {
            entry = (last + 1) % ringSize;
        }
        _newest = newest(height, uint32(epoch), uint40(time), uint40(block.number), l1Finalized, entry);
        _ring[entry] = Digests.ringEntry(blockHash, historyRoot);
        emit Updated(height, epoch, blockHash, historyRoot, entry);
    }
}
