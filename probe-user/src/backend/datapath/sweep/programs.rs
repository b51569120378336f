//! Which of the kernel's programs are netsplit's.
//!
//! A name can be anybody's. A program of ours has one of our names and works on maps of ours as well; versions
//! of netsplit differ in some, so three are enough. What other versions of it left is ours too.

use std::collections::BTreeSet;

use aya::{
    maps::{MapInfo, loaded_maps},
    programs::loaded_programs,
};

use super::super::{DatapathError, object};

/// How many of our maps tell one of our programs.
const ENOUGH: usize = 3;

/// The kernel keeps no more of a name (`BPF_OBJ_NAME_LEN` of `linux/bpf.h`, less the zero).
const NAME_BYTES: usize = 15;

/// A program of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OurProgram {
    pub(super) id: u32,
    pub(super) name: String,
}

/// Whether a program has a name of ours. Looks at no map, see [`super::whole`].
pub(super) fn any_named() -> bool {
    let mut names =
        loaded_programs().filter_map(Result::ok).filter_map(|it| it.name_as_str().map(str::to_owned));
    names.any(|name| has_our_name(&name))
}

/// The programs of ours that the kernel holds, attached or not.
pub(super) fn our_programs() -> Result<Vec<OurProgram>, DatapathError> {
    let mut ours = Vec::new();
    for program in loaded_programs() {
        // One that went at this moment is no error, and a kernel that tells of none is.
        let Ok(program) = program else { continue };
        let Some(name) = program.name_as_str().filter(|name| has_our_name(name)) else { continue };
        let maps = program.map_ids().map_err(|source| DatapathError::List(Box::new(source)))?;
        let maps: Vec<_> = maps.into_iter().flatten().filter_map(map_name).collect();
        if are_our_maps(maps.iter().map(String::as_str)) {
            ours.push(OurProgram { id: program.id(), name: name.to_owned() });
        }
    }
    Ok(ours)
}

/// Whether the kernel still holds a program of ours, or maps that a half-made datapath of ours would have.
pub(super) fn any_left() -> Result<bool, DatapathError> {
    if !our_programs()?.is_empty() {
        return Ok(true);
    }
    let names: Vec<_> =
        loaded_maps().filter_map(Result::ok).filter_map(|map| map.name_as_str().map(str::to_owned)).collect();
    Ok(are_our_maps(names.iter().map(String::as_str)))
}

fn map_name(id: u32) -> Option<String> {
    MapInfo::from_id(id).ok()?.name_as_str().map(str::to_owned)
}

fn has_our_name(name: &str) -> bool {
    object::program_names().iter().any(|ours| kept(ours) == name)
}

fn are_our_maps<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let ours: BTreeSet<_> = names.filter(|name| object::MAPS.iter().any(|map| kept(map) == *name)).collect();
    ours.len() >= ENOUGH
}

/// What the kernel keeps of a name.
fn kept(name: &str) -> &str {
    name.get(..NAME_BYTES).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_is_not_enough() {
        for (maps, ours) in [
            (&["CONTROL", "RULESETS", "COUNTERS", "HITS"][..], true),
            (&["CONTROL", "RULESETS", ".bss", "JOURNAL"], true),
            (&["CONTROL", "HITS"], false),
            (&["CONTROL", "CONTROL", "CONTROL"], false),
            (&["xdp_stats_map"], false),
            (&[], false),
        ] {
            assert_eq!(are_our_maps(maps.iter().copied()), ours, "{maps:?}");
        }
    }

    #[test]
    fn names_are_compared_as_the_kernel_keeps_them() {
        assert_eq!(kept("a_name_of_twenty_two_by"), "a_name_of_twent");
        assert!(object::program_names().iter().all(|name| has_our_name(kept(name))));
        assert!(!has_our_name("xdp_filter"));
    }
}
