//! What is written beside the committed eBPF object: what it was made of, and by whom.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::failure::Failure;

/// `netsplit.bpf.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Manifest {
    /// SHA-256 of the object.
    pub object: String,
    /// SHA-256 of everything that it is made of.
    pub sources: String,
    /// The compiler.
    pub rustc: String,
    /// The linker.
    pub bpf_linker: String,
}

impl Manifest {
    const HEAD: &str = "# Written by `cargo xtask build-ebpf`, which also compares it; do not edit.\n";

    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let text =
            fs::read_to_string(path).map_err(Failure::io(format!("cannot read {}", path.display())))?;
        toml::from_str(&text).map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), Failure> {
        let text = toml::to_string(self).map_err(|error| Failure::Failed(error.to_string()))?;
        fs::write(path, format!("{}{text}", Self::HEAD))
            .map_err(Failure::io(format!("cannot write {}", path.display())))
    }

    /// Whether both were made by the same tools, so that equal sources must give equal bytes.
    pub(crate) fn same_tools(&self, other: &Self) -> bool {
        self.rustc == other.rustc && self.bpf_linker == other.bpf_linker
    }
}

/// The SHA-256 of bytes, in hexadecimal.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The SHA-256 of everything that decides the object's bytes but the tools: the crate's sources and manifest,
/// the build profile, the compiler's flags, and the locked versions of what it depends on.
pub(crate) fn sources_digest(root: &Path, flags: &str) -> Result<String, Failure> {
    let read = |path: &Path| {
        fs::read_to_string(path).map_err(Failure::io(format!("cannot read {}", path.display())))
    };
    let toml = |path: &Path| -> Result<toml::Table, Failure> {
        read(path)?.parse().map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))
    };

    let probe = root.join("probe-ebpf");
    let mut files = vec![probe.join("Cargo.toml")];
    sources_in(&probe.join("src"), &mut files).map_err(Failure::io("cannot list probe-ebpf/src"))?;
    files.sort();

    let mut parts = BTreeMap::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        parts.insert(name, digest(read(&file)?.as_bytes()));
    }
    let workspace = toml(&root.join("Cargo.toml"))?;
    let profile = workspace.get("profile").and_then(|profiles| profiles.get("ebpf"));
    parts.insert("profile".to_owned(), profile.map(ToString::to_string).unwrap_or_default());
    parts.insert("flags".to_owned(), flags.to_owned());
    parts.insert("locked".to_owned(), locked(&toml(&root.join("Cargo.lock"))?).join("\n"));
    Ok(digest(format!("{parts:#?}").as_bytes()))
}

fn sources_in(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources_in(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// Name and version of each package that the eBPF crates bring with them, by `Cargo.lock`.
fn locked(lock: &toml::Table) -> Vec<String> {
    let packages = lock.get("package").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |package: &toml::Value, key| package.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let mut reached = BTreeSet::new();
    let mut open = vec!["aya-ebpf".to_owned(), "aya-log-ebpf".to_owned()];
    while let Some(wanted) = open.pop() {
        // A dependency is `name`, or `name version` where there are several.
        let mut words = wanted.split(' ').map(str::to_owned);
        let (name, version) = (words.next(), words.next());
        for package in packages {
            let here = text(package, "version");
            if text(package, "name") != name || version.is_some() && here != version {
                continue;
            }
            let entry = format!("{} {}", name.as_deref().unwrap_or_default(), here.unwrap_or_default());
            if reached.insert(entry) {
                let needs = package.get("dependencies").and_then(toml::Value::as_array);
                open.extend(needs.into_iter().flatten().filter_map(|need| need.as_str().map(str::to_owned)));
            }
        }
    }
    reached.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_sha256() {
        assert_eq!(digest(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn locked_versions_are_those_that_the_ebpf_crates_reach() {
        let lock = r#"
[[package]]
name = "aya-ebpf"
version = "0.2.1"
dependencies = ["cty", "syn 2.0.0"]
[[package]]
name = "cty"
version = "0.2.4"
[[package]]
name = "syn"
version = "1.0.0"
[[package]]
name = "syn"
version = "2.0.0"
dependencies = ["cty"]
[[package]]
name = "tokio"
version = "1.0.0"
"#;
        assert_eq!(locked(&lock.parse().unwrap()), ["aya-ebpf 0.2.1", "cty 0.2.4", "syn 2.0.0"]);
    }

    #[test]
    fn the_digest_follows_sources_profile_and_locked_versions_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |name: &str, text: &str| fs::write(root.join(name), text).unwrap();
        fs::create_dir_all(root.join("probe-ebpf/src/reply")).unwrap();
        write("probe-ebpf/Cargo.toml", "[package]");
        write("probe-ebpf/src/main.rs", "a");
        write("probe-ebpf/src/reply/tcp.rs", "b");
        write("Cargo.toml", "[workspace]\n[profile.ebpf]\nlto = true\n");
        write("Cargo.lock", "[[package]]\nname = \"aya-ebpf\"\nversion = \"1\"\n");
        let digest = || sources_digest(root, "-C x").unwrap();

        let first = digest();
        write("Cargo.toml", "[workspace]\nmembers = []\n[profile.ebpf]\nlto = true\n");
        write("probe-ebpf/src/notes.md", "not a source");
        assert_eq!(digest(), first);
        for (file, changed) in [
            ("probe-ebpf/src/reply/tcp.rs", "c"),
            ("Cargo.toml", "[profile.ebpf]\nlto = false\n"),
            ("Cargo.lock", "[[package]]\nname = \"aya-ebpf\"\nversion = \"2\"\n"),
        ] {
            let before = digest();
            write(file, changed);
            assert_ne!(digest(), before, "{file}");
        }
        assert_ne!(sources_digest(root, "-C y").unwrap(), digest());
    }
}
