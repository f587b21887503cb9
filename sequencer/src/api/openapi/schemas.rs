//! The schemas of all bodies. That they are those of the types is what `tests/api/openapi.rs` compares, with real
//! answers: every field that is sent must be described, and every field described as required must be sent.

use hotshot_types::PublicKey;
use sequencer_client::types::ProblemCode;
use serde_json::{Map, Value, json};

mod chain;

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
        transactions(),
        blocks(),
        namespaces(),
        node(),
        chain::all(),
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
            json!({ "type": "string", "description": "Server-sent events; the data of each is JSON." }),
        ),
        (
            "OpenApi",
            json!({ "type": "object", "description": "An OpenAPI 3.1 document." }),
        ),
        (
            "Namespace",
            json!({ "type": "integer", "format": "int64", "minimum": 1, "description": "A namespace, usually the chain id of a rollup." }),
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

fn transactions() -> Vec<Named> {
    let tolerant = json!({
        "anyOf": [
            { "type": "integer", "format": "int64", "minimum": 1 },
            { "type": "string", "pattern": "^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$" },
        ],
    });
    let codes = words(&[
        "namespace_reserved",
        "empty_transaction",
        "transaction_too_large",
        "pool_full",
    ]);
    vec![
        (
            "SubmitRequest",
            closed(
                "A transaction to be ordered.",
                vec![
                    (
                        "namespace",
                        tolerant,
                        "The namespace: a number, or a string, decimal or hex with `0x`.",
                    ),
                    (
                        "payload",
                        named("Base64"),
                        "The transaction: at least one byte, at most the limit of the network.",
                    ),
                ],
            ),
        ),
        (
            "BatchRequest",
            closed(
                "Many transactions.",
                vec![(
                    "transactions",
                    list(named("SubmitRequest")),
                    "In the order in which they are taken.",
                )],
            ),
        ),
        (
            "BatchSubmitted",
            object(
                "Each transaction was taken or refused on its own.",
                vec![
                    (
                        "accepted",
                        small(),
                        "How many were taken. Those that were known before count.",
                    ),
                    (
                        "refused",
                        list(named("RefusedTransaction")),
                        "The others, by rising index.",
                    ),
                    (
                        "retry_after_ms?",
                        number(),
                        "When to send those again that were refused with `pool_full`.",
                    ),
                ],
            ),
        ),
        (
            "RefusedTransaction",
            object(
                "A transaction of a batch that was not taken.",
                vec![
                    ("index", small(), "Its place in the batch, from 0."),
                    ("code", codes, "Why."),
                ],
            ),
        ),
        ("TransactionState", words(&["pending", "final"])),
        (
            "Position",
            object(
                "Where a final transaction stands.",
                vec![
                    ("height", number(), "The block's height."),
                    ("block", named("Hash"), "The block's hash."),
                    ("index", number(), "The position in the namespace, from 0."),
                ],
            ),
        ),
        (
            "Submitted",
            object(
                "Answer to a submission.",
                vec![
                    ("hash", named("Hash"), "SHA-256 of the transaction."),
                    ("namespace", named("Namespace"), "The namespace."),
                    (
                        "state",
                        named("TransactionState"),
                        "Pending, unless the request waited for more or the transaction was final before.",
                    ),
                    (
                        "position?",
                        named("Position"),
                        "Where it stands once final.",
                    ),
                ],
            ),
        ),
        (
            "TransactionAnswer",
            object(
                "What became of a transaction.",
                vec![
                    ("hash", named("Hash"), "SHA-256 of the transaction."),
                    ("namespace", named("Namespace"), "The namespace."),
                    ("state", named("TransactionState"), "How far it is."),
                    (
                        "position?",
                        named("Position"),
                        "Where it stands once final.",
                    ),
                    (
                        "transaction?",
                        named("Base64"),
                        "The bytes, while the node has the block's payload.",
                    ),
                    (
                        "proof?",
                        named("TransactionProof"),
                        "Against `ns_root` of the block, while the node has the block's payload.",
                    ),
                ],
            ),
        ),
    ]
}

fn blocks() -> Vec<Named> {
    vec![
        (
            "Block",
            object(
                "A final block without its payload.",
                vec![
                    ("hash", named("Hash"), "The block hash."),
                    ("header", named("Header"), "The header."),
                    (
                        "certificate?",
                        named("FinalityCertificate"),
                        "The finality certificate on this very block. Absent where a later block's made it final, and for genesis.",
                    ),
                ],
            ),
        ),
        (
            "BlockWithPayload",
            object(
                "A final block with its payload.",
                vec![
                    ("block", named("Block"), "The block."),
                    (
                        "payload?",
                        named("Base64"),
                        "The payload in its canonical encoding; absent once the node no longer keeps it.",
                    ),
                ],
            ),
        ),
        (
            "BlockPage",
            object(
                "A part of the chain.",
                vec![
                    (
                        "blocks",
                        list(named("Block")),
                        "By rising height without gaps.",
                    ),
                    (
                        "next?",
                        number(),
                        "Where the next part starts; absent at the end of the chain.",
                    ),
                ],
            ),
        ),
        (
            "SharesAnswer",
            object(
                "One validator's shares of a block's payload.",
                vec![
                    ("height", number(), "The block's height."),
                    ("block", named("Hash"), "The block's hash."),
                    (
                        "validator",
                        small(),
                        "The validator's index in the committee of the block's epoch.",
                    ),
                    (
                        "shares",
                        named("ShardRange"),
                        "The shares, proven against `shard_root`.",
                    ),
                ],
            ),
        ),
        (
            "ShardRange",
            object(
                "Shares of consecutive slots.",
                vec![
                    ("start", small(), "The first slot."),
                    (
                        "proof",
                        list(named("Hash")),
                        "The siblings of the range in the tree under `shard_root`, from the leaves upwards.",
                    ),
                    (
                        "shards",
                        json!({ "type": "string", "pattern": "^0x([0-9a-f]{2})*$" }),
                        "The shares, one after the other, in hex.",
                    ),
                ],
            ),
        ),
    ]
}

fn namespaces() -> Vec<Named> {
    let place = || {
        vec![
            ("height", number(), "The block's height."),
            ("block", named("Hash"), "The block's hash."),
            ("namespace", named("Namespace"), "The namespace."),
            (
                "transactions",
                list(named("Base64")),
                "Its transactions in order.",
            ),
            (
                "proof?",
                named("NamespaceProof"),
                "Against `ns_root`, if asked for.",
            ),
        ]
    };
    let mut in_history = place();
    in_history.push((
        "finality?",
        named("FinalityProof"),
        "Proves the header, if proofs were asked for.",
    ));
    vec![
        (
            "BlockNamespaces",
            object(
                "The namespaces of a block.",
                vec![
                    ("height", number(), "The block's height."),
                    ("block", named("Hash"), "The block's hash."),
                    (
                        "namespaces",
                        list(named("NamespaceLeaf")),
                        "By rising id; their root is `ns_root`.",
                    ),
                ],
            ),
        ),
        (
            "NamespaceAnswer",
            object("One namespace of one block.", place()),
        ),
        (
            "NamespaceBlock",
            object("One block of a namespace's history.", in_history),
        ),
        (
            "NamespacePage",
            object(
                "A part of a namespace's history.",
                vec![
                    ("blocks", list(named("NamespaceBlock")), "By rising height."),
                    (
                        "next",
                        number(),
                        "Where the next part starts: every block of the namespace from `from` on and below this height is in this part.",
                    ),
                    (
                        "more",
                        truth(),
                        "Whether more final blocks are there from `next` on.",
                    ),
                ],
            ),
        ),
        (
            "NamespaceHead",
            object(
                "Event `head`: no block of the namespace stands between the last one sent and this header.",
                vec![
                    ("height", number(), "The height of the header."),
                    ("namespace", named("Namespace"), "The namespace."),
                    (
                        "finality?",
                        named("FinalityProof"),
                        "Proves the header, if proofs were asked for.",
                    ),
                    (
                        "accumulator?",
                        named("AccumulatorProof"),
                        "The namespace's summary, if proofs were asked for.",
                    ),
                ],
            ),
        ),
        (
            "Interrupted",
            object(
                "Event `interrupted`: why the node ends a stream, and where to go on.",
                vec![
                    (
                        "reason",
                        text(),
                        "`slow_reader`, `shutting_down`, `pruned` or `internal`.",
                    ),
                    ("detail", text(), "What to do."),
                    ("resume_from", number(), "The height to pass as `from`."),
                ],
            ),
        ),
        (
            "AccumulatorAnswer",
            object(
                "The summary of all blocks of a namespace up to a height.",
                vec![
                    ("height", number(), "The height."),
                    ("namespace", named("Namespace"), "The namespace."),
                    (
                        "proof",
                        named("AccumulatorProof"),
                        "The entry, or that there is none, under `ns_acc_root`.",
                    ),
                ],
            ),
        ),
    ]
}

fn node() -> Vec<Named> {
    vec![
        (
            "Peers",
            object(
                "Connected peers.",
                vec![
                    ("connected", small(), "With a live connection."),
                    ("total", small(), "Configured."),
                ],
            ),
        ),
        (
            "Sync",
            object(
                "How far behind a node is.",
                vec![
                    ("target", number(), "The height it is catching up to."),
                    (
                        "percent",
                        json!({ "type": "number" }),
                        "Of the way from genesis, 0 to 100.",
                    ),
                    (
                        "eta_seconds?",
                        number(),
                        "At the pace of the last seconds; absent while that is unknown.",
                    ),
                ],
            ),
        ),
        (
            "NodeState",
            object(
                "How a node is.",
                vec![
                    ("version", text(), "Version of the program."),
                    ("chain_domain", named("Hash"), "The network."),
                    (
                        "epoch",
                        number(),
                        "Where consensus is, as this node sees it.",
                    ),
                    ("view", number(), "The view in the epoch."),
                    (
                        "final_height",
                        number(),
                        "The last final block this node has.",
                    ),
                    (
                        "final_timestamp_ms",
                        number(),
                        "When that block was proposed.",
                    ),
                    (
                        "tip_height",
                        number(),
                        "The highest block this node has heard of.",
                    ),
                    ("peers", named("Peers"), "Its peers."),
                    (
                        "validator?",
                        small(),
                        "Its index in the committee, if it is a validator.",
                    ),
                    ("sync?", named("Sync"), "While it catches up."),
                    ("ready", truth(), "Whether it does its job."),
                    ("reasons?", list(text()), "Why it doesn't."),
                ],
            ),
        ),
        (
            "Readiness",
            object(
                "Whether a node does its job.",
                vec![
                    ("ready", truth(), "Whether it does."),
                    ("reasons", list(text()), "Why it doesn't."),
                ],
            ),
        ),
        (
            "ApiLimits",
            object(
                "Limits of the node and its network.",
                vec![
                    (
                        "transaction_bytes",
                        small(),
                        "Largest transaction in bytes.",
                    ),
                    (
                        "payload_bytes",
                        small(),
                        "Largest payload of a block in bytes.",
                    ),
                    ("namespaces", small(), "Most namespaces in a block."),
                    (
                        "page_blocks",
                        small(),
                        "Most items in an answer; also what `limit` is without a value.",
                    ),
                    (
                        "page_bytes",
                        small(),
                        "An answer over namespaces ends after the block that exceeds this many payload bytes.",
                    ),
                    (
                        "batch_bytes",
                        small(),
                        "Largest batch of transactions in bytes, in the form of records.",
                    ),
                    (
                        "batch_transactions",
                        small(),
                        "Most transactions in a batch.",
                    ),
                    (
                        "wait_ms",
                        number(),
                        "Longest wait of `?wait=finalized` in milliseconds.",
                    ),
                    ("streams", small(), "Most streams at one time."),
                    ("connections", small(), "Most connections at one time."),
                    (
                        "stream_stall_ms",
                        number(),
                        "A reader that takes nothing for this long is disconnected, in milliseconds.",
                    ),
                    (
                        "source_requests_per_s?",
                        small(),
                        "Requests that one source may make in a second; absent where they are not limited.",
                    ),
                ],
            ),
        ),
        (
            "Version",
            object(
                "The program's version.",
                vec![
                    ("name", text(), "`sequencer`."),
                    ("version", text(), "Version of the program."),
                    ("api", text(), "Version of the API in the paths."),
                ],
            ),
        ),
    ]
}
