//! Each wrong request has a clear answer with a stable code.

use sequencer_client::types::{Problem, ProblemCode as Code};

use crate::node::{Node, problem_of, read, sample};

async fn post(
    node: &Node,
    form: &str,
    namespace: Option<&str>,
    body: impl Into<reqwest::Body>,
) -> Problem {
    let mut request = reqwest::Client::new()
        .post(format!("{}/v1/transactions", node.url()))
        .header("content-type", form)
        .body(body);
    if let Some(namespace) = namespace {
        request = request.header("x-namespace", namespace);
    }
    let (status, form, body) = read(request.send().await.unwrap()).await;
    problem_of(status, &form, &body)
}

#[tokio::test]
async fn wrong_paths_and_parameters_are_explained() {
    let node = sample().await;
    let unknown = "ab".repeat(32);
    let cases = [
        ("/nowhere".to_owned(), 404, Code::NoSuchRoute),
        ("/v1/transactions".into(), 405, Code::MethodNotAllowed),
        ("/v1/transactions/xyz".into(), 400, Code::InvalidParameter),
        (
            format!("/v1/transactions/{unknown}"),
            404,
            Code::TransactionUnknown,
        ),
        (
            format!("/v1/transactions/{unknown}?namespace=0"),
            400,
            Code::NamespaceReserved,
        ),
        ("/v1/blocks/11".into(), 404, Code::HeightAboveHead),
        (
            "/v1/blocks/18446744073709551615".into(),
            404,
            Code::HeightAboveHead,
        ),
        (
            "/v1/blocks/18446744073709551616".into(),
            400,
            Code::InvalidParameter,
        ),
        ("/v1/blocks/-1".into(), 400, Code::InvalidParameter),
        ("/v1/blocks/%ff".into(), 400, Code::InvalidParameter),
        (format!("/v1/blocks/{unknown}"), 404, Code::BlockUnknown),
        (
            "/v1/blocks/5?proof=true".into(),
            400,
            Code::InvalidParameter,
        ),
        ("/v1/blocks/11/payload".into(), 404, Code::HeightAboveHead),
        ("/v1/blocks?from=11".into(), 404, Code::HeightAboveHead),
        ("/v1/blocks?from=5&to=4".into(), 400, Code::InvertedRange),
        ("/v1/blocks?from=0&to=100".into(), 400, Code::RangeTooLong),
        (
            "/v1/blocks?to=9223372036854775808".into(),
            400,
            Code::InvalidParameter,
        ),
        ("/v1/blocks?limit=101".into(), 400, Code::RangeTooLong),
        ("/v1/blocks?limit=0".into(), 400, Code::InvalidParameter),
        ("/v1/blocks?limit=x".into(), 400, Code::InvalidParameter),
        ("/v1/blocks?form=1".into(), 400, Code::InvalidParameter),
        (
            "/v1/blocks/5/namespaces/0".into(),
            400,
            Code::NamespaceReserved,
        ),
        (
            "/v1/blocks/5/namespaces/0x0?proof=true".into(),
            400,
            Code::NamespaceReserved,
        ),
        (
            "/v1/blocks/5/namespaces/seven".into(),
            400,
            Code::InvalidParameter,
        ),
        (
            "/v1/blocks/5/namespaces/7?proof=maybe".into(),
            400,
            Code::InvalidParameter,
        ),
        (
            "/v1/namespaces/0/blocks".into(),
            400,
            Code::NamespaceReserved,
        ),
        (
            "/v1/namespaces/7/blocks?from=9&to=3".into(),
            400,
            Code::InvertedRange,
        ),
        (
            "/v1/namespaces/7/blocks?from_epoch=0".into(),
            400,
            Code::InvalidParameter,
        ),
        ("/v1/light-client/11".into(), 404, Code::HeightAboveHead),
        (
            "/v1/light-client/5?from_epoch=0".into(),
            400,
            Code::InvalidParameter,
        ),
        (
            "/v1/light-client/5?from_epoch=9".into(),
            404,
            Code::EpochUnknown,
        ),
        ("/v1/epochs/0".into(), 404, Code::EpochUnknown),
        ("/v1/epochs/99".into(), 404, Code::EpochUnknown),
        (
            "/v1/epochs/18446744073709551615".into(),
            404,
            Code::EpochUnknown,
        ),
        ("/v1/epochs/x".into(), 400, Code::InvalidParameter),
        (
            "/v1/stream/namespaces/0".into(),
            400,
            Code::NamespaceReserved,
        ),
        (
            "/v1/stream/blocks?from=x".into(),
            400,
            Code::InvalidParameter,
        ),
        (
            "/v1/stream/blocks?from=18446744073709551615".into(),
            400,
            Code::InvalidParameter,
        ),
        (
            "/v1/stream/headers?since=1".into(),
            400,
            Code::InvalidParameter,
        ),
    ];
    for (path, status, code) in cases {
        let problem = node.problem(&path).await;
        assert_eq!(
            (problem.status, problem.code),
            (status, code),
            "{path}: {problem:?}"
        );
    }
}

