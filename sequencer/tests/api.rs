//! The API and the command line over real sockets, against a database that holds a real chain.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../proof/tests/chain/mod.rs"]
mod chain;

#[path = "api/anchored.rs"]
mod anchored;
#[path = "api/bad_input.rs"]
mod bad_input;
#[path = "api/batches.rs"]
mod batches;
#[path = "api/caching.rs"]
mod caching;
#[path = "api/command_line.rs"]
mod command_line;
#[path = "api/database.rs"]
mod database;
#[path = "api/document.rs"]
mod document;
#[path = "api/liar.rs"]
mod liar;
#[path = "api/many_streams.rs"]
mod many_streams;
#[path = "api/node.rs"]
mod node;
#[path = "api/one_node.rs"]
mod one_node;
#[path = "api/openapi.rs"]
mod openapi;
#[path = "api/operating.rs"]
mod operating;
#[path = "ports/mod.rs"]
mod ports;
#[path = "api/queries.rs"]
mod queries;
#[path = "api/serving.rs"]
mod serving;
#[path = "api/several_servers.rs"]
mod several_servers;
#[path = "api/streams.rs"]
mod streams;
#[path = "api/submitting.rs"]
mod submitting;
