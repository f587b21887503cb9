// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Digests} from "../../src/libraries/Digests.sol";
import {Evidence, IStakeTable, Offence, Signed} from "../../src/interfaces/IStakeTable.sol";
import {IStakeToken} from "../../src/interfaces/IStakeToken.sol";
import {Signer} from "./Signer.sol";
import {Test} from "./Test.sol";

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

/// A stake table at the address that the vectors name, and what its users do.
abstract contract StakeTableFixture is Test {
    uint64 internal constant ESCROW = 14 days;
    uint96 internal constant MINIMUM = 1000 ether;
    uint16 internal constant MEMBERS = 100;
    uint256 internal constant SUPPLY = 1_000_000_000 ether;
    address internal constant TIMELOCK = address(0x71);
    address internal constant TABLE = address(uint160(0x005A5a5a5A5a5A5A5A5a5a5a5A5a5a5A5a5A5a5A5a));
    bytes32 internal constant SALT = 0x0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f;

    IStakeTable internal table;
    IStakeToken internal token;
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

    /// Gives an account tokens, which the table may take.
    function fund(address account, uint256 amount) internal {
        token.transfer(account, amount);
        vm.prank(account);
        token.approve(TABLE, type(uint256).max);
    }

    function register(address operator, uint256 secret, uint96 amount) internal {
        fund(operator, amount);
        uint256[4] memory possession = Signer.possession(secret, table.chainDomain(), operator);
        (uint256[4] memory pk1, uint256[8] memory pk2) = (Signer.pk1(secret), Signer.pk2(secret));
        vm.prank(operator);
        table.register(pk1, pk2, possession, keccak256("network key"), "/ip4/127.0.0.1/tcp/30000", amount);
    }

    /// Two votes of one round by a key.
    function doubleVote(uint256 secret, uint64 epoch) internal view returns (Evidence memory evidence) {
        evidence.offence = Offence.Votes2;
        evidence.epoch = epoch;
        evidence.pk2 = Signer.pk2(secret);
        evidence.first = _vote(secret, epoch, keccak256("one block"));
        evidence.second = _vote(secret, epoch, keccak256("another block"));
    }

    function _vote(uint256 secret, uint64 epoch, bytes32 hash) private view returns (Signed memory) {
        bytes32 digest = Digests.vote(Digests.FINAL, table.chainDomain(), epoch, 5, 77, hash);
        return Signed({viewNumber: 5, kind: 0, number: 77, hash: hash, signature: Signer.sign(secret, digest)});
    }
}
