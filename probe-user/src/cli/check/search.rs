//! Which files are meant.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::document::{self, LoadError};

/// The texts that a path stands for, each with its name: a file's, those of every `.toml` file in a folder
/// and its subfolders, sorted, or stdin's for `-`. Never none: what cannot be read is told in its place.
pub(super) fn texts(path: &Path) -> Vec<(String, Result<String, LoadError>)> {
    if path == Path::new("-") {
        let text = io::read_to_string(io::stdin().lock());
        return vec![("stdin".to_owned(), text.map_err(|source| unreadable(Path::new("stdin"), source)))];
    }
    if !path.is_dir() {
        return vec![(path.display().to_string(), document::load(path))];
    }
    let mut found = Vec::new();
    walk(path, &mut found);
    if found.is_empty() {
        found.push(Err(unreadable(path, io::Error::other("there is no .toml file in it"))));
    }
    found
        .into_iter()
        .map(|file| match file {
            Ok(file) => (file.display().to_string(), document::load(&file)),
            Err(error) => (path.display().to_string(), Err(error)),
        })
        .collect()
}

fn walk(folder: &Path, found: &mut Vec<Result<PathBuf, LoadError>>) {
    let listed = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut entries = match listed {
        Ok(entries) => entries,
        Err(source) => return found.push(Err(unreadable(folder, source))),
    };
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // A link to a folder is not followed: it may lead back here.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "toml") && !path.is_dir() {
            found.push(Ok(path));
        }
    }
}

fn unreadable(path: &Path, source: io::Error) -> LoadError {
    LoadError::Unreadable { path: path.to_owned(), source }
}
