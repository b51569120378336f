//! `reinitialise`: Patroni makes a replica anew (`POST /reinitialize`, `patronictl reinit`). The answer says that it
//! has begun; the end shows in the cluster.

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        ActError, Action, Outcome, Scene,
        kind::{Kind, NodeField},
    },
    manner::{Manner, Request, Via, arguments, wanted},
};
use crate::{
    document::{Reported, Table},
    schema::{Key, flag, only_true},
};

pub(in super::super) const KIND: Kind = Kind {
    key: "reinitialise",
    example: "reinitialise = true",
    node: NodeField::Required,
    timeout: "60s",
    read,
    keys,
};

#[derive(Debug)]
struct Reinitialise {
    /// Whatever Patroni is doing there is cancelled.
    force: bool,
    manner: Manner,
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let manner = Manner::read(table);
    let field = table.optional("force");
    let force = field.map(|value| value.boolean()).transpose();
    wanted(table, "reinitialise")?;
    let (manner, force) = (manner?, force?);
    if let Some(field) = field
        && force == Some(false)
        && manner.via == Via::Patronictl
    {
        return Err(field.refuse(
            "patronictl asks a person unless it is forced",
            "nobody could answer it",
            "leave `force` out, or write via = \"rest\"",
        ));
    }
    Ok(Box::new(Reinitialise { force: force.unwrap_or(manner.via == Via::Patronictl), manner }))
}

fn keys() -> Vec<Key> {
    Manner::keys([
        Key::required("reinitialise", only_true("Patroni makes the replica anew.")),
        Key::optional("force", flag("Whether what Patroni is doing there is cancelled.")),
    ])
}

impl Action for Reinitialise {
    fn in_words(&self, place: &str) -> String {
        let force = if self.force { ", forced" } else { "" };
        format!("reinitialise PostgreSQL{place}{force}{}", self.manner)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = scene.node()?;
        let request = Request {
            method: Method::POST,
            path: "/reinitialize",
            body: json!({"force": self.force}),
            nodes: vec![node],
            arguments: arguments("reinit", scene, &[&node.name, "--force"]),
        };
        self.manner.ask(&request, scene)
    }
}
