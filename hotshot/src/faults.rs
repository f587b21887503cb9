//! Rules that the simulator can switch off, to show that it notices. Not in the product's build.

/// A rule that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// V9 without its bar: vote 2 at or below a round timed out in.
    VoteAfterTimeout,
    /// P2 without J2's bound: any justification goes with any timeout certificate.
    TimeoutLockIgnored,
    /// W2 reversed: votes leave before the record is durable.
    VoteBeforeDurable,
}
