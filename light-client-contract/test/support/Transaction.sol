// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// The gas of a call, as a whole transaction (intrinsic, calldata with the floor of EIP-7623, execution), or of the
/// execution alone.
library Transaction {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256 private constant INTRINSIC = 21_000;
    uint256 private constant TOKEN = 4;
    uint256 private constant TOKEN_FLOOR = 10;
    uint256 private constant TOKENS_OF_A_BYTE = 4;

    /// What a transaction of the current sender to `target` costs, refunds left aside.
    function gasOf(address target, bytes memory input) internal returns (uint256) {
        uint256 tokens = 0;
        for (uint256 i = 0; i < input.length; ++i) {
            tokens += input[i] == 0 ? 1 : TOKENS_OF_A_BYTE;
        }
        uint256 used = INTRINSIC + TOKEN * tokens + execution(target, input);
        uint256 atLeast = INTRINSIC + TOKEN_FLOOR * tokens;
        return used > atLeast ? used : atLeast;
    }

    /// The gas that `target` uses, its storage cold at first, refunds left aside.
    function execution(address target, bytes memory input) internal returns (uint256) {
        vm.cool(target);
        (bool done, bytes memory reason) = target.call(input);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(reason, 0x20), mload(reason))
            }
        }
        return vm.lastCallGas().gasTotalUsed;
    }
}
