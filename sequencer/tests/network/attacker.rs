//! A peer that authenticates itself and then writes what it likes, built on another implementation of streams.

use std::io;

use futures::{AsyncWriteExt, StreamExt};
use libp2p::{
    PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder, noise, swarm::SwarmEvent, tcp, yamux,
};
use libp2p_stream::OpenStreamError;
use tokio::{sync::watch, task::AbortHandle};

use crate::node::{Node, within};

pub(crate) struct Attacker {
    target: PeerId,
    chain: String,
    control: libp2p_stream::Control,
    is_connected: watch::Receiver<bool>,
    tasks: Vec<AbortHandle>,
}

impl Attacker {
    /// Connects and accepts the streams that the node opens, so that the node takes it for one of its own kind.
    pub(crate) async fn connect(node: &Node, domain: &[u8; 32]) -> Self {
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_tcp(
                tcp::Config::new(),
                noise::Config::new,
                yamux::Config::default,
            )
            .unwrap()
            .with_behaviour(|_| libp2p_stream::Behaviour::new())
            .unwrap()
            .build();
        let mut control = swarm.behaviour().new_control();
        let chain = hex::encode(&domain[..8]);
        let mut tasks = Vec::new();
        for kind in ["control", "bulk", "pulse"] {
            let mut streams = control.accept(protocol(&chain, kind)).unwrap();
            let hold = async move {
                let mut held = Vec::new();
                while let Some(stream) = streams.next().await {
                    held.push(stream);
                }
            };
            tasks.push(tokio::spawn(hold).abort_handle());
        }
        swarm.dial(node.address()).unwrap();
        let (connected, mut is_connected) = watch::channel(false);
        tasks.push(tokio::spawn(drive(swarm, connected)).abort_handle());
        within(is_connected.wait_for(|is_connected| *is_connected))
            .await
            .unwrap();
        Self {
            target: node.id(),
            chain,
            control,
            is_connected,
            tasks,
        }
    }

    pub(crate) async fn open(&mut self, kind: &str) -> Stream {
        self.try_open(kind).await.unwrap()
    }

    pub(crate) async fn try_open(&mut self, kind: &str) -> Result<Stream, OpenStreamError> {
        let protocol = protocol(&self.chain, kind);
        within(self.control.open_stream(self.target, protocol)).await
    }

    pub(crate) async fn until_disconnected(&mut self) {
        within(self.is_connected.wait_for(|is_connected| !is_connected))
            .await
            .unwrap();
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn drive(mut swarm: Swarm<libp2p_stream::Behaviour>, connected: watch::Sender<bool>) {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { .. } => drop(connected.send_replace(true)),
            SwarmEvent::ConnectionClosed { .. } => drop(connected.send_replace(false)),
            _ => {}
        }
    }
}

fn protocol(chain: &str, kind: &str) -> StreamProtocol {
    StreamProtocol::try_from_owned(format!("/sequencer/{chain}/{kind}/1")).unwrap()
}

pub(crate) async fn write(stream: &mut Stream, bytes: &[u8]) {
    try_write(stream, bytes).await.unwrap();
}

pub(crate) async fn try_write(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

pub(crate) async fn close(stream: &mut Stream) {
    stream.close().await.unwrap();
}
