//! The contracts' interfaces: the queue's from its Solidity text; inbox and vault as they are used here, for their
//! texts import the light client's. A test compares what is written here with what the compiler says.

/// Deposits and forced transactions.
pub mod queue {
    alloy_sol_types::sol!("../src/interfaces/IL1MessageQueue.sol");
}

/// How far an L1 knows a rollup's inputs, and pins.
pub mod inbox {
    alloy_sol_types::sol! {
        struct Header {
            uint64 height;
            uint64 epoch;
            bytes32 historyRoot;
            bytes32 nextCommittee;
            bytes32 nsRoot;
            bytes32 nsAccRoot;
            uint64 timestampMs;
            uint64 l1Finalized;
        }
        struct HistoryProof {
            uint64 count;
            bytes32[] path;
            bytes32[] peaks;
        }
        struct Accumulator {
            uint64 blockCount;
            uint64 transactionTotal;
            bytes32 chain;
        }
        struct RingEntry {
            bytes32 blockHash;
            bytes32 historyRoot;
        }
        interface IRollupInbox {
            event Advanced(uint64 height, uint64 blockCount, bytes32 chain, uint64 l1Number);
            event Forced(uint64 indexed number, uint64 afterHeight, uint64 messageEnd);

            error RollupInbox_StaleHeight(uint64 height, uint64 known);
            error RollupInbox_NotHome(uint256 homeChainId);
            error RollupInbox_Frozen();
            error RollupInbox_Covered(uint64 l1Number, uint64 pinned);
            error RollupInbox_TooEarly(uint256 until);
            error RollupInbox_InvalidParameter();

            function advance(uint8 entry, RingEntry calldata stored, Header calldata header, bytes32 restHash, HistoryProof calldata proof, Accumulator calldata accumulator, bytes32[] calldata siblings) external;
            function advanceAbsent(uint8 entry, RingEntry calldata stored, Header calldata header, bytes32 restHash, HistoryProof calldata proof, bytes32 otherKey, bytes32 otherValue, bytes32[] calldata siblings) external;
            function forceSegment(uint256 hint, bool isHour) external;
            function pinChain() external view returns (bytes32);
            function pinCount() external view returns (uint64);
            function pinned() external view returns (uint64);
            function height() external view returns (uint64);
            function blockCount() external view returns (uint64);
            function transactionTotal() external view returns (uint64);
            function chain() external view returns (bytes32);
            function l1Number() external view returns (uint64);
            function lightClient() external view returns (address);
            function queue() external view returns (address);
            function namespace() external view returns (uint64);
            function homeChainId() external view returns (uint256);
            function forceDelay() external view returns (uint64);
        }
    }
}

/// The escrow, and what is paid from it.
pub mod vault {
    alloy_sol_types::sol! {
        struct HistoryProof {
            uint64 count;
            bytes32[] path;
            bytes32[] peaks;
        }
        struct Withdrawal {
            uint64 index;
            uint256 chainId;
            address token;
            uint128 amount;
            address recipient;
        }
        interface IWithdrawalVault {
            event Settled(bytes32 root);
            event Claimed(uint64 indexed index, address token, uint128 amount, address recipient);

            error WithdrawalVault_NotSettler(address sender);
            error WithdrawalVault_NotHome(uint256 homeChainId);
            error WithdrawalVault_OtherChain(uint256 chainId);
            error WithdrawalVault_NothingSettled();
            error WithdrawalVault_NotSettled();
            error WithdrawalVault_AlreadyClaimed(uint64 index);
            error WithdrawalVault_PaymentFailed();
            error WithdrawalVault_WrongTransfer(uint256 expected, uint256 found);
            error WithdrawalVault_NotQueue(address sender);

            function settle(bytes32 root) external;
            function claim(Withdrawal calldata withdrawal, HistoryProof calldata proof) external;
            function isClaimed(uint64 index) external view returns (bool);
            function root() external view returns (bytes32);
            function settler() external view returns (address);
            function queue() external view returns (address);
            function homeChainId() external view returns (uint256);
        }
    }
}

/// What tokens of OpenZeppelin and its lock say when they refuse.
pub mod token {
    alloy_sol_types::sol! {
        interface IToken {
            error SafeERC20FailedOperation(address token);
            error ReentrancyGuardReentrantCall();
            error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
            error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
            function approve(address spender, uint256 value) external returns (bool);
            function allowance(address owner, address spender) external view returns (uint256);
            function balanceOf(address account) external view returns (uint256);
            function decimals() external view returns (uint8);
        }
    }
}

pub use light_client::abi::{
    AbiAddress, FixedBytes, Revert, SolCall, SolError, SolEvent, SolInterface, SolValue, U256,
    address, from_address, word,
};
