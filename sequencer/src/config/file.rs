//! Reading `sequencer.toml`, and noticing names that mean nothing.

use std::path::{Path, PathBuf};

use clap::{Args as _, Command};
use toml::{Table, Value};

use super::{ConfigError, Settings, suggest};
use crate::bounded_file;

/// Largest settings file that is read: a hundred times what all settings take.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Reads a settings file; relative paths in it start at its directory.
pub(super) fn read(path: &Path) -> Result<Settings, ConfigError> {
    let text =
        bounded_file::read_to_string(path, MAX_FILE_BYTES).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
    let mut settings = parse(path, &text)?;
    let directory = path.parent().unwrap_or(Path::new(""));
    for file in [
        &mut settings.data_dir,
        &mut settings.genesis,
        &mut settings.consensus_key,
        &mut settings.network_key,
        &mut settings.password_file,
        &mut settings.l1.account,
        &mut settings.l1.account_password_file,
    ] {
        *file = file.take().map(|file| directory.join(file));
    }
    // A file named by a flag makes its own directory the data directory.
    settings
        .data_dir
        .get_or_insert_with(|| match directory.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => directory.to_owned(),
        });
    Ok(settings)
}

/// Settings from the text of a file; `path` is for messages.
pub(super) fn parse(path: &Path, text: &str) -> Result<Settings, ConfigError> {
    let malformed = |error: toml::de::Error| ConfigError::Parse {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    };
    let table: Table = toml::from_str(text).map_err(malformed)?;
    reject_unknown(path, &table)?;
    toml::from_str(text).map_err(malformed)
}

fn reject_unknown(path: &Path, table: &Table) -> Result<(), ConfigError> {
    let known = known_keys();
    let is_section = |name: &str| {
        known.iter().any(|key| {
            key.split_once('.')
                .is_some_and(|(section, _)| section == name)
        })
    };
    for (name, value) in table {
        let keys = match value {
            Value::Table(section) if is_section(name) => {
                section.keys().map(|key| format!("{name}.{key}")).collect()
            }
            _ if is_section(name) => continue, // The typed parse says what is wrong with it.
            _ => vec![name.clone()],
        };
        for key in keys {
            if !known.contains(&key) {
                // A mistyped section resembles a section's name, a mistyped key a whole key.
                let sections = known.iter().filter_map(|key| Some(key.split_once('.')?.0));
                let names = known.iter().map(String::as_str).chain(sections);
                let suggestion = suggest::nearest(&key, names);
                let suggestion = suggestion.map(str::to_owned);
                return Err(ConfigError::UnknownKey {
                    path: path.to_owned(),
                    key,
                    suggestion,
                });
            }
        }
    }
    Ok(())
}

/// Every setting by its key, the section before a dot.
pub(super) fn known_keys() -> Vec<String> {
    let command = Settings::augment_args(Command::new("settings"));
    command
        .get_arguments()
        .map(|argument| argument.get_id().to_string())
        .collect()
}

/// Environment variables that look like ours and mean nothing, each with the nearest known one.
///
/// They are reported and not refused: container platforms inject such names for a service that
/// happens to be called "sequencer".
pub(crate) fn unknown_variables(
    names: impl Iterator<Item = String>,
) -> Vec<(String, Option<String>)> {
    let command = Settings::augment_args(Command::new("settings"));
    let mut known: Vec<String> = command
        .get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_string_lossy().into_owned()))
        .collect();
    known.extend(["SEQUENCER_CONFIG", "SEQUENCER_URL"].map(str::to_owned));
    names
        .filter(|name| name.starts_with("SEQUENCER_") && !known.contains(name))
        .map(|name| {
            let nearest = suggest::nearest(&name, known.iter().map(String::as_str));
            let nearest = nearest.map(str::to_owned);
            (name, nearest)
        })
        .collect()
}
