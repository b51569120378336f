//! The transactions: what is to be told to nft so that a cut comes or goes. Pure.
//!
//! In nft's own language rather than in JSON, which knows timeouts by whole seconds only (libnftables-json(5)) and
//! forgets devices when it is read back.
//!
//! A cut is a chain of rules for each hook, a set that is its lease, a counter for each rule, and its journal. What all
//! cuts of a namespace share holds no state and is written anew with each change, so counters and leases of the others
//! go on as if nothing had happened.

use std::{collections::BTreeSet, fmt::Write};

use super::{
    NftError,
    clause::{clauses, of_later_fragments},
    hook::{HOOKS, Hook},
    record::Record,
    shared::{LATER, answer_sets, answers, chain, parse},
};
use crate::{backend::datapath::RuleRecord, clock::BootInstant, cut::CutId};

/// The name of netsplit's tables.
pub(super) const TABLE: &str = "netsplit";

/// Before everybody else's chains (`NF_IP_PRI_RAW` is -300).
const FIRST: i32 = -500;

/// Behind everybody else's: what they drop is not netsplit's, and addresses are those of the wire.
const LAST: i32 = 900;

/// What a namespace holds already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The cuts, in the order of their places.
    pub(super) records: Vec<Record>,
    /// The chains by family and name.
    pub(super) chains: BTreeSet<(String, String)>,
    /// How many cuts' journals cannot be read: another netsplit made them.
    pub(super) strangers: usize,
}

impl Known {
    /// Refuses to change what this netsplit does not know all of.
    pub(super) fn whole(self) -> Result<Self, NftError> {
        if self.strangers == 0 { Ok(self) } else { Err(NftError::Strangers) }
    }
}

fn lease(id: &CutId) -> String {
    format!("lease_{id}")
}

/// What the names of journals begin with.
pub(super) const JOURNAL: &str = "journal_";

fn journal(id: &CutId) -> String {
    format!("{JOURNAL}{id}")
}

pub(super) fn counter(id: &CutId, place: u32) -> String {
    format!("hits_{id}_{place}")
}

/// Puts a cut in force, and clears away those that their leases have ended.
pub(super) fn put(known: &Known, record: &Record, now: BootInstant) -> Result<String, NftError> {
    let (over, live): (Vec<_>, Vec<_>) = known.records.iter().partition(|known| known.is_over(now));
    let all: Vec<_> = live.into_iter().chain([record]).collect();
    let mut text = shared(&all) + &cut(record, now)? + &judges(known, &all) + &seats(known, record);
    for over in over {
        text += &gone(over);
    }
    Ok(text)
}

/// Writes a cut's journal anew, and touches nothing else of it.
pub(super) fn file(record: &Record) -> Result<String, NftError> {
    let journal = journal(&record.cut.id);
    let elements = elements(record)?;
    Ok(format!("flush set inet {TABLE} {journal}\nadd element inet {TABLE} {journal} {{ {elements} }}\n"))
}

/// The elements of a cut's journal.
fn elements(record: &Record) -> Result<String, NftError> {
    let pieces = record.pieces()?.into_iter().enumerate();
    let elements: Vec<_> = pieces.map(|(place, piece)| format!("{place} comment \"{piece}\"")).collect();
    Ok(elements.join(", "))
}

/// Takes a cut away, and with the last one everything.
pub(super) fn take(known: &Known, id: &CutId, now: BootInstant) -> String {
    let left: Vec<_> =
        known.records.iter().filter(|record| record.cut.id != *id && !record.is_over(now)).collect();
    if left.is_empty() {
        let families: BTreeSet<_> = known.chains.iter().map(|(family, _)| family.clone()).collect();
        return clear(&families.into_iter().collect::<Vec<_>>());
    }
    let going = known.records.iter().filter(|record| !left.contains(record));
    judges(known, &left) + &going.map(gone).collect::<String>()
}

/// Takes away the tables of these families, and so everything.
pub(super) fn clear(families: &[String]) -> String {
    // Added first, so that it is there to be deleted.
    let of = |family: &String| format!("add table {family} {TABLE}\ndelete table {family} {TABLE}\n");
    families.iter().map(of).collect()
}

/// The tables, and the chains that hold no state.
fn shared(all: &[&Record]) -> String {
    let mut text = String::new();
    // Answers leave by way of the output hook, where they are known as such.
    let needed = |hook: &Hook| *hook == Hook::Sending || all.iter().any(|record| record.uses(*hook));
    let hooks: Vec<_> = HOOKS.into_iter().filter(needed).collect();
    for family in hooks.iter().map(|hook| hook.family()).collect::<BTreeSet<_>>() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "add table {family} {TABLE} {{ comment \"made by netsplit; end it with netsplit revert\"; }}"
        );
        let _ = writeln!(text, "add counter {family} {TABLE} unparsed");
    }
    text += &answer_sets();
    for hook in hooks {
        let (family, name) = (hook.family(), hook.name());
        let mut chains = vec![format!("judge_{name}"), format!("judge_{name}_{LATER}")];
        let mut rules = parse(hook);
        if hook != Hook::Leaving {
            chains.extend([format!("reset_{name}"), format!("reject_{name}")]);
            rules += &answers(hook);
        }
        chains.push(format!("parse_{name}"));
        for chain in chains {
            let _ =
                writeln!(text, "add chain {family} {TABLE} {chain}\nflush chain {family} {TABLE} {chain}");
        }
        let _ = write!(text, "table {family} {TABLE} {{\n{rules}}}\n");
    }
    text
}

