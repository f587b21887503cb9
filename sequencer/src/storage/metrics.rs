//! Counters of what is written.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use prometheus_client::{
    metrics::{
        counter::Counter,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// What the storage counts, live.
#[derive(Debug)]
pub struct StorageMetrics {
    fsync_seconds: Histogram,
    synced: Counter,
    buffered: Counter,
    written: Counter,
    disk: Gauge,
    fsync_nanos: AtomicU64,
}

impl StorageMetrics {
    pub(super) fn new() -> Self {
        Self {
            // 25 us to 0.8 s.
            fsync_seconds: Histogram::new(exponential_buckets(25e-6, 2.0, 16)),
            synced: Counter::default(),
            buffered: Counter::default(),
            written: Counter::default(),
            disk: Gauge::default(),
            fsync_nanos: AtomicU64::new(0),
        }
    }

    /// Registers all of them; the registry brings the prefix.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "storage_fsync_seconds",
            "Duration of a synced commit, the write included",
            self.fsync_seconds.clone(),
        );
        registry.register(
            "storage_synced_commits",
            "Commits with an fsync",
            self.synced.clone(),
        );
        registry.register(
            "storage_buffered_commits",
            "Commits without an fsync",
            self.buffered.clone(),
        );
        registry.register(
            "storage_written_bytes",
            "Bytes of keys and values committed",
            self.written.clone(),
        );
        registry.register(
            "storage_bytes",
            "Bytes on disk when last looked at",
            self.disk.clone(),
        );
    }

    /// Commits with an fsync.
    #[must_use]
    pub fn synced_commits(&self) -> u64 {
        self.synced.get()
    }

    /// Commits without one.
    #[must_use]
    pub fn buffered_commits(&self) -> u64 {
        self.buffered.get()
    }

    /// Bytes of keys and values committed.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written.get()
    }

    /// Time spent in synced commits.
    #[must_use]
    pub fn fsync_time(&self) -> Duration {
        Duration::from_nanos(self.fsync_nanos.load(Relaxed))
    }

    pub(super) fn committed(&self, bytes: usize, synced: Option<Duration>) {
        self.written
            .inc_by(u64::try_from(bytes).unwrap_or(u64::MAX));
        match synced {
            None => {
                self.buffered.inc();
            }
            Some(duration) => {
                self.synced.inc();
                self.fsync_seconds.observe(duration.as_secs_f64());
                let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
                self.fsync_nanos.fetch_add(nanos, Relaxed);
            }
        }
    }

    pub(super) fn disk(&self, bytes: u64) {
        self.disk.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
