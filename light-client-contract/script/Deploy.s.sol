// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

import {Header, ILightClient} from "../src/interfaces/ILightClient.sol";
import {IStakeToken} from "../src/interfaces/IStakeToken.sol";
import {LightClient} from "../src/LightClient.sol";
import {StakeTable} from "../src/StakeTable.sol";
import {StakeToken} from "../src/StakeToken.sol";
import {Digests} from "../src/libraries/Digests.sol";
import {IDeploy} from "./IDeploy.sol";

/// The cheat codes of forge that a script uses.
interface ScriptVm {
    function computeCreateAddress(address deployer, uint256 nonce) external pure returns (address);
    function envAddress(string calldata name) external view returns (address);
    function envBytes32(string calldata name) external view returns (bytes32);
    function envOr(string calldata name, uint256 fallbackValue) external view returns (uint256);
    function envUint(string calldata name) external view returns (uint256);
    function getNonce(address account) external view returns (uint64);
    function startBroadcast(address signer) external;
    function stopBroadcast() external;
}

/// See IDeploy. `run` takes the settings from the environment.
///
///     forge script script/Deploy.s.sol --sig 'predict(address)' <deployer> --rpc-url <url>
///     forge script script/Deploy.s.sol --rpc-url <url> --broadcast --private-key <key>
contract Deploy is IDeploy {
    ScriptVm private constant vm = ScriptVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @inheritdoc IDeploy
    function predict(address deployer) public view returns (address) {
        return vm.computeCreateAddress(deployer, vm.getNonce(deployer) + 3);
    }

    /// Takes the settings from the environment.
    function run() external returns (Deployment memory) {
        Settings memory settings = Settings({
            deployer: vm.envAddress("DEPLOYER"),
            governor: vm.envAddress("GOVERNOR"),
            timelockDelay: vm.envOr("TIMELOCK_DELAY", 2 days),
            supply: vm.envOr("SUPPLY", 1_000_000_000 ether),
            salt: vm.envBytes32("SALT"),
            trustPeriod: uint64(vm.envOr("TRUST_PERIOD", 7 days)),
            escrow: uint64(vm.envOr("ESCROW", 14 days)),
            minimumStake: uint96(vm.envOr("MINIMUM_STAKE", 1000 ether)),
            maximumMembers: uint16(vm.envOr("MAXIMUM_MEMBERS", 100)),
            genesis: Header({
                height: 0,
                epoch: 0,
                historyRoot: vm.envBytes32("GENESIS_HISTORY_ROOT"),
                nextCommittee: vm.envBytes32("COMMITTEE_1"),
                nsRoot: vm.envBytes32("GENESIS_NS_ROOT"),
                nsAccRoot: vm.envBytes32("GENESIS_NS_ACC_ROOT"),
                timestampMs: uint64(vm.envUint("GENESIS_TIMESTAMP_MS")),
                l1Finalized: uint64(vm.envUint("GENESIS_L1_BLOCK"))
            }),
            genesisRest: vm.envBytes32("GENESIS_REST_HASH"),
            committee1: vm.envBytes32("COMMITTEE_1"),
            committee2: vm.envBytes32("COMMITTEE_2")
        });
        vm.startBroadcast(settings.deployer);
        Deployment memory made = deploy(settings, vm.envAddress("STAKE_TABLE"));
        vm.stopBroadcast();
        return made;
    }

    /// @inheritdoc IDeploy
    function deploy(Settings memory settings, address stakeTable) public returns (Deployment memory made) {
        address predicted = predict(settings.deployer);
        require(predicted == stakeTable, Deploy_AnotherStakeTable(predicted, stakeTable));
        made.token = address(new StakeToken("Stake", "STK", settings.governor, settings.supply));
        address[] memory governors = new address[](1);
        governors[0] = settings.governor;
        made.timelock = address(new TimelockController(settings.timelockDelay, governors, governors, address(0)));
        made.lightClient = address(
            new LightClient(
                Digests.chainDomain(block.chainid, predicted, settings.salt),
                made.timelock,
                settings.trustPeriod,
                settings.genesis,
                settings.genesisRest,
                settings.committee1,
                settings.committee2
            )
        );
        made.stakeTable = address(
            new StakeTable(
                IStakeToken(made.token),
                ILightClient(made.lightClient),
                made.timelock,
                settings.salt,
                settings.escrow,
                settings.minimumStake,
                settings.maximumMembers
            )
        );
    }
}
