//! Where a stream's reader keeps its position.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use da::NamespaceId;
use hotshot_types::Height;
use sequencer_client::Cursor;

use crate::cli::{
    exit::{Exit, Failure},
    remote::read_json,
};

/// A program that is killed repeats what it printed within this time.
const EVERY: Duration = Duration::from_millis(250);

/// The cursor's file, if there is to be one.
pub(super) struct Place {
    path: Option<PathBuf>,
    written: Option<(Height, Instant)>,
}

impl Place {
    pub(super) fn at(path: Option<&Path>) -> Self {
        Self {
            path: path.map(Path::to_owned),
            written: None,
        }
    }

    pub(super) fn name(&self) -> String {
        let path = self.path.as_deref().unwrap_or(Path::new("the cursor"));
        path.display().to_string()
    }

    /// The position that was kept, if there is one and it is of this namespace.
    pub(super) fn read(&self, namespace: NamespaceId) -> Result<Option<Cursor>, Failure> {
        match &self.path {
            Some(path) if path.exists() => {
                let cursor: Cursor = read_json("cursor", path, Exit::Usage)?;
                cursor.follower(namespace)?;
                Ok(Some(cursor))
            }
            _ => Ok(None),
        }
    }

    /// Keeps a position, unless that was done a moment ago.
    pub(super) fn write_now_and_then(
        &mut self,
        cursor: impl FnOnce() -> Cursor,
    ) -> Result<(), Failure> {
        let is_early = self.written.is_some_and(|(_, at)| at.elapsed() < EVERY);
        if self.path.is_none() || is_early {
            return Ok(());
        }
        self.write(&cursor())
    }

    /// Keeps a position: the file is the old one or the new one at any moment.
    pub(super) fn write(&mut self, cursor: &Cursor) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        if self
            .written
            .is_some_and(|(height, _)| height == cursor.height)
        {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(cursor)?;
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let replaced = File::create(&new)
            .and_then(|mut file| {
                file.write_all(&text)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&new, path));
        replaced.map_err(|error| {
            let message = format!("cannot keep the position in {}: {error}", path.display());
            Failure::new(Exit::Usage, message)
        })?;
        self.written = Some((cursor.height, Instant::now()));
        Ok(())
    }

    pub(super) fn how_to_go_on(&self, at: Height) -> String {
        match &self.path {
            Some(path) => format!("go on with --cursor {}", path.display()),
            None => format!("go on with --from {}", at.next()),
        }
    }
}
