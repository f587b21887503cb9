use libp2p::{Multiaddr, identity::Keypair};

use super::*;
use crate::network::{
    config::NetworkConfig,
    directory::{Directory, PulseRecord},
    handler::Handler,
    protocol::Protocols,
};

const RETIREMENT: Duration = Duration::from_secs(1);

struct Side {
    links: Links,
    directory: Directory,
    peer: PeerId,
    roles: HashMap<ConnectionId, watch::Receiver<Role>>,
}

impl Side {
    fn new(local: PeerId, peer: PeerId) -> Self {
        let config = Arc::new(NetworkConfig::new(Keypair::generate_ed25519(), [0; 32]));
        Self {
            links: Links::new(local),
            directory: Directory::new(local, config),
            peer,
            roles: HashMap::new(),
        }
    }

    fn connect(&mut self, connection: ConnectionId, is_outbound: bool) {
        let (_, ends) = Handler::new(Protocols::new(&[0; 32]), Arc::default(), Duration::ZERO);
        let handle = LinkHandle {
            opener: ends.opener,
            address: Multiaddr::empty(),
            pulse: Arc::new(PulseRecord::new()),
        };
        let (role, of_link) = watch::channel(Role::Pending);
        let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
        let entry = self.directory.attach(self.peer);
        self.links.insert(
            connection,
            LinkState::new(entry, handle, is_outbound, role, task),
        );
        self.roles.insert(connection, of_link);
    }

    fn ready(&mut self, now: Instant, connection: ConnectionId) -> Choice {
        self.links.on_ready(now, connection, RETIREMENT).unwrap()
    }

    fn role(&self, connection: ConnectionId) -> Role {
        *self.roles[&connection].borrow()
    }
}

fn two_sides() -> (Side, Side) {
    let (a, b) = (PeerId::random(), PeerId::random());
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    (Side::new(low, high), Side::new(high, low))
}

fn connection(id: usize) -> ConnectionId {
    ConnectionId::new_unchecked(id)
}

#[tokio::test]
async fn both_sides_of_a_double_dial_keep_the_connection_of_the_lower_id() {
    let now = Instant::now();
    let (by_low, by_high) = (connection(1), connection(2));
    for low_first in [true, false] {
        let (mut low, mut high) = two_sides();
        low.connect(by_low, true);
        low.connect(by_high, false);
        high.connect(by_low, false);
        high.connect(by_high, true);
        let order = if low_first {
            [by_low, by_high]
        } else {
            [by_high, by_low]
        };
        // The two sides may even see them in opposite order.
        assert_eq!(low.ready(now, order[0]), Choice::First(low.peer));
        assert_eq!(low.ready(now, order[1]), Choice::Double);
        assert_eq!(high.ready(now, order[1]), Choice::First(high.peer));
        assert_eq!(high.ready(now, order[0]), Choice::Double);
        for side in [&low, &high] {
            assert_eq!(
                (side.role(by_low), side.role(by_high)),
                (Role::Active, Role::Retired)
            );
            assert_eq!(side.links.deadline(), Some(now + RETIREMENT));
        }
    }
}

#[tokio::test]
async fn a_peer_that_returns_replaces_its_old_connection() {
    let now = Instant::now();
    let (mut low, _) = two_sides();
    low.connect(connection(1), true);
    low.ready(now, connection(1));
    low.connect(connection(2), false);
    let later = now + DOUBLE_DIAL;
    assert_eq!(low.ready(later, connection(2)), Choice::Returned(low.peer));
    assert_eq!(low.role(connection(1)), Role::Retired);
    assert_eq!(low.links.take_due(later + RETIREMENT), [connection(1)]);
    let ended = low.links.remove(connection(1), Ending::Cut).unwrap();
    assert!(!ended.was_in_use && !ended.was_last_hope);
}

#[tokio::test]
async fn the_end_of_the_connection_in_use_leaves_the_peer_disconnected() {
    let now = Instant::now();
    let (mut low, _) = two_sides();
    low.connect(connection(1), true);
    assert!(low.links.is_connected(&low.peer));
    low.ready(now, connection(1));
    let ended = low.links.remove(connection(1), Ending::Closed).unwrap();
    assert!(ended.was_in_use && ended.was_last_hope);
    assert_eq!(ended.ready_for(now), Some(Duration::ZERO));
    assert!(ended.entry.link.borrow().is_none());
    assert!(!low.links.is_connected(&low.peer));
    assert!(low.links.remove(connection(1), Ending::Closed).is_none());
}
