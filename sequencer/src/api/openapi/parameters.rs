//! Parameters by name: one name means the same on every route.

use hotshot_types::Height;
use serde_json::{Value, json};

pub(super) fn path(name: &str) -> Value {
    let (schema, what, example) = match name {
        "hash" => (
            json!({ "type": "string", "pattern": "^(0x)?[0-9a-fA-F]{64}$" }),
            "SHA-256 of the transaction, with or without `0x`.",
            json!("0x0000000000000000000000000000000000000000000000000000000000000000"),
        ),
        "block" => (
            json!({ "type": "string", "pattern": "^([0-9]{1,19}|latest|finalized|(0x)?[0-9a-fA-F]{64})$" }),
            "A height, a block hash with or without `0x`, or `latest`.",
            json!("latest"),
        ),
        "namespace" => (
            namespace(),
            "The namespace: decimal, or hex with `0x`.",
            json!("7"),
        ),
        "epoch" => (
            json!({ "type": "string", "pattern": "^([0-9]{1,19}|latest|current)$" }),
            "The epoch's number, from 1, or `latest`.",
            json!("latest"),
        ),
        "height" => (
            json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": Height::MAX.0 }),
            "A height below the block's.",
            json!(0),
        ),
        "validator" => (
            json!({ "type": "integer", "minimum": 0, "maximum": 65_535 }),
            "The validator's index in the committee of the block's epoch.",
            json!(0),
        ),
        other => unreachable!("the path parameter {other} is not described"),
    };
    parameter("path", name, &schema, what, Some(example))
}

pub(super) fn query(name: &str) -> Value {
    let height =
        || json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": Height::MAX.0 });
    let flag = json!({ "type": "string", "enum": ["true", "false", "1", "0", ""] });
    let (schema, what) = match name {
        "wait" => (
            json!({ "type": "string", "enum": ["finalized", "final"] }),
            "Answer once the transaction is final.",
        ),
        "timeout_ms" => (
            json!({ "type": "integer", "format": "int64", "minimum": 0 }),
            "How long to wait, in milliseconds; goes with `wait`, and `wait_ms` in the limits is the most.",
        ),
        "namespace" => (namespace(), "Only in this namespace."),
        "from" => (height(), "The first height."),
        "to" => (height(), "The last height."),
        "after" => (
            json!({ "type": "string", "pattern": "^(0x)?[0-9a-fA-F]{64}$" }),
            "The `next` of the page before.",
        ),
        "limit" => (
            json!({ "type": "integer", "minimum": 1, "maximum": crate::api::Bounds::default().page_blocks }),
            "The most items of the answer; `page_blocks` in the limits is the most.",
        ),
        "proof" => (flag, "Whether proofs go along."),
        "from_epoch" => (
            json!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": Height::MAX.0 }),
            "The epoch whose committee the reader trusts; 1 without it.",
        ),
        other => unreachable!("the query parameter {other} is not described"),
    };
    parameter("query", name, &schema, what, None)
}

pub(super) fn header(name: &str) -> Value {
    let (schema, what) = match name {
        "x-namespace" => (
            namespace(),
            "The namespace of a transaction sent as raw bytes; needed there.",
        ),
        "last-event-id" => (
            json!({ "type": "string", "pattern": "^[0-9]{1,19}$" }),
            "Id of the last event that was read.",
        ),
        other => unreachable!("the header {other} is not described"),
    };
    parameter("header", name, &schema, what, None)
}

fn namespace() -> Value {
    json!({ "type": "string", "pattern": "^(0x0*[1-9a-fA-F][0-9a-fA-F]{0,15}|0*[1-9][0-9]{0,19})$" })
}

fn parameter(place: &str, name: &str, schema: &Value, what: &str, example: Option<Value>) -> Value {
    let mut parameter = json!({
        "name": name,
        "in": place,
        "required": place == "path",
        "description": what,
        "schema": schema,
    });
    if let Some(example) = example {
        parameter["example"] = example;
    }
    parameter
}
