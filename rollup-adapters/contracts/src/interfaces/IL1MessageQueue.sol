// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// How the queue was after an L1 block that put messages into it.
struct Checkpoint {
    /// That L1 block, and its time in seconds.
    uint64 l1Block;
    uint64 time;
    /// Messages up to and with it, and the chain over them.
    uint64 count;
    bytes32 chain;
}

/// The messages from the home L1 to one rollup, in order: deposits, and transactions that nobody can leave out.
///
/// A message's hash is keccak256(abi.encode(uint8 kind, uint64 index, uint64 l1Block, address sender,
/// keccak256(body))); the chain over all of them is 0 at first, then keccak256(chain before || hash). It is in storage
/// slot 0, where nodes prove it. Nobody administers the queue.
interface IL1MessageQueue {
    /// A message was put into the queue, in the block of this log.
    /// @param kind 0 a deposit, whose body is abi.encode(token, uint128 amount, recipient, uint8 decimals); 1 a forced
    /// transaction, whose body is its bytes
    event Queued(uint64 indexed index, uint8 kind, address sender, bytes body);

    /// This is not the home L1: the queue that counts is on the chain named.
    error L1MessageQueue_NotHome(uint256 homeChainId);
    /// This rollup takes no deposits.
    error L1MessageQueue_DepositsOff();
    /// A deposit of nothing.
    error L1MessageQueue_ZeroAmount();
    /// A deposit for nobody.
    error L1MessageQueue_ZeroRecipient();
    /// The ether sent does not cover the deposit and the fee.
    error L1MessageQueue_TooLittleEther(uint256 sent, uint256 needed);
    /// The ether sent beyond that could not be paid back.
    error L1MessageQueue_RefundFailed();
    /// The vault would hold more ether than its cap.
    error L1MessageQueue_AboveCap(uint256 escrow, uint256 cap);
    /// No contract is at the token's address.
    error L1MessageQueue_NoToken(address token);
    /// The vault got another amount than was to be deposited: the token takes a fee, or does not tell the truth.
    error L1MessageQueue_WrongTransfer(uint256 expected, uint256 found);
    /// The vault did not take the ether.
    error L1MessageQueue_EscrowFailed();
    /// A forced transaction of more than `MAX_TRANSACTION` bytes.
    error L1MessageQueue_TooLong(uint256 length, uint256 limit);
    /// Less gas than the message would need if it were the first of its block and paid for new slots.
    error L1MessageQueue_TooLittleGas();
    /// There is no such checkpoint: there are `checkpoints`, and the ring holds the newest of them.
    error L1MessageQueue_NoCheckpoint(uint256 number, uint256 checkpoints);
    /// The L1 block is not between the checkpoint and the next.
    error L1MessageQueue_WrongHint(uint256 hint);
    /// The L1 block is still to come.
    error L1MessageQueue_FutureBlock(uint256 l1Block);
    /// The inbox does not know that these messages are covered, or the queue knows it already.
    error L1MessageQueue_NotCovered();
    /// The inbox or the vault was made for another queue, or an argument is one that no rollup can have.
    error L1MessageQueue_InvalidParameter();
    /// The account that fees belong to did not take them.
    error L1MessageQueue_CollectFailed();

    /// Puts money into the escrow, for an account on the rollup. The ether sent is the fee, and the amount if it is ether
    /// that is deposited; what is sent beyond that comes back. A token must move exactly the amount.
    /// @param token The ERC-20, which allows the queue the amount; 0 for ether
    /// @return index The message's place in the queue
    function deposit(address token, uint128 amount, address recipient) external payable returns (uint64 index);

    /// Puts in a transaction, which is executed as if it had been sequenced. The ether sent is the fee; what is sent
    /// beyond that comes back.
    /// @return index The message's place in the queue
    function forceTx(bytes calldata transaction) external payable returns (uint64 index);

    /// Tells the queue that the checkpoint's messages are covered, as the inbox knows: fees fall. Anyone may. RQ10
    /// @param hint The number of a checkpoint
    function cover(uint256 hint) external;

    /// Pays the fees to the account that they belong to. Anyone may. RQ5
    function collect() external;

    /// Messages up to and with an L1 block, and the chain over them; reverts for blocks to come. RQ6
    /// @param hint The number of the newest checkpoint whose block is not above `l1Block`
    function countAt(uint64 l1Block, uint256 hint) external view returns (uint64 count, bytes32 chain);

    /// A checkpoint by its number: the newest RING_SIZE, and as number `checkpoints()` the queue as it is.
    function checkpoint(uint256 number) external view returns (Checkpoint memory);
    /// Checkpoints so far, without the queue as it is.
    function checkpoints() external view returns (uint64);
    /// The last checkpoint of an hour that the ring lost while it was younger than 32 hours; kept as long. Without it
    /// whoever puts a message into every block could hide how long another one has been waiting. `chain` is 0.
    /// @param hour Hours since the Unix epoch
    function hourly(uint256 hour) external view returns (Checkpoint memory);

    /// The chain over all messages.
    function chain() external view returns (bytes32);
    /// All messages.
    function count() external view returns (uint64);
    /// Messages that the queue knows to be covered: they no longer raise the fee.
    function covered() external view returns (uint64);
    /// What a message costs now, in wei: a base, and a step for each message that is not covered.
    function fee() external view returns (uint256);

    /// The rollup's inbox on this L1.
    function inbox() external view returns (address);
    /// Where deposits go.
    function vault() external view returns (address);
    /// The chain id of the L1 whose queue counts.
    function homeChainId() external view returns (uint256);
    /// Most ether in the vault, in wei.
    function cap() external view returns (uint128);
    /// Whether deposits are taken.
    function depositsAllowed() external view returns (bool);
    /// The account that fees belong to.
    function feeAccount() external view returns (address);
}
