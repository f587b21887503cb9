//! Schemas of proofs, of what is so and of who misbehaved.

use serde_json::{Value, json};

use super::{Named, list, named, number, object, pair, small, variants, words};

pub(super) fn all() -> Vec<Named> {
    let mut all = proofs();
    all.extend(evidence());
    all
}

fn proofs() -> Vec<Named> {
    let path = || list(named("Hash"));
    let nullable = |name| json!({ "anyOf": [named(name), { "type": "null" }] });
    let entry = object(
        "",
        vec![
            (
                "block_count",
                number(),
                "How many blocks hold the namespace.",
            ),
            (
                "transaction_total",
                number(),
                "How many transactions they have in it.",
            ),
            ("acc", named("Hash"), "The chain over those blocks."),
        ],
    );
    let other = object(
        "",
        vec![
            ("key", named("Hash"), "The other leaf's key."),
            ("value", named("Hash"), "The other leaf's value hash."),
        ],
    );
    let present = object(
        "",
        vec![
            ("leaf", named("NamespaceLeaf"), "The namespace's leaf."),
            ("index", number(), "Its position among the namespaces."),
            ("count", number(), "The number of namespaces in the block."),
            ("path", path(), "Its siblings."),
        ],
    );
    let absent = object(
        "",
        vec![
            ("index", number(), "The position that it would have."),
            ("count", number(), "The number of namespaces in the block."),
            ("left", nullable("Neighbour"), "The leaf before."),
            ("right", nullable("Neighbour"), "The leaf behind."),
        ],
    );
    let mut terminal = variants(
        "Where the path of a key ends.",
        vec![("entry", entry), ("other", other)],
    );
    if let Some(Value::Array(forms)) = terminal.get_mut("oneOf") {
        forms.push(words(&["empty"]));
    }
    vec![
        (
            "NamespaceLeaf",
            object(
                "What the tree says about one namespace of a block.",
                vec![
                    ("id", named("Namespace"), "The namespace."),
                    ("byte_len", number(), "Bytes of the whole body."),
                    ("tx_count", number(), "Transactions in it."),
                    ("tx_root", named("Hash"), "The root over its transactions."),
                ],
            ),
        ),
        (
            "Neighbour",
            object(
                "A leaf next to where an absent namespace would be.",
                vec![
                    ("leaf", named("NamespaceLeaf"), "The leaf."),
                    ("path", path(), "Its siblings."),
                ],
            ),
        ),
        (
            "NamespaceProof",
            variants(
                "All data of one namespace in one block, or that there is none.",
                vec![("present", present), ("absent", absent)],
            ),
        ),
        (
            "TransactionProof",
            object(
                "One transaction at one position of one namespace of one block.",
                vec![
                    ("leaf", named("NamespaceLeaf"), "The namespace's leaf."),
                    (
                        "ns_index",
                        number(),
                        "The namespace's position among the namespaces.",
                    ),
                    (
                        "ns_count",
                        number(),
                        "The number of namespaces in the block.",
                    ),
                    (
                        "ns_path",
                        path(),
                        "The leaf's siblings among the namespaces.",
                    ),
                    (
                        "index",
                        number(),
                        "The transaction's position in the namespace.",
                    ),
                    ("path", path(), "The transaction's siblings."),
                ],
            ),
        ),
        ("Terminal", terminal),
        (
            "AccumulatorProof",
            object(
                "The entry of a namespace in the map, or that it has none.",
                vec![
                    (
                        "terminal",
                        named("Terminal"),
                        "Where the path of the namespace's key ends.",
                    ),
                    ("path", path(), "The siblings, bottom up."),
                ],
            ),
        ),
        (
            "HeaderProof",
            object(
                "A block hash stands at a height of the history that a header commits to.",
                vec![
                    ("height", number(), "The height proven."),
                    ("count", number(), "Leaves in the range."),
                    ("path", path(), "Siblings from the leaf up to its peak."),
                    ("peaks", path(), "The other peaks, from the left."),
                ],
            ),
        ),
        (
            "EpochStep",
            object(
                "A final header of one epoch and the committee that it names for the next.",
                vec![
                    ("header", named("Header"), "Any final block of the epoch."),
                    (
                        "certificate",
                        named("FinalityCertificate"),
                        "Its finality certificate.",
                    ),
                    (
                        "members?",
                        list(named("Member")),
                        "The members of the next epoch's committee; absent if they are those of this one.",
                    ),
                ],
            ),
        ),
        (
            "AncestorAnswer",
            object(
                "An earlier block, proven under a later one.",
                vec![
                    ("block", named("Hash"), "The later block."),
                    ("header", named("Header"), "The header of the earlier one."),
                    (
                        "proof",
                        named("HeaderProof"),
                        "Where it stands in the later one's history.",
                    ),
                ],
            ),
        ),
        (
            "FinalityProof",
            object(
                "Proves a header final.",
                vec![
                    (
                        "steps",
                        list(named("EpochStep")),
                        "One for each epoch from the trusted one up to the certified header's.",
                    ),
                    (
                        "certified",
                        named("Header"),
                        "The block that the certificate is on.",
                    ),
                    (
                        "certificate",
                        named("FinalityCertificate"),
                        "Its finality certificate.",
                    ),
                    (
                        "ancestor?",
                        pair("Header", "HeaderProof"),
                        "For an ancestor of the certified block: its header, and its place in the history.",
                    ),
                ],
            ),
        ),
    ]
}

