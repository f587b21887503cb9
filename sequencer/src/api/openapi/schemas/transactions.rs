//! Schemas of submitting transactions and asking after them.

use serde_json::json;

use super::{Named, closed, list, named, number, object, small, words};

pub(super) fn all() -> Vec<Named> {
    let tolerant = json!({
        "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": u64::MAX },
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
                    json!({ "type": "array", "items": named("SubmitRequest"), "minItems": 1 }),
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
