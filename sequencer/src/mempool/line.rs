//! Transactions in a row, which leave it from anywhere.

use std::collections::VecDeque;

use super::store::Arrival;

/// Empty places that are never worth a clean-up.
const SLACK: usize = 1_024;

/// A row. Who leaves only says so: the place goes when it is at the front, or at the next clean-up,
/// when there are twice as many places as after the last one. So joining and leaving cost a few
/// instructions, where a sorted set costs a search.
#[derive(Debug, Default)]
pub(super) struct Line {
    places: VecDeque<Arrival>,
    waiting: usize,
    /// Places left by the last clean-up.
    cleaned: usize,
}

impl Line {
    /// Takes the last place.
    pub(super) fn join(&mut self, arrival: Arrival) {
        self.places.push_back(arrival);
        self.waiting += 1;
    }

    /// Takes the first place.
    pub(super) fn jump(&mut self, arrival: Arrival) {
        self.places.push_front(arrival);
        self.waiting += 1;
    }

    /// Somebody left; `is_here` tells who has not.
    pub(super) fn leave(&mut self, is_here: impl Fn(Arrival) -> bool) {
        self.waiting = self.waiting.saturating_sub(1);
        while self.places.front().is_some_and(|first| !is_here(*first)) {
            self.places.pop_front();
        }
        if self.places.len() > 2 * self.cleaned + SLACK {
            self.places.retain(|arrival| is_here(*arrival));
            self.cleaned = self.places.len();
        }
    }

    /// The first place; it may be empty.
    pub(super) fn first(&self) -> Option<Arrival> {
        self.places.front().copied()
    }

    /// Those who wait, and empty places.
    pub(super) fn iter(&self) -> impl Iterator<Item = Arrival> + '_ {
        self.places.iter().copied()
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == 0
    }
}
