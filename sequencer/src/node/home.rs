//! The home L1: what the watcher of the stake table reports, told to those who need it.

use std::{sync::Arc, time::Duration};

use hotshot::Input;
use light_client::send::SendConfig;
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
    reporter::{Place, ReportConfig, ReportFamilies, Reporter, Source},
    storage::Storage,
};

/// Longest random wait before a report: every node that sees it and has an account would pay for one.
const STAGGER: Duration = Duration::from_secs(24);
/// On a development network, where blocks come faster.
const SHORT_STAGGER: Duration = Duration::from_secs(1);

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

/// Reports misbehaviour that this node has seen, if an account pays for it.
pub(super) fn report(
    config: &NodeConfig,
    storage: &Storage,
    registry: &mut Registry,
    stop: &watch::Receiver<bool>,
) {
    let Some((settings, account)) = config
        .l1
        .as_ref()
        .and_then(|l1| Some((l1, l1.account.clone()?)))
    else {
        return;
    };
    let genesis = &config.genesis;
    let place = Place {
        endpoints: settings.endpoints.clone(),
        home: Some((genesis.stake_table, genesis.l1_chain_id)),
        light_client: None,
    };
    let report = ReportConfig {
        poll: settings.poll,
        stagger: match genesis.parameters.development {
            true => SHORT_STAGGER,
            false => STAGGER,
        },
        sending: SendConfig::default(),
    };
    tracing::info!(account = %account.address(), "misbehaviour is reported to the home L1");
    let metrics = ReportFamilies::register(registry).of(place.name());
    let reporter = Reporter::new(
        vec![Source::Own(storage.clone())],
        genesis.chain_domain(),
        place,
        account,
        report,
        metrics,
    );
    let mut stop = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = reporter.run() => {}
            _ = stop.changed() => {}
        }
    });
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
