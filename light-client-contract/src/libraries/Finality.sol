// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";
import {Committees} from "./Committees.sol";
import {Digests} from "./Digests.sol";
import {HashToG1} from "./HashToG1.sol";
import {Certificate, Committee, Header, ILightClient} from "../interfaces/ILightClient.sol";

/// Whether a certificate of finality proves a block (C1).
library Finality {
    /// Reverts unless a quorum of the committee with this commitment voted for the block.
    function verify(
        bytes32 domain,
        bytes32 commitment,
        Header calldata header,
        bytes32 blockHash,
        Certificate calldata certificate
    ) internal view {
        uint256[4] memory key = _signers(commitment, header.epoch, certificate);
        bytes32 digest =
            Digests.vote(Digests.FINAL, domain, header.epoch, certificate.viewNumber, header.height, blockHash);
        require(
            Bls.isSignedByBothHalves(
                digest,
                HashToG1.ofSigned(digest),
                Bls.unpack(certificate.signature),
                key,
                Bls.unpack(certificate.signers)
            ),
            ILightClient.LightClient_WrongSignature()
        );
    }

    /// The sum of the signers' keys in G1: that of all members less the absent, who must leave a quorum.
    function _signers(bytes32 commitment, uint64 epoch, Certificate calldata certificate)
        private
        view
        returns (uint256[4] memory)
    {
        Committee calldata committee = certificate.committee;
        uint256[4] memory key = Bls.unpack(committee.sum);
        bytes32 found = Committees.commitment(committee, epoch, key);
        require(found == commitment, ILightClient.LightClient_WrongCommittee(commitment, found));
        if (certificate.absent.length != 0 || certificate.siblings.length != 0) {
            // What is left of minus the sum of all is minus the sum of the signers.
            key = Bls.negate(key);
            uint256 total = committee.total;
            uint256 signed = total - Committees.addAbsent(committee, certificate.absent, certificate.siblings, key);
            require(3 * signed > 2 * total, ILightClient.LightClient_NoQuorum(signed, total));
            key = Bls.negate(key);
        }
        require(!Bls.isIdentity(key), ILightClient.LightClient_IdentityKey());
        return key;
    }
}
