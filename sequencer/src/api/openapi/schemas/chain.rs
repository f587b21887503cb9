//! Schemas of blocks as validators sign them, and of the validators.

use serde_json::json;

use super::{Named, closed, decimal, hex, list, named, number, object, small, text, truth};

pub(super) fn all() -> Vec<Named> {
    let mut all = signed();
    all.extend(committees());
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
                    (
                        "development",
                        truth(),
                        "Whether validators may keep their keys unencrypted.",
                    ),
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
