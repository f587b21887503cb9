//! Several endpoints read as one.
//!
//! An answer counts if more than half of the configured endpoints gave it. That is no vote about
//! what is true: two of two must agree, an endpoint that contradicts is named, and without enough
//! equal answers nothing is learnt at all. An endpoint that fails or limits the rate rests, longer
//! each time.

use std::time::{Duration, Instant};

use futures::future::join_all;
use light_client::rpc::{Endpoint, RpcError};

use super::metrics::{EndpointLabel, ErrorLabel, L1Metrics};

/// The first rest of an endpoint that failed.
const FIRST_REST: Duration = Duration::from_millis(500);
/// The longest.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// The endpoints of one L1.
#[derive(Debug)]
pub(crate) struct Sources {
    chain_id: u64,
    sources: Vec<Source>,
    metrics: L1Metrics,
    /// What was wrong in the last reading.
    alarm: Option<String>,
}

#[derive(Debug)]
struct Source {
    endpoint: Endpoint,
    /// It was asked for its chain id, and that is right.
    is_known: bool,
    rests_until: Instant,
    rest: Duration,
    /// It contradicted the others when it was last asked.
    contradicts: bool,
}

impl Sources {
    pub(crate) fn new(endpoints: Vec<Endpoint>, chain_id: u64, metrics: L1Metrics) -> Self {
        let source = |endpoint| Source {
            endpoint,
            is_known: false,
            rests_until: Instant::now(),
            rest: FIRST_REST,
            contradicts: false,
        };
        Self {
            chain_id,
            sources: endpoints.into_iter().map(source).collect(),
            metrics,
            alarm: None,
        }
    }

    /// How many equal answers count.
    pub(crate) fn quorum(&self) -> usize {
        self.sources.len() / 2 + 1
    }

    /// What was wrong since this was last asked.
    pub(crate) fn take_alarm(&mut self) -> Option<String> {
        self.alarm.take()
    }

    /// Asks all that are not resting; answers with the place of each.
    pub(crate) async fn ask_all<T, F: Future<Output = Result<T, RpcError>>>(
        &mut self,
        request: impl Fn(Endpoint) -> F,
    ) -> Vec<(usize, T)> {
        self.meet().await;
        let now = Instant::now();
        let asked = self
            .sources
            .iter()
            .enumerate()
            .filter(|(_, source)| source.is_known && source.rests_until <= now)
            .map(|(place, source)| {
                let answer = request(source.endpoint.clone());
                async move { (place, answer.await) }
            });
        let answers = join_all(asked).await;
        let mut given = Vec::new();
        for (place, answer) in answers {
            match answer {
                Ok(answer) => {
                    self.sources[place].rest = FIRST_REST;
                    given.push((place, answer));
                }
                Err(error) => self.failed(place, &error),
            }
        }
        given
    }

    /// Asks all, and returns what enough of them say alike.
    pub(crate) async fn agree<T: Clone + PartialEq, F: Future<Output = Result<T, RpcError>>>(
        &mut self,
        what: &'static str,
        request: impl Fn(Endpoint) -> F,
    ) -> Option<T> {
        let answers = self.ask_all(request).await;
        let quorum = self.quorum();
        let count = |one: &T| answers.iter().filter(|(_, other)| other == one).count();
        let agreed = answers
            .iter()
            .map(|(_, answer)| answer)
            .find(|answer| count(answer) >= quorum)
            .cloned();
        let Some(agreed) = agreed else {
            let is_split = answers.iter().any(|(_, answer)| *answer != answers[0].1);
            if is_split {
                for (place, _) in &answers {
                    self.contradicts(*place, what);
                }
            } else if self.alarm.is_none() {
                self.alarm = Some(format!(
                    "{} of {} L1 endpoints answered, {quorum} are needed",
                    answers.len(),
                    self.sources.len()
                ));
            }
            return None;
        };
        for (place, answer) in answers {
            if answer == agreed {
                self.sources[place].contradicts = false;
            } else {
                self.contradicts(place, what);
            }
        }
        Some(agreed)
    }

