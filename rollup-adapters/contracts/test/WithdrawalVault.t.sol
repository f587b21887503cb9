// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {HistoryProof} from "@light-client/interfaces/ILightClient.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IWithdrawalVault, Withdrawal} from "../src/interfaces/IWithdrawalVault.sol";
import {History} from "./support/History.sol";
import {L1MessageQueue} from "../src/L1MessageQueue.sol";
import {RollupFixture} from "./support/RollupFixture.sol";
import {CallingToken, FalseToken, FeeToken, LyingToken, Token} from "./support/Tokens.sol";

/// Claims another withdrawal while it is paid.
contract ReentrantRecipient {
    IWithdrawalVault private _vault;
    Withdrawal private _next;
    HistoryProof private _proof;
    bytes4 public reason;

    function prepare(IWithdrawalVault vault, Withdrawal calldata next, HistoryProof calldata proof) external {
        (_vault, _next, _proof) = (vault, next, proof);
    }

    receive() external payable {
        try _vault.claim(_next, _proof) {}
        catch (bytes memory found) {
            reason = bytes4(found);
        }
    }
}

/// Forces a transaction with what it is paid.
contract ForcingRecipient {
    L1MessageQueue private immutable queue;

    constructor(L1MessageQueue queue_) {
        queue = queue_;
    }

    receive() external payable {
        if (msg.sender != address(queue)) queue.forceTx{value: msg.value}("paid");
    }
}

