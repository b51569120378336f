//! What can be seen from outside of how far netsplit has come.

use std::{fs, path::Path};

use netsplit::backend::datapath::program_names;

use crate::plan::Sign;

pub(crate) fn shows(folder: &Path, sign: Sign) -> bool {
    let has = |start: &str| {
        let mut entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with(start))
    };
    match sign {
        Sign::Folder => folder.exists(),
        Sign::Program => program_names().iter().any(|name| folder.join(name).exists()),
        Sign::Seal => folder.join("sealed").exists(),
        Sign::Link => has("link-"),
        Sign::SealGone => !folder.join("sealed").exists(),
        Sign::FolderGone => !folder.exists(),
        Sign::Transaction => false,
    }
}

/// Whether a process has called `nft -f`.
pub(crate) fn runs_a_transaction(pid: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect::<String>();
    children.split_whitespace().any(|child| {
        let words = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
        words.split(|byte| *byte == 0).any(|word| word == b"-f")
    })
}
