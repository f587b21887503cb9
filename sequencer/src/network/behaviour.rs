//! The libp2p behaviour: asks the [`Gate`] about every connection and gives it a [`Handler`].

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, ToSwarm},
};

use super::{
    config::NetworkConfig,
    gate::Gate,
    handler::{Handler, LinkEnds},
    metrics::Metrics,
    protocol::Protocols,
};

pub(crate) struct Behaviour {
    pub(crate) gate: Gate,
    protocols: Protocols,
    config: Arc<NetworkConfig>,
    metrics: Arc<Metrics>,
    /// Ends of connections that the driver has not heard of yet.
    ends: HashMap<ConnectionId, LinkEnds>,
}

impl Behaviour {
    pub(crate) fn new(config: Arc<NetworkConfig>, metrics: Arc<Metrics>) -> Self {
        Self {
            gate: Gate::new(Arc::clone(&config), Arc::clone(&metrics)),
            protocols: Protocols::new(&config.chain_domain),
            config,
            metrics,
            ends: HashMap::new(),
        }
    }

    /// Hands over the channels of a new connection, once.
    pub(crate) fn take_ends(&mut self, connection: ConnectionId) -> Option<LinkEnds> {
        self.ends.remove(&connection)
    }

    fn handler(&mut self, connection: ConnectionId) -> Handler {
        let (handler, ends) = Handler::new(
            self.protocols.clone(),
            Arc::clone(&self.metrics),
            self.config.handshake_timeout,
        );
        self.ends.insert(connection, ends);
        handler
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.gate.forget(connection);
        self.ends.remove(&connection);
    }
}

impl NetworkBehaviour for Behaviour {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.gate
            .admit_handshake(connection, from)
            .map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.gate
            .admit_inbound(Instant::now(), connection, peer, from)
            .map_err(ConnectionDenied::new)?;
        Ok(self.handler(connection))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        to: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        self.gate
            .admit_outbound(Instant::now(), connection, peer, to)
            .map_err(ConnectionDenied::new)?;
        Ok(self.handler(connection))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(closed) => self.forget(closed.connection_id),
            FromSwarm::ListenFailure(failure) => self.forget(failure.connection_id),
            FromSwarm::DialFailure(failure) => self.forget(failure.connection_id),
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, Infallible>> {
        Poll::Pending
    }
}
