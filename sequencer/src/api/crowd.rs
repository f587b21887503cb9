//! How many of all connections one source may hold, so that nobody keeps the others out.
//!
//! A source is an IPv4 address or an IPv6 /64. Loopback is not counted: see [`super::rate`].

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::mempool::Source;

/// Connections by source. At most as many sources as there are connections.
#[derive(Clone, Default)]
pub(super) struct Crowd(Arc<Mutex<HashMap<Source, u32>>>);

/// A connection's place; dropping it gives it back.
pub(super) struct Place {
    crowd: Crowd,
    source: Option<Source>,
}

impl Crowd {
    /// A place for a connection, unless its source has `most` already.
    pub(super) fn enter(&self, from: IpAddr, most: u32) -> Option<Place> {
        let source = (!from.to_canonical().is_loopback()).then(|| Source::client(from));
        if let Some(source) = source {
            let mut held = self.held();
            let count = held.entry(source).or_default();
            if *count >= most {
                return None;
            }
            *count += 1;
        }
        Some(Place {
            crowd: self.clone(),
            source,
        })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Source, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(source) = self.source else {
            return;
        };
        let mut held = self.crowd.held();
        if let Some(count) = held.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                held.remove(&source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_does_not_take_the_places_of_others() {
        let crowd = Crowd::default();
        let (one, other) = (
            "203.0.113.1".parse().unwrap(),
            "203.0.113.2".parse().unwrap(),
        );
        let first = crowd.enter(one, 2);
        let second = crowd.enter(one, 2);
        assert!(first.is_some() && second.is_some());
        assert!(crowd.enter(one, 2).is_none());
        assert!(crowd.enter(other, 2).is_some());
        drop(first);
        assert!(crowd.enter(one, 2).is_some());
        drop(second);
        assert!(crowd.held().is_empty());
    }

    #[test]
    fn this_machine_is_not_counted() {
        let crowd = Crowd::default();
        let here = "::ffff:127.0.0.1".parse().unwrap();
        let places: Vec<_> = (0..5).map(|_| crowd.enter(here, 2)).collect();
        assert!(places.iter().all(Option::is_some));
    }
}
