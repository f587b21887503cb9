//! Ports: free before a run, answering beside one, and whether the promised address leads here.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use libp2p::Multiaddr;
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{Report, Scene};
use crate::{
    cli::exit::Exit,
    config::{default_listen, socket},
    node,
};

/// How long a connection to this machine may take.
const LIMIT: Duration = Duration::from_secs(2);

pub(super) async fn examine(scene: &Scene, report: &mut Report) {
    let peers = listen_addresses(scene, report);
    if scene.is_running {
        for address in peers.iter().filter_map(socket) {
            answering("p2p.listen", address, report).await;
        }
    } else {
        let mut held = Vec::new();
        for address in peers.iter().filter_map(socket) {
            held.extend(free("p2p.listen", address, report).await);
        }
        if let Some(listener) = held.first() {
            promised(scene, listener, report).await;
        }
    }
    let api = scene.settings.api.resolve().ok();
    let servers = [
        ("api.listen", api.map(|api| api.listen)),
        ("metrics.listen", scene.settings.metrics.resolve()),
    ];
    for (setting, address) in servers {
        match address {
            Some(address) if scene.is_running => answering(setting, address, report).await,
            Some(address) => drop(free(setting, address, report).await),
            None => {}
        }
    }
}

fn listen_addresses(scene: &Scene, report: &mut Report) -> Vec<Multiaddr> {
    if let Some(listen) = &scene.settings.p2p.listen {
        return listen.iter().map(|address| address.0.clone()).collect();
    }
    let Some(genesis) = &scene.genesis else {
        return Vec::new();
    };
    match default_listen(genesis, scene.validator) {
        Ok(address) => vec![address],
        Err(error) => {
            report.fail("ports", error, Exit::Config);
            Vec::new()
        }
    }
}

async fn free(setting: &str, address: SocketAddr, report: &mut Report) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => {
            report.ok("ports", format!("{setting} {address} is free"));
            Some(listener)
        }
        Err(error) => {
            let message = format!("{setting} {address}: {}", node::advice(&error, setting));
            report.fail("ports", message, Exit::Config);
            None
        }
    }
}

async fn answering(setting: &str, address: SocketAddr, report: &mut Report) {
    match connect(nearby(address)).await {
        Ok(_) => report.ok("ports", format!("{setting} {address} answers")),
        Err(error) => report.fail(
            "ports",
            format!(
                "{setting} {address} does not answer ({error}): the running node was started with other settings; restart it"
            ),
            Exit::Unreachable,
        ),
    }
}

/// An address to reach a listener on this machine.
fn nearby(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    match timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(connected) => connected,
        Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Whether a connection to the address that the genesis document promises for this validator
/// arrives at its port. Beside a running node the peers are asked, and this node with them.
async fn promised(scene: &Scene, listener: &TcpListener, report: &mut Report) {
    let (Some(genesis), Some(index)) = (&scene.genesis, scene.validator) else {
        return;
    };
    let text = &genesis.validators[index].address;
    let Some(address) = text.parse().ok().as_ref().and_then(socket) else {
        return;
    };
    let arrived = async {
        let (connected, accepted) =
            tokio::join!(connect(address), timeout(LIMIT, listener.accept()));
        let ours = connected.ok()?.local_addr().ok()?.port();
        let (_, theirs) = accepted.ok()?.ok()?;
        Some(ours == theirs.port())
    };
    if arrived.await.is_some() {
        report.ok(
            "ports",
            format!("{address}, which peers will dial, leads here"),
        );
    } else {
        report.warn(
            "ports",
            format!(
                "{address}, which peers will dial, does not lead here from here: check firewall and port forwarding (some routers refuse this only from inside)"
            ),
        );
    }
}
