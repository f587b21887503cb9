// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Digests} from "../../src/libraries/Digests.sol";
import {Evidence, IStakeTable, Offence, Signed} from "../../src/interfaces/IStakeTable.sol";
import {IStakeToken} from "../../src/interfaces/IStakeToken.sol";
import {Signer} from "./Signer.sol";
import {Test} from "./Test.sol";

/// What the users of a stake table do, right as it should be, and what a key signs that it should not.
abstract contract Stakers is Test {
    IStakeTable internal table;
    IStakeToken internal token;

    /// Gives an account tokens, which the table may take.
    function fund(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(address(table), type(uint256).max);
    }

    function register(address operator, uint256 secret, uint96 amount) internal {
        fund(operator, amount);
        (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) = keysOf(operator, secret);
        vm.prank(operator);
        table.register(pk1, pk2, possession, keccak256("network key"), "/ip4/127.0.0.1/tcp/30000", amount);
    }

    function rotate(address operator, uint256 secret) internal {
        (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession) = keysOf(operator, secret);
        vm.prank(operator);
        table.rotateKeys(pk1, pk2, possession);
    }

    /// Delegates what the delegator is given for it.
    function delegate(address delegator, address operator, uint96 amount) internal {
        fund(delegator, amount);
        vm.prank(delegator);
        table.delegate(operator, amount);
    }

    function undelegate(address delegator, address operator, uint96 amount) internal returns (uint256 id) {
        vm.prank(delegator);
        return table.undelegate(operator, amount);
    }

    function deregister(address operator) internal returns (uint256 id) {
        vm.prank(operator);
        return table.deregister();
    }

    /// Both halves of a key, and its proof of possession by an operator.
    function keysOf(address operator, uint256 secret)
        internal
        view
        returns (uint256[4] memory pk1, uint256[8] memory pk2, uint256[4] memory possession)
    {
        return (Signer.pk1(secret), Signer.pk2(secret), Signer.possession(secret, table.chainDomain(), operator));
    }

    /// Two votes of one round by a key: EV2 or EV3.
    function doubleVote(Offence offence, uint256 secret, uint64 epoch) internal view returns (Evidence memory) {
        bytes32 tag = offence == Offence.Votes1 ? Digests.QUORUM : Digests.FINAL;
        return Evidence({
            offence: offence,
            epoch: epoch,
            pk2: Signer.pk2(secret),
            first: _vote(tag, secret, epoch, keccak256("one block")),
            second: _vote(tag, secret, epoch, keccak256("another block"))
        });
    }

    function doubleVote(uint256 secret, uint64 epoch) internal view returns (Evidence memory) {
        return doubleVote(Offence.Votes2, secret, epoch);
    }

    function _vote(bytes32 tag, uint256 secret, uint64 epoch, bytes32 hash) private view returns (Signed memory) {
        bytes32 digest = Digests.vote(tag, table.chainDomain(), epoch, 5, 77, hash);
        return Signed({viewNumber: 5, kind: 0, number: 77, hash: hash, signature: Signer.sign(secret, digest)});
    }
}
