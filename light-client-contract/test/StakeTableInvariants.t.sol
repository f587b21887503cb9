// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Evidence, IStakeTable, Offence, Operator, Withdrawal} from "../src/interfaces/IStakeTable.sol";
import {IStakeToken} from "../src/interfaces/IStakeToken.sol";
import {ChosenLightClient, StakeTableFixture} from "./support/StakeTableFixture.sol";
import {Stakers} from "./support/Stakers.sol";
import {Vm} from "./support/Vm.sol";

/// Users of a stake table who do only what is allowed, and what they believe to have.
contract Users is Stakers {
    uint256 private constant OPERATORS = 4;
    uint256 private constant DELEGATORS = 3;

    ChosenLightClient private immutable client;

    /// What is staked and not withdrawn, before slashing, by operator.
    mapping(address => uint256) public units;
    /// What is left of each unit, by operator, in 1e18.
    mapping(address => uint256) public retained;
    mapping(address => bool) public exited;
    mapping(address => mapping(address => uint256)) public staked;
    uint256[] public withdrawals;
    uint256 public burnt;
    bytes32 public chain;
    uint64 private nextEpoch = 1;
    uint256 private nextSecret = 1000;
    mapping(address => uint256) private secrets;

    constructor(IStakeTable table_, IStakeToken token_, ChosenLightClient client_) {
        (table, token, client) = (table_, token_, client_);
        chain = table_.eventChain();
    }

    /// Follows the chained events of a call.
    modifier followed() {
        vm.recordLogs();
        _;
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(table) || logs[i].topics[0] == IStakeTable.Withdrawn.selector) continue;
            chain = keccak256(abi.encodePacked(chain, logs[i].topics[0], logs[i].topics[1], keccak256(logs[i].data)));
        }
    }

    function operatorAt(uint256 seed) public pure returns (address) {
        return address(uint160(0x1000 + seed % OPERATORS));
    }

    function operatorCount() external pure returns (uint256) {
        return OPERATORS;
    }

    function withdrawalCount() external view returns (uint256) {
        return withdrawals.length;
    }

    function register(uint256 seed, uint96 amount) external followed {
        address operator = operatorAt(seed);
        if (retained[operator] != 0) return;
        amount = uint96(bound(amount, table.minimumStake(), 1_000_000 ether));
        uint256 secret = nextSecret++;
        register(operator, secret, amount);
        (secrets[operator], retained[operator]) = (secret, 1e18);
        (units[operator], staked[operator][operator]) = (amount, amount);
    }

    function rotate(uint256 seed) external followed {
        address operator = operatorAt(seed);
        if (!_isActive(operator)) return;
        uint256 secret = nextSecret++;
        rotate(operator, secret);
        // Sometimes it is the old key that signs twice.
        if (seed % 2 == 0) secrets[operator] = secret;
    }

    function delegate(uint256 seed, uint256 from, uint96 amount) external followed {
        address operator = operatorAt(seed);
        if (!_isActive(operator)) return;
        address delegator = _delegator(from, operator);
        amount = uint96(bound(amount, 1, 1_000_000 ether));
        delegate(delegator, operator, amount);
        units[operator] += amount;
        staked[operator][delegator] += amount;
    }

    function undelegate(uint256 seed, uint256 from, uint96 amount) external followed {
        address operator = operatorAt(seed);
        address delegator = _delegator(from, operator);
        uint256 available = staked[operator][delegator];
        if (available == 0) return;
        amount = uint96(bound(amount, 1, available));
        withdrawals.push(undelegate(delegator, operator, amount));
        staked[operator][delegator] -= amount;
    }

    function deregister(uint256 seed) external followed {
        address operator = operatorAt(seed);
        if (retained[operator] == 0 || exited[operator]) return;
        withdrawals.push(deregister(operator));
        exited[operator] = true;
        staked[operator][operator] = 0;
    }

    function slash(uint256 seed) external followed {
        address operator = operatorAt(seed);
        uint256 left = retained[operator] * 9 / 10;
        uint256 taken = units[operator] * (retained[operator] - left) / 1e18;
        if (retained[operator] != 1e18 || taken == 0) return;
        Evidence memory evidence = doubleVote(Offence.Votes1, secrets[operator], nextEpoch++);
        uint256 before = token.totalSupply();
        address reporter = address(0x4e404e4);
        uint256 rewarded = token.balanceOf(reporter);
        vm.prank(reporter);
        table.slash(evidence);
        assertEq(before - token.totalSupply() + token.balanceOf(reporter) - rewarded, taken, "taken");
        burnt += before - token.totalSupply();
        retained[operator] = left;
    }

    function withdraw(uint256 seed) external followed {
        if (withdrawals.length == 0) return;
        uint256 place = seed % withdrawals.length;
        uint256 id = withdrawals[place];
        Withdrawal memory leaving = table.withdrawal(id);
        vm.warp(
            uint256(leaving.time) + table.escrow() > block.timestamp ? leaving.time + table.escrow() : block.timestamp
        );
        client.choose(uint64(block.number), false, false);
        uint256 before = token.balanceOf(leaving.owner);
        table.withdraw(id);
        uint256 paid = uint256(leaving.amount) * retained[leaving.operator] / 1e18;
        assertEq(token.balanceOf(leaving.owner) - before, paid, "paid");
        units[leaving.operator] -= leaving.amount;
        withdrawals[place] = withdrawals[withdrawals.length - 1];
        withdrawals.pop();
    }

    function pass(uint256 blocks) external {
        blocks = bound(blocks, 1, 1000);
        vm.roll(block.number + blocks);
        vm.warp(block.timestamp + 12 * blocks);
    }

    function _isActive(address operator) private view returns (bool) {
        return retained[operator] == 1e18 && !exited[operator];
    }

    function _delegator(uint256 seed, address operator) private pure returns (address) {
        seed %= DELEGATORS + 1;
        return seed == DELEGATORS ? operator : address(uint160(0x2000 + seed));
    }
}

