//! `cargo xtask ci`: every check that a change has to pass, the cheap ones first.

use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{contracts, test, vectors, workspace};

mod ascii;
mod dependencies;
mod layers;
mod metadata;

/// Arguments of `ci`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Everything but the tests
    #[arg(long)]
    skip_tests: bool,
}

type Check = fn() -> Result<()>;

const CHECKS: [(&str, Check); 9] = [
    ("format", format),
    ("ASCII source", ascii::check),
    ("layers", layers::check),
    ("licenses, sources, bans", dependencies::check),
    ("cargo deny", cargo_deny),
    ("lints", lints),
    ("docs", docs),
    ("golden vectors", vectors::check),
    ("contracts", contracts::check),
];

/// Runs all checks, then all tests; says at the end what failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut failed = Vec::new();
    for (name, check) in CHECKS {
        let start = Instant::now();
        println!("== {name}");
        match check() {
            Ok(()) => println!("   ok ({:.1} s)", start.elapsed().as_secs_f64()),
            Err(error) => {
                println!("   failed: {error:#}");
                failed.push(name);
            }
        }
    }
    if !args.skip_tests {
        println!("== tests");
        if let Err(error) = test::run(&test::Args::default()) {
            eprintln!("{error:#}");
            failed.push("tests");
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

fn format() -> Result<()> {
    workspace::run(workspace::cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<()> {
    let arguments = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    workspace::run(workspace::cargo().args(arguments))
}

fn docs() -> Result<()> {
    let mut command = workspace::cargo();
    command
        .args(["doc", "--locked", "--no-deps", "--workspace"])
        .env("RUSTDOCFLAGS", "-D warnings");
    workspace::run(&mut command)
}

/// Runs cargo-deny where it is installed. The check before this one reads the same `deny.toml`
/// and covers what a machine without it needs.
fn cargo_deny() -> Result<()> {
    let version = workspace::cargo()
        .args(["deny", "--version"])
        .output()
        .context("cannot run cargo")?;
    if !version.status.success() {
        println!("   not installed; skipped (`cargo install cargo-deny --locked` brings it)");
        return Ok(());
    }
    let arguments = ["deny", "--locked", "check", "bans", "licenses", "sources"];
    workspace::run(workspace::cargo().args(arguments))
}
