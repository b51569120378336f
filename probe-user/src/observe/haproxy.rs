//! `HAProxy`'s own view of the servers behind it, from its stats socket.
//!
//! `show stat` every 200 ms on the Unix socket, one short connection each; no network lies between. `HAProxy`
//! learns of a change when a check ends, so an event's time is within 0.2 s of `HAProxy`'s own. While a check
//! is in flight its fields speak neither of the last check nor of this one, and the row is passed over.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use super::subject::{Lookout, Subject, poll};
use crate::{
    causes::in_a_line,
    cluster::HaproxyEndpoints,
    record::{Kind, ServerState, Source},
};

const PERIOD: Duration = Duration::from_millis(200);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// What the watch waits for: every server of every named proxy seen once.
const SERVERS: &str = "haproxy servers";

/// Watches the servers of the proxies that the inventory names.
pub(super) struct Servers {
    socket: PathBuf,
    /// From the proxy's name in `HAProxy` to its key in the inventory.
    proxies: BTreeMap<String, String>,
    seen: BTreeMap<(String, String), Subject>,
    trouble: Subject,
    lookout: Lookout,
}

impl Servers {
    pub(super) fn new(lookout: &Lookout, haproxy: &HaproxyEndpoints) -> Self {
        lookout.awaited().expect(SERVERS);
        Self {
            socket: haproxy.stats_socket.clone(),
            proxies: haproxy.proxies.iter().map(|(key, name)| (name.clone(), key.clone())).collect(),
            seen: BTreeMap::new(),
            trouble: lookout.trouble(None, Source::Haproxy),
            lookout: lookout.clone(),
        }
    }

    pub(super) async fn run(mut self) {
        poll(PERIOD, async || match self.look().await {
            Ok(servers) => {
                if self.trouble.forget() {
                    // What is as it was before the silence is told again: it is known once more.
                    self.seen.values_mut().for_each(|server| {
                        server.forget();
                    });
                }
                self.tell(&servers);
            }
            Err(error) => {
                let socket = self.socket.display();
                self.trouble.saw(&format!("HAProxy's stats socket {socket}: {}", in_a_line(&error)));
            }
        })
        .await;
    }

    async fn look(&self) -> io::Result<Vec<Server>> {
        let answer = timeout(ANSWER_TIMEOUT, show_stat(&self.socket)).await??;
        Ok(servers(&answer, &self.proxies)?)
    }

    fn tell(&mut self, servers: &[Server]) {
        for Server { node, state } in servers {
            let Some(state) = state else { continue };
            self.seen
                .entry((state.proxy.clone(), node.clone()))
                .or_insert_with(|| self.lookout.chance(Some(node), Source::Haproxy, Kind::Server))
                .saw(state);
        }
        let proxies: BTreeSet<_> = self.seen.keys().map(|(proxy, _)| proxy).collect();
        if self.seen.len() >= servers.len() && proxies.len() == self.proxies.len() {
            self.lookout.awaited().seen(SERVERS);
        }
    }
}

async fn show_stat(socket: &Path) -> io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"show stat\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

/// One server of one proxy; no state while its check is in flight.
#[derive(Debug, PartialEq)]
struct Server {
    node: String,
    state: Option<ServerState>,
}

/// The columns that matter (`HAProxy` management guide, 9.1 CSV format); newer versions append more.
#[derive(Deserialize)]
struct Row {
    #[serde(rename = "# pxname")]
    proxy: String,
    #[serde(rename = "svname")]
    server: String,
    status: String,
    #[serde(default)]
    check_status: String,
    #[serde(default)]
    check_code: String,
}

fn servers(csv: &[u8], proxies: &BTreeMap<String, String>) -> Result<Vec<Server>, csv::Error> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(csv);
    let mut servers = Vec::new();
    for row in reader.deserialize() {
        let row: Row = row?;
        let Some(proxy) = proxies.get(&row.proxy) else { continue };
        if matches!(row.server.as_str(), "FRONTEND" | "BACKEND") {
            continue;
        }
        let state = (!row.check_status.starts_with('*')).then(|| ServerState {
            proxy: proxy.clone(),
            status: without_count(&row.status).to_owned(),
            check: match row.check_code.as_str() {
                "" => row.check_status.clone(),
                code => format!("{}/{code}", row.check_status),
            },
        });
        servers.push(Server { node: row.server, state });
    }
    Ok(servers)
}

/// `UP 2/3` is still UP: the count of checks on the way to the other state is dropped.
fn without_count(status: &str) -> &str {
    match status.split_once(' ') {
        Some((word, count)) if count.contains('/') => word,
        _ => status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "# pxname,svname,qcur,status,weight,check_status,check_code,check_duration,";

    fn in_short(rows: &str) -> Vec<String> {
        let proxies = [("pg_primary", "primary"), ("pg_replica", "replica")]
            .map(|(name, key)| (name.to_owned(), key.to_owned()))
            .into();
        let servers = servers(format!("{HEADER}\n{rows}\n").as_bytes(), &proxies).unwrap();
        let state = |state: ServerState| format!("{} {} {}", state.proxy, state.status, state.check);
        let server =
            |server: Server| format!("{}: {}", server.node, server.state.map(state).unwrap_or_default());
        servers.into_iter().map(server).collect()
    }

    #[test]
    fn servers_are_read_by_the_columns_names() {
        for (row, expected) in [
            ("stats,FRONTEND,,OPEN,,,,,", None),
            ("pg_primary,FRONTEND,,OPEN,,,,,", None),
            ("pg_primary,BACKEND,0,UP,1,,,,", None),
            ("pg_primary,pg1,0,UP,1,L7OK,200,3,", Some("pg1: primary UP L7OK/200")),
            ("pg_primary,pg1,0,UP 2/3,1,L4TOUT,,3000,", Some("pg1: primary UP L4TOUT")),
            ("pg_replica,pg1,0,DOWN 1/2,1,L7OK,200,3,", Some("pg1: replica DOWN L7OK/200")),
            ("pg_primary,pg1,0,DOWN,1,L7STS,503,3,", Some("pg1: primary DOWN L7STS/503")),
            ("pg_primary,pg1,0,no check,1,,,,", Some("pg1: primary no check ")),
            ("pg_primary,pg1,0,MAINT (via a/b),1,,,,", Some("pg1: primary MAINT ")),
            ("pg_primary,pg1,0,DOWN,1,\"* L4CON\",,0,", Some("pg1: ")),
        ] {
            assert_eq!(in_short(row), Vec::from_iter(expected), "{row}");
        }
    }

    #[test]
    fn an_answer_without_the_columns_is_an_error() {
        assert!(servers(b"Unknown command.\nnot,csv\n", &BTreeMap::new()).is_err());
    }
}
