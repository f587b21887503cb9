// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HistoryProof} from "@light-client/interfaces/ILightClient.sol";
import {Vm} from "@light-client-test/Vm.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IL1MessageQueue} from "../src/interfaces/IL1MessageQueue.sol";
import {IRollupInbox} from "../src/interfaces/IRollupInbox.sol";
import {IWithdrawalVault, Withdrawal} from "../src/interfaces/IWithdrawalVault.sol";
import {L1MessageQueue} from "../src/L1MessageQueue.sol";
import {RollupInbox} from "../src/RollupInbox.sol";
import {WithdrawalVault} from "../src/WithdrawalVault.sol";
import {RollupFixture} from "./support/RollupFixture.sol";
import {CallingToken, FalseToken, FeeToken, LyingToken, RevertingToken, SilentToken, Token} from "./support/Tokens.sol";

/// Takes no ether back.
contract Closed {
    function deposit(L1MessageQueue queue, uint128 amount) external payable {
        queue.deposit{value: msg.value}(address(0), amount, address(this));
    }
}

/// Deposits again when it is paid back.
contract Reentrant {
    bytes4 public reason;

    function deposit(L1MessageQueue queue, uint128 amount) external payable {
        queue.deposit{value: msg.value}(address(0), amount, address(this));
    }

    receive() external payable {
        try L1MessageQueue(msg.sender).forceTx{value: msg.value}("again") {}
        catch (bytes memory found) {
            reason = bytes4(found);
        }
    }
}

