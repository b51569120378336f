//! `switchover`: the leader key moves (`POST /switchover`, `patronictl switchover`).

use reqwest::Method;
use serde_json::{Map, Value, json};

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
    key: "switchover",
    example: "switchover = \"NODE\"",
    node: NodeField::Absent,
    timeout: "60s",
    read,
    keys,
};

#[derive(Debug)]
struct Switchover {
    leader: ActNode,
    candidate: Option<ActNode>,
    manner: Manner,
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let help = "name the node that is to lead, or write true to let Patroni choose";
    let leader = table.optional("leader").map(|value| ActNode::read(&value)).transpose();
    let manner = Manner::read(table);
    let candidate = candidate(&table.required("switchover", help)?, help)?;
    Ok(Box::new(Switchover { leader: leader?.unwrap_or(ActNode::Leader), candidate, manner: manner? }))
}

fn keys() -> Vec<Key> {
    Manner::keys([
        member("switchover"),
        Key::optional("leader", ActNode::schema("Who leads now; `@leader` unless it says otherwise.")),
    ])
}

impl Action for Switchover {
    fn in_words(&self, _: &str) -> String {
        let to = self.candidate.as_ref().map(|candidate| format!(" to {candidate}")).unwrap_or_default();
        format!("switchover from {}{to}{}", self.leader, self.manner)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let leader = scene.name_of(&self.leader)?;
        let candidate = self.candidate.as_ref().map(|candidate| scene.name_of(candidate)).transpose()?;
        let mut body = Map::from_iter([("leader".to_owned(), json!(leader))]);
        let mut rest = vec!["--force", "--leader", &leader];
        if let Some(candidate) = &candidate {
            body.insert("candidate".to_owned(), json!(candidate));
            rest.extend(["--candidate", candidate]);
        }
        let request = Request {
            method: Method::POST,
            path: "/switchover",
            body: Value::Object(body),
            nodes: first(Some(&leader), scene),
            arguments: arguments("switchover", scene, &rest),
        };
        self.manner.ask(&request, scene)
    }
}
