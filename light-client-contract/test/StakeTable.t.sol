// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IStakeTable, Operator, Withdrawal} from "../src/interfaces/IStakeTable.sol";
import {Signer} from "./support/Signer.sol";
import {StakeTableFixture} from "./support/StakeTableFixture.sol";
import {Vm} from "./support/Vm.sol";

/// Stake that comes and goes, the rule of the committee, and the events that nodes follow.
contract StakeTableTest is StakeTableFixture {
    function test_delegate_weightAboveSixtyFourBits_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        uint96 most = uint96((uint256(1) << 64) * 1e9 - 1);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_StakeOverflow.selector, uint256(most) + 1));
        table.delegate(ALICE, most + 1 - MINIMUM);
    }

    /// A node that follows the indexed hashes has skipped nothing and was told nothing false.
    function test_eventChain_everyChangeIsChained_succeeds() public {
        vm.recordLogs();
        register(ALICE, SECRET, MINIMUM);
        register(BOB, OTHER_SECRET, MINIMUM);
        delegate(CAROL, ALICE, 10 ether);
        undelegate(CAROL, ALICE, 4 ether);
        vm.startPrank(ALICE);
        table.updateNetwork(keccak256("new"), "/dns/new");
        table.rotateKeys(Signer.pk1(9), Signer.pk2(9), Signer.possession(9, table.chainDomain(), ALICE));
        table.deregister();
        vm.stopPrank();
        table.slash(doubleVote(OTHER_SECRET, 3));
        vm.prank(TIMELOCK);
        table.setCommitteeRule(MINIMUM + 1, 50);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        // The constructor's.
        bytes32 chain = keccak256(
            abi.encodePacked(
                table.chainDomain(),
                IStakeTable.CommitteeRule.selector,
                uint256(uint160(TABLE)),
                keccak256(abi.encode(MINIMUM, MEMBERS))
            )
        );
        uint256 count = 0;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != TABLE) continue;
            Vm.Log memory log = logs[i];
            chain = keccak256(abi.encodePacked(chain, log.topics[0], log.topics[1], keccak256(log.data)));
            assertEq(log.topics[2], chain, "chain");
            ++count;
        }
        assertEq(count, 9, "events");
        assertEq(table.eventChain(), chain, "event chain");
    }

    /// `_record` writes logs by hand: that they decode as declared.
    function test_events_decodeAsDeclared_succeeds() public {
        vm.recordLogs();
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 10 ether);
        undelegate(CAROL, ALICE, 4 ether);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory log = _logOf(logs, IStakeTable.Registered.selector);
        (uint256[4] memory pk1, uint256[8] memory pk2, bytes32 networkKey, string memory networkAddress, uint96 stake) =
            abi.decode(log.data, (uint256[4], uint256[8], bytes32, string, uint96));
        assertEq(abi.encode(pk1), abi.encode(Signer.pk1(SECRET)), "pk1");
        assertEq(abi.encode(pk2), abi.encode(Signer.pk2(SECRET)), "pk2");
        assertEq(networkKey, keccak256("network key"), "network key");
        assertEq(bytes(networkAddress), "/ip4/127.0.0.1/tcp/30000", "network address");
        assertEq(stake, MINIMUM, "stake");
        assertEq(address(uint160(uint256(log.topics[1]))), ALICE, "operator");
        log = _logOf(logs, IStakeTable.Delegated.selector);
        assertEq(log.data, abi.encode(CAROL, uint96(10 ether), MINIMUM + 10 ether), "delegated");
        log = _logOf(logs, IStakeTable.Undelegated.selector);
        assertEq(log.data, abi.encode(CAROL, uint96(4 ether), MINIMUM + 6 ether, uint256(0)), "undelegated");
    }

    function test_delegate_nobodyExitedOrJailed_reverts() public {
        fund(CAROL, 10 ether);
        vm.startPrank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_NotRegistered.selector, ALICE));
        table.delegate(ALICE, 1 ether);
        vm.stopPrank();
        register(ALICE, SECRET, MINIMUM);
        vm.prank(CAROL);
        vm.expectRevert(IStakeTable.StakeTable_ZeroAmount.selector);
        table.delegate(ALICE, 0);
        deregister(ALICE);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_Exited.selector, ALICE));
        table.delegate(ALICE, 1 ether);
        register(BOB, OTHER_SECRET, MINIMUM);
        table.slash(doubleVote(OTHER_SECRET, 3));
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_Jailed.selector, BOB));
        table.delegate(BOB, 1 ether);
    }

    function test_undelegate_moreThanThereIs_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_InsufficientStake.selector, MINIMUM + 1, MINIMUM));
        table.undelegate(ALICE, MINIMUM + 1);
        vm.prank(CAROL);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_InsufficientStake.selector, 1, 0));
        table.undelegate(ALICE, 1);
        vm.prank(CAROL);
        vm.expectRevert(IStakeTable.StakeTable_ZeroAmount.selector);
        table.undelegate(ALICE, 0);
    }

    function test_withdraw_beforeTheEscrowOrTheLastCommittee_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        uint256 id = deregister(ALICE);
        uint64 until = uint64(block.timestamp) + ESCROW;
        uint64 exit = uint64(block.number);
        client.choose(exit, false, false);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_InEscrow.selector, until));
        table.withdraw(id);
        vm.warp(until);
        client.choose(exit - 1, false, false);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_MayStillVote.selector, exit));
        table.withdraw(id);
        client.choose(exit, false, false);
        table.withdraw(id);
        assertEq(token.balanceOf(ALICE), MINIMUM, "paid");
        assertEq(token.balanceOf(TABLE), 0, "left");
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_NoSuchWithdrawal.selector, id));
        table.withdraw(id);
    }

    function test_withdraw_lightClientStandsStill_takesTwiceTheEscrow() public {
        register(ALICE, SECRET, MINIMUM);
        uint256 id = deregister(ALICE);
        uint64 until = uint64(block.timestamp) + 2 * ESCROW;
        client.choose(0, true, false);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_InEscrow.selector, until));
        table.withdraw(id);
        vm.warp(until);
        client.choose(0, false, true);
        table.withdraw(id);
        assertEq(token.balanceOf(ALICE), MINIMUM, "paid");
    }

    function test_undelegate_afterTheOperatorLeft_countsFromThen() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 10 ether);
        deregister(ALICE);
        Operator memory left = table.operator(ALICE);
        assertEq(left.exitBlock, block.number, "exit block");
        vm.warp(block.timestamp + ESCROW);
        vm.roll(block.number + 1000);
        client.choose(left.exitBlock, false, false);
        uint256 id = undelegate(CAROL, ALICE, 10 ether);
        Withdrawal memory leaving = table.withdrawal(id);
        assertEq(leaving.l1Block, left.exitBlock, "block");
        assertEq(leaving.time, left.exitTime, "time");
        table.withdraw(id);
        assertEq(token.balanceOf(CAROL), 10 ether, "paid");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_Exited.selector, ALICE));
        table.deregister();
    }

    function test_setCommitteeRule_notTheTimelock_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_NotTimelock.selector, address(this)));
        table.setCommitteeRule(MINIMUM, MEMBERS);
        vm.startPrank(TIMELOCK);
        vm.expectRevert(IStakeTable.StakeTable_InvalidParameter.selector);
        table.setCommitteeRule(0, MEMBERS);
        table.setCommitteeRule(MINIMUM * 2, 10);
        vm.stopPrank();
        assertEq(table.minimumStake(), MINIMUM * 2, "minimum");
        assertEq(table.maximumMembers(), 10, "members");
    }

    function _logOf(Vm.Log[] memory logs, bytes32 topic) private pure returns (Vm.Log memory) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) return logs[i];
        }
        revert NotTrue("no such log");
    }
}
