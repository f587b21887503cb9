//! Errors with the codes and texts that Ethereum clients know: some wallets tell them apart by the text alone. RR6

use alloy_primitives::{Bytes, U256};
use jsonrpsee::types::{ErrorObjectOwned, error::METHOD_NOT_FOUND_CODE};
use rollup_node::code;

/// What a method fails with.
pub(crate) type Error = ErrorObjectOwned;

/// A call reverted; the data are what it returned.
const REVERTED: i32 = 3;

/// `Error(string)`, Solidity's `revert("..")` and `require(.., "..")`.
const ERROR_SELECTOR: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];
/// `Panic(uint256)`, Solidity's own checks.
const PANIC_SELECTOR: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

pub(crate) fn invalid(what: impl Into<String>) -> Error {
    Error::owned(code::INVALID, what, None::<()>)
}

pub(crate) fn server(what: impl Into<String>) -> Error {
    Error::owned(code::REFUSED, what, None::<()>)
}

pub(crate) fn not_found(what: impl std::fmt::Display) -> Error {
    Error::owned(
        code::NOT_FOUND,
        format!("block not found: {what}"),
        None::<()>,
    )
}

pub(crate) fn limit(what: impl Into<String>) -> Error {
    Error::owned(code::LIMIT, what, None::<()>)
}

/// A subscription that there is not.
pub(crate) fn no_subscription(name: &str) -> Error {
    Error::owned(
        METHOD_NOT_FOUND_CODE,
        format!("no {name:?} subscription in eth namespace"),
        None::<()>,
    )
}

/// Our own fault: logged in full, told in short.
pub(crate) fn internal(cause: impl std::fmt::Display) -> Error {
    tracing::error!(%cause, "a request failed for a fault of this node");
    Error::owned(code::INTERNAL, "internal error", None::<()>)
}

/// `execution reverted`, with the reason where the contract gave one in words.
pub(crate) fn reverted(output: &Bytes) -> Error {
    let message = reason(output).map_or_else(
        || "execution reverted".to_owned(),
        |reason| format!("execution reverted: {reason}"),
    );
    Error::owned(REVERTED, message, Some(output))
}

/// The reason that Solidity's ABI says in `output`, if it says one in words.
fn reason(output: &[u8]) -> Option<String> {
    let (selector, words) = output.split_at_checked(4)?;
    let word = |at: usize| words.get(at..at + 32).map(U256::from_be_slice);
    if selector == PANIC_SELECTOR {
        return Some(panic_text(word(0)?));
    }
    if selector != ERROR_SELECTOR {
        return None;
    }
    let start = usize::try_from(word(0)?).ok()?.checked_add(32)?;
    let length = usize::try_from(word(start.checked_sub(32)?)?).ok()?;
    let text = words.get(start..start.checked_add(length)?)?;
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// The panics that Solidity documents, in the words of geth.
fn panic_text(code: U256) -> String {
    let known = match u8::try_from(code) {
        Ok(0x00) => "generic panic",
        Ok(0x01) => "assert(false)",
        Ok(0x11) => "arithmetic underflow or overflow",
        Ok(0x12) => "division or modulo by zero",
        Ok(0x21) => "enum overflow",
        Ok(0x22) => "invalid encoded storage byte array accessed",
        Ok(0x31) => "out-of-bounds array access; popping on an empty array",
        Ok(0x32) => "out-of-bounds access of an array or bytesN",
        Ok(0x41) => "out of memory",
        Ok(0x51) => "uninitialized function",
        _ => return format!("unknown panic code: {code:#x}"),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reason: &str) -> Bytes {
        let mut output = ERROR_SELECTOR.to_vec();
        output.extend(U256::from(32).to_be_bytes::<32>());
        output.extend(U256::from(reason.len()).to_be_bytes::<32>());
        output.extend(reason.as_bytes());
        output.resize(4 + 64 + reason.len().next_multiple_of(32), 0);
        output.into()
    }

    #[test]
    fn a_reason_in_words_is_told_in_words() {
        let error = reverted(&text("not the owner"));
        assert_eq!(error.code(), 3);
        assert_eq!(error.message(), "execution reverted: not the owner");
        assert!(error.data().unwrap().get().starts_with("\"0x08c379a0"));
    }

    #[test]
    fn a_panic_is_told_by_its_name() {
        let mut output = PANIC_SELECTOR.to_vec();
        output.extend(U256::from(0x11).to_be_bytes::<32>());
        assert_eq!(
            reverted(&output.into()).message(),
            "execution reverted: arithmetic underflow or overflow"
        );
    }

    #[test]
    fn any_bytes_are_a_reason_to_revert() {
        let whole = text("some reason");
        for end in 0..whole.len() {
            let error = reverted(&whole.slice(..end));
            assert_eq!(error.code(), 3);
        }
        let mut far = ERROR_SELECTOR.to_vec();
        far.extend([0xff; 32]);
        far.extend([0xff; 32]);
        assert_eq!(reverted(&far.into()).message(), "execution reverted");
        assert_eq!(
            reverted(&Bytes::from_static(&[1, 2, 3])).message(),
            "execution reverted"
        );
    }
}
