//! After the run: which of the acknowledged rows are there.
//!
//! Read through `HAProxy`, as the client wrote. Right after a failover `HAProxy` may still lead to a deposed
//! primary that has every row it acknowledged itself: its word counts for nothing. So only an answer of the
//! node that holds the leader key, before and after, is taken; until then it is asked again. Without such an
//! answer the count stays unknown, and is never called zero.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use reqwest::Client as Http;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;

use super::{
    client::{CLIENT_TABLE, Ledger, config},
    etcd::{Gateway, KeySpace},
    session::{Session, StatementError},
    subject::Lookout,
};
use crate::{
    cluster::{HaproxyEndpoints, Inventory},
    record::{Kind, RowsFound, Source},
};

const RETRY_PAUSE: Duration = Duration::from_millis(300);
const SESSION_TIMEOUT: Duration = Duration::from_secs(2);
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the rows of one run back.
pub(super) struct ReadBack {
    config: Config,
    run: String,
    nodes: BTreeMap<IpAddr, String>,
    endpoints: Vec<String>,
    leader_key: String,
    lookout: Lookout,
}

impl ReadBack {
    pub(super) fn new(
        lookout: &Lookout,
        inventory: &Inventory,
        haproxy: &HaproxyEndpoints,
        run: &str,
    ) -> Self {
        Self {
            config: config(inventory, haproxy),
            run: run.to_owned(),
            nodes: inventory.nodes.iter().map(|node| (node.address, node.name.clone())).collect(),
            endpoints: inventory.etcd.endpoints.clone(),
            leader_key: KeySpace::new(inventory).leader(),
            lookout: lookout.clone(),
        }
    }

    /// Asks until the leader answers or `limit` has passed.
    pub(super) async fn check(self, http: &Http, ledger: &Ledger, limit: Duration) {
        let mut why = "there was no time to ask".to_owned();
        let asking = async {
            loop {
                match self.read(http).await {
                    Ok(found) => return found,
                    Err(reason) => why = reason,
                }
                sleep(RETRY_PAUSE).await;
            }
        };
        let found = timeout(limit, asking).await;
        if let Ok((node, ids)) = found {
            self.lookout.send(Some(&node), Source::Client, Kind::RowsFound, &rows_found(ledger, &ids));
        } else {
            let words = format!(
                "whether acknowledged rows were lost is unknown: the leader's rows could not be read back \
                 within {} s: {why}",
                limit.as_secs_f64()
            );
            self.lookout.send(None, Source::Client, Kind::Trouble, &words);
        }
    }

    async fn read(&self, http: &Http) -> Result<(String, Vec<u64>), String> {
        let leader = self.leader(http).await?;
        let session = Session::open(&self.config, SESSION_TIMEOUT).await?;
        // Read committed: the rows are as of one moment, and so is the address beside them.
        let sql = format!(
            "SELECT host(inet_server_addr()), NULL UNION ALL SELECT NULL, id::text FROM {CLIENT_TABLE} \
             WHERE run = '{}' AND NOT pg_is_in_recovery()",
            self.run
        );
        let rows = timeout(READ_TIMEOUT, session.run(&sql)).await;
        let rows = rows.map_err(|_| "no answer in time".to_owned())?.map_err(StatementError::words)?;
        let column = |column| rows.iter().filter_map(move |row| row.try_get(column).ok().flatten());
        let address = column(0).next().and_then(|address| address.parse().ok());
        let node = address.and_then(|address: IpAddr| self.nodes.get(&address));
        if node != Some(&leader) {
            let address = address.map_or_else(|| "nobody".to_owned(), |address| address.to_string());
            return Err(format!("{address} answered and {leader} holds the leader key"));
        }
        let ids = column(1).map(|id| id.parse::<u64>().map_err(|error| format!("row `{id}`: {error}")));
        let ids = ids.collect::<Result<_, _>>()?;
        let after = self.leader(http).await?;
        if after != leader {
            return Err(format!("the leader changed from {leader} to {after} while it answered"));
        }
        Ok((leader, ids))
    }

    async fn leader(&self, http: &Http) -> Result<String, String> {
        let mut why = "the inventory names no etcd endpoint".to_owned();
        for endpoint in &self.endpoints {
            match Gateway::new(http, endpoint).value(&self.leader_key).await {
                Ok(Some(leader)) => return Ok(leader),
                Ok(None) => return Err("there is no leader".to_owned()),
                Err(unanswered) => why = unanswered.to_string(),
            }
        }
        Err(why)
    }
}

fn rows_found(ledger: &Ledger, ids: &[u64]) -> RowsFound {
    let mut times = BTreeMap::<u64, u64>::new();
    for id in ids {
        *times.entry(*id).or_default() += 1;
    }
    let found: BTreeSet<u64> = times.keys().copied().collect();
    RowsFound {
        found: ids.len() as u64,
        lost: ledger.acknowledged.difference(&found).copied().collect(),
        duplicated: times.iter().filter(|(_, times)| **times > 1).map(|(id, _)| *id).collect(),
        unacknowledged: found.difference(&ledger.acknowledged).copied().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_held_against_the_acknowledgements() {
        for (acknowledged, ids, lost, duplicated, unacknowledged) in [
            (vec![], vec![], vec![], vec![], vec![]),
            (vec![1, 2, 3], vec![3, 1, 2], vec![], vec![], vec![]),
            (vec![1, 2, 3], vec![1], vec![2, 3], vec![], vec![]),
            (vec![1, 3], vec![1, 2, 3], vec![], vec![], vec![2]),
            (vec![1, 2], vec![2, 1, 2, 4, 4], vec![], vec![2, 4], vec![4]),
        ] {
            let ledger = Ledger { tried: 4, acknowledged: acknowledged.iter().copied().collect() };
            let found = ids.len() as u64;
            let expected = RowsFound { found, lost, duplicated, unacknowledged };
            assert_eq!(rows_found(&ledger, &ids), expected, "{acknowledged:?} {ids:?}");
        }
    }
}
