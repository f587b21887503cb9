// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";

/// The decimals of tokens that say them, and of those that don't.
library Decimals {
    /// What the token says; 18 if it says nothing that decimals can be.
    function ofToken(address token) internal view returns (uint8) {
        (bool done, bytes memory said) = token.staticcall(abi.encodeCall(IERC20Metadata.decimals, ()));
        if (!done || said.length < 32) return 18;
        uint256 decimals = abi.decode(said, (uint256));
        return decimals > type(uint8).max ? 18 : uint8(decimals);
    }
}
