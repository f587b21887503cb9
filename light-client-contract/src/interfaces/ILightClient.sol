// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// A point of G1: x, then y, 48 bytes each, big-endian, without the padding of EIP-2537. Calldata is what gets dearer.
struct PackedG1 {
    bytes32[3] words;
}

/// A point of G2: x.c0, x.c1, y.c0, y.c1, 48 bytes each, big-endian, without the padding of EIP-2537. (blst
/// serialises c1 before c0.)
struct PackedG2 {
    bytes32[6] words;
}

/// The part of a block header that L1 reads: what `lc_hash` is over (R3), in its order.
struct Header {
    uint64 height;
    uint64 epoch;
    /// Root of the mountain range over the hashes of all earlier blocks.
    bytes32 historyRoot;
    /// Commitment of the committee of the next epoch.
    bytes32 nextCommittee;
    /// Root over the namespaces of the block's payload.
    bytes32 nsRoot;
    /// Root of the map from namespace to its accumulator, this block included.
    bytes32 nsAccRoot;
    uint64 timestampMs;
    /// The number of the newest block of the home L1 that the block's proposer and voters saw finalized.
    uint64 l1Finalized;
}

/// What a committee's commitment is over, without the epoch, which the header names.
struct Committee {
    /// How many members: n.
    uint64 size;
    /// The sum of their weights: S.
    uint128 total;
    /// The plain sum of all members' keys in G1.
    PackedG1 sum;
    /// The root over (index, key in G1, weight).
    bytes32 root;
}

/// A certificate of finality (FC): vote 2 of a quorum, in one signature.
struct Certificate {
    /// The view that was voted in; not the one in the header.
    uint64 viewNumber;
    /// Those entitled to vote.
    Committee committee;
    /// The sum of the signatures over D_fv.
    PackedG1 signature;
    /// The sum of the signers' keys in G2.
    PackedG2 signers;
    /// The members that did not sign, by strictly rising index, 106 bytes each: index (2), weight (8), key in G1 (96).
    bytes absent;
    /// Proves the absent against `committee.root`: for each node above an absent member, in post-order (left, right,
    /// itself), its child that is above none, if it has one.
    bytes32[] siblings;
}

/// Where a block stands in the history that a later block's `historyRoot` commits to.
struct HistoryProof {
    /// Leaves in the range: the height of the later block.
    uint64 count;
    /// Siblings from the leaf up to its peak.
    bytes32[] path;
    /// The other peaks, from the left.
    bytes32[] peaks;
}

/// What a block's namespace tree says about one namespace.
struct Namespace {
    /// A rollup's chain id is its namespace; 0 is none.
    uint64 id;
    /// Bytes of the whole body, offset table included.
    uint64 byteLength;
    uint64 transactionCount;
    /// The SHA-256 root over its transactions.
    bytes32 transactionRoot;
}

/// A leaf's place in a tree that is padded to a power of two.
struct TreePath {
    uint64 index;
    /// Leaves in the tree without the padding.
    uint64 count;
    /// From the leaf up, padding included.
    bytes32[] siblings;
}

/// The summary of all blocks that hold a namespace.
struct Accumulator {
    uint64 blockCount;
    uint64 transactionTotal;
    bytes32 chain;
}

/// What a place of the ring commits to. Both are in the event `Updated`, and in the block's header.
struct RingEntry {
    bytes32 blockHash;
    /// The one in that block's header, over all earlier blocks.
    bytes32 historyRoot;
}

/// The newest block that a light client knows to be final; its hashes are in the event `Updated`.
struct Finalized {
    uint64 height;
    uint64 epoch;
    /// Seconds: the block's time, or that of the L1 block that stored it if the block's was ahead.
    uint64 timestamp;
    /// The block of this L1 in which it was stored.
    uint64 l1Block;
    /// Its place in the ring: the `entry` of `verifyHeader`.
    uint8 entry;
    /// The block of the home L1 that its header names as finalized.
    uint64 l1Finalized;
}

