use super::*;

#[test]
fn namespaces_are_read_decimal_and_hex() {
    for (text, number) in [
        ("42", 42),
        ("0x2a", 42),
        ("0X2A", 42),
        ("18446744073709551615", u64::MAX),
    ] {
        assert_eq!(parse_namespace(text).unwrap().get(), number);
    }
}

#[test]
fn namespace_zero_says_what_to_use_instead() {
    for text in ["0", "0x0", "00"] {
        let error = parse_namespace(text).unwrap_err();
        assert_eq!(error, TextError::NamespaceZero);
        assert!(error.to_string().contains("chain id"));
    }
}

#[test]
fn what_is_no_namespace_is_refused() {
    for text in ["", "-1", "x", "0x", "0x+1", "18446744073709551616", "1.0"] {
        assert!(
            matches!(parse_namespace(text), Err(TextError::Namespace(_))),
            "{text}"
        );
    }
}

#[test]
fn base64_is_read_with_and_without_padding() {
    for text in ["aGk=", "aGk"] {
        assert_eq!(Base64::parse(text).unwrap().0.as_ref(), b"hi");
    }
    assert_eq!(
        serde_json::to_string(&Base64(Bytes::from_static(b"hi"))).unwrap(),
        "\"aGk=\""
    );
}

#[test]
fn what_is_no_base64_is_refused() {
    for text in ["a", "aG k", "aGk==", "a-_b", "aGl="] {
        assert!(Base64::parse(text).is_err(), "{text}");
    }
}

#[test]
fn hashes_are_read_with_and_without_prefix() {
    let digits = "ab".repeat(32);
    assert_eq!(
        parse_hash(&digits).unwrap(),
        parse_hash(&format!("0x{digits}")).unwrap()
    );
    assert!(parse_hash("0x1234").is_err());
}
