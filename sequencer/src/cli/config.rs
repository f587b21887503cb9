//! `sequencer config`: which settings a node would start with, and whether it would.

use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use program::logs;

use super::{exit::Failure, output};
use crate::config::{self, Effective, NodeConfig, Origin, TracedSettings};

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every setting that a node started like this would have
    ///
    /// The output is a complete settings file; paths in it are absolute.
    Show(Show),
    /// Check settings, genesis document and keys without starting anything
    ///
    /// Unknown keys are errors, unknown SEQUENCER_* variables are warnings. Machine, ports and
    /// peers are checked by `sequencer doctor`.
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Sources {
    /// Settings file [default: sequencer.toml in the data directory, if there is one]
    #[arg(long, env = "SEQUENCER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: TracedSettings,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// Say for each setting which flag, variable or file it comes from
    #[arg(long)]
    origin: bool,
    #[command(flatten)]
    sources: Sources,
}

#[derive(Debug, clap::Args)]
struct Check {
    #[command(flatten)]
    sources: Sources,
}

#[derive(Serialize)]
struct Checked {
    valid: bool,
    /// The node's place among the validators of the genesis document.
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<u16>,
    warnings: Vec<String>,
}

/// Runs one of the verbs.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    match args.verb {
        Verb::Show(args) => show(args),
        Verb::Check(args) => check(args.sources),
    }
}

fn show(args: Show) -> Result<(), Failure> {
    let (_, effective) = args.sources.settings.effective(args.sources.config)?;
    if args.sources.json {
        return output::json(&effective);
    }
    output::raw(text(&effective, args.origin).as_bytes())
}

/// The settings as a file.
fn text(effective: &[Effective], origin: bool) -> String {
    let mut text = String::new();
    let mut section = "";
    for setting in effective {
        let (of, key) = setting
            .key
            .split_once('.')
            .unwrap_or(("", setting.key.as_str()));
        if of != section {
            section = of;
            text.push_str(&format!("\n[{section}]\n"));
        }
        let line = match &setting.value {
            Some(value) => format!("{key} = {value}"),
            None => format!("# {key} {}", unset(key)),
        };
        text.push_str(&line);
        if origin {
            text.push_str(&format!("  # {}", name(&setting.origin)));
        }
        text.push('\n');
    }
    text
}

/// What holds where a setting has no value.
fn unset(key: &str) -> &'static str {
    match key {
        "password_file" => {
            "is not set: the password of encrypted keys is asked for at the terminal"
        }
        "announce" => "follows from listen",
        _ => "follows from the genesis document",
    }
}

fn name(origin: &Origin) -> String {
    match origin {
        Origin::Flag(name) | Origin::Environment(name) => name.clone(),
        Origin::File(path) => path.display().to_string(),
        Origin::Default => "default".into(),
    }
}

fn check(sources: Sources) -> Result<(), Failure> {
    let (settings, _) = sources.settings.effective(sources.config)?;
    // What is wrong with the settings comes before what is missing beside them.
    settings.check()?;
    logs::filter(settings.log.filter.as_deref())?;
    let config = NodeConfig::load(&settings)?;
    let checked = Checked {
        valid: true,
        validator: config.validator().map(|index| index.0),
        warnings: unknown_variables(),
    };
    if sources.json {
        return output::json(&checked);
    }
    for warning in &checked.warnings {
        eprintln!("warning: {warning}");
    }
    let role = match checked.validator {
        Some(index) => format!("validator {index}"),
        None => "not a validator of the genesis document, so it follows".into(),
    };
    output::line(format_args!("the settings are valid; this node is {role}"))
}

/// Variables that look like settings and are none.
pub(super) fn unknown_variables() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    config::unknown_variables(names)
        .into_iter()
        .map(|(name, nearest)| match nearest {
            Some(nearest) => {
                format!("the variable {name} means nothing; did you mean {nearest}?")
            }
            None => format!("the variable {name} means nothing"),
        })
        .collect()
}
