// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Test} from "@light-client-test/Test.sol";

/// Where the contracts keep their state, compared with `snapshots/layout.txt`. `UPDATE_SNAPSHOTS=true` writes it anew.
contract LayoutTest is Test {
    string private constant SNAPSHOT = "snapshots/layout.txt";

    function test_storage_isWhereItWas() public {
        string memory found =
            string.concat(_layout("L1MessageQueue"), _layout("RollupInbox"), _layout("WithdrawalVault"));
        if (vm.envOr("UPDATE_SNAPSHOTS", false)) vm.writeFile(SNAPSHOT, found);
        assertEq(bytes(vm.readFile(SNAPSHOT)), bytes(found), "storage layout");
    }

    function _layout(string memory name) private view returns (string memory text) {
        string memory json = vm.readFile(string.concat("out/", name, ".sol/", name, ".json"));
        for (uint256 i = 0; has(json, item(".storageLayout.storage", i)); ++i) {
            string memory path = item(".storageLayout.storage", i);
            text = string.concat(
                text,
                name,
                " slot ",
                vm.parseJsonString(json, string.concat(path, ".slot")),
                " byte ",
                vm.toString(vm.parseJsonUint(json, string.concat(path, ".offset"))),
                " ",
                vm.parseJsonString(json, string.concat(path, ".label")),
                "\n"
            );
        }
    }
}