contract StakeTableInvariants is StakeTableFixture {
    Users private users;

    function setUp() public override {
        super.setUp();
        users = new Users(table, token, client);
        token.transfer(address(users), SUPPLY / 2);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(users);
    }

    /// The table can pay everybody: what it holds covers what it owes, and exceeds it by rounding only.
    function invariant_solvency() external view {
        uint256 owed = 0;
        for (uint256 i = 0; i < users.operatorCount(); ++i) {
            address operator = users.operatorAt(i);
            owed += users.units(operator) * users.retained(operator) / 1e18;
        }
        uint256 held = token.balanceOf(TABLE);
        assertTrue(held >= owed, "covered");
        assertTrue(held - owed < 10_000, "nothing is stuck but by rounding");
    }

    /// Each operator's stake is the sum of what its users have with it.
    function invariant_stakeIsTheSumOfDelegations() external view {
        for (uint256 i = 0; i < users.operatorCount(); ++i) {
            address operator = users.operatorAt(i);
            Operator memory found = table.operator(operator);
            uint256 delegated = 0;
            for (uint256 j = 0; j < 3; ++j) {
                address delegator = address(uint160(0x2000 + j));
                delegated += users.staked(operator, delegator);
                assertEq(table.delegation(operator, delegator), users.staked(operator, delegator), "delegation");
            }
            assertEq(found.own, users.staked(operator, operator), "own");
            assertEq(found.delegated, delegated, "delegated");
            assertEq(uint256(found.own) + found.delegated + found.leaving, users.units(operator), "units");
            assertEq(found.retained, users.retained(operator), "retained");
            assertTrue(found.jailed == (found.retained != 0 && found.retained != 1e18), "jailed");
            assertTrue((found.exitBlock != 0) == users.exited(operator), "exited");
        }
    }

    /// Whoever follows the logs has the table's own hash over them.
    function invariant_eventChain() external view {
        assertEq(table.eventChain(), users.chain(), "event chain");
    }

    /// Tokens are lost by slashing only.
    function invariant_supply() external view {
        assertEq(token.totalSupply() + users.burnt(), SUPPLY, "supply");
    }
}
