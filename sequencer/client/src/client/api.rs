//! Typed requests and answers.

use std::{fmt, time::Duration};

use bytes::{Bytes, BytesMut};
use da::NamespaceId;
use futures::StreamExt as _;
use hotshot_types::{Epoch, GenesisDocument, Hash, Height, finality::FinalityProof};
use reqwest::{RequestBuilder, Response, StatusCode, Url, header::CONTENT_TYPE};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::{
    ClientError,
    evidence::{Answer, Transcript},
};
use crate::types::{
    AccumulatorAnswer, AncestorAnswer, ApiLimits, BatchSubmitted, Block, BlockNamespaces,
    BlockPage, EpochAnswer, EvidencePage, NAMESPACE_HEADER, NamespaceAnswer, NamespacePage,
    NodeState, Problem, Submitted, TransactionAnswer, Validators, Version, push_record,
};

const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";
const EVENTS: &str = "text/event-stream";

/// Bounds of a client.
#[derive(Clone, Copy, Debug)]
pub struct ClientConfig {
    /// For the connection.
    pub connect_timeout: Duration,
    /// For a whole answer, waits that were asked for aside.
    pub timeout: Duration,
    /// Largest answer, and largest event of a stream, in bytes.
    pub max_bytes: usize,
    /// A stream that sends nothing for this long is opened anew; nodes send a heartbeat more often.
    pub stall: Duration,
    /// How long a stream tries to be opened anew before it fails.
    pub patience: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            max_bytes: 64 << 20,
            stall: Duration::from_secs(30),
            patience: Duration::from_secs(60),
        }
    }
}

/// How a block is named in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockId {
    /// By height.
    Height(Height),
    /// By hash.
    Hash(Hash),
    /// The last final one.
    Latest,
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Height(height) => height.fmt(f),
            Self::Hash(hash) => hash.fmt(f),
            Self::Latest => f.write_str("latest"),
        }
    }
}

/// A node's API. What it returns is what the node says.
#[derive(Clone, Debug)]
pub struct Api {
    http: reqwest::Client,
    base: Url,
    config: ClientConfig,
    /// Where answers are kept until they are verified.
    transcript: Transcript,
}

