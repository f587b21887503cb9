// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {
    Certificate,
    Finalized,
    Header,
    HistoryProof,
    ILightClient,
    RingEntry
} from "../src/interfaces/ILightClient.sol";
import {LightClientFixture} from "./support/LightClientFixture.sol";
import {Validators} from "./support/Validators.sol";

/// The light client against networks that the test makes up: epochs, conflicts, any committee.
contract NetworkTest is LightClientFixture {
    bytes32 private constant DOMAIN = keccak256("a network");
    bytes32 private constant REST = keccak256("rest");
    uint64 private constant START_MS = 1_800_000_000_000;

    ILightClient private client;

    function setUp() public {
        vm.warp(START_MS / 1000 + 3600);
        Header memory genesis;
        genesis.timestampMs = START_MS;
        genesis.l1Finalized = 100;
        genesis.historyRoot = keccak256("the empty range");
        client = deployClient(DOMAIN, genesis, _commitment(1), _commitment(2));
    }

    function test_update_epochByEpoch_followsTheCommittees() public {
        for (uint64 epoch = 1; epoch <= 6; ++epoch) {
            _update(epoch * 10, epoch, 100 + epoch);
            assertEq(client.finalized().epoch, epoch, "epoch");
            assertEq(client.committee(epoch + 1), _commitment(epoch + 1), "the next committee");
        }
    }

    function test_update_epochSkipped_reverts() public {
        Header memory header = _header(30, 3, 101);
        Certificate memory certificate = Validators.certify(DOMAIN, header, REST, _members(3), 0);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 3, 1));
        client.update(header, REST, certificate);
    }

    function test_update_committeeOfTheEpochBefore_reverts() public {
        _update(10, 1, 101);
        Header memory header = _header(20, 2, 101);
        Certificate memory certificate = Validators.certify(DOMAIN, header, REST, _members(1), 0);
        bytes32 found = Validators.commitment(certificate.committee, 2);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_WrongCommittee.selector, _commitment(2), found));
        client.update(header, REST, certificate);
    }

    function test_update_laterBlockOfOneEpoch_leavesTheCommittees() public {
        _update(10, 1, 101);
        bytes32 before = client.committee(2);
        Header memory header = _header(11, 1, 101);
        header.nextCommittee = keccak256("another committee");
        client.update(header, REST, Validators.certify(DOMAIN, header, REST, _members(1), 0));
        assertEq(client.committee(2), before, "the first word stands");
    }

    function test_hasRotatedOut_threeEpochsAfterTheBlockWasSeen_succeeds() public {
        // The exit was in L1 block 150; epoch 2 starts before it was seen, epoch 3 after.
        _update(10, 1, 149);
        _update(20, 2, 149);
        _update(25, 2, 150);
        _update(30, 3, 160);
        _update(40, 4, 170);
        _update(50, 5, 180);
        assertTrue(client.hasRotatedOut(149), "149");
        assertTrue(!client.hasRotatedOut(150), "epoch 5's committee may be of a state before");
        _update(60, 6, 190);
        assertTrue(client.hasRotatedOut(150), "150");
        assertTrue(client.hasRotatedOut(160), "160");
        assertTrue(!client.hasRotatedOut(161), "161");
        assertTrue(!client.hasRotatedOut(0), "no block");
    }

    function test_hasRotatedOut_inTheFirstEpochs_fails() public {
        for (uint64 epoch = 1; epoch < 4; ++epoch) {
            _update(epoch * 10, epoch, 1000);
            assertTrue(!client.hasRotatedOut(1), "too early");
        }
    }

    /// Whoever takes the client many epochs further in one L1 block cannot make it forget those who signed two chains.
    function test_reportConflict_afterManyEpochsInOneBlock_freezes() public {
        for (uint64 epoch = 1; epoch <= 30; ++epoch) {
            _update(epoch * 10, epoch, 101);
        }
        uint256 state = vm.snapshotState();
        _reportFork(1);
        assertTrue(client.isFrozen(), "in the epoch that the L1 block found");
        vm.revertToState(state);
        _reportFork(2);
        assertTrue(client.isFrozen(), "in the epoch after that");
        vm.revertToState(state);
        _refuseFork(30, 3, abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 3, 30));
    }

    function test_reportConflict_afterEightBlocksWithANewEpochEach_reverts() public {
        _update(10, 1, 101);
        for (uint64 epoch = 2; epoch <= 9; ++epoch) {
            vm.roll(block.number + 1);
            _update(epoch * 10, epoch, 101);
        }
        uint256 state = vm.snapshotState();
        _reportFork(1);
        assertTrue(client.isFrozen(), "after eight");
        vm.revertToState(state);
        vm.roll(block.number + 1);
        _update(100, 10, 101);
        state = vm.snapshotState();
        _reportFork(2);
        assertTrue(client.isFrozen(), "the epoch after");
        vm.revertToState(state);
        _refuseFork(10, 1, abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 1, 10));
    }

    /// Keys whose stake may be gone by then freeze nothing.
    function test_reportConflict_pastEpochAfterTheTrustPeriod_reverts() public {
        for (uint64 epoch = 1; epoch <= 4; ++epoch) {
            _update(epoch * 10, epoch, 101);
        }
        uint256 remembered = block.timestamp;
        vm.warp(START_MS / 1000 + 500_000);
        _update(500_000, 4, 101);
        vm.warp(remembered + TRUST_PERIOD);
        uint256 state = vm.snapshotState();
        _reportFork(2);
        assertTrue(client.isFrozen(), "within the trust period");
        vm.revertToState(state);
        vm.warp(remembered + TRUST_PERIOD + 1);
        _refuseFork(10, 2, abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 2, 4));
        _reportFork(5);
        assertTrue(client.isFrozen(), "the next epoch's are known");
    }

    function test_reportConflict_afterTheTrustPeriod_reverts() public {
        _update(10, 1, 101);
        vm.warp(START_MS / 1000 + 10 + TRUST_PERIOD + 1);
        _refuseFork(
            10,
            1,
            abi.encodeWithSelector(ILightClient.LightClient_TrustExpired.selector, START_MS / 1000 + 10, TRUST_PERIOD)
        );
    }

    /// What the history proof is about is the lower block, at its height, under the upper block's root.
    function test_reportConflict_historyOfAnotherLength_reverts() public {
        (Header memory lower, Header memory upper, HistoryProof memory proof) = _fork(keccak256("another block"));
        upper.height = 3;
        (Certificate memory a, Certificate memory b) = (_certify(lower), _certify(upper));
        vm.expectRevert(ILightClient.LightClient_NoConflict.selector);
        client.reportConflict(lower, REST, a, upper, REST, b, keccak256("another block"), proof);
    }

    function test_ring_olderEntriesStayProvable() public {
        Finalized[] memory seen = new Finalized[](40);
        for (uint64 i = 0; i < 40; ++i) {
            _update(i + 1, 1, 101);
            seen[i] = client.finalized();
            assertEq(seen[i].entry, (i + 2) % 32, "entry");
        }
        HistoryProof memory none;
        for (uint64 i = 0; i < 40; ++i) {
            Header memory header = _header(seen[i].height, 1, 101);
            RingEntry memory stored = _entry(header);
            if (i < 8) vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_WrongEntry.selector, i + 2));
            bytes32 found = client.verifyHeader(seen[i].entry, stored, header, REST, none);
            if (i >= 8) assertEq(found, stored.blockHash, "one of the newest 32");
        }
    }

    function test_reportConflict_oneHeightTwoBlocks_freezes() public {
        _update(5, 1, 101);
        uint8 entry = client.finalized().entry;
        (Header memory a, Header memory b) = (_header(10, 1, 101), _header(10, 1, 102));
        HistoryProof memory none;
        client.reportConflict(a, REST, _certify(a), b, REST, _certify(b), 0, none);
        assertTrue(client.isFrozen(), "frozen");
        assertTrue(client.isStalled(1_000_000), "stalled");
        Header memory own = _header(5, 1, 101);
        vm.expectRevert(ILightClient.LightClient_Frozen.selector);
        client.verifyHeader(entry, _entry(own), own, REST, none);
        Certificate memory certificate = _certify(a);
        vm.expectRevert(ILightClient.LightClient_Frozen.selector);
        client.update(a, REST, certificate);
        vm.expectRevert(ILightClient.LightClient_Frozen.selector);
        client.reportConflict(a, REST, certificate, b, REST, certificate, 0, none);
        vm.warp(block.timestamp + 100 days);
        vm.prank(TIMELOCK);
        vm.expectRevert(ILightClient.LightClient_Frozen.selector);
        client.reanchor(a, REST, REST, REST);
    }

    function test_reportConflict_oneBlockTwice_reverts() public {
        Header memory a = _header(10, 1, 101);
        Certificate memory certificate = _certify(a);
        HistoryProof memory none;
        vm.expectRevert(ILightClient.LightClient_NoConflict.selector);
        client.reportConflict(a, REST, certificate, a, REST, certificate, keccak256("x"), none);
    }

    function test_reportConflict_anotherHashInTheHistory_freezes() public {
        (Header memory lower, Header memory upper, HistoryProof memory proof) = _fork(keccak256("another block"));
        client.reportConflict(
            lower, REST, _certify(lower), upper, REST, _certify(upper), keccak256("another block"), proof
        );
        assertTrue(client.isFrozen(), "frozen");
    }

    function test_reportConflict_ancestorAndDescendant_reverts() public {
        bytes32 lowerHash = Validators.hashOf(_header(1, 1, 101), REST);
        (Header memory lower, Header memory upper, HistoryProof memory proof) = _fork(lowerHash);
        (Certificate memory a, Certificate memory b) = (_certify(lower), _certify(upper));
        vm.expectRevert(ILightClient.LightClient_NoConflict.selector);
        client.reportConflict(lower, REST, a, upper, REST, b, lowerHash, proof);
        // A hash that the history does not have.
        vm.expectRevert(ILightClient.LightClient_NoConflict.selector);
        client.reportConflict(lower, REST, a, upper, REST, b, keccak256("made up"), proof);
        // The other way round.
        vm.expectRevert(ILightClient.LightClient_NoConflict.selector);
        client.reportConflict(upper, REST, b, lower, REST, a, keccak256("made up"), proof);
    }

    function test_reportConflict_forgedCertificate_reverts() public {
        (Header memory a, Header memory b) = (_header(10, 1, 101), _header(10, 1, 102));
        (Certificate memory right, Certificate memory wrong) = (_certify(a), _certify(b));
        HistoryProof memory none;
        vm.expectRevert(ILightClient.LightClient_WrongSignature.selector);
        client.reportConflict(a, REST, right, b, REST, right, 0, none);
        vm.expectRevert(ILightClient.LightClient_WrongSignature.selector);
        client.reportConflict(a, REST, wrong, b, REST, wrong, 0, none);
        assertTrue(!client.isFrozen(), "not frozen");
    }

    /// Any committee of up to nine, any absentees: accepted exactly with more than two thirds of the stake.
    function testFuzz_update_anyCommittee(uint256 seed, uint16 absentSeed, uint64[9] memory weights) public {
        Validators.Member[] memory members = new Validators.Member[](bound(seed, 1, 9));
        uint256 total = 0;
        uint256 signed = 0;
        uint256 absent = absentSeed & ((1 << members.length) - 1);
        for (uint256 i = 0; i < members.length; ++i) {
            uint64 weight = weights[i] == 0 ? 1 : weights[i];
            members[i] = Validators.Member({secret: (seed >> 8) % 2 ** 128 + i + 1, weight: weight});
            total += weight;
            if (absent >> i & 1 == 0) signed += weight;
        }
        bytes32 commitment = Validators.commitment(Validators.committee(members), 1);
        Header memory genesis;
        genesis.timestampMs = START_MS;
        genesis.historyRoot = bytes32(seed);
        ILightClient any = deployClient(DOMAIN, genesis, commitment, commitment);
        Header memory header = _header(4, 1, 101);
        Certificate memory certificate = Validators.certify(DOMAIN, header, REST, members, absent);
        if (3 * signed <= 2 * total) {
            vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_NoQuorum.selector, signed, total));
        }
        any.update(header, REST, certificate);
    }

    function _update(uint64 height, uint64 epoch, uint64 l1Finalized) private {
        Header memory header = _header(height, epoch, l1Finalized);
        client.update(header, REST, Validators.certify(DOMAIN, header, REST, _members(epoch), 0));
    }

    /// Two final blocks at one height of an epoch.
    function _reportFork(uint64 epoch) private {
        (Header memory a, Header memory b) = (_header(epoch * 10, epoch, 101), _header(epoch * 10, epoch, 102));
        HistoryProof memory none;
        client.reportConflict(a, REST, _certify(a), b, REST, _certify(b), 0, none);
    }

    /// Two final blocks at one height of an epoch that answer for nothing any more.
    function _refuseFork(uint64 height, uint64 epoch, bytes memory reason) private {
        (Header memory a, Header memory b) = (_header(height, epoch, 101), _header(height, epoch, 102));
        (Certificate memory one, Certificate memory other) = (_certify(a), _certify(b));
        HistoryProof memory none;
        vm.expectRevert(reason);
        client.reportConflict(a, REST, one, b, REST, other, 0, none);
    }

    function _certify(Header memory header) private view returns (Certificate memory) {
        return Validators.certify(DOMAIN, header, REST, _members(header.epoch), 2);
    }

    function _header(uint64 height, uint64 epoch, uint64 l1Finalized) private view returns (Header memory) {
        return Header({
            height: height,
            epoch: epoch,
            historyRoot: keccak256(abi.encode("history", height)),
            nextCommittee: _commitment(epoch + 1),
            nsRoot: 0,
            nsAccRoot: 0,
            timestampMs: START_MS + height * 1000,
            l1Finalized: l1Finalized
        });
    }

    function _entry(Header memory header) private pure returns (RingEntry memory) {
        return RingEntry(Validators.hashOf(header, REST), header.historyRoot);
    }

    /// A block at height 1, and one at height 2 whose history has `inHistory` at height 1.
    function _fork(bytes32 inHistory)
        private
        view
        returns (Header memory lower, Header memory upper, HistoryProof memory proof)
    {
        bytes32 genesis = keccak256("genesis");
        (lower, upper) = (_header(1, 1, 101), _header(2, 1, 101));
        bytes32 peak = keccak256(abi.encodePacked(uint8(1), genesis, inHistory));
        upper.historyRoot = keccak256(abi.encodePacked(uint8(3), uint64(2), peak));
        proof.count = 2;
        proof.path = new bytes32[](1);
        proof.path[0] = genesis;
        proof.peaks = new bytes32[](0);
    }

    /// Four validators, others in each epoch.
    function _members(uint64 epoch) private pure returns (Validators.Member[] memory members) {
        members = new Validators.Member[](4);
        for (uint256 i = 0; i < 4; ++i) {
            members[i] = Validators.Member({secret: epoch * 100 + i, weight: uint64(10 + i)});
        }
    }

    function _commitment(uint64 epoch) private view returns (bytes32) {
        return Validators.commitment(Validators.committee(_members(epoch)), epoch);
    }
}
