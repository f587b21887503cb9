//! What an error says about the server it came from, and what follows for it.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use hotshot_types::Height;
use tokio::time::Instant;

use super::Servers;
use crate::client::{ClientError, Evidence, Exchange, Fault};

impl Servers {
    /// What servers were caught with so far, in the order of the catches; at most one of each kind for each server.
    #[must_use]
    pub fn evidence(&self) -> Vec<Arc<Evidence>> {
        self.evidence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Why nobody is asked any more.
    pub(super) fn all_left(&self) -> ClientError {
        let mut reasons = Vec::new();
        let evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        for server in 0..self.clients.len() {
            let url = self.url(server);
            let mut caught = evidence.iter().filter(|caught| caught.server == url);
            let caught = caught.find(|caught| caught.fault.is_lie());
            reasons.extend(caught.map(ToString::to_string));
        }
        ClientError::AllLeft(reasons.join("; "))
    }

    /// Draws the consequences of an error. An error that says nothing about the server changes nothing.
    pub(super) fn judge(&self, server: usize, error: &ClientError, answers: Vec<Exchange>) {
        match Fault::of(error) {
            Some(fault) => self.catch(server, fault, error.to_string(), answers),
            None if matches!(error, ClientError::Timeout { .. }) => {
                let waited = self.clients[server].api().config().timeout;
                self.silent(server, waited);
            }
            None if error.is_transient() => self.standings()[server].rest(Instant::now()),
            None => {}
        }
    }

    pub(super) fn silent(&self, server: usize, waited: Duration) {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        let check = format!("no answer for {waited_ms} ms");
        self.catch(server, Fault::Silent { waited_ms }, check, Vec::new());
    }

    pub(super) fn behind(
        &self,
        server: usize,
        shown: Height,
        proven: Height,
        answers: Vec<Exchange>,
    ) {
        let check = format!("it shows block {shown} while block {proven} is proven final");
        self.catch(server, Fault::Behind { shown, proven }, check, answers);
    }

    fn catch(&self, server: usize, fault: Fault, check: String, answers: Vec<Exchange>) {
        let is_lie = fault.is_lie();
        self.note(server, fault, check, answers);
        // After the note: whoever finds nobody left to ask reads there why.
        let mut standings = self.standings();
        if is_lie {
            standings[server].leave();
        } else {
            standings[server].rest(Instant::now());
        }
    }

    fn note(&self, server: usize, fault: Fault, check: String, answers: Vec<Exchange>) {
        let url = self.url(server);
        let mut evidence = self.evidence.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = std::mem::discriminant(&fault);
        let is_known = |known: &Arc<Evidence>| {
            known.server == url && std::mem::discriminant(&known.fault) == kind
        };
        if !evidence.iter().any(is_known) {
            evidence.push(Arc::new(Evidence::new(url, fault, check, answers)));
        }
    }
}
