// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bls} from "../src/libraries/Bls.sol";
import {HashToG1} from "../src/libraries/HashToG1.sol";
import {Points} from "./support/Points.sol";
import {Signer} from "./support/Signer.sol";
import {Test} from "./support/Test.sol";

contract BlsTest is Test {
    function test_hash_vectorsOfRfc9380_succeeds() public view {
        // With its length, 50, as last byte.
        bytes memory suite = "QUUX-V01-CS02-with-BLS12381G1_XMD:SHA-256_SSWU_RO_\x32";
        string memory json = vm.readFile("test/vectors/rfc9380_bls12381g1.json");
        uint256 count = 0;
        for (; has(json, item(".cases", count)); ++count) {
            string memory path = item(".cases", count);
            bytes memory message = bytes(vm.parseJsonString(json, string.concat(path, ".msg")));
            uint256[4] memory point = HashToG1.hash(message, suite);
            assertEq(abi.encode(point), data(json, path, ".point"), path);
        }
        assertEq(count, 5, "messages of the RFC");
    }

    function test_hash_vectorsOfTheProtocol_succeeds() public view {
        string memory json = consensusVectors("hash_to_curve.json");
        uint256 count = 0;
        for (; has(json, item(".cases", count)); ++count) {
            string memory path = item(".cases", count);
            bytes32 message = word(json, path, ".message");
            string memory suite = vm.parseJsonString(json, string.concat(path, ".dst"));
            bool isPossession = keccak256(bytes(suite)) == keccak256("BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_");
            uint256[4] memory point = isPossession ? HashToG1.ofPossession(message) : HashToG1.ofSigned(message);
            assertEq(abi.encode(point), data(json, path, ".point"), path);
        }
        assertEq(count, 4, "two messages under each suite");
    }

    function test_signer_vectorsOfKeys_succeeds() public view {
        string memory json = consensusVectors("keys.json");
        for (uint256 i = 0; i < 4; ++i) {
            string memory path = item(".cases", i);
            uint256 secret = uint256(word(json, path, ".secret"));
            assertEq(abi.encode(Signer.pk1(secret)), data(json, path, ".pk1"), "pk1");
            assertEq(abi.encode(Signer.pk2(secret)), data(json, path, ".pk2"), "pk2");
            bytes32 digest = word(json, path, ".signature.digest");
            assertEq(abi.encode(Signer.sign(secret, digest)), data(json, path, ".signature.point"), "signature");
            bytes32 domain = word(json, path, ".possession.chain_domain");
            address operator = vm.parseJsonAddress(json, string.concat(path, ".possession.operator"));
            uint256[4] memory proof = Signer.possession(secret, domain, operator);
            assertEq(abi.encode(proof), data(json, path, ".possession.point"), "possession");
        }
    }

    function test_isSignedByBothHalves_rightSignature_succeeds() public view {
        bytes32 digest = keccak256("digest");
        assertTrue(_check(digest, Signer.sign(7, digest), Signer.pk1(7), Signer.pk2(7)), "signature");
    }

    function test_isSignedByBothHalves_halvesOfTwoSecrets_fails() public view {
        bytes32 digest = keccak256("digest");
        assertTrue(!_check(digest, Signer.sign(7, digest), Signer.pk1(8), Signer.pk2(7)), "another pk1");
        assertTrue(!_check(digest, Signer.sign(8, digest), Signer.pk1(8), Signer.pk2(7)), "another pk2");
        assertTrue(!_check(keccak256("x"), Signer.sign(7, digest), Signer.pk1(7), Signer.pk2(7)), "another digest");
    }

    /// Without the coefficient, sig = a*(H + g1) - pk1 with pk2 = a*g2 would pass for whatever pk1.
    function test_isSignedByBothHalves_forgeryWithoutCoefficient_fails() public view {
        bytes32 digest = keccak256("digest");
        uint256[4] memory hash = HashToG1.ofSigned(digest);
        uint256[4] memory victim = Signer.pk1(7);
        uint256[4] memory forged = Bls.multiply(Bls.add(hash, Bls.generator()), bytes32(uint256(5)));
        forged = Bls.add(forged, Points.negated(victim));
        uint256[4] memory left = Bls.add(forged, victim);
        uint256[4] memory right = Bls.add(hash, Bls.generator());
        assertTrue(Bls.hasEqualPairings(left, right, Signer.pk2(5)), "the forgery is one of the plain check");
        assertTrue(!_check(digest, forged, victim, Signer.pk2(5)), "forgery");
    }

    function test_hasEqualPairings_pointOutsideSubgroup_fails() public view {
        uint256[4] memory outside = Points.outsideSubgroup();
        uint256[8] memory identity;
        uint256[4] memory g = Bls.generator();
        // On the curve: addition takes it.
        Bls.add(outside, g);
        assertTrue(!Bls.hasEqualPairings([uint256(0), 0, 0, 0], outside, identity), "outside the subgroup");
        assertTrue(Bls.hasEqualPairings([uint256(0), 0, 0, 0], g, identity), "in the subgroup");
    }

    function test_multiply_pointOutsideSubgroup_reverts() public {
        uint256[4] memory outside = Points.outsideSubgroup();
        vm.expectRevert(Bls.Bls_InvalidPoint.selector);
        this.multiply(outside);
    }

    function test_add_pointOffCurve_reverts() public {
        uint256[4] memory g = Bls.generator();
        g[3] ^= 1;
        vm.expectRevert(Bls.Bls_InvalidPoint.selector);
        this.add(g);
    }

    function test_add_coordinateAboveModulus_reverts() public {
        uint256[4] memory g = Points.aboveModulus(Bls.generator());
        vm.expectRevert(Bls.Bls_InvalidPoint.selector);
        this.add(g);
    }

    function test_add_pointOffCurve_costsLittle() public view {
        uint256[4] memory g = Bls.generator();
        g[3] ^= 1;
        uint256 before = gasleft();
        try this.add(g) {} catch {}
        assertTrue(before - gasleft() < 10_000, "gas of a refused point");
    }

    function testFuzz_reduce_agreesWithModularExponentiation(uint256 high, uint256 low) public view {
        _checkReduced(high, low);
        _checkReduced(high % (Bls.P_HIGH + 2), low);
    }

    /// The largest numbers, and those next to multiples of the modulus, where the quotient is off by one first.
    function testFuzz_reduce_nextToMultiplesOfTheModulus_agrees(uint256 seed) public view {
        _checkReduced(type(uint256).max, type(uint256).max);
        unchecked {
            _checkAround(seed >> (seed % 126 + 126));
        }
    }

    /// Numbers far from those that fuzzing draws: around the multiples of the modulus where the quotient steps, and the
    /// ends of both words.
    function test_reduce_edges_agreesWithModularExponentiation() public view {
        uint256[7] memory highs = [0, 1, Bls.P_HIGH - 1, Bls.P_HIGH, Bls.P_HIGH + 1, 1 << 255, type(uint256).max];
        uint256[7] memory lows = [0, 1, Bls.P_LOW - 1, Bls.P_LOW, Bls.P_LOW + 1, 1 << 255, type(uint256).max];
        for (uint256 i = 0; i < highs.length; ++i) {
            for (uint256 j = 0; j < lows.length; ++j) {
                _checkReduced(highs[i], lows[j]);
            }
        }
        // 0, p, 2p, then each power of two and its neighbours, up to the largest multiple of 512 bits: one less, itself
        // and one more of each.
        uint256 last = uint256(0x9d835d2f3cc9e45ce28101b0cc7a6ba291b82741ff6a0a94bdf4771e0286779d) >> 124;
        _checkAround(last);
        for (uint256 power = 1; power <= last; power <<= 1) {
            _checkAround(power - 1);
            _checkAround(power);
            if (power < last) _checkAround(power + 1);
        }
    }

    /// The multiple of the modulus, and its neighbours that fit 512 bits.
    function _checkAround(uint256 quotient) private view {
        unchecked {
            uint256 low = quotient * Bls.P_LOW;
            uint256 both = mulmod(quotient, Bls.P_LOW, type(uint256).max);
            uint256 high = quotient * Bls.P_HIGH + both - low - (both < low ? 1 : 0);
            _checkReduced(high, low);
            _checkReduced(low == type(uint256).max ? high + 1 : high, low + 1);
            _checkReduced(low == 0 ? high - 1 : high, low - 1);
        }
    }

    function _checkReduced(uint256 high, uint256 low) private view {
        uint256[2] memory halves = [high, low];
        bytes memory modulus = abi.encodePacked(uint256(Bls.P_HIGH), uint256(Bls.P_LOW));
        bytes memory input = abi.encodePacked(uint256(64), uint256(1), uint256(64), high, low, uint8(1), modulus);
        (bool done, bytes memory rest) = address(5).staticcall(input);
        assertTrue(done, "modular exponentiation");
        uint256 place;
        assembly ("memory-safe") {
            place := halves
        }
        HashToG1.reduce(place);
        assertEq(abi.encode(halves), rest, "rest");
    }

    function testFuzz_negate_sumIsIdentity(uint256 secret) public view {
        uint256[4] memory point = Signer.pk1(secret);
        assertTrue(Bls.isIdentity(Bls.add(point, Points.negated(point))), "identity");
    }

    function testFuzz_isSignedByBothHalves_anySecret(uint256 secret, bytes32 digest, bytes32 other) public view {
        secret = bound(secret, 1, type(uint248).max);
        uint256[4] memory signature = Signer.sign(secret, digest);
        assertTrue(_check(digest, signature, Signer.pk1(secret), Signer.pk2(secret)), "right");
        if (other != digest) {
            assertTrue(!_check(other, Signer.sign(secret, digest), Signer.pk1(secret), Signer.pk2(secret)), "wrong");
        }
    }

    function test_requirePrecompiles_thisL1_succeeds() public view {
        Bls.requirePrecompiles();
    }

    function add(uint256[4] memory point) external view returns (uint256[4] memory) {
        return Bls.add(point, point);
    }

    function multiply(uint256[4] memory point) external view returns (uint256[4] memory) {
        return Bls.multiply(point, bytes32(uint256(3)));
    }

    function _check(bytes32 digest, uint256[4] memory signature, uint256[4] memory pk1, uint256[8] memory pk2)
        private
        view
        returns (bool)
    {
        return Bls.isSignedByBothHalves(digest, HashToG1.ofSigned(digest), signature, pk1, pk2);
    }
}

