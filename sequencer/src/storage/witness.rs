//! Notices when the database comes back with an older safety record than was written.
//!
//! The database engine treats the first broken batch of its journal as the end of it and cuts the
//! rest off, which is right for a write that a crash interrupted and wrong for a flipped bit in
//! the middle: there it would silently bring an old record back. So before the engine opens, the
//! raw journal files are searched for sealed records. The highest number found is kept in a file
//! of its own, and the record that the database then shows must not be older.
//!
//! A record that is the very last thing in a journal, with no room for the end of its batch before
//! the zeros, belongs to a batch that was never written to its end; it was never acknowledged,
//! nothing was signed on it, and it does not count. Records stand last in their batch for this.
//!
//! What this can't see is damage that leaves no later record readable, or a whole directory that
//! was put back from a copy. For that there is the doppelganger watch (K4).

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    Identity, StorageError,
    record::{self, MAGIC},
};

const FILE: &str = "record.seen";

/// Bytes that end a batch in the engine's journal: a tag, a checksum, a magic number. The last one
/// may be missing: a flipped bit can make a zero of it, and then it does not look written.
const BATCH_END: usize = 12;

/// What is known about the numbers of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Witness {
    /// The highest number of a record that was written; zero if none ever was.
    pub(super) seen: u64,
    /// Records up to this number were given up.
    pub(super) given_up: u64,
}

impl Witness {
    /// Whether there must be a record, with a number of at least `seen`.
    pub(super) fn is_bound(self) -> bool {
        self.seen > self.given_up
    }
}

/// What the file and the journals of the database know. What is found is kept.
pub(super) fn look(
    directory: &Path,
    database: &Path,
    identity: &Identity,
) -> Result<Witness, StorageError> {
    let kept = read(directory)?;
    let found = highest_in_journals(database, identity)?;
    let witness = Witness {
        seen: kept.seen.max(found),
        ..kept
    };
    if witness != kept {
        keep(directory, witness)?;
    }
    Ok(witness)
}

/// As [`look`], for a record that is given up: a file that can't be read counts as none.
pub(super) fn look_past_damage(
    directory: &Path,
    database: &Path,
    identity: &Identity,
) -> Result<Witness, StorageError> {
    let kept = match read(directory) {
        Err(StorageError::RecordDamaged(_)) => Witness::default(),
        other => other?,
    };
    Ok(Witness {
        seen: kept.seen.max(highest_in_journals(database, identity)?),
        ..kept
    })
}

/// Writes the file, durably.
pub(super) fn keep(directory: &Path, witness: Witness) -> Result<(), StorageError> {
    let path = directory.join(FILE);
    replace(directory, &path, witness).map_err(StorageError::io(path))
}

fn replace(directory: &Path, path: &Path, witness: Witness) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    writeln!(file, "{} {}", witness.seen, witness.given_up)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(directory)?.sync_all()
}

fn read(directory: &Path) -> Result<Witness, StorageError> {
    let path = directory.join(FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Witness::default()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(StorageError::io(path)(error)),
    };
    let parse = || {
        let (seen, given_up) = text.strip_suffix('\n')?.split_once(' ')?;
        Some(Witness {
            seen: seen.parse().ok()?,
            given_up: given_up.parse().ok()?,
        })
    };
    let unreadable = || StorageError::RecordDamaged(format!("{} is not readable", path.display()));
    parse().ok_or_else(unreadable)
}

/// Whether a database was begun there and nothing was ever written to it: its first journal is
/// its only one and holds nothing but the zeros allocated ahead. Its creation was interrupted, or
/// nearly, and it can be made anew.
pub(super) fn is_blank(database: &Path) -> Result<bool, StorageError> {
    let mut first = None;
    for path in journals(database)? {
        if path.file_name().is_none_or(|name| name != "0.jnl") {
            return Ok(false);
        }
        first = Some(path);
    }
    match first {
        None => Ok(!database.join("version").exists()),
        Some(path) => {
            let bytes = fs::read(&path).map_err(StorageError::io(path))?;
            Ok(bytes.iter().all(|byte| *byte == 0))
        }
    }
}

fn highest_in_journals(database: &Path, identity: &Identity) -> Result<u64, StorageError> {
    let mut highest = 0;
    for path in journals(database)? {
        let bytes = fs::read(&path).map_err(StorageError::io(&path))?;
        highest = highest.max(highest_in(&bytes, identity));
    }
    Ok(highest)
}

fn journals(database: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let entries = match fs::read_dir(database) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StorageError::io(database)(error)),
    };
    let mut journals = Vec::new();
    for entry in entries {
        let path = entry.map_err(StorageError::io(database))?.path();
        if path.extension().is_some_and(|extension| extension == "jnl") {
            journals.push(path);
        }
    }
    Ok(journals)
}

fn highest_in(journal: &[u8], identity: &Identity) -> u64 {
    // The zeros that the engine allocates ahead.
    let written = journal
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let journal = &journal[..written];
    let mut highest = 0;
    let mut at = 0;
    while let Some(offset) = find_magic(&journal[at..]) {
        at += offset;
        match record::open_prefix(identity, &journal[at..]) {
            Ok((numbered, length)) => {
                at += length;
                if journal.len() - at >= BATCH_END {
                    highest = highest.max(numbered.sequence);
                }
            }
            Err(_) => at += 1,
        }
    }
    highest
}

fn find_magic(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += bytes[at..].iter().position(|byte| *byte == MAGIC[0])?;
        if bytes[at..].starts_with(&MAGIC) {
            return Some(at);
        }
        at += 1;
    }
}
