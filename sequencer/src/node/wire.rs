//! What nodes send each other besides consensus messages: shards and transactions on the bulk
//! lane, and fetches, which are answered on the stream they came on.
//!
//! Consensus messages travel alone on the control lane, in the codec of `hotshot-types`.

use std::io;

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::{BufMut, Bytes, BytesMut};
use da::{AccumulatorEntry, NamespaceId, ShardRange};
use hotshot::{Announcement, Newest};
use hotshot_types::{
    Epoch, EpochEnd, FinalityCertificate, Hash, Header, Height, Round, Status, TimestampMs, codec,
    mountain_range::HeaderProof,
};

use super::addresses::AddressRecord;

/// Most headers in one reply.
pub(super) const MAX_HEADERS: u64 = 256;
/// Most epoch ends in one reply.
pub(super) const MAX_EPOCH_ENDS: u64 = 64;
/// Most entries of the namespace map in one reply.
pub(super) const MAX_MAP_ENTRIES: usize = 16_384;
/// Most headers pushed at once to a node without stake.
pub(super) const MAX_PUSHED: usize = 16;
/// Most address records in a frame: one of each validator.
pub(super) const MAX_RECORDS: usize = 1_000;
/// Largest batch of forwarded transactions, in bytes of payload.
pub(super) const FORWARD_BYTES: usize = 1 << 20;

/// A frame of the bulk lane.
#[derive(Clone, Debug)]
pub(super) enum Bulk {
    /// From the leader: the receiver's own slots.
    Disperse(Shards),
    /// The sender's own slots.
    Echo(Shards),
    /// Transactions for the leader that builds next.
    Transactions(Vec<(NamespaceId, Bytes)>),
    /// For nodes without stake: what has become final.
    Final(Box<Finals>),
    /// Where validators are reached.
    Addresses(Vec<AddressRecord>),
}

/// The newest final headers, ascending and linked, with a certificate on the last of them.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Finals {
    /// The headers.
    pub(super) headers: Vec<Header>,
    /// Of the last one; not verified.
    pub(super) certificate: FinalityCertificate,
}

impl Finals {
    /// Whether the headers are what the certificate claims to be about.
    fn is_linked(&self) -> bool {
        let linked = self.headers.windows(2).all(|pair| {
            pair[1].parent_hash == pair[0].hash() && pair[1].height == pair[0].height.next()
        });
        let last = self.headers.last();
        linked
            && self.headers.len() <= MAX_PUSHED
            && last.is_some_and(|last| last.hash() == self.certificate.hash())
    }
}

/// Slots of a block's payload.
#[derive(Clone, Debug)]
pub(super) struct Shards {
    /// The round they were sent for.
    pub(super) round: Round,
    /// The block.
    pub(super) hash: Hash,
    /// The slots, unchecked.
    pub(super) range: ShardRange,
}

const DISPERSE: u8 = 0;
const ECHO: u8 = 1;
const TRANSACTIONS: u8 = 2;
const FINAL: u8 = 3;
const ADDRESSES: u8 = 4;

impl Bulk {
    /// The frame: a tag, then round and hash before the shards, or the transactions.
    pub(super) fn encode(&self) -> io::Result<Bytes> {
        match self {
            Self::Disperse(shards) => shards.encode(DISPERSE),
            Self::Echo(shards) => shards.encode(ECHO),
            Self::Transactions(transactions) => encode_transactions(transactions),
            Self::Final(finals) => Ok(tagged(FINAL, &codec::encode(finals.as_ref()))),
            Self::Addresses(records) => Ok(tagged(ADDRESSES, &codec::encode(records))),
        }
    }

    /// Reads a frame; shards and transactions are slices of it.
    pub(super) fn decode(frame: &Bytes) -> io::Result<Self> {
        match frame.first() {
            Some(&DISPERSE) => Ok(Self::Disperse(Shards::decode(&frame.slice(1..))?)),
            Some(&ECHO) => Ok(Self::Echo(Shards::decode(&frame.slice(1..))?)),
            Some(&TRANSACTIONS) => Ok(Self::Transactions(decode_transactions(&frame.slice(1..))?)),
            Some(&FINAL) => {
                let finals: Finals = decoded(&frame[1..])?;
                match finals.is_linked() {
                    true => Ok(Self::Final(Box::new(finals))),
                    false => Err(malformed("final headers that are not linked")),
                }
            }
            Some(&ADDRESSES) => {
                let records: Vec<AddressRecord> = decoded(&frame[1..])?;
                match records.len() <= MAX_RECORDS {
                    true => Ok(Self::Addresses(records)),
                    false => Err(malformed("too many address records")),
                }
            }
            _ => Err(malformed("unknown bulk frame")),
        }
    }
}

fn tagged(tag: u8, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(1 + body.len());
    frame.put_u8(tag);
    frame.put_slice(body);
    frame.freeze()
}

