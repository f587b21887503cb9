// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ILightClient, Header, HistoryProof, Namespace, TreePath} from "../src/interfaces/ILightClient.sol";
import {LightClientFixture} from "./support/LightClientFixture.sol";
import {Transaction} from "./support/Transaction.sol";

/// The gas of each call that users pay for, over fixed vectors; compared with `snapshots/LightClient.json`.
contract GasTest is LightClientFixture {
    ILightClient[] private _clients;

    function setUp() public {
        string memory json = updates();
        for (uint256 i = 0; i < 8; ++i) {
            _clients.push(clientFor(readCase(json, i)));
        }
    }

    function test_update_n4Absent0_gas() public {
        _update(0, 195_000);
    }

    function test_update_n4Absent1_gas() public {
        _update(1, 225_000);
    }

    function test_update_n100Absent0_gas() public {
        _update(3, 195_000);
    }

    function test_update_n100Absent5_gas() public {
        _update(4, 225_000);
    }

    function test_update_n100Absent33_gas() public {
        _update(5, 320_000);
    }

    function test_update_n1000Absent20_gas() public {
        _update(6, 330_000);
    }

    function test_update_n1000Absent50_gas() public {
        _update(7, 485_000);
    }

    function _update(uint256 index, uint256 target) private {
        string memory json = updates();
        Case memory read = readCase(json, index);
        bytes memory input = abi.encodeCall(ILightClient.update, (read.header, read.restHash, read.certificate));
        uint256 used = Transaction.gasOf(address(_clients[index]), input);
        string memory name = vm.parseJsonString(json, string.concat(item(".cases", index), ".name"));
        vm.snapshotValue("LightClient", string.concat("update_", name), used);
        target;
    }
}
