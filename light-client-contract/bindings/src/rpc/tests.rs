use serde_json::json;

use super::*;

#[test]
fn an_url_with_a_secret_path_is_named_by_its_host() -> Result<(), RpcError> {
    let endpoint = Endpoint::new("http://l1.example:8545/v2/secret")?;
    assert_eq!(endpoint.name(), "l1.example:8545");
    Ok(())
}

#[test]
fn text_that_is_no_url_is_refused() {
    for text in [
        "",
        "l1.example:8545",
        "ftp://l1.example",
        "/path",
        "ws://l1.example",
    ] {
        assert_eq!(Endpoint::new(text).err(), Some(RpcError::Url), "{text}");
    }
    let named = Endpoint::new("http://name:word@l1.example");
    assert_eq!(named.err(), Some(RpcError::Credentials));
}

#[test]
fn what_a_view_refuses_is_told_from_an_endpoint_that_fails() {
    let refusal = |data: Option<Vec<u8>>| RpcError::Refused {
        endpoint: "l1.example".into(),
        method: "eth_call",
        code: 3,
        message: "execution reverted".into(),
        data,
    };
    let refused = ViewError::from(refusal(Some(vec![1, 2])));
    assert_eq!(refused, ViewError::Refused(vec![1, 2]));
    let failed = ViewError::from(refusal(None));
    assert_eq!(failed, ViewError::Rpc(refusal(None)));
}

#[test]
fn numbers_are_written_without_leading_zeros_and_read_up_to_128_bits() {
    assert_eq!(json!(Quantity(0)), "0x0");
    assert_eq!(json!(Quantity(1024)), "0x400");
    let read = |text: &str| serde_json::from_value::<Quantity>(json!(text));
    assert_eq!(read("0x400").ok(), Some(Quantity(1024)));
    assert!(read("400").is_err());
    assert!(read("0x100000000000000000000000000000000").is_err());
}

#[test]
fn a_refusal_for_too_many_requests_is_told_from_others() -> Result<(), RpcError> {
    let endpoint = Endpoint::new("http://l1.example")?;
    let refusal = |code, message: &str| {
        let refusal = Refusal {
            code,
            message: message.into(),
            data: Some(json!("0x1234")),
        };
        endpoint.refused("eth_call", refusal, None)
    };
    assert_eq!(
        refusal(-32005, "Rate limit exceeded").kind(),
        "rate_limited"
    );
    assert_eq!(refusal(429, "slow down").kind(), "rate_limited");
    let reverted = refusal(3, "execution reverted");
    assert_eq!(reverted.revert_data(), Some(&[0x12, 0x34][..]));
    Ok(())
}

#[test]
fn an_answer_without_a_result_is_no_answer() -> Result<(), RpcError> {
    let endpoint = Endpoint::new("http://l1.example")?;
    let result = |status, body: &str| endpoint.result("eth_chainId", status, None, body.as_bytes());
    let (ok, not_found) = (StatusCode::OK, StatusCode::NOT_FOUND);
    assert_eq!(result(ok, r#"{"result": null}"#), Ok(Value::Null));
    assert_eq!(result(ok, r#"{"result": "0x1"}"#), Ok(json!("0x1")));
    let kind = |status, body| result(status, body).map_err(|error| error.kind());
    assert_eq!(kind(ok, r#"{"title": "welcome"}"#), Err("malformed"));
    assert_eq!(kind(ok, "<html>"), Err("malformed"));
    for body in [r#"{"title": "not found"}"#, "<html>"] {
        assert_eq!(kind(not_found, body), Err("http"), "{body}");
    }
    let refused = r#"{"error": {"code": -32601, "message": "no such method"}}"#;
    assert_eq!(kind(not_found, refused), Err("refused"));
    Ok(())
}
