//! The commented settings file that `sequencer init` writes.

use toml::{Table, Value};

use super::Settings;

/// Name of the settings file in a data directory.
pub(crate) const FILE_NAME: &str = "sequencer.toml";

/// Every setting with its default, commented out.
pub(super) const DEFAULTS: &str = include_str!("template.toml");

/// The commented file with the settings that have been chosen filled in.
pub(crate) fn template(chosen: &Settings) -> String {
    let chosen = Table::try_from(chosen).expect("settings are strings, numbers and lists");
    let mut section: Option<&Table> = Some(&chosen);
    let mut text = String::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            section = chosen.get(name).and_then(Value::as_table);
        }
        let key = setting(line);
        match key.and_then(|key| Some((key, section?.get(key)?))) {
            Some((key, value)) => text.push_str(&format!("{key} = {value}")),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The settings of the commented file as if none were commented out.
pub(super) fn defaults() -> Table {
    let mut text = String::new();
    for line in DEFAULTS.lines() {
        let shown = if setting(line).is_some() {
            &line[1..]
        } else {
            line
        };
        text.push_str(shown);
        text.push('\n');
    }
    toml::from_str(&text).expect("a constant file is valid")
}

/// The key of a commented-out setting; prose has a space after its `#`.
pub(super) fn setting(line: &str) -> Option<&str> {
    let (key, _) = line.strip_prefix('#')?.split_once(" = ")?;
    (!key.starts_with(' ')).then_some(key)
}
