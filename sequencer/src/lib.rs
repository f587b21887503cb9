//! A node of the decentralized sequencer network: all input and output around the pure cores.

pub mod api;
mod bounded_file;
pub mod cli;
pub mod config;
pub mod genesis_file;
pub mod keys;
pub mod l1;
pub mod mempool;
pub mod network;
pub mod network_file;
pub mod node;
mod open_files;
pub mod relay;
pub mod reporter;
pub mod storage;
