// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {Bls} from "../src/libraries/Bls.sol";
import {IStakeTable, Operator} from "../src/interfaces/IStakeTable.sol";
import {Points} from "./support/Points.sol";
import {Signer} from "./support/Signer.sol";
import {ChosenLightClient, StakeTableFixture} from "./support/StakeTableFixture.sol";

/// Who becomes an operator, with which keys and address, in which table.
contract RegistrationTest is StakeTableFixture {
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

    function test_constructor_parametersAtTheirBounds_succeeds() public {
        uint96 most = uint96((uint256(1) << 64) * 1e9 - 1);
        table = deployTable(address(token), address(client), TIMELOCK, 7 days + 1, 1, 4);
        assertEq(table.escrow(), 7 days + 1, "the shortest escrow");
        table = deployTable(address(token), address(client), TIMELOCK, 3650 days, most, 1000);
        assertEq(table.escrow(), 3650 days, "the longest escrow");
        assertEq(table.minimumStake(), most, "the highest minimum");
        assertEq(table.maximumMembers(), 1000, "the largest committee");
        _refuseTable(address(token), address(client), TIMELOCK, 3650 days + 1, MINIMUM, MEMBERS);
        _refuseTable(address(token), address(client), TIMELOCK, ESCROW, most + 1, MEMBERS);
    }

    function test_constructor_supplyThatAmountsCannotHold_reverts() public {
        uint256 most = type(uint96).max;
        table = deployTable(_tokenOf(most), address(client), TIMELOCK, ESCROW, MINIMUM, MEMBERS);
        assertEq(table.escrow(), ESCROW, "the largest supply");
        _refuseTable(_tokenOf(most + 1), address(client), TIMELOCK, ESCROW, MINIMUM, MEMBERS);
    }

    function _tokenOf(uint256 supply) private returns (address) {
        return vm.deployCode("StakeToken.sol:StakeToken", abi.encode("Stake", "STK", address(this), supply));
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
        // One unit less lacks nothing but the tokens.
        reason = abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, TABLE, 0, most);
        _refuseRegistration(ALICE, SECRET, SECRET, SECRET, ALICE, most, reason);
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
        uint256[4] memory none1;
        uint256[8] memory none2;
        _refuseKeys(none1, none2, none1, IStakeTable.StakeTable_IdentityKey.selector);
        _refuseKeys(none1, Signer.pk2(SECRET), none1, IStakeTable.StakeTable_IdentityKey.selector);
        _refuseKeys(Signer.pk1(SECRET), none2, none1, IStakeTable.StakeTable_WrongPossession.selector);
    }

    function test_register_pointsOffTheCurveOrOutsideTheSubgroup_reverts() public {
        (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) = keysOf(ALICE, SECRET);
        _refuseKeys(Points.outsideSubgroup(), pk2, possession, Bls.Bls_InvalidPoint.selector);
        _refuseKeys(pk1, pk2, Points.outsideSubgroup(), IStakeTable.StakeTable_WrongPossession.selector);
        _refuseKeys(pk1, Points.outsideSubgroupOfG2(), possession, IStakeTable.StakeTable_WrongPossession.selector);
        pk2[7] ^= 1;
        _refuseKeys(pk1, pk2, possession, IStakeTable.StakeTable_WrongPossession.selector);
        pk2[7] ^= 1;
        pk1[3] ^= 1;
        _refuseKeys(pk1, pk2, possession, Bls.Bls_InvalidPoint.selector);
        pk1[3] ^= 1;
        _register(pk1, pk2, possession);
    }

    /// Coordinates in the order of other libraries; the other half negated.
    function test_register_swappedOrNegatedHalf_reverts() public {
        (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) = keysOf(ALICE, SECRET);
        uint256[8] memory swapped = [pk2[2], pk2[3], pk2[0], pk2[1], pk2[6], pk2[7], pk2[4], pk2[5]];
        _refuseKeys(pk1, swapped, possession, IStakeTable.StakeTable_WrongPossession.selector);
        _refuseKeys(Points.negated(pk1), pk2, possession, IStakeTable.StakeTable_WrongPossession.selector);
        _register(pk1, pk2, possession);
    }

    function test_register_keyOrAccountTwice_reverts() public {
        register(ALICE, SECRET, MINIMUM);
        bytes32 key = keccak256(abi.encode(Signer.pk2(SECRET)));
        bytes memory taken = abi.encodeWithSelector(IStakeTable.StakeTable_KeyTaken.selector, key);
        _refuseRegistration(BOB, SECRET, SECRET, SECRET, BOB, MINIMUM, taken);
        bytes memory again = abi.encodeWithSelector(IStakeTable.StakeTable_AlreadyRegistered.selector, ALICE);
        _refuseRegistration(ALICE, OTHER_SECRET, OTHER_SECRET, OTHER_SECRET, ALICE, MINIMUM, again);
    }

    function test_register_addressTooLongOrEmpty_reverts() public {
        fund(ALICE, MINIMUM);
        (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) = keysOf(ALICE, SECRET);
        vm.startPrank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 0));
        table.register(pk1, pk2, possession, 0, "", MINIMUM);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 257));
        table.register(pk1, pk2, possession, 0, string(new bytes(257)), MINIMUM);
        vm.stopPrank();
    }

    /// Registers with keys that may be wrong.
    function _register(uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) private {
        fund(ALICE, MINIMUM);
        vm.prank(ALICE);
        table.register(pk1, pk2, possession, 0, "/dns/node", MINIMUM);
    }

    function _refuseKeys(uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession, bytes4 reason)
        private
    {
        vm.prank(ALICE);
        vm.expectRevert(reason);
        table.register(pk1, pk2, possession, 0, "/dns/node", MINIMUM);
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

/// The address of an operator.
contract NetworkAddressTest is StakeTableFixture {
    function setUp() public override {
        super.setUp();
        register(ALICE, SECRET, MINIMUM);
    }

    function test_updateNetwork_asLongAsMayBe_succeeds() public {
        bytes memory text = new bytes(257);
        for (uint256 i = 0; i < text.length; ++i) {
            text[i] = "a";
        }
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 257));
        table.updateNetwork(0, string(text));
        assembly ("memory-safe") {
            mstore(text, 256)
        }
        vm.prank(ALICE);
        table.updateNetwork(0, string(text));
    }

    function test_updateNetwork_addressNotPrintable_reverts() public {
        bytes1[4] memory letters = [bytes1(0xff), 0x80, 0x7f, 0x20];
        for (uint256 i = 0; i < letters.length; ++i) {
            string memory wrong = string(abi.encodePacked("/ip4/1.2.3.4/tcp/9", letters[i]));
            vm.expectRevert(abi.encodeWithSelector(IStakeTable.StakeTable_WrongNetworkAddress.selector, 19));
            vm.prank(ALICE);
            table.updateNetwork(bytes32(uint256(1)), wrong);
        }
    }

    /// Every letter at every place of the words that are looked at at once.
    function testFuzz_updateNetwork_anyLetterAnywhere(uint8 letter, uint8 place, uint8 length) public {
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
}
