//! The protocol, rule by rule: scenarios on replicas with real keys, without sockets, threads or
//! clocks. Tests name the rules they cover; [`rules`] checks that every rule is named.

mod forge;
mod network;
mod schedule;

mod catching_up;
mod epochs;
mod headers;
mod proposing;
mod voting;
