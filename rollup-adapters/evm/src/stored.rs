//! Blocks as they are stored.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, Sealed};
use alloy_rlp::{Decodable, RlpDecodable, RlpEncodable};
use rollup_types::{State, StateError, Write};

use crate::{keys, receipt::Receipt};

/// A transaction of a block, with what would be slow to find out again.
#[derive(Clone, Debug, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub(crate) struct StoredTransaction {
    pub(crate) hash: B256,
    pub(crate) sender: Address,
    /// As the header commits to it (EIP-2718).
    pub(crate) bytes: Bytes,
}

/// Where a transaction stands.
#[derive(RlpEncodable, RlpDecodable)]
struct Place {
    number: u64,
    position: u64,
}

pub(crate) fn head(state: &dyn State) -> Result<u64, StateError> {
    let bytes = state.get(keys::HEAD)?;
    let number = bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_ref().try_into().ok()?)));
    number.ok_or_else(|| StateError("there is no genesis block".to_owned()))
}

pub(crate) fn block_hash(state: &dyn State, number: u64) -> Result<Option<B256>, StateError> {
    let bytes = state.get(&keys::header(number))?;
    Ok(bytes.and_then(|bytes| Some(B256::from_slice(bytes.get(..32)?))))
}

pub(crate) fn header(state: &dyn State, number: u64) -> Result<Option<Sealed<Header>>, StateError> {
    let Some(bytes) = state.get(&keys::header(number))? else {
        return Ok(None);
    };
    let (hash, header) = bytes
        .split_at_checked(32)
        .ok_or_else(|| StateError(format!("the header of block {number} is broken")))?;
    let header = decode(header)?;
    Ok(Some(Sealed::new_unchecked(header, B256::from_slice(hash))))
}

pub(crate) fn number_of(state: &dyn State, block_hash: B256) -> Result<Option<u64>, StateError> {
    let bytes = state.get(&keys::number(block_hash))?;
    bytes.map(|bytes| decode(&bytes)).transpose()
}

pub(crate) fn body(
    state: &dyn State,
    number: u64,
) -> Result<Option<Vec<StoredTransaction>>, StateError> {
    let bytes = state.get(&keys::body(number))?;
    bytes.map(|bytes| decode(&bytes)).transpose()
}

pub(crate) fn receipts(state: &dyn State, number: u64) -> Result<Option<Vec<Receipt>>, StateError> {
    let bytes = state.get(&keys::receipts(number))?;
    bytes.map(|bytes| decode(&bytes)).transpose()
}

pub(crate) fn position(state: &dyn State, hash: B256) -> Result<Option<(u64, u64)>, StateError> {
    let bytes = state.get(&keys::transaction(hash))?;
    let place = bytes.map(|bytes| decode::<Place>(&bytes)).transpose()?;
    Ok(place.map(|place| (place.number, place.position)))
}

pub(crate) fn code(state: &dyn State, hash: B256) -> Result<Bytes, StateError> {
    let code = state.get(&keys::code(hash))?;
    code.map(Bytes::from)
        .ok_or_else(|| StateError(format!("the code {hash} is missing")))
}

/// Everything that a block is read by later.
pub(crate) fn write_block(
    header: &Sealed<Header>,
    body: &Vec<StoredTransaction>,
    receipts: &Vec<Receipt>,
    writes: &mut Vec<Write>,
) {
    let number = header.number;
    let mut put = |key, value: Vec<u8>| writes.push((key, Some(value.into())));
    put(keys::HEAD.to_vec(), number.to_be_bytes().to_vec());
    let mut bytes = header.hash().to_vec();
    alloy_rlp::Encodable::encode(header.inner(), &mut bytes);
    put(keys::header(number), bytes);
    put(keys::number(header.hash()), alloy_rlp::encode(number));
    put(keys::body(number), alloy_rlp::encode(body));
    put(keys::receipts(number), alloy_rlp::encode(receipts));
    for (position, transaction) in (0_u64..).zip(body) {
        let place = Place { number, position };
        put(
            keys::transaction(transaction.hash),
            alloy_rlp::encode(place),
        );
    }
}

fn decode<T: Decodable>(mut bytes: &[u8]) -> Result<T, StateError> {
    T::decode(&mut bytes).map_err(|error| StateError(format!("a stored block is broken: {error}")))
}
