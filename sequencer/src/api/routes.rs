//! The table of all routes. The router is made from it, and so is the OpenAPI document: neither can have a route that
//! the other does not have.

use axum::routing::{MethodRouter, get, post};
use sequencer_client::types::ProblemCode::{self, *};

use super::{
    Context, blocks, chain, docs, evidence, namespaces, node, openapi, shares, streams,
    transactions,
};

/// Methods that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// An answer that is a success.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) what: &'static str,
    /// Media types, each with the name of a schema.
    pub(super) forms: &'static [(&'static str, &'static str)],
}

/// One operation.
pub(super) struct Route {
    pub(super) method: Method,
    /// As both axum and OpenAPI write it.
    pub(super) path: &'static str,
    /// The operation's name in generated clients.
    pub(super) name: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) details: &'static str,
    /// Names of the query parameters.
    pub(super) query: &'static [&'static str],
    /// Names of the request headers.
    pub(super) headers: &'static [&'static str],
    /// Forms of the request's body, each with the name of a schema.
    pub(super) body: &'static [(&'static str, &'static str)],
    pub(super) answers: &'static [Answer],
    /// Codes besides those that every route has.
    pub(super) problems: &'static [ProblemCode],
    pub(super) handler: fn() -> MethodRouter<Context>,
}

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const EVENTS: &str = "text/event-stream";

const fn ok(forms: &'static [(&'static str, &'static str)]) -> Answer {
    Answer {
        status: 200,
        what: "The answer.",
        forms,
    }
}

/// What most routes have; the rest is said by each.
const READ: Route = Route {
    method: Method::Get,
    path: "",
    name: "",
    tag: "Blocks",
    summary: "",
    details: "",
    query: &[],
    headers: &[],
    body: &[],
    answers: &[],
    problems: &[InvalidParameter],
    handler: || get(node::alive),
};

