//! `patronictl`, from the observer's place. It is judged by what it prints: it exits 0 when Patroni refuses.

use std::{ffi::OsString, process::Command};

use super::{
    super::{ActError, Scene, program::Program},
    output::understood,
};
use crate::{
    cluster::Inventory,
    lab::{Host, Lab},
    record::Answered,
};

/// Where `patronictl` looks for its configuration, unless it is told otherwise.
const CONFIG: &str = "PATRONICTL_CONFIG_FILE";

/// Runs it; an answer of Patroni's is recognised in its words.
pub(super) fn ask(arguments: &[String], scene: &Scene<'_>) -> Result<Answered, ActError> {
    let words = format!("patronictl {}", arguments.join(" "));
    let command = command(arguments, scene)?;
    let answer = Answered { request: words.clone(), ..Answered::default() };
    match (Program { command, words }.run(scene)) {
        Ok(ended) => {
            let (status, body) = match understood(&ended.stdout) {
                Some((status, body)) => (Some(status), body),
                None => (None, format!("{}{}", ended.stdout, ended.stderr).trim().to_owned()),
            };
            Ok(Answered { status, body, exit: ended.status.code(), ..answer })
        }
        Err(late @ ActError::TimedOut { .. }) => Ok(Answered { body: late.to_string(), ..answer }),
        Err(ActError::Start { .. }) => Err(ActError::Impossible(
            "`patronictl` is not in PATH: put it there, or leave out via = \"patronictl\" to ask the REST API"
                .to_owned(),
        )),
        Err(error) => Err(error),
    }
}

/// The lab's own, else the one in `PATH`.
fn command(arguments: &[String], scene: &Scene<'_>) -> Result<Command, ActError> {
    let program = OsString::from("patronictl");
    if let Some(facts) = &scene.inventory.lab {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        return Ok(Lab::open(&facts.name.parse()?)?.command(Host::Mon, &program, &arguments)?);
    }
    let mut command = Command::new(program);
    command.args(arguments);
    if std::env::var_os(CONFIG).is_none() {
        command.envs(settings(scene.inventory));
    }
    Ok(command)
}

/// What `patronictl` has to know of the cluster, as it takes it from the environment: nothing that the inventory
/// does not say.
fn settings(inventory: &Inventory) -> [(&'static str, String); 2] {
    let hosts = inventory.etcd.endpoints.iter();
    let hosts: Vec<_> = hosts.map(|url| url.trim_start_matches("http://").trim_end_matches('/')).collect();
    [("PATRONI_ETCD3_HOSTS", hosts.join(",")), ("PATRONI_NAMESPACE", inventory.namespace.clone())]
}
