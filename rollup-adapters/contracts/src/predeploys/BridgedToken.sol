// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

/// Stands for a token of the L1: exists as often as the rollup's vault there holds it.
contract BridgedToken is ERC20 {
    /// Only the factory mints and burns.
    error BridgedToken_NotFactory();

    address public immutable factory;
    address public immutable l1Token;
    uint8 private immutable _decimals;

    modifier onlyFactory() {
        if (msg.sender != factory) revert BridgedToken_NotFactory();
        _;
    }

    // Its names are computed, since a deposit doesn't bring them.
    constructor(address l1Token_, uint8 decimals_) ERC20("", "") {
        factory = msg.sender;
        l1Token = l1Token_;
        _decimals = decimals_;
    }

    function mint(address to, uint256 amount) external onlyFactory {
        _mint(to, amount);
    }

    function burn(address from, uint256 amount) external onlyFactory {
        _burn(from, amount);
    }

    /// "Bridged " and the address on the L1.
    function name() public view override returns (string memory) {
        return string.concat("Bridged ", Strings.toHexString(l1Token));
    }

    /// "b" and the first eight digits of the address on the L1.
    function symbol() public view override returns (string memory) {
        return string.concat("b", _digits(uint256(uint160(l1Token)) >> 128));
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function _digits(uint256 value) private pure returns (string memory) {
        bytes memory digits = bytes(Strings.toHexString(value, 4));
        bytes memory cut = new bytes(8);
        for (uint256 i; i < 8; ++i) {
            cut[i] = digits[i + 2];
        }
        return string(cut);
    }
}
