//! Free ports below those that systems give to outgoing connections, so that nothing takes a
//! node's port while the node is down.

use std::{
    net::{Ipv4Addr, TcpListener},
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

const FIRST: u32 = 10_000;
const COUNT: u32 = 7_000;

/// A port of loopback that this process was not given before.
pub(crate) fn free() -> u16 {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    // Several test programs run at once; each starts somewhere else.
    let start = std::process::id().wrapping_mul(97);
    loop {
        let place = start.wrapping_add(GIVEN.fetch_add(1, Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + place).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
