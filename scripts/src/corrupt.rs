//! `cargo xtask corrupt`: a flipped byte in each file of a real node's database.
//!
//! A network makes a chain, one node is stopped, and its directory is damaged one byte at a time.
//! Whatever `sequencer db verify` says of it must be true: sound with the newest safety record,
//! damaged and where, or refused. Some of the damaged directories are then repaired from peers and
//! their nodes run again; the whole chain must still agree.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::Ordering::Relaxed,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use hotshot_types::Height;
use serde::Serialize;
use tokio::time::sleep;

use crate::{
    chain,
    network::{Network, Plan, Program},
    report::{counted, grouped},
    traffic::{
        load::{Load, Pace},
        rollup,
    },
};

const VICTIM: usize = 3;
/// Payloads that the chain holds at least: the engine writes files of them only beyond 16 MiB.
const PAYLOAD_BYTES: u64 = 40 << 20;
const GROWTH_LIMIT: Duration = Duration::from_secs(600);
const REPAIR_LIMIT: Duration = Duration::from_secs(120);

/// Arguments of `corrupt`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How long the chain is
    #[arg(long, default_value_t = 1_500, value_parser = clap::value_parser!(u64).range(100..))]
    blocks: u64,
    /// How many bytes are flipped in each file, one at a time
    #[arg(long, default_value_t = 6)]
    places: usize,
    /// How many of the damaged directories are repaired and run, of each kind of damage
    #[arg(long, default_value_t = 2)]
    repairs: usize,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    program: Program,
}

/// What a flipped byte came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Finding {
    /// Everything is right and the record the newest: a byte that nothing reads.
    Harmless,
    /// `db verify` names what is wrong.
    Named,
    /// The database does not open.
    Refused,
    /// The safety record is lost, and that is said.
    RecordLost,
}

#[derive(Debug, Default, Serialize)]
struct Outcome {
    files: u64,
    flips: u64,
    findings: BTreeMap<Finding, u64>,
    repaired: u64,
}

/// Makes a chain and damages it.
pub(crate) async fn run(args: Args) -> Result<Option<Network>> {
    let program = args.program.path()?;
    // Of what is pruned any byte may change.
    let plan = Plan::equal(4)
        .with_genesis(&["--empty-block-delay-ms", "20"])
        .with_settings(&["--retention.archive"]);
    let mut network = Network::prepare(&program, &plan)?;
    network.start().await?;
    let outcome = corrupt(&mut network, &args).await;
    let outcome = network.explained(outcome)?;
    network.stop().await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&outcome)?);
        return Ok(None);
    }
    println!();
    println!(
        "{} in {}",
        counted(outcome.flips, "flipped byte"),
        counted(outcome.files, "file")
    );
    for (finding, count) in &outcome.findings {
        println!("  {:<14} {}", format!("{finding:?}"), grouped(*count));
    }
    println!("  repaired from peers and run again: {}", outcome.repaired);
    Ok(None)
}

