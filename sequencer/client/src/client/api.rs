//! Typed requests and answers.

use std::{fmt, time::Duration};

use bytes::Bytes;
use da::NamespaceId;
use hotshot_types::{Epoch, GenesisDocument, Hash, Height, finality::FinalityProof};
use reqwest::{Response, Url, header::CONTENT_TYPE};
use serde::de::DeserializeOwned;

use super::{ClientError, evidence::Transcript};
use crate::types::{
    AccumulatorAnswer, AncestorAnswer, ApiLimits, BatchSubmitted, Block, BlockNamespaces,
    BlockPage, EpochAnswer, EvidencePage, NAMESPACE_HEADER, NamespaceAnswer, NamespacePage,
    NodeState, Submitted, TransactionAnswer, Validators, Version, push_record,
};

mod exchange;

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
}
