//! The watch itself: endpoints, resumption, and what becomes an event.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry as Slot},
    time::Duration,
};

use reqwest::Client;
use tokio::time::sleep;

use super::{
    gateway::{Frame, Gateway, KeyValue, Range, Unanswered, WatchAnswer, WatchEventType},
    keys::{Entry, KeySpace, Name},
    list::{is_listed_from, list},
};
use crate::{
    cluster::Inventory,
    observe::subject::{Lookout, Subject},
    record::{Kind, LeaderKey, MemberKey, Source},
};

const PROOF_PERIOD: Duration = Duration::from_secs(1);
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Watches Patroni's keys.
pub(in crate::observe) struct Keys {
    endpoints: Vec<String>,
    space: KeySpace,
    /// The last revision whose changes were told; the state must be read anew where there is none.
    told: Option<i64>,
    /// The values that the list is made of, by their keys without the scope's prefix.
    values: BTreeMap<String, String>,
    leader: Subject,
    members: BTreeMap<String, Subject>,
    list: Subject,
    reachable: Subject,
    trouble: Subject,
    lookout: Lookout,
}

impl Keys {
    pub(in crate::observe) fn new(lookout: &Lookout, inventory: &Inventory) -> Self {
        let member = |name: &String| {
            (name.clone(), lookout.subject(Some(name.as_str()), Source::Etcd, Kind::MemberKey))
        };
        Self {
            endpoints: inventory.etcd.endpoints.clone(),
            space: KeySpace::new(inventory),
            told: None,
            values: BTreeMap::new(),
            leader: lookout.subject(None, Source::Etcd, Kind::LeaderKey),
            members: inventory.nodes.iter().map(|node| member(&node.name)).collect(),
            list: lookout.subject(None, Source::Etcd, Kind::List),
            reachable: lookout.subject(None, Source::Etcd, Kind::EtcdReachable),
            trouble: lookout.trouble(None, Source::Etcd),
            lookout: lookout.clone(),
        }
    }

    /// Goes from endpoint to endpoint; etcd is unreachable when none has answered in a whole round.
    pub(in crate::observe) async fn run(mut self, http: Client) {
        let gateways: Vec<_> = self.endpoints.iter().map(|endpoint| Gateway::new(&http, endpoint)).collect();
        let mut silent = Vec::new();
        for gateway in gateways.iter().cycle() {
            match self.follow(gateway).await {
                Ok(Ended(why)) => {
                    tracing::debug!(why, "the watch of etcd ended, and goes on");
                    silent.clear();
                }
                Err(Unanswered(why)) => silent.push(why),
            }
            if silent.len() >= gateways.len() {
                self.reachable.saw(&format!("unreachable: {}", silent.join("; ")));
                silent.clear();
            }
            sleep(RETRY_PAUSE).await;
        }
        self.reachable.saw(&"unreachable: the inventory names no endpoint");
    }

    /// Tells what one endpoint says until it no longer does; an error if it said nothing.
    async fn follow(&mut self, gateway: &Gateway) -> Result<Ended, Unanswered> {
        let (first, end) = self.space.bounds();
        let range = gateway.range(&first, &end).await?;
        self.reachable.saw(&"reachable");
        // Revisions only ever rise, except in a cluster that was made anew.
        let told = self.told.filter(|told| *told <= range.header.revision);
        if told.is_none() {
            self.told = Some(range.header.revision);
            self.tell_all(&range);
        }
        let space = self.space.clone();
        Ok(tokio::select! {
            ended = self.listen(gateway) => ended,
            ended = quorum_lost(gateway, &space) => ended,
        })
    }

