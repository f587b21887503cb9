//! The home L1: what the watcher of the stake table reports, told to those who need it.

use std::sync::Arc;

use hotshot::Input;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, watch};

use super::{
    NodeError,
    clock::Clock,
    consensus::Fact,
    directory::{Contact, Directory},
    roster::Roster,
};
use crate::{
    api::Registered,
    config::NodeConfig,
    l1::{CommitteeQuestion, L1Metrics, L1Status, Report, Watcher},
};

/// Questions that may wait: each is about another epoch, and few are open.
const MAX_QUESTIONS: usize = 64;
/// Reports that may wait; the watcher waits when they are many.
const MAX_REPORTS: usize = 64;

/// The watcher as the rest of the node sees it.
pub(super) struct Home {
    pub(super) questions: mpsc::Sender<CommitteeQuestion>,
    pub(super) status: watch::Receiver<L1Status>,
    /// Who is registered.
    pub(super) registered: watch::Receiver<Registered>,
}

/// Starts to watch the stake table; nothing to do for a network without L1.
pub(super) fn start(
    config: &NodeConfig,
    clock: Clock,
    directory: &Arc<Directory>,
    roster: &Arc<Roster>,
    facts: &mpsc::Sender<Fact>,
    registry: &mut Registry,
    stop: &watch::Receiver<bool>,
) -> Result<Option<Home>, NodeError> {
    let Some(settings) = &config.l1 else {
        return Ok(None);
    };
    let (questions, asked) = mpsc::channel(MAX_QUESTIONS);
    let (reports, inbox) = mpsc::channel(MAX_REPORTS);
    let (status, status_watch) = watch::channel(L1Status::default());
    let (registered, registered_watch) = watch::channel(Registered::default());
    let newest = roster.newest();
    let watcher = Watcher::open(
        settings,
        &config.genesis,
        &config.data_dir,
        newest,
        L1Metrics::register(registry),
    )?;
    tokio::spawn(watcher.run(asked, reports, status, stop.clone()));
    let directory = Arc::clone(directory);
    tokio::spawn(pass_on(inbox, clock, directory, registered, facts.clone()));
    Ok(Some(Home {
        questions,
        status: status_watch,
        registered: registered_watch,
    }))
}

async fn pass_on(
    mut reports: mpsc::Receiver<Report>,
    clock: Clock,
    directory: Arc<Directory>,
    registered: watch::Sender<Registered>,
    facts: mpsc::Sender<Fact>,
) {
    while let Some(report) = reports.recv().await {
        let input = match report {
            Report::Validators(validators) => {
                let contacts = validators.iter().filter_map(|validator| {
                    Contact::new(validator.key, &validator.network_key, &validator.address)
                });
                directory.learn(contacts);
                registered.send_replace(validators.into());
                continue;
            }
            Report::Finalized(block) => Input::L1Finalized {
                block,
                seen: clock.now(),
            },
            Report::Committee(committee) => Input::Committee(committee),
        };
        if facts.send(Fact::Input(Box::new(input))).await.is_err() {
            return;
        }
    }
}
