//! Writes what observers send to `events.jsonl`, keeps it, and passes it on.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{Event, EventSink};

/// The name of the file of events in a run directory.
pub const EVENTS_FILE: &str = "events.jsonl";

/// How often the writer looks whether it is to end, and the longest that a line stays unwritten under load.
const FLUSH_AT_LEAST: Duration = Duration::from_millis(100);

/// Why events could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The run directory or its file of events could not be made.
    #[error("{path} cannot be created; a run needs a directory of its own that holds no events yet")]
    Create {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line could not be written: what came after it is in memory alone.
    #[error("{path} is incomplete: writing to it failed; see that the disk has room and run again")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("{path} cannot be read; name the run directory that `netsplit run` printed")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line is not an event.
    #[error("{path}:{line} is not an event; mend or remove that line")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The owner of a run's events.
///
/// A thread takes what the sinks send, in the order of arrival, and writes each event as one line. Lines are
/// handed to the kernel as soon as no further event waits, and at least every 100 ms: a SIGKILL loses next to
/// nothing. Nothing is synced to the disk, so a machine that crashes loses more.
///
/// The first failure to write ends the writing, not the run: events are still kept and passed on, and
/// [`Recorder::finish`] returns the failure.
#[derive(Debug)]
pub struct Recorder {
    sender: Sender<Event>,
    kept: Arc<Mutex<Kept>>,
    ending: Arc<AtomicBool>,
    writer: Option<JoinHandle<Result<(), RecordError>>>,
}

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Event>,
    subscribers: Vec<Sender<Event>>,
}

impl Recorder {
    /// Makes `run_dir` where it is missing, and a new file of events in it.
    pub fn create(run_dir: &Path) -> Result<Self, RecordError> {
        fs::create_dir_all(run_dir)
            .map_err(|source| RecordError::Create { path: run_dir.to_owned(), source })?;
        let path = run_dir.join(EVENTS_FILE);
        let file =
            File::create_new(&path).map_err(|source| RecordError::Create { path: path.clone(), source })?;
        Ok(Self::onto(file, path))
    }

    fn onto(file: File, path: PathBuf) -> Self {
        let (sender, receiver) = mpsc::channel();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let ending = Arc::new(AtomicBool::new(false));
        let writer = thread::spawn({
            let (kept, ending) = (Arc::clone(&kept), Arc::clone(&ending));
            move || {
                let mut log = Log { lines: BufWriter::new(file), failure: None };
                take_down(&receiver, &kept, &ending, &mut log);
                log.failure.map_or(Ok(()), |source| Err(RecordError::Write { path, source }))
            }
        });
        Self { sender, kept, ending, writer: Some(writer) }
    }

    /// A handle to send events through; it may outlive the recorder, and then sends to nobody.
    pub fn sink(&self) -> EventSink {
        EventSink::new(self.sender.clone())
    }

    /// Every event from the run's beginning, those to come included, in the order of arrival.
    ///
    /// The receiver ends when the recorder does.
    pub fn subscribe(&self) -> Receiver<Event> {
        let (sender, receiver) = mpsc::channel();
        let mut kept = lock(&self.kept);
        for event in &kept.events {
            // The receiver is in this very function: sending cannot fail.
            let _ = sender.send(event.clone());
        }
        kept.subscribers.push(sender);
        receiver
    }

    /// What has arrived so far, in the order of arrival.
    pub fn events(&self) -> Vec<Event> {
        self.events_since(0)
    }

    /// What has arrived so far without the first `seen` events: a cursor for who looks again and again.
    pub fn events_since(&self, seen: usize) -> Vec<Event> {
        lock(&self.kept).events.get(seen..).unwrap_or_default().to_vec()
    }

    /// Writes what was sent before this call and returns every event, sorted by the boot clock.
    ///
    /// On [`RecordError::Write`] the file is incomplete; [`Recorder::events`], asked before, has everything.
    pub fn finish(mut self) -> Result<Vec<Event>, RecordError> {
        self.end()?;
        let mut events = std::mem::take(&mut lock(&self.kept).events);
        events.sort_by_key(|event| event.boot_ns);
        Ok(events)
    }

    fn end(&mut self) -> Result<(), RecordError> {
        self.ending.store(true, Ordering::Release);
        let ended = self
            .writer
            .take()
            .map(|writer| writer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        lock(&self.kept).subscribers.clear();
        ended.unwrap_or(Ok(()))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.writer.is_some()
            && let Err(error) = self.end()
        {
            tracing::error!(%error, "events were lost");
        }
    }
}

/// The file, until writing to it fails.
struct Log {
    lines: BufWriter<File>,
    failure: Option<io::Error>,
}

impl Log {
    fn write(&mut self, event: &Event) {
        self.attempt(|lines| {
            serde_json::to_writer(&mut *lines, event)?;
            lines.write_all(b"\n")
        });
    }

    fn flush(&mut self) {
        self.attempt(BufWriter::flush);
    }

    fn attempt(&mut self, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) {
        if self.failure.is_none() {
            self.failure = write(&mut self.lines).err();
        }
    }
}

/// The writer's thread: takes events until it is told to end and nothing is left.
fn take_down(receiver: &Receiver<Event>, kept: &Mutex<Kept>, ending: &AtomicBool, log: &mut Log) {
    loop {
        // Read before the channel is: whatever was sent before `finish` is then surely in it.
        let last_round = ending.load(Ordering::Acquire);
        let mut waiting =
            match receiver.recv_timeout(if last_round { Duration::ZERO } else { FLUSH_AT_LEAST }) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return log.flush(),
            };
        let mut flushed = Instant::now();
        let idle = waiting.is_none();
        while let Some(event) = waiting {
            log.write(&event);
            if flushed.elapsed() >= FLUSH_AT_LEAST {
                log.flush();
                flushed = Instant::now();
            }
            keep(kept, event);
            waiting = receiver.try_recv().ok();
        }
        log.flush();
        if last_round && idle {
            return;
        }
    }
}

