//! `restart`: Patroni restarts a node's PostgreSQL (`POST /restart`, `patronictl restart`).

use reqwest::Method;
use serde_json::json;

use super::{
    super::{
        ActError, Action, Outcome, Scene,
        kind::{Kind, NodeField},
    },
    manner::{Manner, Request, arguments, wanted},
};
use crate::{
    document::{Reported, Table},
    schema::{Key, only_true},
};

pub(in super::super) const KIND: Kind =
    Kind { key: "restart", example: "restart = true", node: NodeField::Required, timeout: "60s", read, keys };

#[derive(Debug)]
struct Restart(Manner);

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let manner = Manner::read(table);
    wanted(table, "restart")?;
    Ok(Box::new(Restart(manner?)))
}

fn keys() -> Vec<Key> {
    Manner::keys([Key::required("restart", only_true("Patroni restarts the node's PostgreSQL."))])
}

impl Action for Restart {
    fn in_words(&self, place: &str) -> String {
        format!("restart PostgreSQL{place}{}", self.0)
    }

    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let node = scene.node()?;
        let request = Request {
            method: Method::POST,
            path: "/restart",
            body: json!({}),
            nodes: vec![node],
            arguments: arguments("restart", scene, &[&node.name, "--force"]),
        };
        self.0.ask(&request, scene)
    }
}
