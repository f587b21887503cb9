//! Restoring a snapshot: everything is checked against the genesis document on the way in, and the
//! directory appears under its name only when all of it was.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use da::{AccumulatorEntry, MapHead, NamespaceId, NamespaceMap};
use hotshot::EpochInfo;
use hotshot_types::{
    Committee, Epoch, EpochEnd, FinalityCertificate, GenesisDocument, Hash, Header, Height, Member,
    SealedHeader,
    finality::{EpochStep, FinalityError, Trust},
};

use super::{MAGIC, Part, SnapshotError, SnapshotInfo, Step, read_part, write::map_error};
use crate::storage::{Cutoffs, Durability, Identity, Storage, StorageError};

impl Storage {
    /// Restores a snapshot as the data of a node without a safety record in a directory that does
    /// not exist or is empty. A validator that is then started there has whatever its key file
    /// says (K3).
    ///
    /// # Errors
    /// A directory with data, a file that is not a snapshot of this network's chain, or a disk
    /// that fails. The directory is then as it was.
    pub fn restore_snapshot(
        directory: &Path,
        input: &mut impl Read,
        genesis: &GenesisDocument,
        header: &SealedHeader,
        report: &mut dyn FnMut(Step),
    ) -> Result<SnapshotInfo, SnapshotError> {
        check_empty(directory)?;
        let building = directory.with_extension("restoring");
        remove(&building)?;
        let restored = build(&building, input, genesis, header, report);
        if restored.is_err() {
            remove(&building)?;
        }
        let info = restored?;
        remove(directory)?;
        fs::rename(&building, directory).map_err(StorageError::io(directory))?;
        if let Some(parent) = directory.parent() {
            let synced = File::open(parent).and_then(|parent| parent.sync_all());
            synced.map_err(StorageError::io(parent))?;
        }
        Ok(info)
    }
}

/// A lock alone is left of a process that never got further.
fn check_empty(directory: &Path) -> Result<(), SnapshotError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StorageError::io(directory)(error).into()),
    };
    for entry in entries {
        if entry?.file_name() != "lock" {
            return Err(SnapshotError::NotEmpty {
                path: directory.to_owned(),
            });
        }
    }
    Ok(())
}

fn remove(directory: &Path) -> Result<(), StorageError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StorageError::io(PathBuf::from(directory))(error))
        }
        _ => Ok(()),
    }
}

fn build(
    directory: &Path,
    input: &mut impl Read,
    genesis: &GenesisDocument,
    header: &SealedHeader,
    report: &mut dyn FnMut(Step),
) -> Result<SnapshotInfo, SnapshotError> {
    let committee = genesis
        .committee(Epoch::FIRST)
        .map_err(FinalityError::Committee)?;
    let identity = Identity {
        chain_domain: genesis.chain_domain(),
        genesis: header.hash(),
        key: None,
    };
    let storage = Storage::open(directory, &identity)?;
    let first = [1, 2].map(|epoch| EpochInfo {
        committee: Arc::new(committee.in_epoch(Epoch(epoch))),
        seed: genesis.seeds[usize::from(epoch == 2)],
    });
    storage.initialize(header, &first)?;
    let trust = Trust::new(
        identity.chain_domain,
        genesis.parameters.epoch_length,
        committee,
    );
    let mut restore = Restore {
        storage,
        trust,
        ends: Vec::new(),
        seeds: genesis.seeds,
        map: MapHead::EMPTY,
        chunks: 0,
        namespaces: 0,
    };
    let (height, mut bytes) = restore.start(input)?;
    let mut top = None;
    loop {
        let (part, length) = read_part(input)?;
        bytes += length;
        let done = match part {
            Part::Epochs(steps) if top.is_none() => restore.epochs(&steps)?,
            Part::Top {
                header,
                certificate,
                next,
            } if top.is_none() => {
                if header.height != height {
                    return Err(other(format!("its top is at {}", header.height)));
                }
                let header = header.seal();
                restore.top(&header, &certificate, next)?;
                top = Some(header);
                continue;
            }
            Part::Headers(headers) => {
                let top = top.as_ref().ok_or_else(out_of_order)?;
                restore.headers(headers, top)?
            }
            Part::Map(entries) => {
                let top = top.as_ref().ok_or_else(out_of_order)?;
                restore.map(&entries, top)?
            }
            Part::End => break,
            Part::Start { .. } | Part::Epochs(_) | Part::Top { .. } => return Err(out_of_order()),
        };
        report(Step {
            of: (done.what == "headers").then_some(height.0),
            ..done
        });
    }
    if input.read(&mut [0])? != 0 {
        return Err(SnapshotError::Malformed("something follows its end".into()));
    }
    let top = top.ok_or_else(out_of_order)?;
    restore.finish(&top)?;
    Ok(SnapshotInfo {
        height: top.height,
        hash: top.hash(),
        epoch: top.epoch,
        namespaces: restore.namespaces,
        bytes,
    })
}

