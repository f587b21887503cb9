mod chain;
mod crash;
mod damage;
mod data;
mod disk;
mod identity;
mod proofs;
#[path = "../../proof/tests/chain/mod.rs"]
mod real;
mod record;
mod retention;
mod snapshot;
