//! The schemas of all bodies. That they are those of the types is what `tests/api/openapi.rs` compares, with real
//! answers: every field that is sent must be described, and every field described as required must be sent.

use hotshot_types::PublicKey;
use sequencer_client::types::ProblemCode;
use serde_json::{Map, Value, json};

mod blocks;
mod chain;
mod node;
mod proofs;
mod transactions;

/// A reference to a schema of the document.
pub(super) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A field: its name (with `?` behind it if it may be absent), its schema, what it is.
type Field<'a> = (&'a str, Value, &'a str);

fn object(what: &str, fields: Vec<Field<'_>>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, mut schema, what) in fields {
        let plain = name.trim_end_matches('?');
        if plain == name {
            required.push(name);
        }
        if !what.is_empty() {
            schema["description"] = what.into();
        }
        properties.insert(plain.into(), schema);
    }
    json!({ "type": "object", "description": what, "properties": properties, "required": required })
}

/// An object of a request: unknown fields are refused.
fn closed(what: &str, fields: Vec<Field<'_>>) -> Value {
    let mut schema = object(what, fields);
    schema["additionalProperties"] = false.into();
    schema
}

fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

fn pair(first: &str, second: &str) -> Value {
    json!({
        "type": "array",
        "prefixItems": [named(first), named(second)],
        "items": false,
        "minItems": 2,
        "maxItems": 2,
    })
}

/// An enum with a field: an object with one property, named as the variant.
fn variants(what: &str, of: Vec<(&str, Value)>) -> Value {
    let forms: Vec<_> = of
        .into_iter()
        .map(|(name, schema)| {
            json!({
                "type": "object",
                "properties": { name: schema },
                "required": [name],
                "additionalProperties": false,
            })
        })
        .collect();
    json!({ "description": what, "oneOf": forms })
}

fn number() -> Value {
    json!({ "type": "integer", "format": "int64", "minimum": 0 })
}

fn small() -> Value {
    json!({ "type": "integer", "format": "int32", "minimum": 0 })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn truth() -> Value {
    json!({ "type": "boolean" })
}

fn hex(bytes: usize, what: &str) -> Value {
    let pattern = format!("^0x[0-9a-f]{{{}}}$", 2 * bytes);
    json!({ "type": "string", "pattern": pattern, "description": what })
}

fn words(of: &[&str]) -> Value {
    json!({ "type": "string", "enum": of })
}

fn decimal() -> Value {
    json!({ "type": "string", "pattern": "^[0-9]+$" })
}

/// All schemas by name.
pub(super) fn all() -> Map<String, Value> {
    let mut all = Map::new();
    let parts = [
        plain(),
        transactions::all(),
        blocks::all(),
        chain::all(),
        proofs::all(),
        node::all(),
    ];
    for (name, schema) in parts.into_iter().flatten() {
        let earlier = all.insert(name.into(), schema);
        assert!(earlier.is_none(), "two schemas are named {name}");
    }
    all
}

type Named = (&'static str, Value);

fn plain() -> Vec<Named> {
    let codes: Vec<_> = ProblemCode::ALL.iter().map(|code| code.name()).collect();
    let statuses = "Why a request is not answered as wished, as RFC 9457 has it.";
    vec![
        ("Hash", hex(32, "32 bytes in hex.")),
        ("Address", hex(20, "An Ethereum account.")),
        (
            "PublicKey",
            hex(PublicKey::LEN, "A BLS public key: both of its halves."),
        ),
        ("Signature", hex(48, "A BLS signature, compressed.")),
        (
            "Base64",
            json!({ "type": "string", "contentEncoding": "base64", "description": "Bytes: standard alphabet, written with padding, read with or without." }),
        ),
        (
            "Bytes",
            json!({ "type": "string", "format": "binary", "description": "Raw bytes." }),
        ),
        ("Text", json!({ "type": "string" })),
        (
            "Events",
            // Without a type: some tools see the text here, others one event after the other.
            json!({ "description": "Server-sent events; the data of each is JSON." }),
        ),
        (
            "OpenApi",
            json!({ "type": "object", "description": "An OpenAPI 3.1 document." }),
        ),
        (
            "Namespace",
            json!({ "type": "integer", "minimum": 1, "maximum": u64::MAX, "description": "A namespace, usually the chain id of a rollup." }),
        ),
        (
            "Problem",
            object(
                statuses,
                vec![
                    ("type", text(), "`urn:sequencer:problem:` and the code."),
                    ("title", text(), "The code in words."),
                    ("status", small(), "The HTTP status."),
                    ("detail", text(), "What went wrong here and what to do."),
                    (
                        "code",
                        json!({ "type": "string", "enum": codes }),
                        "What went wrong, for programs. Codes never change their meaning.",
                    ),
                    (
                        "retry_after_ms?",
                        number(),
                        "When to try again, where that helps.",
                    ),
                    (
                        "hash?",
                        named("Hash"),
                        "The transaction, where one was accepted all the same.",
                    ),
                ],
            ),
        ),
    ]
}
