//! Real processes: what a validator may sign after its record was lost, and what becomes of two
//! copies of it (K3, K4); and committees that come from a stake table on an L1.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "validators/anvil.rs"]
mod anvil;
#[path = "validators/home.rs"]
mod home;
#[path = "validators/keys.rs"]
mod keys;
#[path = "validators/network.rs"]
mod network;
#[path = "validators/payloads.rs"]
mod payloads;
#[path = "ports/mod.rs"]
mod ports;
// The endpoint of `cargo xtask l1-faults`.
#[path = "../../scripts/src/l1_faults/proxy.rs"]
mod proxy;
#[path = "validators/records.rs"]
mod records;
#[path = "validators/relaying.rs"]
mod relaying;
#[path = "validators/reorg.rs"]
mod reorg;
#[path = "validators/slashing.rs"]
mod slashing;
