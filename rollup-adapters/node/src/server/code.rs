//! What clients see of JSON-RPC errors (RN7), of the node's methods and of an application's.

pub use jsonrpsee::types::error::{
    CALL_EXECUTION_FAILED_CODE as REFUSED, INTERNAL_ERROR_CODE as INTERNAL,
    INVALID_PARAMS_CODE as INVALID,
};

/// What was named is not there (EIP-1898).
pub const NOT_FOUND: i32 = -32_001;
/// A sequencer's node could not be asked.
pub const UNREACHABLE: i32 = -32_002;
/// More than this node takes or answers (EIP-1474).
pub const LIMIT: i32 = -32_005;
