// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IBridge} from "./IBridge.sol";

/// See IBridge. Has no constructor: genesis puts its code and slot 0 in place.
contract Bridge is IBridge {
    address private constant FACTORY = 0x4200000000000000000000000000000000000012;

    /// Slot 0.
    uint64 public homeChainId;

    function withdraw(uint64 chainId, address recipient) external payable {
        if (msg.value > type(uint128).max) revert Bridge_TooMuch(msg.value);
        // forge-lint: disable-next-line(unsafe-typecast)
        _record(chainId, address(0), uint128(msg.value), recipient);
    }

    function withdrawToken(uint64 chainId, address token, uint128 amount, address recipient) external {
        if (msg.sender != FACTORY) revert Bridge_NotFactory();
        _record(chainId, token, amount, recipient);
    }

    function _record(uint64 chainId, address token, uint128 amount, address recipient) private {
        if (chainId != homeChainId) revert Bridge_NotHome(homeChainId);
        if (amount == 0) revert Bridge_NoAmount();
        if (recipient == address(0)) revert Bridge_NoRecipient();
        emit Withdrawal(chainId, token, amount, recipient);
    }
}
