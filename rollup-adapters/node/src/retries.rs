//! Log lines about what fails and is tried again: the same one at most once a minute.

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use tokio::time::Instant;

/// Between two lines of the same words.
const QUIET: Duration = Duration::from_secs(60);
/// Lines of different words in that time.
const LINES: usize = 16;

/// What fails now, and what was said of it. One for each task that tries again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retries {
    /// Since when, by what is tried.
    since: BTreeMap<&'static str, Instant>,
    said: Vec<(String, Instant)>,
}

impl Retries {
    /// Trying something failed, and will be tried again.
    pub(crate) fn failed(&mut self, what: &'static str, reason: impl Display) {
        if let Some(failing) = self.due(what, &reason.to_string(), Instant::now()) {
            let for_s = failing.as_secs();
            tracing::warn!(what, %reason, for_s, "failed, and is tried again");
        }
    }

    /// It succeeded.
    pub(crate) fn succeeded(&mut self, what: &'static str) {
        self.since.remove(what);
    }

    /// For how long it has failed, if there is to be a line.
    fn due(&mut self, what: &'static str, reason: &str, now: Instant) -> Option<Duration> {
        let since = *self.since.entry(what).or_insert(now);
        let words = format!("{what}: {reason}");
        self.said.retain(|(_, at)| now.duration_since(*at) < QUIET);
        if self.said.len() >= LINES || self.said.iter().any(|(said, _)| *said == words) {
            return None;
        }
        self.said.push((words, now));
        Some(now.duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_line_comes_once_a_minute_with_how_long_it_has_been() {
        let mut retries = Retries::default();
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut due = |what, reason, at| {
            retries
                .due(what, reason, after(at))
                .map(|failing| failing.as_secs())
        };
        assert_eq!(due("reading", "no answer", 0), Some(0));
        assert_eq!(due("reading", "no answer", 2), None);
        assert_eq!(due("reading", "refused", 4), Some(4), "something else");
        assert_eq!(due("writing", "no answer", 4), Some(0), "something else");
        assert_eq!(due("reading", "no answer", 59), None);
        assert_eq!(due("reading", "no answer", 60), Some(60));
        assert_eq!(due("reading", "no answer", 119), None);
    }

    #[test]
    fn what_works_in_between_fails_anew_and_is_not_louder() {
        let mut retries = Retries::default();
        let start = Instant::now();
        let minute = start + QUIET;
        assert!(retries.due("reading", "no answer", start).is_some());
        retries.succeeded("reading");
        let soon = start + Duration::from_secs(1);
        assert_eq!(retries.due("reading", "no answer", soon), None);
        let since = retries.due("reading", "no answer", minute);
        assert_eq!(since, Some(Duration::from_secs(59)));
    }

    #[test]
    fn reasons_that_always_differ_are_bounded() {
        let mut retries = Retries::default();
        let now = Instant::now();
        let reasons = (0..100).map(|number| number.to_string());
        let lines = reasons.filter_map(|reason| retries.due("reading", &reason, now));
        assert_eq!(lines.count(), LINES);
    }
}
