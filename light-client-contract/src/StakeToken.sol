// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";

/// The token that is staked: a fixed supply, minted once, 18 decimals. Nobody can mint more; holders can burn theirs.
contract StakeToken is ERC20Burnable {
    /// @param owner Receives the whole supply
    constructor(string memory name, string memory symbol, address owner, uint256 supply) ERC20(name, symbol) {
        _mint(owner, supply);
    }
}