/// L1s whose precompiles answer, but not what they should.
contract BlsWrongPrecompilesTest is Test {
    /// Addition and multiplication in G1, pairing, map to G1.
    bytes4 private constant USED = hex"0b0c0f10";

    function test_requirePrecompiles_anyOfThemReverts_reverts() public {
        for (uint256 i = 0; i < USED.length; ++i) {
            vm.mockCallRevert(_precompile(uint8(USED[i])), "", "");
            _refuse();
        }
    }

    function test_requirePrecompiles_anyOfThemIsCutShort_reverts() public {
        for (uint256 i = 0; i < USED.length; ++i) {
            vm.mockCall(_precompile(uint8(USED[i])), "", hex"00");
            _refuse();
        }
    }

    function test_requirePrecompiles_pairingAlwaysTheSame_reverts() public {
        for (uint256 answer = 0; answer < 3; ++answer) {
            vm.mockCall(_precompile(Bls.PAIRING), "", abi.encode(answer));
            _refuse();
        }
    }

    function test_requirePrecompiles_anotherPoint_reverts() public {
        vm.mockCall(_precompile(Bls.MAP_TO_G1), "", abi.encode(Bls.generator()));
        _refuse();
        vm.mockCall(_precompile(Bls.G1_ADD), "", abi.encode(Bls.generator()));
        _refuse();
        vm.mockCall(_precompile(Bls.G1_MSM), "", abi.encode(Bls.generator()));
        _refuse();
    }

    /// A precompile that fails, for want of gas if for nothing else, makes no point that is signed or summed up.
    function test_points_anyPrecompileFails_reverts() public {
        // SHA-256, too.
        bytes5 used = hex"020b0c0f10";
        for (uint256 i = 0; i < used.length; ++i) {
            uint256 precompile = uint8(used[i]);
            vm.mockCallRevert(_precompile(precompile), "", "");
            if (precompile == Bls.PAIRING) {
                assertTrue(!this.pairs(), "pairing");
            } else if (precompile == Bls.G1_MSM) {
                _refusePoint(this.product);
                _refusePoint(this.addedProduct);
            } else if (precompile == Bls.G1_ADD) {
                _refusePoint(this.sum);
                _refusePoint(this.addedProduct);
                _refusePoint(this.hash);
            } else if (precompile == Bls.MAP_TO_G1) {
                _refusePoint(this.hash);
            } else {
                vm.expectRevert(bytes(""));
                this.hash();
            }
            vm.clearMockedCalls();
            this.hash();
            this.sum();
            this.product();
            this.addedProduct();
            assertTrue(this.pairs(), "pairing as it is");
        }
    }

    function _refusePoint(function() external view returns (uint256[4] memory) point) private {
        vm.expectRevert(Bls.Bls_InvalidPoint.selector);
        point();
    }

    function hash() external view returns (uint256[4] memory) {
        return HashToG1.ofSigned(keccak256("digest"));
    }

    function sum() external view returns (uint256[4] memory) {
        return Bls.add(Bls.generator(), Bls.generator());
    }

    function product() external view returns (uint256[4] memory) {
        return Bls.multiply(Bls.generator(), bytes32(uint256(2)));
    }

    function addedProduct() external view returns (uint256[4] memory point) {
        point = Bls.generator();
        Bls.addProduct(point, Bls.generator(), bytes32(uint256(2)));
    }

    function pairs() external view returns (bool) {
        return Bls.hasEqualPairings(Signer.pk1(3), Bls.generator(), Signer.pk2(3));
    }

    function _precompile(uint256 number) private pure returns (address) {
        return address(uint160(number));
    }

    /// Refused for the precompiles as they answer now, which answer right again afterwards.
    function _refuse() private {
        vm.expectRevert(Bls.Bls_PrecompilesMissing.selector);
        this.requirePrecompiles();
        vm.clearMockedCalls();
        this.requirePrecompiles();
    }

    function requirePrecompiles() external view {
        Bls.requirePrecompiles();
    }
}

/// An L1 of the hard fork before EIP-2537.
/// forge-config: default.evm_version = "cancun"
contract BlsBeforePragueTest is Test {
    function test_requirePrecompiles_beforePrague_reverts() public {
        vm.expectRevert(Bls.Bls_PrecompilesMissing.selector);
        this.requirePrecompiles();
    }

    function requirePrecompiles() external view {
        Bls.requirePrecompiles();
    }
}
