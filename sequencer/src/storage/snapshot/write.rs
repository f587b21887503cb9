//! Writing a snapshot of what is stored.

use std::io::Write;

use da::{MapHead, NamespaceMap};
use hotshot_types::{Epoch, FinalityCertificate, Height, SealedHeader};

use super::{ENTRIES, HEADERS, MAGIC, Part, STEPS, SnapshotError, SnapshotInfo, Step, write_part};
use crate::storage::{Storage, StorageError, open::decode, spaces::Space};

impl Storage {
    /// Writes a snapshot of the highest block that has a certificate and a map here. What is read
    /// is not checked: whoever restores it does.
    ///
    /// # Errors
    /// Nothing final yet, a read that fails, or a file that can't be written.
    pub fn write_snapshot(
        &self,
        out: &mut impl Write,
        report: &mut dyn FnMut(Step),
    ) -> Result<SnapshotInfo, SnapshotError> {
        let (top, certificate, head) = self.snapshot_top()?;
        let mut bytes = write_part(
            out,
            &Part::Start {
                magic: MAGIC,
                chain_domain: self.identity().chain_domain,
                genesis: self.identity().genesis,
                height: top.height,
            },
        )?;
        bytes += self.write_epochs(out, top.epoch, report)?;
        let next = self.members_of_next(top.epoch)?;
        let header = Box::new(top.header().clone());
        bytes += write_part(
            out,
            &Part::Top {
                header,
                certificate,
                next,
            },
        )?;
        bytes += self.write_headers(out, top.height, report)?;
        let (namespaces, length) = self.write_map(out, head, report)?;
        bytes += length + write_part(out, &Part::End)?;
        Ok(SnapshotInfo {
            height: top.height,
            hash: top.hash(),
            epoch: top.epoch,
            namespaces,
            bytes,
        })
    }

    fn snapshot_top(&self) -> Result<(SealedHeader, FinalityCertificate, MapHead), SnapshotError> {
        let certificates = self.0.spaces.get(Space::Certificates);
        for guard in certificates.iter().rev() {
            let value = guard.value().map_err(StorageError::Read)?;
            let certificate: FinalityCertificate = decode("a certificate", &value)?;
            let height = certificate.height();
            if let (Some(header), Some(head)) = (self.header(height)?, self.map_head(height)?) {
                return Ok((header, certificate, head));
            }
        }
        Err(SnapshotError::Empty)
    }

    fn write_epochs(
        &self,
        out: &mut impl Write,
        top: Epoch,
        report: &mut dyn FnMut(Step),
    ) -> Result<u64, SnapshotError> {
        let mut bytes = 0;
        let mut epoch = Epoch::FIRST;
        while epoch < top {
            let mut steps = Vec::new();
            while epoch < top && steps.len() < STEPS {
                steps.push(self.step(epoch)?);
                epoch = epoch.next();
            }
            bytes += write_part(out, &Part::Epochs(steps))?;
            report(Step {
                what: "epochs",
                done: epoch.0 - 1,
                of: Some(top.0 - 1),
            });
        }
        Ok(bytes)
    }

    /// The members of the committee after an epoch's; none if they are the same.
    fn members_of_next(
        &self,
        epoch: Epoch,
    ) -> Result<Option<Vec<hotshot_types::Member>>, StorageError> {
        let missing = || StorageError::damaged("a committee", "the newest is missing");
        let this = self.epoch(epoch)?.ok_or_else(missing)?;
        let next = self.epoch(epoch.next())?.ok_or_else(missing)?;
        let changed = this.committee.members() != next.committee.members();
        Ok(changed.then(|| next.committee.members().to_vec()))
    }

    fn write_headers(
        &self,
        out: &mut impl Write,
        top: Height,
        report: &mut dyn FnMut(Step),
    ) -> Result<u64, SnapshotError> {
        let mut bytes = 0;
        let mut from = Height(1);
        while from <= top {
            let run = self.headers(from, HEADERS)?;
            let headers: Vec<_> = run
                .iter()
                .take_while(|header| header.height <= top)
                .map(|header| header.header().clone())
                .collect();
            let Some(last) = headers.last() else {
                return Err(StorageError::damaged("headers", format!("{from} is missing")).into());
            };
            from = last.height.next();
            bytes += write_part(out, &Part::Headers(headers))?;
            report(Step {
                what: "headers",
                done: from.0 - 1,
                of: Some(top.0),
            });
        }
        Ok(bytes)
    }

    fn write_map(
        &self,
        out: &mut impl Write,
        head: MapHead,
        report: &mut dyn FnMut(Step),
    ) -> Result<(u64, u64), SnapshotError> {
        let store = self.map_store();
        let map = NamespaceMap::new(&store, head);
        let (mut count, mut bytes) = (0, 0);
        let mut from = Some([0; 32]);
        while let Some(key) = from {
            let chunk = map.chunk(key, ENTRIES).map_err(map_error)?;
            from = chunk.next;
            if chunk.entries.is_empty() {
                continue;
            }
            count += chunk.entries.len() as u64;
            bytes += write_part(out, &Part::Map(chunk.entries))?;
            report(Step {
                what: "namespaces",
                done: count,
                of: None,
            });
        }
        Ok((count, bytes))
    }
}

/// A map that can't be read is damage of the database.
pub(in crate::storage) fn map_error(error: da::MapError<StorageError>) -> StorageError {
    match error {
        da::MapError::Store(error) => error,
        error => StorageError::damaged("the namespace map", error.to_string()),
    }
}
