//! Submitting a transaction and asking after it.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Extension, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::{Hash, Height};
use sequencer_client::{
    Base64, text,
    types::{
        NAMESPACE_HEADER, Position, ProblemCode, SubmitRequest, Submitted, TransactionAnswer,
        TransactionState,
    },
};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    Context, Reader,
    body::{self, Longest},
    extract::{BlockName, Parameters, Segments, namespace},
    permits,
    refusal::Refusal,
    router::Json,
    server::Caller,
};
use crate::mempool::{Rejection, Source, Status, TransactionPosition};

mod batch;

pub(super) use batch::submit_batch;

/// A transaction in one of this many last blocks is not taken again.
const RECENT_BLOCKS: u64 = 1_024;

/// Until what a submission is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Until {
    #[serde(alias = "final")]
    Finalized,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wait {
    wait: Option<Until>,
    timeout_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InNamespace {
    namespace: Option<String>,
}

pub(super) async fn submit(
    State(context): State<Context>,
    Extension(Caller(caller)): Extension<Caller>,
    Parameters(wait): Parameters<Wait>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let deadline = deadline(&context, &wait)?;
    let (id, transaction) = read_transaction(&context, &headers, body).await?;
    let hash = Hash(da::tx_hash(&transaction));
    let final_at = match context
        .read(move |reader| reader.recently_final(hash, id))
        .await?
    {
        Some(position) => Some(position),
        None => {
            let accepted = context
                .mempool()
                .submit(Source::client(caller), id.get(), transaction);
            match (accepted.map_err(refuse)?.status, deadline) {
                (Status::Final(position), _) => Some(position),
                (_, None) => None,
                (_, Some(deadline)) => self::wait(&context, hash, id, deadline).await?,
            }
        }
    };
    let position = match final_at {
        Some(position) => {
            context
                .read(move |reader| reader.position(&position))
                .await?
        }
        None => None,
    };
    let state = match position {
        Some(_) => TransactionState::Final,
        None => TransactionState::Pending,
    };
    let code = match state {
        TransactionState::Final => StatusCode::OK,
        TransactionState::Pending => StatusCode::ACCEPTED,
    };
    Ok((
        code,
        Json(Submitted {
            hash,
            namespace: id,
            state,
            position,
        }),
    )
        .into_response())
}

fn deadline(context: &Context, wait: &Wait) -> Result<Option<Instant>, Refusal> {
    let longest = context.bounds().wait;
    let asked = wait.timeout_ms.map(Duration::from_millis);
    match (wait.wait, asked) {
        (None, Some(_)) => Err(Refusal::invalid("timeout_ms goes with wait=finalized")),
        (_, Some(asked)) if asked > longest => Err(Refusal::invalid(format!(
            "timeout_ms is at most {}; wait longer by asking again, which submits nothing twice",
            longest.as_millis()
        ))),
        (None, None) => Ok(None),
        (Some(Until::Finalized), asked) => Ok(Some(Instant::now() + asked.unwrap_or(longest))),
    }
}

/// Waits until the transaction is final and served; nothing if it is still pending when the request may wait no longer.
async fn wait(
    context: &Context,
    hash: Hash,
    id: NamespaceId,
    deadline: Instant,
) -> Result<Option<TransactionPosition>, Refusal> {
    let mut stopping = context.stopping();
    let outcome = tokio::select! {
        outcome = timeout_at(deadline, final_position(context, hash, id)) => outcome,
        _ = stopping.wait_for(|stopping| *stopping) => {
            return Err(Refusal::new(
                ProblemCode::NotReady,
                "the transaction was accepted, but this node shuts down: ask another one for it",
            )
            .about(hash));
        }
    };
    match outcome {
        Ok(Ok(Some(position))) => Ok(Some(position)),
        Ok(Ok(None)) => Err(Refusal::new(
            ProblemCode::TransactionExpired,
            "the transaction was accepted and left the pool without becoming final: submit it again",
        )
        .about(hash)),
        Ok(Err(refusal)) => Err(refusal),
        Err(_) => Ok(None),
    }
}

/// Where the transaction is final; nothing once the pool has given it up.
async fn final_position(
    context: &Context,
    hash: Hash,
    id: NamespaceId,
) -> Result<Option<TransactionPosition>, Refusal> {
    let mut served = context.watch_served();
    let Some(position) = context.mempool().wait_final(&hash.0, id).await else {
        return Ok(None);
    };
    let is_served = served
        .wait_for(|served| *served >= position.height)
        .await
        .is_ok();
    Ok(is_served.then_some(position))
}

fn refuse(rejection: Rejection) -> Refusal {
    let detail = match rejection {
        Rejection::ReservedNamespace => return Refusal::from(text::TextError::NamespaceZero),
        Rejection::Empty => "the transaction is empty: a transaction has at least one byte".into(),
        Rejection::TooLarge { length, limit } => format!(
            "the transaction has {length} bytes, at most {limit} are allowed: split it, or post a commitment to it"
        ),
        _ => format!("{rejection}: try again later"),
    };
    let refusal = Refusal::new(batch::code(&rejection), detail);
    match rejection.retry_after() {
        Some(pause) => refusal.retry_after(pause),
        None => refusal,
    }
}

/// Reads the namespace and the transaction from either form of the request.
async fn read_transaction(
    context: &Context,
    headers: &HeaderMap,
    body: Body,
) -> Result<(NamespaceId, Bytes), Refusal> {
    let limit = permits(context.0.limits.transaction_bytes);
    let longest = |bytes| Longest {
        bytes,
        code: ProblemCode::TransactionTooLarge,
        detail: format!("a transaction has at most {limit} bytes"),
    };
    match body::form(headers).as_str() {
        "application/json" => {
            // Base64 is four thirds of the bytes; the rest is for the other fields and white space.
            let longest = longest(limit.div_ceil(3) * 4 + 4_096);
            let received = body::read(context, headers, body, &longest).await?;
            let request: SubmitRequest =
                serde_json::from_slice(&received.bytes).map_err(|error| {
                    malformed(
                        "{\"namespace\": number, \"payload\": base64}",
                        &error.to_string(),
                    )
                })?;
            Ok((request.namespace, request.payload.0))
        }
        "application/octet-stream" | "" => {
            let Some(id) = headers.get(NAMESPACE_HEADER) else {
                return Err(Refusal::new(
                    ProblemCode::MalformedRequest,
                    format!(
                        "raw bytes need a header `{NAMESPACE_HEADER}` with the namespace; or send {{\"namespace\": .., \"payload\": base64}} as application/json"
                    ),
                ));
            };
            if headers.get_all(NAMESPACE_HEADER).iter().nth(1).is_some() {
                return Err(Refusal::new(
                    ProblemCode::MalformedRequest,
                    format!(
                        "the header {NAMESPACE_HEADER} is there twice: a transaction is in one namespace, so send it once"
                    ),
                ));
            }
            let id = id.to_str().map_err(|_| {
                Refusal::invalid(format!("the header {NAMESPACE_HEADER} is not text"))
            })?;
            let id = namespace(id)?;
            let received = body::read(context, headers, body, &longest(limit)).await?;
            Ok((id, received.bytes))
        }
        other => Err(unsupported("a transaction", other)),
    }
}

fn unsupported(what: &str, form: &str) -> Refusal {
    Refusal::new(
        ProblemCode::UnsupportedMediaType,
        format!("{what} is sent as application/json or application/octet-stream, not `{form}`"),
    )
}

/// Says what is wrong with a JSON body; serde says where.
fn malformed(form: &str, error: &str) -> Refusal {
    if error.contains("namespace 0 is reserved") {
        return Refusal::from(text::TextError::NamespaceZero);
    }
    Refusal::new(
        ProblemCode::MalformedRequest,
        format!("the body is not {form}: {error}"),
    )
}

impl Reader {
    /// Where a transaction is in one of the last blocks. The pool knows those, too, but not after a restart.
    fn recently_final(
        &self,
        hash: Hash,
        id: NamespaceId,
    ) -> Result<Option<TransactionPosition>, Refusal> {
        let first = Height(self.served.0.saturating_sub(RECENT_BLOCKS - 1));
        let at = self.storage().transaction_in(&hash.0, id, first)?;
        Ok(at.filter(|at| at.height <= self.served))
    }

    /// A stored position as the API shows it; none while the block is not served.
    fn position(&self, at: &TransactionPosition) -> Result<Option<Position>, Refusal> {
        if at.height > self.served {
            return Ok(None);
        }
        let header = self.header(BlockName::Height(at.height))?;
        Ok(Some(Position {
            height: at.height,
            block: header.hash(),
            index: at.index.into(),
        }))
    }

    fn find(
        &self,
        hash: Hash,
        wanted: Option<NamespaceId>,
        recent: Option<Status>,
    ) -> Result<Option<TransactionAnswer>, Refusal> {
        let stored = match wanted {
            Some(id) => self.storage().transaction_in(&hash.0, id, Height(0))?,
            None => self.storage().transaction(&hash.0)?,
        };
        let at = match (stored, recent) {
            (Some(at), _) => Some(at),
            (None, Some(Status::Final(at))) => Some(at),
            (None, _) => None,
        };
        let pending = |namespace| TransactionAnswer {
            hash,
            namespace,
            state: TransactionState::Pending,
            position: None,
            transaction: None,
            proof: None,
        };
        let Some(at) = at else {
            return Ok(match recent {
                Some(Status::Pending { namespace } | Status::Proposed { namespace, .. }) => {
                    Some(pending(namespace))
                }
                Some(Status::Final(_)) | None => None,
            });
        };
        let Some(position) = self.position(&at)? else {
            return Ok(Some(pending(at.namespace)));
        };
        let mut answer = TransactionAnswer {
            state: TransactionState::Final,
            position: Some(position),
            ..pending(at.namespace)
        };
        let header = self.header(BlockName::Height(at.height))?;
        match self.open(&header) {
            Ok(opened) => {
                let index = usize::try_from(at.index).map_err(Refusal::internal)?;
                let body = opened.payload.namespace(at.namespace);
                answer.transaction = body.and_then(|body| body.get(index)).map(Base64);
                answer.proof = opened.tree.prove_transaction(at.namespace, index);
            }
            // Where it stands is known for longer than its bytes are kept.
            Err(refusal) if refusal.problem().code == ProblemCode::Pruned => {}
            Err(refusal) => return Err(refusal),
        }
        Ok(Some(answer))
    }
}

pub(super) async fn find(
    State(context): State<Context>,
    Segments(hash): Segments<String>,
    Parameters(query): Parameters<InNamespace>,
) -> Result<Json<TransactionAnswer>, Refusal> {
    let hash = text::parse_hash(&hash).map_err(|_| {
        Refusal::invalid(format!(
            "`{hash}` is no transaction hash: write 64 hex digits, the SHA-256 of the transaction"
        ))
    })?;
    let wanted = query.namespace.as_deref().map(namespace).transpose()?;
    let recent = match wanted {
        Some(id) => context.mempool().status_in(&hash.0, id),
        None => context.mempool().status(&hash.0),
    };
    let answer = context
        .read(move |reader| reader.find(hash, wanted, recent))
        .await?;
    answer.map(Json).ok_or_else(|| {
        Refusal::new(
            ProblemCode::TransactionUnknown,
            format!("no transaction {hash}{} is known here: it was never submitted, it expired, or its block is too old for this node's index", wanted.map(|id| format!(" in namespace {id}")).unwrap_or_default()),
        )
    })
}
