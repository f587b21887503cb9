// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Ascii} from "./libraries/Ascii.sol";
import {Bls} from "./libraries/Bls.sol";
import {Digests} from "./libraries/Digests.sol";
import {HashToG1} from "./libraries/HashToG1.sol";
import {Offences} from "./libraries/Offences.sol";
import {ILightClient} from "./interfaces/ILightClient.sol";
import {Evidence, IStakeTable, Offence, Operator, Withdrawal} from "./interfaces/IStakeTable.sol";
import {IStakeToken} from "./interfaces/IStakeToken.sol";

/// The stake table: see IStakeTable for what it does and guarantees.
contract StakeTable is IStakeTable {
    using SafeERC20 for IStakeToken;

    /// One word: what registering writes, besides the owner of the key.
    struct Stake {
        uint96 own;
        uint96 delegated;
        /// The L1 block in which it was slashed; 0 if it was not.
        uint56 jailBlock;
        bool isRegistered;
    }

    /// One word, written when stake leaves.
    struct Exit {
        uint96 leaving;
        /// What of that is the operator's own, as weight. It takes 18 billion tokens of one operator not to fit.
        uint64 ownWeight;
        uint48 l1Block;
        uint48 time;
    }

    /// Nothing slashed.
    uint64 private constant WHOLE = 1e18;
    /// What a conviction leaves of the stake, in units of 1e-18.
    uint64 private constant LEFT_BY_SLASHING = 0.9e18;
    /// The part of what is slashed that goes to the reporter: one in ten.
    uint256 private constant REWARD_DIVISOR = 10;
    uint256 private constant UNITS_OF_A_WEIGHT = 1e9;
    /// The largest stake whose weight, stake / 1e9, fits 64 bits.
    uint256 private constant MAXIMUM_STAKE = (uint256(1) << 64) * UNITS_OF_A_WEIGHT - 1;
    /// The design's limit on the size of a committee (M1).
    uint16 private constant MOST_MEMBERS = 1000;
    /// With fewer members than this there is no change of committee.
    uint16 private constant LEAST_MEMBERS = 4;
    uint64 private constant LONGEST_ESCROW = 3650 days;
    uint256 private constant MAXIMUM_ADDRESS = 256;

    bytes32 public immutable chainDomain;
    bytes32 public immutable salt;
    IStakeToken private immutable _token;
    ILightClient private immutable _lightClient;
    address public immutable timelock;
    uint64 public immutable escrow;

    bytes32 public eventChain;
    uint96 public minimumStake;
    uint16 public maximumMembers;
    uint64 private _withdrawalCount;

    mapping(address operator => Stake) private _stakes;
    mapping(address operator => Exit) private _exits;
    mapping(address operator => mapping(address delegator => uint96)) private _delegations;
    mapping(uint256 id => Withdrawal) private _withdrawals;
    /// @inheritdoc IStakeTable
    mapping(bytes32 key => address operator) public operatorOf;

    /// @param stakeToken The ERC-20 that is staked; its `burn` destroys tokens of the caller
    /// @param client The light client on this L1, deployed before for this contract's chain domain
    /// @param guardian The timelock that may change the committee rule
    /// @param networkSalt Tells networks of one deployer apart
    /// @param escrowSeconds How long stake stays after it stopped counting: longer than the client's trust period
    /// @param minimum The least stake of a member at first
    /// @param members The most members of a committee at first
    constructor(
        IStakeToken stakeToken,
        ILightClient client,
        address guardian,
        bytes32 networkSalt,
        uint64 escrowSeconds,
        uint96 minimum,
        uint16 members
    ) {
        Bls.requirePrecompiles();
        bytes32 domain = Digests.chainDomain(block.chainid, address(this), networkSalt);
        require(
            guardian != address(0) && address(stakeToken).code.length != 0
                && stakeToken.totalSupply() <= type(uint96).max && client.chainDomain() == domain
                && client.trustPeriod() < escrowSeconds && escrowSeconds <= LONGEST_ESCROW,
            StakeTable_InvalidParameter()
        );
        (chainDomain, salt, _token, _lightClient) = (domain, networkSalt, stakeToken, client);
        (timelock, escrow) = (guardian, escrowSeconds);
        eventChain = domain;
        _setCommitteeRule(minimum, members);
    }

    /// @inheritdoc IStakeTable
    function register(
        uint256[4] calldata pk1,
        uint256[8] calldata pk2,
        uint256[4] calldata possession,
        bytes32 networkKey,
        string calldata networkAddress,
        uint96 amount
    ) external {
        require(!_stakes[msg.sender].isRegistered, StakeTable_AlreadyRegistered(msg.sender));
        require(amount >= minimumStake, StakeTable_BelowMinimum(amount, minimumStake));
        _requireFits(amount);
        _requireAddress(networkAddress);
        _takeKey(pk1, pk2, possession);
        _stakes[msg.sender] = Stake({own: amount, delegated: 0, jailBlock: 0, isRegistered: true});
        _record(Registered.selector, msg.sender, abi.encode(pk1, pk2, networkKey, networkAddress, amount));
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IStakeTable
    function rotateKeys(uint256[4] calldata pk1, uint256[8] calldata pk2, uint256[4] calldata possession) external {
        _requireActive(msg.sender);
        _takeKey(pk1, pk2, possession);
        _record(KeysRotated.selector, msg.sender, abi.encode(pk1, pk2));
    }

    /// @inheritdoc IStakeTable
    function updateNetwork(bytes32 networkKey, string calldata networkAddress) external {
        _requireActive(msg.sender);
        _requireAddress(networkAddress);
        _record(NetworkUpdated.selector, msg.sender, abi.encode(networkKey, networkAddress));
    }

    /// @inheritdoc IStakeTable
    function delegate(address account, uint96 amount) external {
        _requireActive(account);
        require(amount != 0, StakeTable_ZeroAmount());
        Stake memory stake = _stakes[account];
        uint96 total = _requireFits(uint256(stake.own) + stake.delegated + amount);
        if (msg.sender == account) {
            stake.own += amount;
        } else {
            stake.delegated += amount;
            _delegations[account][msg.sender] += amount;
        }
        _stakes[account] = stake;
        _record(Delegated.selector, account, abi.encode(msg.sender, amount, total));
        _token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @inheritdoc IStakeTable
    function undelegate(address account, uint96 amount) external returns (uint256 id) {
        require(amount != 0, StakeTable_ZeroAmount());
        Stake memory stake = _stakes[account];
        uint96 available = msg.sender == account ? stake.own : _delegations[account][msg.sender];
        require(amount <= available, StakeTable_InsufficientStake(amount, available));
        if (msg.sender == account) {
            stake.own -= amount;
        } else {
            stake.delegated -= amount;
            _delegations[account][msg.sender] = available - amount;
        }
        _stakes[account] = stake;
        id = _leave(account, amount, stake.jailBlock);
        _record(Undelegated.selector, account, abi.encode(msg.sender, amount, stake.own + stake.delegated, id));
    }

    /// @inheritdoc IStakeTable
    function deregister() external returns (uint256 id) {
        require(_stakes[msg.sender].isRegistered, StakeTable_NotRegistered(msg.sender));
        require(_exits[msg.sender].l1Block == 0, StakeTable_Exited(msg.sender));
        Stake storage stake = _stakes[msg.sender];
        uint96 amount = stake.own;
        stake.own = 0;
        id = _leave(msg.sender, amount, stake.jailBlock);
        _exits[msg.sender].l1Block = uint48(block.number);
        _exits[msg.sender].time = uint48(block.timestamp);
        _record(Deregistered.selector, msg.sender, abi.encode(amount, id));
    }

    /// @inheritdoc IStakeTable
    function withdraw(uint256 id) external {
        Withdrawal memory leaving = _withdrawals[id];
        require(leaving.owner != address(0), StakeTable_NoSuchWithdrawal(id));
        uint64 until = leaving.time + escrow;
        require(block.timestamp >= until, StakeTable_InEscrow(until));
        if (!_lightClient.hasRotatedOut(leaving.l1Block)) {
            // A light client that stands still for good sees no committee off. Time alone counts then.
            require(_lightClient.isFrozen() || _lightClient.isExpired(), StakeTable_MayStillVote(leaving.l1Block));
            require(block.timestamp >= until + escrow, StakeTable_InEscrow(until + escrow));
        }
        uint256 amount = payout(id);
        delete _withdrawals[id];
        Exit storage exit = _exits[leaving.operator];
        exit.leaving -= leaving.amount;
        if (leaving.owner == leaving.operator) exit.ownWeight -= _weight(leaving.amount);
        emit Withdrawn(id, leaving.owner, amount);
        _token.safeTransfer(leaving.owner, amount);
    }

    /// @inheritdoc IStakeTable
    function slash(Evidence calldata evidence) external {
        bytes32 key = keccak256(abi.encode(evidence.pk2));
        address account = operatorOf[key];
        require(account != address(0), StakeTable_UnknownKey(key));
        Stake memory stake = _stakes[account];
        require(stake.jailBlock == 0, StakeTable_AlreadyConvicted(account, evidence.offence, evidence.epoch));
        Offences.verify(chainDomain, evidence);

        Exit memory exit = _exits[account];
        uint256 units = uint256(stake.own) + stake.delegated + exit.leaving;
        // Rounded down: what is left covers what is owed.
        uint256 taken = units * (WHOLE - LEFT_BY_SLASHING) / WHOLE;
        _stakes[account].jailBlock = uint56(block.number);
        // At most half of what the operator itself loses, of its stake and of what it has in escrow, or it could report
        // itself at its delegators' cost.
        uint256 own = uint256(stake.own) + exit.ownWeight * UNITS_OF_A_WEIGHT;
        uint256 reward = Math.min(taken / REWARD_DIVISOR, own * (WHOLE - LEFT_BY_SLASHING) / WHOLE / 2);
        uint256 burnt = taken - reward;
        _record(
            Slashed.selector,
            account,
            abi.encode(key, evidence.offence, evidence.epoch, burnt, reward, msg.sender, LEFT_BY_SLASHING)
        );
        _token.burn(burnt);
        _token.safeTransfer(msg.sender, reward);
    }

    /// @inheritdoc IStakeTable
    function setCommitteeRule(uint96 minimum, uint16 members) external {
        require(msg.sender == timelock, StakeTable_NotTimelock(msg.sender));
        _setCommitteeRule(minimum, members);
    }

    /// @inheritdoc IStakeTable
    function token() external view returns (address) {
        return address(_token);
    }

    /// @inheritdoc IStakeTable
    function lightClient() external view returns (address) {
        return address(_lightClient);
    }

    /// @inheritdoc IStakeTable
    function operator(address account) external view returns (Operator memory) {
        Stake memory stake = _stakes[account];
        Exit memory exit = _exits[account];
        return Operator({
            own: stake.own,
            delegated: stake.delegated,
            leaving: exit.leaving,
            retained: _retained(stake),
            jailed: stake.jailBlock != 0,
            exitBlock: exit.l1Block,
            exitTime: exit.time
        });
    }

    /// @inheritdoc IStakeTable
    function delegation(address account, address delegator) external view returns (uint96) {
        return account == delegator ? _stakes[account].own : _delegations[account][delegator];
    }

    /// @inheritdoc IStakeTable
    function withdrawal(uint256 id) external view returns (Withdrawal memory) {
        return _withdrawals[id];
    }

    /// @inheritdoc IStakeTable
    function payout(uint256 id) public view returns (uint256) {
        Withdrawal memory leaving = _withdrawals[id];
        return uint256(leaving.amount) * _retained(_stakes[leaving.operator]) / WHOLE;
    }

    function _setCommitteeRule(uint96 minimum, uint16 members) private {
        require(
            minimum != 0 && minimum <= MAXIMUM_STAKE && members >= LEAST_MEMBERS && members <= MOST_MEMBERS,
            StakeTable_InvalidParameter()
        );
        (minimumStake, maximumMembers) = (minimum, members);
        _record(CommitteeRule.selector, address(this), abi.encode(minimum, members));
    }

    /// Gives a key that nobody had to the sender, who proves to hold it: for good, so that what it signs stays
    /// attributable.
    function _takeKey(uint256[4] calldata pk1, uint256[8] calldata pk2, uint256[4] calldata possession) private {
        bytes32 key = keccak256(abi.encode(pk2));
        require(operatorOf[key] == address(0), StakeTable_KeyTaken(key));
        require(!Bls.isIdentity(pk1), StakeTable_IdentityKey());
        bytes32 digest = Digests.possession(chainDomain, msg.sender, pk1, pk2);
        require(
            Bls.isSignedByBothHalves(digest, HashToG1.ofPossession(digest), possession, pk1, pk2),
            StakeTable_WrongPossession()
        );
        operatorOf[key] = msg.sender;
    }

    /// Puts the sender's stake with an operator into escrow. With an operator that has left it stopped counting then,
    /// with one that was slashed in that block.
    function _leave(address account, uint96 amount, uint56 jailBlock) private returns (uint256 id) {
        Exit memory exit = _exits[account];
        bool left = exit.l1Block != 0;
        uint64 l1Block = left ? exit.l1Block : uint64(block.number);
        if (jailBlock != 0 && jailBlock < l1Block) l1Block = jailBlock;
        id = _withdrawalCount++;
        _withdrawals[id] = Withdrawal({
            operator: account,
            owner: msg.sender,
            amount: amount,
            l1Block: l1Block,
            time: left ? exit.time : uint64(block.timestamp)
        });
        exit.leaving += amount;
        if (msg.sender == account) exit.ownWeight += _weight(amount);
        _exits[account] = exit;
    }

    function _requireActive(address account) private view {
        Stake memory stake = _stakes[account];
        require(stake.isRegistered, StakeTable_NotRegistered(account));
        require(stake.jailBlock == 0, StakeTable_Jailed(account));
        require(_exits[account].l1Block == 0, StakeTable_Exited(account));
    }

    /// What is left of each unit of stake, in units of 1e-18; 0 of an account that is no operator.
    function _retained(Stake memory stake) private pure returns (uint64) {
        if (!stake.isRegistered) return 0;
        return stake.jailBlock == 0 ? WHOLE : LEFT_BY_SLASHING;
    }

    /// Fits, since no stake is above `MAXIMUM_STAKE`.
    function _weight(uint96 amount) private pure returns (uint64) {
        return uint64(amount / UNITS_OF_A_WEIGHT);
    }

    function _requireFits(uint256 stake) private pure returns (uint96) {
        require(stake <= MAXIMUM_STAKE, StakeTable_StakeOverflow(stake));
        return uint96(stake);
    }

    function _requireAddress(string calldata networkAddress) private pure {
        uint256 length = bytes(networkAddress).length;
        require(length != 0 && length <= MAXIMUM_ADDRESS, StakeTable_WrongNetworkAddress(length));
        // Nodes read it from an event that they may not skip.
        require(Ascii.isPrintable(networkAddress), StakeTable_WrongNetworkAddress(length));
    }

    /// Emits a chained event.
    function _record(bytes32 topic, address account, bytes memory data) private {
        bytes32 chain = keccak256(abi.encode(eventChain, topic, account, keccak256(data)));
        eventChain = chain;
        assembly ("memory-safe") {
            log3(add(data, 0x20), mload(data), topic, account, chain)
        }
    }
}
