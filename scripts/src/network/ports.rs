//! Ports nobody uses.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};
use rand::RngExt as _;

/// Where the search starts: below what systems give to outgoing connections, so that nothing
/// takes a node's port while the node is down.
const FIRST: u16 = 17_000;
const LAST: u16 = 31_000;

/// As many free ports on loopback.
pub(crate) fn free(count: usize) -> Result<Vec<u16>> {
    let start = rand::rng().random_range(FIRST..LAST);
    let mut found = Vec::with_capacity(count);
    for port in (start..LAST).chain(FIRST..start) {
        if found.len() == count {
            return Ok(found);
        }
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            found.push(port);
        }
    }
    bail!("no {count} free ports between {FIRST} and {LAST}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn free_ports_differ() -> anyhow::Result<()> {
        let ports = super::free(12)?;
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 12);
        Ok(())
    }
}
