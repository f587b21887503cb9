//! Schemas of what validators sign and of what proves it.

use serde_json::{Value, json};

use super::{
    Named, closed, decimal, hex, list, named, number, object, pair, small, text, variants, words,
};

pub(super) fn all() -> Vec<Named> {
    let mut all = signed();
    all.extend(committees());
    all.extend(proofs());
    all.extend(evidence());
    all
}

fn signed() -> Vec<Named> {
    let certificate = |what| {
        object(
            what,
            vec![
                (
                    "statement",
                    named("Statement"),
                    "What the quorum voted for.",
                ),
                ("signers", named("Signers"), "Who voted."),
                (
                    "signature",
                    named("Signature"),
                    "The sum of the votes' signatures.",
                ),
            ],
        )
    };
    vec![
        (
            "L1Block",
            object(
                "A block of the home L1.",
                vec![
                    ("number", number(), "Its number."),
                    ("hash", named("Hash"), "Its hash."),
                    (
                        "timestamp",
                        number(),
                        "Its timestamp in seconds since the Unix epoch.",
                    ),
                ],
            ),
        ),
        (
            "Header",
            object(
                "What a block commits to.",
                vec![
                    ("version", small(), "1."),
                    ("chain_domain", named("Hash"), "The network."),
                    ("height", number(), "Position in the chain."),
                    ("epoch", number(), "The epoch that the height belongs to."),
                    (
                        "origin_view",
                        number(),
                        "The view in which the block was first proposed.",
                    ),
                    ("proposer", small(), "The leader of that view."),
                    ("parent_hash", named("Hash"), "Hash of the block before."),
                    (
                        "timestamp_ms",
                        number(),
                        "When it was proposed; above the parent's.",
                    ),
                    (
                        "l1_finalized",
                        named("L1Block"),
                        "The newest L1 block known to be finalized.",
                    ),
                    ("payload_len", small(), "Length of the payload in bytes."),
                    (
                        "shard_root",
                        named("Hash"),
                        "Root over the erasure-coded shards.",
                    ),
                    (
                        "ns_root",
                        named("Hash"),
                        "Root over the namespaces of the payload.",
                    ),
                    (
                        "ns_acc_root",
                        named("Hash"),
                        "Root of the map from namespace to its accumulator.",
                    ),
                    (
                        "history_root",
                        named("Hash"),
                        "Root of the mountain range over all earlier block hashes.",
                    ),
                    (
                        "next_committee",
                        named("Hash"),
                        "Commitment of the committee of the next epoch.",
                    ),
                    (
                        "randao_reveal",
                        named("Signature"),
                        "The proposer's unique signature; zero in genesis.",
                    ),
                    (
                        "randao_mix",
                        named("Hash"),
                        "The parent's mix hashed with the reveal.",
                    ),
                ],
            ),
        ),
        (
            "Round",
            object(
                "One attempt to extend the chain.",
                vec![
                    ("epoch", number(), "The epoch."),
                    ("view", number(), "The view inside the epoch."),
                ],
            ),
        ),
        (
            "Statement",
            object(
                "This block, at this height, in this round.",
                vec![
                    ("round", named("Round"), "The round voted in."),
                    ("height", number(), "The block's height."),
                    ("hash", named("Hash"), "The block's hash."),
                ],
            ),
        ),
        (
            "Signers",
            object(
                "Who signed.",
                vec![
                    ("committee", small(), "Members of the committee."),
                    (
                        "bitmap",
                        json!({ "type": "string", "pattern": "^0x([0-9a-f]{2})*$" }),
                        "A bit for each member, lowest first.",
                    ),
                ],
            ),
        ),
        (
            "FinalityCertificate",
            certificate("A quorum of second votes: its block and all ancestors are final."),
        ),
        ("QuorumCertificate", certificate("A quorum of first votes.")),
    ]
}

