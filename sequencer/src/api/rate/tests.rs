use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_source_may_make_a_burst_and_then_so_many_a_second() {
    let rates = Rates::new(Some(10));
    let (start, caller) = (Instant::now(), address("10.0.0.1"));
    let taken = |at| {
        (0..1_000)
            .filter(|_| rates.take(caller, at).is_ok())
            .count()
    };
    assert_eq!(taken(start), 40);
    assert_eq!(taken(start + Duration::from_secs(1)), 10);
    let wait = rates.take(caller, start + Duration::from_secs(1));
    assert_eq!(wait, Err(Duration::from_millis(100)));
    assert_eq!(taken(start + Duration::from_secs(3_600)), 40);
    assert!(rates.take(address("10.0.0.2"), start).is_ok());
}

#[test]
fn an_ipv6_network_is_one_source_and_loopback_none() {
    let rates = Rates::new(Some(1));
    let now = Instant::now();
    let taken = |callers: [&str; 2]| {
        let callers = callers.map(address);
        let mut turns = callers.iter().cycle().take(100);
        turns
            .by_ref()
            .filter(|caller| rates.take(**caller, now).is_ok())
            .count()
    };
    assert_eq!(taken(["2001:db8::1", "2001:db8::2"]), 4);
    assert_eq!(taken(["127.0.0.1", "::1"]), 100);
    let free = Rates::new(None);
    assert!((0..100).all(|_| free.take(address("10.0.0.1"), now).is_ok()));
}

#[test]
fn no_more_sources_are_remembered_than_the_bound() {
    let rates = Rates::new(Some(1));
    let now = Instant::now();
    for number in 0..70_000_u32 {
        let caller = IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + number));
        let is_taken = rates.take(caller, now).is_ok();
        assert_eq!(is_taken, number < 65_536, "{number}");
    }
    assert!(
        rates
            .take(address("10.99.0.1"), now + Duration::from_secs(2))
            .is_ok()
    );
}
