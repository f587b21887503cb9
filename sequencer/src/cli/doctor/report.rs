//! Findings, and what they come to.

use std::fmt::{self, Display};

use serde::Serialize;

use crate::cli::{
    exit::{Exit, Failure},
    output,
};

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// The node runs, but an operator should know.
    Warn,
    /// The node would not run, or not do its job.
    Fail,
}

/// One line of the report.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Finding {
    status: Level,
    check: &'static str,
    message: String,
    #[serde(skip)]
    exit: Option<Exit>,
}

/// All findings so far.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    healthy: bool,
    findings: Vec<Finding>,
    #[serde(skip)]
    is_json: bool,
    #[serde(skip)]
    shown: usize,
}

impl Report {
    pub(super) fn new(is_json: bool) -> Self {
        Self {
            healthy: true,
            findings: Vec::new(),
            is_json,
            shown: 0,
        }
    }

    pub(super) fn ok(&mut self, check: &'static str, message: impl Display) {
        self.push(Level::Ok, check, &message, None);
    }

    pub(super) fn warn(&mut self, check: &'static str, message: impl Display) {
        self.push(Level::Warn, check, &message, None);
    }

    pub(super) fn fail(&mut self, check: &'static str, message: impl Display, exit: Exit) {
        self.push(Level::Fail, check, &message, Some(exit));
    }

    fn push(
        &mut self,
        status: Level,
        check: &'static str,
        message: &dyn Display,
        exit: Option<Exit>,
    ) {
        self.healthy &= status != Level::Fail;
        // One line each, whatever an error's text looks like.
        let message = message.to_string();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        self.findings.push(Finding {
            status,
            check,
            message,
            exit,
        });
    }

    /// Whether nothing but JSON is to be printed.
    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    #[cfg(test)]
    pub(super) fn only_level(&self) -> Level {
        assert_eq!(self.findings.len(), 1);
        self.findings[0].status
    }

    /// Prints what is new, unless all of it is to be JSON at the end.
    pub(super) fn show(&mut self) -> Result<(), Failure> {
        if !self.is_json {
            for finding in &self.findings[self.shown..] {
                output::line(finding)?;
            }
        }
        self.shown = self.findings.len();
        Ok(())
    }

    /// Fails with the code of the first finding that does.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let mut failed = self.findings.iter().filter_map(|finding| finding.exit);
        match failed.next() {
            None => Ok(()),
            Some(exit) => {
                let count = 1 + failed.count();
                let message = format!("{count} of {} checks failed", self.findings.len());
                Err(Failure::new(exit, message))
            }
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        write!(f, "{status:<4}  {:<15} {}", self.check, self.message)
    }
}
