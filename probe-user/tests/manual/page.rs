//! The pages of the documentation.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    block::{Block, Class, What},
    parser::blocks,
};

/// A Markdown file of the checkout.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its path below the checkout.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Page {
    /// Its fenced blocks; one that is wrong ends the test.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        blocks(&self.text).unwrap_or_else(|why| panic!("{}:{why}", self.name))
    }

    /// Whether it has console blocks of a class.
    pub(crate) fn has(&self, wanted: Class) -> bool {
        self.blocks()
            .iter()
            .any(|block| matches!(&block.what, What::Console { class, .. } if *class == wanted))
    }
}

/// The checkout.
pub(crate) fn checkout() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap().to_owned()
}

/// Every page: those at the top, those of the policies, and the manual.
pub(crate) fn all() -> Vec<Page> {
    let top = checkout();
    let mut paths = vec![top.join("README.md"), top.join("ARCHITECTURE.md"), top.join("CHANGELOG.md")];
    markdown(&top.join("policies"), &mut paths);
    markdown(&top.join("probe-user/manual"), &mut paths);
    paths.sort();
    let page = |path: PathBuf| Page {
        name: path.strip_prefix(&top).unwrap().display().to_string(),
        text: fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        path,
    };
    paths.into_iter().map(page).collect()
}

fn markdown(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
}
