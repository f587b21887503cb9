//! The loop that follows the home L1.

use std::{
    collections::VecDeque,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use hotshot_types::{Address, Committee, Epoch, GenesisDocument, Hash, L1Block};
use light_client::{
    abi::{SolCall as _, stake_table::IStakeTable},
    rpc::{CallFrame, Data, Endpoint, LogRange, RpcError, Tag},
    stake::{Registry, StakeLog},
};
use tokio::sync::{mpsc, watch};

use super::{
    CommitteeQuestion, EventsError, L1Metrics, L1Status, Report, Sources, StoredEvents, span::Span,
};
use crate::config::L1Config;

/// L1 blocks that are told of at most, as far back as this: proposals name none that is older.
const MOST_BLOCKS: u64 = 256;
/// At the start fewer do: leaders name blocks that are final for about a minute.
const FIRST_BLOCKS: u64 = 64;
/// Blocks read at the same time.
const AT_ONCE: usize = 8;
/// How often the place is kept while nothing happens in the stake table.
const KEEP_EVERY: Duration = Duration::from_secs(30);
/// Final blocks remembered, to compare with those that headers name.
const REMEMBERED: usize = 1_024;

/// Follows the home L1 of a network.
pub(crate) struct Watcher {
    sources: Sources,
    stake_table: Address,
    poll: Duration,
    /// Where to look for the stake table's first event.
    from_block: u64,
    events: StoredEvents,
    metrics: L1Metrics,
    status: L1Status,
    /// The newest committee that is known: what the next one repeats if too few qualify.
    newest: Arc<Committee>,
    /// Questions that can't be answered yet, by epoch.
    open: VecDeque<CommitteeQuestion>,
    /// The newest final blocks, ascending.
    recent: VecDeque<L1Block>,
    kept: Instant,
}

impl Watcher {
    /// Prepares to follow; nothing is asked yet.
    pub(crate) fn open(
        config: &L1Config,
        genesis: &GenesisDocument,
        data_dir: &Path,
        newest: Arc<Committee>,
        metrics: L1Metrics,
    ) -> Result<Self, EventsError> {
        if config.endpoints.len() == 1 {
            tracing::warn!(
                "one L1 endpoint is configured: whatever it says is believed. Three that nobody \
                 runs together are safe against one that lies"
            );
        }
        Ok(Self {
            sources: Sources::new(
                config.endpoints.clone(),
                genesis.l1_chain_id,
                metrics.clone(),
            ),
            stake_table: genesis.stake_table,
            poll: config.poll,
            from_block: config.from_block.unwrap_or(genesis.l1.number),
            events: StoredEvents::open(data_dir, genesis.chain_domain())?,
            metrics,
            status: L1Status::default(),
            newest,
            open: VecDeque::new(),
            recent: VecDeque::new(),
            kept: Instant::now(),
        })
    }

    /// Follows until the node stops.
    pub(crate) async fn run(
        mut self,
        mut questions: mpsc::Receiver<CommitteeQuestion>,
        reports: mpsc::Sender<Report>,
        status: watch::Sender<L1Status>,
        mut stop: watch::Receiver<bool>,
    ) {
        // What was known before a restart holds, whether the L1 answers now or not.
        if self.tell_validators(&reports).await.is_err() {
            return;
        }
        let mut every = tokio::time::interval(self.poll);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {
                    let outcome = tokio::select! {
                        outcome = self.look(&reports) => outcome,
                        _ = stop.changed() => return,
                    };
                    match outcome {
                        Ok(()) => {}
                        Err(Stop::Gone) => return,
                        Err(Stop::Events(error)) => self.alarm(error.to_string()),
                    }
                    self.status.alarm = self.sources.take_alarm().or(self.status.alarm.take());
                    status.send_replace(self.status.clone());
                }
                question = questions.recv() => match question {
                    Some(question) => self.open.push_back(question),
                    None => return,
                },
                _ = stop.changed() => return,
            }
            if self.answer(&reports).await.is_err() {
                return;
            }
        }
    }

    fn alarm(&mut self, alarm: String) {
        tracing::error!("{alarm}");
        self.status.alarm = Some(alarm);
    }

    /// One look at the L1.
    async fn look(&mut self, reports: &mpsc::Sender<Report>) -> Result<(), Stop> {
        self.status.alarm = None;
        let Some(newest) = self.find_finalized().await else {
            return Ok(());
        };
        if !self.still_holds(newest).await {
            return Ok(());
        }
        self.status.agreed = Some(Instant::now());
        if self
            .status
            .finalized
            .is_some_and(|known| known.number >= newest.number)
        {
            return Ok(());
        }
        let is_current = self.follow_events(newest, reports).await?;
        if !is_current {
            return Ok(());
        }
        self.tell_blocks(newest, reports).await?;
        self.status.finalized = Some(newest);
        self.metrics
            .finalized
            .set(i64::try_from(newest.number).unwrap_or(i64::MAX));
        if self.kept.elapsed() >= KEEP_EVERY {
            self.kept = Instant::now();
            self.events.keep_cursor()?;
        }
        Ok(())
    }

    /// The newest block that enough endpoints say is final.
    async fn find_finalized(&mut self) -> Option<L1Block> {
        let answers = self
            .sources
            .ask_all(|endpoint| async move { endpoint.block(Tag::Finalized).await })
            .await;
        let numbers: Vec<(usize, u64)> = answers
            .iter()
            .filter_map(|(place, block)| Some((*place, block.as_ref()?.number)))
            .collect();
        let highest = numbers.iter().map(|(_, number)| *number).max();
        self.status.highest = self.status.highest.max(highest.unwrap_or_default());
        let reached = self.sources.reached(&numbers)?;
        if self.status.finalized.map(|known| known.number) == Some(reached) {
            return self.status.finalized;
        }
        self.read_block(reached).await
    }

    /// Whether the newest block that was final before still is. An L1 that takes back what was final
    /// is not followed: the stake table stays as it was at that block.
    async fn still_holds(&mut self, newest: L1Block) -> bool {
        let known = match self.events.block() {
            Some(known) if known.number <= newest.number => known,
            _ => return true,
        };
        let shown = if known.number == newest.number {
            newest
        } else {
            match self.read_block(known.number).await {
                Some(shown) => shown,
                None => return false,
            }
        };
        let holds = shown == known;
        self.metrics.taken_back.set(i64::from(!holds));
        if holds {
            self.status.taken_back = None;
        } else if self.status.taken_back.is_none() {
            let alarm = format!(
                "the L1 took back a final block: {} was {}, the endpoints now show {}. Nothing \
                 newer is read. If they are on a wrong fork, correct l1.endpoints",
                known.number, known.hash, shown.hash
            );
            tracing::error!("{alarm}");
            self.status.taken_back = Some(alarm);
        }
        holds
    }

    async fn read_block(&mut self, number: u64) -> Option<L1Block> {
        let block = self
            .sources
            .agree("a final block", |endpoint| async move {
                endpoint.block(Tag::Number(number)).await
            })
            .await??;
        (block.number == number).then(|| block.l1_block())
    }

    /// Fetches the stake table's events up to a block; false if that did not succeed yet.
    async fn follow_events(
        &mut self,
        to: L1Block,
        reports: &mpsc::Sender<Report>,
    ) -> Result<bool, Stop> {
        let Some(chain) = self.read_chain(to.number).await else {
            return Ok(false);
        };
        let mut has_news = false;
        if chain == self.events.registry().chain() {
            self.events.extend(Vec::new(), to, chain)?;
        } else {
            let Some(logs) = self.fetch_logs(to.number, chain).await else {
                return Ok(false);
            };
            has_news = self.events.extend(logs, to, chain)?;
        }
        self.metrics
            .events
            .set(i64::try_from(self.events.len()).unwrap_or(i64::MAX));
        if has_news {
            tracing::info!(
                l1_block = to.number,
                events = self.events.len(),
                validators = self.events.registry().validators().len(),
                "the stake table changed"
            );
            self.tell_validators(reports).await?;
        }
        Ok(true)
    }

    /// The hash over all events up to a block. Before the contract is there it is the domain.
    async fn read_chain(&mut self, number: u64) -> Option<Hash> {
        let before = self.events.registry().chain();
        let call = CallFrame {
            from: None,
            to: Some(self.stake_table),
            input: Data(IStakeTable::eventChainCall {}.abi_encode()),
        };
        let answer = self
            .sources
            .agree("the stake table's events", |endpoint| {
                let call = call.clone();
                async move { endpoint.call(&call, Tag::Number(number)).await }
            })
            .await?;
        if answer.is_empty() {
            return Some(before);
        }
        let chain = IStakeTable::eventChainCall::abi_decode_returns(&answer).ok()?;
        Some(Hash(chain.0))
    }

    /// The events after the known block up to this one, from the first endpoint that leaves none out.
    async fn fetch_logs(&mut self, to: u64, chain: Hash) -> Option<Vec<StakeLog>> {
        let before = self.events.registry();
        let known = self.events.block().map(|block| block.number + 1);
        let is_first = self.events.len() == 0;
        let from = known.filter(|_| !is_first).unwrap_or(self.from_block);
        let span = Span {
            contract: self.stake_table,
            blocks: LogRange { from, to },
        };
        self.sources
            .ask_any(
                "the stake table's events",
                |endpoint| async move { span.read(&endpoint).await },
                |logs| span.check(&logs, before, chain),
            )
            .await
    }

    /// Tells of the final blocks up to this one that were not told of.
    async fn tell_blocks(
        &mut self,
        newest: L1Block,
        reports: &mpsc::Sender<Report>,
    ) -> Result<(), Stop> {
        let known = self.recent.back().map(|block| block.number + 1);
        let depth = known.map_or(FIRST_BLOCKS, |_| MOST_BLOCKS);
        let first = newest.number.saturating_sub(depth - 1);
        let mut from = known.unwrap_or(first).max(first);
        while from < newest.number {
            let to = newest.number.min(from + AT_ONCE as u64);
            let numbers: Vec<u64> = (from..to).collect();
            let blocks = self
                .sources
                .agree("a final block", |endpoint| {
                    let numbers = numbers.clone();
                    async move { blocks(&endpoint, &numbers).await }
                })
                .await;
            // Those that are missed are missed: a header that names one waits for the next.
            for block in blocks.into_iter().flatten() {
                self.tell_block(block, reports).await?;
            }
            from = to;
        }
        self.tell_block(newest, reports).await
    }

    async fn tell_block(
        &mut self,
        block: L1Block,
        reports: &mpsc::Sender<Report>,
    ) -> Result<(), Stop> {
        if self.recent.len() >= REMEMBERED {
            self.recent.pop_front();
        }
        self.recent.push_back(block);
        send(reports, Report::Finalized(block)).await
    }

    async fn tell_validators(&self, reports: &mpsc::Sender<Report>) -> Result<(), Stop> {
        let contacts = self.events.registry().contacts();
        let validators = contacts.into_iter().cloned().collect();
        send(reports, Report::Validators(validators)).await
    }

    /// Answers the questions that can be answered, in the order of epochs.
    async fn answer(&mut self, reports: &mpsc::Sender<Report>) -> Result<(), Stop> {
        self.open
            .make_contiguous()
            .sort_by_key(|question| question.epoch);
        while let Some(question) = self.open.front().copied() {
            let CommitteeQuestion { epoch, at } = question;
            if epoch <= self.newest.epoch() {
                self.open.pop_front();
                continue;
            }
            if let Some(known) = self.recent.iter().find(|block| block.number == at.number)
                && *known != at
            {
                self.alarm(format!(
                    "the network drew the committee of epoch {epoch} from L1 block {} ({}), but the configured \
                     endpoints show another block ({})",
                    at.number, at.hash, known.hash
                ));
                return Ok(());
            }
            // Nothing can have been registered yet where the stake table starts.
            let Some(registry) = self.events.registry_at(at.number) else {
                return Ok(());
            };
            let committee = registry.committee(epoch, &self.newest);
            self.note_committee(&registry, &committee, at);
            self.newest = Arc::clone(&committee);
            self.open.pop_front();
            send(reports, Report::Committee(committee)).await?;
        }
        Ok(())
    }

    fn note_committee(&self, registry: &Registry, committee: &Committee, at: L1Block) {
        let Epoch(epoch) = committee.epoch();
        tracing::info!(
            epoch,
            l1_block = at.number,
            members = committee.len(),
            weight = %committee.total(),
            repeated = registry.members().len() < light_client::stake::MIN_MEMBERS,
            commitment = %committee.commitment(),
            "the committee of a later epoch is known"
        );
        let heaviest = committee.members().iter().map(|member| member.weight).max();
        let heaviest = u128::from(heaviest.unwrap_or_default());
        if committee.len() > 3 && 3 * heaviest >= committee.total() {
            tracing::warn!(
                epoch,
                weight = %heaviest,
                total = %committee.total(),
                "one validator holds a third of the stake or more: without it nothing becomes final"
            );
        }
    }
}

/// Why the loop does not go on.
enum Stop {
    /// Nobody listens any more.
    Gone,
    /// The events can't be kept.
    Events(EventsError),
}

impl From<EventsError> for Stop {
    fn from(error: EventsError) -> Self {
        Self::Events(error)
    }
}

async fn send(reports: &mpsc::Sender<Report>, report: Report) -> Result<(), Stop> {
    reports.send(report).await.map_err(|_| Stop::Gone)
}

async fn blocks(endpoint: &Endpoint, numbers: &[u64]) -> Result<Vec<L1Block>, RpcError> {
    let asked = numbers
        .iter()
        .map(|number| endpoint.block(Tag::Number(*number)));
    let found = futures::future::try_join_all(asked).await?;
    Ok(found
        .into_iter()
        .flatten()
        .map(|block| block.l1_block())
        .collect())
}
