// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// What the tests deploy: something that stores, logs, and refuses in each of Solidity's ways.
contract Notebook {
    event Written(address indexed author, uint256 indexed number, string text);

    error Notebook_Empty();

    uint256 public total;
    mapping(address author => uint256 count) public written;

    function write(string calldata text) external {
        require(bytes(text).length <= 64, "too long");
        if (bytes(text).length == 0) revert Notebook_Empty();
        total += 1;
        written[msg.sender] += 1;
        emit Written(msg.sender, total, text);
    }

    function share(uint256 parts) external pure returns (uint256) {
        return 100 / parts;
    }
}
