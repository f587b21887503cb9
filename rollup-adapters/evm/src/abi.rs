//! How the predeployed contracts are called; documented at the sources in `rollup-adapters/contracts/src/predeploys`.

alloy_sol_types::sol! {
    /// The way out of the rollup, at [`BRIDGE`](crate::BRIDGE).
    #[derive(Debug, PartialEq, Eq)]
    interface IBridge {
        /// Money left the rollup; `token` is that of the L1, 0 for ether.
        event Withdrawal(uint64 chainId, address token, uint128 amount, address recipient);

        /// Only the rollup's home L1 pays.
        error Bridge_NotHome(uint64 homeChainId);
        /// Nothing was sent along.
        error Bridge_NoAmount();
        /// More than a withdrawal can hold.
        error Bridge_TooMuch(uint256 amount);
        /// Nobody would be paid.
        error Bridge_NoRecipient();
        /// Tokens are withdrawn through the factory.
        error Bridge_NotFactory();

        /// Burns the ether sent along and records that `recipient` is owed as much on the L1.
        function withdraw(uint64 chainId, address recipient) external payable;
        /// Records that tokens are owed; for the factory only.
        function withdrawToken(uint64 chainId, address token, uint128 amount, address recipient) external;
        /// Chain id of the L1 that pays.
        function homeChainId() external view returns (uint64);
    }

    /// Tokens of the L1, at [`TOKEN_FACTORY`](crate::TOKEN_FACTORY).
    #[derive(Debug, PartialEq, Eq)]
    interface ITokenFactory {
        /// A token of the L1 came for the first time.
        event Created(address indexed l1Token, address token);

        /// Only the rollup itself mints.
        error TokenFactory_NotSystem();
        /// Not one of the factory's tokens.
        error TokenFactory_UnknownToken(address token);

        /// Mints what was deposited; for the rollup only.
        function mint(address l1Token, uint8 decimals, uint128 amount, address recipient) external returns (address token);
        /// Burns tokens of the caller and records that `recipient` is owed them on the L1.
        function withdraw(address token, uint64 chainId, uint128 amount, address recipient) external;
        /// The token that stands for one of the L1; 0 before its first deposit.
        function tokenOf(address l1Token) external view returns (address token);
        /// The token of the L1 that one of ours stands for; 0 for all others.
        function l1TokenOf(address token) external view returns (address l1Token);
    }
}
