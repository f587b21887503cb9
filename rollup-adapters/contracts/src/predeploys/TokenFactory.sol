// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {BridgedToken} from "./BridgedToken.sol";
import {IBridge} from "./IBridge.sol";
import {ITokenFactory} from "./ITokenFactory.sol";

/// See ITokenFactory. Has no constructor: genesis puts its code in place.
contract TokenFactory is ITokenFactory {
    /// Who calls when the rollup itself does (EIP-4788); nobody has its key.
    address private constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    IBridge private constant BRIDGE = IBridge(0x4200000000000000000000000000000000000010);

    mapping(address l1Token => address) public tokenOf;
    mapping(address token => address) public l1TokenOf;

    function mint(address l1Token, uint8 decimals, uint128 amount, address recipient) external returns (address token) {
        if (msg.sender != SYSTEM) revert TokenFactory_NotSystem();
        token = tokenOf[l1Token];
        if (token == address(0)) {
            token = address(new BridgedToken{salt: bytes32(uint256(uint160(l1Token)))}(l1Token, decimals));
            tokenOf[l1Token] = token;
            l1TokenOf[token] = l1Token;
            emit Created(l1Token, token);
        }
        BridgedToken(token).mint(recipient, amount);
    }

    function withdraw(address token, uint64 chainId, uint128 amount, address recipient) external {
        address l1Token = l1TokenOf[token];
        if (l1Token == address(0)) revert TokenFactory_UnknownToken(token);
        BridgedToken(token).burn(msg.sender, amount);
        BRIDGE.withdrawToken(chainId, l1Token, amount, recipient);
    }
}
