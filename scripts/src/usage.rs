//! What a process costs: processor time, bytes written to disk, memory.

use std::fs;

/// Clock ticks a second in /proc, fixed by Linux for all user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds, written bytes and memory of a process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// Bytes it caused to be written to the disk.
    pub(crate) written_bytes: u64,
    /// What of it is in memory now.
    pub(crate) resident_bytes: u64,
}

impl Usage {
    /// Of a running process. None where the system has no /proc.
    pub(crate) fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let io = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        Some(Self {
            cpu_seconds: parse_cpu(&stat)?,
            written_bytes: parse_written(&io).unwrap_or(0),
            resident_bytes: parse_resident(&status).unwrap_or(0),
        })
    }
}

/// Fields 14 and 15 of /proc/PID/stat; the second field is a name in parentheses that may itself
/// hold spaces and parentheses.
fn parse_cpu(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

fn parse_written(io: &str) -> Option<u64> {
    io.lines()
        .find_map(|line| line.strip_prefix("write_bytes: "))?
        .parse()
        .ok()
}

fn parse_resident(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_strange_name() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        assert_eq!(parse_cpu(stat), Some(2.0));
    }

    #[test]
    fn resident_memory_is_read() {
        let status = "Name:\tsequencer\nVmRSS:\t   2048 kB\nThreads:\t9\n";
        assert_eq!(parse_resident(status), Some(2 << 20));
    }

    #[test]
    fn written_bytes_are_read() {
        assert_eq!(
            parse_written("rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n"),
            Some(4096)
        );
    }
}
