//! The key of an L1 account, in a file that only its owner may read.

use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use light_client::Account;

/// Longer than any key file: comment lines and 64 digits.
const MAX_BYTES: u64 = 4_096;

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
#[error("the key file {path}: {reason}")]
pub(crate) struct KeyFileError {
    path: String,
    reason: String,
}

/// Reads 32 bytes in hex, with or without 0x; lines that begin with # are comments.
pub(crate) fn load(path: &Path) -> Result<Account, KeyFileError> {
    let wrong = |reason: String| KeyFileError {
        path: path.display().to_string(),
        reason,
    };
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let metadata = file.metadata().map_err(|error| wrong(error.to_string()))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(wrong("others may read it: chmod 600 it".into()));
    }
    let mut text = String::new();
    file.take(MAX_BYTES)
        .read_to_string(&mut text)
        .map_err(|error| wrong(error.to_string()))?;
    let mut lines = text.lines().map(str::trim);
    let key = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
    let digits = key.unwrap_or_default();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut secret = [0; 32];
    hex::decode_to_slice(digits, &mut secret)
        .map_err(|_| wrong("it holds no key: 64 hex digits (keystores are not read)".into()))?;
    Account::from_bytes(&secret).map_err(|error| wrong(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let text = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80\n";
        let error = load(file(text, 0o640).path()).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        let account = load(file(&format!("# of a test\n0x{text}"), 0o600).path()).unwrap();
        assert_eq!(
            account.address().to_string(),
            "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"
        );
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        for text in ["", "0x12", &"0".repeat(64), "{\"crypto\": {}}"] {
            assert!(load(file(text, 0o600).path()).is_err(), "{text}");
        }
    }
}
