// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What a validator signed that no honest one signs (X1 to X4). Numbers are those of the names EV1 to EV4, less one.
enum Offence {
    /// EV1: two proposals of one round (D_prop).
    Proposals,
    /// EV2: two first votes of one round (D_qv).
    Votes1,
    /// EV3: two second votes of one round (D_fv).
    Votes2,
    /// EV4: a second vote (D_fv), and a timeout (D_to) at or above its round with a lock below it.
    LostLock
}

/// One signed statement of an evidence.
struct Signed {
    uint64 viewNumber;
    /// Of a proposal: 0 fresh, 1 repropose. Else 0.
    uint8 kind;
    /// The height of a block; of a timeout the view of the lock.
    uint64 number;
    /// The hash of the block; of a timeout that of the lock.
    bytes32 hash;
    /// The signature, a point of G1 in the padding of EIP-2537.
    uint256[4] signature;
}

/// Two statements by one key that no honest validator makes.
struct Evidence {
    Offence offence;
    uint64 epoch;
    /// The key in G2, in the padding of EIP-2537.
    uint256[8] pk2;
    /// For `LostLock` the vote.
    Signed first;
    /// For `LostLock` the timeout.
    Signed second;
}

/// An operator's state.
struct Operator {
    /// Stake of the operator itself, before slashing.
    uint96 own;
    /// Stake of others, before slashing.
    uint96 delegated;
    /// Stake on its way out, before slashing.
    uint96 leaving;
    /// What is left of each unit of stake, in units of 1e-18: 1e18, or 0.9e18 once it was slashed. Zero: never
    /// registered.
    uint64 retained;
    /// Slashed: out of the committee for good, takes no stake.
    bool jailed;
    /// The L1 block in which it left; 0 if it has not.
    uint64 exitBlock;
    /// The time at which it left.
    uint64 exitTime;
}

/// Stake on its way out.
struct Withdrawal {
    address operator;
    address owner;
    /// Before slashing.
    uint96 amount;
    /// The L1 block in which it stopped counting.
    uint64 l1Block;
    /// The time at which it stopped counting.
    uint64 time;
}

/// Who may vote, and with what. Nodes replay the chained events up to a finalized block and derive the committee.
///
/// Events marked "chained" have the operator and a hash as indexed arguments. The hash is
/// `keccak256(abi.encodePacked(before, topic0, topic1, keccak256(data)))`, with `before` the hash of the chained event
/// before, at first the chain domain. `eventChain()` at a block is the hash of the last one up to it: whoever has
/// replayed to the same value has skipped nothing and was told nothing false.
interface IStakeTable {
    /// Chained. A validator: the halves of its consensus key in the padding of EIP-2537, its libp2p key (Ed25519) and
    /// multiaddress, and its stake. Neither the libp2p key nor the address is proven.
    event Registered(
        address indexed operator,
        bytes32 indexed chain,
        uint256[4] pk1,
        uint256[8] pk2,
        bytes32 networkKey,
        string networkAddress,
        uint96 stake
    );
    /// Chained. A new consensus key. The old one stays attributable.
    event KeysRotated(address indexed operator, bytes32 indexed chain, uint256[4] pk1, uint256[8] pk2);
    /// Chained. A new libp2p key or address.
    event NetworkUpdated(address indexed operator, bytes32 indexed chain, bytes32 networkKey, string networkAddress);
    /// Chained. More stake, by the operator itself or another; `stake` is the operator's total afterwards.
    event Delegated(address indexed operator, bytes32 indexed chain, address delegator, uint96 amount, uint96 stake);
    /// Chained. Less stake; `stake` is the operator's total afterwards, before slashing (it counts only if the operator
    /// was never slashed).
    event Undelegated(
        address indexed operator,
        bytes32 indexed chain,
        address delegator,
        uint96 amount,
        uint96 stake,
        uint256 withdrawal
    );
    /// Chained. The operator has left with its own stake and cannot come back under this account.
    event Deregistered(address indexed operator, bytes32 indexed chain, uint96 amount, uint256 withdrawal);
    /// Chained. The operator was convicted: it is jailed, out of the committee for good. `burnt` and `reward` were taken
    /// from its stake, delegations and withdrawals pro rata.
    event Slashed(
        address indexed operator,
        bytes32 indexed chain,
        bytes32 key,
        Offence offence,
        uint64 epoch,
        uint256 burnt,
        uint256 reward,
        address reporter,
        uint64 retained
    );
    /// Chained; the operator is the stake table itself. The rule by which nodes choose committees, first emitted at
    /// deployment: weight = stake / 1e9, at least `minimumStake` and weight 1, at most `maximumMembers` of them.
    event CommitteeRule(address indexed table, bytes32 indexed chain, uint96 minimumStake, uint16 maximumMembers);
    /// Not chained: stake was paid out.
    event Withdrawn(uint256 indexed withdrawal, address indexed owner, uint256 amount);

