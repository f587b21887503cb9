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
use crate::{
    config::{self, Settings},
    genesis_file,
    keys::{self, Protection},
    network_file::NetworkFile,
};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Every setting given here is written into the file; all others stand in \
it as comments with their defaults. Next: `sequencer keys new --data-dir DIR`, or with --network \
`sequencer run --data-dir DIR`."
)]
pub(crate) struct Args {
    #[command(flatten)]
    settings: Settings,
    /// Join the network of this file: `run` is all that is left to do
    ///
    /// Checks and writes the genesis document, takes over the bootnodes, and makes a network key if
    /// there is none. The node follows without stake unless the directory has a validator's keys.
    #[arg(long, value_name = "FILE")]
    network: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Written {
    data_dir: PathBuf,
    settings: PathBuf,
    genesis: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_id: Option<String>,
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
        &mut settings.password_file,
    ] {
        if let Some(given) = path.take() {
            *path = Some(seen_from(&data_dir, &given).map_err(|error| denied(&given, &error))?);
        }
    }
    let path = config::settings_path(&data_dir);
    let network = args.network.as_deref().map(NetworkFile::load).transpose()?;
    if let Some(network) = &network {
        let bootnodes = || Some(network.bootnodes.clone());
        settings.p2p.bootnodes = settings.p2p.bootnodes.or_else(bootnodes);
    }
    create_directory(&data_dir).map_err(|error| denied(&data_dir, &error))?;
    let text = config::template(&settings);
    settings.data_dir = Some(data_dir.clone());
    let genesis = settings.genesis_path()?;
    if let Some(network) = &network {
        refuse_other_genesis(&genesis, network)?;
    }
    write_new(&path, &text)?;
    let joined = network.as_ref().map(|network| join(&settings, network));
    let peer_id = joined.transpose()?;
    let written = Written {
        genesis,
        data_dir,
        settings: path,
        peer_id,
    };
    if args.json {
        return output::json(&written);
    }
    let Written {
        data_dir,
        settings,
        genesis,
        peer_id,
    } = written;
    output::line(format_args!("wrote {}", settings.display()))?;
    if let Some(peer_id) = peer_id {
        output::line(format_args!("genesis {}", genesis.display()))?;
        output::line(format_args!("peer id {peer_id}"))?;
        return output::line(format_args!(
            "next: sequencer run --data-dir {}",
            data_dir.display()
        ));
    }
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

/// A path as the settings file has it: from there if it is below, so that the directory may move, else absolute.
fn seen_from(data_dir: &Path, path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let below = path.strip_prefix(std::path::absolute(data_dir)?);
    Ok(below.map(Path::to_owned).unwrap_or(path))
}

/// A directory that belongs to another network stays as it is.
fn refuse_other_genesis(path: &Path, network: &NetworkFile) -> Result<(), Failure> {
    if !path.exists() {
        return Ok(());
    }
    let actual = genesis_file::load(path)?.hash();
    if actual == network.genesis_hash {
        return Ok(());
    }
    let message = format!(
        "{} is the genesis document of another network ({actual}, not {}); choose another directory, or another place with --genesis (SEQUENCER_GENESIS)",
        path.display(),
        network.genesis_hash
    );
    Err(Failure::new(Exit::Refused, message))
}

/// Writes what a node needs besides its settings, unless it is there, and returns its peer id.
fn join(settings: &Settings, network: &NetworkFile) -> Result<String, Failure> {
    let genesis = settings.genesis_path()?;
    if !genesis.exists() {
        write_new(&genesis, &genesis_file::document_text(&network.genesis))?;
    }
    let path = settings.network_key_path()?;
    if !path.exists() {
        // Without stake it guards nothing; `keys new` makes those of a validator.
        keys::create_network(&path, &Protection::Development)?;
    }
    keys::public(&path)?
        .peer_id()
        .ok_or_else(|| keys::KeyFileError::Malformed(path).into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_below_the_data_directory_moves_with_it_and_others_are_absolute() -> std::io::Result<()>
    {
        let home = Path::new("net/node");
        assert_eq!(
            seen_from(home, Path::new("net/node/genesis.toml"))?,
            Path::new("genesis.toml")
        );
        let beside = seen_from(home, Path::new("net/genesis.toml"))?;
        assert!(beside.is_absolute() && beside.ends_with("net/genesis.toml"));
        Ok(())
    }
}