fn evidence() -> Vec<Named> {
    let vote = |what| {
        object(
            what,
            vec![
                ("statement", named("Statement"), "What is voted for."),
                ("signer", small(), "Who votes."),
                (
                    "signature",
                    named("Signature"),
                    "Over the statement's digest.",
                ),
            ],
        )
    };
    vec![
        (
            "EvidencePage",
            object(
                "Proofs of misbehaviour.",
                vec![
                    (
                        "evidence",
                        list(named("Evidence")),
                        "At most as many as asked for.",
                    ),
                    (
                        "more",
                        json!({ "type": "boolean" }),
                        "Whether the node has more.",
                    ),
                    (
                        "next?",
                        named("Hash"),
                        "What to pass as `after` for the next page.",
                    ),
                ],
            ),
        ),
        (
            "Evidence",
            variants(
                "A pair of signatures that no honest validator makes.",
                vec![
                    ("Proposals", pair("SignedProposal", "SignedProposal")),
                    ("Votes1", pair("Vote", "Vote")),
                    ("Votes2", pair("Vote", "Vote")),
                    ("LostLock", pair("Vote", "SignedTimeout")),
                    ("Quorums", pair("QuorumCertificate", "QuorumCertificate")),
                    ("Finals", pair("FinalityCertificate", "FinalityCertificate")),
                    (
                        "LostLocks",
                        pair("FinalityCertificate", "TimeoutCertificate"),
                    ),
                    ("Fork", pair("FinalityCertificate", "FinalityCertificate")),
                ],
            ),
        ),
        (
            "SignedProposal",
            object(
                "What a leader signed for one round.",
                vec![
                    ("round", named("Round"), "The round led."),
                    (
                        "kind",
                        words(&["fresh", "repropose"]),
                        "New or repeated block.",
                    ),
                    ("height", number(), "The block's height."),
                    ("hash", named("Hash"), "The block."),
                    ("signer", small(), "The leader."),
                    ("signature", named("Signature"), "Its signature."),
                ],
            ),
        ),
        ("Vote", vote("One validator's vote.")),
        (
            "SignedTimeout",
            object(
                "What a validator signed when its timer ran out.",
                vec![
                    ("round", named("Round"), "The round that timed out."),
                    ("lock_view", number(), "View of its lock."),
                    ("lock_hash", named("Hash"), "Block of its lock."),
                    ("signer", small(), "Who signed."),
                    ("signature", named("Signature"), "Its signature."),
                ],
            ),
        ),
        (
            "TimeoutGroup",
            object(
                "Those timeouts of a round that carry one lock.",
                vec![
                    ("lock_view", number(), "View of the lock."),
                    ("lock_hash", named("Hash"), "Block of the lock."),
                    ("signers", named("Signers"), "Who signed this lock."),
                    (
                        "signature",
                        named("Signature"),
                        "The sum of their signatures.",
                    ),
                ],
            ),
        ),
        (
            "TimeoutCertificate",
            object(
                "A quorum's timeouts of one round.",
                vec![
                    ("round", named("Round"), "The round that timed out."),
                    ("groups", list(named("TimeoutGroup")), "One for each lock."),
                    (
                        "high",
                        json!({ "anyOf": [words(&["Anchor"]), variants("", vec![("Quorum", named("QuorumCertificate"))])] }),
                        "The highest lock among them.",
                    ),
                ],
            ),
        ),
    ]
}