    async fn listen(&mut self, gateway: &Gateway) -> Ended {
        let (first, end) = self.space.bounds();
        let mut changes = match gateway.watch(&first, &end, self.told.unwrap_or_default() + 1).await {
            Ok(changes) => changes,
            Err(Unanswered(why)) => return Ended(why),
        };
        loop {
            let frames = match changes.next().await {
                Ok(frames) => frames,
                Err(Unanswered(why)) => return Ended(why),
            };
            for frame in frames {
                match frame {
                    Frame::Result(answer) => {
                        self.tell(&answer);
                        if answer.canceled {
                            return Ended(format!("cancelled: {}", answer.cancel_reason));
                        }
                    }
                    Frame::Error(error) => return Ended(error.message),
                }
            }
        }
    }

    fn tell(&mut self, answer: &WatchAnswer) {
        if answer.compact_revision > 0 {
            self.trouble.saw(&format!(
                "etcd compacted up to revision {} before its changes were seen",
                answer.compact_revision
            ));
            self.told = None;
        }
        // Keys that change by one transaction, as those of an expired lease do, are never seen apart.
        for transaction in answer.events.chunk_by(|one, next| one.kv.mod_revision == next.kv.mod_revision) {
            for event in transaction {
                match event.what {
                    WatchEventType::Put => self.put(&event.kv),
                    WatchEventType::Delete => {
                        if let Some(key) = self.space.short(&event.kv.key) {
                            self.values.remove(key);
                        }
                        self.deleted(self.space.name(&event.kv.key));
                    }
                }
                self.told = self.told.max(Some(event.kv.mod_revision));
            }
            self.list.saw(&list(&self.values));
        }
    }

    fn tell_all(&mut self, range: &Range) {
        let there: BTreeSet<_> = range.kvs.iter().filter_map(|kv| self.space.name(&kv.key)).collect();
        for name in self.members.keys().cloned().map(Name::Member).chain([Name::Leader]).collect::<Vec<_>>() {
            if !there.contains(&name) {
                self.deleted(Some(name));
            }
        }
        self.values.clear();
        for kv in &range.kvs {
            self.put(kv);
        }
        self.list.saw(&list(&self.values));
    }

    fn put(&mut self, kv: &KeyValue) {
        if let Some(key) = self.space.short(&kv.key).filter(|key| is_listed_from(key)) {
            self.values.insert(key.to_owned(), kv.value.clone());
        }
        match self.space.entry(kv) {
            Some(Entry::Leader(key)) => self.leader.saw(&key),
            Some(Entry::Member(name, key)) => self.member(name).saw(&key),
            Some(Entry::Unreadable(why)) => self.trouble.saw(&why),
            None => {}
        }
    }

    fn deleted(&mut self, name: Option<Name>) {
        match name {
            Some(Name::Leader) => self.leader.saw(&None::<LeaderKey>),
            Some(Name::Member(name)) => self.member(name).saw(&None::<MemberKey>),
            None => {}
        }
    }

    /// Also of a member that the inventory does not name.
    fn member(&mut self, name: String) -> &mut Subject {
        match self.members.entry(name) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => {
                let subject = self.lookout.chance(Some(slot.key()), Source::Etcd, Kind::MemberKey);
                slot.insert(subject)
            }
        }
    }
}

/// Why a watch that had begun is over.
struct Ended(String);

