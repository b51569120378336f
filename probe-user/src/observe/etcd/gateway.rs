//! etcd's v3 JSON gateway: requests, and the frames of a watch.
//!
//! Keys and values are base64, 64-bit numbers are strings (the JSON mapping of proto3), and fields with their
//! default value are left out.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Client;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::causes::in_a_line;

const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The most of an unfinished frame that is kept; Patroni's values have some hundred bytes.
const LONGEST_FRAME: usize = 4 * 1024 * 1024;

/// One endpoint.
#[derive(Clone, Debug)]
pub(in crate::observe) struct Gateway {
    http: Client,
    endpoint: String,
}

/// Why an endpoint gave no answer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::observe) struct Unanswered(pub(in crate::observe) String);

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Gateway {
    /// The value of one key, as a quorum has it; `None` where it is not there.
    pub(in crate::observe) async fn value(&self, key: &str) -> Result<Option<String>, Unanswered> {
        Ok(self.key(key).await?.map(|kv| kv.value))
    }

    /// One key, as a quorum has it; `None` where it is not there.
    pub(super) async fn key(&self, key: &str) -> Result<Option<KeyValue>, Unanswered> {
        let range = self.range(key, &format!("{key}\0")).await?;
        Ok(range.kvs.into_iter().next())
    }

    /// How long a lease still lives. Asking does not renew it.
    pub(super) async fn lease(&self, id: i64) -> Result<LeaseAnswer, Unanswered> {
        self.ask("/v3/lease/timetolive", &json!({ "ID": id.to_string() })).await
    }

    pub(in crate::observe) fn new(http: &Client, endpoint: &str) -> Self {
        Self { http: http.clone(), endpoint: endpoint.trim_end_matches('/').to_owned() }
    }

    /// The keys from `first` up to `end`, end excluded, as a quorum has them.
    pub(super) async fn range(&self, first: &str, end: &str) -> Result<Range, Unanswered> {
        let request = json!({ "key": STANDARD.encode(first), "range_end": STANDARD.encode(end) });
        self.ask("/v3/kv/range", &request).await
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, request: &Value) -> Result<T, Unanswered> {
        let answer = async {
            let response = self.post(path, request).await?;
            response.bytes().await.map_err(|error| self.unanswered(&in_a_line(&error)))
        };
        let body =
            timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| self.unanswered("no answer in time"))??;
        serde_json::from_slice(&body).map_err(|error| self.unanswered(&error.to_string()))
    }

    /// Every change of the keys from `first` up to `end` since `revision`, that one included.
    pub(super) async fn watch(&self, first: &str, end: &str, revision: i64) -> Result<Changes, Unanswered> {
        let request = json!({ "create_request": {
            "key": STANDARD.encode(first),
            "range_end": STANDARD.encode(end),
            "start_revision": revision.to_string(),
        } });
        let response = timeout(ANSWER_TIMEOUT, self.post("/v3/watch", &request))
            .await
            .map_err(|_| self.unanswered("no watch in time"))??;
        Ok(Changes { gateway: self.clone(), response, frames: Frames::default() })
    }

    async fn post(&self, path: &str, body: &Value) -> Result<reqwest::Response, Unanswered> {
        let url = format!("{}{path}", self.endpoint);
        let sent = self.http.post(url).json(body).send().await;
        sent.and_then(reqwest::Response::error_for_status)
            .map_err(|error| self.unanswered(&in_a_line(&error.without_url())))
    }

    fn unanswered(&self, why: &str) -> Unanswered {
        Unanswered(format!("{}: {why}", self.endpoint))
    }
}

/// A watch under way.
pub(super) struct Changes {
    gateway: Gateway,
    response: reqwest::Response,
    frames: Frames,
}

impl Changes {
    /// The next frames, at least one.
    pub(super) async fn next(&mut self) -> Result<Vec<Frame>, Unanswered> {
        loop {
            let chunk = self.response.chunk().await;
            let chunk = chunk
                .map_err(|error| self.gateway.unanswered(&in_a_line(&error.without_url())))?
                .ok_or_else(|| self.gateway.unanswered("the watch ended"))?;
            let frames =
                self.frames.split(&chunk).map_err(|error| self.gateway.unanswered(&error.to_string()))?;
            if !frames.is_empty() {
                return Ok(frames);
            }
        }
    }
}

/// Puts the frames of a stream together again: a chunk may hold several, or a part of one.
#[derive(Debug, Default)]
struct Frames {
    pending: Vec<u8>,
}

impl Frames {
    fn split(&mut self, chunk: &[u8]) -> Result<Vec<Frame>, serde_json::Error> {
        self.pending.extend_from_slice(chunk);
        let mut stream = serde_json::Deserializer::from_slice(&self.pending).into_iter();
        let (mut frames, mut whole) = (Vec::new(), 0);
        while let Some(frame) = stream.next() {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(error) if error.is_eof() && self.pending.len() < LONGEST_FRAME => break,
                Err(error) => return Err(error),
            }
            whole = stream.byte_offset();
        }
        self.pending.drain(..whole);
        Ok(frames)
    }
}