/// All routes, in the order of the document.
pub(super) static ROUTES: &[Route] = &[
    Route {
        method: Method::Post,
        path: "/v1/transactions",
        name: "submit_transaction",
        tag: "Transactions",
        summary: "Submit a transaction",
        details: "As JSON, or as raw bytes with the header `x-namespace`. Submitting again is harmless: the same bytes in one namespace are one transaction. With `wait=finalized` the answer comes once the transaction is final, or with 202 when the wait is over before.",
        query: &["wait", "timeout_ms"],
        headers: &["x-namespace"],
        body: &[(JSON, "SubmitRequest"), (BYTES, "Bytes")],
        answers: &[
            Answer {
                status: 200,
                what: "It is final.",
                forms: &[(JSON, "Submitted")],
            },
            Answer {
                status: 202,
                what: "It was accepted and is not final yet.",
                forms: &[(JSON, "Submitted")],
            },
        ],
        problems: &[
            InvalidParameter,
            MalformedRequest,
            NamespaceReserved,
            EmptyTransaction,
            TransactionTooLarge,
            UnsupportedMediaType,
            PoolFull,
            TransactionExpired,
            NotReady,
            TooBusy,
        ],
        handler: || post(transactions::submit),
    },
    Route {
        method: Method::Post,
        path: "/v1/transactions/batch",
        name: "submit_batch",
        tag: "Transactions",
        summary: "Submit many transactions at once",
        details: "As JSON, or as records one after the other: namespace (8 bytes), length (4 bytes, both little-endian), transaction. Each transaction is taken or refused on its own; a batch that can't be read is refused as a whole. A transaction's hash is the SHA-256 of its bytes.",
        query: &[],
        headers: &[],
        body: &[(BYTES, "Bytes"), (JSON, "BatchRequest")],
        answers: &[ok(&[(JSON, "BatchSubmitted")])],
        problems: &[
            InvalidParameter,
            MalformedRequest,
            NamespaceReserved,
            BatchTooLarge,
            UnsupportedMediaType,
            TooBusy,
        ],
        handler: || post(transactions::submit_batch),
    },
    Route {
        path: "/v1/transactions/{hash}",
        name: "get_transaction",
        tag: "Transactions",
        summary: "What became of a transaction",
        details: "State, position, the bytes and a proof against the block's `ns_root`. Without `namespace` the first one with these bytes.",
        query: &["namespace"],
        answers: &[ok(&[(JSON, "TransactionAnswer")])],
        problems: &[InvalidParameter, NamespaceReserved, TransactionUnknown],
        handler: || get(transactions::find),
        ..READ
    },
    Route {
        path: "/v1/blocks",
        name: "list_blocks",
        summary: "A page of blocks",
        details: "By rising height without gaps; the newest ones without `from`.",
        query: &["from", "to", "limit"],
        answers: &[ok(&[(JSON, "BlockPage")])],
        problems: &[
            InvalidParameter,
            InvertedRange,
            RangeTooLong,
            HeightAboveHead,
        ],
        handler: || get(blocks::range),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}",
        name: "get_block",
        summary: "A block",
        details: "Hash, header, and the finality certificate if this very block has one.",
        answers: &[ok(&[(JSON, "Block")])],
        problems: &[InvalidParameter, BlockUnknown, HeightAboveHead, Pruned],
        handler: || get(blocks::block),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}/ancestors/{height}",
        name: "get_ancestor",
        tag: "Light client",
        summary: "An earlier block, proven under this one",
        details: "Its header, and its place in this block's `history_root`: for whoever knows this block from the light client on an L1.",
        answers: &[ok(&[(JSON, "AncestorAnswer")])],
        problems: &[InvalidParameter, BlockUnknown, HeightAboveHead, Pruned],
        handler: || get(chain::ancestor),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}/payload",
        name: "get_payload",
        summary: "A block with its payload",
        details: "Raw, in the canonical encoding, with `Accept: application/octet-stream`.",
        answers: &[ok(&[(JSON, "BlockWithPayload"), (BYTES, "Bytes")])],
        problems: &[InvalidParameter, BlockUnknown, HeightAboveHead, Pruned],
        handler: || get(blocks::payload),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}/shares/{validator}",
        name: "get_shares",
        summary: "The node's own shares of a block",
        details: "The erasure-coded shares of one validator's slots, with their proof against `shard_root`. A node holds those of its own validator.",
        answers: &[ok(&[(JSON, "SharesAnswer")])],
        problems: &[
            InvalidParameter,
            BlockUnknown,
            HeightAboveHead,
            SharesUnknown,
            Pruned,
        ],
        handler: || get(shares::own),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}/namespaces",
        name: "list_namespaces",
        tag: "Namespaces",
        summary: "The namespaces of a block",
        details: "The leaf of each; their root is `ns_root`.",
        answers: &[ok(&[(JSON, "BlockNamespaces")])],
        problems: &[InvalidParameter, BlockUnknown, HeightAboveHead, Pruned],
        handler: || get(namespaces::list),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}/namespaces/{namespace}",
        name: "get_namespace",
        tag: "Namespaces",
        summary: "One namespace of a block",
        details: "Its transactions in order; none if the block does not have it. With `proof=true` a proof that these are all.",
        query: &["proof"],
        answers: &[ok(&[(JSON, "NamespaceAnswer")])],
        problems: &[
            InvalidParameter,
            NamespaceReserved,
            BlockUnknown,
            HeightAboveHead,
            Pruned,
        ],
        handler: || get(namespaces::one),
        ..READ
    },
    Route {
        path: "/v1/blocks/{block}/namespaces/{namespace}/accumulator",
        name: "get_accumulator",
        tag: "Namespaces",
        summary: "A namespace's summary up to a block",
        details: "Blocks, transactions and accumulator of the namespace so far, proven against `ns_acc_root`.",
        answers: &[ok(&[(JSON, "AccumulatorAnswer")])],
        problems: &[
            InvalidParameter,
            NamespaceReserved,
            BlockUnknown,
            HeightAboveHead,
            Pruned,
        ],
        handler: || get(namespaces::accumulator),
        ..READ
    },
    Route {
        path: "/v1/namespaces/{namespace}/blocks",
        name: "list_namespace_blocks",
        tag: "Namespaces",
        summary: "A page of a namespace's history",
        details: "The blocks that hold the namespace, with its transactions; with `proof=true` also the proofs: the first one starts from the committee of `from_epoch`, each further one from the epoch that the one before reached.",
        query: &["from", "to", "limit", "proof", "from_epoch"],
        answers: &[ok(&[(JSON, "NamespacePage")])],
        problems: &[
            InvalidParameter,
            NamespaceReserved,
            InvertedRange,
            RangeTooLong,
            ProofTooLong,
            HeightAboveHead,
            EpochUnknown,
            Pruned,
        ],
        handler: || get(namespaces::history),
        ..READ
    },
    Route {
        path: "/v1/stream/blocks",
        name: "stream_blocks",
        tag: "Streams",
        summary: "Every final block with its payload",
        details: "Events `block` (a `BlockWithPayload`, its id is the height) and `interrupted` (an `Interrupted`); a comment as heartbeat. `last-event-id` resumes after that height and wins over `from`. Where the request asks for a WebSocket, the same events come as messages `{event, id, data}`.",
        query: &["from"],
        headers: &["last-event-id"],
        answers: &[ok(&[(EVENTS, "Events")])],
        problems: &[InvalidParameter, TooBusy],
        handler: || get(streams::blocks),
        ..READ
    },
    Route {
        path: "/v1/stream/headers",
        name: "stream_headers",
        tag: "Streams",
        summary: "Every final block without its payload",
        details: "As the stream of blocks; the events are a `Block`.",
        query: &["from"],
        headers: &["last-event-id"],
        answers: &[ok(&[(EVENTS, "Events")])],
        problems: &[InvalidParameter, TooBusy],
        handler: || get(streams::headers),
        ..READ
    },
    Route {
        path: "/v1/stream/namespaces/{namespace}",
        name: "stream_namespace",
        tag: "Streams",
        summary: "Every block of a namespace",
        details: "Events `block` (a `NamespaceBlock`), `head` (a `NamespaceHead`: nothing of the namespace is missing up to there) and `interrupted` (an `Interrupted`).",
        query: &["from", "proof", "from_epoch"],
        headers: &["last-event-id"],
        answers: &[ok(&[(EVENTS, "Events")])],
        problems: &[InvalidParameter, NamespaceReserved, TooBusy],
        handler: || get(streams::of_namespace),
        ..READ
    },
    Route {
        path: "/v1/light-client/{block}",
        name: "get_finality_proof",
        tag: "Light client",
        summary: "A proof that a block is final",
        details: "For whoever trusts the committee of `from_epoch`; at most 256 epochs on.",
        query: &["from_epoch"],
        answers: &[ok(&[(JSON, "FinalityProof")])],
        problems: &[
            InvalidParameter,
            ProofTooLong,
            BlockUnknown,
            HeightAboveHead,
            EpochUnknown,
            Pruned,
        ],
        handler: || get(chain::finality),
        ..READ
    },
    Route {
        path: "/v1/epochs/{epoch}",
        name: "get_epoch",
        tag: "Light client",
        summary: "An epoch and its committee",
        answers: &[ok(&[(JSON, "EpochAnswer")])],
        problems: &[InvalidParameter, EpochUnknown],
        handler: || get(chain::epoch),
        ..READ
    },
    Route {
        path: "/v1/validators",
        name: "list_validators",
        tag: "Light client",
        summary: "The current committee",
        answers: &[ok(&[(JSON, "Validators")])],
        handler: || get(chain::validators),
        ..READ
    },
    Route {
        path: "/v1/genesis",
        name: "get_genesis",
        tag: "Light client",
        summary: "The genesis document",
        details: "Nothing to trust: whoever trusts a node's genesis document trusts the node.",
        answers: &[ok(&[(JSON, "GenesisDocument")])],
        handler: || get(chain::genesis),
        ..READ
    },
    Route {
        path: "/v1/evidence",
        name: "list_evidence",
        tag: "Light client",
        summary: "Proofs of misbehaviour",
        details: "Pairs of signatures that no honest validator makes, as this node has seen them. By rising hash: what is new may stand anywhere.",
        query: &["after", "limit"],
        answers: &[ok(&[(JSON, "EvidencePage")])],
        problems: &[InvalidParameter, RangeTooLong],
        handler: || get(evidence::list),
        ..READ
    },
    Route {
        path: "/v1/status",
        name: "get_status",
        tag: "Node",
        summary: "How the node is",
        answers: &[ok(&[(JSON, "NodeState")])],
        handler: || get(node::status),
        ..READ
    },
    Route {
        path: "/v1/limits",
        name: "get_limits",
        tag: "Node",
        summary: "Limits of the node and its network",
        answers: &[ok(&[(JSON, "ApiLimits")])],
        handler: || get(node::limits),
        ..READ
    },
    Route {
        path: "/livez",
        name: "is_alive",
        tag: "Node",
        summary: "Whether the process answers",
        answers: &[ok(&[("text/plain; charset=utf-8", "Text")])],
        problems: &[],
        handler: || get(node::alive),
        ..READ
    },
    Route {
        path: "/readyz",
        name: "is_ready",
        tag: "Node",
        summary: "Whether the node does its job",
        answers: &[
            ok(&[(JSON, "Readiness")]),
            Answer {
                status: 503,
                what: "It does not, for these reasons.",
                forms: &[(JSON, "Readiness")],
            },
        ],
        problems: &[],
        handler: || get(node::ready),
        ..READ
    },
    Route {
        path: "/version",
        name: "get_version",
        tag: "Node",
        summary: "The program's version",
        answers: &[ok(&[(JSON, "Version")])],
        problems: &[],
        handler: || get(node::version),
        ..READ
    },
    Route {
        path: "/openapi.json",
        name: "get_openapi",
        tag: "Node",
        summary: "This document",
        answers: &[ok(&[(JSON, "OpenApi")])],
        problems: &[],
        handler: || get(openapi::serve),
        ..READ
    },
    Route {
        path: "/docs",
        name: "get_docs",
        tag: "Node",
        summary: "This document as a page to read",
        answers: &[ok(&[("text/html; charset=utf-8", "Text")])],
        problems: &[],
        handler: || get(docs::serve),
        ..READ
    },
];
