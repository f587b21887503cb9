// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../src/libraries/Bls.sol";
import {Evidence, IStakeTable, Offence, Operator, Signed, Withdrawal} from "../src/interfaces/IStakeTable.sol";
import {ChosenLightClient, StakeTableFixture} from "./support/StakeTableFixture.sol";
import {Signer} from "./support/Signer.sol";
import {Vm} from "./support/Vm.sol";

contract StakeTableTest is StakeTableFixture {
    address private constant ALICE = address(0xa11ce);
    address private constant BOB = address(0xb0b);
    address private constant CAROL = address(0xca401);
    uint256 private constant SECRET = 0x5ec4e7;
    uint256 private constant OTHER_SECRET = 0x07e4;

    function test_constructor_parametersThatNoNetworkHas_reverts() public {
        _refuseTable(address(token), address(client), address(0), ESCROW, MINIMUM, MEMBERS);
        _refuseTable(address(0x1234), address(client), TIMELOCK, ESCROW, MINIMUM, MEMBERS);
        // Stake must outlast the trust in old keys.
        _refuseTable(address(token), address(client), TIMELOCK, 7 days, MINIMUM, MEMBERS);
        _refuseTable(address(token), address(client), TIMELOCK, 4000 days, MINIMUM, MEMBERS);
        _refuseTable(address(token), address(client), TIMELOCK, ESCROW, 0, MEMBERS);
        _refuseTable(address(token), address(client), TIMELOCK, ESCROW, MINIMUM, 3);
        _refuseTable(address(token), address(client), TIMELOCK, ESCROW, MINIMUM, 1001);
        ChosenLightClient foreign = new ChosenLightClient(keccak256("another network"));
        _refuseTable(address(token), address(foreign), TIMELOCK, ESCROW, MINIMUM, MEMBERS);
    }

    function test_chainDomain_vectors_succeeds() public view {
        assertEq(table.chainDomain(), word(consensusVectors("evidence.json"), ".chain_domain", ""), "chain domain");
    }

    function test_register_vectorsOfKeys_succeeds() public {
        string memory json = consensusVectors("keys.json");
        for (uint256 i = 0; i < 4; ++i) {
            string memory path = item(".cases", i);
            address operator = vm.parseJsonAddress(json, string.concat(path, ".possession.operator"));
            uint256[8] memory pk2 = g2(json, path, ".pk2");
            fund(operator, MINIMUM);
            uint256[4] memory pk1 = g1(json, path, ".pk1");
            uint256[4] memory possession = g1(json, path, ".possession.point");
            vm.prank(operator);
            table.register(pk1, pk2, possession, bytes32(i), "/dns/node/tcp/1", MINIMUM);
            assertEq(table.operatorOf(keccak256(abi.encode(pk2))), operator, "owner of the key");
            Operator memory found = table.operator(operator);
            assertEq(found.own, MINIMUM, "own stake");
            assertEq(found.retained, 1e18, "retained");
        }
        assertEq(token.balanceOf(TABLE), 4 * uint256(MINIMUM), "held");
    }

    function test_register_belowTheMinimum_reverts() public {
        bytes memory reason = abi.encodeWithSelector(IStakeTable.StakeTable_BelowMinimum.selector, MINIMUM - 1, MINIMUM);
        _refuseRegistration(ALICE, SECRET, SECRET, SECRET, ALICE, MINIMUM - 1, reason);
    }

    function test_register_weightAboveSixtyFourBits_reverts() public {
        uint96 most = uint96((uint256(1) << 64) * 1e9 - 1);
        bytes memory reason = abi.encodeWithSelector(IStakeTable.StakeTable_StakeOverflow.selector, uint256(most) + 1);
        _refuseRegistration(ALICE, SECRET, SECRET, SECRET, ALICE, most + 1, reason);
    }

    function test_register_possessionOfAnotherOperatorKeyOrHalf_reverts() public {
        bytes memory reason = abi.encodePacked(IStakeTable.StakeTable_WrongPossession.selector);
        // Replayed from the operator that made it.
        _refuseRegistration(ALICE, SECRET, SECRET, SECRET, BOB, MINIMUM, reason);
        _refuseRegistration(ALICE, SECRET, SECRET, OTHER_SECRET, ALICE, MINIMUM, reason);
        // Halves of two secrets, either way round.
        _refuseRegistration(ALICE, OTHER_SECRET, SECRET, SECRET, ALICE, MINIMUM, reason);
        _refuseRegistration(ALICE, SECRET, OTHER_SECRET, SECRET, ALICE, MINIMUM, reason);
    }

    function test_register_identityHalves_reverts() public {
        fund(ALICE, MINIMUM);
        uint256[4] memory none1;
        uint256[8] memory none2;
        uint256[4] memory pk1 = Signer.pk1(SECRET);
        uint256[8] memory pk2 = Signer.pk2(SECRET);
        vm.startPrank(ALICE);
        vm.expectRevert(IStakeTable.StakeTable_IdentityKey.selector);
        table.register(none1, none2, none1, 0, "/dns/node", MINIMUM);
        vm.expectRevert(IStakeTable.StakeTable_IdentityKey.selector);
        table.register(none1, pk2, none1, 0, "/dns/node", MINIMUM);
        vm.expectRevert(IStakeTable.StakeTable_WrongPossession.selector);
        table.register(pk1, none2, none1, 0, "/dns/node", MINIMUM);
        vm.stopPrank();
    }

    function test_register_pointsOffTheCurveOrOutsideTheSubgroup_reverts() public {
        fund(ALICE, MINIMUM);
        uint256[4] memory pk1 = Signer.pk1(SECRET);
        uint256[8] memory pk2 = Signer.pk2(SECRET);
        uint256[4] memory possession = Signer.possession(SECRET, table.chainDomain(), ALICE);
        uint256[4] memory outside = [
            uint256(0),
            4,
            0x0a989badd40d6212b33cffc3f3763e9b,
            0xc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c
        ];
        vm.startPrank(ALICE);
        vm.expectRevert(Bls.Bls_InvalidPoint.selector);
        table.register(outside, pk2, possession, 0, "/dns/node", MINIMUM);
        vm.expectRevert(IStakeTable.StakeTable_WrongPossession.selector);
        table.register(pk1, pk2, outside, 0, "/dns/node", MINIMUM);
        pk2[7] ^= 1;
        vm.expectRevert(IStakeTable.StakeTable_WrongPossession.selector);
        table.register(pk1, pk2, possession, 0, "/dns/node", MINIMUM);
        pk2[7] ^= 1;
        pk1[3] ^= 1;
        vm.expectRevert(Bls.Bls_InvalidPoint.selector);
        table.register(pk1, pk2, possession, 0, "/dns/node", MINIMUM);
        vm.stopPrank();
    }

    /// On the curve of G2 but outside the subgroup; coordinates in the order of other libraries; the other half negated.
    function test_register_malformedHalfInG2_reverts() public {
        fund(ALICE, MINIMUM);
        uint256[4] memory pk1 = Signer.pk1(SECRET);
        uint256[8] memory pk2 = Signer.pk2(SECRET);
        uint256[4] memory possession = Signer.possession(SECRET, table.chainDomain(), ALICE);
        uint256[8] memory outside = [
            uint256(0),
            2,
            0,
            0,
            0x18c6b864ae17dc9da64203ffefb96630,
            0x6425a7bc6aeb7c75247438372716284a4173830420cd476ba1a365b95bfcec38,
            0x172e93db764a8400a7d5071b6b6f5de0,
            0xda2f0f4a063119abca014006b7c40a2cfe291a1924e65db0d6d0fcfbf3bf3d5c
        ];
        uint256[8] memory swapped = [pk2[2], pk2[3], pk2[0], pk2[1], pk2[6], pk2[7], pk2[4], pk2[5]];
        uint256[4] memory negated = Bls.negate(pk1);
        vm.startPrank(ALICE);
        vm.expectRevert(IStakeTable.StakeTable_WrongPossession.selector);
        table.register(pk1, outside, possession, 0, "/dns/node", MINIMUM);
        vm.expectRevert(IStakeTable.StakeTable_WrongPossession.selector);
        table.register(pk1, swapped, possession, 0, "/dns/node", MINIMUM);
        vm.expectRevert(IStakeTable.StakeTable_WrongPossession.selector);
        table.register(negated, pk2, possession, 0, "/dns/node", MINIMUM);
        table.register(pk1, pk2, possession, 0, "/dns/node", MINIMUM);
        vm.stopPrank();
    }

    function test_delegate_weightAboveSixtyFourBits_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        uint96 most = uint96((uint256(1) << 64) * 1e9 - 1);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_StakeOverflow.selector, uint256(most) + 1));
        table.delegate(ALICE, most + 1 - MINIMUM);
    }

    /// Every letter at every place of the words that are looked at at once.
    function testFuzz_updateNetwork_anyLetterAnywhere(uint8 letter, uint8 place, uint8 length) public {
        register(ALICE, SECRET, MINIMUM);
        uint256 size = bound(length, 1, 256);
        bytes memory text = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            text[i] = bytes1(uint8(0x21 + (i + place) % 0x5e));
        }
        text[place % size] = bytes1(letter);
        if (letter < 0x21 || letter > 0x7e) {
            vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, size));
        }
        vm.prank(ALICE);
        table.updateNetwork(0, string(text));
    }

    function test_register_keyOrAccountTwice_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        bytes32 key = keccak256(abi.encode(Signer.pk2(SECRET)));
        bytes memory taken = abi.encodeWithSelector(IStakeTable.StakeTable_KeyTaken.selector, key);
        _refuseRegistration(BOB, SECRET, SECRET, SECRET, BOB, MINIMUM, taken);
        bytes memory again = abi.encodeWithSelector(IStakeTable.StakeTable_AlreadyRegistered.selector, ALICE);
        _refuseRegistration(ALICE, OTHER_SECRET, OTHER_SECRET, OTHER_SECRET, ALICE, MINIMUM, again);
    }

    function test_updateNetwork_addressNotPrintable_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        bytes1[4] memory letters = [bytes1(0xff), 0x80, 0x7f, 0x20];
        for (uint256 i = 0; i < letters.length; ++i) {
            string memory wrong = string(abi.encodePacked("/ip4/1.2.3.4/tcp/9", letters[i]));
            vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 19));
            vm.prank(ALICE);
            table.updateNetwork(bytes32(uint256(1)), wrong);
        }
    }

    function test_register_addressTooLongOrEmpty_reverts() public {
        fund(ALICE, MINIMUM);
        uint256[4] memory pk1 = Signer.pk1(SECRET);
        uint256[8] memory pk2 = Signer.pk2(SECRET);
        uint256[4] memory possession = Signer.possession(SECRET, table.chainDomain(), ALICE);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 0));
        table.register(pk1, pk2, possession, 0, "", MINIMUM);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 257));
        table.register(pk1, pk2, possession, 0, string(new bytes(257)), MINIMUM);
        vm.stopPrank();
    }

    /// A node that follows the indexed hashes has skipped nothing and was told nothing false.
    function test_eventChain_everyChangeIsChained_succeeds() public {
        vm.recordLogs();
        register(ALICE, SECRET, MINIMUM);
        register(BOB, OTHER_SECRET, MINIMUM);
        fund(CAROL, 10 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 10 ether);
        vm.prank(CAROL);
        table.undelegate(ALICE, 4 ether);
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
        fund(CAROL, 10 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 10 ether);
        vm.prank(CAROL);
        table.undelegate(ALICE, 4 ether);
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
        vm.prank(ALICE);
        table.deregister();
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
        vm.prank(ALICE);
        uint256 id = table.deregister();
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
        vm.prank(ALICE);
        uint256 id = table.deregister();
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
        fund(CAROL, 10 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 10 ether);
        vm.prank(ALICE);
        table.deregister();
        Operator memory left = table.operator(ALICE);
        assertEq(left.exitBlock, block.number, "exit block");
        vm.warp(block.timestamp + ESCROW);
        vm.roll(block.number + 1000);
        client.choose(left.exitBlock, false, false);
        vm.prank(CAROL);
        uint256 id = table.undelegate(ALICE, 10 ether);
        Withdrawal memory leaving = table.withdrawal(id);
        assertEq(leaving.l1Block, left.exitBlock, "block");
        assertEq(leaving.time, left.exitTime, "time");
        table.withdraw(id);
        assertEq(token.balanceOf(CAROL), 10 ether, "paid");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_Exited.selector, ALICE));
        table.deregister();
    }

    function test_slash_vectorsOfEvidence_succeeds() public {
        string memory json = consensusVectors("evidence.json");
        string memory keys = consensusVectors("keys.json");
        uint256 count = 0;
        for (; has(json, item(".cases", count)); ++count) {
            uint256 state = vm.snapshotState();
            string memory path = item(".cases", count);
            Evidence memory evidence = _evidence(json, path);
            address operator = vm.parseJsonAddress(json, string.concat(path, ".operator"));
            if (table.operator(operator).retained == 0) {
                register(
                    operator, uint256(word(keys, item(".cases", number(json, path, ".signer")), ".secret")), MINIMUM
                );
            }
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
        string memory keys = consensusVectors("keys.json");
        for (uint256 i = 0; i < 4; ++i) {
            string memory path = item(".cases", i);
            address operator = vm.parseJsonAddress(json, string.concat(path, ".operator"));
            if (table.operator(operator).retained == 0) {
                register(
                    operator, uint256(word(keys, item(".cases", number(json, path, ".signer")), ".secret")), MINIMUM
                );
            }
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
        vm.expectRevert(IStakeTable.StakeTable_NoOffence.selector);
        table.slash(evidence);
    }

    function test_slash_votesOfTwoRounds_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        Evidence memory evidence = doubleVote(SECRET, 3);
        evidence.second.viewNumber += 1;
        vm.expectRevert(IStakeTable.StakeTable_NoOffence.selector);
        table.slash(evidence);
    }

    function test_slash_timeoutThatKeepsTheLock_reverts() public {
        string memory json = consensusVectors("evidence.json");
        string memory keys = consensusVectors("keys.json");
        address operator = vm.parseJsonAddress(json, ".cases[3].operator");
        register(
            operator, uint256(word(keys, item(".cases", number(json, ".cases[3]", ".signer")), ".secret")), MINIMUM
        );
        Evidence memory evidence = _evidence(json, ".cases[3]");
        uint64 voted = evidence.first.viewNumber;
        // A lock at the vote's own round is none below it.
        evidence.second.number = voted;
        vm.expectRevert(IStakeTable.StakeTable_NoOffence.selector);
        table.slash(evidence);
        // A timeout below the vote.
        evidence.second.number = 0;
        evidence.second.viewNumber = voted - 1;
        vm.expectRevert(IStakeTable.StakeTable_NoOffence.selector);
        table.slash(evidence);
        // What is an offence then fails for its signature only.
        evidence.second.number = voted - 1;
        evidence.second.viewNumber = voted;
        vm.expectRevert(IStakeTable.StakeTable_WrongSignature.selector);
        table.slash(evidence);
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
        evidence.second.signature = Bls.add(evidence.second.signature, Bls.negate(shift));
        vm.expectRevert(IStakeTable.StakeTable_WrongSignature.selector);
        table.slash(evidence);
    }

    function test_slash_operatorDelegationsAndWithdrawals_proRata() public {
        register(ALICE, SECRET, 2000 ether);
        fund(CAROL, 1000 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 1000 ether);
        vm.prank(CAROL);
        uint256 carols = table.undelegate(ALICE, 400 ether);
        vm.prank(ALICE);
        uint256 alices = table.undelegate(ALICE, 500 ether);
        uint256 supply = token.totalSupply();
        Evidence memory evidence = doubleVote(SECRET, 3);
        vm.prank(BOB);
        table.slash(evidence);
        assertEq(token.balanceOf(BOB), 30 ether, "reward");
        assertEq(supply - token.totalSupply(), 270 ether, "burnt");
        assertEq(token.balanceOf(TABLE), 2700 ether, "held");
        assertEq(table.payout(carols), 360 ether, "carol's payout");
        assertEq(table.payout(alices), 450 ether, "alice's payout");
    }

    function test_slash_exitInTheSameBlock_succeeds() public {
        register(ALICE, SECRET, MINIMUM);
        vm.prank(ALICE);
        uint256 id = table.deregister();
        table.slash(doubleVote(SECRET, 3));
        assertEq(table.payout(id), uint256(MINIMUM) * 9 / 10, "payout");
        vm.warp(block.timestamp + ESCROW);
        client.choose(uint64(block.number), false, false);
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
        fund(CAROL, 1_000_000 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 1_000_000 ether);
        Evidence memory evidence = doubleVote(SECRET, 3);
        vm.prank(BOB);
        table.slash(evidence);
        assertEq(token.balanceOf(BOB), MINIMUM / 20, "reward");
    }

    /// The reporter is paid from what the operator has in escrow too, however it took its stake back.
    function test_slash_afterTheOperatorLeft_paysFromItsEscrow() public {
        register(ALICE, SECRET, MINIMUM);
        fund(CAROL, 1000 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 1000 ether);
        vm.prank(ALICE);
        table.undelegate(ALICE, 600 ether);
        vm.prank(ALICE);
        table.deregister();
        Evidence memory evidence = doubleVote(SECRET, 3);
        vm.prank(BOB);
        table.slash(evidence);
        assertEq(token.balanceOf(BOB), 20 ether, "reward");
    }

    /// It has nothing to lose any more, and would report itself for its delegators' stake.
    function test_slash_afterTheOperatorWithdrew_paysNothing() public {
        register(ALICE, SECRET, MINIMUM);
        fund(CAROL, 1000 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 1000 ether);
        vm.prank(ALICE);
        uint256 first = table.undelegate(ALICE, 600 ether);
        vm.prank(ALICE);
        uint256 second = table.deregister();
        vm.warp(block.timestamp + ESCROW);
        client.choose(uint64(block.number), false, false);
        table.withdraw(first);
        uint256 state = vm.snapshotState();
        Evidence memory evidence = doubleVote(SECRET, 3);
        vm.prank(BOB);
        table.slash(evidence);
        assertEq(token.balanceOf(BOB), 14 ether, "a tenth of 140, below half of the 40 that it loses itself");
        vm.revertToState(state);
        table.withdraw(second);
        vm.prank(BOB);
        table.slash(evidence);
        assertEq(token.balanceOf(BOB), 0, "reward");
        assertTrue(table.operator(ALICE).jailed, "jailed");
    }

    /// Others' stake on its way out is none that the operator loses.
    function test_slash_delegatorsInEscrow_raiseNoReward() public {
        register(ALICE, SECRET, MINIMUM);
        fund(CAROL, 1_000_000 ether);
        vm.startPrank(CAROL);
        table.delegate(ALICE, 1_000_000 ether);
        table.undelegate(ALICE, 1_000_000 ether);
        vm.stopPrank();
        Evidence memory evidence = doubleVote(SECRET, 3);
        vm.prank(BOB);
        table.slash(evidence);
        assertEq(token.balanceOf(BOB), MINIMUM / 20, "reward");
    }

    /// What has been slashed votes no more, whenever its owner takes it back.
    function test_undelegate_afterSlashing_countsFromTheConviction() public {
        register(ALICE, SECRET, MINIMUM);
        fund(CAROL, 10 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 10 ether);
        uint256 jailed = block.number;
        table.slash(doubleVote(SECRET, 3));
        vm.roll(jailed + 1000);
        vm.warp(block.timestamp + 12_000);
        vm.prank(CAROL);
        Withdrawal memory leaving = table.withdrawal(table.undelegate(ALICE, 4 ether));
        assertEq(leaving.l1Block, jailed, "block");
        assertEq(leaving.time, block.timestamp, "the escrow starts now");
        vm.prank(ALICE);
        leaving = table.withdrawal(table.deregister());
        assertEq(leaving.l1Block, jailed, "the operator's own");
        vm.prank(CAROL);
        leaving = table.withdrawal(table.undelegate(ALICE, 6 ether));
        assertEq(leaving.l1Block, jailed, "after it has left too");
    }

    function test_undelegate_slashedAfterItLeft_countsFromTheExit() public {
        register(ALICE, SECRET, MINIMUM);
        fund(CAROL, 10 ether);
        vm.prank(CAROL);
        table.delegate(ALICE, 10 ether);
        uint256 exit = block.number;
        vm.prank(ALICE);
        table.deregister();
        vm.roll(exit + 5);
        table.slash(doubleVote(SECRET, 3));
        vm.prank(CAROL);
        assertEq(table.withdrawal(table.undelegate(ALICE, 4 ether)).l1Block, exit, "block");
    }

    /// A vote has no kind: one vote is not two for naming two.
    function test_slash_oneVoteWithTwoKinds_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        Evidence memory evidence = doubleVote(SECRET, 3);
        evidence.second = evidence.first;
        for (uint256 offence = 1; offence < 3; ++offence) {
            evidence.offence = Offence(offence);
            evidence.second.kind = 1;
            vm.expectRevert(IStakeTable.StakeTable_NoOffence.selector);
            table.slash(evidence);
        }
    }

    function test_slash_nothingAtStake_jails() public {
        register(ALICE, SECRET, MINIMUM);
        vm.prank(ALICE);
        uint256 id = table.undelegate(ALICE, MINIMUM);
        vm.warp(block.timestamp + ESCROW);
        client.choose(uint64(block.number), false, false);
        table.withdraw(id);
        table.slash(doubleVote(SECRET, 3));
        assertTrue(table.operator(ALICE).jailed, "jailed");
    }

    function test_slash_oldKeyAfterRotation_succeeds() public {
        register(ALICE, SECRET, MINIMUM);
        uint256[4] memory possession = Signer.possession(OTHER_SECRET, table.chainDomain(), ALICE);
        (uint256[4] memory pk1, uint256[8] memory pk2) = (Signer.pk1(OTHER_SECRET), Signer.pk2(OTHER_SECRET));
        vm.prank(ALICE);
        table.rotateKeys(pk1, pk2, possession);
        table.slash(doubleVote(SECRET, 3));
        assertTrue(table.operator(ALICE).jailed, "jailed");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_Jailed.selector, ALICE));
        table.rotateKeys(pk1, pk2, possession);
    }

    function test_undelegate_duringJail_goesIntoEscrow() public {
        register(ALICE, SECRET, MINIMUM);
        table.slash(doubleVote(SECRET, 3));
        vm.prank(ALICE);
        uint256 id = table.undelegate(ALICE, MINIMUM);
        vm.expectRevert(
            abi.encodeWithSelector(IStakeTable.StakeTable_InEscrow.selector, uint64(block.timestamp) + ESCROW)
        );
        table.withdraw(id);
        assertEq(table.payout(id), uint256(MINIMUM) * 9 / 10, "payout");
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

    function _logOf(Vm.Log[] memory logs, bytes32 topic) private pure returns (Vm.Log memory) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) return logs[i];
        }
        revert NotTrue("no such log");
    }

    function _refuseRegistration(
        address operator,
        uint256 first,
        uint256 second,
        uint256 prover,
        address provenFor,
        uint96 amount,
        bytes memory reason
    ) private {
        (uint256[4] memory pk1, uint256[8] memory pk2) = (Signer.pk1(first), Signer.pk2(second));
        uint256[4] memory possession = Signer.possession(prover, table.chainDomain(), provenFor);
        vm.prank(operator);
        vm.expectRevert(reason);
        table.register(pk1, pk2, possession, 0, "/dns/node", amount);
    }

    function _refuseTable(
        address stakeToken,
        address lightClient,
        address timelock,
        uint64 escrow,
        uint96 minimum,
        uint16 members
    ) private {
        vm.expectRevert(IStakeTable.StakeTable_InvalidParameter.selector);
        this.deploy(stakeToken, lightClient, timelock, escrow, minimum, members);
    }

    function deploy(
        address stakeToken,
        address lightClient,
        address timelock,
        uint64 escrow,
        uint96 minimum,
        uint16 members
    ) external {
        deployTable(stakeToken, lightClient, timelock, escrow, minimum, members);
    }
}