/// Ends when the endpoint no longer answers for a quorum.
async fn quorum_lost(gateway: &Gateway, space: &KeySpace) -> Ended {
    let leader = space.leader();
    loop {
        sleep(PROOF_PERIOD).await;
        if let Err(Unanswered(why)) = gateway.value(&leader).await {
            return Ended(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        observe::fakes,
        record::{Event, EventSink},
    };

    // The leader key of the scope `lab`, and `pg1`, `pg2` in base64.
    const EMPTY_AT_4: &str = r#"{"header":{"revision":"4"}}"#;
    const PG2_LEADS_AT_20: &str = concat!(
        r#"{"header":{"revision":"20"},"kvs":[{"key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","value":"cGcy","#,
        r#""mod_revision":"19"}]}"#
    );
    const PG1_LEADS_AT_7: &str = concat!(
        r#"{"result":{"header":{"revision":"4"},"created":true}}"#,
        r#"{"result":{"header":{"revision":"9"},"events":[{"kv":{"key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","#,
        r#""value":"cGcx","mod_revision":"7"}}]}}"#
    );
    const EXPIRED_AT_8_THEN_PG2: &str = concat!(
        r#"{"result":{"header":{"revision":"9"},"events":["#,
        r#"{"type":"DELETE","kv":{"key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","mod_revision":"8"}},"#,
        r#"{"kv":{"key":"L3NlcnZpY2UvbGFiL2xlYWRlcg==","value":"cGcy","mod_revision":"9"}}]}}"#
    );
    const COMPACTED: &str =
        r#"{"result":{"header":{"revision":"20"},"canceled":true,"compact_revision":"15"}}"#;

    fn inventory(endpoints: &[String]) -> Inventory {
        let inventory = format!(
            "scope = 'lab'\nobserver = {{ transport = 'local' }}\nnode = []\n\
             timings = {{ ttl = 30, loop_wait = 10, retry_timeout = 10 }}\n\
             postgres = {{ user = 'u', password = 'p', database = 'd' }}\netcd = {{ endpoints = {endpoints:?} }}\n"
        );
        toml::from_str(&inventory).unwrap()
    }

    /// What is told, up to and with the first that is wanted.
    async fn told(endpoints: &[String], until: impl Fn(&str) -> bool) -> Vec<String> {
        let (sender, events) = mpsc::channel();
        let keys = Keys::new(&Lookout::new(EventSink::new(sender)), &inventory(endpoints));
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let mut told = Vec::<String>::new();
        let listening = async {
            while told.last().is_none_or(|last| !until(last)) {
                let events = events.try_iter().filter(|event: &Event| event.kind != Kind::List);
                told.extend(events.map(|event| match event.after_as::<LeaderKey>() {
                    Some(key) => key.holder,
                    None => event.after.to_string(),
                }));
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = keys.run(http) => {}
            () = listening => {}
            () = sleep(Duration::from_secs(10)) => {}
        }
        told
    }

    #[tokio::test]
    async fn a_watch_goes_on_where_it_ended() {
        let etcd = fakes::etcd(&[EMPTY_AT_4, PG2_LEADS_AT_20], &[PG1_LEADS_AT_7, EXPIRED_AT_8_THEN_PG2]);
        let told = told(&[etcd.endpoint], |last| last == "pg2").await;
        assert_eq!(told, [r#""reachable""#, "null", "pg1", "null", "pg2"]);
        assert_eq!(etcd.watched_from.try_iter().collect::<Vec<_>>(), ["5", "8"]);
    }

    #[tokio::test]
    async fn after_a_compaction_the_state_is_read_anew() {
        let etcd = fakes::etcd(&[EMPTY_AT_4, PG2_LEADS_AT_20], &[PG1_LEADS_AT_7, COMPACTED, ""]);
        let told = told(&[etcd.endpoint], |last| last == "pg2").await;
        assert_eq!(&told[..3], [r#""reachable""#, "null", "pg1"]);
        assert!(told[3].contains("compacted up to revision 15"), "{told:?}");
        assert_eq!(told[4..], ["pg2"]);
        assert_eq!(etcd.watched_from.iter().take(3).collect::<Vec<_>>(), ["5", "8", "21"]);
    }

    #[tokio::test]
    async fn one_endpoint_of_two_is_enough() {
        let etcd = fakes::etcd(&[PG2_LEADS_AT_20], &[""]);
        let gone = format!("http://{}", fakes::refuses().address);
        assert_eq!(told(&[gone, etcd.endpoint], |last| last == "pg2").await, [r#""reachable""#, "pg2"]);
    }

    #[tokio::test]
    async fn unreachable_when_none_answers_and_the_reason_is_told() {
        let gone = format!("http://{}", fakes::refuses().address);
        let told = told(std::slice::from_ref(&gone), |_| true).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("unreachable") && told[0].contains(&gone), "{told:?}");
        assert!(told[0].to_lowercase().contains("connection refused"), "{told:?}");
    }
}
