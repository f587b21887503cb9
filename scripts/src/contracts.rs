//! `cargo xtask contracts`: the contracts and the tools that build, test and run them.
//!
//! The tools come from npm, as the lock file pins them; nothing is downloaded after that.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::workspace;

/// The oldest Node.js that the tools run with.
const NODE: u32 = 20;
const ADVICE: &str = "the contracts' tools need Node.js 20 or later with npm: install it (on Debian or Ubuntu `apt-get \
                      install nodejs npm`, elsewhere from nodejs.org), then try again";

/// Written when all contracts have been built at once. Forge's own record does not tell: whoever runs forge by hand
/// builds what has changed only.
const BUILT: &str = "cache/built-at-once";

/// Arguments of `contracts`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run their tests too
    #[arg(long)]
    test: bool,
}

/// A folder of contracts that forge builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contracts {
    /// Those of the network: stake, slashing, the light client. The tools are installed here.
    Network,
    /// Those of a rollup. They build on the light client's sources, and their tests on its artifacts.
    Rollup,
}

impl Contracts {
    /// In the order in which they are built.
    pub(crate) const ALL: [Self; 2] = [Self::Network, Self::Rollup];

    /// Where they are.
    pub(crate) fn folder(self) -> PathBuf {
        workspace::root().join(match self {
            Self::Network => "light-client-contract",
            Self::Rollup => "rollup-adapters/contracts",
        })
    }

    /// Where forge puts what it builds.
    pub(crate) fn artifacts(self) -> PathBuf {
        self.folder().join("out")
    }

    /// What is built from: files and folders, from the folder on.
    fn sources(self) -> &'static [&'static str] {
        match self {
            Self::Network => &["src", "test", "script", "foundry.toml", "package-lock.json"],
            Self::Rollup => &[
                "src",
                "test",
                "bin",
                "foundry.toml",
                "../../light-client-contract/src",
                "../../light-client-contract/test/support",
                "../../light-client-contract/package-lock.json",
            ],
        }
    }
}

/// Runs the task.
pub(crate) fn run(args: &Args) -> Result<()> {
    build()?;
    for contracts in Contracts::ALL {
        if args.test {
            workspace::run(&mut test_command(contracts)?)?;
        }
        println!("built into {}", contracts.artifacts().display());
    }
    Ok(())
}

/// Installs the tools if that is needed, and builds the contracts; quick when nothing changed. What
/// the compiler says is shown if it fails.
pub(crate) fn build() -> Result<()> {
    install()?;
    Contracts::ALL.into_iter().try_for_each(build_one)
}

fn build_one(contracts: Contracts) -> Result<()> {
    let mut command = forge(contracts)?;
    command.args(["build", "--color", "never"]);
    // Code differs by a few gas with what is compiled at the same time: figures are those of everything at once.
    if !is_built(contracts)? {
        command.arg("--force");
    }
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        bail!("{} failed: {}", workspace::spoken(&command), output.status);
    }
    fs::write(contracts.folder().join(BUILT), "").context("cannot mark the contracts as built")
}

/// Format, and that they build.
pub(crate) fn check() -> Result<()> {
    install()?;
    for contracts in Contracts::ALL {
        workspace::run(forge(contracts)?.args(["fmt", "--check"]))?;
    }
    build()
}

/// The command that runs the contracts' tests once the tools are installed. A gas figure that
/// differs from its snapshot in git fails.
pub(crate) fn test_command(contracts: Contracts) -> Result<Command> {
    let mut command = forge(contracts)?;
    command.arg("test").env("FORGE_SNAPSHOT_CHECK", "true");
    Ok(command)
}

fn forge(contracts: Contracts) -> Result<Command> {
    let mut command = Command::new(tool("forge")?);
    command.current_dir(contracts.folder());
    Ok(command)
}

/// The program of a tool.
pub(crate) fn tool(name: &str) -> Result<PathBuf> {
    anvil::tool(name).with_context(|| {
        format!(
            "npm has no {name} for this platform: see the list of platforms of @foundry-rs/{name}"
        )
    })
}

/// `npm ci`, unless what is installed is newer than the lock file.
pub(crate) fn install() -> Result<()> {
    let folder = Contracts::Network.folder();
    let lock = modified(&folder.join("package-lock.json"))
        .context("light-client-contract has no lock file")?;
    // npm writes this file last.
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    node()?;
    if installed.is_some_and(|installed| installed >= lock) {
        return Ok(());
    }
    eprintln!("installing the contracts' tools with npm");
    let mut command = Command::new("npm");
    command
        .args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .current_dir(folder);
    workspace::run(&mut command).context("npm could not install the contracts' tools")
}

/// Whether nothing has changed since all of it was built at once.
fn is_built(contracts: Contracts) -> Result<bool> {
    let folder = contracts.folder();
    let Some(built) = modified(&folder.join(BUILT)) else {
        return Ok(false);
    };
    let names = contracts.sources().iter();
    let mut left: Vec<PathBuf> = names.map(|name| folder.join(name)).collect();
    while let Some(path) = left.pop() {
        // A folder changes when a file in it comes or goes.
        if modified(&path).is_none_or(|changed| changed > built) {
            return Ok(false);
        }
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        }
    }
    Ok(true)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Fails with advice unless node and npm are there and new enough.
fn node() -> Result<()> {
    let version = version_of("node").context(ADVICE)?;
    ensure!(
        major(&version).is_some_and(|major| major >= NODE),
        "this machine has Node.js {version}; {ADVICE}"
    );
    version_of("npm").context(ADVICE)?;
    Ok(())
}

fn version_of(program: &str) -> Result<String> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("there is no program {program}"))?;
    ensure!(output.status.success(), "`{program} --version` failed");
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// 20 of `v20.11.1`.
fn major(version: &str) -> Option<u32> {
    version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[test]
    fn version_of_node_is_read() {
        assert_eq!(major("v20.11.1"), Some(20));
        assert_eq!(major("24.0.0"), Some(24));
        assert_eq!(major("nonsense"), None);
    }
}