fn committees() -> Vec<Named> {
    vec![
        (
            "Member",
            object(
                "One validator of a committee.",
                vec![
                    ("key", named("PublicKey"), "Its consensus key."),
                    ("weight", number(), "Its voting weight."),
                ],
            ),
        ),
        (
            "Committee",
            object(
                "The validators of one epoch by index.",
                vec![
                    ("epoch", number(), "The epoch."),
                    ("members", list(named("Member")), "In index order."),
                ],
            ),
        ),
        (
            "EpochAnswer",
            object(
                "An epoch.",
                vec![
                    ("epoch", number(), "Its number."),
                    ("first_height", number(), "Its first height."),
                    ("last_height", number(), "Its last height."),
                    (
                        "commitment",
                        named("Hash"),
                        "What the header of the epoch before commits to.",
                    ),
                    ("committee", named("Committee"), "Who votes."),
                ],
            ),
        ),
        (
            "Validator",
            object(
                "One validator.",
                vec![
                    ("index", small(), "Its index in the committee."),
                    ("key", named("PublicKey"), "Its consensus key."),
                    ("weight", number(), "Its voting weight."),
                    (
                        "operator?",
                        named("Address"),
                        "The account that answers for it; absent where unknown.",
                    ),
                    (
                        "address?",
                        text(),
                        "Where it listens, as a multiaddress; absent where unknown.",
                    ),
                ],
            ),
        ),
        (
            "Validators",
            object(
                "The current committee.",
                vec![
                    ("epoch", number(), "The epoch of the next block."),
                    (
                        "total_weight",
                        decimal(),
                        "Sum of the weights: it may exceed 64 bits.",
                    ),
                    (
                        "quorum",
                        decimal(),
                        "The least weight that makes a certificate.",
                    ),
                    ("validators", list(named("Validator")), "By index."),
                ],
            ),
        ),
        (
            "Parameters",
            closed(
                "Parameters that all nodes of a network share.",
                vec![
                    ("epoch_length", number(), "Blocks in an epoch."),
                    (
                        "view_timeout_ms",
                        number(),
                        "How long a view may take before its first back-off.",
                    ),
                    (
                        "empty_block_delay_ms",
                        number(),
                        "How long a leader without transactions waits.",
                    ),
                    ("max_payload_bytes", small(), "Largest payload of a block."),
                    ("max_namespaces", small(), "Most namespaces in a block."),
                    ("max_transaction_bytes", small(), "Largest transaction."),
                ],
            ),
        ),
        (
            "GenesisValidator",
            object(
                "A validator of the first two epochs.",
                vec![
                    (
                        "operator",
                        named("Address"),
                        "The account that answers for it.",
                    ),
                    ("key", named("PublicKey"), "Its consensus key."),
                    (
                        "possession",
                        hex(48, ""),
                        "Shows that the operator holds the key.",
                    ),
                    ("weight", number(), "Its voting weight."),
                    ("network_key", named("Hash"), "Its network key."),
                    ("address", text(), "Where it listens, as a multiaddress."),
                ],
            ),
        ),
        (
            "GenesisDocument",
            object(
                "Everything that defines a network.",
                vec![
                    (
                        "l1_chain_id",
                        number(),
                        "Chain id of the home L1; 0 for a network without one.",
                    ),
                    (
                        "stake_table",
                        named("Address"),
                        "The stake table on the home L1.",
                    ),
                    (
                        "salt",
                        named("Hash"),
                        "Tells networks of one stake table apart.",
                    ),
                    ("timestamp_ms", number(), "When the network starts."),
                    (
                        "l1",
                        named("L1Block"),
                        "The L1 block that the first blocks see as finalized.",
                    ),
                    ("seeds", list(named("Hash")), "Seeds of epochs 1 and 2."),
                    ("parameters", named("Parameters"), "What all nodes share."),
                    ("validators", list(named("GenesisValidator")), "By index."),
                ],
            ),
        ),
    ]
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