/// The answer to a range request.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Range {
    pub(super) header: Header,
    #[serde(default)]
    pub(super) kvs: Vec<KeyValue>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Header {
    #[serde(deserialize_with = "number")]
    pub(super) revision: i64,
}

/// One frame of a watch: a result, or the reason for its end.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Frame {
    Result(WatchAnswer),
    Error(WatchError),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct WatchAnswer {
    pub(super) canceled: bool,
    pub(super) cancel_reason: String,
    /// Above zero where the watch asked for revisions that are gone.
    #[serde(deserialize_with = "number")]
    pub(super) compact_revision: i64,
    pub(super) events: Vec<WatchEvent>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WatchError {
    #[serde(default)]
    pub(super) message: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WatchEvent {
    #[serde(default, rename = "type")]
    pub(super) what: WatchEventType,
    pub(super) kv: KeyValue,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum WatchEventType {
    #[default]
    Put,
    Delete,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct KeyValue {
    #[serde(deserialize_with = "text")]
    pub(super) key: String,
    #[serde(default, deserialize_with = "text")]
    pub(super) value: String,
    #[serde(default, deserialize_with = "number")]
    pub(super) mod_revision: i64,
    /// The lease that it is bound to; 0 where it is bound to none.
    #[serde(default, deserialize_with = "number")]
    pub(super) lease: i64,
}

/// The answer to how long a lease still lives, in seconds.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct LeaseAnswer {
    /// -1 for one that is over.
    #[serde(default, rename = "TTL", deserialize_with = "number")]
    pub(super) left: i64,
    #[serde(default, rename = "grantedTTL", deserialize_with = "number")]
    pub(super) granted: i64,
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Text(String),
        Plain(i64),
    }
    match Number::deserialize(deserializer)? {
        Number::Text(text) => text.parse().map_err(D::Error::custom),
        Number::Plain(number) => Ok(number),
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
    // Patroni writes UTF-8; a foreign key that is not must not end the watch.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = concat!(
        r#"{"result":{"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","#,
        r#""revision":"4","raft_term":"2"},"created":true}}"#,
        "\n",
        r#"{"result":{"header":{"revision":"5"},"events":[{"kv":{"key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","#,
        r#""create_revision":"5","mod_revision":"5","version":"1","value":"cGcx","lease":"7587"}}]}}"#,
        "\n",
        r#"{"result":{"header":{"revision":"6"},"events":[{"type":"DELETE","kv":{"#,
        r#""key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","mod_revision":"6"}}]}}"#,
        "\n",
        r#"{"result":{"header":{"revision":"7"},"canceled":true,"compact_revision":"7"}}"#,
        "\n",
        r#"{"error":{"grpc_code":14,"http_code":503,"message":"transport is closing"}}"#,
        "\n",
    );

    fn in_short(frames: &[Frame]) -> Vec<String> {
        let event = |event: &WatchEvent| {
            format!("{:?} {}={}@{}", event.what, event.kv.key, event.kv.value, event.kv.mod_revision)
        };
        frames
            .iter()
            .map(|frame| match frame {
                Frame::Error(error) => error.message.clone(),
                Frame::Result(answer) if answer.canceled => format!("compacted {}", answer.compact_revision),
                Frame::Result(answer) => answer.events.iter().map(event).collect(),
            })
            .collect()
    }

    const EXPECTED: [&str; 5] = [
        "",
        "Put /service/lab/leader=pg1@5",
        "Delete /service/lab/leader=@6",
        "compacted 7",
        "transport is closing",
    ];

    #[test]
    fn several_frames_in_one_chunk() {
        assert_eq!(in_short(&Frames::default().split(STREAM.as_bytes()).unwrap()), EXPECTED);
    }

    #[test]
    fn what_is_not_json_is_an_error() {
        assert!(Frames::default().split(b"404 page not found").is_err());
    }

    proptest! {
        #[test]
        fn frames_do_not_depend_on_the_chunks(cuts in proptest::collection::vec(0..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for pair in cuts.windows(2) {
                seen.extend(frames.split(&STREAM.as_bytes()[pair[0]..pair[1]]).unwrap());
            }
            prop_assert_eq!(in_short(&seen), EXPECTED);
        }
    }

    #[test]
    fn a_range_and_an_empty_one() {
        let range: Range = serde_json::from_str(
            r#"{"header":{"revision":"12"},"kvs":[{"key":"YQ==","value":"Yg==","mod_revision":"3"}],"count":"1"}"#,
        )
        .unwrap();
        assert_eq!(
            (range.header.revision, range.kvs[0].key.as_str(), range.kvs[0].value.as_str()),
            (12, "a", "b")
        );
        assert!(serde_json::from_str::<Range>(r#"{"header":{"revision":"1"}}"#).unwrap().kvs.is_empty());
        assert!(serde_json::from_str::<Range>(r#"{"error":"etcdserver: request timed out"}"#).is_err());
    }
}
