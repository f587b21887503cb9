//! How many files and connections a node may have open, and how many its limits allow it to need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::config::ApiConfig;

/// Files that the storage engine keeps open at most.
const DATABASE: u64 = 900;
/// Strangers and handshakes under way.
const STRANGERS: u64 = 64 + 128;
/// What is opened besides: journals, files being written, listening sockets, names being looked up, dials.
const OTHERS: u64 = 256;

/// What a process may have open; none where there is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// Now.
    pub(crate) now: Option<u64>,
    /// If the process asks for it, as a node does when it starts.
    pub(crate) most: Option<u64>,
}

/// What this process may have open.
pub(crate) fn allowed() -> Allowed {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    Allowed {
        now: current,
        most: maximum,
    }
}

/// What a node of a network of so many validators opens at most.
pub(crate) fn needed(api: &ApiConfig, validators: usize) -> u64 {
    let connections = u64::from(api.max_streams) + u64::from(api.connections);
    DATABASE + STRANGERS + OTHERS + validators as u64 + connections
}

/// Raises what this process may have open as far as it may itself, and says if that is too little.
pub(crate) fn raise(needed: u64) {
    let Allowed { now, most } = allowed();
    if now.is_none_or(|now| now >= needed) {
        return;
    }
    let wanted = most.map_or(needed, |most| most.min(needed));
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted),
            maximum: most,
        },
    );
    if raised.is_err() || wanted < needed {
        tracing::warn!(
            limit = wanted,
            needed,
            "few files may be open: connections will be refused under load. Raise the limit (ulimit -n, LimitNOFILE) or lower api.max_streams"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_grows_with_streams_connections_and_validators() {
        let api = ApiConfig {
            listen: ([127, 0, 0, 1], 0).into(),
            is_public: false,
            max_streams: 2_000,
            connections: 1_000,
            source_rate: None,
        };
        assert_eq!(needed(&api, 100), 3_100 + 900 + 192 + 256);
    }

    #[test]
    fn a_limit_is_raised_within_what_is_allowed() {
        let before = allowed();
        raise(before.now.unwrap_or(1_024));
        assert_eq!(allowed(), before, "enough already");
        let more = before.now.map_or(1_024, |now| now + 1);
        raise(more);
        let after = allowed();
        assert_eq!(after.most, before.most);
        if before.most.is_none_or(|most| most >= more) {
            assert!(after.now.is_none_or(|now| now >= more), "{after:?}");
        }
    }
}
