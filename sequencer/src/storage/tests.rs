mod chain;
mod crash;
mod data;
mod disk;
mod identity;
mod proofs;
mod record;
mod retention;
