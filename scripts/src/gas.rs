//! `cargo xtask gas`: what each call costs on the L1, beside what the specification allows.
//!
//! The figures are those of the contracts' gas tests over fixed vectors; they are measured anew and
//! must be those of the snapshots in git.

use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::{
    contracts::{self, Contracts},
    report::grouped,
    workspace,
};

/// Arguments of `gas`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The snapshots of gas, by the test contract's subject.
const SNAPSHOTS: [(Contracts, &str); 3] = [
    (Contracts::Network, "LightClient"),
    (Contracts::Network, "StakeTable"),
    (Contracts::Rollup, "Rollup"),
];

/// A call with the most gas that its specification allows it, if it names a limit. The proofs
/// (`verify_*`) are execution alone, all else are whole transactions.
const CALLS: [(&str, Option<u64>); 25] = [
    ("update_n4_absent0", Some(195_000)),
    ("update_n4_absent1", None),
    ("update_n100_absent0", Some(195_000)),
    ("update_n100_absent5", Some(225_000)),
    ("update_n100_absent33", Some(320_000)),
    ("update_n1000_absent20", Some(330_000)),
    ("update_n1000_absent50", Some(485_000)),
    ("register", Some(252_000)),
    ("delegate", None),
    ("slash", Some(245_000)),
    ("verify_header", Some(7_000)),
    ("verify_namespace", Some(3_000)),
    ("verify_transaction", None),
    ("deposit_ether", Some(55_000)),
    ("deposit_ether_second", None),
    ("deposit_ether_busy", None),
    ("deposit_ether_surplus", None),
    ("deposit_token", None),
    ("force_transfer", None),
    ("advance_head", Some(75_000)),
    ("advance_100", Some(75_000)),
    ("force_segment", None),
    ("cover", None),
    ("claim_ether", Some(60_000)),
    ("claim_token", None),
];

/// Measures and prints the table.
pub(crate) fn run(args: &Args) -> Result<()> {
    contracts::build()?;
    for contracts in Contracts::ALL {
        let mut command = contracts::test_command(contracts)?;
        command.args(["--match-path", "test/Gas.t.sol"]);
        let measured = workspace::output(&mut command)
            .context("the gas differs from the snapshots, or could not be measured")?;
        ensure!(
            measured.contains("[PASS]"),
            "no gas test ran: {}",
            measured.trim()
        );
    }
    let figures = figures()?;
    println!("{}", table(&figures)?);
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&figures)?;
        fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// All figures of the snapshots.
fn figures() -> Result<BTreeMap<String, u64>> {
    let mut figures = BTreeMap::new();
    for (contracts, name) in SNAPSHOTS {
        let path = contracts.folder().join(format!("snapshots/{name}.json"));
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        figures.extend(parse(&text).with_context(|| format!("{} is no snapshot", path.display()))?);
    }
    Ok(figures)
}

/// forge writes numbers as text.
fn parse(text: &str) -> Result<BTreeMap<String, u64>> {
    let texts: BTreeMap<String, String> = serde_json::from_str(text)?;
    let figures = texts.into_iter();
    figures
        .map(|(call, gas)| Ok((call, gas.parse()?)))
        .collect()
}

fn table(figures: &BTreeMap<String, u64>) -> Result<String> {
    let mut lines = vec![format!("{:24}{:>10}{:>10}", "call", "gas", "target")];
    for (call, target) in CALLS {
        let gas = *figures
            .get(call)
            .with_context(|| format!("there is no figure of {call}"))?;
        let target_text = target.map_or_else(|| "-".to_owned(), grouped);
        let above = match target {
            Some(target) if gas > target => format!("  {} above", grouped(gas - target)),
            _ => String::new(),
        };
        lines.push(format!(
            "{call:24}{:>10}{target_text:>10}{above}",
            grouped(gas)
        ));
    }
    Ok(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_read_and_every_call_must_be_there() -> Result<()> {
        let mut figures = parse(r#"{"register": "252001", "slash": "1"}"#)?;
        assert_eq!(figures.get("register"), Some(&252_001));
        assert!(parse(r#"{"register": "many"}"#).is_err());
        assert!(table(&figures).is_err(), "calls are missing");
        for (call, target) in CALLS {
            figures
                .entry(call.to_owned())
                .or_insert(target.unwrap_or(7));
        }
        let table = table(&figures)?;
        let above: Vec<&str> = table
            .lines()
            .filter(|line| line.ends_with("above"))
            .collect();
        assert_eq!(
            above,
            ["register                   252,001   252,000  1 above"]
        );
        Ok(())
    }
}
