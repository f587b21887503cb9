//! `sequencer init`: a data directory with a commented settings file.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    exit::{Exit, Failure},
    output,
};
use crate::config::{self, Settings};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every setting given here is written into the file; all others stand in \
it as comments with their defaults. Next: `sequencer keys new --data-dir DIR`."
)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    data_dir: PathBuf,
    settings: PathBuf,
    genesis: PathBuf,
}

/// Writes `sequencer.toml`; an existing one stays as it is.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let mut settings = args.settings;
    let data_dir = settings
        .data_dir
        .take()
        .ok_or(config::ConfigError::NoDataDir)?;
    // The file's paths start at its own directory, those of the command line at the current one.
    for path in [
        &mut settings.genesis,
        &mut settings.consensus_key,
        &mut settings.network_key,
    ] {
        if let Some(given) = path.take() {
            *path = Some(std::path::absolute(&given).map_err(|error| denied(&given, &error))?);
        }
    }
    let path = config::settings_path(&data_dir);
    create_directory(&data_dir).map_err(|error| denied(&data_dir, &error))?;
    write_new(&path, &config::template(&settings))?;
    settings.data_dir = Some(data_dir.clone());
    let written = Written {
        genesis: settings.genesis_path()?,
        data_dir,
        settings: path,
    };
    if args.json {
        return output::json(&written);
    }
    let Written {
        data_dir,
        settings,
        genesis,
    } = written;
    output::line(format_args!("wrote {}", settings.display()))?;
    output::line(format_args!(
        "next: sequencer keys new --data-dir {}",
        data_dir.display()
    ))?;
    if !genesis.exists() {
        output::line(format_args!(
            "the genesis document belongs at {}; it is not there yet",
            genesis.display()
        ))?;
    }
    Ok(())
}

/// Writes a file that must not exist.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let opened = OpenOptions::new().write(true).create_new(true).open(path);
    match opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let message = format!("{} exists and is not overwritten", path.display());
            Err(Failure::new(Exit::Refused, message))
        }
        Err(error) => Err(denied(path, &error)),
    }
}

fn denied(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Key,
        format!("cannot write {}: {error}", path.display()),
    )
}

/// Creates a directory that nobody else may look into; an existing one stays as it is.
fn create_directory(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    builder.mode(0o700);
    builder.create(path)
}
