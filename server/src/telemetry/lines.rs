//! The log's lines on their way to standard error: who logs never waits for who reads.
//!
//! A thread writes them, many at once. If its reader is too slow or has stopped (a full disk, a terminal that is held, a pipe that
//! nobody empties), lines are dropped and counted, and the log says so as soon as it goes on; calls are not concerned.

use crate::limits::{LOG_LINES, LOG_OCTETS};
use router::time::Duration;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that were not written since the process began.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// How long the writer gathers lines after the first one: a busy log is written in a few hundred pieces a second.
const GATHER: Duration = Duration::from_millis(5);

/// Octets of one piece.
const PIECE_OCTETS: usize = 64 * 1024;

/// How long the last lines may take to be written when the process ends.
const FLUSH_WITHIN: Duration = Duration::from_secs(1);

/// Lines that were not written since the process began.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Where lines are put. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lines {
    items: SyncSender<Item>,
    waiting: Arc<AtomicUsize>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    /// Everything before it is to be written; then its sender is told.
    Flush(SyncSender<()>),
}

impl Lines {
    /// Starts the thread that writes to `output`.
    pub fn start(output: impl Write + Send + 'static) -> io::Result<Self> {
        let (items, taken) = sync_channel(LOG_LINES);
        let waiting = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&waiting);
        std::thread::Builder::new().name("log".to_owned()).spawn(move || write(&taken, &counted, output))?;
        Ok(Self { items, waiting })
    }

    /// Waits until what was logged so far is written, a second at most.
    pub fn flush(&self) {
        let (done, written) = sync_channel(1);
        if self.items.try_send(Item::Flush(done)).is_ok() {
            // In time or not: the process ends.
            let _ = written.recv_timeout(FLUSH_WITHIN);
        }
    }

    fn put(&self, line: &[u8]) {
        let before = self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let room = before + line.len() <= LOG_OCTETS;
        if !room || matches!(self.items.try_send(Item::Line(line.to_vec())), Err(TrySendError::Full(_))) {
            self.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Takes lines, and writes them in pieces.
fn write(items: &Receiver<Item>, waiting: &AtomicUsize, mut output: impl Write) {
    let mut piece = Vec::with_capacity(PIECE_OCTETS);
    let mut told = dropped();
    let mut flushes: Vec<SyncSender<()>> = Vec::new();
    while let Ok(first) = items.recv() {
        let mut item = Some(first);
        if matches!(item, Some(Item::Line(_))) {
            pause();
        }
        while let Some(taken) = item {
            match taken {
                Item::Line(line) => {
                    waiting.fetch_sub(line.len(), Ordering::Relaxed);
                    piece.extend_from_slice(&line);
                }
                Item::Flush(done) => flushes.push(done),
            }
            item = if piece.len() < PIECE_OCTETS && flushes.is_empty() { items.try_recv().ok() } else { None };
        }
        // Nobody is left to be told that the log cannot be written.
        let _ = output.write_all(&piece);
        let _ = output.flush();
        piece.clear();
        for done in flushes.drain(..) {
            let _ = done.try_send(());
        }
        let now = dropped();
        if now > told {
            tracing::warn!(lines = now - told, "the log was not read: lines are missing here");
            told = now;
        }
    }
}

fn pause() {
    #[expect(clippy::disallowed_methods, reason = "a thread of its own, which has nothing else to do")]
    std::thread::sleep(GATHER);
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line(self)
    }
}

/// Takes one event's text, which comes in one piece.
#[derive(Debug)]
pub struct Line<'a>(&'a Lines);

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order_and_all_of_them_before_the_end() {
        let written = Written::default();
        let lines = Lines::start(written.clone()).unwrap();
        let mut expected = Vec::new();
        for number in 0..1_000 {
            let line = format!("line {number}\n");
            lines.make_writer().write_all(line.as_bytes()).unwrap();
            expected.extend_from_slice(line.as_bytes());
        }
        lines.flush();
        assert_eq!(*written.0.lock().unwrap(), expected);
    }

    #[test]
    fn a_reader_that_does_not_read_keeps_nobody_waiting() {
        // The writer waits for ever at its first piece, as at a pipe that nobody empties.
        struct Stuck(Receiver<()>);
        impl Write for Stuck {
            fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
                let _ = self.0.recv();
                Ok(octets.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (release, held) = sync_channel::<()>(0);
        let lines = Lines::start(Stuck(held)).unwrap();
        let before = dropped();
        let line = vec![b'x'; 100];
        for _ in 0..10 * LOG_LINES {
            lines.make_writer().write_all(&line).unwrap();
        }
        assert!(dropped() - before >= 8 * LOG_LINES as u64);
        assert!(lines.waiting.load(Ordering::Relaxed) <= LOG_OCTETS);
        drop(release);
    }
}
