// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {PackedG1, PackedG2} from "../interfaces/ILightClient.sol";

/// BLS12-381 by the precompiles of EIP-2537. Points are in its padding: 4 words in G1, 8 in G2; zeros are the identity.
///
/// A precompile that refuses its input burns all gas it was given, so each call is given about one and a half times its
/// price. Addition checks that points are on the curve; multiplication and pairing also check the subgroup.
library Bls {
    /// The L1 lacks the precompiles of EIP-2537: it runs a hard fork before Prague.
    error Bls_PrecompilesMissing();
    /// A point is not on the curve or outside its subgroup, or a coordinate is not below the modulus.
    error Bls_InvalidPoint();

    uint256 internal constant G1_ADD = 0x0b;
    uint256 internal constant G1_MSM = 0x0c;
    uint256 internal constant PAIRING = 0x0f;
    uint256 internal constant MAP_TO_G1 = 0x10;

    uint256 internal constant G1_ADD_GAS = 600;
    uint256 internal constant G1_MSM_GAS = 18_000;
    uint256 internal constant PAIRING_GAS = 155_000;
    uint256 internal constant MAP_TO_G1_GAS = 8300;

    /// The modulus of the field, high and low word.
    uint256 internal constant P_HIGH = 0x1a0111ea397fe69a4b1ba7b6434bacd7;
    uint256 internal constant P_LOW = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;

    uint256 private constant G1_X_HIGH = 0x17f1d3a73197d7942695638c4fa9ac0f;
    uint256 private constant G1_X_LOW = 0xc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb;
    uint256 private constant G1_Y_HIGH = 0x08b3f481e3aaa0f1a09e30ed741d8ae4;
    uint256 private constant G1_Y_LOW = 0xfcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1;

    uint256 private constant G2_X0_HIGH = 0x024aa2b2f08f0a91260805272dc51051;
    uint256 private constant G2_X0_LOW = 0xc6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8;
    uint256 private constant G2_X1_HIGH = 0x13e02b6052719f607dacd3a088274f65;
    uint256 private constant G2_X1_LOW = 0x596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e;
    uint256 private constant NEGATED_G2_Y0_HIGH = 0x0d1b3cc2c7027888be51d9ef691d77bc;
    uint256 private constant NEGATED_G2_Y0_LOW = 0xb679afda66c73f17f9ee3837a55024f78c71363275a75d75d86bab79f74782aa;
    uint256 private constant NEGATED_G2_Y1_HIGH = 0x13fa4d4a0ad8b1ce186ed5061789213d;
    uint256 private constant NEGATED_G2_Y1_LOW = 0x993923066dddaf1040bc3ff59f825c78df74f2d75467e25e0f55f8a00fa030ed;

    /// Keccak-256 of the point, with its padding, that the field element 1 is mapped to.
    bytes32 private constant MAPPED_ONE = 0x9ac8949dc0f430c817214cedce245bb027db3b6619be3698a316f245aecd6f59;

    /// The generator of G1.
    function generator() internal pure returns (uint256[4] memory) {
        return [G1_X_HIGH, G1_X_LOW, G1_Y_HIGH, G1_Y_LOW];
    }

    function isIdentity(uint256[4] memory point) internal pure returns (bool) {
        return point[0] | point[1] | point[2] | point[3] == 0;
    }

    /// The point with its padding. That it is one is checked by what takes it.
    function unpack(PackedG1 calldata packed) internal pure returns (uint256[4] memory point) {
        assembly ("memory-safe") {
            // Behind the padding, which is zero as all new memory.
            calldatacopy(add(point, 0x10), packed, 48)
            calldatacopy(add(point, 0x50), add(packed, 48), 48)
        }
    }

    /// The point with its padding. That it is one is checked by what takes it.
    function unpack(PackedG2 calldata packed) internal pure returns (uint256[8] memory point) {
        assembly ("memory-safe") {
            calldatacopy(add(point, 0x10), packed, 48)
            calldatacopy(add(point, 0x50), add(packed, 48), 48)
            calldatacopy(add(point, 0x90), add(packed, 96), 48)
            calldatacopy(add(point, 0xd0), add(packed, 144), 48)
        }
    }

    /// a = -a, in place.
    function negate(uint256[4] memory a) internal pure {
        if (isIdentity(a)) return;
        unchecked {
            // A coordinate that is not below the modulus makes one that is not either, which the precompiles refuse.
            uint256 borrow = a[3] > P_LOW ? 1 : 0;
            (a[2], a[3]) = (P_HIGH - a[2] - borrow, P_LOW - a[3]);
        }
    }

    /// a + b
    function add(uint256[4] memory a, uint256[4] memory b) internal view returns (uint256[4] memory sum) {
        bool done;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, a, 0x80)
            mcopy(add(input, 0x80), b, 0x80)
            done := staticcall(G1_ADD_GAS, G1_ADD, input, 0x100, sum, 0x80)
            done := and(done, eq(returndatasize(), 0x80))
        }
        require(done, Bls_InvalidPoint());
    }

    /// scalar * a
    function multiply(uint256[4] memory a, bytes32 scalar) internal view returns (uint256[4] memory product) {
        bool done;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, a, 0x80)
            mstore(add(input, 0x80), scalar)
            done := staticcall(G1_MSM_GAS, G1_MSM, input, 0xa0, product, 0x80)
            done := and(done, eq(returndatasize(), 0x80))
        }
        require(done, Bls_InvalidPoint());
    }

    /// Whether e(a, g2) = e(b, c). False for points that are malformed or outside their subgroup.
    function hasEqualPairings(uint256[4] memory a, uint256[4] memory b, uint256[8] memory c)
        internal
        view
        returns (bool equal)
    {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, a, 0x80)
            mstore(add(input, 0x080), G2_X0_HIGH)
            mstore(add(input, 0x0a0), G2_X0_LOW)
            mstore(add(input, 0x0c0), G2_X1_HIGH)
            mstore(add(input, 0x0e0), G2_X1_LOW)
            mstore(add(input, 0x100), NEGATED_G2_Y0_HIGH)
            mstore(add(input, 0x120), NEGATED_G2_Y0_LOW)
            mstore(add(input, 0x140), NEGATED_G2_Y1_HIGH)
            mstore(add(input, 0x160), NEGATED_G2_Y1_LOW)
            mcopy(add(input, 0x180), b, 0x80)
            mcopy(add(input, 0x200), c, 0x100)
            mstore(0, 0)
            equal := staticcall(PAIRING_GAS, PAIRING, input, 0x300, 0, 0x20)
            equal := and(and(equal, eq(returndatasize(), 0x20)), eq(mload(0), 1))
        }
    }

    /// Whether `signature` is that of the secret behind both halves of a key, over the point `hash`, and the halves are
    /// of one secret: e(signature + c*pk1, g2) = e(hash + c*g1, pk2), with c from all of them so that errors cannot be
    /// chosen to cancel out. Without c the forgery signature = a*(hash + g1) - pk1, pk2 = a*g2 would pass. Overwrites
    /// `hash` and `signature`.
    function isSignedByBothHalves(
        bytes32 digest,
        uint256[4] memory hash,
        uint256[4] memory signature,
        uint256[4] memory pk1,
        uint256[8] memory pk2
    ) internal view returns (bool) {
        bytes32 c;
        assembly ("memory-safe") {
            let all := mload(0x40)
            mstore(all, digest)
            mcopy(add(all, 0x20), signature, 0x80)
            mcopy(add(all, 0xa0), pk1, 0x80)
            mcopy(add(all, 0x120), pk2, 0x100)
            c := keccak256(all, 0x220)
        }
        addProduct(signature, pk1, c);
        addProduct(hash, generator(), c);
        return hasEqualPairings(signature, hash, pk2);
    }

    /// a += scalar * b, in place.
    function addProduct(uint256[4] memory a, uint256[4] memory b, bytes32 scalar) internal view {
        bool done;
        assembly ("memory-safe") {
            let input := mload(0x40)
            let product := add(input, 0x80)
            mcopy(input, a, 0x80)
            mcopy(product, b, 0x80)
            mstore(add(input, 0x100), scalar)
            done := staticcall(G1_MSM_GAS, G1_MSM, product, 0xa0, product, 0x80)
            done := and(done, staticcall(G1_ADD_GAS, G1_ADD, input, 0x100, a, 0x80))
            done := and(done, eq(returndatasize(), 0x80))
        }
        require(done, Bls_InvalidPoint());
    }

    /// Reverts unless the precompiles are there and compute what they should.
    function requirePrecompiles() internal view {
        uint256[4] memory g = generator();
        // -g2
        uint256[8] memory h = [
            G2_X0_HIGH,
            G2_X0_LOW,
            G2_X1_HIGH,
            G2_X1_LOW,
            NEGATED_G2_Y0_HIGH,
            NEGATED_G2_Y0_LOW,
            NEGATED_G2_Y1_HIGH,
            NEGATED_G2_Y1_LOW
        ];
        uint256[4] memory negated = generator();
        negate(negated);
        bool pairs = hasEqualPairings(g, negated, h) && !hasEqualPairings(g, g, h);
        require(pairs && _answers(g) && _maps(), Bls_PrecompilesMissing());
    }

    /// Whether the field element 1 is mapped to the point that it should be. A call that fails leaves zeros.
    function _maps() private view returns (bool) {
        uint256[4] memory mapped;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, 0)
            mstore(add(input, 0x20), 1)
            pop(staticcall(MAP_TO_G1_GAS, MAP_TO_G1, input, 0x40, mapped, 0x80))
        }
        return keccak256(abi.encode(mapped)) == MAPPED_ONE;
    }

    /// Whether 2*g computed by addition and by multiplication agree. Calls that fail leave zeros.
    function _answers(uint256[4] memory g) private view returns (bool) {
        uint256[4] memory sum;
        uint256[4] memory product;
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, g, 0x80)
            mcopy(add(input, 0x80), g, 0x80)
            pop(staticcall(G1_ADD_GAS, G1_ADD, input, 0x100, sum, 0x80))
            mstore(add(input, 0x80), 2)
            pop(staticcall(G1_MSM_GAS, G1_MSM, input, 0xa0, product, 0x80))
        }
        return !isIdentity(sum) && keccak256(abi.encode(sum)) == keccak256(abi.encode(product));
    }
}
