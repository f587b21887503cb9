//! What the rollup's contracts had in an L1 block, complete.

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Address, Hash, Height};
use rollup_types::{Field, L1Message, Pin, PinHead, QueueHead, field};

use super::{AccountProof, L1Error, L1State, ProvenAccount};

/// The rollup's contracts on its home L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contracts {
    /// `L1MessageQueue`.
    pub queue: Address,
    /// `RollupInbox`.
    pub inbox: Address,
    /// `LightClient`.
    pub light_client: Address,
}

/// The newest block of the light client, by what its contract has (RD6): the way to an `Anchor` of `sequencer-proof`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Its height.
    pub height: Height,
    /// Where its entry is.
    pub entry: Field,
}

impl Newest {
    /// Reads the word of [`field::LIGHT_CLIENT_HEIGHT`]; none if the light client is frozen and knows nothing any more.
    #[must_use]
    pub fn read(word: Hash) -> Option<Self> {
        // From the highest byte on: frozen, place in the ring, L1 blocks, time and epoch, height.
        let [frozen, place, ..] = word.0;
        let is_possible = frozen == 0 && place < field::RING_SIZE;
        is_possible.then(|| Self {
            height: Height(field::LIGHT_CLIENT_HEIGHT.number(word)),
            entry: Field {
                slot: field::RING.slot + place,
                ..field::RING
            },
        })
    }

    /// The newest block and its entry, from a proof of both words.
    ///
    /// # Errors
    /// A word is not in the proof.
    pub fn stored(account: &ProvenAccount) -> Result<Option<(Height, Hash)>, L1Error> {
        match Self::read(account.slot(field::LIGHT_CLIENT_HEIGHT)?) {
            Some(newest) => Ok(Some((newest.height, account.slot(newest.entry)?))),
            None => Ok(None),
        }
    }
}

/// What is known of queue and inbox: where the next view has to go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct L1Base {
    /// The messages.
    pub queue: QueueHead,
    /// The pins.
    pub pins: PinHead,
}

/// Proofs of the three contracts, each with the slots of [`field`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proofs {
    /// Of the queue, with [`field::QUEUE_CHAIN`].
    pub queue: AccountProof,
    /// Of the inbox, with [`field::PIN_CHAIN`] and [`field::INBOX_HEIGHT`].
    pub inbox: AccountProof,
    /// Of the light client, with [`field::LIGHT_CLIENT_HEIGHT`].
    pub light_client: AccountProof,
}

/// All messages and pins that an L1 block knows and the base does not, and how far light client and inbox are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1View {
    pub(crate) number: u64,
    pub(crate) is_attested: bool,
    pub(crate) base: L1Base,
    pub(crate) head: L1Base,
    pub(crate) messages: Vec<L1Message>,
    pub(crate) pins: Vec<Pin>,
    pub(crate) light_client: Height,
    pub(crate) advanced: Height,
}

impl L1View {
    /// Checks that `messages` and `pins` are all that came after `base`, in order, up to the L1 block of `state`.
    ///
    /// # Errors
    /// What is not proven.
    pub fn new(
        state: &L1State,
        contracts: &Contracts,
        proofs: &Proofs,
        base: L1Base,
        messages: Vec<L1Message>,
        pins: Vec<Pin>,
    ) -> Result<Self, L1Error> {
        let queue = state.open(contracts.queue, &proofs.queue)?;
        let inbox = state.open(contracts.inbox, &proofs.inbox)?;
        let light_client = state.open(contracts.light_client, &proofs.light_client)?;
        let view = Self {
            number: state.number(),
            is_attested: state.is_attested(),
            base,
            head: L1Base {
                queue: chained(&base.queue, &messages, queue.slot(field::QUEUE_CHAIN)?)?,
                pins: pinned(&base.pins, &pins, inbox.slot(field::PIN_CHAIN)?)?,
            },
            messages,
            pins,
            light_client: known_final(&light_client)?,
            advanced: Height(field::INBOX_HEIGHT.number(inbox.slot(field::INBOX_HEIGHT)?)),
        };
        let count = view.head.queue.count;
        match view.pins.iter().find(|pin| pin.message_end > count) {
            Some(pin) => Err(L1Error::PinEnd {
                pin: pin.number,
                end: pin.message_end,
                count,
            }),
            None => Ok(view),
        }
    }

    /// The number of the L1 block.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether a final header names that block.
    #[must_use]
    pub fn is_attested(&self) -> bool {
        self.is_attested
    }

    /// Messages and pins up to there.
    #[must_use]
    pub fn head(&self) -> L1Base {
        self.head
    }

    /// The messages that came after the base.
    #[must_use]
    pub fn messages(&self) -> &[L1Message] {
        &self.messages
    }

    /// The height that the light client has reached there.
    #[must_use]
    pub fn light_client(&self) -> Height {
        self.light_client
    }

    /// The height that the inbox has reached there.
    #[must_use]
    pub fn advanced(&self) -> Height {
        self.advanced
    }
}

/// The height that the light client has reached; 0 if it is frozen and knows nothing any more.
fn known_final(light_client: &ProvenAccount) -> Result<Height, L1Error> {
    let newest = Newest::read(light_client.slot(field::LIGHT_CLIENT_HEIGHT)?);
    Ok(newest.map_or(Height(0), |newest| newest.height))
}

/// The head after these messages, provided that it is the proven one.
fn chained(base: &QueueHead, messages: &[L1Message], proven: Hash) -> Result<QueueHead, L1Error> {
    let mut head = *base;
    for message in messages {
        // The chain is over the index, so one out of order leads elsewhere.
        head = head.with(message);
    }
    if head.chain == proven {
        return Ok(head);
    }
    Err(L1Error::Messages {
        found: head.chain,
        proven,
    })
}

fn pinned(base: &PinHead, pins: &[Pin], proven: Hash) -> Result<PinHead, L1Error> {
    let mut head = *base;
    for pin in pins {
        if pin.number != head.count {
            break;
        }
        head = head.with(pin);
    }
    if head.chain == proven && head.count == base.count.saturating_add(pins.len() as u64) {
        return Ok(head);
    }
    Err(L1Error::Pins {
        found: head.chain,
        proven,
    })
}
