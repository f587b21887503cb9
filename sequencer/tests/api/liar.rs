//! A server that passes on what a real node answers, and changes it on the way.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{Html, IntoResponse as _, Response},
};
use futures::StreamExt as _;
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

/// What it does to answers.
#[derive(Clone, Debug)]
pub(crate) enum Lie {
    /// Other bytes for the first transaction of each answer.
    WrongBytes,
    /// The block at a height is not streamed.
    Withheld(u64),
    /// Certificates carry another signature of a validator.
    ForgedCertificate,
    /// Summaries of namespaces are those of an earlier block.
    StaleAccumulator(Value),
    /// Answers of another API.
    Garbage,
    /// No answers.
    Silence,
    /// The page of a proxy before the server, with this status.
    Page(StatusCode),
    /// Answers and events are cut in the middle, as their lengths then say, too.
    Cut,
    /// A cache that takes no notice of what comes after the path.
    Cached,
    /// True answers, but not before another server has answered and was heard.
    After(watch::Receiver<bool>),
}

pub(crate) struct Liar {
    pub(crate) url: String,
    /// Whether it has answered.
    pub(crate) answered: watch::Receiver<bool>,
    task: JoinHandle<()>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Proxy {
    node: SocketAddr,
    lie: Lie,
    answered: watch::Sender<bool>,
}

/// What another program says.
const OTHER: &str = r#"{"welcome": true}"#;

/// As long as an answer may take from the sender to whoever waits for it.
const HEARD: Duration = Duration::from_secs(10);

impl Liar {
    pub(crate) async fn before(node: SocketAddr, lie: Lie) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let (answered, has_answered) = watch::channel(false);
        let proxy = Proxy {
            node,
            lie,
            answered,
        };
        let router = Router::new().fallback(relay).with_state(Arc::new(proxy));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            url,
            answered: has_answered,
            task,
        }
    }
}

async fn relay(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    if matches!(proxy.lie, Lie::Silence) {
        std::future::pending::<()>().await;
    }
    if let Lie::Page(status) = proxy.lie {
        return (status, Html("<html>no healthy upstream</html>")).into_response();
    }
    if let Lie::After(other) = &proxy.lie
        && !*other.borrow()
    {
        other.clone().wait_for(|answered| *answered).await.unwrap();
        tokio::time::sleep(HEARD).await;
    }
    let answered = proxy.answered.clone();
    let asked = match proxy.lie {
        Lie::Cached => request.uri().path().to_owned(),
        _ => request.uri().to_string(),
    };
    let url = format!("http://{}{asked}", proxy.node);
    let answer = reqwest::Client::new().get(url).send().await.unwrap();
    let status = answer.status();
    let form = answer.headers()[header::CONTENT_TYPE].clone();
    let body = if form == "text/event-stream" {
        let mut rest = String::new();
        let events = answer.bytes_stream().map(move |chunk| {
            let chunk = chunk?;
            rest.push_str(std::str::from_utf8(&chunk).unwrap());
            let mut told = String::new();
            while let Some(end) = rest.find("\n\n") {
                let event: String = rest.drain(..end + 2).collect();
                told.push_str(&proxy.lie.event(&event));
            }
            Ok::<_, reqwest::Error>(Bytes::from(told))
        });
        Body::from_stream(events)
    } else {
        let body = answer.bytes().await.unwrap();
        match serde_json::from_slice(&body) {
            Ok(_) if matches!(proxy.lie, Lie::Garbage) => Body::from(OTHER),
            Ok(_) if matches!(proxy.lie, Lie::Cut) => Body::from(body.slice(..body.len() / 2)),
            Ok(mut value) => {
                proxy.lie.change(&mut value);
                Body::from(value.to_string())
            }
            Err(_) => Body::from(body),
        }
    };
    answered.send_replace(true);
    (status, [(header::CONTENT_TYPE, form)], body).into_response()
}

impl Lie {
    fn event(&self, event: &str) -> String {
        let Some((head, data)) = event.split_once("data: ") else {
            return event.into();
        };
        if let Self::Withheld(height) = self
            && head == format!("event: block\nid: {height}\n")
        {
            return String::new();
        }
        if matches!(self, Self::Garbage) {
            return format!("{head}data: {OTHER}\n\n");
        }
        if matches!(self, Self::Cut) {
            let (half, _) = data.split_at(data.len() / 2);
            return format!("{head}data: {half}<html>upstream timed out</html>\n\n");
        }
        let mut value = serde_json::from_str(data).unwrap();
        self.change(&mut value);
        format!("{head}data: {value}\n\n")
    }

    fn change(&self, value: &mut Value) {
        if let Value::Object(fields) = value {
            match self {
                Self::WrongBytes => {
                    let first = fields
                        .get_mut("transactions")
                        .and_then(|all| all.get_mut(0));
                    if let Some(first) = first {
                        *first = "bGllcw==".into();
                    }
                    if let Some(transaction) = fields.get_mut("transaction") {
                        *transaction = "bGllcw==".into();
                    }
                }
                Self::ForgedCertificate => {
                    let other = fields
                        .get("certified")
                        .map(|header| header["randao_reveal"].clone());
                    if let (Some(other), Some(certificate)) = (other, fields.get_mut("certificate"))
                    {
                        certificate["signature"] = other;
                    }
                }
                Self::StaleAccumulator(old) => {
                    for name in ["accumulator", "proof"] {
                        if fields.get(name).is_some_and(|found| has_shape(found, old)) {
                            fields[name] = old.clone();
                        }
                    }
                }
                Self::Withheld(_)
                | Self::Garbage
                | Self::Silence
                | Self::Page(_)
                | Self::Cut
                | Self::Cached
                | Self::After(_) => {}
            }
            fields.values_mut().for_each(|field| self.change(field));
        } else if let Value::Array(values) = value {
            values.iter_mut().for_each(|value| self.change(value));
        }
    }
}

fn has_shape(one: &Value, two: &Value) -> bool {
    let keys = |value: &Value| {
        let fields = value.as_object()?;
        Some(fields.keys().cloned().collect::<Vec<_>>())
    };
    keys(one).is_some() && keys(one) == keys(two)
}
