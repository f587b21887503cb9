// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "./Bls.sol";
import {Committees} from "./Committees.sol";
import {Digests} from "./Digests.sol";
import {HashToG1} from "./HashToG1.sol";
import {Certificate, Header, ILightClient} from "../interfaces/ILightClient.sol";

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
        returns (uint256[4] memory key)
    {
        uint256[4] memory all = Bls.unpack(certificate.committee.sum);
        bytes32 found = Committees.commitment(certificate.committee, epoch, all);
        require(found == commitment, ILightClient.LightClient_WrongCommittee(commitment, found));
        if (certificate.absent.length == 0 && certificate.siblings.length == 0) {
            key = all;
        } else {
            (uint256 weight, uint256[4] memory sum) =
                Committees.absent(certificate.committee, certificate.absent, certificate.siblings);
            uint256 total = certificate.committee.total;
            uint256 signed = total - weight;
            require(3 * signed > 2 * total, ILightClient.LightClient_NoQuorum(signed, total));
            key = Bls.add(all, Bls.negate(sum));
        }
        require(!Bls.isIdentity(key), ILightClient.LightClient_IdentityKey());
    }
}
