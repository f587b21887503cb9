//! Source is ASCII: what a reviewer sees is what the compiler reads.

use std::{fs, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Endings of the files that are checked.
const ENDINGS: [&str; 10] = [
    ".rs", ".md", ".toml", ".sol", ".ts", ".js", ".json", ".sh", ".yml", ".lock",
];

/// Checks all files that git knows or would add.
pub(super) fn check() -> Result<()> {
    let arguments = [
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
    ];
    let mut command = Command::new("git");
    let names = workspace::output(command.current_dir(workspace::root()).args(arguments))?;
    let mut found = Vec::new();
    for name in names.split_terminator('\0').filter(|name| is_source(name)) {
        let path = workspace::root().join(name);
        if !path.is_file() {
            continue; // Removed but not yet committed.
        }
        let bytes = fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        found.extend(first_offence(&bytes).map(|line| format!("{name}:{line}")));
    }
    if found.is_empty() {
        return Ok(());
    }
    bail!("characters outside ASCII:\n  {}", found.join("\n  "))
}

fn is_source(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending)) || name == ".ci/run"
}

/// The first line that is not ASCII, from 1.
fn first_offence(bytes: &[u8]) -> Option<usize> {
    let position = bytes.iter().position(|byte| !byte.is_ascii())?;
    Some(
        bytes[..position]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::first_offence;

    #[test]
    fn line_of_the_first_offence_is_named() {
        assert_eq!(first_offence(b"one\ntwo\n"), None);
        assert_eq!(first_offence("one\ntw\u{f6}\n".as_bytes()), Some(2));
    }
}