/// What the rollup pays back.
contract WithdrawalVaultTest is RollupFixture {
    Withdrawal[] private _all;
    bytes32[] private _leaves;

    function setUp() public override {
        super.setUp();
        depositEther(ALICE, 100 ether);
    }

    function _owe(uint256 chainId, address token, uint128 amount, address recipient) private returns (uint64 index) {
        index = uint64(_all.length);
        _all.push(Withdrawal(index, chainId, token, amount, recipient));
        _leaves.push(keccak256(abi.encode(index, chainId, token, amount, recipient)));
    }

    /// The settler of these tests, which settles whatever is owed.
    function _settle() private {
        bytes32 root = History.root(_leaves, uint64(_leaves.length));
        vm.prank(SETTLER);
        vault.settle(root);
    }

    function _proof(uint64 index) private view returns (HistoryProof memory) {
        return History.prove(_leaves, uint64(_leaves.length), index);
    }

    function _claim(uint64 index) private {
        vault.claim(_all[index], _proof(index));
    }

    function _expect(bytes memory reason, Withdrawal memory withdrawal, HistoryProof memory proof) private {
        vm.expectRevert(reason);
        vault.claim(withdrawal, proof);
    }

    function test_claim_ether_paysOnce() public {
        uint64 index = _owe(HOME, address(0), 3 ether, BOB);
        _settle();
        uint256 before = BOB.balance;
        vm.expectEmit(address(vault));
        emit IWithdrawalVault.Claimed(index, address(0), 3 ether, BOB);
        _claim(index);
        assertEq(BOB.balance - before, 3 ether, "paid");
        assertTrue(vault.isClaimed(index), "claimed");
        bytes memory reason = abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_AlreadyClaimed.selector, index);
        _expect(reason, _all[index], _proof(index));
        // Against a newer root, too.
        _owe(HOME, address(0), 1 ether, ALICE);
        _settle();
        _expect(reason, _all[index], _proof(index));
        _claim(1);
        assertEq(address(vault).balance, 96 ether, "rest");
    }

    function test_claim_moreThanAWord_succeeds() public {
        for (uint256 i = 0; i < 300; ++i) {
            _owe(HOME, address(0), 1 gwei, BOB);
        }
        _settle();
        uint64[6] memory some = [uint64(299), 0, 255, 256, 1, 257];
        for (uint256 i = 0; i < 6; ++i) {
            assertTrue(!vault.isClaimed(some[i]), "not yet");
            _claim(some[i]);
            assertTrue(vault.isClaimed(some[i]), "claimed");
        }
        assertEq(address(vault).balance, 100 ether - 6 gwei, "paid");
    }

    function test_claim_anotherField_reverts() public {
        uint64 index = _owe(HOME, address(0), 3 ether, BOB);
        _owe(HOME, address(0), 3 ether, ALICE);
        _settle();
        HistoryProof memory proof = _proof(index);
        bytes memory reason = abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NotSettled.selector);
        Withdrawal memory wrong = _all[index];
        wrong.amount += 1;
        _expect(reason, wrong, proof);
        wrong = _all[index];
        wrong.recipient = ALICE;
        _expect(reason, wrong, proof);
        wrong = _all[index];
        wrong.token = address(queue);
        _expect(reason, wrong, proof);
        wrong = _all[index];
        wrong.index += 1;
        _expect(reason, wrong, proof);
        wrong = _all[index];
        wrong.chainId += 1;
        _expect(abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_OtherChain.selector, HOME + 1), wrong, proof);
        assertTrue(!vault.isClaimed(index) && !vault.isClaimed(1), "nothing is claimed");
    }

    function test_claim_wrongPath_reverts() public {
        for (uint256 i = 0; i < 7; ++i) {
            _owe(HOME, address(0), 1 ether, BOB);
        }
        _settle();
        bytes memory reason = abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NotSettled.selector);
        HistoryProof memory proof = _proof(2);
        proof.path[0] = ~proof.path[0];
        _expect(reason, _all[2], proof);
        proof = _proof(2);
        proof.peaks[1] = ~proof.peaks[1];
        _expect(reason, _all[2], proof);
        proof = _proof(2);
        proof.count += 1;
        _expect(reason, _all[2], proof);
        _expect(reason, _all[2], _proof(3));
        proof = _proof(2);
        proof.path = new bytes32[](0);
        _expect(reason, _all[2], proof);
        _claim(2);
    }

    function test_claim_beforeAnythingIsSettled_reverts() public {
        _owe(HOME, address(0), 1 ether, BOB);
        _expect(abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NothingSettled.selector), _all[0], _proof(0));
    }

    /// One that the rollup has, but that is not settled.
    function test_claim_afterTheRoot_reverts() public {
        _owe(HOME, address(0), 1 ether, BOB);
        _settle();
        _owe(HOME, address(0), 1 ether, BOB);
        bytes memory reason = abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NotSettled.selector);
        _expect(reason, _all[1], _proof(1));
    }

    function test_claim_onAnotherL1_reverts() public {
        _owe(HOME + 1, address(0), 1 ether, BOB);
        _owe(HOME, address(0), 1 ether, BOB);
        _settle();
        // Here the leaf names the other L1, there the vault is not at home.
        _expect(
            abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_OtherChain.selector, HOME + 1), _all[0], _proof(0)
        );
        cheats.chainId(HOME + 1);
        bytes memory reason = abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NotHome.selector, HOME);
        _expect(reason, _all[0], _proof(0));
        _expect(reason, _all[1], _proof(1));
    }

    function test_settle_stranger_reverts() public {
        vm.expectRevert(abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_NotSettler.selector, ALICE));
        vm.prank(ALICE);
        vault.settle(keccak256("root"));
    }

    function test_claim_recipientThatReverts_staysOpen() public {
        address closed = address(0xc105ed);
        vm.etch(closed, hex"fe");
        uint64 index = _owe(HOME, address(0), 1 ether, closed);
        _settle();
        _expect(
            abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_PaymentFailed.selector), _all[index], _proof(index)
        );
        assertTrue(!vault.isClaimed(index), "open");
        vm.etch(closed, "");
        _claim(index);
        assertEq(closed.balance, 1 ether, "paid later");
    }

    function test_claim_reentrantRecipient_isRefused() public {
        ReentrantRecipient recipient = new ReentrantRecipient();
        _owe(HOME, address(0), 1 ether, address(recipient));
        _owe(HOME, address(0), 1 ether, address(recipient));
        _settle();
        for (uint64 again = 0; again < 2; ++again) {
            uint256 snapshot = vm.snapshotState();
            recipient.prepare(vault, _all[again], _proof(again));
            _claim(0);
            assertEq(
                bytes32(recipient.reason()),
                bytes32(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
                "refused"
            );
            assertEq(address(recipient).balance, 1 ether, "paid once");
            vm.revertToState(snapshot);
        }
    }

    /// RQ13: the queue has a lock of its own.
    function test_claim_recipientThatForces_getsIntoTheQueue() public {
        ForcingRecipient recipient = new ForcingRecipient(queue);
        _owe(HOME, address(0), 1 ether, address(recipient));
        _settle();
        _claim(0);
        assertEq(queue.count(), 2, "messages");
        assertEq(address(vault).balance, 99 ether, "paid once");
    }

    function _token(Token token) private returns (uint64) {
        token.mint(address(vault), 5000);
        uint64 index = _owe(HOME, address(token), 2000, BOB);
        _settle();
        return index;
    }

    function test_claim_token_paysOnce() public {
        Token token = new Token();
        uint64 index = _token(token);
        _claim(index);
        assertEq(token.balanceOf(BOB), 2000, "paid");
        assertEq(token.balanceOf(address(vault)), 3000, "rest");
        _expect(
            abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_AlreadyClaimed.selector, index),
            _all[index],
            _proof(index)
        );
    }

    function test_claim_tokenThatSaysFalse_staysOpen() public {
        Token token = new FalseToken();
        uint64 index = _token(token);
        _expect(
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(token)),
            _all[index],
            _proof(index)
        );
        assertTrue(!vault.isClaimed(index), "open");
    }

    function test_claim_tokenThatLies_staysOpen() public {
        uint64 index = _token(new LyingToken());
        _expect(
            abi.encodeWithSelector(IWithdrawalVault.WithdrawalVault_WrongTransfer.selector, 2000, 0),
            _all[index],
            _proof(index)
        );
        assertTrue(!vault.isClaimed(index), "open");
    }

    /// A token that takes a fee from what is received takes nothing more from the vault.
    function test_claim_tokenWithFee_costsTheRecipientOnly() public {
        Token token = new FeeToken();
        _claim(_token(token));
        assertEq(token.balanceOf(BOB), 1980, "less than was sent");
        assertEq(token.balanceOf(address(vault)), 3000, "rest");
    }

    function test_claim_reentrantToken_isRefused() public {
        CallingToken token = new CallingToken();
        uint64 index = _token(token);
        token.onMove(address(vault), abi.encodeCall(vault.claim, (_all[index], _proof(index))));
        _claim(index);
        assertTrue(!token.done(), "refused");
        assertEq(token.balanceOf(BOB), 2000, "paid once");
    }

    function testFuzz_claim_anyOfMany_isPaidExactly(uint8 many, uint256 seed) public {
        uint64 count = uint64(bound(many, 1, 40));
        uint256 owed = 0;
        for (uint64 i = 0; i < count; ++i) {
            uint128 amount = uint128(bound(uint256(keccak256(abi.encode(seed, i))), 1, 1 ether));
            owed += amount;
            _owe(HOME, address(0), amount, address(uint160(0x10000 + i)));
        }
        _settle();
        for (uint64 i = 0; i < count; ++i) {
            uint64 index = uint64((seed % count + i) % count);
            _claim(index);
            assertEq(_all[index].recipient.balance, _all[index].amount, "paid");
        }
        assertEq(address(vault).balance, 100 ether - owed, "rest");
    }
}