fn out_of_order() -> SnapshotError {
    SnapshotError::Malformed("its parts are out of order".into())
}

fn other(reason: impl Into<String>) -> SnapshotError {
    SnapshotError::OtherChain(reason.into())
}

/// A snapshot on its way in.
struct Restore {
    storage: Storage,
    /// How far certificates have led.
    trust: Trust,
    /// The hashes of the last blocks of epochs, from the first on.
    ends: Vec<Hash>,
    /// Seeds of the trusted epoch and of the next.
    seeds: [Hash; 2],
    map: MapHead,
    chunks: u64,
    namespaces: u64,
}

impl Restore {
    fn start(&self, input: &mut impl Read) -> Result<(Height, u64), SnapshotError> {
        let (part, bytes) = read_part(input)?;
        let Part::Start {
            magic: MAGIC,
            chain_domain,
            genesis,
            height,
        } = part
        else {
            return Err(SnapshotError::Malformed("it starts otherwise".into()));
        };
        let identity = self.storage.identity();
        if chain_domain != identity.chain_domain {
            return Err(SnapshotError::OtherNetwork {
                found: chain_domain,
                expected: identity.chain_domain,
            });
        }
        if genesis != identity.genesis {
            return Err(other(format!("it starts from genesis block {genesis}")));
        }
        Ok((height, bytes))
    }

    /// Moves the trust on and stores the ends of epochs with what they open.
    fn epochs(&mut self, steps: &[EpochStep]) -> Result<Step, SnapshotError> {
        let mut batch = self.storage.batch();
        for step in steps {
            let epoch = self.trust.epoch();
            if step.header.height != epoch.last_height(self.trust.epoch_length()) {
                return Err(other(format!("epoch {epoch} ends at another height")));
            }
            self.trust.advance(step)?;
            self.ends.push(step.header.hash());
            self.seeds = [self.seeds[1], step.header.randao_mix];
            let end = EpochEnd {
                header: step.header.clone(),
                certificate: step.certificate.clone(),
            };
            batch.put_epoch_end(&end);
            batch.put_certificate(&end.certificate);
            batch.put_epoch(&EpochInfo {
                committee: Arc::clone(self.trust.committee()),
                seed: self.seeds[0],
            });
        }
        self.storage.commit(batch, Durability::Buffered)?;
        Ok(Step {
            what: "epochs",
            done: self.ends.len() as u64,
            of: None,
        })
    }

