//! The bytes of one namespace: a table of end offsets, then the transactions (DA3).

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::{Limits, PayloadError, TRANSACTION_OVERHEAD, read_u32, within_u32};

const COUNT: usize = 4;

/// The canonical body of a namespace: at least one transaction, none empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceBody(Bytes);

impl NamespaceBody {
    /// Checks that the bytes are a canonical body with transactions of at most `transaction_bytes`. Copies nothing.
    ///
    /// A client that has no limits passes `u32::MAX`.
    pub fn decode(bytes: Bytes, transaction_bytes: u32) -> Result<Self, PayloadError> {
        check(&bytes, transaction_bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn of_checked(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The encoding, offset table included.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// The number of transactions, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a body is never empty")]
    pub fn len(&self) -> usize {
        usize_of(read_u32(&self.0, 0).expect("checked when it was made"))
    }

    /// The transaction at an index.
    pub fn get(&self, index: usize) -> Option<Bytes> {
        (index < self.len()).then(|| self.0.slice(self.range(index)))
    }

    /// The transactions in their final order, as slices of the payload.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = Bytes> + '_ {
        (0..self.len()).map(|index| self.0.slice(self.range(index)))
    }

    fn range(&self, index: usize) -> Range<usize> {
        let end = |index: usize| {
            usize_of(
                read_u32(&self.0, COUNT + TRANSACTION_OVERHEAD * index)
                    .expect("checked when it was made"),
            )
        };
        let first = COUNT + TRANSACTION_OVERHEAD * self.len();
        let start = if index == 0 { 0 } else { end(index - 1) };
        first + start..first + end(index)
    }
}

fn usize_of(value: u32) -> usize {
    usize::try_from(value).expect("usize has at least 32 bits")
}

/// The length of the body of these transactions.
pub(super) fn built_len(transactions: &[Bytes], limits: &Limits) -> Result<usize, PayloadError> {
    if transactions.is_empty() {
        return Err(PayloadError::NoTransactions);
    }
    let mut length = COUNT + TRANSACTION_OVERHEAD * transactions.len();
    for transaction in transactions {
        within_transaction_limits(transaction.len(), limits.transaction_bytes)?;
        length += transaction.len();
    }
    Ok(length)
}

/// Writes the body of transactions whose length was checked.
pub(super) fn write(transactions: &[Bytes], bytes: &mut BytesMut) {
    bytes.put_u32_le(within_u32(transactions.len()));
    let mut end = 0;
    for transaction in transactions {
        end += transaction.len();
        bytes.put_u32_le(within_u32(end));
    }
    for transaction in transactions {
        bytes.extend_from_slice(transaction);
    }
}

/// Whether the bytes are exactly one canonical body.
pub(super) fn check(bytes: &[u8], transaction_bytes: u32) -> Result<(), PayloadError> {
    let count = read_u32(bytes, 0)?;
    if count == 0 {
        return Err(PayloadError::NoTransactions);
    }
    let table = bytes
        .get(COUNT..)
        .and_then(|rest| rest.get(..usize_of(count).checked_mul(TRANSACTION_OVERHEAD)?));
    let table = table.ok_or(PayloadError::Truncated)?;
    let available = bytes.len() - COUNT - table.len();
    let mut previous = 0;
    for end in table.as_chunks::<TRANSACTION_OVERHEAD>().0 {
        let end = usize_of(u32::from_le_bytes(*end));
        if end < previous || end > available {
            return Err(PayloadError::Offset);
        }
        within_transaction_limits(end - previous, transaction_bytes)?;
        previous = end;
    }
    if previous != available {
        return Err(PayloadError::Trailing(available - previous));
    }
    Ok(())
}

fn within_transaction_limits(length: usize, limit: u32) -> Result<(), PayloadError> {
    if length == 0 {
        return Err(PayloadError::EmptyTransaction);
    }
    match u32::try_from(length) {
        Ok(length) if length <= limit => Ok(()),
        _ => Err(PayloadError::TransactionTooLarge {
            length: length as u64,
            limit,
        }),
    }
}