#[tokio::test]
async fn wrong_transactions_are_explained() {
    let node = sample().await;
    let json = "application/json";
    let raw = "application/octet-stream";
    let limit = usize::try_from(node.chain.genesis.parameters.max_transaction_bytes).unwrap();
    let body = |namespace: &str, payload: &str| {
        format!("{{\"namespace\":{namespace},\"payload\":{payload}}}")
    };
    let cases = [
        (json, None, body("7", "\"\""), 400, Code::EmptyTransaction),
        (
            json,
            None,
            body("0", "\"aGk=\""),
            400,
            Code::NamespaceReserved,
        ),
        (
            json,
            None,
            body("\"0x0\"", "\"aGk=\""),
            400,
            Code::NamespaceReserved,
        ),
        (
            json,
            None,
            body("-7", "\"aGk=\""),
            400,
            Code::MalformedRequest,
        ),
        (
            json,
            None,
            body("7.5", "\"aGk=\""),
            400,
            Code::MalformedRequest,
        ),
        (
            json,
            None,
            body("\"seven\"", "\"aGk=\""),
            400,
            Code::MalformedRequest,
        ),
        (
            json,
            None,
            body("7", "\"not base64!\""),
            400,
            Code::MalformedRequest,
        ),
        (json, None, body("7", "7"), 400, Code::MalformedRequest),
        (
            json,
            None,
            "{\"namespace\":7}".into(),
            400,
            Code::MalformedRequest,
        ),
        (
            json,
            None,
            "{\"namespace\":7,\"payload\":\"aGk=\",\"fee\":1}".into(),
            400,
            Code::MalformedRequest,
        ),
        (json, None, "[]".into(), 400, Code::MalformedRequest),
        (json, None, String::new(), 400, Code::MalformedRequest),
        (raw, Some("7"), String::new(), 400, Code::EmptyTransaction),
        (raw, Some("0"), "hi".into(), 400, Code::NamespaceReserved),
        (raw, Some("seven"), "hi".into(), 400, Code::InvalidParameter),
        (raw, None, "hi".into(), 400, Code::MalformedRequest),
        (
            raw,
            Some("7"),
            "x".repeat(limit + 1),
            413,
            Code::TransactionTooLarge,
        ),
        (
            json,
            None,
            body("7", &format!("\"{}\"", "A".repeat(limit / 3 * 4 + 8_192))),
            413,
            Code::TransactionTooLarge,
        ),
        (
            "text/plain",
            Some("7"),
            "hi".into(),
            415,
            Code::UnsupportedMediaType,
        ),
    ];
    for (form, namespace, body, status, code) in cases {
        let shown: String = body.chars().take(60).collect();
        let problem = post(&node, form, namespace, body).await;
        assert_eq!(
            (problem.status, problem.code),
            (status, code),
            "{shown}: {problem:?}"
        );
    }
    assert_eq!(
        node.mempool.metrics().transactions,
        0,
        "nothing of it was taken"
    );
}

#[tokio::test]
async fn a_transaction_with_two_namespaces_is_refused() {
    let node = sample().await;
    let request = reqwest::Client::new()
        .post(format!("{}/v1/transactions", node.url()))
        .header("x-namespace", "7")
        .header("x-namespace", "8")
        .body("hi");
    let (status, form, body) = read(request.send().await.unwrap()).await;
    let problem = problem_of(status, &form, &body);
    assert_eq!(
        (problem.status, problem.code),
        (400, Code::MalformedRequest)
    );
    assert!(problem.detail.contains("twice"), "{}", problem.detail);
    assert_eq!(node.mempool.metrics().transactions, 0);
}

#[tokio::test]
async fn a_body_that_does_not_say_its_length_is_bounded_all_the_same() {
    let node = sample().await;
    let chunks = (0..64).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 64 << 10]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(chunks));
    let problem = post(&node, "application/octet-stream", Some("7"), body).await;
    assert_eq!(problem.code, Code::TransactionTooLarge);
}

#[tokio::test]
async fn a_wait_that_makes_no_sense_is_explained() {
    let node = sample().await;
    for query in [
        "wait=soon",
        "timeout_ms=5",
        "wait=finalized&timeout_ms=9999999",
        "wiat=finalized",
    ] {
        let request = reqwest::Client::new()
            .post(format!("{}/v1/transactions?{query}", node.url()))
            .header("x-namespace", "7")
            .body("hi");
        let (status, form, body) = read(request.send().await.unwrap()).await;
        assert_eq!(
            problem_of(status, &form, &body).code,
            Code::InvalidParameter,
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_full_pool_says_when_to_come_back() {
    let node = sample().await;
    let body = vec![7_u8; 1 << 20];
    let mut refused = None;
    for number in 0_u8..64 {
        let mut body = body.clone();
        body[0] = number;
        let request = reqwest::Client::new()
            .post(format!("{}/v1/transactions", node.url()))
            .header("x-namespace", "7")
            .body(body);
        let response = request.send().await.unwrap();
        if response.status() == 202 {
            continue;
        }
        assert!(response.headers().contains_key("retry-after"));
        let (status, form, body) = read(response).await;
        refused = Some(problem_of(status, &form, &body));
        break;
    }
    let problem = refused.expect("one sender may not fill the pool");
    assert_eq!((problem.status, problem.code), (429, Code::PoolFull));
    assert!(problem.retry_after_ms.is_some());
}
