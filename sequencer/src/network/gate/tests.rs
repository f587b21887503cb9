use libp2p::identity::Keypair;

use super::*;

fn gate(change: impl FnOnce(&mut NetworkConfig)) -> Gate {
    let mut config = NetworkConfig::new(Keypair::generate_ed25519(), [0; 32]);
    change(&mut config);
    Gate::new(Arc::new(config), Arc::default())
}

fn address(last: u8) -> Multiaddr {
    format!("/ip4/10.0.0.{last}/tcp/4000").parse().unwrap()
}

fn connection(id: usize) -> ConnectionId {
    ConnectionId::new_unchecked(id)
}

#[test]
fn unknown_peers_are_capped_and_configured_ones_are_not() {
    let now = Instant::now();
    let validator = PeerId::random();
    let mut gate = gate(|config| config.max_unknown_peers = 2);
    gate.configure([(&validator, [].as_slice())]);
    for id in 0..2 {
        gate.admit_inbound(now, connection(id), PeerId::random(), &address(1))
            .unwrap();
    }
    assert!(
        gate.admit_inbound(now, connection(2), PeerId::random(), &address(1))
            .is_err()
    );
    gate.admit_inbound(now, connection(3), validator, &address(1))
        .unwrap();
    gate.forget(connection(0));
    gate.admit_inbound(now, connection(4), PeerId::random(), &address(1))
        .unwrap();
}

#[test]
fn one_address_does_not_take_all_places() {
    let now = Instant::now();
    let mut gate = gate(|config| config.max_unknown_per_ip = 1);
    gate.admit_inbound(now, connection(0), PeerId::random(), &address(1))
        .unwrap();
    assert!(
        gate.admit_inbound(now, connection(1), PeerId::random(), &address(1))
            .is_err()
    );
    gate.admit_inbound(now, connection(2), PeerId::random(), &address(2))
        .unwrap();
}

#[test]
fn addresses_of_one_ipv6_network_count_as_one() {
    let now = Instant::now();
    let mut gate = gate(|config| config.max_unknown_per_ip = 1);
    let from = |text: &str| -> Multiaddr { text.parse().unwrap() };
    let mut admit =
        |id, address| gate.admit_inbound(now, connection(id), PeerId::random(), &address);
    admit(0, from("/ip6/2001:db8::1/tcp/4000")).unwrap();
    admit(1, from("/ip6/2001:db8::2/tcp/4000")).unwrap_err();
    admit(2, from("/ip6/2001:db8:0:1::1/tcp/4000")).unwrap();
}

#[test]
fn handshakes_are_capped_until_they_end() {
    let mut gate = gate(|config| config.max_handshakes = 1);
    gate.admit_handshake(connection(0), &address(1)).unwrap();
    assert!(gate.admit_handshake(connection(1), &address(2)).is_err());
    gate.forget(connection(0));
    gate.admit_handshake(connection(2), &address(2)).unwrap();
}

#[test]
fn strangers_take_no_place_from_the_handshakes_of_configured_peers() {
    let validator = PeerId::random();
    let mut gate = gate(|config| {
        config.max_handshakes = 1;
        config.max_handshakes_per_ip = 2;
    });
    gate.configure([(&validator, [address(9)].as_slice())]);
    gate.admit_handshake(connection(0), &address(1)).unwrap();
    assert!(gate.admit_handshake(connection(1), &address(2)).is_err());
    gate.admit_handshake(connection(2), &address(9)).unwrap();
    gate.admit_handshake(connection(3), &address(9)).unwrap();
    assert!(gate.admit_handshake(connection(4), &address(9)).is_err());
    gate.forget(connection(0));
    gate.admit_handshake(connection(5), &address(2)).unwrap();
}

#[test]
fn a_banned_peer_is_refused_both_ways_even_when_configured() {
    let now = Instant::now();
    let peer = PeerId::random();
    let mut gate = gate(|_| {});
    gate.configure([(&peer, [].as_slice())]);
    assert_eq!(gate.blame(now, peer, 100), Verdict::Banned);
    assert!(
        gate.admit_inbound(now, connection(0), peer, &address(1))
            .is_err()
    );
    assert!(
        gate.admit_outbound(now, connection(1), peer, &address(1))
            .is_err()
    );
}