fn keep(kept: &Mutex<Kept>, mut event: Event) {
    let mut kept = lock(kept);
    event.line = Some(kept.events.len() + 1);
    kept.subscribers.retain(|subscriber| subscriber.send(event.clone()).is_ok());
    kept.events.push(event);
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a file of events, sorted by the boot clock.
///
/// A last line without its end, as a SIGKILL leaves it, is passed over with a warning; any other line that is
/// not an event is an error that names it.
pub fn read_events(path: &Path) -> Result<Vec<Event>, RecordError> {
    let failed = |source| RecordError::Read { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let (mut events, mut text): (Vec<Event>, _) = (Vec::new(), Vec::new());
    for line in 1.. {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(failed)? == 0 {
            break;
        }
        match serde_json::from_slice(&text) {
            Ok(event) => events.push(Event { line: Some(line), ..event }),
            Err(_) if text.trim_ascii().is_empty() => {}
            Err(error) if !text.ends_with(b"\n") => {
                tracing::warn!(path = %path.display(), line, %error, "the last event is torn and left out");
            }
            Err(source) => return Err(RecordError::Line { path: path.to_owned(), line, source }),
        }
    }
    events.sort_by_key(|event| event.boot_ns);
    Ok(events)
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        clock::BootInstant,
        record::{Kind, Source},
    };

    fn event(boot_ns: u64) -> Event {
        Event {
            boot_ns: BootInstant { ns: boot_ns },
            ..Event::now(Some("pg1"), Source::Patroni, Kind::Rest, Value::Null, json!({"n": boot_ns}))
        }
    }

    #[test]
    fn events_are_written_kept_passed_on_and_sorted() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(&dir.path().join("run")).unwrap();
        recorder.sink().send(event(2));
        let live = recorder.subscribe();
        let sink = recorder.sink();
        thread::spawn(move || sink.send(event(1))).join().unwrap();
        assert_eq!(live.recv_timeout(Duration::from_secs(5)).unwrap().boot_ns.ns, 2);
        assert_eq!(live.recv_timeout(Duration::from_secs(5)).unwrap().boot_ns.ns, 1);

        let outliving = recorder.sink();
        let events = recorder.finish().unwrap();
        assert_eq!(events.iter().map(|event| event.boot_ns.ns).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(events.iter().map(|event| event.line).collect::<Vec<_>>(), [Some(2), Some(1)]);
        assert!(live.recv().is_err(), "the live view ends with the recorder");
        outliving.send(event(3));
        assert_eq!(read_events(&dir.path().join("run").join(EVENTS_FILE)).unwrap(), events);
    }

    #[test]
    fn a_line_reaches_the_file_while_the_recorder_lives() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(dir.path()).unwrap();
        recorder.sink().send(event(1));
        let deadline = Instant::now() + Duration::from_secs(5);
        while read_events(&dir.path().join(EVENTS_FILE)).unwrap().is_empty() {
            assert!(Instant::now() < deadline, "nothing was flushed");
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((recorder.events().len(), recorder.events_since(1).len()), (1, 0));
        assert_eq!(recorder.events_since(9), []);
    }

    #[test]
    fn everything_sent_before_the_end_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let recorder = Recorder::create(dir.path()).unwrap();
        let sink = recorder.sink();
        (0..5000).for_each(|n| sink.send(event(n)));
        assert_eq!(recorder.finish().unwrap().len(), 5000);
        assert_eq!(read_events(&dir.path().join(EVENTS_FILE)).unwrap().len(), 5000);
    }

    #[test]
    fn a_run_never_overwrites_another() {
        let dir = tempfile::tempdir().unwrap();
        drop(Recorder::create(dir.path()).unwrap());
        assert!(matches!(Recorder::create(dir.path()), Err(RecordError::Create { .. })));
    }

    #[test]
    fn a_full_disk_is_said_at_the_end_and_the_events_live_on() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let recorder = Recorder::onto(full, "/dev/full".into());
        let live = recorder.subscribe();
        for n in 1..=3 {
            recorder.sink().send(event(n));
            assert_eq!(live.recv_timeout(Duration::from_secs(5)).unwrap().boot_ns.ns, n);
        }
        assert_eq!(recorder.events().len(), 3);
        assert!(matches!(recorder.finish(), Err(RecordError::Write { .. })));
    }

    #[test]
    fn torn_and_broken_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(EVENTS_FILE);
        let line = serde_json::to_string(&event(7)).unwrap();
        for (text, expected) in [
            (String::new(), Ok(0)),
            (format!("{line}\n{line}\n"), Ok(2)),
            (format!("{line}\n{line}"), Ok(2)),
            (format!("{line}\n{}", &line[..line.len() / 2]), Ok(1)),
            (format!("{line}\n\n{line}\n"), Ok(2)),
            (format!("{line}\n{}\n{line}\n", &line[..20]), Err(2)),
            (format!("{line}\n{line}\n{{}}\n"), Err(3)),
        ] {
            fs::write(&path, &text).unwrap();
            match (read_events(&path), expected) {
                (Ok(events), Ok(count)) => assert_eq!(events.len(), count, "{text}"),
                (Err(RecordError::Line { line, .. }), Err(expected)) => assert_eq!(line, expected, "{text}"),
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
        fs::write(&path, [line.as_bytes(), b"\n{\"wall\": \"\xff\xfe"].concat()).unwrap();
        assert_eq!(read_events(&path).unwrap().len(), 1, "torn inside a character");
    }
}
