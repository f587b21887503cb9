use super::*;

fn events(parser: &mut Parser) -> Vec<(String, String)> {
    std::iter::from_fn(|| parser.next().unwrap())
        .map(|event| (event.name, event.data))
        .collect()
}

#[test]
fn events_are_cut_out_wherever_the_bytes_are_cut() {
    let text = b": heartbeat\n\nevent: block\nid: 3\ndata: {\"a\":1}\n\nevent:head\r\ndata:x\r\ndata:y\r\n\r\n";
    for at in 0..text.len() {
        let mut parser = Parser::new(1000);
        parser.push(&text[..at]);
        let mut found = events(&mut parser);
        parser.push(&text[at..]);
        found.extend(events(&mut parser));
        let expected = [("block", "{\"a\":1}"), ("head", "x\ny")];
        assert_eq!(
            found,
            expected.map(|(name, data)| (name.to_owned(), data.to_owned()))
        );
    }
}

#[test]
fn an_event_over_the_bound_is_an_error() {
    let mut parser = Parser::new(100);
    parser.push(b"data: ");
    parser.push(&[b'x'; 200]);
    assert_eq!(parser.next(), Err(Oversized));
    let mut parser = Parser::new(100);
    for _ in 0..20 {
        parser.push(b"data: 0123456789\n");
    }
    assert_eq!(parser.next(), Err(Oversized));
}

#[test]
fn an_event_without_data_is_none() {
    let mut parser = Parser::new(100);
    parser.push(b"event: x\nid: 1\n\n");
    assert_eq!(parser.next(), Ok(None));
}
