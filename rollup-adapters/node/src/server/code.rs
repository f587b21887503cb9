//! What clients see of JSON-RPC errors (RN7).

pub(crate) use jsonrpsee::types::error::{
    CALL_EXECUTION_FAILED_CODE as REFUSED, INTERNAL_ERROR_CODE as INTERNAL,
    INVALID_PARAMS_CODE as INVALID,
};

pub(crate) const NOT_FOUND: i32 = -32_001;
pub(crate) const UNREACHABLE: i32 = -32_002;
pub(crate) const FULL: i32 = -32_005;
