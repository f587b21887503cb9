//! The messages of the L1 queue, and the hash chain over them that its contract keeps.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use hotshot_types::{
    Address, Hash,
    digest::{Words, keccak, keccak_concat},
};

/// A message that somebody put into the queue on the home L1.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct L1Message {
    /// Its place in the queue, from 0.
    pub index: u64,
    /// The L1 block that enqueued it; never below that of the message before.
    pub l1_block: u64,
    /// Who called the queue.
    pub sender: Address,
    /// What it asks for.
    pub body: MessageBody,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum MessageBody {
    /// Money that was put into the escrow.
    Deposit(Deposit),
    /// A transaction, executed as if it had been sequenced.
    ForcedTransaction(Bytes),
}

/// Money that was put into the escrow on the home L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deposit {
    /// The ERC-20 token; [`Address::ZERO`] for ether.
    pub token: Address,
    /// In the token's smallest unit; never 0.
    pub amount: u128,
    /// Who gets it on the rollup.
    pub recipient: Address,
    /// The token's decimals as it says itself; 18 for ether and for tokens that don't say.
    pub decimals: u8,
}

impl MessageBody {
    /// The number that the contract has for this kind of message.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Deposit(_) => 0,
            Self::ForcedTransaction(_) => 1,
        }
    }

    /// The bytes that the contract hashes and logs: `abi.encode(token, amount, recipient, decimals)` of a deposit, a
    /// forced transaction as it is.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        match self {
            Self::Deposit(deposit) => {
                let mut words = vec![0; 128];
                words[12..32].copy_from_slice(&deposit.token.0);
                words[48..64].copy_from_slice(&deposit.amount.to_be_bytes());
                words[76..96].copy_from_slice(&deposit.recipient.0);
                words[127] = deposit.decimals;
                words
            }
            Self::ForcedTransaction(bytes) => bytes.to_vec(),
        }
    }

    /// Reads what the contract logged; none if no contract of ours would log it.
    #[must_use]
    pub fn decode(kind: u8, bytes: &[u8]) -> Option<Self> {
        match kind {
            0 => {
                let word = |at: usize| bytes.get(32 * at..32 * at + 32);
                let body = Self::Deposit(Deposit {
                    token: Address(word(0)?[12..].try_into().ok()?),
                    amount: u128::from_be_bytes(word(1)?[16..].try_into().ok()?),
                    recipient: Address(word(2)?[12..].try_into().ok()?),
                    decimals: word(3)?[31],
                });
                (body.encoded() == bytes).then_some(body)
            }
            1 => Some(Self::ForcedTransaction(Bytes::copy_from_slice(bytes))),
            _ => None,
        }
    }
}

impl L1Message {
    /// keccak(abi.encode(kind, index, l1Block, sender, keccak(body))): what the contract chains, and on the rollup the
    /// message's id.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Words::new()
            .uint(self.body.kind())
            .uint(self.index)
            .uint(self.l1_block)
            .address(self.sender)
            .hash(keccak(&self.body.encoded()))
            .finish()
    }
}

/// How long the queue is, and the chain over all its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct QueueHead {
    /// Messages so far.
    pub count: u64,
    /// 0 before the first; then keccak(chain before || hash of the message).
    pub chain: Hash,
}

impl QueueHead {
    /// The head after one more message.
    #[must_use]
    pub fn with(&self, message: &L1Message) -> Self {
        Self {
            count: self.count + 1,
            chain: keccak_concat(&[&self.chain.0, &message.hash().0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposit_is_read_as_it_was_written() {
        let deposit = MessageBody::Deposit(Deposit {
            token: Address([1; 20]),
            amount: u128::MAX,
            recipient: Address([2; 20]),
            decimals: 6,
        });
        let bytes = deposit.encoded();
        assert_eq!(MessageBody::decode(0, &bytes), Some(deposit));
        assert_eq!(MessageBody::decode(0, &bytes[..127]), None);
        let mut dirty = bytes.clone();
        dirty[0] = 1;
        assert_eq!(MessageBody::decode(0, &dirty), None);
        assert_eq!(MessageBody::decode(2, &bytes), None);
    }

    #[test]
    fn the_chain_depends_on_every_field() {
        let message = L1Message {
            index: 3,
            l1_block: 9,
            sender: Address([7; 20]),
            body: MessageBody::ForcedTransaction(Bytes::from_static(b"x")),
        };
        let head = QueueHead::default().with(&message);
        let others = [
            L1Message {
                index: 4,
                ..message.clone()
            },
            L1Message {
                l1_block: 8,
                ..message.clone()
            },
            L1Message {
                sender: Address([8; 20]),
                ..message.clone()
            },
            L1Message {
                body: MessageBody::ForcedTransaction(Bytes::from_static(b"y")),
                ..message
            },
        ];
        for other in others {
            assert_ne!(QueueHead::default().with(&other), head);
        }
    }
}
