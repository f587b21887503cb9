//! Several endpoints of one L1: who is asked, who rests, and who is left.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use light_client::{
    abi::light_client::ILightClient,
    rpc::{Block, Endpoint, RpcError, Tag, ViewError},
};
use rollup_types::{Address, Hash};
use tokio::time::Instant;

/// The first rest of an endpoint that failed.
const FIRST_REST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST_REST: Duration = Duration::from_secs(60);
/// An endpoint whose final block is this much older than another one's, and than now, stands still. L1s finalize within
/// a quarter of an hour; with a margin for clocks.
const STALE_S: u64 = 3_600;

/// The endpoints of one L1.
#[derive(Debug)]
pub(crate) struct Endpoints {
    chain_id: u64,
    all: Vec<Standing>,
    /// The one to ask first: the last that answered truly.
    first: usize,
}

#[derive(Debug)]
struct Standing {
    endpoint: Endpoint,
    /// It was asked for its chain id, and that is right.
    is_known: bool,
    /// It was caught with a lie: what with.
    left: Option<String>,
    /// It stands still.
    is_frozen: bool,
    rests_until: Instant,
    rest: Duration,
}

/// What is wrong with an answer.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// It can't be true: the endpoint is left for good.
    Lie(String),
    /// The endpoint may not know it yet, or no more.
    Lacking(String),
}

impl Endpoints {
    pub(crate) fn new(endpoints: Vec<Endpoint>, chain_id: u64) -> Self {
        let standing = |endpoint| Standing {
            endpoint,
            is_known: false,
            left: None,
            is_frozen: false,
            rests_until: Instant::now(),
            rest: FIRST_REST,
        };
        Self {
            chain_id,
            all: endpoints.into_iter().map(standing).collect(),
            first: 0,
        }
    }

    /// How many are still asked.
    pub(crate) fn asked(&self) -> usize {
        self.all.iter().filter(|it| it.left.is_none()).count()
    }

    /// Asks one after the other until `take` accepts an answer. None if nobody gave one; the last reason is then said.
    /// `request` is told the place of whom it asks.
    pub(crate) async fn ask<T, F: Future<Output = Result<T, RpcError>>, R>(
        &mut self,
        what: &'static str,
        request: impl Fn(usize, Endpoint) -> F,
        mut take: impl FnMut(T) -> Result<R, Wrong>,
    ) -> Result<R, String> {
        self.meet().await;
        let mut last = "no L1 endpoint is in reach".to_owned();
        for step in 0..self.all.len() {
            let place = (self.first + step) % self.all.len();
            if !self.is_asked(place) {
                continue;
            }
            match request(place, self.all[place].endpoint.clone()).await {
                Ok(answer) => match take(answer) {
                    Ok(taken) => {
                        self.first = place;
                        self.all[place].rest = FIRST_REST;
                        return Ok(taken);
                    }
                    Err(Wrong::Lie(reason)) => {
                        last.clone_from(&reason);
                        self.leave(place, what, reason);
                    }
                    Err(Wrong::Lacking(reason)) => {
                        let endpoint = self.all[place].endpoint.name();
                        tracing::debug!(%endpoint, what, %reason, "an L1 endpoint does not know");
                        last = reason;
                    }
                },
                Err(error) => {
                    last = error.to_string();
                    self.failed(place, &error);
                }
            }
        }
        Err(last)
    }

