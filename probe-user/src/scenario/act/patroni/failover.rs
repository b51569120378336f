//! `failover`: a member takes the leader key, from whoever has it or from nobody (`POST /failover`, `patronictl
//! failover`).

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        ActError, ActNode, Action, Outcome, Scene,
        kind::{Kind, NodeField},
    },
    manner::{Manner, Request, arguments, candidate, first, member},
};
use crate::{
    document::{Reported, Table},
    schema::Key,
};

pub(in super::super) const KIND: Kind = Kind {
    key: "failover",
    example: "failover = \"NODE\"",
    node: NodeField::Absent,
    timeout: "60s",
    read,
    keys,
};

#[derive(Debug)]
struct Failover {
    candidate: Option<ActNode>,
    manner: Manner,
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let help = "name the node that is to lead; Patroni 3 and 4 refuse a failover without one (true)";
    let manner = Manner::read(table);
    let candidate = candidate(&table.required("failover", help)?, help)?;
    Ok(Box::new(Failover { candidate, manner: manner? }))
}

fn keys() -> Vec<Key> {
    Manner::keys(vec![member("failover")])
}

impl Action for Failover {
    fn in_words(&self, _: &str) -> String {
        let to = self.candidate.as_ref().map(|candidate| format!(" to {candidate}")).unwrap_or_default();
        format!("failover{to}{}", self.manner)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let candidate = self.candidate.as_ref().map(|candidate| scene.name_of(candidate)).transpose()?;
        let mut rest = vec!["--force"];
        if let Some(candidate) = &candidate {
            rest.extend(["--candidate", candidate]);
        }
        let request = Request {
            method: Method::POST,
            path: "/failover",
            // Patroni gives no answer at all to an empty object.
            body: json!({"candidate": candidate}),
            nodes: first(scene.leader, scene),
            arguments: arguments("failover", scene, &rest),
        };
        self.manner.ask(&request, scene)
    }
}
