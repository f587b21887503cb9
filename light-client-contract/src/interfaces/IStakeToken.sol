// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// An ERC-20 whose holders can burn what they hold, with 18 decimals.
interface IStakeToken is IERC20 {
    /// Destroys tokens of the sender.
    function burn(uint256 amount) external;
}
