//! The shell: sockets, tasks, the loop that runs the core. One task runs the core, one a connection, one a listening
//! socket; a client costs no thread.

mod connection;
mod socket;

pub use socket::Listener;

use crate::limits::{FAREWELLS, INPUTS, INPUTS_PER_TURN, LINES_IN_FLIGHT};
use crate::service::{Control, Output};
use crate::session::{Access, SessionId};
use connection::Stream;
use router::time::Now;
use router::{Endpoint, Wake};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

/// What connections and listening sockets tell the loop.
enum Input {
    Open(Stream, Access),
    Line(SessionId, String),
    Overlong(SessionId),
    Written(SessionId),
    End(SessionId),
    Closed(SessionId),
}

/// Wakes the loop: give a clone to [`router::Router::register`], and the other to [`serve`].
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Waits until it was woken, or was since the last wait. For modules that run as a task of their own.
    pub async fn wait(&self) {
        self.0.notified().await;
    }
}

impl Wake for Waker {
    fn wake(&self) {
        self.0.notify_one();
    }
}

/// A connection as the loop holds it.
struct Client {
    lines: mpsc::Sender<String>,
    task: JoinHandle<()>,
}

/// Runs the control module on its sockets until `until` completes. `clock` reads both clocks.
pub async fn serve(
    mut control: Control,
    endpoint: Endpoint,
    waker: Waker,
    clock: impl Fn() -> Now,
    listeners: Vec<Listener>,
    until: impl Future<Output = ()>,
) {
    let (sender, mut inputs) = mpsc::channel(INPUTS);
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(listener.accept(sender.clone()));
    }
    let mut clients =
        Clients { sender, clients: BTreeMap::new(), next: 1, farewells: Arc::new(Semaphore::new(FAREWELLS)) };
    let mut until = std::pin::pin!(until);
    let mut known = None;
    loop {
        let now = clock();
        // Looked at in every turn, of which there is one a second at least while clients are connected.
        let version = endpoint.router().version();
        if known.replace(version) != Some(version) {
            control.handle_modules(now, endpoint.router().lives());
        }
        let mut taken = 0;
        while taken < INPUTS_PER_TURN {
            let Ok(input) = inputs.try_recv() else { break };
            clients.handle(&mut control, now, input);
            taken += 1;
        }
        let more = router::service::turn(&mut control, &endpoint, now);
        clients.deliver(&mut control);
        if more || taken == INPUTS_PER_TURN {
            tokio::task::yield_now().await;
            continue;
        }
        if !endpoint.may_sleep() {
            continue;
        }
        let due = router::service::next_turn(&mut control).map(|at| at.since(clock().instant));
        let timeout = async {
            match due {
                Some(after) => tokio::time::sleep(after).await,
                None => std::future::pending().await,
            }
        };
        let input = tokio::select! {
            input = inputs.recv() => input,
            () = waker.wait() => None,
            () = timeout => None,
            () = &mut until => break,
        };
        endpoint.awake();
        if let Some(input) = input {
            clients.handle(&mut control, clock(), input);
        }
    }
    // Dropped here: the listening sockets' tasks end with their set, the connections' with their lines.
}

/// The connections, by session.
struct Clients {
    sender: mpsc::Sender<Input>,
    clients: BTreeMap<SessionId, Client>,
    next: u64,
    /// How many more may be told why they are turned away.
    farewells: Arc<Semaphore>,
}

impl Clients {
    fn handle(&mut self, control: &mut Control, now: Now, input: Input) {
        match input {
            Input::Open(stream, access) => self.open(control, now, stream, access),
            Input::Line(id, line) => control.handle_line(now, id, &line),
            Input::Overlong(id) => control.handle_overlong(now, id),
            Input::Written(id) => control.handle_written(now, id),
            Input::End(id) => control.handle_end(now, id),
            Input::Closed(id) => {
                self.clients.remove(&id);
                control.handle_close(now, id);
            }
        }
    }

    fn open(&mut self, control: &mut Control, now: Now, stream: Stream, access: Access) {
        let id = SessionId(self.next);
        self.next += 1;
        if let Err(farewell) = control.handle_open(now, id, access) {
            if let Some(clients) = farewell.log {
                tracing::warn!(clients, "clients of the control socket were turned away: too many are connected");
            }
            if let Ok(permit) = Arc::clone(&self.farewells).try_acquire_owned() {
                tokio::spawn(async move {
                    connection::turn_away(stream, farewell.line).await;
                    drop(permit);
                });
            }
            return;
        }
        let (lines, output) = mpsc::channel(LINES_IN_FLIGHT);
        let task = tokio::spawn(connection::run(stream, id, self.sender.clone(), output));
        self.clients.insert(id, Client { lines, task });
    }

    fn deliver(&mut self, control: &mut Control) {
        while let Some(output) = control.poll_output() {
            match output {
                // The core writes no more lines ahead than the channel holds.
                Output::Write(id, line) => {
                    if let Some(client) = self.clients.get(&id) {
                        let _ = client.lines.try_send(line);
                    }
                }
                Output::Close(id) => {
                    // The writer ends its side when its channel does, and reads on for a moment so that the peer gets
                    // the last line.
                    self.clients.remove(&id);
                }
            }
        }
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        for client in std::mem::take(&mut self.clients).into_values() {
            client.task.abort();
        }
    }
}
