//! What requests are made of, and what answers hold. Fields that nobody reads are left out.

use hotshot_types::{Address, Hash, L1Block};
use serde::{Deserialize, Serialize, Serializer};

use super::quantity::{Data, Quantity, number};

/// A block by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// The newest one.
    Latest,
    /// With the transactions that wait.
    Pending,
    /// The newest that can't be undone.
    Finalized,
    /// By number.
    Number(u64),
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Latest => serializer.serialize_str("latest"),
            Self::Pending => serializer.serialize_str("pending"),
            Self::Finalized => serializer.serialize_str("finalized"),
            Self::Number(number) => Quantity((*number).into()).serialize(serializer),
        }
    }
}

/// The head of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Its number.
    #[serde(deserialize_with = "number")]
    pub number: u64,
    /// Its hash.
    pub hash: Hash,
    /// Of the block before.
    pub parent_hash: Hash,
    /// In seconds.
    #[serde(deserialize_with = "number")]
    pub timestamp: u64,
}

impl Block {
    /// As headers of this network name it.
    #[must_use]
    pub fn l1_block(&self) -> L1Block {
        L1Block {
            number: self.number,
            hash: self.hash,
            timestamp: self.timestamp,
        }
    }
}

/// Blocks to look for logs in, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The first.
    pub from: u64,
    /// The last.
    pub to: u64,
}

/// What a contract logged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// The event, and what it is indexed by.
    pub topics: Vec<Hash>,
    /// The rest of it.
    pub data: Data,
    /// In which block.
    #[serde(deserialize_with = "number")]
    pub block_number: u64,
    /// In which block.
    pub block_hash: Hash,
    /// Its place in the block.
    #[serde(deserialize_with = "number")]
    pub log_index: u64,
    /// Whether a reorganisation undid it.
    #[serde(default)]
    pub removed: bool,
}

/// A call of a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallFrame {
    /// Who calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Address>,
    /// What is called; none to create a contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Address>,
    /// The call, or the contract's creation code.
    pub input: Data,
}

/// A call that brings ether with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PaidCall {
    /// The call.
    #[serde(flatten)]
    pub call: CallFrame,
    /// In wei.
    pub value: Quantity,
}

/// What the newest blocks charged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FeeHistory {
    /// For each block and the one to come, in wei for a unit of gas.
    pub base_fee_per_gas: Vec<Quantity>,
    /// What the median transaction of each block paid on top.
    #[serde(default)]
    pub reward: Vec<Vec<Quantity>>,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The transaction.
    pub transaction_hash: Hash,
    /// In which block.
    #[serde(deserialize_with = "number")]
    pub block_number: u64,
    /// In which block.
    pub block_hash: Hash,
    /// 1 if it did what it was to do, 0 if it was undone.
    #[serde(deserialize_with = "number")]
    pub status: u64,
    /// The gas it took.
    #[serde(deserialize_with = "number")]
    pub gas_used: u64,
    /// The contract it created.
    #[serde(default)]
    pub contract_address: Option<Address>,
    /// What was logged.
    pub logs: Vec<Log>,
}

impl Receipt {
    /// Whether it did what it was to do.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == 1
    }
}
