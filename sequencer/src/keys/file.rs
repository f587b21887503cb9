//! One secret in one file that only its owner may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::{KeyFileError, keystore::Keystore};

/// Larger than any key file; the bound on what is read.
const MAX_FILE_BYTES: u64 = 16_384;
/// Permission bits of a key file.
const FILE_MODE: u32 = 0o600;
/// Permission bits of the directory it is in.
const DIRECTORY_MODE: u32 = 0o700;

fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> KeyFileError + 'a {
    move |source| KeyFileError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Fails if something is there.
pub(super) fn ensure_absent(path: &Path) -> Result<(), KeyFileError> {
    match fs::symlink_metadata(path) {
        Ok(_) => Err(KeyFileError::Exists(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("inspect", path)(error)),
    }
}

/// What a key file holds.
pub(super) enum Content {
    /// Unencrypted, and the first line, which names the kind of key.
    Plain(Zeroizing<[u8; 32]>, String),
    /// Encrypted.
    Keystore(Box<Keystore>),
}

/// Reads a key file.
pub(super) fn read(path: &Path) -> Result<Content, KeyFileError> {
    let text = read_text(path)?;
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(&text)
            .map(|keystore| Content::Keystore(Box::new(keystore)))
            .map_err(|error| KeyFileError::NoKeystore(path.to_owned(), error.to_string()));
    }
    let secret = parse(&text).ok_or_else(|| KeyFileError::Malformed(path.to_owned()))?;
    let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
    Ok(Content::Plain(secret, title.unwrap_or_default().to_owned()))
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let file = File::open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => KeyFileError::Missing(path.to_owned()),
        _ => io_error("read", path)(error),
    })?;
    // Of the opened file, so that nobody can exchange it between the check and the read.
    check_mode(
        path,
        &file.metadata().map_err(io_error("inspect", path))?,
        FILE_MODE,
    )?;
    let directory = directory(path);
    let metadata = fs::metadata(directory).map_err(io_error("inspect", directory))?;
    check_writable(directory, &metadata)?;
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_BYTES)
        .read_to_string(&mut text)
        .map_err(io_error("read", path))?;
    Ok(text)
}

fn parse(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let line = lines.next()?;
    if lines.next().is_some() {
        return None;
    }
    let mut secret = Zeroizing::new([0; 32]);
    let digits = line.strip_prefix("0x").unwrap_or(line);
    hex::decode_to_slice(digits, secret.as_mut_slice()).ok()?;
    Some(secret)
}

/// Writes a new key file and makes it durable.
pub(super) fn write(
    path: &Path,
    title: &str,
    public: &str,
    secret: &[u8; 32],
) -> Result<(), KeyFileError> {
    let digits = Zeroizing::new(hex::encode(secret));
    let text = Zeroizing::new(format!(
        "# {title}, not encrypted, for development: whoever reads this file can act as this node.\n\
         # public: {public}\n{}\n",
        digits.as_str()
    ));
    write_new(path, text.as_bytes())
}

/// Writes a file that must not exist, with mode 0600, and makes it durable.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    let directory = directory(path);
    prepare_directory(directory)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.mode(FILE_MODE);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => KeyFileError::Exists(path.to_owned()),
        _ => io_error("create", path)(error),
    })?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("write", path))?;
    sync_directory(directory)
}

/// The directory of a file; `.` for a bare name.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes the names in the directory of `path` durable.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), KeyFileError> {
    sync_directory(directory(path))
}

fn sync_directory(directory: &Path) -> Result<(), KeyFileError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(io_error("write", directory))
}

/// Creates the directory for its owner alone, or checks the one that exists.
fn prepare_directory(directory: &Path) -> Result<(), KeyFileError> {
    match fs::metadata(directory) {
        Ok(metadata) => return check_mode(directory, &metadata, DIRECTORY_MODE),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(io_error("inspect", directory)(error)),
    }
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(io_error("create", parent))?;
    }
    let mut builder = fs::DirBuilder::new();
    builder.mode(DIRECTORY_MODE);
    builder
        .create(directory)
        .map_err(io_error("create", directory))
}

/// Nobody but the owner may do anything with it.
fn check_mode(path: &Path, metadata: &fs::Metadata, wanted: u32) -> Result<(), KeyFileError> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Exposed {
            path: path.to_owned(),
            mode,
            wanted,
        });
    }
    Ok(())
}

/// Nobody but the owner may exchange files in it.
fn check_writable(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyFileError> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(KeyFileError::Exposed {
            path: path.to_owned(),
            mode,
            wanted: DIRECTORY_MODE,
        });
    }
    Ok(())
}
