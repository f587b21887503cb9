//! Where the password of encrypted keys comes from: a file, a descriptor, or the terminal, and
//! never an argument, which everybody on the machine could read.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex};
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use super::KeyFileError;

/// Longer than any password; the bound on what is read.
const MAX_BYTES: u64 = 4096;
/// The longest line that a terminal gives.
const LINE_BYTES: usize = 4096;
/// Ctrl-C.
const INTERRUPT: u8 = 3;

/// A password as EIP-2335 uses it: in NFKD, without control codes. Erased when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

impl Password {
    /// Normalises what was typed or read; the end of its line goes with the control codes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let normal: Zeroizing<String> =
            Zeroizing::new(text.nfkd().filter(|letter| !letter.is_control()).collect());
        Self(Zeroizing::new(normal.as_bytes().to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Where a password comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PasswordSource {
    /// The terminal, without echo.
    #[default]
    Prompt,
    /// A file; the end of its line does not count.
    File(PathBuf),
    /// A descriptor that whoever started the program left open.
    Descriptor(u32),
}

impl PasswordSource {
    /// From a file or a descriptor if one is given, else from the terminal.
    #[must_use]
    pub fn of(file: Option<&Path>, descriptor: Option<u32>) -> Self {
        match (file, descriptor) {
            (_, Some(number)) => Self::Descriptor(number),
            (Some(path), None) => Self::File(path.to_owned()),
            (None, None) => Self::Prompt,
        }
    }

    /// The password of keys that exist.
    ///
    /// # Errors
    /// No terminal to ask at, a file that others may read, or an empty password.
    pub fn read(&self, what: &str) -> Result<Password, KeyFileError> {
        let password = match self {
            Self::Prompt => prompt(&format!("Password of {what}: "))?,
            Self::File(path) => read_file(path)?,
            Self::Descriptor(number) => {
                let path = PathBuf::from(format!("/dev/fd/{number}"));
                let file = File::open(&path).map_err(failed(&path))?;
                read_from(file, &path)?
            }
        };
        if password.is_empty() {
            return Err(KeyFileError::NoPassword("the password is empty"));
        }
        Ok(password)
    }

    /// The password of keys to be made; asked for twice at the terminal.
    ///
    /// # Errors
    /// As [`Self::read`], or two that differ.
    pub fn choose(&self, what: &str) -> Result<Password, KeyFileError> {
        let password = self.read(&format!("{what} (choose one)"))?;
        if *self == Self::Prompt {
            let again = prompt("The same password again: ")?;
            if again.bytes() != password.bytes() {
                return Err(KeyFileError::NoPassword("the two passwords differ"));
            }
        }
        Ok(password)
    }
}

fn prompt(text: &str) -> Result<Password, KeyFileError> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(KeyFileError::NoPassword(
            "there is no terminal to ask for the password: give --password-file FILE or --password-fd N",
        ));
    }
    let typed = type_unseen(text).map_err(failed(Path::new("the terminal")))?;
    let typed = typed.ok_or(KeyFileError::NoPassword("interrupted"))?;
    Ok(Password::new(&typed))
}

/// Asks for a line without echo; nothing if it was interrupted. The terminal is left as it was in every case, and
/// therefore an interruption is a letter meanwhile and not a signal, which would end the process at once.
fn type_unseen(text: &str) -> io::Result<Option<Zeroizing<String>>> {
    let terminal = io::stdin();
    let before = termios::tcgetattr(&terminal)?;
    let mut unseen = before.clone();
    unseen
        .local_modes
        .remove(LocalModes::ECHO | LocalModes::ISIG);
    unseen.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
    termios::tcsetattr(&terminal, OptionalActions::Flush, &unseen)?;
    let mut line = Zeroizing::new([0; LINE_BYTES]);
    let asked = write!(io::stderr(), "{text}").and_then(|()| io::stderr().flush());
    let read = asked.and_then(|()| Ok(rustix::io::read(&terminal, line.as_mut_slice())?));
    termios::tcsetattr(&terminal, OptionalActions::Now, &before)?;
    writeln!(io::stderr())?;
    let line = &line[..read?];
    if line.last() == Some(&INTERRUPT) {
        return Ok(None);
    }
    let line = std::str::from_utf8(line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(Some(Zeroizing::new(line.to_owned())))
}

fn read_file(path: &Path) -> Result<Password, KeyFileError> {
    let file = File::open(path).map_err(failed(path))?;
    let mode = file.metadata().map_err(failed(path))?.mode() & 0o777;
    // A service manager hands secrets over readable by the group of the service.
    if mode & 0o027 != 0 {
        return Err(KeyFileError::Exposed {
            path: path.to_owned(),
            mode,
            wanted: 0o600,
        });
    }
    read_from(file, path)
}

fn read_from(file: File, path: &Path) -> Result<Password, KeyFileError> {
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(failed(path))?;
    Ok(Password::new(&text))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> KeyFileError + '_ {
    move |source| KeyFileError::Io {
        action: "read the password from",
        path: path.to_owned(),
        source,
    }
}
