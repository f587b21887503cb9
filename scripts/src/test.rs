//! `cargo xtask test`: every test there is.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread::available_parallelism,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    contracts::{self, Contracts},
    workspace,
};

/// Arguments of `test`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Without the contracts' own tests; those of Rust that need an L1 still need Node.js and what it installs
    #[arg(long)]
    skip_contracts: bool,
}

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// And passed.
    pub(crate) passed: u64,
    /// And failed.
    pub(crate) failed: u64,
    /// Or were left out.
    pub(crate) ignored: u64,
}

/// The runs that together hold every test of Rust: all crates with their doc tests, then the tests
/// that need a fault switch the product is built without.
const RUNS: [&[&str]; 2] = [
    &["test", "--locked", "--workspace", "--no-fail-fast"],
    &[
        "test",
        "--locked",
        "--package",
        "hotshot-sim",
        "--features",
        "faults",
        "--no-fail-fast",
    ],
];

/// Says to tests of Rust how many of them run at a time.
const THREADS: &str = "RUST_TEST_THREADS";

/// Runs all tests and prints how many passed and failed, alone on the last line.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut sum = Tally::default();
    let mut broken = Vec::new();
    let mut commands = Vec::new();
    if !args.skip_contracts {
        // First, for tests of the node take the built contracts from here.
        contracts::build()?;
        for contracts in Contracts::ALL {
            commands.push(contracts::test_command(contracts)?);
        }
    }
    for arguments in RUNS {
        let mut command = workspace::cargo();
        command.args(arguments);
        if std::env::var_os(THREADS).is_none() {
            command.env(THREADS, threads()?.to_string());
        }
        commands.push(command);
    }
    for mut command in commands {
        println!("$ {}", workspace::spoken(&command));
        let (tally, is_ok) = run_one(&mut command)?;
        sum = sum.plus(tally);
        if !is_ok {
            broken.push(workspace::spoken(&command));
        }
    }
    if sum.ignored > 0 {
        println!("{} ignored", sum.ignored);
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    ensure!(broken.is_empty(), "failed: {}", broken.join("; "));
    if sum.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// One for each core, but at least four: the long tests wait for processes most of the time.
fn threads() -> Result<usize> {
    let cores = available_parallelism().context("cannot count the cores")?;
    Ok(cores.get().max(4))
}

/// Runs one test command, shows what it prints, and adds up its result lines.
fn run_one(command: &mut Command) -> Result<(Tally, bool)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run the tests")?;
    let stdout = child.stdout.take().context("the tests have no output")?;
    let mut tally = Tally::default();
    for line in BufReader::new(stdout).lines() {
        let line = line.context("cannot read the tests' output")?;
        if let Some(result) = parse(&line) {
            tally = tally.plus(result);
        }
        println!("{line}");
    }
    Ok((tally, child.wait()?.success()))
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; ...`, or forge's `Suite result: ..`.
fn parse(line: &str) -> Option<Tally> {
    let line = line.trim_start();
    let counts = line
        .strip_prefix("test result: ")
        .or_else(|| line.strip_prefix("Suite result: "))?
        .split_once(". ")?
        .1;
    let mut tally = Tally::default();
    for part in counts.split("; ") {
        let (number, name) = part.split_once(' ')?;
        let count = match name {
            "passed" => &mut tally.passed,
            "failed" => &mut tally.failed,
            "ignored" | "skipped" => &mut tally.ignored,
            _ => continue,
        };
        *count = number.parse().ok()?;
    }
    Some(tally)
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, parse};

    #[test]
    fn result_lines_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.41s";
        assert_eq!(
            parse(line),
            Some(Tally {
                passed: 12,
                failed: 3,
                ignored: 1
            })
        );
    }

    #[test]
    fn result_lines_of_forge_are_read() {
        let line =
            "Suite result: ok. 7 passed; 0 failed; 2 skipped; finished in 1.05s (3.35s CPU time)";
        assert_eq!(
            parse(line),
            Some(Tally {
                passed: 7,
                failed: 0,
                ignored: 2
            })
        );
    }

    #[test]
    fn other_lines_are_not() {
        assert_eq!(parse("test codec::round_trip ... ok"), None);
        assert_eq!(parse("running 12 tests"), None);
    }
}