/// Follows one network by its own certificates of finality. Anyone may update it. No key can write its state, except
/// that the timelock may set a new anchor once the trust period has run out.
interface ILightClient {
    /// A newer block is final. `entry` is its place in the ring.
    event Updated(uint64 indexed height, uint64 indexed epoch, bytes32 blockHash, bytes32 historyRoot, uint8 entry);
    /// The committee of `epoch` is known.
    event CommitteeKnown(uint64 indexed epoch, bytes32 commitment);
    /// Two certificates of finality contradict each other: nothing is believed any more.
    event Frozen(uint64 indexed height, bytes32 blockHash, bytes32 otherHash);
    /// The timelock set a new anchor after the trust period had run out.
    event Reanchored(uint64 indexed height, uint64 indexed epoch, bytes32 blockHash);

    /// A conflict was proven: nothing is believed any more.
    error LightClient_Frozen();
    /// The newest block is older than the trust period: keys that have left may have signed anything.
    error LightClient_TrustExpired(uint64 newest, uint64 trustPeriod);
    /// The trust period has not run out.
    error LightClient_TrustNotExpired();
    /// Only the timelock sets an anchor.
    error LightClient_NotTimelock(address sender);
    /// The header's epoch has no known committee: it is neither the current one nor the next.
    error LightClient_UnknownEpoch(uint64 epoch, uint64 current);
    /// The block is not above the newest one.
    error LightClient_StaleHeight(uint64 height, uint64 newest);
    /// The committee is not the one that the chain committed to for the epoch.
    error LightClient_WrongCommittee(bytes32 expected, bytes32 found);
    /// The proof of the absent members does not lead to the committee's root.
    error LightClient_WrongMembers();
    /// The bytes of the absent members are not a multiple of 106.
    error LightClient_MalformedAbsent();
    /// The absent members' indices do not rise strictly, or one is outside the committee.
    error LightClient_AbsentOutOfOrder(uint256 index);
    /// Two thirds or less of the stake signed.
    error LightClient_NoQuorum(uint256 signed, uint256 total);
    /// The signers' keys sum up to the identity.
    error LightClient_IdentityKey();
    /// The signature is not the signers'.
    error LightClient_WrongSignature();
    /// There is no such place in the ring.
    error LightClient_NoSuchEntry(uint8 entry);
    /// The ring does not hold this block at the place: another was meant, or a newer one has taken the place since.
    error LightClient_WrongEntry(uint8 entry);
    /// The header is not in the history of the ring's block.
    error LightClient_NotInHistory();
    /// The two blocks do not contradict each other.
    error LightClient_NoConflict();
    /// The namespace is not where the proof says.
    error LightClient_WrongNamespace();
    /// The transaction is not where the proof says.
    error LightClient_WrongTransaction();
    /// The namespace's summary is not what the proof says.
    error LightClient_WrongAccumulator();
    /// A constructor argument or an anchor that no network can have.
    error LightClient_InvalidAnchor();

    /// Stores a newer final block. Its epoch is the current one or the next.
    /// @param header The part of the block's header that L1 reads
    /// @param restHash The hash of the rest
    /// @param certificate The certificate of finality on the block
    function update(Header calldata header, bytes32 restHash, Certificate calldata certificate) external;

    /// Freezes the light client for good if two final blocks contradict each other (EV5). Either they are at one height
    /// with different hashes; then `proof` is empty (`count` 0). Or `upper` is higher, and its history has another hash,
    /// `inHistory`, at the height of `lower`. Both are of the current epoch or the next, or for the trust period of one
    /// that was either when one of the last eight L1 blocks began in which the epoch rose. Slashes nobody.
    function reportConflict(
        Header calldata lower,
        bytes32 lowerRest,
        Certificate calldata lowerCertificate,
        Header calldata upper,
        bytes32 upperRest,
        Certificate calldata upperCertificate,
        bytes32 inHistory,
        HistoryProof calldata proof
    ) external;

