//! The checkout: where it is, and cargo in it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR"));
    scripts.parent().unwrap_or(scripts)
}

/// Cargo, run in the root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What cargo tells this program of itself: build scripts that look at it would run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command whose output the user sees.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{} failed: {status}", spoken(command));
    Ok(())
}

/// Runs a command and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{} failed: {}",
        spoken(command),
        output.status
    );
    String::from_utf8(output.stdout).context("the output is not text")
}

/// A command as one would type it.
pub(crate) fn spoken(command: &Command) -> String {
    let program = Path::new(command.get_program())
        .file_stem()
        .unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    executable: Option<PathBuf>,
}

/// Builds the programs and returns where `sequencer` is; the others are beside it. Progress goes to stderr.
pub(crate) fn build_sequencer(release: bool) -> Result<PathBuf> {
    let mut command = cargo();
    command.args([
        "build",
        "--locked",
        // The whole workspace, so that the dependencies have the features they have in the tests.
        "--workspace",
        "--bins",
        // The demo runs it beside the EVM rollup.
        "--example",
        "counter",
    ]);
    command.arg("--message-format=json-render-diagnostics");
    eprintln!("building the programs; the first time takes minutes");
    if release {
        command.arg("--release");
    }
    let text = output(&mut command)?;
    let built = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact")
        .filter_map(|message| message.executable)
        .find(|path| path.file_stem().is_some_and(|name| name == "sequencer"));
    match built {
        Some(path) => Ok(path),
        None => bail!("cargo did not say where it put the program sequencer"),
    }
}