impl Api {
    /// The API at a URL such as `http://127.0.0.1:8080`.
    ///
    /// # Errors
    /// Text that is no such URL.
    pub fn new(url: &str, config: ClientConfig) -> Result<Self, ClientError> {
        let base: Url = url.parse().map_err(|_| ClientError::Url(url.into()))?;
        if !matches!(base.scheme(), "http" | "https") || base.cannot_be_a_base() {
            return Err(ClientError::Url(url.into()));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(config.connect_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| ClientError::Unreachable {
                url: url.into(),
                reason: error.to_string(),
            })?;
        Ok(Self {
            http,
            base,
            config,
            transcript: Transcript::default(),
        })
    }

    /// The same API with a transcript of its own.
    pub(super) fn recorded(&self) -> Self {
        Self {
            transcript: Transcript::default(),
            ..self.clone()
        }
    }

    /// The last answers.
    pub(super) fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The URL of the node.
    #[must_use]
    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// The bounds.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }

    /// Submits a transaction. With `wait` the answer comes once it is final, or after that long and then it is pending.
    ///
    /// # Errors
    /// Refused, or unreachable.
    pub async fn submit(
        &self,
        namespace: NamespaceId,
        transaction: Bytes,
        wait: Option<Duration>,
    ) -> Result<Submitted, ClientError> {
        let mut request = self
            .http
            .post(self.address("v1/transactions"))
            .header(NAMESPACE_HEADER, namespace.to_string())
            .header(CONTENT_TYPE, BYTES)
            .body(transaction);
        if let Some(wait) = wait {
            let millis = wait.as_millis().to_string();
            request = request.query(&[("wait", "finalized"), ("timeout_ms", &millis)]);
        }
        self.call(request, self.config.timeout + wait.unwrap_or_default())
            .await
    }

    /// Submits many transactions at once; each is taken or refused on its own. `/v1/limits` says how many and how
    /// large, and their hashes are those of their bytes (SHA-256).
    ///
    /// # Errors
    /// Nothing was taken: refused as a whole, or unreachable.
    pub async fn submit_batch(
        &self,
        transactions: &[(NamespaceId, Bytes)],
    ) -> Result<BatchSubmitted, ClientError> {
        let mut batch = Vec::new();
        for (namespace, transaction) in transactions {
            push_record(&mut batch, namespace.get(), transaction);
        }
        let request = self
            .http
            .post(self.address("v1/transactions/batch"))
            .header(CONTENT_TYPE, BYTES)
            .body(batch);
        self.call(request, self.config.timeout).await
    }

    /// What became of a transaction; in any namespace if none is given.
    ///
    /// # Errors
    /// Unknown, or unreachable.
    pub async fn transaction(
        &self,
        hash: Hash,
        namespace: Option<NamespaceId>,
    ) -> Result<TransactionAnswer, ClientError> {
        let query = namespace.map(|id| ("namespace", id.to_string()));
        self.get(&format!("v1/transactions/{hash}"), query.as_slice())
            .await
    }

    /// A final block without its payload.
    ///
    /// # Errors
    /// Unknown, or unreachable.
    pub async fn block(&self, id: BlockId) -> Result<Block, ClientError> {
        self.get(&format!("v1/blocks/{id}"), &[]).await
    }

    /// Final blocks from a height on.
    ///
    /// # Errors
    /// Above the last final block, or unreachable.
    pub async fn blocks(&self, from: Height, limit: u32) -> Result<BlockPage, ClientError> {
        let query = [("from", from.to_string()), ("limit", limit.to_string())];
        self.get("v1/blocks", &query).await
    }

    /// The payload of a block, in its canonical encoding.
    ///
    /// # Errors
    /// Unknown, no longer kept, or unreachable.
    pub async fn payload(&self, id: BlockId) -> Result<Bytes, ClientError> {
        let request = self
            .http
            .get(self.address(&format!("v1/blocks/{id}/payload")))
            .header("accept", BYTES);
        self.bytes(request, BYTES, self.config.timeout).await
    }

    /// The namespaces of a block.
    ///
    /// # Errors
    /// Unknown, or unreachable.
    pub async fn namespaces(&self, id: BlockId) -> Result<BlockNamespaces, ClientError> {
        self.get(&format!("v1/blocks/{id}/namespaces"), &[]).await
    }

    /// A namespace of a block, with its proof.
    ///
    /// # Errors
    /// Unknown, no longer kept, or unreachable.
    pub async fn namespace(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<NamespaceAnswer, ClientError> {
        let query = [("proof", "true".to_owned())];
        self.get(&format!("v1/blocks/{id}/namespaces/{namespace}"), &query)
            .await
    }

    /// The summary of a namespace up to a block, with its proof.
    ///
    /// # Errors
    /// Unknown, no longer kept, or unreachable.
    pub async fn accumulator(
        &self,
        id: BlockId,
        namespace: NamespaceId,
    ) -> Result<AccumulatorAnswer, ClientError> {
        self.get(
            &format!("v1/blocks/{id}/namespaces/{namespace}/accumulator"),
            &[],
        )
        .await
    }

    /// Blocks of a namespace from a height on, with proofs that start at an epoch.
    ///
    /// # Errors
    /// Above the last final block, no longer kept, or unreachable.
    pub async fn namespace_blocks(
        &self,
        namespace: NamespaceId,
        from: Height,
        limit: u32,
        from_epoch: Epoch,
    ) -> Result<NamespacePage, ClientError> {
        let query = [
            ("from", from.to_string()),
            ("limit", limit.to_string()),
            ("from_epoch", from_epoch.to_string()),
            ("proof", "true".to_owned()),
        ];
        self.get(&format!("v1/namespaces/{namespace}/blocks"), &query)
            .await
    }

    /// Proves the header at a height final, starting at an epoch.
    ///
    /// # Errors
    /// Above the last final block, or unreachable.
    pub async fn finality(
        &self,
        id: BlockId,
        from_epoch: Epoch,
    ) -> Result<FinalityProof, ClientError> {
        let query = [("from_epoch", from_epoch.to_string())];
        self.get(&format!("v1/light-client/{id}"), &query).await
    }

    /// The header at a height below a block's, and its place in that block's history.
    ///
    /// # Errors
    /// Not below the block, or unreachable.
    pub async fn ancestor(
        &self,
        id: BlockId,
        height: Height,
    ) -> Result<AncestorAnswer, ClientError> {
        self.get(&format!("v1/blocks/{id}/ancestors/{height}"), &[])
            .await
    }

    /// An epoch and its committee.
    ///
    /// # Errors
    /// Unknown, or unreachable.
    pub async fn epoch(&self, epoch: Epoch) -> Result<EpochAnswer, ClientError> {
        self.get(&format!("v1/epochs/{epoch}"), &[]).await
    }

    /// The committee of the current epoch, and how to reach its members.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn validators(&self) -> Result<Validators, ClientError> {
        self.get("v1/validators", &[]).await
    }

    /// Proofs of misbehaviour that the node has seen, by rising hash; those after one, or the first. Not
    /// verified.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn evidence(&self, after: Option<Hash>) -> Result<EvidencePage, ClientError> {
        let query = after.map(|after| ("after", after.to_string()));
        self.get("v1/evidence", query.as_slice()).await
    }

