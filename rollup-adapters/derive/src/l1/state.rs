//! The state of an L1 block: attested by a final header, or believed.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use alloy_rlp::{Decodable as _, Header as RlpHeader};
use hotshot_types::{Address, Hash, digest::keccak};
use rollup_types::Field;
use sequencer_proof::VerifiedBlock;

use super::AccountProof;

/// Why an L1's answer proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum L1Error {
    /// The bytes are no header of an L1 block.
    #[error("the header of the L1 block can't be read: {0}")]
    Header(String),
    /// The header is of another block than the final header names.
    #[error("the L1 block has hash {found}, the final header names {expected}")]
    OtherBlock {
        /// What the final header names.
        expected: Hash,
        /// What the bytes give.
        found: Hash,
    },
    /// The number in the L1 header is not what the final header says.
    #[error("the L1 block has number {found}, the final header says {expected}")]
    OtherNumber {
        /// What the final header says.
        expected: u64,
        /// What the bytes give.
        found: u64,
    },
    /// The account or one of its slots is not proven.
    #[error("the state of account {0} in L1 block {1} is not proven")]
    Account(Address, u64),
    /// A slot is missing in the proof.
    #[error("slot {1} of account {0} is missing in the proof")]
    Slot(Address, Hash),
    /// The messages do not lead to what the queue has.
    #[error(
        "the messages are not those of the queue: they lead to chain {found}, the queue has {proven}"
    )]
    Messages {
        /// The chain over the messages that were told.
        found: Hash,
        /// The chain in the queue.
        proven: Hash,
    },
    /// The pins do not lead to what the inbox has.
    #[error(
        "the pins are not those of the inbox: they lead to chain {found}, the inbox has {proven}"
    )]
    Pins {
        /// The chain over the pins that were told.
        found: Hash,
        /// The chain in the inbox.
        proven: Hash,
    },
    /// A pin names messages that the queue does not have.
    #[error("pin {pin} is up to message {end}, the queue has {count}")]
    PinEnd {
        /// The pin's number.
        pin: u64,
        /// Where it ends.
        end: u64,
        /// Messages in the queue.
        count: u64,
    },
}

/// The state of an L1 block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1State {
    number: u64,
    hash: Hash,
    state_root: Hash,
    is_attested: bool,
}

impl L1State {
    /// The state of the L1 block that a final header names, opened with the L1 header in RLP.
    ///
    /// # Errors
    /// Bytes that are not that header.
    pub fn attested(by: &VerifiedBlock, header: &[u8]) -> Result<Self, L1Error> {
        let named = &by.header.l1_finalized;
        let state = Self::read(header, true)?;
        if state.hash != named.hash {
            return Err(L1Error::OtherBlock {
                expected: named.hash,
                found: state.hash,
            });
        }
        if state.number != named.number {
            return Err(L1Error::OtherNumber {
                expected: named.number,
                found: state.number,
            });
        }
        Ok(state)
    }

    /// The state of a block of which the caller's own L1 node says that it is final. Whoever uses it believes that node:
    /// a sequencer that stands still attests no new L1 block, and pins are made for exactly that case. What it brings is
    /// compared with what is attested later.
    ///
    /// # Errors
    /// Bytes that are no header.
    pub fn believed(header: &[u8]) -> Result<Self, L1Error> {
        Self::read(header, false)
    }

    fn read(header: &[u8], is_attested: bool) -> Result<Self, L1Error> {
        let fields = fields(header).map_err(|error| L1Error::Header(error.to_string()))?;
        Ok(Self {
            hash: keccak(header),
            is_attested,
            ..fields
        })
    }

    /// The block's number.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Its hash.
    #[must_use]
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// Whether a final header names it.
    #[must_use]
    pub fn is_attested(&self) -> bool {
        self.is_attested
    }

    /// Opens slots of an account.
    ///
    /// # Errors
    /// The account or a slot is not proven.
    pub fn open(&self, address: Address, proof: &AccountProof) -> Result<ProvenAccount, L1Error> {
        if !proof.is_proven(self.state_root, address) {
            return Err(L1Error::Account(address, self.number));
        }
        let slots = proof.slots.iter().map(|slot| (slot.slot, slot.value));
        Ok(ProvenAccount {
            address,
            slots: slots.collect(),
        })
    }
}

/// Reads what is needed of a header: a list that begins with parent, ommers, beneficiary, state root, transactions,
/// receipts, bloom, difficulty, number. The rest stays unread; the hash is over everything.
fn fields(mut header: &[u8]) -> alloy_rlp::Result<L1State> {
    let list = RlpHeader::decode(&mut header)?;
    if !list.list || list.payload_length != header.len() {
        return Err(alloy_rlp::Error::UnexpectedLength);
    }
    let skip = |bytes: &mut &[u8], count: usize| -> alloy_rlp::Result<()> {
        for _ in 0..count {
            let item = RlpHeader::decode(bytes)?;
            *bytes = bytes
                .get(item.payload_length..)
                .ok_or(alloy_rlp::Error::InputTooShort)?;
        }
        Ok(())
    };
    skip(&mut header, 3)?;
    let state_root = B256::decode(&mut header)?;
    skip(&mut header, 4)?;
    let number = u64::decode(&mut header)?;
    Ok(L1State {
        number,
        hash: Hash::ZERO,
        state_root: Hash(state_root.0),
        is_attested: false,
    })
}

/// Slots of an account, proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAccount {
    address: Address,
    slots: BTreeMap<Hash, Hash>,
}

impl ProvenAccount {
    /// The word of a field's slot.
    ///
    /// # Errors
    /// The slot was not in the proof.
    pub fn slot(&self, field: Field) -> Result<Hash, L1Error> {
        let slot = field.key();
        let found = self.slots.get(&slot).copied();
        found.ok_or(L1Error::Slot(self.address, slot))
    }
}
