//! What a process costs: processor time and bytes written to disk.

use std::fs;

/// Clock ticks a second in /proc, fixed by Linux for all user space.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds and written bytes of a process so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Usage {
    /// User and system time.
    pub(crate) cpu_seconds: f64,
    /// Bytes it caused to be written to the disk.
    pub(crate) written_bytes: u64,
}

impl Usage {
    /// Of a running process. None where the system has no /proc.
    pub(crate) fn of(process: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let io = fs::read_to_string(format!("/proc/{process}/io")).unwrap_or_default();
        Some(Self {
            cpu_seconds: parse_cpu(&stat)?,
            written_bytes: parse_written(&io).unwrap_or(0),
        })
    }

    /// What was used since an earlier moment.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu_seconds: self.cpu_seconds - earlier.cpu_seconds,
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_strange_name() {
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        assert_eq!(parse_cpu(stat), Some(2.0));
    }

    #[test]
    fn written_bytes_are_read() {
        assert_eq!(
            parse_written("rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n"),
            Some(4096)
        );
    }
}
