//! Figures as people read them.

use std::time::Duration;

use serde::Serialize;

/// Two percentiles of a set of durations, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    /// Half are at most this.
    pub(crate) p50: f64,
    /// 99 in 100 are at most this.
    pub(crate) p99: f64,
}

impl Percentiles {
    /// Of durations in any order; zero where there are none.
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self {
            p50: nearest_rank(&durations, 50),
            p99: nearest_rank(&durations, 99),
        }
    }
}

/// The smallest element that at least `percent` in 100 do not exceed, in milliseconds.
fn nearest_rank(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    let found = sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default();
    millis(found)
}

/// Milliseconds with one decimal.
pub(crate) fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// A number with separators: 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the unit that suits them.
pub(crate) fn bytes(count: u64) -> String {
    let count = whole(count);
    for (unit, size) in [
        ("GiB", 1_073_741_824.0),
        ("MiB", 1_048_576.0),
        ("KiB", 1024.0),
    ] {
        if count >= size {
            return format!("{:.1} {unit}", count / size);
        }
    }
    format!("{count:.0} bytes")
}

/// A count as a number to divide by.
pub(crate) fn whole(count: u64) -> f64 {
    // Exact below 2^53, far above any count here.
    let high = u32::try_from(count >> 32).unwrap_or(u32::MAX);
    let low = u32::try_from(count & u64::from(u32::MAX)).unwrap_or(u32::MAX);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// `1 thing`, `2 things`.
pub(crate) fn counted(number: u64, thing: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {thing}{ending}", grouped(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_elements_of_the_set() {
        let durations = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(
            Percentiles::of(durations),
            Percentiles {
                p50: 100.0,
                p99: 198.0
            }
        );
        let one = vec![Duration::from_micros(1_250)];
        assert_eq!(Percentiles::of(one), Percentiles { p50: 1.3, p99: 1.3 });
        assert_eq!(Percentiles::of(Vec::new()), Percentiles::default());
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn bytes_have_a_unit() {
        assert_eq!(bytes(1_023), "1023 bytes");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(5 << 30), "5.0 GiB");
    }

    #[test]
    fn counts_are_exact() {
        assert_eq!(whole((1 << 40) + 3), 1_099_511_627_779.0);
    }
}