async fn corrupt(network: &mut Network, args: &Args) -> Result<Outcome> {
    grow(network, Height(args.blocks)).await?;
    network.nodes[VICTIM].ask_to_stop()?;
    network.nodes[VICTIM].stopped().await?;
    let database = network.nodes[VICTIM].home().join("db");
    let undamaged = Copy::take(&database, &network.directory().join("undamaged"))?;
    let (finding, record) = look(network)?;
    ensure!(finding == Finding::Harmless, "the chain is damaged already");
    undamaged.restore()?;

    // Nobody needs the others meanwhile, and they would keep the machine busy.
    network.stop().await?;
    let mut outcome = Outcome::default();
    let mut led_to: BTreeMap<Finding, Vec<PathBuf>> = BTreeMap::new();
    for path in &undamaged.files {
        outcome.files += 1;
        let mut findings: BTreeMap<Finding, u64> = BTreeMap::new();
        for place in undamaged.places(path, args.places)? {
            flip(&database.join(path), place)?;
            let what = || format!("byte {place} of {}", path.display());
            let (finding, found) = look(network).with_context(what)?;
            ensure!(
                finding != Finding::Harmless || found == record,
                "{} brought record {found:?} back in place of {record:?}",
                what()
            );
            outcome.flips += 1;
            *findings.entry(finding).or_default() += 1;
            undamaged.restore()?;
        }
        println!("{:<32} {}", path.display(), listed(&findings));
        for (finding, count) in findings {
            *outcome.findings.entry(finding).or_default() += count;
            led_to.entry(finding).or_default().push(path.clone());
        }
    }
    println!("{} in all", listed(&outcome.findings));
    for node in &mut network.nodes[..VICTIM] {
        node.start()?;
    }
    network.ready().await?;
    // Each repaired node signs, and an older copy of it must never run again.
    for finding in [Finding::Named, Finding::Refused, Finding::RecordLost] {
        for number in 0..args.repairs {
            let kept = network.directory().join(format!("{finding:?}{number}"));
            let likely = led_to.get(&finding).map_or(&[][..], Vec::as_slice);
            if !provoke(network, &kept, finding, likely)? {
                println!("{finding:?}: no byte of the database as it is now leads to it");
                break;
            }
            repair(network, finding).await?;
            outcome.repaired += 1;
        }
    }
    chain::agreed(network).await?;
    Ok(outcome)
}

fn listed(findings: &BTreeMap<Finding, u64>) -> String {
    let texts: Vec<String> = findings
        .iter()
        .map(|(finding, count)| format!("{finding:?} {}", grouped(*count)))
        .collect();
    texts.join(", ")
}