    /// Sets a new anchor. Only the timelock, only after the trust period has run out, never once frozen.
    /// @param current Commitment of the committee of the header's epoch (of epoch 1 for the genesis header)
    /// @param next Commitment of the committee of the epoch after that
    function reanchor(Header calldata header, bytes32 restHash, bytes32 current, bytes32 next) external;

    /// Names the network in every signature.
    function chainDomain() external view returns (bytes32);
    /// The one account that may set an anchor, after the trust period.
    function timelock() external view returns (address);
    /// Seconds after which the newest block is too old to go on from.
    function trustPeriod() external view returns (uint64);
    /// How many blocks the ring holds.
    function ringSize() external view returns (uint8);
    /// The newest block known to be final.
    function finalized() external view returns (Finalized memory);
    /// The Keccak-256 of the `RingEntry` at a place of the ring; 0 once frozen.
    function entryAt(uint8 entry) external view returns (bytes32 hash);
    /// The commitment of the committee of the current epoch or the next; reverts for others.
    function committee(uint64 epoch) external view returns (bytes32);
    /// Whether a conflict was proven.
    function isFrozen() external view returns (bool);
    /// Whether the trust period has run out.
    function isExpired() external view returns (bool);
    /// Whether nothing was stored for more than `blocks` blocks of this L1: for escape hatches. True once frozen or expired.
    function isStalled(uint64 blocks) external view returns (bool);

    /// Whether no committee of the current epoch or a later one was drawn from a state of the stake table before
    /// block `l1Block` of the home L1. Stake that left in `l1Block` votes no more. A committee that is
    /// repeated for want of candidates counts as drawn anew.
    function hasRotatedOut(uint64 l1Block) external view returns (bool);

    /// Checks that a block is final and returns its hash; reverts if it is not proven, always once frozen.
    /// @param entry The place in the ring of a block that is the header's or later
    /// @param stored That block
    /// @param proof Where the header stands in the history of that block; for that block itself `count` is 0
    function verifyHeader(
        uint8 entry,
        RingEntry calldata stored,
        Header calldata header,
        bytes32 restHash,
        HistoryProof calldata proof
    ) external view returns (bytes32 blockHash);

    /// Checks that a block holds exactly this namespace and returns the leaf's hash. `nsRoot` is from a header that was
    /// verified.
    function verifyNamespace(bytes32 nsRoot, Namespace calldata namespace, TreePath calldata path)
        external
        pure
        returns (bytes32 leaf);

    /// Checks that a block does not hold a namespace. `left` and `right` are the neighbours of the place that it would
    /// have; at an edge the missing one is ignored: `left` if `right.index` is 0, `right` if `left.index` is the last.
    function verifyNamespaceAbsent(
        bytes32 nsRoot,
        uint64 id,
        Namespace calldata left,
        TreePath calldata leftPath,
        Namespace calldata right,
        TreePath calldata rightPath
    ) external pure;

    /// Checks that the transaction with this SHA-256 is at `transactionPath.index` of a namespace of a block.
    function verifyTransaction(
        bytes32 nsRoot,
        Namespace calldata namespace,
        TreePath calldata namespacePath,
        bytes32 transactionHash,
        TreePath calldata transactionPath
    ) external view;

    /// Checks the summary of all blocks that hold a namespace, up to and with the block of `nsAccRoot`.
    /// @param siblings From the entry up
    function verifyAccumulator(
        bytes32 nsAccRoot,
        uint64 id,
        Accumulator calldata accumulator,
        bytes32[] calldata siblings
    ) external pure;

    /// Checks that no block up to the one of `nsAccRoot` holds a namespace.
    /// @param otherKey Key of the other leaf at which the path ends; zero together with `otherValue` if it ends at
    /// nothing
    /// @param otherValue Hash of its value
    function verifyAccumulatorAbsent(
        bytes32 nsAccRoot,
        uint64 id,
        bytes32 otherKey,
        bytes32 otherValue,
        bytes32[] calldata siblings
    ) external pure;
}
