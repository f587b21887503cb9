//! Headers, their history, the ends of epochs, and certificates.

use std::sync::Arc;

use hotshot_types::{
    Committee, Epoch, FinalityCertificate, Height, SealedHeader,
    bls::{self, Check},
    finality::{EpochStep, Trust},
    mountain_range::MountainRange,
};

use super::Walk;
use crate::storage::{
    StorageError,
    open::decode,
    spaces::{EPOCH_END, EPOCH_INFO, Space, epoch_key, height_key, number},
};

/// Certificates verified at once.
const CHECKS: usize = 64;

impl Walk<'_> {
    /// Each header follows the one before, and what is derived from it is stored with it.
    pub(super) fn headers(&mut self) {
        let mut history = MountainRange::new();
        let mut parent: Option<SealedHeader> = None;
        for height in 0..=self.tip.0 {
            let height = Height(height);
            let Some(header) = self.header(height) else {
                // The history above can't be compared any more.
                parent = None;
                history = MountainRange::new();
                continue;
            };
            self.links(&header, parent.as_ref(), &history);
            if history.count() == height.0 {
                for (position, node) in history.append(header.hash()) {
                    let stored = self.storage.mountain_node(position);
                    if !matches!(stored, Ok(Some(stored)) if stored == node) {
                        self.found.fault(
                            Space::History,
                            Some(height),
                            "a node is missing or another",
                        );
                    }
                }
            }
            match self.storage.height_of(header.hash()) {
                Ok(Some(stored)) if stored == height => {}
                _ => self
                    .found
                    .fault(Space::Heights, Some(height), "missing or another"),
            }
            self.found.headers += 1;
            parent = Some(header);
            if height.0.is_multiple_of(256) {
                self.step("headers", height.0, Some(self.tip.0));
            }
        }
    }

    fn header(&mut self, height: Height) -> Option<SealedHeader> {
        match self.storage.header(height) {
            Ok(Some(header)) => Some(header),
            Ok(None) => {
                self.found.fault(Space::Headers, Some(height), "missing");
                None
            }
            Err(error) => {
                self.found
                    .fault(Space::Headers, Some(height), error.to_string());
                None
            }
        }
    }

    fn links(
        &mut self,
        header: &SealedHeader,
        parent: Option<&SealedHeader>,
        history: &MountainRange,
    ) {
        let height = header.height;
        let expected = Epoch::of(height, self.genesis.parameters.epoch_length);
        if height == Height(0) && header.hash() != self.genesis_header.hash() {
            let reason = "not this network's genesis block";
            self.found.fault(Space::Headers, Some(height), reason);
        }
        if height > Height(0) && header.epoch != expected {
            let reason = "of another epoch";
            self.found.fault(Space::Headers, Some(height), reason);
        }
        if parent.is_some_and(|parent| parent.hash() != header.parent_hash) {
            let reason = "does not follow the one before";
            self.found.fault(Space::Headers, Some(height), reason);
        }
        if history.count() == height.0 && history.root() != header.history_root {
            let reason = "its history is another one";
            self.found.fault(Space::Headers, Some(height), reason);
        }
    }

    /// Follows the committees from genesis, and checks every certificate against its own.
    pub(super) fn epochs(&mut self, committee: Arc<Committee>) {
        let length = self.genesis.parameters.epoch_length;
        let top = Epoch::of(self.tip.max(Height(1)), length);
        let mut trust = Trust::new(self.genesis.chain_domain(), length, committee);
        let mut seeds = self.genesis.seeds;
        loop {
            let epoch = trust.epoch();
            self.info(epoch, trust.committee(), seeds[0]);
            self.certificates(&trust);
            let is_over = epoch < top || self.tip == epoch.last_height(length);
            if !is_over {
                return;
            }
            let step = match self.storage.step(epoch) {
                Ok(step) => step,
                Err(error) => return self.epoch_fault(epoch, &error.to_string()),
            };
            if !self.is_last_of(epoch, &step) {
                return self.epoch_fault(epoch, "its end is not the header at its last height");
            }
            seeds = [seeds[1], step.header.randao_mix];
            if let Err(error) = trust.advance(&step) {
                return self.epoch_fault(epoch, &error.to_string());
            }
            self.step("epochs", epoch.0, Some(top.0));
            if epoch == top {
                return;
            }
        }
    }

    fn epoch_fault(&mut self, epoch: Epoch, reason: &str) {
        let height = epoch.last_height(self.genesis.parameters.epoch_length);
        let key = epoch_key(EPOCH_END, epoch);
        let what = if self.storage.has(Space::Epochs, key).unwrap_or(false) {
            reason.to_owned()
        } else {
            format!("the end of epoch {epoch} is missing")
        };
        self.found.fault(Space::Epochs, Some(height), what);
    }

    fn is_last_of(&mut self, epoch: Epoch, step: &EpochStep) -> bool {
        let height = epoch.last_height(self.genesis.parameters.epoch_length);
        let stored = self.storage.header(height);
        step.header.height == height
            && matches!(stored, Ok(Some(stored)) if stored.hash() == step.header.hash())
    }

    fn info(&mut self, epoch: Epoch, committee: &Committee, seed: hotshot_types::Hash) {
        let right = match self.storage.epoch(epoch) {
            Ok(Some(info)) => info.committee.as_ref() == committee && info.seed == seed,
            Ok(None) | Err(_) => false,
        };
        if !right {
            let tag = char::from(EPOCH_INFO);
            let reason = format!("committee or seed ({tag}) of epoch {epoch} missing or another");
            self.found.fault(Space::Epochs, None, reason);
        }
    }

    /// The certificates of one epoch.
    fn certificates(&mut self, trust: &Trust) {
        let length = trust.epoch_length();
        let last = trust.epoch().last_height(length);
        let first = Height(last.0 + 1 - length);
        let range = height_key(first).to_vec()..=height_key(last).to_vec();
        let certificates = self.storage.0.spaces.get(Space::Certificates).clone();
        let mut waiting: Vec<(Height, Check)> = Vec::new();
        for guard in certificates.range(range) {
            let (key, value) = match guard.into_inner() {
                Ok(entry) => entry,
                Err(error) => {
                    let reason = error.to_string();
                    self.found.fault(Space::Certificates, None, reason);
                    break;
                }
            };
            let height = Height(number(&key, 0).unwrap_or_default());
            match self.check(trust, height, &value) {
                Ok(check) => waiting.push((height, check)),
                Err(reason) => self.found.fault(Space::Certificates, Some(height), reason),
            }
            if waiting.len() >= CHECKS {
                self.verify_all(std::mem::take(&mut waiting));
                self.step("certificates", height.0, Some(self.tip.0));
            }
        }
        self.verify_all(waiting);
    }

    fn check(&self, trust: &Trust, height: Height, value: &[u8]) -> Result<Check, String> {
        let certificate: FinalityCertificate =
            decode("a certificate", value).map_err(|error| error.to_string())?;
        let header = self.storage.header(height);
        let is_on_it = matches!(header, Ok(Some(header))
            if (certificate.height(), certificate.hash()) == (height, header.hash()));
        if !is_on_it {
            return Err("on another block than the header".into());
        }
        certificate
            .check_shape(trust.committee())
            .map_err(|error| error.to_string())?;
        Ok(certificate.check(trust.domain(), trust.committee()))
    }

    fn verify_all(&mut self, certificates: Vec<(Height, Check)>) {
        let (heights, checks): (Vec<_>, Vec<_>) = certificates.into_iter().unzip();
        if bls::verify_all(&checks) {
            self.found.certificates += checks.len() as u64;
            return;
        }
        for (height, check) in heights.into_iter().zip(checks) {
            if bls::verify_all(&[check]) {
                self.found.certificates += 1;
            } else {
                let reason = StorageError::damaged("a certificate", "its signature is invalid");
                self.found
                    .fault(Space::Certificates, Some(height), reason.to_string());
            }
        }
    }
}