    /// The newest block that a strict majority of the endpoints in reach have as final, all of them the same.
    pub(crate) async fn finalized(&mut self) -> Option<(u64, Hash)> {
        self.meet().await;
        let mut heads = self
            .ask_all(|endpoint| async move {
                let block = endpoint.block(Tag::Finalized).await?;
                Ok(block.map(|block: Block| (block.number, block.timestamp)))
            })
            .await;
        self.thaw(&mut heads);
        let mut numbers: Vec<u64> = heads.iter().map(|(_, (number, _))| *number).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        let number = *numbers.get(numbers.len() / 2)?;
        // Whoever is behind may have another block there, on a fork that is not final.
        let is_final_at = |place: &usize| {
            let mut heads = heads.iter();
            heads.any(|(other, (head, _))| other == place && *head >= number)
        };
        let blocks = self
            .ask_all(|endpoint| async move {
                let block = endpoint.block(Tag::Number(number)).await?;
                Ok(block.map(|block: Block| block.hash))
            })
            .await;
        let blocks: Vec<_> = blocks
            .into_iter()
            .filter(|(place, _)| is_final_at(place))
            .collect();
        // Of all that said what is final, also those that then say nothing about it.
        let quorum = heads.len() / 2 + 1;
        let count = |one: &Hash| blocks.iter().filter(|(_, hash)| hash == one).count();
        let agreed = blocks.iter().map(|(_, hash)| *hash);
        let agreed = agreed.into_iter().find(|hash| count(hash) >= quorum);
        let Some(agreed) = agreed else {
            if blocks.iter().any(|(_, hash)| *hash != blocks[0].1) {
                let names: Vec<&str> = blocks.iter().map(|(place, _)| self.name(*place)).collect();
                tracing::error!(block = number, endpoints = ?names, "L1 endpoints contradict each other about a final block, and no majority agrees: one of them lies, or is on another fork");
            }
            return None;
        };
        for (place, hash) in blocks {
            if hash != agreed {
                let reason =
                    format!("it says that final block {number} is {hash}, the others say {agreed}");
                self.leave(place, "a final block", reason);
            }
        }
        Some((number, agreed))
    }

    /// The network whose light client is there, as a strict majority of those that know it say. No proof tells it.
    pub(crate) async fn network(&mut self, light_client: Address) -> Option<Hash> {
        self.meet().await;
        let told = self
            .ask_all(|endpoint| async move {
                let call = ILightClient::chainDomainCall {};
                match endpoint.view(light_client, &call, Tag::Latest).await {
                    Ok(domain) => Ok(Some(Hash(domain.0))),
                    Err(ViewError::Rpc(error)) => Err(error),
                    // Whoever is far behind has no such contract yet.
                    Err(_) => Ok(None),
                }
            })
            .await;
        let count = |one: &Hash| told.iter().filter(|(_, hash)| hash == one).count();
        let mut networks = told.iter().map(|(_, hash)| *hash);
        networks.find(|one| 2 * count(one) > told.len())
    }

