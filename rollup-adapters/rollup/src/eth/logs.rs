//! Logs of past blocks.

use std::ops::RangeInclusive;

use alloy_rpc_types_eth::Log;
use jsonrpsee::{RpcModule, core::RegisterMethodError, types::Params};
use rollup_evm::view::FoundLog;

use super::{
    Eth,
    arguments::Arguments,
    block_id::BlockId,
    error::{Error, internal, invalid, limit, not_found},
    filter::{Blocks, Filter, Wanted},
    limits::{LOG_BYTES, MAX_LOG_BLOCKS, MAX_LOG_BYTES, MAX_LOGS},
    snapshot::Snapshot,
    works,
};

pub(crate) fn register(module: &mut RpcModule<Eth>) -> Result<(), RegisterMethodError> {
    works(module, "eth_getLogs", get_logs)
}

/// How much logs are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Size {
    logs: usize,
    bytes: usize,
}

impl Size {
    pub(crate) fn add(&mut self, logs: &[Log]) {
        self.logs += logs.len();
        let bytes = |log: &Log| log.data().data.len() + LOG_BYTES;
        self.bytes += logs.iter().map(bytes).sum::<usize>();
    }

    /// More than one answer holds.
    pub(crate) fn is_too_much(self) -> bool {
        self.logs > MAX_LOGS || self.bytes > MAX_LOG_BYTES
    }
}

fn get_logs(eth: &Eth, params: &Params<'_>) -> Result<Vec<Log>, Error> {
    let filter: Filter = Arguments::new(params, 1)?.required("filter")?;
    let snapshot = eth.snapshot();
    let (from, to) = match filter.blocks {
        Blocks::One(hash) => {
            let number = snapshot.number(BlockId::Hash(hash))?;
            let number = number.ok_or_else(|| not_found(hash))?;
            (number, number)
        }
        Blocks::Range(from, to) => (snapshot.place(from)?, snapshot.place(to)?),
    };
    let mut logs = Vec::new();
    let mut size = Size::default();
    for number in range(from, to, snapshot.head()?)? {
        let found = of_block(&snapshot, number, &filter.wanted)?;
        size.add(&found);
        if size.logs > MAX_LOGS {
            return Err(limit(format!(
                "query returned more than {MAX_LOGS} results"
            )));
        }
        if size.bytes > MAX_LOG_BYTES {
            return Err(limit(format!(
                "query returned more than {MAX_LOG_BYTES} bytes"
            )));
        }
        logs.extend(found);
    }
    Ok(logs)
}

/// The blocks to search. A range that goes above the head is refused: cut there, its answer would look like that of all
/// the blocks that were asked for.
fn range(from: u64, to: u64, head: u64) -> Result<RangeInclusive<u64>, Error> {
    if to > head {
        return Err(invalid("block range extends beyond current head block"));
    }
    if from > to {
        return Err(invalid("invalid block range params"));
    }
    if to - from >= MAX_LOG_BLOCKS {
        return Err(limit(format!(
            "block range too wide: want at most {MAX_LOG_BLOCKS} blocks"
        )));
    }
    Ok(from..=to)
}

/// The wanted logs of a block.
pub(crate) fn of_block(
    snapshot: &Snapshot,
    number: u64,
    wanted: &Wanted,
) -> Result<Vec<Log>, Error> {
    let mut logs = snapshot
        .view()
        .logs(number, &wanted.filter)
        .map_err(internal)?;
    logs.retain(|found| wanted.has_positions(&found.log));
    Ok(logs.into_iter().map(answer).collect())
}

fn answer(found: FoundLog) -> Log {
    Log {
        inner: found.log,
        block_hash: Some(found.block_hash),
        block_number: Some(found.block_number),
        block_timestamp: Some(found.block_timestamp),
        transaction_hash: Some(found.transaction_hash),
        transaction_index: Some(found.transaction_position),
        log_index: Some(found.log_position),
        removed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_below_the_head_and_bounded() {
        assert_eq!(range(1, 10_000, 10_000), Ok(1..=10_000));
        assert_eq!(range(3, 3, 3), Ok(3..=3));
        assert_eq!(range(0, 10_000, 20_000).unwrap_err().code(), -32005);
    }

    /// As the tests of execution-apis have it: `filter-error-future-block-range`, `...-reversed-block-range`, and
    /// from a block above the head to `latest`.
    #[test]
    fn a_range_is_refused_in_the_words_of_other_nodes() {
        let refused = |from, to, head| {
            let error = range(from, to, head).unwrap_err();
            assert_eq!(error.code(), -32602);
            error.message().to_owned()
        };
        let beyond = "block range extends beyond current head block";
        assert_eq!(refused(0x38, 0x3e, 0x3a), beyond);
        assert_eq!(refused(0, u64::MAX, 10_000), beyond);
        assert_eq!(refused(7, 9, 3), beyond);
        let reversed = "invalid block range params";
        assert_eq!(refused(0x29, 0x26, 0x30), reversed);
        assert_eq!(refused(0x38, 0x36, 0x36), reversed);
    }
}
