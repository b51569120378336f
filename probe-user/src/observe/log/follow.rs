//! The file: appended to, rotated, truncated, or not there.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use super::entries::Entries;
use crate::{
    causes::in_a_line,
    cluster::Node,
    observe::subject::{Lookout, Subject, poll},
    record::{Kind, LogEntry, Source},
};

const PERIOD: Duration = Duration::from_millis(250);

/// The most that one look reads; what is left waits for the next.
const MOST: u64 = 1024 * 1024;

/// One node's log.
pub(in crate::observe) struct Log {
    node: String,
    file: Followed,
    entries: Entries,
    trouble: Subject,
    lookout: Lookout,
}

/// Looks at every log again and again. A read of what is in the page cache takes microseconds, so one task does.
pub(in crate::observe) async fn follow(logs: &mut [Log]) {
    poll(PERIOD, async || logs.iter_mut().for_each(Log::look)).await;
}

impl Log {
    /// From the file's end on; `None` where the inventory names no log.
    pub(in crate::observe) fn new(lookout: &Lookout, node: &Node) -> Option<Self> {
        let mut trouble = lookout.trouble(Some(&node.name), Source::Log);
        let path = node.patroni_log.as_ref()?;
        let file = Followed::from_the_end(path);
        if !path.exists() {
            trouble.saw(&missing(path));
        }
        Some(Self {
            node: node.name.clone(),
            file,
            entries: Entries::default(),
            trouble,
            lookout: lookout.clone(),
        })
    }

    fn look(&mut self) {
        match self.file.read() {
            Ok(bytes) if bytes.is_empty() => {
                let rest = self.entries.rest();
                self.tell(rest);
            }
            Ok(bytes) => {
                self.trouble.forget();
                let complete = self.entries.take(&bytes);
                self.tell(complete);
            }
            Err(error) => {
                let words = format!("Patroni's log {}: {}", self.file.path.display(), in_a_line(&error));
                self.trouble.saw(&words);
            }
        }
    }

    /// What the end of the watch leaves no time to wait for.
    pub(in crate::observe) fn end(mut self) {
        self.look();
        let rest = self.entries.rest();
        self.tell(rest);
    }

    fn tell(&self, entries: impl IntoIterator<Item = LogEntry>) {
        for entry in entries {
            self.lookout.send(Some(&self.node), Source::Log, Kind::Log, &entry);
        }
    }
}

fn missing(path: &Path) -> String {
    format!("Patroni's log {} is not there (yet): see `patroni_log` in the inventory", path.display())
}

/// A file that is read as it grows.
#[derive(Debug)]
struct Followed {
    path: PathBuf,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// How much of it was read.
    position: u64,
}

impl Followed {
    fn from_the_end(path: &Path) -> Self {
        let open = File::open(path).and_then(|mut file| {
            let position = file.seek(SeekFrom::End(0))?;
            Ok(Open { file, position })
        });
        Self { path: path.to_owned(), open: open.ok() }
    }

    /// What was appended since the last time. One that appears is read from its beginning, a truncated one, too.
    /// A file that took the other one's place comes after the other's rest.
    fn read(&mut self) -> io::Result<Vec<u8>> {
        let Some(open) = &mut self.open else {
            self.open = match File::open(&self.path) {
                Ok(file) => Some(Open { file, position: 0 }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            return self.open.as_mut().map_or(Ok(Vec::new()), Open::read);
        };
        let bytes = open.read()?;
        if bytes.is_empty() && open.was_replaced(&self.path)? {
            self.open = None;
            return self.read();
        }
        Ok(bytes)
    }
}

impl Open {
    fn read(&mut self) -> io::Result<Vec<u8>> {
        if self.file.metadata()?.len() < self.position {
            self.position = self.file.seek(SeekFrom::Start(0))?;
        }
        let mut bytes = Vec::new();
        self.position += (&self.file).take(MOST).read_to_end(&mut bytes)? as u64;
        Ok(bytes)
    }

    /// Whether the path leads to another file now. Where it leads nowhere, this one may still be written to.
    fn was_replaced(&self, path: &Path) -> io::Result<bool> {
        let id = |file: &Metadata| (file.dev(), file.ino());
        match fs::metadata(path) {
            Ok(there) => Ok(id(&there) != id(&self.file.metadata()?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::*;

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn read(followed: &mut Followed) -> String {
        String::from_utf8(followed.read().unwrap()).unwrap()
    }

    #[test]
    fn only_what_comes_later_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patroni.log");
        append(&path, "before\n");
        let mut log = Followed::from_the_end(&path);
        assert_eq!(read(&mut log), "");
        append(&path, "one\ntw");
        assert_eq!(read(&mut log), "one\ntw");
        append(&path, "o\n");
        assert_eq!((read(&mut log).as_str(), read(&mut log).as_str()), ("o\n", ""));
    }

    #[test]
    fn a_log_may_appear_be_truncated_rotated_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("patroni.log");
        let mut log = Followed::from_the_end(&path);
        assert_eq!(read(&mut log), "");
        append(&path, "appeared\n");
        assert_eq!(read(&mut log), "appeared\n");

        fs::write(&path, "").unwrap();
        assert_eq!(read(&mut log), "");
        append(&path, "short\n");
        assert_eq!(read(&mut log), "short\n");

        append(&path, "last words\n");
        fs::rename(&path, folder.path().join("patroni.log.1")).unwrap();
        append(&path, "new file\n");
        assert_eq!(read(&mut log), "last words\n");
        assert_eq!(read(&mut log), "new file\n");

        fs::remove_file(&path).unwrap();
        assert_eq!(read(&mut log), "");
        append(&path, "back\n");
        assert_eq!(read(&mut log), "back\n");
    }
}
