//! Requests to a node of an L1: JSON-RPC over HTTP, one endpoint, bounded answers.
//!
//! Nothing is retried here and no answer is believed: who asks several endpoints compares them
//! (the node's watcher), who asks one only risks its own fees (the relayer).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use alloy_sol_types::SolCall;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::time::timeout;

mod error;
mod quantity;
mod types;

pub use self::{
    error::{RpcError, ViewError},
    quantity::{Data, Quantity},
    types::{Block, CallFrame, FeeHistory, Log, LogRange, PaidCall, Receipt, Tag},
};

/// Largest answer: logs of a wide range.
const MAX_ANSWER: usize = 32 << 20;
/// For a whole answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Far above what any block holds.
const MOST_GAS: u64 = 1 << 32;
/// For the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A node of an L1. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Endpoint {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    uri: Uri,
    name: Arc<str>,
    requests: Arc<AtomicU64>,
}

#[derive(Deserialize)]
struct Answer {
    /// `null` is a result, too.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<Refusal>,
}

fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

impl Endpoint {
    /// The node at a URL such as `http://127.0.0.1:8545`.
    ///
    /// # Errors
    /// Text that is no such URL, or a machine without root certificates for `https`.
    pub fn new(url: &str) -> Result<Self, RpcError> {
        let wrong = || RpcError::Url;
        let uri: Uri = url.trim().parse().map_err(|_| wrong())?;
        let host = uri.host().ok_or_else(wrong)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(wrong()),
        };
        if uri.authority().is_some_and(|at| at.as_str().contains('@')) {
            return Err(RpcError::Credentials);
        }
        // Many providers put an access key into the path: it never appears in a log.
        let name = match uri.port_u16() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let mut http = HttpConnector::new();
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(secure)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self {
            http: Client::builder(TokioExecutor::new())
                .pool_idle_timeout(Duration::from_secs(30))
                .build(connector),
            uri,
            name: name.into(),
            requests: Arc::default(),
        })
    }

    /// Host and port, without what may be secret in the URL.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks, and reads the answer as what is expected.
    ///
    /// # Errors
    /// No answer, a refusal, or an answer of another form.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<T, RpcError> {
        let answer = timeout(TIMEOUT, self.exchange(method, &params))
            .await
            .map_err(|_| RpcError::Timeout {
                endpoint: self.name.to_string(),
            })??;
        serde_json::from_value(answer).map_err(|error| self.malformed(method, &error))
    }

    async fn exchange(&self, method: &'static str, params: &Value) -> Result<Value, RpcError> {
        let id = self.requests.fetch_add(1, Relaxed);
        let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.uri.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .map_err(|error| self.malformed(method, &error))?;
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let retry_after = response
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        if status == StatusCode::TOO_MANY_REQUESTS {
            return Err(self.limited(retry_after));
        }
        let bytes = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| self.malformed(method, &error))?
            .to_bytes();
        self.result(method, status, retry_after, &bytes)
    }

    /// What an answer says.
    fn result(
        &self,
        method: &'static str,
        status: StatusCode,
        retry_after: Option<Duration>,
        body: &[u8],
    ) -> Result<Value, RpcError> {
        let wrong = match serde_json::from_slice(body) {
            Ok(Answer {
                error: Some(refusal),
                ..
            }) => return Err(self.refused(method, refusal, retry_after)),
            Ok(Answer {
                result: Some(result),
                ..
            }) => return Ok(result),
            Ok(_) => "neither a result nor an error".to_owned(),
            Err(error) => error.to_string(),
        };
        // Proxies, and servers of something else, have a status that says more.
        if !status.is_success() {
            return Err(RpcError::Status {
                endpoint: self.name.to_string(),
                status: status.as_u16(),
            });
        }
        Err(self.malformed(method, &wrong))
    }

    fn refused(
        &self,
        method: &'static str,
        refusal: Refusal,
        retry_after: Option<Duration>,
    ) -> RpcError {
        let text = refusal.message.to_ascii_lowercase();
        let limited = refusal.code == 429
            || [
                "rate limit",
                "too many requests",
                "compute units",
                "throughput",
            ]
            .iter()
            .any(|sign| text.contains(sign));
        if limited {
            return self.limited(retry_after);
        }
        let data = refusal.data.and_then(|data| {
            let text = match &data {
                Value::String(text) => text.as_str(),
                Value::Object(fields) => fields.get("data")?.as_str()?,
                _ => return None,
            };
            hex::decode(text.strip_prefix("0x")?).ok()
        });
        RpcError::Refused {
            endpoint: self.name.to_string(),
            method,
            code: refusal.code,
            message: refusal.message.chars().take(300).collect(),
            data,
        }
    }

    fn limited(&self, retry_after: Option<Duration>) -> RpcError {
        RpcError::RateLimited {
            endpoint: self.name.to_string(),
            retry_after,
        }
    }

    fn malformed(&self, method: &'static str, error: &dyn std::fmt::Display) -> RpcError {
        RpcError::Malformed {
            endpoint: self.name.to_string(),
            method,
            reason: error.to_string(),
        }
    }

    fn unreachable(&self, error: &(dyn std::error::Error + 'static)) -> RpcError {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            reason = cause.to_string();
            source = cause.source();
        }
        RpcError::Unreachable {
            endpoint: self.name.to_string(),
            reason,
        }
    }
}

