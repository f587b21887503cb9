//! Walks everything that is stored and compares it with itself and with the genesis document.
//!
//! Headers against each other and their hashes, the mountain range against the headers, the ends
//! of epochs and all certificates against the committees that follow from genesis, payloads and
//! the index against the headers' commitments, and every entry of the namespace map against its
//! root. Whatever is wrong is named by keyspace, height and, where bytes of a table are not those
//! that were written, file. Nothing is changed.

mod chain;
mod contents;

use std::{path::PathBuf, sync::Arc};

use da::{Limits, Slots};
use hotshot_types::{Epoch, GenesisDocument, Height, SealedHeader};
use serde::Serialize;

use super::{Step, Storage, StorageError, spaces::Space};

/// Faults that are told one by one; there may be as many as entries.
const MAX_FAULTS: usize = 100;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    pub keyspace: &'static str,
    /// At which height, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// In which file, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// What.
    pub reason: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.keyspace)?;
        if let Some(height) = self.height {
            write!(f, ", height {height}")?;
        }
        if let Some(file) = &self.file {
            write!(f, ", {}", file.display())?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What came of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Table files whose bytes were compared with their checksums.
    pub files: u64,
    /// Headers that are right.
    pub headers: u64,
    /// Certificates that verify.
    pub certificates: u64,
    /// Payloads that are right.
    pub payloads: u64,
    /// Entries of the namespace map that are proven under its root.
    pub namespaces: u64,
    /// The number of the safety record, if there is one; it is sound, else nothing would open.
    pub record: Option<u64>,
    /// What is wrong; the first hundred.
    pub faults: Vec<Fault>,
    /// How much more is wrong.
    pub further_faults: u64,
}

impl Verified {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    fn fault(&mut self, space: Space, height: Option<Height>, reason: impl Into<String>) {
        self.push(Fault {
            keyspace: space.name(),
            height,
            file: None,
            reason: reason.into(),
        });
    }

    fn push(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(fault);
        } else {
            self.further_faults += 1;
        }
    }
}

/// What a walk compares with.
pub(super) struct Walk<'a> {
    storage: &'a Storage,
    genesis: &'a GenesisDocument,
    genesis_header: &'a SealedHeader,
    tip: Height,
    /// Those of the epoch looked at.
    slots: Option<(Epoch, Slots)>,
    limits: Limits,
    found: Verified,
    report: &'a mut dyn FnMut(Step),
}

impl Storage {
    /// Walks everything.
    ///
    /// # Errors
    /// No genesis block yet, or a genesis document that is none; whatever is wrong with the data
    /// is in the result.
    pub fn verify(
        &self,
        genesis: &GenesisDocument,
        genesis_header: &SealedHeader,
        report: &mut dyn FnMut(Step),
    ) -> Result<Verified, StorageError> {
        let (tip, _) = self.progress().tip.ok_or(StorageError::Uninitialized)?;
        let refused = |error: &dyn std::fmt::Display| StorageError::OutOfOrder(error.to_string());
        let committee = genesis
            .committee(Epoch::FIRST)
            .map_err(|error| refused(&error))?;
        let parameters = &genesis.parameters;
        let mut walk = Walk {
            storage: self,
            genesis,
            genesis_header,
            tip,
            slots: None,
            limits: Limits {
                payload_bytes: parameters.max_payload_bytes,
                namespaces: parameters.max_namespaces,
                transaction_bytes: parameters.max_transaction_bytes,
            },
            found: Verified {
                record: self.numbered_record()?.map(|numbered| numbered.sequence),
                ..Verified::default()
            },
            report,
        };
        walk.files();
        walk.readable();
        walk.headers();
        walk.epochs(Arc::clone(&committee));
        walk.contents();
        walk.map();
        Ok(walk.found)
    }
}

impl Walk<'_> {
    fn step(&mut self, what: &'static str, done: u64, of: Option<u64>) {
        (self.report)(Step { what, done, of });
    }

    fn files(&mut self) {
        let mut files = 0;
        let report = &mut self.report;
        let broken = self.storage.broken_tables(|_| {
            files += 1;
            report(Step {
                what: "files",
                done: files,
                of: None,
            });
        });
        self.found.files = files;
        for (keyspace, file, reason) in broken {
            self.found.push(Fault {
                keyspace,
                height: None,
                file: Some(file),
                reason,
            });
        }
    }

    /// Reads every entry of every keyspace: the engine checks what it reads.
    fn readable(&mut self) {
        for space in Space::ALL {
            let keyspace = self.storage.0.spaces.get(space).clone();
            let mut done = 0;
            for guard in keyspace.iter() {
                done += 1;
                match guard.into_inner() {
                    Ok(_) if done % 4_096 == 0 => self.step(space.name(), done, None),
                    Ok(_) => {}
                    // Keys with values apart are gone through to the end, one bad value at a time.
                    Err(error) => self.found.fault(space, None, error.to_string()),
                }
                if self.found.further_faults > 0 {
                    return;
                }
            }
        }
    }
}