/// Damages the directory as it is now so that it is found to be so; whether that was possible. Files with the names of
/// those that led to it before are tried.
fn provoke(network: &Network, kept: &Path, finding: Finding, likely: &[PathBuf]) -> Result<bool> {
    let database = network.nodes[VICTIM].home().join("db");
    let undamaged = Copy::take(&database, kept)?;
    let candidates = undamaged.files.iter().filter(|path| likely.contains(path));
    for path in candidates.rev() {
        for place in undamaged.places(path, 3)? {
            flip(&database.join(path), place)?;
            let found = look(network)?.0;
            undamaged.restore()?;
            if found == finding {
                println!("{finding:?}: byte {place} of {}; repairing", path.display());
                flip(&database.join(path), place)?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}

async fn grow(network: &mut Network, height: Height) -> Result<()> {
    let pace = Pace {
        interval: Duration::from_millis(100),
        in_flight: 64,
    };
    // Large enough for values in files of their own.
    let fast = Pace {
        interval: Duration::from_millis(10),
        in_flight: 64,
    };
    let rollups = vec![(rollup::users(10)?, pace), (rollup::batches(20)?, fast)];
    let load = Load::start(network, rollups)?;
    let deadline = Instant::now() + GROWTH_LIMIT;
    println!("growing a chain of {height} blocks");
    while chain::common_height(network).await? < height
        || load.counters.bytes.load(Relaxed) < PAYLOAD_BYTES
    {
        network.check()?;
        ensure!(Instant::now() < deadline, "the chain grows too slowly");
        sleep(Duration::from_millis(100)).await;
    }
    load.finish().await?;
    Ok(())
}

/// What `db verify` makes of the stopped node's directory, and the number of its record.
fn look(network: &Network) -> Result<(Finding, Option<u64>)> {
    let output = network.nodes[VICTIM].tool(&["db", "verify", "--json"])?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: Option<serde_json::Value> = serde_json::from_slice(&output.stdout).ok();
    let record = found.as_ref().and_then(|found| found["record"].as_u64());
    let finding = match (output.status.code(), &found) {
        (Some(0), Some(_)) => Finding::Harmless,
        (Some(6), Some(found)) => {
            let first = &found["faults"][0];
            ensure!(
                first["keyspace"].is_string(),
                "a fault without a place: {first}"
            );
            Finding::Named
        }
        (Some(8), None) => Finding::RecordLost,
        (Some(3 | 6), None) => Finding::Refused,
        _ => bail!("it ended with {}: {said}", output.status),
    };
    ensure!(
        !said.contains("panicked at") || finding != Finding::Harmless,
        "{said}"
    );
    Ok((finding, record))
}

/// Repairs the directory from the nodes that run, runs it, and leaves it stopped again.
async fn repair(network: &mut Network, finding: Finding) -> Result<()> {
    let mut line = vec!["db", "repair"];
    if finding != Finding::Named {
        line.push("--give-up-record");
    }
    let said = network.nodes[VICTIM].tool_output(&line)?;
    // Of those that run: the node itself answers only in a moment.
    let target = chain::common_height(network).await?;
    network.nodes[VICTIM].start()?;
    let deadline = Instant::now() + REPAIR_LIMIT;
    if said.contains("safety record kept") {
        network.nodes[VICTIM].reach(target, deadline).await?;
        chain::voted_above(&network.nodes[VICTIM], target, REPAIR_LIMIT).await?;
    } else {
        // Without a record it follows, and does not sign yet.
        let api = network.nodes[VICTIM].api()?;
        loop {
            network.nodes[VICTIM].check()?;
            match api.status().await {
                Ok(status) if status.final_height >= target => break,
                _ => ensure!(Instant::now() < deadline, "it does not catch up"),
            }
            sleep(Duration::from_millis(50)).await;
        }
    }
    network.nodes[VICTIM].ask_to_stop()?;
    network.nodes[VICTIM].stopped().await
}

fn flip(path: &Path, place: usize) -> Result<()> {
    let mut bytes = fs::read(path)?;
    let byte = bytes
        .get_mut(place)
        .context("the file has become shorter")?;
    *byte ^= 1 << (place % 8);
    Ok(fs::write(path, bytes)?)
}

/// A directory as it was.
struct Copy {
    original: PathBuf,
    kept: PathBuf,
    files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
}

impl Copy {
    fn take(original: &Path, kept: &Path) -> Result<Self> {
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        for (path, is_folder) in walk(original)? {
            let relative = path.strip_prefix(original)?.to_owned();
            if is_folder {
                fs::create_dir_all(kept.join(&relative))?;
                folders.push(relative);
            } else {
                fs::copy(&path, kept.join(&relative))?;
                files.push(relative);
            }
        }
        files.sort();
        Ok(Self {
            original: original.to_owned(),
            kept: kept.to_owned(),
            files,
            folders,
        })
    }

    /// Places in a file, from its first byte on; of a journal in what is written.
    fn places(&self, path: &Path, count: usize) -> Result<Vec<usize>> {
        let bytes = fs::read(self.kept.join(path))?;
        let end = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        let step = end.div_ceil(count.max(1)).max(1);
        Ok((0..end).step_by(step).collect())
    }

    /// Puts everything back.
    fn restore(&self) -> Result<()> {
        let parent = self
            .original
            .parent()
            .context("a directory without parent")?;
        for entry in fs::read_dir(parent)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("db.damaged-") {
                fs::remove_dir_all(&path)?;
            }
        }
        if self.original.exists() {
            fs::remove_dir_all(&self.original)?;
        }
        for folder in &self.folders {
            fs::create_dir_all(self.original.join(folder))?;
        }
        for path in &self.files {
            fs::copy(self.kept.join(path), self.original.join(path))?;
        }
        Ok(())
    }
}

fn walk(directory: &Path) -> Result<Vec<(PathBuf, bool)>> {
    let mut found = vec![(directory.to_owned(), true)];
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            let is_folder = path.is_dir();
            if is_folder {
                directories.push(path.clone());
            }
            found.push((path, is_folder));
        }
    }
    Ok(found)
}
