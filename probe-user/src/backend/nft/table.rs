//! netsplit's tables in the calling thread's network namespace, by way of nft.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Seek, Write},
    os::unix::process::CommandExt,
    process::Command,
};

use nftables::{
    expr::{Expression, NamedExpression},
    schema::{Chain, Set},
};
use rustix::{
    fs::{MemfdFlags, memfd_create},
    process::{Signal, set_parent_process_death_signal},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    NftError,
    record::Record,
    script::{JOURNAL, Known, TABLE},
};
use crate::{backend::CounterSum, causes::in_a_line};

/// Runs a transaction: all of it, or nothing.
pub(super) fn run(script: &str) -> Result<(), NftError> {
    nft("change its rules", &["-f", "-"], script).map(drop)
}

/// Has the kernel look at a transaction and forget it.
pub(super) fn check(script: &str) -> Result<(), NftError> {
    nft("take these rules", &["-c", "-f", "-"], script).map(drop)
}

/// Runs `nft`, and hands over what it says. In the crate's own helpers its complaints are lost.
fn nft(doing: &'static str, arguments: &[&str], input: &str) -> Result<String, NftError> {
    tracing::trace!(input, "nft {arguments:?}");
    let mut nft = Command::new("nft");
    nft.args(arguments).stdin(whole(input).map_err(NftError::Run)?);
    // SAFETY: between fork and exec it makes one system call, and allocates nothing.
    unsafe { nft.pre_exec(end_with_this_thread) };
    let output = nft.output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => NftError::NotThere(error),
        _ => NftError::Run(error),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    // Behind the first line nft draws an arrow below the command.
    let said = complaint.lines().next().unwrap_or("it gave no reason").trim().to_owned();
    tracing::debug!(%complaint, input, "nft refused");
    Err(NftError::Refused { doing, said })
}

/// A file that holds all of it before anybody reads: through a pipe nft would take the half that a killed netsplit has
/// written for the whole.
fn whole(input: &str) -> io::Result<File> {
    let mut file = File::from(memfd_create("netsplit", MemfdFlags::CLOEXEC)?);
    file.write_all(input.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// What a killed netsplit has begun ends with it: its lock is free, and others rely on what they read.
fn end_with_this_thread() -> io::Result<()> {
    Ok(set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// What a list holds of netsplit's: objects of one kind.
fn list(what: &str) -> Result<Vec<(String, Value)>, NftError> {
    #[derive(Deserialize)]
    struct List {
        nftables: Vec<serde_json::Map<String, Value>>,
    }
    let text = nft("list its rules", &["-j", "list", what], "")?;
    let list: List = serde_json::from_str(&text).map_err(NftError::List)?;
    Ok(list
        .nftables
        .into_iter()
        .flatten()
        .filter(|(_, object)| object["table"] == TABLE || object["name"] == TABLE)
        .collect())
}

/// What is of this kind and can be read; others' objects may hold what the crate does not know.
fn objects<T: DeserializeOwned>(what: &str, kind: &str) -> Result<Vec<T>, NftError> {
    list(what)?
        .into_iter()
        .filter(|(key, _)| key == kind)
        .map(|(_, object)| serde_json::from_value(object).map_err(NftError::List))
        .collect()
}

/// The families in which this namespace has a table of netsplit's.
pub(super) fn families() -> Result<Vec<String>, NftError> {
    #[derive(Deserialize)]
    struct Table {
        family: String,
    }
    Ok(objects::<Table>("tables", "table")?.into_iter().map(|table| table.family).collect())
}

/// What the namespace holds.
pub(super) fn read() -> Result<Known, NftError> {
    let chains: Vec<Chain<'_>> = objects("chains", "chain")?;
    let chains: Vec<_> = chains
        .into_iter()
        .filter_map(|chain| {
            // The crate knows the families by the names that nft gives them.
            let family = serde_json::to_value(chain.family).ok()?.as_str()?.to_owned();
            Some((family, chain.name.into_owned()))
        })
        .collect();
    if chains.is_empty() {
        return Ok(Known::default());
    }
    let mut known = Known { chains: chains.into_iter().collect(), ..Known::default() };
    for (kind, set) in list("sets")? {
        let journal = set["name"].as_str().is_some_and(|name| name.starts_with(JOURNAL));
        if kind != "set" || !journal {
            continue;
        }
        let set: Set<'_> = serde_json::from_value(set).map_err(NftError::List)?;
        match Record::read(pieces(&set)) {
            Ok(record) => known.records.push(record),
            Err(error) => {
                tracing::warn!(
                    set = %set.name,
                    error = in_a_line(&error),
                    "the journal of a cut cannot be read; `netsplit revert --all` ends every cut and clears it"
                );
                known.strangers += 1;
            }
        }
    }
    known.records.sort_by_key(|record| record.place);
    Ok(known)
}

fn pieces(set: &Set<'_>) -> Vec<(u32, String)> {
    let elements = set.elem.iter().flat_map(|elements| elements.iter());
    elements
        .filter_map(|element| match element {
            Expression::Named(NamedExpression::Elem(element)) => {
                match (*element.val.clone(), &element.comment) {
                    (Expression::Number(place), Some(comment)) => Some((place, comment.to_string())),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect()
}

/// The counters of a namespace by name, those of both tables added up.
pub(super) fn counters() -> Result<HashMap<String, CounterSum>, NftError> {
    /// The crate's own type counts to 2^32 only.
    #[derive(Deserialize)]
    struct Counter {
        name: String,
        packets: u64,
        bytes: u64,
    }
    let mut sums: HashMap<String, CounterSum> = HashMap::new();
    for Counter { name, packets, bytes } in objects("counters", "counter")? {
        let sum = sums.entry(name).or_default();
        sum.packets += packets;
        sum.bytes += bytes;
    }
    Ok(sums)
}
