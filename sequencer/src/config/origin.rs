//! Where each effective setting comes from.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Args, Command, Error, FromArgMatches, parser::ValueSource};
use serde::Serialize;
use toml::{Table, Value};

use super::{ConfigError, Retention, Settings, file, settings_path, template};

/// What spoke for a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "origin", content = "from", rename_all = "lowercase")]
pub(crate) enum Origin {
    /// A flag of the command line.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// The settings file.
    File(PathBuf),
    /// Nothing did.
    Default,
}

/// A setting as a node started now would have it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Effective {
    /// Its key, the section before a dot.
    pub(crate) key: String,
    /// None where the default depends on what is not a setting.
    pub(crate) value: Option<Value>,
    /// What spoke for it.
    #[serde(flatten)]
    pub(crate) origin: Origin,
}

/// Settings of flags and environment that remember which of both each came from.
#[derive(Clone, Debug, Default)]
pub(crate) struct TracedSettings {
    settings: Settings,
    origins: BTreeMap<String, Origin>,
}

impl TracedSettings {
    /// All settings in the order of the file, with what the file says, and the settings themselves.
    ///
    /// # Errors
    /// No data directory; a file that cannot be read, is malformed or has unknown keys.
    pub(crate) fn effective(
        self,
        explicit: Option<PathBuf>,
    ) -> Result<(Settings, Vec<Effective>), ConfigError> {
        let Self { settings, origins } = self;
        let source = explicit
            .clone()
            .or_else(|| settings.data_dir.as_deref().map(settings_path));
        let settings = settings.with_file(explicit)?;
        let set = Table::try_from(&settings).expect("settings are strings, numbers and lists");
        let defaults = defaults(&settings)?;
        let effective = file::known_keys().into_iter().map(|key| {
            let (value, origin) = match (lookup(&set, &key), origins.get(&key), &source) {
                (Some(value), Some(origin), _) => (Some(value), origin.clone()),
                (Some(value), None, Some(path)) => (Some(value), Origin::File(path.clone())),
                _ => (lookup(&defaults, &key), Origin::Default),
            };
            Effective {
                value: value.map(|value| absolute(&key, value)),
                key,
                origin,
            }
        });
        let effective = effective.collect();
        Ok((settings, effective))
    }
}

/// What holds where nothing speaks; some defaults follow from other settings.
fn defaults(settings: &Settings) -> Result<Table, ConfigError> {
    let mut defaults = template::defaults();
    let path = |path: PathBuf| Value::String(path.to_string_lossy().into_owned());
    for (key, value) in [
        ("genesis", settings.genesis_path()?),
        ("consensus_key", settings.consensus_key_path()?),
        ("network_key", settings.network_key_path()?),
    ] {
        defaults.insert(key.into(), path(value));
    }
    if let Some(p2p) = defaults.get_mut("p2p").and_then(Value::as_table_mut) {
        // Follow from genesis document and keys, and from where the node listens.
        p2p.remove("listen");
        p2p.remove("announce");
    }
    // The template's is an example: without one the password is asked for.
    defaults.remove("password_file");
    if let Some(l1) = defaults.get_mut("l1").and_then(Value::as_table_mut) {
        // Follows from the genesis document.
        l1.remove("from_block");
        // The template's are examples: without an account nothing is reported.
        l1.remove("account");
        l1.remove("account_password_file");
    }
    let retention = settings.retention.resolve(Retention::default())?;
    if let Some(section) = defaults.get_mut("retention").and_then(Value::as_table_mut) {
        let epochs = i64::try_from(retention.slot_epochs).unwrap_or(i64::MAX);
        section.insert("slot_epochs".into(), Value::Integer(epochs));
    }
    Ok(defaults)
}

fn lookup(table: &Table, key: &str) -> Option<Value> {
    match key.split_once('.') {
        Some((section, key)) => table.get(section)?.get(key).cloned(),
        None => table.get(key).cloned(),
    }
}

/// Paths as they are seen from everywhere.
fn absolute(key: &str, value: Value) -> Value {
    match value {
        // Of the strings only paths stand outside the sections, and those of the account.
        Value::String(path) if !key.contains('.') || key.starts_with("l1.account") => {
            let absolute = std::path::absolute(Path::new(&path));
            Value::String(absolute.map_or(path, |path| path.to_string_lossy().into_owned()))
        }
        other => other,
    }
}

impl FromArgMatches for TracedSettings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        let command = Settings::augment_args(Command::new("settings"));
        let mut origins = BTreeMap::new();
        for argument in command.get_arguments() {
            let key = argument.get_id().as_str();
            let origin = match matches.value_source(key) {
                Some(ValueSource::CommandLine) => argument
                    .get_long()
                    .map(|name| Origin::Flag(format!("--{name}"))),
                Some(ValueSource::EnvVariable) => argument
                    .get_env()
                    .map(|name| Origin::Environment(name.to_string_lossy().into_owned())),
                _ => None,
            };
            if let Some(origin) = origin {
                origins.insert(key.to_owned(), origin);
            }
        }
        Ok(Self {
            settings: Settings::from_arg_matches_mut(matches)?,
            origins,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for TracedSettings {
    fn augment_args(command: Command) -> Command {
        Settings::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Settings::augment_args_for_update(command)
    }
}
