// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IDeploy} from "../script/IDeploy.sol";
import {Header, ILightClient} from "../src/interfaces/ILightClient.sol";
import {IStakeTable} from "../src/interfaces/IStakeTable.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {Test} from "./support/Test.sol";

contract DeployTest is Test {
    bytes32 private constant SALT = keccak256("salt");

    function test_deploy_contractsKnowEachOther_succeeds() public {
        IDeploy script = _script();
        address predicted = script.predict(address(script));
        IDeploy.Deployment memory made = script.deploy(_settings(script), predicted);
        assertEq(made.stakeTable, predicted, "stake table");
        IStakeTable table = IStakeTable(made.stakeTable);
        ILightClient client = ILightClient(made.lightClient);
        assertEq(table.chainDomain(), Digests.chainDomain(block.chainid, predicted, SALT), "chain domain");
        assertEq(client.chainDomain(), table.chainDomain(), "the light client's");
        assertEq(table.lightClient(), made.lightClient, "light client");
        assertEq(table.token(), made.token, "token");
        assertEq(table.timelock(), made.timelock, "timelock");
        assertEq(client.timelock(), made.timelock, "the light client's timelock");
        assertEq(client.committee(1), keccak256("1"), "committee 1");
        assertEq(client.committee(2), keccak256("2"), "committee 2");
    }

    function test_deploy_genesisOfAnotherStakeTable_reverts() public {
        IDeploy script = _script();
        address predicted = script.predict(address(script));
        vm.expectRevert(abi.encodeWithSelector(IDeploy.Deploy_AnotherStakeTable.selector, predicted, address(1)));
        script.deploy(_settings(script), address(1));
    }

    function _script() private returns (IDeploy) {
        return IDeploy(vm.deployCode("out/Deploy.s.sol/Deploy.json", ""));
    }

    function _settings(IDeploy script) private view returns (IDeploy.Settings memory settings) {
        settings.deployer = address(script);
        settings.governor = address(this);
        settings.timelockDelay = 2 days;
        settings.supply = 1e27;
        settings.salt = SALT;
        settings.trustPeriod = 7 days;
        settings.escrow = 14 days;
        settings.minimumStake = 1000 ether;
        settings.maximumMembers = 100;
        settings.genesis.timestampMs = 1_800_000_000_000;
        settings.committee1 = keccak256("1");
        settings.committee2 = keccak256("2");
    }
}

/// An L1 of the hard fork before EIP-2537.
/// forge-config: default.evm_version = "cancun"
contract DeployBeforePragueTest is Test {
    function test_deploy_lightClientAndStakeTable_revert() public {
        Header memory genesis;
        bytes32 some = keccak256("some");
        vm.expectRevert(bytes4(keccak256("Bls_PrecompilesMissing()")));
        this.deploy("LightClient.sol:LightClient", abi.encode(some, this, uint64(1), genesis, some, some, some));
        vm.expectRevert(bytes4(keccak256("Bls_PrecompilesMissing()")));
        this.deploy("StakeTable.sol:StakeTable", abi.encode(this, this, this, some, uint64(2), uint96(1), uint16(4)));
    }

    function deploy(string calldata artifact, bytes calldata arguments) external {
        bytes memory code = abi.encodePacked(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            let made := create(0, add(code, 0x20), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }
}
