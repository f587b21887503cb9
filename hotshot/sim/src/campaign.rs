//! Running many seeds, on two threads, and what to say about them.

use std::{
    fmt, io,
    panic::{self, AssertUnwindSafe},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
};

use hotshot_types::{Hash, digest};

use crate::{invariants::Violation, plan::Plan, world::World};

/// How many seeds run at once.
const THREADS: u64 = 2;

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Seeds that have passed.
    pub done: u64,
    /// Seeds there are.
    pub total: u64,
}

/// What a run without a violation went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Worlds.
    pub seeds: u64,
    /// Steps of all worlds.
    pub events: u64,
    /// Final blocks.
    pub blocks: u64,
    /// Epochs that were closed.
    pub epochs: u64,
    /// Views that nodes left because of a timeout.
    pub timeouts: u64,
    /// Crashes of honest nodes.
    pub crashes: u64,
    /// Pieces of evidence against Byzantine nodes.
    pub evidence: u64,
    /// The slowest recovery after the network had healed, in view timeouts.
    pub slowest_recovery: u64,
    /// Over every step of every world, in the order of the seeds.
    pub digest: Hash,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} seeds without a violation: {} events, {} final blocks, {} epochs closed, \
             {} views lost, {} crashes, {} pieces of evidence, recovery within {} view timeouts\n\
             digest {}",
            self.seeds,
            self.events,
            self.blocks,
            self.epochs,
            self.timeouts,
            self.crashes,
            self.evidence,
            self.slowest_recovery,
            self.digest,
        )
    }
}

/// A seed in which something was violated.
#[derive(Debug, thiserror::Error)]
#[error(
    "seed {seed} violates an invariant after {events} events, at {at_ms} ms of virtual time:\n  \
     {violation}\nworld: {world}\nreproduce: cargo xtask sim --seeds 1 --from {seed}"
)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// What was violated.
    pub violation: Violation,
    /// What the world was like.
    pub world: String,
    /// How many steps it took.
    pub events: u64,
    /// When.
    pub at_ms: u64,
}

/// How the rules are to be broken, if at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The rule that honest nodes break.
    #[cfg(feature = "faults")]
    pub broken: Option<hotshot::Broken>,
}

/// Runs the seeds `from .. from + seeds`. `progress` is called once a seed that has passed.
///
/// # Errors
/// The violation with the lowest seed of those that were found before the run stopped.
pub fn run(from: u64, seeds: u64, progress: impl FnMut(Progress)) -> Result<Report, Box<Failure>> {
    run_with(Options::default(), from, seeds, progress)
}

/// As [`run`], with broken rules.
///
/// # Errors
/// As [`run`].
pub fn run_with(
    options: Options,
    from: u64,
    seeds: u64,
    mut progress: impl FnMut(Progress),
) -> Result<Report, Box<Failure>> {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let mut reports = Vec::new();
    let mut failure: Option<Box<Failure>> = None;
    thread::scope(|scope| {
        let (results, incoming) = mpsc::sync_channel(64);
        for _ in 0..THREADS {
            let results = results.clone();
            let (next, stop) = (&next, &stop);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= seeds {
                        return;
                    }
                    let result = run_seed(options, from + number);
                    if results.send((number, result)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        for (number, result) in incoming {
            match result {
                Ok(report) => {
                    reports.push((number, report));
                    let done = u64::try_from(reports.len()).expect("it counts seeds");
                    progress(Progress { done, total: seeds });
                }
                Err(found) => {
                    stop.store(true, Ordering::Relaxed);
                    if failure
                        .as_ref()
                        .is_none_or(|failure| found.seed < failure.seed)
                    {
                        failure = Some(found);
                    }
                }
            }
        }
    });
    match failure {
        Some(failure) => Err(failure),
        None => Ok(sum(reports)),
    }
}

fn sum(mut reports: Vec<(u64, Report)>) -> Report {
    reports.sort_by_key(|(number, _)| *number);
    let mut total = Report::default();
    for (_, report) in reports {
        total.seeds += report.seeds;
        total.events += report.events;
        total.blocks += report.blocks;
        total.epochs += report.epochs;
        total.timeouts += report.timeouts;
        total.crashes += report.crashes;
        total.evidence += report.evidence;
        total.slowest_recovery = total.slowest_recovery.max(report.slowest_recovery);
        total.digest = digest::keccak_concat(&[&total.digest.0, &report.digest.0]);
    }
    total
}

fn run_seed(options: Options, seed: u64) -> Result<Report, Box<Failure>> {
    let mut world = world(options, seed);
    run_world(&mut world)
}

#[cfg_attr(
    not(feature = "faults"),
    expect(unused_variables, reason = "there is nothing to break")
)]
fn world(options: Options, seed: u64) -> World {
    #[cfg_attr(not(feature = "faults"), expect(unused_mut, reason = "as above"))]
    let mut world = World::new(Plan::draw(seed));
    #[cfg(feature = "faults")]
    {
        world.broken = options.broken;
    }
    world
}

fn run_world(world: &mut World) -> Result<Report, Box<Failure>> {
    let result = panic::catch_unwind(AssertUnwindSafe(|| world.run()))
        .unwrap_or_else(|payload| Err(Violation::Panicked(message(payload.as_ref()))));
    match result {
        Ok(()) => Ok(Report {
            seeds: 1,
            events: world.tally.events,
            blocks: world.law.height(),
            epochs: world.law.height() / world.plan.epoch_length,
            timeouts: world.tally.timeouts,
            crashes: world.tally.crashes,
            evidence: world.tally.evidence,
            slowest_recovery: world.tally.recovery_ms.div_ceil(world.plan.timeout_ms),
            digest: world.trace.digest(),
        }),
        Err(violation) => Err(Box::new(Failure {
            seed: world.plan.seed,
            violation,
            world: world.plan.to_string(),
            events: world.tally.events,
            at_ms: world.now_ms(),
        })),
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}

/// Runs one seed and writes what happened, line by line: virtual milliseconds, node, what, round,
/// block, details.
///
/// # Errors
/// Errors of the writer.
pub fn trace(seed: u64, out: &mut impl io::Write) -> io::Result<Result<Report, Box<Failure>>> {
    trace_with(Options::default(), seed, out)
}

/// As [`trace`], with broken rules.
///
/// # Errors
/// As [`trace`].
pub fn trace_with(
    options: Options,
    seed: u64,
    out: &mut impl io::Write,
) -> io::Result<Result<Report, Box<Failure>>> {
    let mut world = world(options, seed);
    world.trace.text = Some(String::new());
    let result = run_world(&mut world);
    out.write_all(world.trace.text.unwrap_or_default().as_bytes())?;
    Ok(result)
}
