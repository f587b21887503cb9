//! The data directory, its disk and how fast that makes a write durable.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, Instant},
};

use hotshot_types::GenesisDocument;

use super::{Report, Scene};
use crate::{
    cli::exit::Exit,
    config::{Retention, Settings},
    node, open_files,
};

/// Below this much room the database may not even open its journals.
const MIN_BYTES: u64 = 1 << 30;
/// Writes that are timed, and for how long at most.
const WRITES: usize = 32;
const TIMING_LIMIT: Duration = Duration::from_secs(2);
/// Syncs a node needs in one view.
const SYNCS_PER_VIEW: u32 = 3;
/// Directories that are searched for what the data takes up.
const MAX_ENTRIES: usize = 100_000;

pub(super) fn examine(scene: &Scene, report: &mut Report) {
    let directory = &scene.data_dir;
    let metadata = match fs::metadata(directory) {
        Ok(metadata) if metadata.is_dir() => metadata,
        Ok(_) => {
            let message = format!("{} is no directory", directory.display());
            return report.fail("data-directory", message, Exit::Config);
        }
        Err(error) => {
            let message = format!(
                "{}: {error}; make it with `sequencer init --data-dir {}`",
                directory.display(),
                directory.display()
            );
            return report.fail("data-directory", message, Exit::Config);
        }
    };
    let mode = metadata.permissions().mode() & 0o777;
    let state = if scene.is_running {
        "a node is running on it"
    } else {
        "no node is running on it"
    };
    let shown = directory.display();
    if mode & 0o022 != 0 {
        let message =
            format!("others may write to {shown} (mode {mode:03o}); run `chmod 700 {shown}`");
        report.warn("data-directory", message);
    } else {
        report.ok("data-directory", format!("{shown}; {state}"));
    }
    space(scene, report);
    syncs(scene, report);
    files(scene, report);
}

fn space(scene: &Scene, report: &mut Report) {
    let free = match rustix::fs::statvfs(&scene.data_dir) {
        Ok(found) => found.f_bavail.saturating_mul(found.f_frsize),
        Err(error) => {
            return report.warn("disk-space", format!("can't be read: {error}"));
        }
    };
    let taken = bytes_in(&node::database(&scene.data_dir));
    let most = scene
        .genesis
        .as_ref()
        .and_then(|genesis| most_bytes(genesis, &scene.settings, scene.validator));
    let about = match most {
        Some(most) => format!(
            "{} free; full blocks would fill {}, of which {} are taken",
            gib(free),
            gib(most),
            gib(taken)
        ),
        None => format!("{} free, {} taken", gib(free), gib(taken)),
    };
    let advice = "make room, or keep less with retention.payload_epochs and retention.slot_epochs";
    if free < MIN_BYTES {
        report.fail(
            "disk-space",
            format!("{about}: too little; {advice}"),
            Exit::Config,
        );
    } else if most.is_some_and(|most| most.saturating_sub(taken) > free - MIN_BYTES) {
        report.warn("disk-space", format!("{about}; {advice}"));
    } else {
        report.ok("disk-space", about);
    }
}

/// Payloads and own slots in their windows if every block is full; none for an archive, which has
/// no bound.
fn most_bytes(
    genesis: &GenesisDocument,
    settings: &Settings,
    validator: Option<usize>,
) -> Option<u64> {
    let retention = settings.retention.resolve(Retention::default()).ok()?;
    if retention.is_archive {
        return None;
    }
    let epoch = u128::from(genesis.parameters.epoch_length)
        * u128::from(genesis.parameters.max_payload_bytes);
    let total: u128 = genesis
        .validators
        .iter()
        .map(|validator| u128::from(validator.weight))
        .sum();
    let own = validator.map_or(0, |index| u128::from(genesis.validators[index].weight));
    let payloads = epoch * u128::from(retention.payload_epochs);
    // The code makes three bytes of one, and each validator keeps its weight's share of them.
    let slots = epoch * u128::from(retention.slot_epochs) * 3 * own / total.max(1);
    u64::try_from(payloads + slots).ok()
}

/// Bytes of the files in a directory and those below it; what can't be read counts as nothing.
fn bytes_in(directory: &Path) -> u64 {
    let mut bytes = 0;
    let mut left = vec![directory.to_owned()];
    let mut seen = 0;
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MAX_ENTRIES {
                return bytes;
            }
            match entry.metadata() {
                Ok(found) if found.is_dir() => left.push(entry.path()),
                Ok(found) => bytes += found.len(),
                Err(_) => {}
            }
        }
    }
    bytes
}

fn gib(bytes: u64) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

fn syncs(scene: &Scene, report: &mut Report) {
    let mut times = match time_syncs(&scene.data_dir) {
        Ok(times) => times,
        Err(error) => {
            let message = format!("can't write to {}: {error}", scene.data_dir.display());
            return report.fail("disk-latency", message, Exit::Key);
        }
    };
    times.sort_unstable();
    let median = times[times.len() / 2];
    let slowest = times[times.len() - 1];
    let view = scene
        .genesis
        .as_ref()
        .map_or(500, |genesis| genesis.parameters.view_timeout_ms);
    let view = Duration::from_millis(view);
    let about = format!(
        "a write of 4 KiB is durable after {} (median of {}), {} at worst",
        ms(median),
        times.len(),
        ms(slowest)
    );
    if median * SYNCS_PER_VIEW >= view {
        let message = format!("{about}: votes would come too late; use a local SSD");
        report.fail("disk-latency", message, Exit::Config);
    } else if median * SYNCS_PER_VIEW * 5 >= view || slowest * SYNCS_PER_VIEW >= view {
        let message = format!(
            "{about}; a view has {} and needs {SYNCS_PER_VIEW} of them: use a local SSD",
            ms(view)
        );
        report.warn("disk-latency", message);
    } else {
        report.ok("disk-latency", about);
    }
}

/// The limit of this process; a service manager or container may give the node another one.
fn files(scene: &Scene, report: &mut Report) {
    let Ok(api) = scene.settings.api.resolve() else {
        return; // Said with the settings.
    };
    let validators = scene.genesis.as_ref().map_or(0, |it| it.validators.len());
    let needed = open_files::needed(&api, validators);
    let shown = |limit: Option<u64>| limit.map_or_else(|| "any number".into(), |it| it.to_string());
    let most = open_files::allowed().most;
    let about = format!(
        "{} may be open here, a node needs {needed} at most",
        shown(most)
    );
    if most.is_some_and(|most| most < needed) {
        let message = format!(
            "{about}: raise the limit (ulimit -Hn, LimitNOFILE), or lower api.max_streams and api.connections"
        );
        report.warn("open-files", message);
    } else {
        report.ok("open-files", about);
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// At least one time.
fn time_syncs(directory: &Path) -> io::Result<Vec<Duration>> {
    let path = directory.join(format!(".doctor-{}", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    let times = time_writes(&mut file);
    fs::remove_file(&path)?;
    times
}

fn time_writes(file: &mut File) -> io::Result<Vec<Duration>> {
    let start = Instant::now();
    let mut times = Vec::with_capacity(WRITES);
    while times.len() < WRITES && (times.is_empty() || start.elapsed() < TIMING_LIMIT) {
        let write = Instant::now();
        file.write_all(&[0xa5; 4096])?;
        file.sync_data()?;
        times.push(write.elapsed());
    }
    Ok(times)
}
