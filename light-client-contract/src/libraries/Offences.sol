// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";
import {Digests} from "./Digests.sol";
import {HashToG1} from "./HashToG1.sol";
import {Evidence, IStakeTable, Offence, Signed} from "../interfaces/IStakeTable.sol";

/// What no honest validator signs (X1 to X4).
library Offences {
    /// Reverts unless the two statements contradict each other and the key signed both.
    function verify(bytes32 domain, Evidence calldata evidence) internal view {
        Signed calldata first = evidence.first;
        Signed calldata second = evidence.second;
        bool contradict = evidence.offence == Offence.LostLock
            ? second.viewNumber >= first.viewNumber && second.number < first.viewNumber
            : second.viewNumber == first.viewNumber;
        bytes32 firstDigest = _digest(domain, evidence, first, false);
        bytes32 secondDigest = _digest(domain, evidence, second, true);
        require(contradict && firstDigest != secondDigest, IStakeTable.StakeTable_NoOffence());

        // Both signatures in one check: e(s1 + c*s2, g2) = e(h1 + c*h2, pk2). c is from all that is signed and the
        // signatures, so that errors cannot be chosen to cancel out.
        bytes32 c = keccak256(abi.encode(firstDigest, secondDigest, first.signature, second.signature, evidence.pk2));
        uint256[4] memory signatures = first.signature;
        uint256[4] memory hashes = HashToG1.ofSigned(firstDigest);
        Bls.addProduct(signatures, second.signature, c);
        Bls.addProduct(hashes, HashToG1.ofSigned(secondDigest), c);
        require(Bls.hasEqualPairings(signatures, hashes, evidence.pk2), IStakeTable.StakeTable_WrongSignature());
    }

    /// What the key signed.
    function _digest(bytes32 domain, Evidence calldata evidence, Signed calldata statement, bool isSecond)
        private
        pure
        returns (bytes32)
    {
        (Offence offence, uint64 epoch) = (evidence.offence, evidence.epoch);
        if (offence == Offence.Proposals) {
            return
                Digests.proposal(domain, epoch, statement.viewNumber, statement.kind, statement.number, statement.hash);
        }
        if (offence == Offence.LostLock && isSecond) {
            return Digests.timeout(domain, epoch, statement.viewNumber, statement.number, statement.hash);
        }
        bytes32 tag = offence == Offence.Votes1 ? Digests.QUORUM : Digests.FINAL;
        return Digests.vote(tag, domain, epoch, statement.viewNumber, statement.number, statement.hash);
    }
}