/// What users put into the queue.
contract L1MessageQueueTest is RollupFixture {
    /// What the contract hashes, by the words of the interface.
    function _hash(uint8 kind, uint64 index, address sender, bytes memory body) private view returns (bytes32) {
        return keccak256(abi.encode(kind, index, block.number, sender, keccak256(body)));
    }

    function test_deposit_ether_succeeds() public {
        vm.recordLogs();
        assertEq(depositEther(ALICE, 3 ether), 0, "index");
        bytes memory body = abi.encode(address(0), 3 ether, ALICE, 18);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "logs");
        assertEq(logs[0].topics[0], IL1MessageQueue.Queued.selector, "event");
        assertEq(logs[0].topics[1], 0, "index of the event");
        assertEq(logs[0].data, abi.encode(0, ALICE, body), "event");
        bytes32 first = keccak256(abi.encodePacked(bytes32(0), _hash(0, 0, ALICE, body)));
        assertEq(queue.chain(), first, "chain");
        assertEq(_slot(0), first, "slot 0");
        assertEq(uint64(uint256(_slot(1))), 1, "count in slot 1");
        assertEq(address(vault).balance, 3 ether, "escrow");
        assertEq(address(queue).balance, BASE_FEE, "fee");

        depositEther(BOB, 1);
        body = abi.encode(address(0), 1, BOB, 18);
        assertEq(queue.chain(), keccak256(abi.encodePacked(first, _hash(0, 1, BOB, body))), "chain of two");
        assertEq(queue.count(), 2, "count");
    }

    function _slot(uint256 slot) private view returns (bytes32) {
        return cheats.load(address(queue), bytes32(slot));
    }

    function test_forceTx_anyBytes_succeeds() public {
        bytes memory longest = new bytes(queue.MAX_TRANSACTION());
        bytes[3] memory all = [bytes(""), hex"02f8", longest];
        bytes32 chain;
        for (uint64 i = 0; i < 3; ++i) {
            assertEq(force(ALICE, all[i]), i, "index");
            chain = keccak256(abi.encodePacked(chain, _hash(1, i, ALICE, all[i])));
            assertEq(queue.chain(), chain, "chain");
        }
    }

    function test_forceTx_tooLong_reverts() public {
        uint256 limit = queue.MAX_TRANSACTION();
        vm.expectRevert(abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_TooLong.selector, limit + 1, limit));
        queue.forceTx{value: 1 ether}(new bytes(limit + 1));
    }

    function test_forceTx_withoutFee_reverts() public {
        vm.expectRevert(
            abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_TooLittleEther.selector, BASE_FEE - 1, BASE_FEE)
        );
        queue.forceTx{value: BASE_FEE - 1}("x");
    }

    function test_deposit_nothing_reverts() public {
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_ZeroAmount.selector);
        queue.deposit{value: 1 ether}(address(0), 0, ALICE);
    }

    function test_deposit_forNobody_reverts() public {
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_ZeroRecipient.selector);
        queue.deposit{value: 1 ether}(address(0), 1, address(0));
    }

    function test_deposit_oneWeiShort_reverts() public {
        uint256 needed = 1 ether + queue.fee();
        vm.expectRevert(
            abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_TooLittleEther.selector, needed - 1, needed)
        );
        queue.deposit{value: needed - 1}(address(0), 1 ether, ALICE);
    }

    function test_deposit_aboveCap_reverts() public {
        depositEther(ALICE, CAP - 1);
        uint256 value = 2 + queue.fee();
        vm.expectRevert(
            abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_AboveCap.selector, uint256(CAP) + 1, uint256(CAP))
        );
        vm.prank(ALICE);
        queue.deposit{value: value}(address(0), 2, ALICE);
        depositEther(ALICE, 1);
        assertEq(address(vault).balance, CAP, "up to the cap");
    }

    function test_deposit_switchedOff_reverts() public {
        L1MessageQueue.Terms memory chosen = terms();
        chosen.depositsAllowed = false;
        (queue,,) = deployRollup(chosen, SETTLER);
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_DepositsOff.selector);
        queue.deposit{value: 2 ether}(address(0), 1 ether, ALICE);
        // Transactions are forced all the same.
        force(ALICE, "x");
    }

    function test_deposit_onAnotherL1_reverts() public {
        cheats.chainId(HOME + 1);
        bytes memory reason = abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_NotHome.selector, HOME);
        vm.expectRevert(reason);
        queue.deposit{value: 2 ether}(address(0), 1 ether, ALICE);
        vm.expectRevert(reason);
        queue.forceTx{value: 2 ether}("x");
    }

    function test_deposit_surplus_comesBack() public {
        uint256 before = ALICE.balance;
        vm.prank(ALICE);
        queue.deposit{value: 5 ether}(address(0), 1 ether, BOB);
        assertEq(before - ALICE.balance, 1 ether + BASE_FEE, "deposit");
        Token token = _token(new Token());
        before = ALICE.balance;
        vm.prank(ALICE);
        queue.deposit{value: 5 ether}(address(token), 7, BOB);
        assertEq(before - ALICE.balance, BASE_FEE + FEE_STEP, "token");
        before = ALICE.balance;
        vm.prank(ALICE);
        queue.forceTx{value: 5 ether}("x");
        assertEq(before - ALICE.balance, BASE_FEE + 2 * FEE_STEP, "forced transaction");
        assertEq(address(queue).balance, 3 * BASE_FEE + 3 * FEE_STEP, "fees");
    }

    function test_deposit_surplusThatDoesNotComeBack_reverts() public {
        Closed closed = new Closed();
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_RefundFailed.selector);
        closed.deposit{value: 2 ether}(queue, 1 ether);
        closed.deposit{value: 1 ether + BASE_FEE}(queue, 1 ether);
        assertEq(queue.count(), 1, "what is exact needs no way back");
    }

    function test_deposit_reentrantReceiver_isRefused() public {
        Reentrant reentrant = new Reentrant();
        reentrant.deposit{value: 2 ether}(queue, 1 ether);
        assertEq(bytes32(reentrant.reason()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "refused");
        assertEq(queue.count(), 1, "one message");
    }

    function test_vault_etherOfAStranger_isRefused() public {
        (bool done, bytes memory reason) = address(vault).call{value: 1}("");
        assertTrue(!done, "the vault takes deposits only");
        assertEq(
            reason, abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NotQueue.selector, this), "for that reason"
        );
    }

    function test_fee_risesAndFallsWithCoverage() public {
        for (uint256 i = 0; i < 10; ++i) {
            assertEq(queue.fee(), BASE_FEE + i * FEE_STEP, "rises");
            force(ALICE, "x");
        }
        pass(10);
        force(ALICE, "y");
        assertEq(queue.fee(), BASE_FEE + 11 * uint256(FEE_STEP), "eleven");
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_NotCovered.selector);
        queue.cover(1);
        vm.mockCall(address(inbox), abi.encodeCall(IRollupInbox.l1Number, ()), abi.encode(START_BLOCK));
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_NotCovered.selector);
        queue.cover(2);
        queue.cover(1);
        assertEq(queue.covered(), 10, "covered");
        assertEq(queue.fee(), BASE_FEE + FEE_STEP, "falls");
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_NotCovered.selector);
        queue.cover(1);
        vm.mockCall(address(inbox), abi.encodeCall(IRollupInbox.pinned, ()), abi.encode(11));
        queue.cover(0);
        assertEq(queue.fee(), BASE_FEE, "a pin covers");
    }

    /// What is enough for a second message of a block is enough for a first of the next.
    function test_deposit_gasOfTheSecondInABlock_isEnoughForAFirst() public {
        for (uint256 i = 0; i < 3; ++i) {
            depositEther(BOB, 1);
            uint256 least = _leastGas(_one());
            pass(1);
            assertTrue(_send(least, _one()), "the first");
        }
    }

    /// What is enough for a first message of a block is enough for a second, whether it pays for new slots or not.
    function test_deposit_gasOfTheFirstInABlock_isEnoughForASecond() public {
        depositEther(BOB, 1);
        for (uint256 i = 0; i < 2 * queue.RING_SIZE(); ++i) {
            pass(1);
            bool isMeasured = i < 3 || i == 2 * queue.RING_SIZE() - 1;
            uint256 least = isMeasured ? _leastGas(_one()) : 0;
            depositEther(BOB, 1);
            if (isMeasured) assertTrue(_send(least, _one()), "the second");
        }
    }

    /// The same for a contract that spends gas when it is paid back.
    function test_deposit_gasOfARefund_isEnoughForAnyPlaceInABlock() public {
        // Writes four new slots.
        vm.etch(ALICE, hex"60015a5560015a5560015a5560015a5500");
        depositEther(BOB, 1);
        uint256 second = _leastGas(_one());
        pass(1);
        uint256 first = _leastGas(_one());
        assertTrue(_send(second, _one()), "the first");
        assertTrue(_send(first, _one()), "the second");
    }

    /// The same for a transaction that takes much memory.
    function test_forceTx_gas_isTheSameForAnyPlaceInABlock() public {
        bytes memory message = abi.encodeCall(queue.forceTx, (new bytes(20_000)));
        depositEther(BOB, 1);
        uint256 second = _leastGas(message);
        pass(1);
        uint256 first = _leastGas(message);
        assertTrue(_send(second, message), "the first");
        assertTrue(_send(first, message), "the second");
    }

    function _leastGas(bytes memory message) private returns (uint256 least) {
        uint256 snapshot = vm.snapshotState();
        uint256 less = 50_000;
        least = 1_000_000;
        while (least - less > 1) {
            uint256 middle = (least + less) / 2;
            if (_send(middle, message)) {
                least = middle;
                vm.revertToState(snapshot);
            } else {
                less = middle;
            }
        }
        vm.revertToState(snapshot);
    }

    function _one() private view returns (bytes memory) {
        return abi.encodeCall(queue.deposit, (address(0), uint128(1), ALICE));
    }

    /// With a wei that comes back.
    function _send(uint256 gas, bytes memory message) private returns (bool done) {
        uint256 value = 2 + queue.fee();
        vm.prank(ALICE);
        (done,) = address(queue).call{gas: gas, value: value}(message);
    }

    function test_collect_anyone_paysTheAccount() public {
        depositEther(ALICE, 1 ether);
        vm.prank(BOB);
        queue.collect();
        assertEq(FEES.balance, BASE_FEE, "fees");
        vm.etch(FEES, hex"fe");
        force(ALICE, "x");
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_CollectFailed.selector);
        queue.collect();
    }

    function _token(Token token) private returns (Token) {
        token.mint(ALICE, 1e12);
        vm.prank(ALICE);
        token.approve(address(queue), type(uint256).max);
        return token;
    }

    function _deposit(address token, uint128 amount) private {
        uint256 value = queue.fee();
        vm.prank(ALICE);
        queue.deposit{value: value}(token, amount, BOB);
    }

    function _expectRefusal(address token, bytes memory reason) private {
        uint256 value = queue.fee();
        vm.expectRevert(reason);
        vm.prank(ALICE);
        queue.deposit{value: value}(token, 1000, BOB);
        assertEq(queue.count(), 0, "no message");
    }

    function test_deposit_token_succeeds() public {
        Token token = _token(new Token());
        _deposit(address(token), 1000);
        bytes memory body = abi.encode(address(token), 1000, BOB, 6);
        assertEq(queue.chain(), keccak256(abi.encodePacked(bytes32(0), _hash(0, 0, ALICE, body))), "chain");
        assertEq(token.balanceOf(address(vault)), 1000, "escrow");
    }

    function test_deposit_tokenThatSaysNothing_succeeds() public {
        SilentToken token = new SilentToken();
        token.mint(ALICE, 1000);
        _deposit(address(token), 1000);
        bytes memory body = abi.encode(address(token), 1000, BOB, 18);
        assertEq(queue.chain(), keccak256(abi.encodePacked(bytes32(0), _hash(0, 0, ALICE, body))), "18 decimals");
        assertEq(token.balanceOf(address(vault)), 1000, "escrow");
    }

    function test_deposit_tokenWithImpossibleDecimals_has18() public {
        Token token = _token(new CallingToken());
        _deposit(address(token), 1000);
        bytes memory body = abi.encode(address(token), 1000, BOB, 18);
        assertEq(queue.chain(), keccak256(abi.encodePacked(bytes32(0), _hash(0, 0, ALICE, body))), "18 decimals");
    }

    function test_deposit_tokenWithFee_reverts() public {
        Token token = _token(new FeeToken());
        _expectRefusal(
            address(token), abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_WrongTransfer.selector, 1000, 990)
        );
    }

    function test_deposit_tokenThatSaysFalse_reverts() public {
        Token token = _token(new FalseToken());
        _expectRefusal(
            address(token), abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token))
        );
    }

    function test_deposit_tokenThatLies_reverts() public {
        Token token = _token(new LyingToken());
        _expectRefusal(
            address(token), abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_WrongTransfer.selector, 1000, 0)
        );
    }

    function test_deposit_tokenThatReverts_reverts() public {
        Token token = _token(new RevertingToken());
        _expectRefusal(address(token), abi.encodeWithSelector(RevertingToken.Paused.selector));
    }

    function test_deposit_tokenWithoutCode_reverts() public {
        _expectRefusal(
            address(0xdead), abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_NoToken.selector, address(0xdead))
        );
    }

    function test_deposit_reentrantToken_isRefused() public {
        CallingToken token = new CallingToken();
        _token(token);
        token.onMove(address(queue), abi.encodeCall(queue.deposit, (address(token), 1, BOB)));
        _deposit(address(token), 1000);
        assertTrue(!token.done(), "refused");
        assertEq(bytes4(token.answer()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector, "by the lock");
        assertEq(queue.count(), 1, "one message");
    }

    /// RQ13: the vault has a lock of its own, and the escrow's balance shows what went out meanwhile.
    function test_deposit_tokenThatClaims_reverts() public {
        CallingToken token = new CallingToken();
        _token(token);
        token.mint(address(vault), 1000);
        Withdrawal memory owed = Withdrawal(0, HOME, address(token), 400, BOB);
        vm.prank(SETTLER);
        bytes32 leaf = keccak256(abi.encode(owed));
        vault.settle(keccak256(abi.encodePacked(uint8(3), uint64(1), leaf)));
        HistoryProof memory proof;
        proof.count = 1;
        token.onMove(address(vault), abi.encodeCall(vault.claim, (owed, proof)));
        _expectRefusal(
            address(token), abi.encodeWithSelector(IL1MessageQueue.L1MessageQueue_WrongTransfer.selector, 1000, 600)
        );
    }

    function testFuzz_deposit_anyAmount_isEscrowed(uint128 amount, uint96 surplus, address sender) public {
        amount = uint128(bound(amount, 1, CAP));
        vm.assume(sender.code.length == 0 && uint160(sender) > 0xffff && sender != address(vm));
        cheats.deal(sender, uint256(amount) + queue.fee() + surplus);
        vm.prank(sender);
        queue.deposit{value: uint256(amount) + BASE_FEE + surplus}(address(0), amount, BOB);
        assertEq(address(vault).balance, amount, "escrow");
        assertEq(address(queue).balance, BASE_FEE, "fee");
        assertEq(sender.balance, surplus, "rest");
    }

    function test_constructor_otherQueue_reverts() public {
        L1MessageQueue.Terms memory chosen = terms();
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_InvalidParameter.selector);
        new L1MessageQueue(address(inbox), address(vault), chosen);
    }

    function test_constructor_otherHome_reverts() public {
        address predicted = cheats.computeCreateAddress(address(this), cheats.getNonce(address(this)) + 2);
        WithdrawalVault newVault = new WithdrawalVault(predicted, SETTLER, HOME + 1);
        RollupInbox newInbox = new RollupInbox(address(client), predicted, NAMESPACE, HOME, FORCE_DELAY);
        L1MessageQueue.Terms memory chosen = terms();
        vm.expectRevert(IL1MessageQueue.L1MessageQueue_InvalidParameter.selector);
        new L1MessageQueue(address(newInbox), address(newVault), chosen);
    }
}
