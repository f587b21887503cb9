//! Which logs a request wants, and where.

use alloy_primitives::{Address, B256, Log};
use rollup_evm::view::LogFilter;
use serde_json::Value;

use super::{
    arguments::{Argument, kind},
    block_id::BlockTag,
    limits::{MAX_FILTER_ADDRESSES, MAX_FILTER_TOPICS},
};

/// The blocks that `eth_getLogs` searches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blocks {
    /// From and to, both included.
    Range(BlockTag, BlockTag),
    /// One block.
    One(B256),
}

/// The blocks to search and the logs to find there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) blocks: Blocks,
    pub(crate) wanted: Wanted,
}

/// The logs of some contracts with some topics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// What the machine filters by.
    pub(crate) filter: LogFilter,
    /// A log has at least so many topics: `[null]` wants those that have one, whatever it is.
    positions: usize,
}

impl Wanted {
    /// Whether a log that the filter let through has as many topics as were named.
    pub(crate) fn has_positions(&self, log: &Log) -> bool {
        self.positions <= log.topics().len()
    }

    /// Whether a log is wanted.
    pub(crate) fn matches(&self, log: &Log) -> bool {
        self.has_positions(log) && self.filter.matches(log)
    }
}

impl Argument for Wanted {
    fn read(value: &Value) -> Result<Self, String> {
        let object = value
            .as_object()
            .ok_or_else(|| format!("want an object, not {}", kind(value)))?;
        let addresses: Vec<Address> = match object.get("address") {
            None | Some(Value::Null) => Vec::new(),
            Some(list) => one_or_more(list).map_err(|why| format!("address: {why}"))?,
        };
        if addresses.len() > MAX_FILTER_ADDRESSES {
            return Err(format!("address: at most {MAX_FILTER_ADDRESSES}"));
        }
        let positions = match object.get("topics") {
            None | Some(Value::Null) => &[],
            Some(Value::Array(positions)) => positions.as_slice(),
            Some(other) => return Err(format!("topics: want an array, not {}", kind(other))),
        };
        let mut topics: [Vec<B256>; 4] = Default::default();
        if positions.len() > topics.len() {
            return Err("topics: a log has at most 4".to_owned());
        }
        for (at, position) in positions.iter().enumerate() {
            topics[at] = topic(position).map_err(|why| format!("topics: position {at}: {why}"))?;
        }
        Ok(Self {
            filter: LogFilter { addresses, topics },
            positions: positions.len(),
        })
    }
}

impl Argument for Filter {
    fn read(value: &Value) -> Result<Self, String> {
        let wanted = Wanted::read(value)?;
        let tag = |name: &str| match value.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(tag) => BlockTag::read(tag)
                .map(Some)
                .map_err(|why| format!("{name}: {why}")),
        };
        let (from, to) = (tag("fromBlock")?, tag("toBlock")?);
        let blocks = match value.get("blockHash") {
            None | Some(Value::Null) => Blocks::Range(
                from.unwrap_or(BlockTag::Latest),
                to.unwrap_or(BlockTag::Latest),
            ),
            Some(_) if from.is_some() || to.is_some() => {
                return Err(
                    "cannot specify both blockHash and fromBlock/toBlock, choose one or the other"
                        .to_owned(),
                );
            }
            Some(hash) => Blocks::One(B256::read(hash).map_err(|why| format!("blockHash: {why}"))?),
        };
        Ok(Self { blocks, wanted })
    }
}

fn one_or_more<T: Argument>(value: &Value) -> Result<Vec<T>, String> {
    if value.is_array() {
        Vec::read(value)
    } else {
        T::read(value).map(|one| vec![one])
    }
}

/// The topics that are wanted at a position. A `null` in a list of them wants any, as on other nodes.
fn topic(value: &Value) -> Result<Vec<B256>, String> {
    if let Value::Array(items) = value {
        if items.len() > MAX_FILTER_TOPICS {
            return Err(format!("at most {MAX_FILTER_TOPICS}"));
        }
        if items.contains(&Value::Null) {
            return Ok(Vec::new());
        }
    }
    if value.is_null() {
        return Ok(Vec::new());
    }
    one_or_more(value)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, LogData};
    use serde_json::json;

    use super::*;

    const A: B256 = B256::repeat_byte(0xa);
    const B: B256 = B256::repeat_byte(0xb);

    fn wanted(value: Value) -> Wanted {
        Wanted::read(&value).unwrap()
    }

    #[test]
    fn topics_are_wanted_by_position() {
        let topics = |value: Value| wanted(json!({"topics": value})).filter.topics;
        assert_eq!(topics(json!(null)), <[Vec<B256>; 4]>::default());
        assert_eq!(topics(json!([A]))[0], [A]);
        assert_eq!(topics(json!([null, [A, B]]))[1], [A, B]);
        assert!(topics(json!([[A, null]]))[0].is_empty());
        let two = wanted(json!({"topics": [null, null]}));
        let log = |topics: &[B256]| Log {
            address: Address::ZERO,
            data: LogData::new_unchecked(topics.to_vec(), Bytes::new()),
        };
        assert!(two.has_positions(&log(&[A, B])) && !two.has_positions(&log(&[A])));
    }

    #[test]
    fn one_address_may_stand_without_a_list() {
        let one = Address::repeat_byte(1);
        assert_eq!(wanted(json!({"address": one})).filter.addresses, [one]);
        assert_eq!(wanted(json!({"address": [one]})).filter.addresses, [one]);
    }

    #[test]
    fn a_filter_names_a_range_or_a_block() {
        let blocks = |value: Value| Filter::read(&value).unwrap().blocks;
        assert_eq!(
            blocks(json!({})),
            Blocks::Range(BlockTag::Latest, BlockTag::Latest)
        );
        assert_eq!(
            blocks(json!({"fromBlock": "0x1", "toBlock": "safe"})),
            Blocks::Range(BlockTag::Number(1), BlockTag::Safe)
        );
        assert_eq!(blocks(json!({"blockHash": A})), Blocks::One(A));
    }

    #[test]
    fn a_bad_filter_is_refused_with_the_field() {
        for (value, why) in [
            (json!([]), "want an object"),
            (json!({"address": "0x1"}), "address: hex string"),
            (
                json!({"address": vec![Address::ZERO; 1001]}),
                "address: at most",
            ),
            (json!({"topics": "x"}), "topics: want an array"),
            (json!({"topics": [A, A, A, A, A]}), "topics: a log has"),
            (json!({"topics": ["0x1"]}), "topics: position 0: hex"),
            (json!({"topics": [[1]]}), "topics: position 0: item 0: want"),
            (
                json!({"topics": [vec![A; 1001]]}),
                "topics: position 0: at most",
            ),
            (json!({"fromBlock": 1}), "fromBlock: want"),
            (json!({"blockHash": A, "toBlock": "0x1"}), "both blockHash"),
        ] {
            let error = Filter::read(&value).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }
}
