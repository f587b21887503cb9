use super::*;

fn addresses(texts: &[&str]) -> Vec<Multiaddr> {
    let parsed = texts.iter().map(|text| text.parse());
    parsed.collect::<Result<_, _>>().expect("multiaddresses")
}

#[test]
fn an_address_on_all_interfaces_is_the_one_that_leads_to_the_others() {
    let listen = addresses(&["/ip4/0.0.0.0/tcp/0", "/ip4/10.0.0.7/tcp/9000"]);
    let towards = || Some(IpAddr::from([192, 168, 1, 5]));
    assert_eq!(
        reachable(&listen, Some(41_000), towards),
        addresses(&["/ip4/192.168.1.5/tcp/41000", "/ip4/10.0.0.7/tcp/9000"])
    );
    assert_eq!(
        reachable(&listen, None, || None),
        addresses(&["/ip4/10.0.0.7/tcp/9000"])
    );
}

#[test]
fn the_way_to_an_address_of_this_machine_is_that_address() {
    let target = SocketAddr::from(([127, 0, 0, 1], 9));
    assert_eq!(ip_towards(&[target]), Some(target.ip()));
}

#[test]
fn a_chosen_address_comes_before_the_known_ones() {
    let id = PeerId::random();
    let mut peers = vec![Peer {
        id,
        addresses: addresses(&["/ip4/10.0.0.1/tcp/1"]),
    }];
    let chosen = ["/ip4/10.0.0.2/tcp/2", "/ip4/10.0.0.2/tcp/2"].map(|text| PeerAddress {
        id,
        address: text.parse().expect("a multiaddress"),
    });
    add_chosen(&mut peers, &chosen);
    assert_eq!(
        peers[0].addresses,
        addresses(&["/ip4/10.0.0.2/tcp/2", "/ip4/10.0.0.1/tcp/1"])
    );
}
