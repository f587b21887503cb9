// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Header} from "../src/interfaces/ILightClient.sol";

/// Deploys the contracts of a network on its home L1. `predict` comes first: its answer, the stake table's address, goes
/// into the genesis document, whose committee and header are what deploying needs.
interface IDeploy {
    struct Settings {
        address deployer;
        /// Proposes and executes what the timelock does.
        address governor;
        uint256 timelockDelay;
        uint256 supply;
        bytes32 salt;
        uint64 trustPeriod;
        uint64 escrow;
        uint96 minimumStake;
        uint16 maximumMembers;
        Header genesis;
        bytes32 genesisRest;
        bytes32 committee1;
        bytes32 committee2;
    }

    struct Deployment {
        address token;
        address timelock;
        address lightClient;
        address stakeTable;
    }

    /// The genesis document names a stake table that this deployment would not make.
    error Deploy_AnotherStakeTable(address predicted, address found);

    /// Where the stake table of the next deployment by an account will be.
    function predict(address deployer) external view returns (address);
    /// Deploys by four transactions of one account.
    function deploy(Settings calldata settings, address stakeTable) external returns (Deployment memory);
}
