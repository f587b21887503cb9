//! Reading files that people name, of which nobody knows what they are: no more than a bound is read.
//!
//! The bound holds for what is read and not for what the file system says of its length, so that devices and pipes,
//! which have none, end too.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

/// Reads all of a file of at most `limit` bytes.
///
/// # Errors
/// It can't be read, or [`io::ErrorKind::FileTooLarge`].
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {limit} bytes"),
        ));
    }
    Ok(bytes)
}

/// As [`read`], of text.
///
/// # Errors
/// As [`read`], or [`io::ErrorKind::InvalidData`].
pub(crate) fn read_to_string(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not text (UTF-8)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_end_is_refused_after_the_bound() {
        let error = read(Path::new("/dev/zero"), 4_096).expect_err("it has no end");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("4096"), "{error}");
    }

    #[test]
    fn a_file_of_just_the_bound_is_read_whole() -> io::Result<()> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("file");
        std::fs::write(&path, "12345")?;
        assert_eq!(read_to_string(&path, 5)?, "12345");
        assert!(read(&path, 4).is_err());
        assert!(read(Path::new("/dev/null"), 0)?.is_empty());
        assert!(read(directory.path(), 5).is_err(), "a directory is no file");
        Ok(())
    }

    #[test]
    fn bytes_that_are_no_text_are_said_to_be_none() -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), [0xff, 0xfe])?;
        let error = read_to_string(file.path(), 9).expect_err("no text");
        assert!(error.to_string().contains("not text"), "{error}");
        Ok(())
    }
}