    /// The account is an operator already, or was one.
    error StakeTable_AlreadyRegistered(address operator);
    /// The account is no operator.
    error StakeTable_NotRegistered(address operator);
    /// The operator has left.
    error StakeTable_Exited(address operator);
    /// The operator was slashed.
    error StakeTable_Jailed(address operator);
    /// The key was registered before, by anyone.
    error StakeTable_KeyTaken(bytes32 key);
    /// The key belongs to no operator.
    error StakeTable_UnknownKey(bytes32 key);
    /// A half of the key is the identity.
    error StakeTable_IdentityKey();
    /// The proof of possession is wrong: another network, operator or key; the halves are of different secrets; or a
    /// point is malformed or outside its subgroup.
    error StakeTable_WrongPossession();
    /// The stake is below the minimum.
    error StakeTable_BelowMinimum(uint96 amount, uint96 minimum);
    /// Nothing to move.
    error StakeTable_ZeroAmount();
    /// The operator's weight would not fit 64 bits.
    error StakeTable_StakeOverflow(uint256 stake);
    /// There is less than that.
    error StakeTable_InsufficientStake(uint96 amount, uint96 available);
    /// The multiaddress has more than 256 bytes, none, or one that is not printable ASCII.
    error StakeTable_WrongNetworkAddress(uint256 length);
    /// There is no such withdrawal, or it was paid.
    error StakeTable_NoSuchWithdrawal(uint256 withdrawal);
    /// The escrow runs until then.
    error StakeTable_InEscrow(uint64 until);
    /// A committee that the light client still has to see off may count this stake.
    error StakeTable_MayStillVote(uint64 l1Block);
    /// The statements do not contradict each other.
    error StakeTable_NoOffence();
    /// A signature is not the key's.
    error StakeTable_WrongSignature();
    /// The operator was convicted already, of this or another offence.
    error StakeTable_AlreadyConvicted(address operator, Offence offence, uint64 epoch);
    /// Only the timelock changes the rule.
    error StakeTable_NotTimelock(address sender);
    /// A rule or a constructor argument that no network can run with.
    error StakeTable_InvalidParameter();

    /// Becomes an operator. The stake is taken from the sender, who approved it.
    /// @param pk1 The consensus key in G1, in the padding of EIP-2537
    /// @param pk2 The same secret's key in G2
    /// @param possession The key's signature over D_pop with the sender as operator
    /// @param networkKey The Ed25519 public key of libp2p
    /// @param networkAddress Where the node listens, as a multiaddress
    /// @param amount The operator's own stake
    function register(
        uint256[4] calldata pk1,
        uint256[8] calldata pk2,
        uint256[4] calldata possession,
        bytes32 networkKey,
        string calldata networkAddress,
        uint96 amount
    ) external;

    /// Replaces the sender's consensus key.
    function rotateKeys(uint256[4] calldata pk1, uint256[8] calldata pk2, uint256[4] calldata possession) external;
    /// Replaces the sender's libp2p key and address.
    function updateNetwork(bytes32 networkKey, string calldata networkAddress) external;
    /// Adds stake to an operator; its own if the sender is the operator.
    function delegate(address operator, uint96 amount) external;
    /// Takes stake back, into escrow. Amounts are before slashing.
    function undelegate(address operator, uint96 amount) external returns (uint256 withdrawal);
    /// Leaves for good, with all of the sender's own stake.
    function deregister() external returns (uint256 withdrawal);
    /// Pays a withdrawal to its owner, whoever calls, once the escrow has passed and the light client has seen the last
    /// committee off that may count the stake. If the light client is frozen or expired, after twice the escrow.
    function withdraw(uint256 withdrawal) external;
    /// Convicts an operator, once: burns part of its stake, delegations and withdrawals pro rata, jails it, pays the
    /// sender a tenth of it, but at most half of what the operator itself loses.
    function slash(Evidence calldata evidence) external;
    /// Changes the committee rule. Only the timelock.
    function setCommitteeRule(uint96 minimumStake, uint16 maximumMembers) external;

    /// Names the network: keccak of the words tag, chain id, this address, salt.
    function chainDomain() external view returns (bytes32);
    function salt() external view returns (bytes32);
    /// The staked ERC-20.
    function token() external view returns (address);
    /// The light client on this L1.
    function lightClient() external view returns (address);
    /// The one account that may change the committee rule.
    function timelock() external view returns (address);
    /// Seconds that stake stays after it stopped counting.
    function escrow() external view returns (uint64);
    function minimumStake() external view returns (uint96);
    function maximumMembers() external view returns (uint16);
    /// The hash over all chained events so far.
    function eventChain() external view returns (bytes32);
    function operator(address account) external view returns (Operator memory);
    /// The operator that registered a key, `keccak256(pk2)`; zero if nobody did.
    function operatorOf(bytes32 key) external view returns (address);
    /// What a delegator has with an operator, before slashing.
    function delegation(address operator, address delegator) external view returns (uint96);
    function withdrawal(uint256 id) external view returns (Withdrawal memory);
    /// What a withdrawal would pay if nothing more is slashed.
    function payout(uint256 id) external view returns (uint256);
}
