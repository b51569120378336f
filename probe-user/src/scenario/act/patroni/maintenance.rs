//! `maintenance`: Patroni leaves PostgreSQL alone, or looks after it again (`PATCH /config`, `patronictl pause` and
//! `resume`). What a scenario switches on is switched off at the end of the run.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        ActError, Action, Outcome, Scene,
        kind::{Kind, NodeField},
        undo::{Undo, Undone},
    },
    manner::{Manner, Request, Via, arguments, first},
    rest,
};
use crate::{
    causes::in_a_line,
    cluster::{Inventory, Node},
    document::{Reported, Table},
    schema::{Key, flag},
};

pub(in super::super) const KIND: Kind = Kind {
    key: "maintenance",
    example: "maintenance = true",
    node: NodeField::Absent,
    timeout: "60s",
    read,
    keys,
};

/// How much longer than `loop_wait` the members may take to notice, as with `patronictl pause --wait`.
const GRACE: Duration = Duration::from_secs(1);

/// How long one member may take to say whether it is on, or to switch it off at the end of a run.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Maintenance {
    on: bool,
    manner: Manner,
}

fn read(table: &Table<'_>) -> Result<Box<dyn Action>, Reported> {
    let manner = Manner::read(table);
    let on =
        table.required("maintenance", "write true to switch it on, false to switch it off")?.boolean()?;
    Ok(Box::new(Maintenance { on, manner: manner? }))
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn keys() -> Vec<Key> {
    Manner::keys([Key::required("maintenance", flag("Whether Patroni's maintenance mode goes on or off."))])
}

impl Action for Maintenance {
    fn in_words(&self, _: &str) -> String {
        format!("maintenance mode {}{}", word(self.on), self.manner)
    }

    /// Returns when every member has noticed, as far as they can be asked.
    fn perform(&self, scene: &Scene<'_>) -> Result<Outcome, ActError> {
        let nodes = first(scene.leader, scene);
        // What was on before the run is somebody else's.
        if self.on && rest::at_work(scene, is_on(&nodes, PATIENCE))? != Some(true) {
            let inventory = scene.inventory.clone();
            scene.until_end(Undo::new(move || switch_off(&inventory)));
        }
        let request = Request {
            method: Method::PATCH,
            path: "/config",
            body: config(self.on),
            nodes,
            arguments: arguments(if self.on { "pause" } else { "resume" }, scene, &["--wait"]),
        };
        let outcome = self.manner.ask(&request, scene)?;
        let taken = outcome.request.as_ref().is_some_and(|answer| answer.status == Some(200));
        if !taken || self.manner.via == Via::Patronictl {
            return Ok(outcome);
        }
        let patience = (scene.inventory.timings.loop_wait() + GRACE).min(scene.timeout);
        let late = rest::at_work(scene, unaware(&request.nodes, self.on, patience))?;
        let said = match late.as_slice() {
            [] => format!("maintenance mode is {}, and every member says so", word(self.on)),
            late => {
                format!(
                    "maintenance mode is {}, which {} did not say in time",
                    word(self.on),
                    late.join(", ")
                )
            }
        };
        Ok(Outcome { said, ..outcome })
    }
}

fn config(on: bool) -> Value {
    json!({"pause": on.then_some(true)})
}

/// Whether the cluster's configuration has it on; `None` where nobody tells.
async fn is_on(nodes: &[&Node], timeout: Duration) -> Option<bool> {
    for node in nodes {
        if let Ok(answer) = rest::get(node, "/config", timeout).await {
            return Some(answer["pause"] == json!(true));
        }
    }
    None
}

/// The members that have not noticed when the time is up.
async fn unaware(nodes: &[&Node], on: bool, patience: Duration) -> Vec<String> {
    let deadline = Instant::now() + patience;
    let mut late = nodes.to_vec();
    loop {
        let mut still = Vec::new();
        for node in late {
            let left = deadline.saturating_duration_since(Instant::now());
            let state = rest::get(node, "/patroni", left.min(GRACE)).await.unwrap_or_default();
            let noticed = !state.is_null() && (state["pause"] == json!(true)) == on;
            if !noticed {
                still.push(node);
            }
        }
        late = still;
        if late.is_empty() || Instant::now() >= deadline {
            return late.iter().map(|node| node.name.clone()).collect();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn switch_off(inventory: &Inventory) -> Undone {
    let nodes: Vec<&Node> = inventory.nodes.iter().collect();
    let work = async {
        match is_on(&nodes, PATIENCE).await {
            Some(false) => return Ok(None),
            Some(true) => {}
            None => return Err(
                "maintenance mode may still be on: no Patroni answers; `patronictl resume` switches it off"
                    .to_owned(),
            ),
        }
        let answer = rest::ask_each(&nodes, &Method::PATCH, "/config", &config(false), PATIENCE).await;
        if answer.status != Some(200) {
            return Err(format!(
                "maintenance mode is still on: {}; `patronictl resume` switches it off",
                answer.body
            ));
        }
        let patience = inventory.timings.loop_wait() + GRACE;
        unaware(&nodes, false, patience).await;
        Ok(Some("maintenance mode is off again".to_owned()))
    };
    rest::run(&inventory.observer.transport, work).map_err(|error| in_a_line(&error))?
}