    /// Takes out those that stand still while another one goes on.
    fn thaw(&mut self, heads: &mut Vec<(usize, (u64, u64))>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_secs());
        let newest = heads.iter().map(|(_, (_, time))| *time).max().unwrap_or(0);
        let is_behind = |time: u64| time + STALE_S < newest.min(now);
        let fresh = heads
            .iter()
            .filter(|(_, (_, time))| !is_behind(*time))
            .count();
        // Fewer than half can't declare the others dead: the newest time may be a lie.
        let may_drop = 2 * fresh >= heads.len();
        heads.retain(|(place, (number, time))| {
            let is_frozen = may_drop && is_behind(*time);
            let standing = &mut self.all[*place];
            if is_frozen && !standing.is_frozen {
                let endpoint = standing.endpoint.name();
                tracing::error!(%endpoint, block = number, "an L1 endpoint stands still: its final block is more than an hour behind the others'; it does not count until it goes on");
            }
            standing.is_frozen = is_frozen;
            !is_frozen
        });
    }

    async fn ask_all<T, F: Future<Output = Result<Option<T>, RpcError>>>(
        &mut self,
        request: impl Fn(Endpoint) -> F,
    ) -> Vec<(usize, T)> {
        let asked = (0..self.all.len()).filter(|place| self.is_asked(*place));
        let asked = asked.map(|place| {
            let answer = request(self.all[place].endpoint.clone());
            async move { (place, answer.await) }
        });
        let answers = join_all(asked.collect::<Vec<_>>()).await;
        let mut given = Vec::new();
        for (place, answer) in answers {
            match answer {
                Ok(Some(answer)) => {
                    self.all[place].rest = FIRST_REST;
                    given.push((place, answer));
                }
                Ok(None) => {}
                Err(error) => self.failed(place, &error),
            }
        }
        given
    }

    /// Asks those for their chain id that have not said it.
    async fn meet(&mut self) {
        let now = Instant::now();
        let strangers = self.all.iter().enumerate().filter(|(_, standing)| {
            !standing.is_known && standing.left.is_none() && standing.rests_until <= now
        });
        let strangers = strangers.map(|(place, standing)| {
            let endpoint = standing.endpoint.clone();
            async move { (place, endpoint.chain_id().await) }
        });
        for (place, answer) in join_all(strangers.collect::<Vec<_>>()).await {
            match answer {
                Ok(id) if id == self.chain_id => self.all[place].is_known = true,
                Ok(id) => {
                    let reason = format!(
                        "it is of chain {id}, the rollup's home is {}",
                        self.chain_id
                    );
                    self.leave(place, "its chain id", reason);
                }
                Err(error) => self.failed(place, &error),
            }
        }
    }

    fn is_asked(&self, place: usize) -> bool {
        let standing = &self.all[place];
        standing.is_known && standing.left.is_none() && standing.rests_until <= Instant::now()
    }

    fn name(&self, place: usize) -> &str {
        self.all[place].endpoint.name()
    }

    /// The last one is not left but rests: nothing that it says is believed unproven, and without any the node stops.
    fn leave(&mut self, place: usize, what: &'static str, reason: String) {
        let endpoint = self.name(place);
        if self.asked() == 1 {
            tracing::error!(%endpoint, what, %reason, rest_s = LONGEST_REST.as_secs(), "the last L1 endpoint is caught with a false answer: it is asked again after a rest, for there is no other; name another one with --l1");
            self.all[place].rests_until = Instant::now() + LONGEST_REST;
            return;
        }
        tracing::error!(%endpoint, what, %reason, "an L1 endpoint is caught with a false answer: it is not asked again");
        self.all[place].left = Some(reason);
    }

    fn failed(&mut self, place: usize, error: &RpcError) {
        let standing = &mut self.all[place];
        let asked_for = match error {
            RpcError::RateLimited { retry_after, .. } => *retry_after,
            // It answers, only not this: an old state, a range too wide.
            RpcError::Refused { .. } => Some(Duration::ZERO),
            _ => None,
        };
        let rest = asked_for.unwrap_or(standing.rest).min(LONGEST_REST);
        if standing.rest == FIRST_REST {
            tracing::warn!(%error, rest_ms = rest.as_millis(), "an L1 endpoint gave no answer");
        }
        standing.rests_until = Instant::now() + rest;
        standing.rest = (2 * standing.rest).min(LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of so many endpoints stay, whose final blocks are this many seconds old.
    fn kept(ages: &[u64]) -> Vec<usize> {
        let endpoint = || Endpoint::new("http://127.0.0.1:9").unwrap();
        let mut endpoints = Endpoints::new(ages.iter().map(|_| endpoint()).collect(), 1);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let heads = ages
            .iter()
            .map(|age| (1_000_000 - age, now.as_secs() - age));
        let mut heads = heads.enumerate().collect();
        endpoints.thaw(&mut heads);
        heads.into_iter().map(|(place, _)| place).collect()
    }

    #[test]
    fn one_that_pretends_to_be_newer_does_not_take_out_those_whose_l1_finalizes_late() {
        assert_eq!(kept(&[0, 7_200, 7_300]), [0, 1, 2]);
        assert_eq!(kept(&[7_200, 0, 100]), [1, 2], "who stands still is out");
        assert_eq!(kept(&[7_200, 7_300]), [0, 1], "all are late");
    }
}
