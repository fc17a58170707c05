//! Looking for damage. A start does not wait for it: what `kill -9` or a power cut leaves is mended by the write-ahead log, and what
//! a disk has spoilt is found here meanwhile, or by whoever comes across it.

use super::open::{OpenError, explain};
use super::reader::connect;
use rusqlite::{Connection, InterruptHandle};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// How long to wait until a check that is under way is told once more to end: it may not have begun when it was told.
const PERSIST: Duration = Duration::from_millis(2);

/// Reads a whole database, also while a server has it open: `Err` says what is damaged.
pub fn check(path: &Path) -> Result<(), OpenError> {
    // A file that is not there is not made.
    let connection = connect(path).map_err(|error| explain(path, &error))?;
    examine(&connection, path, "integrity_check")
}

/// `quick_check` reads every page, `integrity_check` compares indexes with their tables besides.
fn examine(connection: &Connection, path: &Path, pragma: &str) -> Result<(), OpenError> {
    let explain = |error: rusqlite::Error| explain(path, &error);
    let found: String = connection.query_row(&format!("PRAGMA {pragma}(1)"), [], |row| row.get(0)).map_err(explain)?;
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(OpenError::Damaged { path: path.to_owned(), error: found }),
    }
}

/// A check on a thread of its own. Dropping it ends it.
pub(super) struct Checking {
    damage: Arc<OnceLock<String>>,
    ends: Arc<AtomicBool>,
    interrupt: InterruptHandle,
    over: std::sync::mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Checking {
    /// Begins.
    pub(super) fn start(path: &Path) -> io::Result<Self> {
        let connection = connect(path).map_err(io::Error::other)?;
        let interrupt = connection.get_interrupt_handle();
        let (damage, ends) = (Arc::new(OnceLock::new()), Arc::new(AtomicBool::new(false)));
        let (tell, over) = sync_channel(1);
        let (found, cut, path) = (Arc::clone(&damage), Arc::clone(&ends), path.to_owned());
        let look = move || {
            let result = examine(&connection, &path, "quick_check");
            if let Err(error) = result.as_ref()
                && !cut.load(Ordering::Acquire)
            {
                tracing::error!(%error, "the store was looked through: calls go on as far as it can be read and written");
                let _ = found.set(error.to_string());
            }
            let _ = tell.send(());
        };
        let thread = Builder::new().name("store-check".to_owned()).spawn(look)?;
        Ok(Self { damage, ends, interrupt, over, thread: Some(thread) })
    }

    /// What it has found.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.get().map(String::as_str)
    }
}

impl std::fmt::Debug for Checking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checking").field("damage", &self.damage).finish_non_exhaustive()
    }
}

impl Drop for Checking {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Release);
        loop {
            self.interrupt.interrupt();
            if self.over.recv_timeout(PERSIST) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
