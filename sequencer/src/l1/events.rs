//! The stake table's events on disk: what has been replayed need not be fetched again.
//!
//! `events` grows by one frame an event, `cursor` is replaced as a whole after that and says up to
//! which L1 block there are no others, and what the frames up to there hash to. Damage is noticed when
//! the files are read; then everything is fetched anew.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use borsh::{BorshDeserialize, BorshSerialize};
use hotshot_types::{Hash, L1Block, digest::keccak_concat};
use light_client::stake::{Registry, StakeError, StakeLog};

/// Largest file that is read back: some hundred thousand events.
const MAX_FILE: u64 = 256 << 20;

/// The events can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The disk refused.
    #[error("the L1 events can't be kept in {}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An event that is not the next.
    #[error(transparent)]
    Stake(#[from] StakeError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Cursor {
    /// Of the network: a data directory that is used for another one starts anew.
    domain: Hash,
    block: L1Block,
    /// The hash over all events up to that block, as the contract has it.
    chain: Hash,
    /// Over the frames, each with what was before it.
    frames: Hash,
}

/// All events of the stake table up to a block.
#[derive(Debug)]
pub(crate) struct StoredEvents {
    directory: PathBuf,
    domain: Hash,
    file: File,
    logs: Vec<StakeLog>,
    registry: Registry,
    block: Option<L1Block>,
    frames: Hash,
}

impl StoredEvents {
    /// Reads what an earlier run kept.
    pub(crate) fn open(data_dir: &Path, domain: Hash) -> Result<Self, EventsError> {
        let directory = data_dir.join("l1");
        let kept =
            at(&directory, fs::create_dir_all(&directory)).and_then(|()| read(&directory, domain));
        let (logs, registry, block) = match kept? {
            Some(kept) => kept,
            None => (Vec::new(), Registry::new(domain), None),
        };
        let path = directory.join("events");
        // Only what is up to the cursor stays: a crash may have left more, or half an event.
        let new = directory.join("events.new");
        let mut frames = Hash::ZERO;
        let mut bytes = Vec::new();
        for log in &logs {
            let frame = frame(log);
            frames = keccak_concat(&[&frames.0, &frame]);
            bytes.extend(frame);
        }
        at(&new, write_durably(&new, &bytes))?;
        at(&path, fs::rename(&new, &path))?;
        let file = at(&path, OpenOptions::new().append(true).open(&path))?;
        Ok(Self {
            directory,
            domain,
            file,
            logs,
            registry,
            block,
            frames,
        })
    }

    /// The L1 block up to which all events are known.
    pub(crate) fn block(&self) -> Option<L1Block> {
        self.block
    }

    /// The stake table at that block.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How many events there are.
    pub(crate) fn len(&self) -> usize {
        self.logs.len()
    }

    /// The stake table at an earlier block. None if that is above what is known.
    pub(crate) fn registry_at(&self, number: u64) -> Option<Registry> {
        let known = self.block?;
        if number > known.number {
            return None;
        }
        let mut registry = Registry::new(self.domain);
        for log in self.logs.iter().take_while(|log| log.block <= number) {
            registry
                .apply(log)
                .expect("these events were applied before in this order");
        }
        Some(registry)
    }

    /// Takes the events after the known block up to this one. `chain` is what the contract says
    /// that they lead to. True if there were any.
    pub(crate) fn extend(
        &mut self,
        logs: Vec<StakeLog>,
        block: L1Block,
        chain: Hash,
    ) -> Result<bool, EventsError> {
        let mut registry = self.registry.clone();
        let mut frames = self.frames;
        let mut bytes = Vec::new();
        for log in &logs {
            registry.apply(log)?;
            let frame = frame(log);
            frames = keccak_concat(&[&frames.0, &frame]);
            bytes.extend(frame);
        }
        if registry.chain() != chain {
            return Err(StakeError::NotNext.into());
        }
        if !logs.is_empty() {
            let path = self.directory.join("events");
            at(&path, self.file.write_all(&bytes))?;
            at(&path, self.file.sync_data())?;
        }
        let has_news = !logs.is_empty();
        self.logs.extend(logs);
        self.registry = registry;
        self.frames = frames;
        self.block = Some(block);
        if has_news {
            self.keep_cursor()?;
        }
        Ok(has_news)
    }

    /// Writes up to which block the events are known. What is lost of that is asked for again.
    pub(crate) fn keep_cursor(&self) -> Result<(), EventsError> {
        let Some(block) = self.block else {
            return Ok(());
        };
        let cursor = Cursor {
            domain: self.domain,
            block,
            chain: self.registry.chain(),
            frames: self.frames,
        };
        let path = self.directory.join("cursor");
        let new = self.directory.join("cursor.new");
        let bytes = borsh::to_vec(&cursor).expect("a vector takes all bytes");
        at(&new, write_durably(&new, &bytes))?;
        at(&path, fs::rename(&new, &path))
    }
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, EventsError> {
    result.map_err(|source| EventsError::Io {
        path: path.to_owned(),
        source,
    })
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn frame(log: &StakeLog) -> Vec<u8> {
    let body = borsh::to_vec(log).expect("a vector takes all bytes");
    let length = u32::try_from(body.len()).expect("an event has a few kilobytes");
    [length.to_be_bytes().as_slice(), &body].concat()
}

type Kept = (Vec<StakeLog>, Registry, Option<L1Block>);

/// What is kept; none if there is nothing, or nothing that can be used.
fn read(directory: &Path, domain: Hash) -> Result<Option<Kept>, EventsError> {
    let Some(cursor) = read_file(&directory.join("cursor"))? else {
        return Ok(None);
    };
    let Some(bytes) = read_file(&directory.join("events"))? else {
        return Ok(None);
    };
    let kept = borsh::from_slice::<Cursor>(&cursor)
        .ok()
        .filter(|cursor| cursor.domain == domain)
        .and_then(|cursor| replay(&bytes, &cursor));
    if kept.is_none() {
        tracing::warn!(
            directory = %directory.display(),
            "the events kept of the L1 are damaged or of another network; they are fetched again"
        );
    }
    Ok(kept)
}

fn replay(mut bytes: &[u8], cursor: &Cursor) -> Option<Kept> {
    let mut logs = Vec::new();
    let mut registry = Registry::new(cursor.domain);
    let mut frames = Hash::ZERO;
    while registry.chain() != cursor.chain {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (body, rest) = rest.split_at_checked(length)?;
        let log: StakeLog = borsh::from_slice(body).ok()?;
        registry.apply(&log).ok()?;
        frames = keccak_concat(&[&frames.0, &bytes[..4 + length]]);
        logs.push(log);
        bytes = rest;
    }
    if frames != cursor.frames {
        return None;
    }
    Some((logs, registry, Some(cursor.block)))
}

fn read_file(path: &Path) -> Result<Option<Vec<u8>>, EventsError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return at(path, Err(error)),
    };
    let mut bytes = Vec::new();
    at(path, file.take(MAX_FILE).read_to_end(&mut bytes))?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
