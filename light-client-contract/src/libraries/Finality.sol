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
        uint64 epoch = header.epoch;
        uint256[4] memory key = _signers(commitment, epoch, certificate);
        bytes32 digest = Digests.vote(Digests.FINAL, domain, epoch, certificate.viewNumber, header.height, blockHash);
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
        (uint256 size, uint256 total, bytes32 root) = (committee.size, committee.total, committee.root);
        uint256[4] memory key = Bls.unpack(committee.sum);
        bytes32 found = Committees.commitment(epoch, size, total, key, root);
        require(found == commitment, ILightClient.LightClient_WrongCommittee(commitment, found));
        (bytes calldata absent, bytes32[] calldata siblings) = (certificate.absent, certificate.siblings);
        if (absent.length != 0 || siblings.length != 0) {
            // What is left of minus the sum of all is minus the sum of the signers.
            Bls.negate(key);
            uint256 lacking = Committees.addAbsent(size, root, absent, siblings, key);
            // More than two thirds signed: 3 * (total - lacking) > 2 * total.
            require(3 * lacking < total, ILightClient.LightClient_NoQuorum(total - lacking, total));
            Bls.negate(key);
        }
        require(!Bls.isIdentity(key), ILightClient.LightClient_IdentityKey());
        return key;
    }
}
