// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../src/libraries/Bls.sol";
import {Evidence, IStakeTable, Offence, Operator, Signed, Withdrawal} from "../src/interfaces/IStakeTable.sol";
import {Points} from "./support/Points.sol";
import {Signer} from "./support/Signer.sol";
import {StakeTableFixture} from "./support/StakeTableFixture.sol";

/// Who is convicted, of what, what it costs and whom it pays.
contract SlashingTest is StakeTableFixture {
    function test_slash_vectorsOfEvidence_succeeds() public {
        string memory json = consensusVectors("evidence.json");
        uint256 count = 0;
        for (; has(json, item(".cases", count)); ++count) {
            uint256 state = vm.snapshotState();
            string memory path = item(".cases", count);
            Evidence memory evidence = _evidence(json, path);
            address operator = _offender(json, path);
            uint256 before = table.operator(operator).retained;
            table.slash(evidence);
            Operator memory found = table.operator(operator);
            assertTrue(found.jailed, "jailed");
            assertEq(found.retained, before * 9 / 10, "retained");
            vm.expectRevert(
                abi.encodeWithSelector(
                    IStakeTable.StakeTable_AlreadyConvicted.selector, operator, evidence.offence, evidence.epoch
                )
            );
            table.slash(evidence);
            vm.revertToState(state);
        }
        assertEq(count, 4, "EV1 to EV4");
    }

    function test_slash_anyWordOfEvidenceChanged_reverts() public {
        string memory json = consensusVectors("evidence.json");
        for (uint256 i = 0; i < 4; ++i) {
            string memory path = item(".cases", i);
            _offender(json, path);
            for (uint256 change = 0; change < 9; ++change) {
                Evidence memory evidence = _evidence(json, path);
                if (change == 0) evidence.epoch += 1;
                if (change == 1) evidence.first.hash ^= bytes32(uint256(1));
                if (change == 2) evidence.second.hash ^= bytes32(uint256(1));
                if (change == 3) evidence.first.number += 1;
                if (change == 4) evidence.second.number += 1;
                if (change == 5) (evidence.first.viewNumber, evidence.second.viewNumber) = (7, 7);
                if (change == 6) evidence.second.signature = evidence.first.signature;
                if (change == 7) evidence.first.signature[3] ^= 1;
                if (change == 8) evidence.offence = Offence((uint8(evidence.offence) + 1) % 4);
                vm.expectRevert();
                table.slash(evidence);
            }
        }
    }

    function test_slash_onePairTwiceTheSame_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        Evidence memory evidence = doubleVote(SECRET, 3);
        evidence.second = evidence.first;
        _refuse(evidence, IStakeTable.StakeTable_NoOffence.selector);
    }

    function test_slash_votesOfTwoRounds_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        Evidence memory evidence = doubleVote(SECRET, 3);
        evidence.second.viewNumber += 1;
        _refuse(evidence, IStakeTable.StakeTable_NoOffence.selector);
    }

    function test_slash_timeoutThatKeepsTheLock_reverts() public {
        string memory json = consensusVectors("evidence.json");
        _offender(json, ".cases[3]");
        Evidence memory evidence = _evidence(json, ".cases[3]");
        uint64 voted = evidence.first.viewNumber;
        // A lock at the vote's own round is none below it.
        evidence.second.number = voted;
        _refuse(evidence, IStakeTable.StakeTable_NoOffence.selector);
        // A timeout below the vote.
        evidence.second.number = 0;
        evidence.second.viewNumber = voted - 1;
        _refuse(evidence, IStakeTable.StakeTable_NoOffence.selector);
        // What is an offence then fails for its signature only.
        evidence.second.number = voted - 1;
        evidence.second.viewNumber = voted;
        _refuse(evidence, IStakeTable.StakeTable_WrongSignature.selector);
    }

    function test_slash_unknownKey_reverts() public {
        bytes32 key = keccak256(abi.encode(Signer.pk2(SECRET)));
        Evidence memory evidence = doubleVote(SECRET, 3);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_UnknownKey.selector, key));
        table.slash(evidence);
    }

    /// Each signature is checked, not only their sum.
    function test_slash_errorsThatCancelOut_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        Evidence memory evidence = doubleVote(SECRET, 3);
        uint256[4] memory shift = Signer.pk1(77);
        evidence.first.signature = Bls.add(evidence.first.signature, shift);
        evidence.second.signature = Bls.add(evidence.second.signature, Points.negated(shift));
        _refuse(evidence, IStakeTable.StakeTable_WrongSignature.selector);
    }

    function test_slash_operatorDelegationsAndWithdrawals_proRata() public {
        register(ALICE, SECRET, 2000 ether);
        delegate(CAROL, ALICE, 1000 ether);
        uint256 carols = undelegate(CAROL, ALICE, 400 ether);
        uint256 alices = undelegate(ALICE, ALICE, 500 ether);
        uint256 supply = token.totalSupply();
        report(BOB, doubleVote(SECRET, 3));
        assertEq(token.balanceOf(BOB), 30 ether, "reward");
        assertEq(supply - token.totalSupply(), 270 ether, "burnt");
        assertEq(token.balanceOf(TABLE), 2700 ether, "held");
        assertEq(table.payout(carols), 360 ether, "carol's payout");
        assertEq(table.payout(alices), 450 ether, "alice's payout");
    }

    function test_slash_exitInTheSameBlock_succeeds() public {
        register(ALICE, SECRET, MINIMUM);
        uint256 id = deregister(ALICE);
        table.slash(doubleVote(SECRET, 3));
        assertEq(table.payout(id), uint256(MINIMUM) * 9 / 10, "payout");
        passEscrow();
        table.withdraw(id);
        assertEq(token.balanceOf(ALICE), uint256(MINIMUM) * 9 / 10, "paid");
    }

    /// The same offender cannot be made to pay twice: its delegators would.
    function test_slash_anotherOffence_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        table.slash(doubleVote(SECRET, 3));
        Evidence memory later = doubleVote(SECRET, 4);
        vm.expectRevert(
            abi.encodeWithSelector(IStakeTable.StakeTable_AlreadyConvicted.selector, ALICE, Offence.Votes2, 4)
        );
        table.slash(later);
    }

    /// Whoever reports itself loses more than it is paid, however much others have staked with it.
    function test_slash_bigDelegation_paysHalfOfWhatTheOperatorLoses() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 1_000_000 ether);
        report(BOB, doubleVote(SECRET, 3));
        assertEq(token.balanceOf(BOB), MINIMUM / 20, "reward");
    }

    /// The reporter is paid from what the operator has in escrow too, however it took its stake back.
    function test_slash_afterTheOperatorLeft_paysFromItsEscrow() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 1000 ether);
        undelegate(ALICE, ALICE, 600 ether);
        deregister(ALICE);
        report(BOB, doubleVote(SECRET, 3));
        assertEq(token.balanceOf(BOB), 20 ether, "reward");
    }

    /// It has nothing to lose any more, and would report itself for its delegators' stake.
    function test_slash_afterTheOperatorWithdrew_paysNothing() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 1000 ether);
        uint256 first = undelegate(ALICE, ALICE, 600 ether);
        uint256 second = deregister(ALICE);
        passEscrow();
        table.withdraw(first);
        uint256 state = vm.snapshotState();
        report(BOB, doubleVote(SECRET, 3));
        assertEq(token.balanceOf(BOB), 14 ether, "a tenth of 140, below half of the 40 that it loses itself");
        vm.revertToState(state);
        table.withdraw(second);
        report(BOB, doubleVote(SECRET, 3));
        assertEq(token.balanceOf(BOB), 0, "reward");
        assertTrue(table.operator(ALICE).jailed, "jailed");
    }

    /// Others' stake on its way out is none that the operator loses.
    function test_slash_delegatorsInEscrow_raiseNoReward() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 1_000_000 ether);
        undelegate(CAROL, ALICE, 1_000_000 ether);
        report(BOB, doubleVote(SECRET, 3));
        assertEq(token.balanceOf(BOB), MINIMUM / 20, "reward");
    }

    /// A vote has no kind: one vote is not two for naming two.
    function test_slash_oneVoteWithTwoKinds_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        Evidence memory evidence = doubleVote(SECRET, 3);
        evidence.second = evidence.first;
        for (uint256 offence = 1; offence < 3; ++offence) {
            evidence.offence = Offence(offence);
            evidence.second.kind = 1;
            _refuse(evidence, IStakeTable.StakeTable_NoOffence.selector);
        }
    }

    function test_slash_nothingAtStake_jails() public {
        register(ALICE, SECRET, MINIMUM);
        uint256 id = undelegate(ALICE, ALICE, MINIMUM);
        passEscrow();
        table.withdraw(id);
        table.slash(doubleVote(SECRET, 3));
        assertTrue(table.operator(ALICE).jailed, "jailed");
    }

    function test_slash_oldKeyAfterRotation_succeeds() public {
        register(ALICE, SECRET, MINIMUM);
        (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) = keysOf(ALICE, OTHER_SECRET);
        vm.prank(ALICE);
        table.rotateKeys(pk1, pk2, possession);
        table.slash(doubleVote(SECRET, 3));
        assertTrue(table.operator(ALICE).jailed, "jailed");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_Jailed.selector, ALICE));
        table.rotateKeys(pk1, pk2, possession);
    }

    /// What has been slashed votes no more, whenever its owner takes it back.
    function test_undelegate_afterSlashing_countsFromTheConviction() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 10 ether);
        uint256 jailed = block.number;
        table.slash(doubleVote(SECRET, 3));
        vm.roll(jailed + 1000);
        vm.warp(block.timestamp + 12_000);
        Withdrawal memory leaving = table.withdrawal(undelegate(CAROL, ALICE, 4 ether));
        assertEq(leaving.l1Block, jailed, "block");
        assertEq(leaving.time, block.timestamp, "the escrow starts now");
        leaving = table.withdrawal(deregister(ALICE));
        assertEq(leaving.l1Block, jailed, "the operator's own");
        leaving = table.withdrawal(undelegate(CAROL, ALICE, 6 ether));
        assertEq(leaving.l1Block, jailed, "after it has left too");
    }

    function test_undelegate_slashedAfterItLeft_countsFromTheExit() public {
        register(ALICE, SECRET, MINIMUM);
        delegate(CAROL, ALICE, 10 ether);
        uint256 exit = block.number;
        deregister(ALICE);
        vm.roll(exit + 5);
        table.slash(doubleVote(SECRET, 3));
        assertEq(table.withdrawal(undelegate(CAROL, ALICE, 4 ether)).l1Block, exit, "block");
    }

    function test_undelegate_duringJail_goesIntoEscrow() public {
        register(ALICE, SECRET, MINIMUM);
        table.slash(doubleVote(SECRET, 3));
        uint256 id = undelegate(ALICE, ALICE, MINIMUM);
        vm.expectRevert(
            abi.encodeWithSelector(IStakeTable.StakeTable_InEscrow.selector, uint64(block.timestamp) + ESCROW)
        );
        table.withdraw(id);
        assertEq(table.payout(id), uint256(MINIMUM) * 9 / 10, "payout");
    }

    /// The operator that an evidence of the vectors is about, registered unless it is already.
    function _offender(string memory json, string memory path) private returns (address operator) {
        operator = vm.parseJsonAddress(json, string.concat(path, ".operator"));
        if (table.operator(operator).retained != 0) return operator;
        string memory signer = item(".cases", number(json, path, ".signer"));
        register(operator, uint256(word(consensusVectors("keys.json"), signer, ".secret")), MINIMUM);
    }

    function _refuse(Evidence memory evidence, bytes4 reason) private {
        vm.expectRevert(reason);
        table.slash(evidence);
    }

    function _evidence(string memory json, string memory path) private pure returns (Evidence memory) {
        return Evidence({
            offence: Offence(number(json, path, ".offence")),
            epoch: number(json, path, ".epoch"),
            pk2: g2(json, path, ".pk2"),
            first: _signed(json, string.concat(path, ".first")),
            second: _signed(json, string.concat(path, ".second"))
        });
    }

    function _signed(string memory json, string memory path) private pure returns (Signed memory) {
        return Signed({
            viewNumber: number(json, path, ".view"),
            kind: uint8(number(json, path, ".kind")),
            number: number(json, path, ".number"),
            hash: word(json, path, ".hash"),
            signature: g1(json, path, ".signature")
        });
    }
}