    /// How the node is.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn status(&self) -> Result<NodeState, ClientError> {
        self.get("v1/status", &[]).await
    }

    /// The limits of the node and its network.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn limits(&self) -> Result<ApiLimits, ClientError> {
        self.get("v1/limits", &[]).await
    }

    /// The genesis document that the node runs with. Nothing to trust: whoever trusts a node's genesis document
    /// trusts the node.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn genesis(&self) -> Result<GenesisDocument, ClientError> {
        self.get("v1/genesis", &[]).await
    }

    /// The node's program.
    ///
    /// # Errors
    /// Unreachable.
    pub async fn version(&self) -> Result<Version, ClientError> {
        self.get("version", &[]).await
    }

    /// Opens a stream of events. Only its start is bounded in time.
    pub(super) async fn open(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Response, ClientError> {
        let request = self
            .http
            .get(self.address(path))
            .query(query)
            .header("accept", EVENTS);
        self.send(request, EVENTS, None).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, ClientError> {
        self.call(
            self.http.get(self.address(path)).query(query),
            self.config.timeout,
        )
        .await
    }

    fn address(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}/{path}"));
        url
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        timeout: Duration,
    ) -> Result<T, ClientError> {
        let bytes = self.bytes(request, JSON, timeout).await?;
        self.parse(&bytes)
    }

    /// Reads JSON. What is no whole JSON was cut on its way, or something else was put in its place.
    pub(super) fn parse<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|error| {
            let url = self.base.to_string();
            match serde_json::from_slice::<IgnoredAny>(bytes) {
                Ok(_) => ClientError::Protocol {
                    url,
                    reason: error.to_string(),
                },
                Err(error) => ClientError::Unreachable {
                    url,
                    reason: format!("what came from there is no whole JSON: {error}"),
                },
            }
        })
    }

    async fn bytes(
        &self,
        request: RequestBuilder,
        form: &str,
        timeout: Duration,
    ) -> Result<Bytes, ClientError> {
        let response = self.send(request, form, Some(timeout)).await?;
        self.read(response).await
    }

    /// Sends a request; an answer that is no success becomes the problem it carries. One of another form is a page of
    /// what is before the node, and says nothing of the node.
    async fn send(
        &self,
        request: RequestBuilder,
        form: &str,
        timeout: Option<Duration>,
    ) -> Result<Response, ClientError> {
        let request = match timeout {
            Some(timeout) => request.timeout(timeout),
            None => request,
        };
        let waited = tokio::time::timeout(timeout.unwrap_or(self.config.timeout), request.send());
        let response = match waited.await {
            Ok(response) => response.map_err(|error| self.broken(&error))?,
            Err(_) => {
                return Err(ClientError::Timeout {
                    url: self.base.to_string(),
                });
            }
        };
        let status = response.status();
        if matches!(status, StatusCode::OK | StatusCode::ACCEPTED) && has_form(&response, form) {
            return Ok(response);
        }
        let body = self.read(response).await.ok();
        let problem = body.and_then(|body| serde_json::from_slice::<Problem>(&body).ok());
        Err(match problem {
            Some(problem) => ClientError::Refused(Box::new(problem)),
            None => ClientError::Unreachable {
                url: self.base.to_string(),
                reason: format!("what answers there says {status}, and not as a node does"),
            },
        })
    }

    async fn read(&self, response: Response) -> Result<Bytes, ClientError> {
        let (request, status) = (response.url().to_string(), response.status().as_u16());
        let body = self.body(response).await?;
        self.transcript.note(Answer {
            request,
            status,
            body: body.clone(),
        });
        Ok(body)
    }

    async fn body(&self, response: Response) -> Result<Bytes, ClientError> {
        let limit = self.config.max_bytes;
        let mut body = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| self.broken(&error))?;
            if body.len() + chunk.len() > limit {
                return Err(ClientError::TooLarge(limit));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> ClientError {
        let url = self.base.to_string();
        if error.is_timeout() && !error.is_connect() {
            return ClientError::Timeout { url };
        }
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        ClientError::Unreachable {
            url,
            reason: cause.to_string(),
        }
    }
}

/// Whether the answer is of a media type; its parameters don't matter.
fn has_form(response: &Response, form: &str) -> bool {
    let found = response.headers().get(CONTENT_TYPE);
    let found = found.and_then(|found| found.to_str().ok()?.split(';').next());
    found.is_some_and(|found| found.trim().eq_ignore_ascii_case(form))
}
