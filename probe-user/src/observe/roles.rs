//! Who plays which part at this moment: one look at etcd, from where the observers look.

use std::io;

use serde::Deserialize;

use super::{
    etcd::{Gateway, KeySpace},
    watch::ObserveError,
};
use crate::{
    cluster::{Inventory, within},
    policy::Roles,
};

/// Reads the leader key and the synchronous standbys. A cluster without a leader is an answer, not an error.
pub fn roles_now(inventory: &Inventory) -> Result<Roles, ObserveError> {
    within(&inventory.observer.transport, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ObserveError::Start)?;
        runtime.block_on(ask(inventory))
    })?
}

async fn ask(inventory: &Inventory) -> Result<Roles, ObserveError> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let keys = KeySpace::new(inventory);
    let mut refusals = Vec::new();
    for endpoint in &inventory.etcd.endpoints {
        let etcd = Gateway::new(&http, endpoint);
        match etcd.value(&keys.leader()).await {
            Ok(leader) => {
                let sync = etcd.value(&keys.sync()).await.ok().flatten();
                let sync = sync.as_deref().map(standbys).unwrap_or_default();
                return Ok(Roles { leader, sync, replicas: None });
            }
            Err(refusal) => refusals.push(refusal.to_string()),
        }
    }
    Err(ObserveError::Start(io::Error::other(format!("no etcd answers: {}", refusals.join("; ")))))
}

/// The synchronous standbys in the value of Patroni's `sync` key; none while it is not synchronous.
fn standbys(value: &str) -> std::collections::BTreeSet<String> {
    #[derive(Deserialize)]
    struct Sync {
        #[serde(default)]
        sync_standby: Option<String>,
    }
    let names = serde_json::from_str::<Sync>(value).ok().and_then(|sync| sync.sync_standby);
    let names = names.iter().flat_map(|names| names.split(','));
    names.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::standbys;

    #[test]
    fn synchronous_standbys() {
        for (value, names) in [
            (r#"{"leader":"pg1","sync_standby":"pg2,pg3"}"#, vec!["pg2", "pg3"]),
            (r#"{"leader":"pg1","sync_standby":null}"#, vec![]),
            (r#"{"leader":"pg1","sync_standby":""}"#, vec![]),
            ("nonsense", vec![]),
        ] {
            assert_eq!(standbys(value), names.into_iter().map(str::to_owned).collect(), "{value}");
        }
    }
}
