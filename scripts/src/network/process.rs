//! A process that a task owns and that is no validator: an L1, a relayer.

use std::{
    fs::{File, OpenOptions},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::sleep;

use super::last_lines;

/// Lines of a failed process's log that are shown.
const SHOWN_LINES: usize = 10;
/// How long it may take to stop in order: longer than our programs give themselves.
const STOP_LIMIT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);

/// A running process whose output goes to a file. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts a command.
    pub(crate) fn start(name: &str, mut command: Command, directory: &Path) -> Result<Self> {
        let log = directory.join(format!("{}.log", name.replace(' ', "-")));
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        let errors: File = output.try_clone()?;
        command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // As for a node: Ctrl-C reaches us alone and we decide what stops when.
            .process_group(0);
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            log,
            child: Some(child),
        })
    }

    /// Fails if it ended by itself.
    pub(crate) fn check(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait()?
        {
            bail!("{} ended with {status}", self.name);
        }
        Ok(())
    }

    /// Its name and the end of its log.
    pub(crate) fn last_lines(&self) -> String {
        let lines = last_lines(&self.log, SHOWN_LINES);
        format!("last lines of {}:\n{lines}", self.name)
    }

    /// Asks it to stop and waits until it has, in order.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        if let Some(status) = self.end().await? {
            ensure!(status.success(), "{} stopped with {status}", self.name);
        }
        Ok(())
    }

    /// Asks it to stop and waits until it has, however it ends.
    pub(crate) async fn end(&mut self) -> Result<Option<ExitStatus>> {
        self.check()?;
        let Some(child) = &mut self.child else {
            return Ok(None);
        };
        Command::new("sh")
            .args(["-c", "kill -TERM \"$0\"", &child.id().to_string()])
            .status()?;
        let deadline = Instant::now() + STOP_LIMIT;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() >= deadline {
                self.kill()?;
                bail!(
                    "{} did not stop within {} s",
                    self.name,
                    STOP_LIMIT.as_secs()
                );
            }
            sleep(POLL).await;
        };
        self.child = None;
        Ok(Some(status))
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child
                .kill()
                .with_context(|| format!("cannot kill {}", self.name))?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("warning: {error:#}");
        }
    }
}
