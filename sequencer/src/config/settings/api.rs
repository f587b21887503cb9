//! Settings about what a node serves: its HTTP API and its metrics.

use std::{net::SocketAddr, num::NonZeroU32};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::{
    api::DEFAULT_STREAMS,
    config::{
        ApiConfig, ConfigError, DEFAULT_API, DEFAULT_API_CONNECTIONS, DEFAULT_API_SOURCE_RATE,
        DEFAULT_METRICS,
    },
};

/// Most streams that a node may be set to allow.
const MAX_STREAMS: u32 = 100_000;

/// The HTTP API.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiSettings {
    /// Address of the HTTP API [default: 127.0.0.1:8080]
    #[arg(
        id = "api.listen",
        long = "api.listen",
        env = "SEQUENCER_API_LISTEN",
        value_name = "ADDR"
    )]
    pub listen: Option<SocketAddr>,
    /// Allow an API address that other machines reach [default: false]
    #[arg(
        id = "api.public",
        long = "api.public",
        env = "SEQUENCER_API_PUBLIC",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub public: Option<bool>,
    /// Streams of events at one time, 1 to 100000; each may take a file descriptor and 256 KiB [default: 2048]
    #[arg(
        id = "api.max_streams",
        long = "api.max-streams",
        env = "SEQUENCER_API_MAX_STREAMS",
        value_name = "N"
    )]
    pub max_streams: Option<u32>,
    /// Connections to the API at one time besides those of streams; more wait [default: 1024]
    #[arg(
        id = "api.connections",
        long = "api.connections",
        env = "SEQUENCER_API_CONNECTIONS",
        value_name = "N"
    )]
    pub connections: Option<NonZeroU32>,
    /// With api.public, requests a second of one address that is not this machine [default: 100]
    #[arg(
        id = "api.source_rate",
        long = "api.source-rate",
        env = "SEQUENCER_API_SOURCE_RATE",
        value_name = "N"
    )]
    pub source_rate: Option<NonZeroU32>,
}

/// Metrics.
#[derive(Args, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSettings {
    /// Serve /metrics [default: true]
    #[arg(
        id = "metrics.enabled",
        long = "metrics.enabled",
        env = "SEQUENCER_METRICS_ENABLED",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub enabled: Option<bool>,
    /// Address of /metrics [default: 127.0.0.1:9090]
    #[arg(
        id = "metrics.listen",
        long = "metrics.listen",
        env = "SEQUENCER_METRICS_LISTEN",
        value_name = "ADDR"
    )]
    pub listen: Option<SocketAddr>,
}

impl ApiSettings {
    pub(crate) fn resolve(&self) -> Result<ApiConfig, ConfigError> {
        let listen = self.listen.unwrap_or_else(|| parse_default(DEFAULT_API));
        let is_public = self.public.unwrap_or(false);
        let max_streams = self.max_streams.unwrap_or(DEFAULT_STREAMS);
        if !(1..=MAX_STREAMS).contains(&max_streams) {
            return Err(ConfigError::Streams(MAX_STREAMS));
        }
        if is_public || listen.ip().is_loopback() {
            let count =
                |chosen: Option<NonZeroU32>, default| chosen.map_or(default, NonZeroU32::get);
            let rate = count(self.source_rate, DEFAULT_API_SOURCE_RATE);
            Ok(ApiConfig {
                listen,
                is_public,
                max_streams,
                connections: count(self.connections, DEFAULT_API_CONNECTIONS),
                source_rate: is_public.then_some(rate),
            })
        } else {
            Err(ConfigError::PublicApi(listen))
        }
    }

    /// These, and the other's where these are silent.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            listen: self.listen.or(other.listen),
            public: self.public.or(other.public),
            max_streams: self.max_streams.or(other.max_streams),
            connections: self.connections.or(other.connections),
            source_rate: self.source_rate.or(other.source_rate),
        }
    }
}

impl MetricsSettings {
    pub(crate) fn resolve(&self) -> Option<SocketAddr> {
        let listen = self
            .listen
            .unwrap_or_else(|| parse_default(DEFAULT_METRICS));
        self.enabled.unwrap_or(true).then_some(listen)
    }
}

fn parse_default(address: &str) -> SocketAddr {
    address.parse().expect("a constant address is valid")
}
