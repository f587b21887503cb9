//! The OpenAPI 3.1 document, made from the table of routes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use axum::{
    http::header,
    response::{IntoResponse as _, Response},
};
use sequencer_client::types::ProblemCode;
use serde_json::{Map, Value, json};

use super::routes::{Answer, Method, ROUTES, Route};

mod parameters;
mod schemas;

/// Made once: it is the same for as long as the program runs.
static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    serde_json::to_vec(&document()).expect("a document of strings and numbers can be written")
});

/// What any route may be refused with.
const ALWAYS: [ProblemCode; 3] = [
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::NotReady,
];

pub(super) async fn serve() -> Response {
    let head = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (head, DOCUMENT.as_slice()).into_response()
}

/// The document.
pub(super) fn document() -> Value {
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for route in ROUTES {
        let method = match route.method {
            Method::Get => "get",
            Method::Post => "post",
        };
        let operations = paths.entry(route.path).or_default();
        operations.insert(method.into(), operation(route));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sequencer node",
            "summary": "What anybody may ask of a node of the sequencer network.",
            "description": "Only final blocks are served. Hashes are hex with `0x`, bytes base64, numbers numbers. Inputs are tolerant: hex with or without `0x`, namespaces decimal or hex with `0x`, base64 with or without padding, a block as height, hash or `latest`. Unknown query parameters are refused. Decided data may be cached for ever. Every answer that is no success is a problem of RFC 9457 with a stable `code`.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags(),
        "paths": paths,
        "components": { "schemas": schemas::all() },
    })
}

fn tags() -> Vec<Value> {
    let mut seen = BTreeSet::new();
    ROUTES
        .iter()
        .filter(|route| seen.insert(route.tag))
        .map(|route| json!({ "name": route.tag }))
        .collect()
}

fn operation(route: &Route) -> Value {
    let path = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(parameters::path(name))
    });
    let query = route.query.iter().map(|name| parameters::query(name));
    let headers = route.headers.iter().map(|name| parameters::header(name));
    let mut operation = json!({
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": path.chain(query).chain(headers).collect::<Vec<_>>(),
        "responses": responses(route),
    });
    if !route.details.is_empty() {
        operation["description"] = route.details.into();
    }
    if !route.body.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": content(route.body) });
    }
    operation
}

fn responses(route: &Route) -> BTreeMap<String, Value> {
    let mut responses = BTreeMap::new();
    for Answer {
        status,
        what,
        forms,
    } in route.answers
    {
        let answer = json!({ "description": what, "content": content(forms) });
        responses.insert(status.to_string(), answer);
    }
    if route.method == Method::Get && !route.answers.is_empty() {
        let answer =
            json!({ "description": "The answer with the tag of `if-none-match` is still right." });
        responses.insert("304".into(), answer);
    }
    let mut problems: BTreeMap<u16, Vec<ProblemCode>> = BTreeMap::new();
    for code in route.problems.iter().chain(&ALWAYS) {
        let codes = problems.entry(code.status()).or_default();
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    for (status, codes) in problems {
        let words: Vec<_> = codes
            .iter()
            .map(|code| format!("`{}`: {}", code.name(), code.title()))
            .collect();
        let problem = (
            "application/problem+json",
            json!({ "schema": schemas::named("Problem") }),
        );
        let answer = responses
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": "", "content": {} }));
        answer["content"][problem.0] = problem.1;
        let before = answer["description"].as_str().unwrap_or("");
        let said = format!("{before} {}.", words.join("; "));
        answer["description"] = said.trim().into();
    }
    responses
}

fn content(forms: &[(&str, &str)]) -> Map<String, Value> {
    forms
        .iter()
        .map(|(form, schema)| ((*form).into(), json!({ "schema": schemas::named(schema) })))
        .collect()
}

#[cfg(test)]
mod tests;
