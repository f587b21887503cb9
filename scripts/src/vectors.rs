//! `cargo xtask vectors`: golden vectors, written from the code or compared with it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Arguments of `vectors`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Write nothing; fail if a file differs from what the code computes
    #[arg(long)]
    check: bool,
}

type Files = Vec<(&'static str, String)>;

/// The folders of vectors, each with what the code says its files are.
fn folders() -> [(&'static str, Files); 3] {
    [
        ("hotshot/types/vectors", hotshot_types::vectors::all()),
        ("da/vectors", da::vectors::all()),
        (
            "rollup-adapters/contracts/vectors",
            rollup_contracts::vectors::all(),
        ),
    ]
}

/// Writes or checks all vectors.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.check {
        return check();
    }
    for (folder, files) in folders() {
        let directory = workspace::root().join(folder);
        fs::create_dir_all(&directory).with_context(|| format!("cannot create {folder}"))?;
        for (name, text) in &files {
            let path = directory.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        println!("{folder}: {} files written", files.len());
    }
    Ok(())
}

/// Fails if a file differs from what the code computes.
pub(crate) fn check() -> Result<()> {
    let mut wrong = Vec::new();
    for (folder, files) in folders() {
        let directory = workspace::root().join(folder);
        wrong.extend(differences(&directory, &files)?);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!(
        "golden vectors differ from the code:\n  {}\nIf the change is meant, run `cargo xtask vectors`; \
         signatures and hashes of running networks change with it",
        wrong.join("\n  ")
    )
}

fn differences(directory: &Path, files: &Files) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for (name, text) in files {
        let path = directory.join(name);
        match fs::read_to_string(&path) {
            Ok(found) if found == *text => {}
            Ok(_) => wrong.push(format!("{} differs", shown(&path))),
            Err(error) => wrong.push(format!("{}: {error}", shown(&path))),
        }
    }
    let known: BTreeSet<&str> = files.iter().map(|(name, _)| *name).collect();
    if let Ok(entries) = fs::read_dir(directory) {
        for entry in entries {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if name.ends_with(".json") && !known.contains(name.as_str()) {
                wrong.push(format!("{} is no longer computed", shown(&path)));
            }
        }
    }
    Ok(wrong)
}

fn shown(path: &Path) -> String {
    let relative: PathBuf = path.strip_prefix(workspace::root()).unwrap_or(path).into();
    relative.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changed_missing_and_surplus_files_are_named() -> Result<()> {
        let directory = tempfile::tempdir()?;
        fs::write(directory.path().join("same.json"), "1")?;
        fs::write(directory.path().join("changed.json"), "1")?;
        fs::write(directory.path().join("surplus.json"), "1")?;
        let text = |text: &str| text.to_owned();
        let files = vec![
            ("same.json", text("1")),
            ("changed.json", text("2")),
            ("missing.json", text("3")),
        ];
        let wrong = differences(directory.path(), &files)?.join("\n");
        assert!(wrong.contains("changed.json differs"), "{wrong}");
        assert!(wrong.contains("missing.json:"), "{wrong}");
        assert!(
            wrong.contains("surplus.json is no longer computed"),
            "{wrong}"
        );
        assert!(!wrong.contains("same.json"), "{wrong}");
        Ok(())
    }
}
