// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../../src/libraries/Bls.sol";
import {Digests} from "../../src/libraries/Digests.sol";
import {HashToG1} from "../../src/libraries/HashToG1.sol";

/// Keys and signatures made in the test itself, for as many validators as it takes. That they are those of the
/// protocol is pinned by the vectors.
library Signer {
    uint256 private constant G2_MSM = 0x0e;

    function pk1(uint256 secret) internal view returns (uint256[4] memory) {
        return Bls.multiply(Bls.generator(), bytes32(secret));
    }

    function pk2(uint256 secret) internal view returns (uint256[8] memory key) {
        bytes memory generator =
            hex"00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb80000000000000000000000000000000013e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
        (bool done, bytes memory product) = address(uint160(G2_MSM)).staticcall(abi.encodePacked(generator, secret));
        require(done);
        return abi.decode(product, (uint256[8]));
    }

    function sign(uint256 secret, bytes32 digest) internal view returns (uint256[4] memory) {
        return Bls.multiply(HashToG1.ofSigned(digest), bytes32(secret));
    }

    function possession(uint256 secret, bytes32 domain, address operator) internal view returns (uint256[4] memory) {
        bytes32 digest = Digests.possession(domain, operator, pk1(secret), pk2(secret));
        return Bls.multiply(HashToG1.ofPossession(digest), bytes32(secret));
    }
}
