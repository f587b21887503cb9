//! Schemas of blocks and namespaces.

use serde_json::json;

use super::{Named, list, named, number, object, small, text, truth};

pub(super) fn all() -> Vec<Named> {
    let mut all = blocks();
    all.extend(namespaces());
    all
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
    in_history.push((
        "accumulator?",
        named("AccumulatorProof"),
        "In streams with proofs: no block of the namespace was left out before this one.",
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
