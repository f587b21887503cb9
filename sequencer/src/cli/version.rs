//! `sequencer version`.

use sequencer_client::types::Version;

use super::{exit::Failure, output};

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Prints what `/version` of a node says too.
pub(crate) async fn run(args: Args) -> Result<(), Failure> {
    let version = Version {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: "v1".to_owned(),
    };
    if args.json {
        return output::json(&version);
    }
    output::line(format_args!(
        "{} {} (API {})",
        version.name, version.version, version.api
    ))
}
