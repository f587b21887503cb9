//! The protocol, rule by rule: scenarios on replicas with real keys, without sockets, threads or
//! clocks. Tests name the rules they cover; [`rules`] checks that every rule is named.

mod evidence;
mod forge;
mod intake;
mod network;
mod schedule;

mod catching_up;
mod epochs;
mod headers;
mod oddities;
mod proposing;
mod recovery;
mod restart;
mod rules;
mod timeouts;
mod voting;
