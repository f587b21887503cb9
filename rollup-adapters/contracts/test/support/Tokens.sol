// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// A token as it should be, with six decimals.
contract Token is ERC20("Token", "TOK") {
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    function decimals() public pure virtual override returns (uint8) {
        return 6;
    }
}

/// Keeps a hundredth of what moves.
contract FeeToken is Token {
    function _update(address from, address to, uint256 amount) internal override {
        uint256 fee = from == address(0) ? 0 : amount / 100;
        super._update(from, to, amount - fee);
        if (fee != 0) super._update(from, address(0), fee);
    }
}

/// Says false instead of moving anything, as old tokens do.
contract FalseToken is Token {
    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// Says yes and moves nothing.
contract LyingToken is Token {
    function transfer(address, uint256) public pure override returns (bool) {
        return true;
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return true;
    }
}

/// Moves nothing for anybody.
contract RevertingToken is Token {
    error Paused();

    function _update(address from, address to, uint256 amount) internal override {
        require(from == address(0), Paused());
        super._update(from, to, amount);
    }
}

/// Calls somebody when it moves, and says decimals that no token can have.
contract CallingToken is Token {
    address private _target;
    bytes private _input;
    bool public done;
    bytes public answer;

    function onMove(address target, bytes calldata input) external {
        (_target, _input) = (target, input);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (_target != address(0)) (done, answer) = _target.call(_input);
    }

    function decimals() public pure override returns (uint8) {
        assembly ("memory-safe") {
            mstore(0, 256)
            return(0, 0x20)
        }
    }
}

/// Returns nothing at all and doesn't say its decimals, as the most used token of all does.
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    function mint(address account, uint256 amount) external {
        balanceOf[account] += amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}
