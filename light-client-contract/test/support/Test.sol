// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// What all tests share: cheat codes, assertions, vectors.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// Two values differ that should not.
    error Differs(string what, bytes found, bytes expected);
    error NotTrue(string what);

    function assertTrue(bool condition, string memory what) internal pure {
        require(condition, NotTrue(what));
    }

    function assertEq(uint256 found, uint256 expected, string memory what) internal pure {
        require(found == expected, Differs(what, abi.encode(found), abi.encode(expected)));
    }

    function assertEq(bytes32 found, bytes32 expected, string memory what) internal pure {
        require(found == expected, Differs(what, abi.encode(found), abi.encode(expected)));
    }

    function assertEq(address found, address expected, string memory what) internal pure {
        require(found == expected, Differs(what, abi.encode(found), abi.encode(expected)));
    }

    function assertEq(bytes memory found, bytes memory expected, string memory what) internal pure {
        require(keccak256(found) == keccak256(expected), Differs(what, found, expected));
    }

    /// A number from `low` to `high`, for fuzzing.
    function bound(uint256 seed, uint256 low, uint256 high) internal pure returns (uint256) {
        return high - low == type(uint256).max ? seed : low + seed % (high - low + 1);
    }

    function consensusVectors(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("../hotshot/types/vectors/", name));
    }

    function payloadVectors(string memory name) internal view returns (string memory) {
        return vm.readFile(string.concat("../da/vectors/", name));
    }

    /// The path of an element: `list[index]`.
    function item(string memory list, uint256 index) internal pure returns (string memory) {
        return string.concat(list, "[", vm.toString(index), "]");
    }

    function has(string memory json, string memory path) internal view returns (bool) {
        return vm.keyExistsJson(json, path);
    }

    function number(string memory json, string memory path, string memory field) internal pure returns (uint64) {
        uint256 value = vm.parseJsonUint(json, string.concat(path, field));
        require(value <= type(uint64).max, NotTrue(field));
        return uint64(value);
    }

    function word(string memory json, string memory path, string memory field) internal pure returns (bytes32) {
        return vm.parseJsonBytes32(json, string.concat(path, field));
    }

    function words(string memory json, string memory path, string memory field)
        internal
        pure
        returns (bytes32[] memory)
    {
        return vm.parseJsonBytes32Array(json, string.concat(path, field));
    }

    function data(string memory json, string memory path, string memory field) internal pure returns (bytes memory) {
        return vm.parseJsonBytes(json, string.concat(path, field));
    }

    function g1(string memory json, string memory path, string memory field) internal pure returns (uint256[4] memory) {
        return abi.decode(data(json, path, field), (uint256[4]));
    }

    function g2(string memory json, string memory path, string memory field) internal pure returns (uint256[8] memory) {
        return abi.decode(data(json, path, field), (uint256[8]));
    }
}
