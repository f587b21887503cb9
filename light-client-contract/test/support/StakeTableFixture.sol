// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Digests} from "../../src/libraries/Digests.sol";
import {Evidence, IStakeTable} from "../../src/interfaces/IStakeTable.sol";
import {IStakeToken} from "../../src/interfaces/IStakeToken.sol";
import {Stakers} from "./Stakers.sol";

/// The light client as the stake table sees it, so that its answers can be chosen.
contract ChosenLightClient {
    bytes32 public chainDomain;
    uint64 public trustPeriod = 7 days;
    uint64 public rotatedOut;
    bool public isFrozen;
    bool public isExpired;

    constructor(bytes32 domain) {
        chainDomain = domain;
    }

    function hasRotatedOut(uint64 l1Block) external view returns (bool) {
        return l1Block <= rotatedOut;
    }

    function choose(uint64 rotatedOut_, bool isFrozen_, bool isExpired_) external {
        (rotatedOut, isFrozen, isExpired) = (rotatedOut_, isFrozen_, isExpired_);
    }
}

/// A stake table at the address that the vectors name, and its users.
abstract contract StakeTableFixture is Stakers {
    uint64 internal constant ESCROW = 14 days;
    uint96 internal constant MINIMUM = 1000 ether;
    uint16 internal constant MEMBERS = 100;
    uint256 internal constant SUPPLY = 1_000_000_000 ether;
    address internal constant TIMELOCK = address(0x71);
    address internal constant TABLE = address(uint160(0x005A5a5a5A5a5A5A5A5a5a5a5A5a5a5A5a5A5a5A5a));
    bytes32 internal constant SALT = 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;

    address internal constant ALICE = address(0xa11ce);
    address internal constant BOB = address(0xb0b);
    address internal constant CAROL = address(0xca401);
    uint256 internal constant SECRET = 0x5ec4e7;
    uint256 internal constant OTHER_SECRET = 0x07e4;

    ChosenLightClient internal client;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        vm.roll(1000);
        token =
            IStakeToken(vm.deployCode("StakeToken.sol:StakeToken", abi.encode("Stake", "STK", address(this), SUPPLY)));
        client = new ChosenLightClient(Digests.chainDomain(block.chainid, TABLE, SALT));
        table = deployTable(address(token), address(client), TIMELOCK, ESCROW, MINIMUM, MEMBERS);
    }

    /// Runs the constructor at the address that the vectors name.
    function deployTable(
        address stakeToken,
        address lightClient,
        address timelock,
        uint64 escrow,
        uint96 minimum,
        uint16 members
    ) internal returns (IStakeTable) {
        bytes memory arguments = abi.encode(stakeToken, lightClient, timelock, SALT, escrow, minimum, members);
        vm.etch(TABLE, abi.encodePacked(vm.getCode("StakeTable.sol:StakeTable"), arguments));
        (bool done, bytes memory code) = TABLE.call("");
        if (!done) {
            assembly ("memory-safe") {
                revert(add(code, 0x20), mload(code))
            }
        }
        vm.etch(TABLE, code);
        return IStakeTable(TABLE);
    }

    /// Whatever leaves in this block may be withdrawn then.
    function passEscrow() internal {
        vm.warp(block.timestamp + ESCROW);
        client.choose(uint64(block.number), false, false);
    }

    function report(address reporter, Evidence memory evidence) internal {
        vm.prank(reporter);
        table.slash(evidence);
    }
}
