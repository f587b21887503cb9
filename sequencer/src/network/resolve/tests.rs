use super::*;

#[tokio::test]
async fn names_lead_to_addresses_and_addresses_to_themselves() {
    let given: Vec<Multiaddr> = ["/ip4/192.0.2.1/tcp/1", "/dns4/localhost/tcp/2"]
        .map(|text| text.parse().unwrap())
        .into();
    assert!(has_names(&given));
    let resolved = resolve(&given).await;
    assert_eq!(resolved[0], given[0]);
    assert!(resolved.contains(&"/ip4/127.0.0.1/tcp/2".parse().unwrap()));
}

#[tokio::test]
async fn a_name_that_stands_for_nothing_is_left_out() {
    let given: Vec<Multiaddr> = ["/dns/nobody.invalid/tcp/1", "/ip6/::1/tcp/2"]
        .map(|text| text.parse().unwrap())
        .into();
    assert_eq!(resolve(&given).await, given[1..]);
}

#[test]
fn a_name_without_a_port_is_no_name() {
    assert!(!has_names(&["/dns/localhost".parse().unwrap()]));
    assert!(!has_names(&["/ip4/127.0.0.1/tcp/1".parse().unwrap()]));
}
