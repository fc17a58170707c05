//! What every module tells of itself: `Query × Status` is answered from the first commit on.

use crate::time::WallTime;
use minicbor::{Decode, Encode};

/// What a resource is (A6: hardware devices and software objects behind the same face).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum ResourceKind {
    /// A listening socket.
    #[n(1)]
    Listener,
    /// UDP port pairs for media.
    #[n(2)]
    MediaPorts,
    /// Media sessions.
    #[n(3)]
    Sessions,
    /// Calls.
    #[n(4)]
    Calls,
    /// Legs and other dialogs.
    #[n(5)]
    Dialogs,
    /// Transactions.
    #[n(6)]
    Transactions,
    /// Bindings.
    #[n(7)]
    Bindings,
    /// A database file.
    #[n(8)]
    Database,
    /// Clients' connections.
    #[n(9)]
    Connections,
    /// A processor core.
    #[n(10)]
    Core,
    /// Slots of an inbox.
    #[n(11)]
    Inbox,
    /// A trunk.
    #[n(12)]
    Trunk,
    /// Bytes of memory.
    #[n(13)]
    Memory,
    /// Entries of a table that is kept in memory.
    #[n(14)]
    Table,
    /// A certificate: in use are the days that it stays in force.
    #[n(15)]
    Certificate,
    /// Open files of the process: sockets, connections, the database.
    #[n(16)]
    Files,
    /// Tasks of a runtime.
    #[n(17)]
    Tasks,
}

impl ResourceKind {
    /// Its name, as clients and people read it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::MediaPorts => "media-ports",
            Self::Sessions => "sessions",
            Self::Calls => "calls",
            Self::Dialogs => "dialogs",
            Self::Transactions => "transactions",
            Self::Bindings => "bindings",
            Self::Database => "database",
            Self::Connections => "connections",
            Self::Core => "core",
            Self::Inbox => "inbox",
            Self::Trunk => "trunk",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::Certificate => "certificate",
            Self::Files => "files",
            Self::Tasks => "tasks",
        }
    }
}

/// How a resource is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(index_only)]
pub enum ResourceState {
    /// It serves.
    #[n(1)]
    Ready,
    /// It serves, with something missing.
    #[n(2)]
    Degraded,
    /// It does not serve.
    #[n(3)]
    Failed,
}

/// One resource of a module.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Resource {
    /// What it is.
    #[n(0)]
    pub kind: ResourceKind,
    /// Its name among its kind: `udp 127.0.0.1:5060`.
    #[n(1)]
    pub name: String,
    /// How it is.
    #[n(2)]
    pub state: ResourceState,
    /// How much of it is in use.
    #[n(3)]
    pub used: u64,
    /// How much there is; `None` where nothing bounds it but another resource.
    #[n(4)]
    pub total: Option<u64>,
    /// A sentence for the operator where the state is not `Ready`.
    #[n(5)]
    pub detail: Option<String>,
}

/// A count since the start: named as the metric is, with labels.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Counter {
    /// `sip_requests_received`, without prefix and `_total`.
    #[n(0)]
    pub name: String,
    /// Label and value, in a fixed order.
    #[n(1)]
    pub labels: Vec<(String, String)>,
    /// The count.
    #[n(2)]
    pub value: u64,
}

impl Counter {
    /// A count without labels.
    pub fn new(name: &str, value: u64) -> Self {
        Self { name: name.to_owned(), labels: Vec::new(), value }
    }

    /// A count with one label.
    pub fn labelled(name: &str, label: &str, of: &str, value: u64) -> Self {
        Self { name: name.to_owned(), labels: vec![(label.to_owned(), of.to_owned())], value }
    }
}

/// How often values fell at or below bounds since the start: a histogram in the sense of Prometheus.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
#[cbor(map)]
pub struct Distribution {
    /// `worker_tick_lateness_us`: the unit comes last.
    #[n(0)]
    pub name: String,
    /// Upper bound (in the name's unit) and how many values were at or below it, cumulative.
    #[n(1)]
    pub buckets: Vec<(u64, u64)>,
    /// How many values.
    #[n(2)]
    pub count: u64,
    /// Their sum.
    #[n(3)]
    pub sum: u64,
}

/// What a module tells of itself. In a request, an empty one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Status {
    /// The module: `voice/0`.
    #[n(0)]
    pub module: String,
    /// Since when it runs.
    #[n(1)]
    pub since: WallTime,
    /// Its resources.
    #[n(2)]
    pub resources: Vec<Resource>,
    /// Its counters.
    #[n(3)]
    pub counters: Vec<Counter>,
    /// Its distributions.
    #[n(4)]
    pub distributions: Vec<Distribution>,
}

/// Which of many are asked for: beside the noun of a `Query`. The answer repeats it with `cursor` set where more follow.
#[derive(Clone, PartialEq, Eq, Debug, Default, Encode, Decode)]
#[cbor(map)]
pub struct Selection {
    /// Go on behind this point of the former answer.
    #[n(0)]
    pub cursor: Option<String>,
    /// At most so many; the module bounds it.
    #[n(1)]
    pub limit: Option<u32>,
    /// Only those whose id or name this is.
    #[n(2)]
    pub name: Option<String>,
    /// Only those with this number or account among their parties.
    #[n(3)]
    pub party: Option<String>,
    /// Only those that began at or after this.
    #[n(4)]
    pub since: Option<WallTime>,
    /// Only those that began before this.
    #[n(5)]
    pub until: Option<WallTime>,
    /// Only those of this outcome or state, by its name.
    #[n(6)]
    pub state: Option<String>,
}