fn decoded<T: BorshDeserialize + BorshSerialize>(body: &[u8]) -> io::Result<T> {
    codec::decode(body).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Encoded length of a round and a hash.
const SHARDS_HEAD: usize = 48;

impl Shards {
    fn encode(&self, tag: u8) -> io::Result<Bytes> {
        let (head, shards) = self.range.to_parts()?;
        let mut frame = BytesMut::with_capacity(1 + SHARDS_HEAD + head.len() + shards.len());
        frame.put_u8(tag);
        frame.put_slice(&codec::encode(&(self.round, self.hash)));
        frame.put_slice(&head);
        frame.put_slice(&shards);
        Ok(frame.freeze())
    }

    fn decode(frame: &Bytes) -> io::Result<Self> {
        if frame.len() < SHARDS_HEAD {
            return Err(malformed("shards without a block"));
        }
        let (round, hash) = codec::decode(&frame[..SHARDS_HEAD])
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        Ok(Self {
            round,
            hash,
            range: ShardRange::decode(&frame.slice(SHARDS_HEAD..))?,
        })
    }
}

fn encode_transactions(transactions: &[(NamespaceId, Bytes)]) -> io::Result<Bytes> {
    let bytes: usize = transactions.iter().map(|(_, bytes)| bytes.len() + 12).sum();
    let mut frame = BytesMut::with_capacity(1 + bytes);
    frame.put_u8(TRANSACTIONS);
    for (namespace, bytes) in transactions {
        frame.put_u64_le(namespace.get());
        let len = u32::try_from(bytes.len()).map_err(|_| malformed("an oversized transaction"))?;
        frame.put_u32_le(len);
        frame.put_slice(bytes);
    }
    Ok(frame.freeze())
}

fn decode_transactions(frame: &Bytes) -> io::Result<Vec<(NamespaceId, Bytes)>> {
    let mut transactions = Vec::new();
    let mut at = 0;
    while at < frame.len() {
        let head = frame
            .get(at..at + 12)
            .ok_or_else(|| malformed("a truncated transaction"))?;
        let (namespace, len) = head.split_at(8);
        let namespace = u64::from_le_bytes(namespace.try_into().expect("8 bytes"));
        let len = u32::from_le_bytes(len.try_into().expect("4 bytes")) as usize;
        at += 12;
        if frame.len() - at < len {
            return Err(malformed("a truncated transaction"));
        }
        let namespace =
            NamespaceId::new(namespace).ok_or_else(|| malformed("the reserved namespace 0"))?;
        transactions.push((namespace, frame.slice(at..at + len)));
        at += len;
    }
    Ok(transactions)
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// What a node asks of one peer. A reply is one byte, 1 for found and 0 for not, then what was
/// asked for.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) enum Request {
    /// A [`Header`] by hash, final or not.
    Header(Hash),
    /// [`Headers`] of final blocks.
    Headers {
        /// The first.
        from: Height,
        /// The last, at most [`MAX_HEADERS`] from the first.
        to: Height,
        /// The header whose history proves the last.
        under: Height,
    },
    /// The ends of epochs from this one on: `Vec<EpochEnd>`.
    EpochEnds(Epoch),
    /// A payload by block hash: its bytes.
    Payload(Hash),
    /// The peer's own slots of a payload: [`ShardRange`].
    Slots(Hash),
    /// [`MapChunk`] of the namespace map after a final block.
    Map {
        /// The block.
        height: Height,
        /// The key to start from.
        from: Hash,
    },
    /// How the peer is: [`Greeting`].
    Greet,
    /// K3, K4: [`Watched`], what the peer has seen of the asker's own key.
    Watch(Option<Announcement>),
}

impl Request {
    /// What is asked for, in words.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Header(_) => "a header",
            Self::Headers { .. } => "headers",
            Self::EpochEnds(_) => "ends of epochs",
            Self::Payload(_) => "a payload",
            Self::Slots(_) => "slots",
            Self::Map { .. } => "the namespace map",
            Self::Greet => "a greeting",
            Self::Watch(_) => "what was seen of a key",
        }
    }
}

/// What a node says about itself to whoever asks; nothing in it is proven.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Greeting {
    /// The version of its program.
    pub(super) version: String,
    /// Its clock.
    pub(super) now_ms: TimestampMs,
    /// Its last final block.
    pub(super) tip: Header,
}

/// What a peer has seen of the asker's key.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Watched {
    /// Another process that holds the key, and for how many milliseconds it was not heard.
    pub(super) other: Option<(Announcement, u64)>,
    /// The newest signatures that came from the key.
    pub(super) newest: Newest,
    /// Where the peer stands; none if it can't tell, for its own record is lost.
    pub(super) status: Option<Status>,
}

/// Consecutive headers.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct Headers {
    /// Ascending.
    pub(super) headers: Vec<Header>,
    /// Places the last one in the history asked for; none if it is that header itself.
    pub(super) proof: Option<HeaderProof>,
}

/// The ends of consecutive epochs.
pub(super) type EpochEnds = Vec<EpochEnd>;

/// Part of the namespace map.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct MapChunk {
    /// Entries, ascending by key.
    pub(super) entries: Vec<(NamespaceId, AccumulatorEntry)>,
    /// Where the next chunk starts, if there is one.
    pub(super) next: Option<Hash>,
}

/// The reply that something is not there.
pub(super) fn not_found() -> Bytes {
    Bytes::from_static(&[0])
}

/// The reply with something found.
pub(super) fn found(body: &[u8]) -> Bytes {
    tagged(1, body)
}

/// What a reply holds; none if the peer does not have it.
pub(super) fn body_of(reply: &Bytes) -> io::Result<Option<Bytes>> {
    match reply.first() {
        Some(0) if reply.len() == 1 => Ok(None),
        Some(1) => Ok(Some(reply.slice(1..))),
        _ => Err(malformed("a reply that is neither found nor not found")),
    }
}

#[cfg(test)]
mod tests;