    /// Checks the certified block, and the next epoch's committee by what it names.
    fn top(
        &mut self,
        top: &SealedHeader,
        certificate: &FinalityCertificate,
        next: Option<Vec<Member>>,
    ) -> Result<(), SnapshotError> {
        self.trust.check_final(top, certificate)?;
        let epoch = self.trust.epoch().next();
        let committee = match next {
            None => self.trust.committee().in_epoch(epoch),
            Some(members) => {
                let committee = Committee::new(epoch, members).map_err(FinalityError::Committee)?;
                committee.check_keys().map_err(FinalityError::Committee)?;
                committee
            }
        };
        if committee.commitment() != top.next_committee {
            return Err(FinalityError::OtherCommittee(epoch).into());
        }
        let mut batch = self.storage.batch();
        batch.put_certificate(certificate);
        if top.height == top.epoch.last_height(self.trust.epoch_length()) {
            batch.put_epoch_end(&EpochEnd {
                header: top.header().clone(),
                certificate: certificate.clone(),
            });
            // As the node itself does when an epoch ends.
            batch.put_epoch(&EpochInfo {
                committee: Arc::new(committee.in_epoch(epoch.next())),
                seed: top.randao_mix,
            });
        }
        batch.put_epoch(&EpochInfo {
            committee: Arc::new(committee),
            seed: self.seeds[1],
        });
        Ok(self.storage.commit(batch, Durability::Buffered)?)
    }

    /// Headers that link up; the certified ones among them fix all before.
    fn headers(&mut self, headers: Vec<Header>, top: &SealedHeader) -> Result<Step, SnapshotError> {
        let length = self.trust.epoch_length();
        let mut parent = self.storage.tip()?;
        let mut history = self.storage.history();
        let mut run = Vec::with_capacity(headers.len());
        for header in headers {
            let header = header.seal();
            let height = header.height;
            let linked = height == parent.height.next()
                && header.parent_hash == parent.hash()
                && header.history_root == history.root()
                && header.epoch == Epoch::of(height, length)
                && height <= top.height;
            if !linked {
                return Err(other(format!(
                    "header {height} does not follow the one before"
                )));
            }
            let end = (height == header.epoch.last_height(length))
                .then(|| usize::try_from(header.epoch.0 - 1).ok())
                .flatten()
                .and_then(|index| self.ends.get(index));
            let is_other = end.is_some_and(|end| *end != header.hash())
                || (height == top.height && header.hash() != top.hash());
            if is_other {
                return Err(other(format!("header {height} is not the certified one")));
            }
            history.append(header.hash());
            parent = header.clone();
            run.push(header);
        }
        let mut batch = self.storage.batch();
        batch.put_chain(&run)?;
        self.storage.commit(batch, Durability::Buffered)?;
        Ok(Step {
            what: "headers",
            done: parent.height.0,
            of: None,
        })
    }

    /// Each chunk makes another version of the map, so that it is never in memory as a whole.
    fn map(
        &mut self,
        entries: &[(NamespaceId, AccumulatorEntry)],
        top: &SealedHeader,
    ) -> Result<Step, SnapshotError> {
        self.chunks += 1;
        if self.chunks > top.height.0 {
            return Err(other("it has more namespaces than its blocks can hold"));
        }
        let store = self.storage.map_store();
        let update = NamespaceMap::new(&store, self.map)
            .with_entries(self.chunks, entries)
            .map_err(|error| match error {
                da::MapError::Order => other("its namespaces are out of order"),
                error => map_error(error).into(),
            })?;
        let mut batch = self.storage.batch();
        batch.replace_map(&update);
        self.storage.commit(batch, Durability::Buffered)?;
        self.map = update.head;
        self.namespaces += entries.len() as u64;
        Ok(Step {
            what: "namespaces",
            done: self.namespaces,
            of: None,
        })
    }

    /// The directory stands at the top, and knows nothing of what was in the blocks before.
    fn finish(&self, top: &SealedHeader) -> Result<(), SnapshotError> {
        if self.storage.tip()?.hash() != top.hash() {
            return Err(other("headers are missing"));
        }
        if self.map.root != top.ns_acc_root.0 {
            return Err(other("its namespace map is not the block's"));
        }
        let mut batch = self.storage.batch();
        batch.stand_at(top.height, self.map);
        batch.put_cutoffs(&Cutoffs {
            transactions: top.height.next(),
            ..Cutoffs::default()
        });
        Ok(self.storage.commit(batch, Durability::Synced)?)
    }
}
