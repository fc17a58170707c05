//! Searches of records on a connection and a thread of their own, so that no commit waits for one: in WAL mode who reads sees the
//! last commit and hinders nobody.

use super::{fault, records};
use crate::backend::{BackendError, Records};
use crate::limits::{BUSY_TIMEOUT, SEARCHES, STATEMENTS};
use crate::record::RecordQuery;
use rusqlite::{Connection, OpenFlags};
use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::{Builder, JoinHandle};

/// A thread that searches. Dropping it waits for the page in hand, which is bounded.
#[derive(Debug)]
pub(super) struct Reader {
    wanted: Option<SyncSender<RecordQuery>>,
    found: Option<Receiver<Records>>,
    /// The searches that it has, in the order in which it answers them.
    tickets: VecDeque<u64>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    /// Begins; `wake` is called whenever a page is there.
    pub(super) fn start(path: &Path, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (wanted, asked) = sync_channel::<RecordQuery>(SEARCHES);
        let (told, found) = sync_channel(SEARCHES);
        let path = path.to_owned();
        let search = move || {
            let mut connection = None;
            while let Ok(query) = asked.recv() {
                let page = search(&path, &mut connection, &query);
                if told.send(page).is_err() {
                    return;
                }
                wake();
            }
        };
        let thread = Builder::new().name("store-reader".to_owned()).spawn(search)?;
        Ok(Self { wanted: Some(wanted), found: Some(found), tickets: VecDeque::new(), thread: Some(thread) })
    }

    /// Takes a search. False: it has as many as it may, or has met a fault of its own.
    pub(super) fn search(&mut self, ticket: u64, query: &RecordQuery) -> bool {
        let taken = self.tickets.len() < SEARCHES
            && self.wanted.as_ref().is_some_and(|wanted| wanted.try_send(query.clone()).is_ok());
        if taken {
            self.tickets.push_back(ticket);
        }
        taken
    }

    /// A page that is there.
    pub(super) fn poll(&mut self) -> Option<(u64, Records)> {
        match self.found.as_ref()?.try_recv() {
            Ok(page) => Some((self.tickets.pop_front()?, page)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => {
                let ticket = self.tickets.pop_front()?;
                Some((ticket, Err(BackendError::Broken("its reader has met a fault".to_owned()))))
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Neither is there more to do, nor anybody to tell.
        (self.wanted, self.found) = (None, None);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection that is only read from.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Searches on the connection, which is opened with the first search and after a fault.
fn search(path: &Path, connection: &mut Option<Connection>, query: &RecordQuery) -> Records {
    let open = match connection.take() {
        Some(open) => open,
        None => connect(path).map_err(|error| fault(&error))?,
    };
    let page = records::list(&open, query).map_err(|error| fault(&error))?;
    *connection = Some(open);
    Ok(page)
}
