//! The engine's own files, checked from outside.
//!
//! The engine checks each block that it reads, but trusts its lists of files: a flipped bit there
//! could hide a table or move it to another level. Its lists carry a checksum of their own that it
//! never looks at, so they are checked here before it opens them. The checksums of whole tables
//! are for `db verify`, which names the file that is broken.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use fjall::AbstractTree;
use xxhash_rust::xxh3::Xxh3;

use super::{Storage, StorageError, spaces::Space};

/// Length of the file that names a keyspace's list: number, checksum, kind of checksum.
const CURRENT_LEN: usize = 25;

/// Checks the list of tables of each keyspace of a database, if there is one.
pub(super) fn check_lists(database: &Path) -> Result<(), StorageError> {
    let folder = database.join("keyspaces");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StorageError::io(folder)(error)),
    };
    for entry in entries {
        let keyspace = entry.map_err(StorageError::io(&folder))?.path();
        let current = keyspace.join("current");
        // A keyspace that is being made has none yet, and the engine makes it anew.
        if current.exists() {
            check_list(&keyspace, &current)?;
        }
    }
    Ok(())
}

fn check_list(keyspace: &Path, current: &Path) -> Result<(), StorageError> {
    let corrupt = |path: &Path, reason: &str| StorageError::Corrupt {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let bytes = fs::read(current).map_err(StorageError::io(current))?;
    let bytes: [u8; CURRENT_LEN] = bytes
        .try_into()
        .map_err(|_| corrupt(current, "it has another length than it was written with"))?;
    let number = u64::from_le_bytes(bytes[..8].try_into().expect("8 bytes"));
    let expected = u128::from_le_bytes(bytes[8..24].try_into().expect("16 bytes"));
    let list = keyspace.join(format!("v{number}"));
    if !list.exists() {
        return Err(corrupt(
            current,
            "the list of tables that it names is missing",
        ));
    }
    if checksum(&list).map_err(StorageError::io(&list))? == expected {
        Ok(())
    } else {
        Err(corrupt(&list, "its checksum is wrong"))
    }
}

/// Of a whole file, as the engine computes it.
fn checksum(path: &Path) -> io::Result<u128> {
    let mut file = File::open(path)?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hash.digest128()),
            length => hash.update(&buffer[..length]),
        }
    }
}

impl Storage {
    /// The table files whose bytes are not those that were written, with their keyspaces; calls
    /// `look` before each file.
    pub(super) fn broken_tables(
        &self,
        mut look: impl FnMut(&'static str),
    ) -> Vec<(&'static str, PathBuf, String)> {
        let mut broken = Vec::new();
        for space in Space::ALL {
            let version = self.0.spaces.get(space).tree.current_version();
            for table in version.iter_tables() {
                look(space.name());
                let reason = match checksum(&table.path) {
                    Ok(found) if found == table.checksum().into_u128() => continue,
                    Ok(_) => "its checksum is wrong".to_owned(),
                    Err(error) => error.to_string(),
                };
                broken.push((space.name(), table.path.to_path_buf(), reason));
            }
        }
        broken
    }
}
