// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {Test} from "@light-client-test/Test.sol";
import {Vm} from "@light-client-test/Vm.sol";

import {Bridge} from "../../src/predeploys/Bridge.sol";
import {BridgedToken} from "../../src/predeploys/BridgedToken.sol";
import {IBridge} from "../../src/predeploys/IBridge.sol";
import {ITokenFactory} from "../../src/predeploys/ITokenFactory.sol";
import {TokenFactory} from "../../src/predeploys/TokenFactory.sol";

/// The cheat codes that only these tests use.
interface Genesis {
    function deal(address account, uint256 balance) external;
    function store(address account, bytes32 slot, bytes32 value) external;
}

/// The contracts that are there from a rollup's genesis on.
contract PredeploysTest is Test {
    uint64 private constant HOME = 31_337;
    IBridge private constant BRIDGE = IBridge(0x4200000000000000000000000000000000000010);
    ITokenFactory private constant FACTORY = ITokenFactory(0x4200000000000000000000000000000000000012);
    address private constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    address private constant L1_TOKEN = 0x1234567890AbcdEF1234567890aBcdef12345678;
    address private constant ALICE = address(0xA11CE);
    address private constant BOB = address(0xB0B);

    function setUp() public {
        vm.etch(address(BRIDGE), address(new Bridge()).code);
        vm.etch(address(FACTORY), address(new TokenFactory()).code);
        _genesis().store(address(BRIDGE), 0, bytes32(uint256(HOME)));
        _genesis().deal(ALICE, type(uint192).max);
    }

    function test_withdraw_ether_isBurnedAndRecorded() public {
        vm.expectEmit(address(BRIDGE));
        emit IBridge.Withdrawal(HOME, address(0), 3 ether, BOB);
        vm.prank(ALICE);
        BRIDGE.withdraw{value: 3 ether}(HOME, BOB);
        assertEq(address(BRIDGE).balance, 3 ether, "what nobody can move any more");
    }

    function test_withdraw_otherL1_reverts() public {
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IBridge.Bridge_NotHome.selector, HOME));
        BRIDGE.withdraw{value: 1}(HOME + 1, BOB);
    }

    function test_withdraw_nothing_reverts() public {
        vm.expectRevert(IBridge.Bridge_NoAmount.selector);
        BRIDGE.withdraw(HOME, BOB);
    }

    function test_withdraw_toNobody_reverts() public {
        vm.prank(ALICE);
        vm.expectRevert(IBridge.Bridge_NoRecipient.selector);
        BRIDGE.withdraw{value: 1}(HOME, address(0));
    }

    function test_withdraw_moreThan128Bits_reverts() public {
        uint256 amount = uint256(type(uint128).max) + 1;
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IBridge.Bridge_TooMuch.selector, amount));
        BRIDGE.withdraw{value: amount}(HOME, BOB);
    }

    function test_withdrawToken_notByTheFactory_reverts() public {
        vm.expectRevert(IBridge.Bridge_NotFactory.selector);
        BRIDGE.withdrawToken(HOME, L1_TOKEN, 1, BOB);
    }

    function test_mint_firstDeposit_makesTheToken() public {
        address token = _mint(7, ALICE);
        assertEq(FACTORY.tokenOf(L1_TOKEN), token, "token");
        assertEq(FACTORY.l1TokenOf(token), L1_TOKEN, "token of the L1");
        assertEq(BridgedToken(token).balanceOf(ALICE), 7, "balance");
        assertEq(BridgedToken(token).decimals(), 6, "decimals");
        assertEq(bytes(BridgedToken(token).name()), bytes("Bridged 0x1234567890abcdef1234567890abcdef12345678"), "name");
        assertEq(bytes(BridgedToken(token).symbol()), bytes("b12345678"), "symbol");
    }

    function test_mint_secondDeposit_keepsTheToken() public {
        address token = _mint(7, ALICE);
        vm.prank(SYSTEM);
        assertEq(FACTORY.mint(L1_TOKEN, 18, 5, BOB), token, "token");
        assertEq(BridgedToken(token).decimals(), 6, "decimals of the first deposit");
        assertEq(BridgedToken(token).totalSupply(), 12, "supply");
    }

    function test_mint_notByTheRollup_reverts() public {
        vm.expectRevert(ITokenFactory.TokenFactory_NotSystem.selector);
        FACTORY.mint(L1_TOKEN, 6, 1, ALICE);
    }

    function test_mint_toNobody_reverts() public {
        vm.prank(SYSTEM);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, address(0)));
        FACTORY.mint(L1_TOKEN, 6, 1, address(0));
    }

    function test_withdraw_tokens_areBurnedAndRecorded() public {
        address token = _mint(7, ALICE);
        vm.expectEmit(address(BRIDGE));
        emit IBridge.Withdrawal(HOME, L1_TOKEN, 5, BOB);
        vm.prank(ALICE);
        FACTORY.withdraw(token, HOME, 5, BOB);
        assertEq(BridgedToken(token).totalSupply(), 2, "supply");
    }

    function test_withdraw_moreTokensThanThereAre_reverts() public {
        address token = _mint(7, ALICE);
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, BOB, 0, 5));
        FACTORY.withdraw(token, HOME, 5, BOB);
    }

    function test_withdraw_unknownToken_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(ITokenFactory.TokenFactory_UnknownToken.selector, L1_TOKEN));
        FACTORY.withdraw(L1_TOKEN, HOME, 5, BOB);
    }

    function test_mintAndBurn_notByTheFactory_revert() public {
        BridgedToken token = BridgedToken(_mint(7, ALICE));
        vm.expectRevert(BridgedToken.BridgedToken_NotFactory.selector);
        token.mint(BOB, 1);
        vm.expectRevert(BridgedToken.BridgedToken_NotFactory.selector);
        token.burn(ALICE, 1);
    }

    /// What is withdrawn and what is left are together what was deposited.
    function test_fuzz_tokens_areConserved(uint128 deposit, uint128 out) public {
        address token = _mint(deposit, ALICE);
        out = uint128(bound(out, 0, deposit));
        vm.prank(ALICE);
        if (out == 0) vm.expectRevert(IBridge.Bridge_NoAmount.selector);
        FACTORY.withdraw(token, HOME, out, BOB);
        assertEq(BridgedToken(token).totalSupply() + out, deposit, "sum");
    }

    function _mint(uint128 amount, address recipient) private returns (address) {
        vm.prank(SYSTEM);
        return FACTORY.mint(L1_TOKEN, 6, amount, recipient);
    }

    function _genesis() private pure returns (Genesis) {
        return Genesis(address(vm));
    }
}
