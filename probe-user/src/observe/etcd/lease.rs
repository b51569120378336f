//! How long the leader key still lives.
//!
//! Patroni binds the key to a lease and renews that in every round, every `loop_wait`. Every second two small reads:
//! the key, for its lease, and the lease's time to live; neither renews it. etcd counts in whole seconds. While no
//! endpoint answers there is no event: [`Kind::EtcdReachable`] says so.

use std::time::Duration;

use reqwest::Client;

use super::{
    gateway::{Gateway, Unanswered},
    keys::KeySpace,
};
use crate::{
    cluster::Inventory,
    observe::subject::{Lookout, Subject, poll},
    record::{Kind, LeaderLease, Source},
};

const PERIOD: Duration = Duration::from_secs(1);

/// Watches the leader key's lease.
pub(in crate::observe) struct Lease {
    endpoints: Vec<String>,
    key: String,
    left: Subject,
}

impl Lease {
    pub(in crate::observe) fn new(lookout: &Lookout, inventory: &Inventory) -> Self {
        Self {
            endpoints: inventory.etcd.endpoints.clone(),
            key: KeySpace::new(inventory).leader(),
            left: lookout.chance(None, Source::Etcd, Kind::Lease),
        }
    }

    /// Asks the endpoint that answered last first.
    pub(in crate::observe) async fn run(mut self, http: Client) {
        let mut gateways: Vec<_> =
            self.endpoints.iter().map(|endpoint| Gateway::new(&http, endpoint)).collect();
        poll(PERIOD, async || {
            for place in 0..gateways.len() {
                if let Ok(lease) = ask(&gateways[place], &self.key).await {
                    self.left.saw(&lease);
                    gateways.swap(0, place);
                    return;
                }
            }
        })
        .await;
    }
}

async fn ask(gateway: &Gateway, key: &str) -> Result<Option<LeaderLease>, Unanswered> {
    let Some(kv) = gateway.key(key).await?.filter(|kv| kv.lease != 0) else { return Ok(None) };
    let answer = gateway.lease(kv.lease).await?;
    let seconds = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(Some(LeaderLease {
        holder: kv.value,
        left_s: seconds(answer.left),
        granted_s: seconds(answer.granted),
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{observe::fakes, record::EventSink};

    // The leader key of the scope `lab` with `pg1` in it, bound to a lease.
    const PG1_LEADS: &str = concat!(
        r#"{"header":{"revision":"9"},"kvs":[{"key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","value":"cGcx","#,
        r#""mod_revision":"7","lease":"7587"}]}"#
    );
    const LEFT_17_OF_20: &str = r#"{"header":{"revision":"9"},"ID":"7587","TTL":"17","grantedTTL":"20"}"#;
    const OVER: &str = r#"{"header":{"revision":"9"},"ID":"7587","TTL":"-1"}"#;
    const NOBODY: &str = r#"{"header":{"revision":"10"}}"#;

    #[tokio::test]
    async fn the_lease_of_whoever_leads() {
        let lease = |left_s, granted_s| Some(LeaderLease { holder: "pg1".to_owned(), left_s, granted_s });
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        for (answers, expected) in [
            (&[PG1_LEADS, LEFT_17_OF_20], lease(17, 20)),
            (&[PG1_LEADS, OVER], lease(0, 0)),
            (&[NOBODY, NOBODY], None),
        ] {
            let etcd = fakes::etcd(answers, &[""]);
            let gateway = Gateway::new(&http, &etcd.endpoint);
            assert_eq!(ask(&gateway, "/service/lab/leader").await, Ok(expected));
        }
    }

    #[tokio::test]
    async fn an_endpoint_that_answers_is_enough() {
        let etcd = fakes::etcd(&[PG1_LEADS, LEFT_17_OF_20], &[""]);
        let (sender, events) = mpsc::channel();
        let lookout = Lookout::new(EventSink::new(sender));
        let lease = Lease {
            endpoints: vec![format!("http://{}", fakes::refuses().address), etcd.endpoint],
            key: "/service/lab/leader".to_owned(),
            left: lookout.chance(None, Source::Etcd, Kind::Lease),
        };
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let seen = async {
            loop {
                if let Ok(event) = events.try_recv() {
                    return event;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = lease.run(http) => panic!("it ended"),
            event = seen => assert_eq!(event.after["left_s"], 17),
            () = tokio::time::sleep(Duration::from_secs(10)) => panic!("nothing was seen"),
        }
    }
}
