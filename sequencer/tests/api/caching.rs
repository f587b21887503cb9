//! What readers may keep, and in which form they get it.

use reqwest::{Client, Response};

use crate::node::{Node, sample};

async fn get(node: &Node, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Client::new().get(format!("{}{path}", node.url()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn decided_data_has_a_tag_and_is_not_sent_twice() {
    let node = sample().await;
    for path in [
        "/v1/blocks/5",
        "/v1/blocks/5/payload",
        "/v1/blocks/5/namespaces/7?proof=true",
        "/v1/light-client/5",
        "/v1/genesis",
    ] {
        let first = get(&node, path, &[]).await;
        assert!(
            header(&first, "cache-control").contains("immutable"),
            "{path}"
        );
        let tag = header(&first, "etag").to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        assert!(!first.bytes().await.unwrap().is_empty());
        for known in [
            tag.clone(),
            format!("\"other\", {tag}"),
            tag[2..].into(),
            "*".into(),
        ] {
            let again = get(&node, path, &[("if-none-match", &known)]).await;
            assert_eq!(
                (again.status().as_u16(), header(&again, "etag")),
                (304, tag.as_str())
            );
            assert!(header(&again, "cache-control").contains("immutable"));
            assert!(again.bytes().await.unwrap().is_empty());
        }
        let other = get(&node, path, &[("if-none-match", "W/\"0123\"")]).await;
        assert_eq!(other.status(), 200);
    }
}

#[tokio::test]
async fn what_may_change_has_no_tag() {
    let node = sample().await;
    for path in ["/v1/blocks/latest", "/v1/status", "/v1/blocks?limit=2"] {
        let answer = get(&node, path, &[("if-none-match", "*")]).await;
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "etag")),
            (200, ""),
            "{path}"
        );
        assert!(
            !header(&answer, "cache-control").contains("immutable"),
            "{path}"
        );
    }
    let missing = get(&node, "/v1/blocks/99", &[("if-none-match", "*")]).await;
    assert_eq!(
        (missing.status().as_u16(), header(&missing, "etag")),
        (404, "")
    );
}

#[tokio::test]
async fn the_two_forms_of_a_payload_have_two_tags() {
    let node = sample().await;
    let path = "/v1/blocks/5/payload";
    let json = get(&node, path, &[]).await;
    let raw = get(&node, path, &[("accept", "application/octet-stream")]).await;
    assert_ne!(header(&json, "etag"), header(&raw, "etag"));
    assert!(header(&raw, "vary").contains("accept"));
    let payload = node.chain.block(5).payload.bytes().clone();
    assert_eq!(raw.bytes().await.unwrap(), payload);
}

#[tokio::test]
async fn large_answers_are_compressed_and_small_ones_and_streams_are_not() {
    let node = sample().await;
    let gzip = [("accept-encoding", "gzip")];
    let large = get(&node, "/v1/blocks?from=0", &gzip).await;
    assert_eq!(header(&large, "content-encoding"), "gzip");
    let packed = large.bytes().await.unwrap();
    let plain = get(&node, "/v1/blocks?from=0", &[]).await;
    assert_eq!(header(&plain, "content-encoding"), "");
    let plain = plain.bytes().await.unwrap();
    assert!(packed.starts_with(&[0x1f, 0x8b]) && packed.len() * 2 < plain.len());
    for path in ["/version", "/v1/stream/headers?from=1"] {
        let answer = get(&node, path, &gzip).await;
        assert_eq!(header(&answer, "content-encoding"), "", "{path}");
    }
}