/// Has a lease end when it is to end.
pub(super) fn renew(record: &Record, now: BootInstant) -> String {
    let lease = lease(&record.cut.id);
    let elements = lease_elements(record, now);
    let of = |family| {
        format!("flush set {family} {TABLE} {lease}\nadd element {family} {TABLE} {lease} {{ {elements} }}\n")
    };
    families(record).into_iter().map(of).collect()
}

/// What a cut's lease holds, for as long as it lasts.
fn lease_elements(record: &Record, now: BootInstant) -> String {
    // At least something: a timeout of nothing is none.
    let left = record.cut.deadline.since(now).as_millis().max(1);
    format!("ip timeout {left}ms, ip6 timeout {left}ms")
}

fn families(record: &Record) -> BTreeSet<&'static str> {
    HOOKS.iter().filter(|hook| record.uses(**hook)).map(|hook| hook.family()).collect()
}

/// A cut's own things.
fn cut(record: &Record, now: BootInstant) -> Result<String, NftError> {
    let id = &record.cut.id;
    let time_left = lease_elements(record, now);
    let mut text = String::new();
    for family in families(record) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "table {family} {TABLE} {{");
        let _ = writeln!(
            text,
            "\tset {} {{\n\t\ttype ether_type; flags timeout\n\t\telements = {{ {time_left} }}\n\t}}",
            lease(id)
        );
        if family == "inet" {
            let _ = writeln!(
                text,
                "\tset {} {{\n\t\ttype mark\n\t\telements = {{ {} }}\n\t}}",
                journal(id),
                elements(record)?
            );
        }
        for rule in &record.cut.rules {
            let _ = writeln!(text, "\tcounter {} {{ }}", counter(id, rule.counter));
        }
        for hook in HOOKS.into_iter().filter(|hook| hook.family() == family && record.uses(*hook)) {
            let clauses = |rule: &RuleRecord| clauses(rule, hook, &counter(id, rule.counter));
            let (rules, own) = (&record.cut.rules, own_chain(id, hook));
            let later = rules.iter().filter_map(of_later_fragments);
            let later: Vec<_> = later.flat_map(|rule| clauses(&rule)).collect();
            text += &chain(&own, &rules.iter().flat_map(clauses).collect::<Vec<_>>());
            text += &chain(&format!("{own}_{LATER}"), &later);
        }
        text += "}\n";
    }
    Ok(text)
}

fn own_chain(id: &CutId, hook: Hook) -> String {
    format!("cut_{id}_{}", hook.name())
}

/// The chains that ask the cuts in the order of their places, each as long as its lease lasts.
fn judges(known: &Known, all: &[&Record]) -> String {
    let mut text = String::new();
    for (hook, kind) in
        HOOKS.into_iter().flat_map(|hook| [(hook, String::new()), (hook, format!("_{LATER}"))])
    {
        let (family, name) = (hook.family(), hook.name().to_owned() + &kind);
        // Writing to a string cannot fail. A hook may have no cut any more.
        if known.chains.contains(&(family.to_owned(), format!("judge_{name}"))) {
            let _ = writeln!(text, "flush chain {family} {TABLE} judge_{name}");
        }
        for record in all.iter().filter(|record| record.uses(hook)) {
            let (id, own) = (&record.cut.id, own_chain(&record.cut.id, hook));
            let _ = writeln!(
                text,
                "add rule {family} {TABLE} judge_{name} meta protocol @{} jump {own}{kind}",
                lease(id)
            );
        }
    }
    text
}

/// The base chains, each with the one rule that it has whatever somebody did to it.
fn seats(known: &Known, record: &Record) -> String {
    let mut text = String::new();
    let mut add = |hook: Hook, name: String, device: &str| {
        let (family, place) = (
            hook.family(),
            match hook {
                Hook::Arriving => "ingress",
                Hook::Sending => "output",
                Hook::Leaving => "egress",
            },
        );
        let priority = if hook == Hook::Sending { LAST } else { FIRST };
        // Writing to a string cannot fail.
        let _ = if known.chains.contains(&(family.to_owned(), name.clone())) {
            // Refused if it is not there any more: somebody ended everything meanwhile.
            writeln!(text, "flush chain {family} {TABLE} {name}")
        } else {
            writeln!(
                text,
                "add chain {family} {TABLE} {name} {{ type filter hook {place}{device} priority {priority}; policy \
                 accept; }}"
            )
        };
        let _ = writeln!(text, "add rule {family} {TABLE} {name} goto parse_{}", hook.name());
    };
    add(Hook::Sending, "sending".to_owned(), "");
    for seat in &record.seats {
        let device = format!(" device \"{}\"", seat.interface);
        match seat.hook {
            Hook::Arriving => add(seat.hook, format!("arriving_{}", seat.ifindex), &device),
            Hook::Leaving => add(seat.hook, format!("leaving_{}", seat.ifindex), &device),
            Hook::Sending => {}
        }
    }
    text
}

/// Deletes a cut's own things, which nothing refers to any more.
fn gone(record: &Record) -> String {
    let id = &record.cut.id;
    let mut text = String::new();
    let mut families = BTreeSet::from(["inet"]);
    for hook in HOOKS.into_iter().filter(|hook| record.uses(*hook)) {
        families.insert(hook.family());
        // Writing to a string cannot fail.
        let (family, own) = (hook.family(), own_chain(id, hook));
        let _ = writeln!(
            text,
            "delete chain {family} {TABLE} {own}\ndelete chain {family} {TABLE} {own}_{LATER}"
        );
    }
    for family in families {
        for rule in &record.cut.rules {
            let _ = writeln!(text, "delete counter {family} {TABLE} {}", counter(id, rule.counter));
        }
        let _ = writeln!(text, "delete set {family} {TABLE} {}", lease(id));
    }
    let _ = writeln!(text, "delete set inet {TABLE} {}", journal(id));
    text
}

#[cfg(test)]
mod tests;
