use super::*;

fn refused(message: &str) -> RpcError {
    RpcError::Refused {
        endpoint: "l1".into(),
        method: "eth_sendRawTransaction",
        code: -32000,
        message: message.into(),
        data: None,
    }
}

#[test]
fn a_replacement_pays_more_than_a_tenth_more_and_never_more_than_the_limit() {
    let mut fees = Fees { tip: 1, most: 7 };
    for _ in 0..200 {
        let next = fees.bumped(1_000_000);
        assert!(next.most == 1_000_000 || 10 * next.most > 11 * fees.most);
        assert!(next.tip == next.most || 10 * next.tip > 11 * fees.tip);
        assert!(next.tip <= next.most && next.most <= 1_000_000);
        fees = next;
    }
    assert_eq!(fees.most, 1_000_000);
}

#[test]
fn nodes_of_several_makes_are_understood_when_they_refuse() {
    for (message, expected) in [
        ("already known", Refusal::Known),
        ("transaction already imported", Refusal::Known),
        ("replacement transaction underpriced", Refusal::Underpriced),
        ("transaction underpriced", Refusal::Underpriced),
        (
            "nonce too low: next nonce 4, tx nonce 3",
            Refusal::NonceUsed,
        ),
        ("insufficient funds for gas * price + value", Refusal::Other),
    ] {
        assert_eq!(Refusal::of(&refused(message)), expected, "{message}");
    }
}
