//! Schemas of what a node tells about itself.

use serde_json::json;

use super::{Named, list, named, number, object, small, text, truth};

pub(super) fn all() -> Vec<Named> {
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