fn tls(secure: bool) -> Result<ClientConfig, RpcError> {
    let mut roots = RootCertStore::empty();
    if secure {
        let (added, _) =
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if added == 0 {
            return Err(RpcError::NoRoots);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RpcError::Tls(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The requests that this project makes.
impl Endpoint {
    /// Which chain the node follows.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn chain_id(&self) -> Result<u64, RpcError> {
        let id: Quantity = self.ask("eth_chainId", json!([])).await?;
        self.narrow("eth_chainId", id)
    }

    /// The newest block, by its number: several questions about it are answered from one state, unless the L1 takes
    /// it back.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn newest(&self) -> Result<Tag, RpcError> {
        let method = "eth_blockNumber";
        let number: Quantity = self.ask(method, json!([])).await?;
        Ok(Tag::Number(self.narrow(method, number)?))
    }

    /// A block's head; none if the node has no such block.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn block(&self, tag: Tag) -> Result<Option<Block>, RpcError> {
        self.ask("eth_getBlockByNumber", json!([tag, false])).await
    }

    /// The logs of a contract in a range of blocks.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn logs(
        &self,
        contract: hotshot_types::Address,
        range: LogRange,
    ) -> Result<Vec<Log>, RpcError> {
        let filter = json!({
            "address": contract,
            "fromBlock": Tag::Number(range.from),
            "toBlock": Tag::Number(range.to),
        });
        self.ask("eth_getLogs", json!([filter])).await
    }

    /// What a call would return.
    ///
    /// # Errors
    /// As [`Self::ask`]; a revert is [`RpcError::Refused`] with its data.
    pub async fn call(&self, call: &CallFrame, at: Tag) -> Result<Vec<u8>, RpcError> {
        let data: Data = self.ask("eth_call", json!([call, at])).await?;
        Ok(data.0)
    }

    /// What a view of a contract returns.
    ///
    /// # Errors
    /// As [`Self::ask`], a refusal of the contract, or an answer that is none of that function.
    pub async fn view<C: SolCall>(
        &self,
        contract: hotshot_types::Address,
        call: &C,
        at: Tag,
    ) -> Result<C::Return, ViewError> {
        let frame = CallFrame {
            from: None,
            to: Some(contract),
            input: Data(call.abi_encode()),
        };
        let answer = self.call(&frame, at).await?;
        C::abi_decode_returns(&answer).map_err(|_| ViewError::NoContract {
            contract,
            function: C::SIGNATURE,
        })
    }

    /// The gas that a transaction would need after the newest block. Without being asked for that,
    /// some nodes count what waits for the next one.
    ///
    /// # Errors
    /// As [`Self::ask`]; a revert is [`RpcError::Refused`] with its data.
    pub async fn estimate_gas(&self, call: &CallFrame) -> Result<u64, RpcError> {
        let params = json!([call, Tag::Latest]);
        self.estimate(params).await
    }

    /// The same for a call that brings ether with it.
    ///
    /// # Errors
    /// As [`Self::estimate_gas`].
    pub async fn estimate_paid(&self, call: &PaidCall) -> Result<u64, RpcError> {
        let params = json!([call, Tag::Latest]);
        self.estimate(params).await
    }

    async fn estimate(&self, params: Value) -> Result<u64, RpcError> {
        let method = "eth_estimateGas";
        let gas: Quantity = self.ask(method, params).await?;
        let gas = self.narrow(method, gas)?;
        if gas > MOST_GAS {
            return Err(self.malformed(method, &format_args!("{gas} gas fit no block")));
        }
        Ok(gas)
    }

    /// A word of a contract's storage.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn storage(
        &self,
        contract: hotshot_types::Address,
        slot: u64,
        at: Tag,
    ) -> Result<hotshot_types::Hash, RpcError> {
        let params = json!([contract, Quantity(slot.into()), at]);
        self.ask("eth_getStorageAt", params).await
    }

    /// The number of transactions that an account has sent.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn nonce(&self, account: hotshot_types::Address, at: Tag) -> Result<u64, RpcError> {
        let count: Quantity = self
            .ask("eth_getTransactionCount", json!([account, at]))
            .await?;
        self.narrow("eth_getTransactionCount", count)
    }

    /// What an account has, in wei.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn balance(&self, account: hotshot_types::Address) -> Result<u128, RpcError> {
        let balance: Quantity = self
            .ask("eth_getBalance", json!([account, Tag::Latest]))
            .await?;
        Ok(balance.0)
    }

    /// The code at an address; empty if there is no contract.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn code(&self, account: hotshot_types::Address) -> Result<Vec<u8>, RpcError> {
        let code: Data = self
            .ask("eth_getCode", json!([account, Tag::Latest]))
            .await?;
        Ok(code.0)
    }

    /// What the newest blocks charged.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn fee_history(&self) -> Result<FeeHistory, RpcError> {
        self.ask("eth_feeHistory", json!(["0x5", "latest", [50]]))
            .await
    }

    /// Hands in a signed transaction.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn send_raw(&self, transaction: &[u8]) -> Result<hotshot_types::Hash, RpcError> {
        let hex = format!("0x{}", hex::encode(transaction));
        self.ask("eth_sendRawTransaction", json!([hex])).await
    }

    /// What became of a transaction; none while it is in no block.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn receipt(
        &self,
        transaction: hotshot_types::Hash,
    ) -> Result<Option<Receipt>, RpcError> {
        self.ask("eth_getTransactionReceipt", json!([transaction]))
            .await
    }

    fn narrow(&self, method: &'static str, quantity: Quantity) -> Result<u64, RpcError> {
        u64::try_from(quantity.0).map_err(|error| self.malformed(method, &error))
    }
}

#[cfg(test)]
mod tests;