    /// Asks one after the other, in turns, until `take` accepts an answer. What it refuses was a lie.
    pub(crate) async fn ask_any<T, R, F: Future<Output = Result<T, RpcError>>>(
        &mut self,
        what: &'static str,
        request: impl Fn(Endpoint) -> F,
        mut take: impl FnMut(T) -> Option<R>,
    ) -> Option<R> {
        self.meet().await;
        let now = Instant::now();
        for place in 0..self.sources.len() {
            let source = &self.sources[place];
            if !source.is_known || source.rests_until > now {
                continue;
            }
            match request(source.endpoint.clone()).await {
                Ok(answer) => match take(answer) {
                    Some(taken) => return Some(taken),
                    None => self.contradicts(place, what),
                },
                Err(error) => self.failed(place, &error),
            }
        }
        None
    }

    /// Asks those for their chain id that have not said it.
    async fn meet(&mut self) {
        let now = Instant::now();
        let strangers = self
            .sources
            .iter()
            .enumerate()
            .filter(|(_, source)| !source.is_known && source.rests_until <= now)
            .map(|(place, source)| {
                let endpoint = source.endpoint.clone();
                async move { (place, endpoint.chain_id().await) }
            });
        for (place, answer) in join_all(strangers).await {
            match answer {
                Ok(id) if id == self.chain_id => self.sources[place].is_known = true,
                Ok(id) => {
                    let name = self.sources[place].endpoint.name();
                    let alarm = format!(
                        "the L1 endpoint {name} is of chain {id}, the stake table is on chain {}",
                        self.chain_id
                    );
                    tracing::error!("{alarm}: correct l1.endpoints");
                    self.alarm = Some(alarm);
                    self.sources[place].rests_until = now + LONGEST_REST;
                }
                Err(error) => self.failed(place, &error),
            }
        }
    }

    fn failed(&mut self, place: usize, error: &RpcError) {
        let source = &mut self.sources[place];
        let label = ErrorLabel {
            endpoint: source.endpoint.name().to_owned(),
            kind: error.kind(),
        };
        self.metrics.errors.get_or_create(&label).inc();
        let asked_for = match error {
            RpcError::RateLimited { retry_after, .. } => *retry_after,
            _ => None,
        };
        let rest = asked_for.unwrap_or(source.rest).min(LONGEST_REST);
        if source.rest == FIRST_REST {
            tracing::warn!(%error, rest_ms = rest.as_millis(), "an L1 endpoint gave no answer");
        } else {
            tracing::debug!(%error, rest_ms = rest.as_millis(), "an L1 endpoint gave no answer");
        }
        source.rests_until = Instant::now() + rest;
        source.rest = (2 * source.rest).min(LONGEST_REST);
        self.alarm = Some(error.to_string());
    }

    fn contradicts(&mut self, place: usize, what: &'static str) {
        let source = &mut self.sources[place];
        let endpoint = source.endpoint.name().to_owned();
        let alarm = format!("L1 endpoints contradict each other about {what} ({endpoint})");
        if !source.contradicts {
            tracing::error!(%endpoint, what, "an L1 endpoint contradicts: it lies, or is on another fork");
        }
        source.contradicts = true;
        let label = EndpointLabel { endpoint };
        self.metrics.disagreements.get_or_create(&label).inc();
        self.alarm = Some(alarm);
    }

    /// Notes how far each endpoint is, and returns the highest number that enough have reached.
    pub(crate) fn reached(&self, answers: &[(usize, u64)]) -> Option<u64> {
        for (place, number) in answers {
            let endpoint = self.sources[*place].endpoint.name().to_owned();
            let gauge = self
                .metrics
                .endpoint_finalized
                .get_or_create(&EndpointLabel { endpoint });
            gauge.set(i64::try_from(*number).unwrap_or(i64::MAX));
        }
        let mut numbers: Vec<u64> = answers.iter().map(|(_, number)| *number).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        numbers.get(self.quorum() - 1).copied()
    }
}

#[cfg(test)]
mod tests;
