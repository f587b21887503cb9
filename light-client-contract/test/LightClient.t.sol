// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../src/libraries/Bls.sol";
import {Committee, Finalized, Header, HistoryProof, ILightClient, RingEntry} from "../src/interfaces/ILightClient.sol";
import {LightClientFixture} from "./support/LightClientFixture.sol";
import {Points} from "./support/Points.sol";
import {Validators} from "./support/Validators.sol";

contract LightClientTest is LightClientFixture {
    uint256 private constant FOUR_ONE_ABSENT = 1;
    uint256 private constant SEVEN_TWO_ABSENT = 2;
    uint256 private constant BELOW_QUORUM = 8;
    uint256 private constant ABOVE_QUORUM = 9;
    uint256 private constant RECORD = 106;

    function test_update_allVectorsWithAQuorum_succeeds() public {
        string memory json = updates();
        uint256 count = 0;
        for (; has(json, item(".cases", count)); ++count) {
            if (count == BELOW_QUORUM) continue;
            Case memory target = readCase(json, count);
            ILightClient client = clientFor(target);
            uint8 entry = client.finalized().entry + 1;
            (bytes32 hash, bytes32 root) = (target.blockHash, target.header.historyRoot);
            vm.expectEmit(address(client));
            emit ILightClient.Updated(target.header.height, target.header.epoch, hash, root, entry);
            client.update(target.header, target.restHash, target.certificate);
            Finalized memory found = client.finalized();
            assertEq(found.height, target.header.height, "height");
            assertEq(found.epoch, target.header.epoch, "epoch");
            assertEq(found.timestamp, target.header.timestampMs / 1000, "timestamp");
            assertEq(found.l1Block, block.number, "l1 block");
            assertEq(found.entry, entry, "entry");
            assertEq(found.l1Finalized, target.header.l1Finalized, "finalized on the home L1");
            assertEq(client.entryAt(entry), keccak256(abi.encode(hash, root)), "entry's hash");
        }
        assertEq(count, 10, "cases");
    }

    function test_update_oneUnitBelowTheQuorum_reverts() public {
        (Case memory target, ILightClient client) = _case(BELOW_QUORUM);
        _refuse(client, target, abi.encodeWithSelector(ILightClient.LightClient_NoQuorum.selector, 4, 6));
    }

    function test_update_oneUnitAboveTwoThirds_succeeds() public {
        (Case memory target, ILightClient client) = _case(ABOVE_QUORUM);
        client.update(target.header, target.restHash, target.certificate);
    }

    function test_update_anotherChainDomain_reverts() public {
        Case memory target = readCase(updates(), FOUR_ONE_ABSENT);
        Header memory anchor = target.header;
        anchor.height -= 1;
        vm.warp(target.header.timestampMs / 1000);
        ILightClient client = deployClient(keccak256("another network"), anchor, target.commitment, bytes32("next"));
        target = readCase(updates(), FOUR_ONE_ABSENT);
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
    }

    function test_update_epochNeitherCurrentNorNext_reverts() public {
        Case memory target = readCase(updates(), FOUR_ONE_ABSENT);
        ILightClient client = clientAt(target, 3, target.commitment, target.commitment);
        _refuse(client, target, abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 2, 3));
        client = clientAt(target, 7, target.commitment, target.commitment);
        target.header.epoch = 9;
        _refuse(client, target, abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 9, 7));
    }

    function test_update_staleHeight_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        client.update(target.header, target.restHash, target.certificate);
        _refuse(client, target, abi.encodeWithSelector(ILightClient.LightClient_StaleHeight.selector, 58, 58));
    }

    function test_update_firstBlockOfTheNextEpoch_learnsItsNextCommittee() public {
        Case memory target = readCase(updates(), FOUR_ONE_ABSENT);
        ILightClient client = clientAt(target, 1, keccak256("committee 1"), target.commitment);
        assertEq(client.committee(1), keccak256("committee 1"), "committee 1");
        client.update(target.header, target.restHash, target.certificate);
        assertEq(client.committee(2), target.commitment, "committee 2");
        assertEq(client.committee(3), target.header.nextCommittee, "committee 3");
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_UnknownEpoch.selector, 1, 2));
        client.committee(1);
    }

    function test_update_committeeOfAnotherCommitment_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        for (uint256 change = 0; change < 4; ++change) {
            Case memory changed = readCase(updates(), FOUR_ONE_ABSENT);
            Committee memory committee = changed.certificate.committee;
            if (change == 0) committee.size += 1;
            if (change == 1) committee.total += 1;
            if (change == 2) committee.root = bytes32(uint256(1));
            if (change == 3) committee.sum = changed.certificate.signature;
            bytes32 found = Validators.commitment(committee, changed.header.epoch);
            bytes4 reason = ILightClient.LightClient_WrongCommittee.selector;
            _refuse(client, changed, abi.encodeWithSelector(reason, target.commitment, found));
        }
        client.update(target.header, target.restHash, target.certificate);
    }

    function test_update_absentTwice_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        target.certificate.absent = abi.encodePacked(target.certificate.absent, target.certificate.absent);
        uint256 index = uint256(uint8(target.certificate.absent[1]));
        bytes memory reason = abi.encodeWithSelector(ILightClient.LightClient_AbsentOutOfOrder.selector, index);
        _refuse(client, target, reason);
    }

    function test_update_absentUnsorted_reverts() public {
        (Case memory target, ILightClient client) = _case(SEVEN_TWO_ABSENT);
        bytes memory records = target.certificate.absent;
        assertEq(records.length, 2 * RECORD, "two absent");
        target.certificate.absent = abi.encodePacked(_slice(records, RECORD), _head(records, RECORD));
        uint256 index = uint256(uint8(records[1]));
        bytes memory reason = abi.encodeWithSelector(ILightClient.LightClient_AbsentOutOfOrder.selector, index);
        _refuse(client, target, reason);
    }

    function test_update_absentOutOfRange_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        for (uint256 index = 4; index < 70_000; index = index * 2 + 1) {
            if (index > type(uint16).max) break;
            target.certificate.absent[0] = bytes1(uint8(index >> 8));
            target.certificate.absent[1] = bytes1(uint8(index));
            bytes memory reason = abi.encodeWithSelector(ILightClient.LightClient_AbsentOutOfOrder.selector, index);
            _refuse(client, target, reason);
        }
    }

    /// The error names the first record that is refused, whatever follows it.
    function test_update_severalAbsentOutOfOrder_namesTheFirst() public {
        (Case memory target, ILightClient client) = _case(SEVEN_TWO_ABSENT);
        bytes memory record = _head(target.certificate.absent, RECORD);
        uint16[5][5] memory indices = [
            // The first of two that do not rise.
            [uint16(1), 3, 2, 5, 4],
            [uint16(1), 3, 3, 0, 0],
            // Outside and not rising after that.
            [uint16(9), 3, 2, 1, 0],
            [uint16(1), 2, 65_535, 0, 9],
            // Rising, the first outside of several.
            [uint16(1), 6, 7, 8, 65_535]
        ];
        uint16[5] memory refused = [uint16(2), 3, 9, 65_535, 7];
        for (uint256 i = 0; i < indices.length; ++i) {
            bytes memory records;
            for (uint256 j = 0; j < 5; ++j) {
                records = abi.encodePacked(records, indices[i][j], _slice(record, 2));
            }
            target.certificate.absent = records;
            bytes4 reason = ILightClient.LightClient_AbsentOutOfOrder.selector;
            _refuse(client, target, abi.encodeWithSelector(reason, uint256(refused[i])));
        }
    }

    /// What is added after a key that is no point does not hide it.
    function test_update_absentKeyOffTheCurveBeforeOthers_reverts() public {
        (Case memory target, ILightClient client) = _case(SEVEN_TWO_ABSENT);
        target.certificate.absent[RECORD - 1] ^= 0x01;
        _refuse(client, target, Bls.Bls_InvalidPoint.selector);
        // In the middle, and all of them; the weights and the proof do not matter then.
        bytes memory right = readCase(updates(), SEVEN_TWO_ABSENT).certificate.absent;
        bytes memory wrong = _head(target.certificate.absent, RECORD);
        (right[1], wrong[1]) = (0x00, 0x01);
        bytes memory after_ = _slice(right, RECORD);
        after_[1] = 0x06;
        target.certificate.absent = abi.encodePacked(_head(right, RECORD), wrong, after_);
        _refuse(client, target, Bls.Bls_InvalidPoint.selector);
        right[1] = 0x05;
        target.certificate.absent = abi.encodePacked(wrong, _head(right, RECORD), after_);
        _refuse(client, target, Bls.Bls_InvalidPoint.selector);
        // An index out of order is said first.
        after_[1] = 0x05;
        target.certificate.absent = abi.encodePacked(wrong, _head(right, RECORD), after_);
        _refuse(client, target, abi.encodeWithSelector(ILightClient.LightClient_AbsentOutOfOrder.selector, 5));
    }

    function test_update_absentUnproven_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        // Another weight, of which less than is due would be subtracted.
        target.certificate.absent[9] ^= 0x01;
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
        target.certificate.absent[9] ^= 0x01;
        // Another index.
        target.certificate.absent[1] ^= 0x01;
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
        target.certificate.absent[1] ^= 0x01;
        // Another key: a point that is one, of which the signers could choose the sum.
        bytes memory sum = abi.encode(target.certificate.committee.sum);
        for (uint256 i = 0; i < sum.length; ++i) {
            target.certificate.absent[10 + i] = sum[i];
        }
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
    }

    function test_update_absentKeyOffTheCurve_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        target.certificate.absent[RECORD - 1] ^= 0x01;
        _refuse(client, target, Bls.Bls_InvalidPoint.selector);
    }

    function test_update_siblingsTooFewTooManyOrChanged_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        bytes32[] memory siblings = target.certificate.siblings;
        assertEq(siblings.length, 2, "a tree of four");
        bytes32[] memory fewer = new bytes32[](1);
        fewer[0] = siblings[0];
        target.certificate.siblings = fewer;
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
        bytes32[] memory more = new bytes32[](3);
        (more[0], more[1]) = (siblings[0], siblings[1]);
        target.certificate.siblings = more;
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
        bytes32[] memory changed = new bytes32[](2);
        (changed[0], changed[1]) = (siblings[1], siblings[0]);
        target.certificate.siblings = changed;
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
    }

    function test_update_malformedAbsent_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        target.certificate.absent = abi.encodePacked(target.certificate.absent, uint8(0));
        _refuse(client, target, ILightClient.LightClient_MalformedAbsent.selector);
        target.certificate.absent = _head(target.certificate.absent, RECORD - 1);
        _refuse(client, target, ILightClient.LightClient_MalformedAbsent.selector);
    }

    function test_update_siblingsWithoutAbsent_reverts() public {
        (Case memory target, ILightClient client) = _case(0);
        target.certificate.siblings = new bytes32[](1);
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
    }

    function test_update_oversizedArrays_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        target.certificate.siblings = new bytes32[](5000);
        _refuse(client, target, ILightClient.LightClient_WrongMembers.selector);
        target.certificate.absent = new bytes(RECORD * 5000);
        _refuse(client, target, abi.encodeWithSelector(ILightClient.LightClient_AbsentOutOfOrder.selector, 0));
    }

    function test_update_nobodyAbsentThoughOneIs_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        target.certificate.absent = "";
        target.certificate.siblings = new bytes32[](0);
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
    }

    function test_update_anotherView_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        target.certificate.viewNumber += 1;
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
    }

    function test_update_anyHeaderWordChanged_reverts() public {
        (, ILightClient client) = _case(FOUR_ONE_ABSENT);
        for (uint256 change = 0; change < 8; ++change) {
            Case memory target = readCase(updates(), FOUR_ONE_ABSENT);
            if (change == 0) target.header.historyRoot ^= bytes32(uint256(1));
            if (change == 1) target.header.nextCommittee ^= bytes32(uint256(1));
            if (change == 2) target.header.nsRoot ^= bytes32(uint256(1));
            if (change == 3) target.header.nsAccRoot ^= bytes32(uint256(1));
            if (change == 4) target.header.timestampMs += 1;
            if (change == 5) target.header.l1Finalized += 1;
            if (change == 6) target.header.height += 1;
            if (change == 7) target.restHash ^= bytes32(uint256(1));
            _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
        }
    }

    function test_update_malleatedPoints_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        Case memory fresh = readCase(updates(), FOUR_ONE_ABSENT);
        // The identity.
        delete target.certificate.signature;
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
        // Off the curve.
        target.certificate.signature = fresh.certificate.signature;
        target.certificate.signature.words[2] ^= bytes32(uint256(1));
        _refuse(client, target, Bls.Bls_InvalidPoint.selector);
        // Another point of the group.
        target = readCase(updates(), FOUR_ONE_ABSENT);
        target.certificate.signature = target.certificate.committee.sum;
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
        // Negated, and with a second encoding of its ordinate.
        target = readCase(updates(), FOUR_ONE_ABSENT);
        uint256[4] memory point = Validators.unpack(target.certificate.signature);
        target.certificate.signature = Validators.pack(Points.negated(point));
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
        target.certificate.signature = Validators.pack(Points.aboveModulus(point));
        _refuse(client, target, Bls.Bls_InvalidPoint.selector);
        // On the curve, outside the subgroup.
        target.certificate.signature = Validators.pack(Points.outsideSubgroup());
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
        // In G2: the identity, and off the curve.
        target = readCase(updates(), FOUR_ONE_ABSENT);
        delete target.certificate.signers;
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
        target = readCase(updates(), FOUR_ONE_ABSENT);
        target.certificate.signers.words[5] ^= bytes32(uint256(1));
        _refuse(client, target, ILightClient.LightClient_WrongSignature.selector);
    }

    function test_update_afterTheTrustPeriod_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        uint64 newest = client.finalized().timestamp;
        vm.warp(newest + TRUST_PERIOD + 1);
        assertTrue(client.isExpired() && client.isStalled(1_000_000), "expired");
        bytes memory reason =
            abi.encodeWithSelector(ILightClient.LightClient_TrustExpired.selector, newest, TRUST_PERIOD);
        _refuse(client, target, reason);
        vm.warp(newest + TRUST_PERIOD);
        assertTrue(!client.isExpired(), "not expired");
        client.update(target.header, target.restHash, target.certificate);
    }

    function test_update_headerAheadOfTheClock_countsFromTheClock() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        vm.warp(target.header.timestampMs / 1000 - 10);
        client.update(target.header, target.restHash, target.certificate);
        assertEq(client.finalized().timestamp, block.timestamp, "timestamp");
    }

    function test_isStalled_afterBlocksWithoutAnUpdate_succeeds() public {
        (, ILightClient client) = _case(FOUR_ONE_ABSENT);
        uint256 start = block.number;
        vm.roll(start + 100);
        assertTrue(!client.isStalled(100), "not yet");
        vm.roll(start + 101);
        assertTrue(client.isStalled(100), "stalled");
    }

    function test_reanchor_notTheTimelockOrTooEarly_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        bytes32 some = keccak256("committee");
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_NotTimelock.selector, address(this)));
        client.reanchor(target.header, target.restHash, some, some);
        vm.prank(TIMELOCK);
        vm.expectRevert(ILightClient.LightClient_TrustNotExpired.selector);
        client.reanchor(target.header, target.restHash, some, some);
    }

    function test_reanchor_afterTheTrustPeriod_succeeds() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        vm.warp(block.timestamp + TRUST_PERIOD + 1);
        target.header.epoch = 6;
        target.header.timestampMs = uint64(block.timestamp) * 1000;
        vm.prank(TIMELOCK);
        client.reanchor(target.header, target.restHash, keccak256("6"), keccak256("7"));
        assertEq(client.finalized().epoch, 6, "epoch");
        assertEq(client.committee(6), keccak256("6"), "committee 6");
        assertEq(client.committee(7), keccak256("7"), "committee 7");
        assertTrue(!client.isExpired(), "not expired");
        assertTrue(!client.hasRotatedOut(1), "what was seen before counts no more");
    }

    function test_reanchor_belowTheNewestBlock_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        vm.warp(block.timestamp + TRUST_PERIOD + 1);
        target.header.height -= 1;
        vm.prank(TIMELOCK);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_StaleHeight.selector, 57, 57));
        client.reanchor(target.header, target.restHash, keccak256("6"), keccak256("7"));
    }

    function test_constructor_anchorsThatNoNetworkHas_reverts() public {
        Header memory anchor = readCase(updates(), 0).header;
        bytes32 some = keccak256("committee");
        _refuseAnchor(0, anchor, some, some);
        _refuseAnchor(some, anchor, 0, some);
        _refuseAnchor(some, anchor, some, 0);
        anchor.epoch = 0;
        _refuseAnchor(some, anchor, some, some);
        anchor.epoch = 1;
        anchor.height = 0;
        _refuseAnchor(some, anchor, some, some);
        anchor.epoch = 0;
        assertEq(deployClient(some, anchor, some, some).finalized().epoch, 1, "genesis stands for epoch 1");
        (anchor.height, anchor.epoch) = (1, 2 ** 32 - 1);
        _refuseAnchor(some, anchor, some, some);
    }

    /// No part of the word spills into another.
    function testFuzz_finalized_anyAnchor_isKept(uint64 height, uint32 epoch, uint40 l1Block, uint64 l1Finalized)
        public
    {
        Header memory anchor = readCase(updates(), 0).header;
        anchor.height = height == 0 ? 1 : height;
        anchor.epoch = uint64(bound(epoch, 1, type(uint32).max - 1));
        (anchor.timestampMs, anchor.l1Finalized) = (type(uint64).max, l1Finalized);
        vm.roll(l1Block);
        vm.warp(type(uint40).max);
        Finalized memory found = deployClient(domain(), anchor, keccak256("1"), keccak256("2")).finalized();
        assertEq(found.height, anchor.height, "height");
        assertEq(found.epoch, anchor.epoch, "epoch");
        assertEq(found.timestamp, type(uint40).max, "timestamp");
        assertEq(found.l1Block, l1Block, "l1 block");
        assertEq(found.entry, 1, "entry");
        assertEq(found.l1Finalized, l1Finalized, "finalized on the home L1");
    }

    function test_constructor_ring_isFullOfTheAnchor() public {
        Header memory anchor = readCase(updates(), 0).header;
        ILightClient client = deployClient(domain(), anchor, keccak256("1"), keccak256("2"));
        bytes32 blockHash = Validators.hashOf(anchor, ANCHOR_REST);
        for (uint8 i = 0; i < client.ringSize(); ++i) {
            assertEq(client.entryAt(i), keccak256(abi.encode(blockHash, anchor.historyRoot)), "entry");
        }
        uint8 size = client.ringSize();
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_NoSuchEntry.selector, size));
        client.entryAt(size);
    }

    function test_verifyHeader_theRingsOwnBlock_needsNoProof() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        client.update(target.header, target.restHash, target.certificate);
        uint8 entry = client.finalized().entry;
        RingEntry memory stored = RingEntry(target.blockHash, target.header.historyRoot);
        HistoryProof memory none;
        assertEq(client.verifyHeader(entry, stored, target.header, target.restHash, none), target.blockHash, "hash");
        target.header.nsRoot ^= bytes32(uint256(1));
        vm.expectRevert(ILightClient.LightClient_NotInHistory.selector);
        client.verifyHeader(entry, stored, target.header, target.restHash, none);
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_NoSuchEntry.selector, 32));
        client.verifyHeader(32, stored, target.header, target.restHash, none);
    }

    /// What the ring holds is a hash, which only the block's own hashes have.
    function test_verifyHeader_notTheRingsBlock_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        client.update(target.header, target.restHash, target.certificate);
        uint8 entry = client.finalized().entry;
        (bytes32 hash, bytes32 root) = (target.blockHash, target.header.historyRoot);
        HistoryProof memory none;
        RingEntry[4] memory wrong = [
            RingEntry(hash, ~root), RingEntry(~hash, root), RingEntry(root, hash), RingEntry(0, client.entryAt(entry))
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_WrongEntry.selector, entry));
            client.verifyHeader(entry, wrong[i], target.header, target.restHash, none);
        }
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_WrongEntry.selector, entry - 1));
        client.verifyHeader(entry - 1, RingEntry(hash, root), target.header, target.restHash, none);
    }

    /// A header of a history that the caller makes up.
    function test_verifyHeader_anotherHistory_reverts() public {
        (Case memory target, ILightClient client) = _case(FOUR_ONE_ABSENT);
        client.update(target.header, target.restHash, target.certificate);
        uint8 entry = client.finalized().entry;
        Header memory forged = target.header;
        forged.height = 0;
        bytes32 peak = Validators.hashOf(forged, target.restHash);
        RingEntry memory stored = RingEntry(target.blockHash, keccak256(abi.encodePacked(uint8(3), uint64(1), peak)));
        HistoryProof memory proof = HistoryProof(1, new bytes32[](0), new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(ILightClient.LightClient_WrongEntry.selector, entry));
        client.verifyHeader(entry, stored, forged, target.restHash, proof);
        stored.historyRoot = readCase(updates(), FOUR_ONE_ABSENT).header.historyRoot;
        vm.expectRevert(ILightClient.LightClient_NotInHistory.selector);
        client.verifyHeader(entry, stored, forged, target.restHash, proof);
    }

    function _case(uint256 index) private returns (Case memory target, ILightClient client) {
        target = readCase(updates(), index);
        client = clientFor(target);
    }

    function _refuse(ILightClient client, Case memory target, bytes4 reason) private {
        _refuse(client, target, abi.encodePacked(reason));
    }

    function _refuse(ILightClient client, Case memory target, bytes memory reason) private {
        vm.expectRevert(reason);
        client.update(target.header, target.restHash, target.certificate);
    }

    function _refuseAnchor(bytes32 chainDomain, Header memory anchor, bytes32 current, bytes32 next) private {
        vm.expectRevert(ILightClient.LightClient_InvalidAnchor.selector);
        this.deploy(chainDomain, anchor, current, next);
    }

    function deploy(bytes32 chainDomain, Header memory anchor, bytes32 current, bytes32 next) external {
        deployClient(chainDomain, anchor, current, next);
    }

    function _head(bytes memory whole, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = whole[i];
        }
    }

    function _slice(bytes memory whole, uint256 from) private pure returns (bytes memory part) {
        part = new bytes(whole.length - from);
        for (uint256 i = 0; i < part.length; ++i) {
            part[i] = whole[from + i];
        }
    }
}
