//! Every bound of the control socket, and where it comes from.

use router::time::Duration;

/// Clients connected at once: a call centre's adapters and an operator's shells; each costs a task and two buffers.
pub const SESSIONS: usize = 256;

/// Clients that have not logged in yet: what a stranger who reaches the TCP port can hold.
pub const STRANGERS: usize = 32;

/// Longest line from a client. The longest request that the protocol knows is below 2 KiB.
pub const LINE_BYTES: usize = 64 * 1024;

/// Requests of one session that are not finally answered. A client that pipelines more is told `busy`.
pub const REQUESTS_PER_SESSION: usize = 64;

/// Events that wait for one slow reader: half a minute of a platform that sets up ten calls a second.
pub const EVENTS_QUEUED: usize = 1_024;

/// Lines handed to a connection and not yet written: enough that the socket never waits for the core.
pub const LINES_IN_FLIGHT: usize = 32;

/// What may wait for one session, bytes: a handful of the longest pages. A session beyond it is closed.
pub const OUTPUT_BYTES: usize = 32 << 20;

/// Longest request identifier, bytes: a UUID with room for a prefix.
pub const REQUEST_ID_BYTES: usize = 128;

/// Longest text parameter of a request (a number, a name, an identifier), bytes.
pub const TEXT_BYTES: usize = 256;

/// Longest sentence of an error, bytes; beyond, its first quarter as characters. The longest of ours has some 300.
pub const PROBLEM_BYTES: usize = 1_024;

/// Longest account name, as the user part of an address of record.
pub const ACCOUNT_NAME_BYTES: usize = 64;

/// Shortest password that an account may have, characters. Shorter ones fall to guessing over SIP.
pub const PASSWORD_CHARACTERS_MIN: usize = 8;

/// Items of a page when the request does not say.
pub const PAGE: u32 = 100;

/// Items of a page at most: it is one line, and one packet of the module asked.
pub const PAGE_MAX: u32 = 500;

/// Messages of a trace at most: as many as the signaling module tells at once.
pub const TRACE_MAX: u32 = 200;

/// Clients that are told why they are turned away, at once; beyond it a client just finds its connection closed.
pub const FAREWELLS: usize = 32;

/// How long the log says nothing more of clients that are turned away.
pub const FAREWELL_QUIET: Duration = Duration::from_secs(10);

/// Calls whose phase is kept so that events can be named; beyond it a change is named by the phase alone.
pub const CALLS_FOLLOWED: usize = 65_536;

/// How long a stranger may take to log in.
pub const LOGIN_WITHIN: Duration = Duration::from_secs(10);

/// After how long a session that asks nothing and follows nothing is closed.
pub const IDLE: Duration = Duration::from_secs(600);

/// How long a reader may take none of what waits for it.
pub const STALL: Duration = Duration::from_secs(30);

/// How often sessions are looked after.
pub const SWEEP: Duration = Duration::from_secs(1);

/// How soon a subscription that a module refused is tried again.
pub const RESUBSCRIBE: Duration = Duration::from_secs(5);

/// How long a module may take to tell what it knows.
pub const QUERY_WITHIN: Duration = Duration::from_secs(5);

/// How long a change of what is stored, or a hang-up, may take.
pub const CHANGE_WITHIN: Duration = Duration::from_secs(10);

/// How long a call that a client makes may take until both ends talk: both ring as long as the plan lets them.
pub const MAKE_WITHIN: Duration = Duration::from_secs(600);

/// How long a reload may take: trunk names may be resolved anew.
pub const RELOAD_WITHIN: Duration = Duration::from_secs(30);

/// A text message, bytes: what the default of `messages.octets_max` lets phones send, too.
pub const MESSAGE_BYTES: usize = 4_096;

/// Client inputs that wait for the core: a full queue stops the connections' readers, and through TCP the clients.
pub const INPUTS: usize = 256;

/// Client inputs that the core takes before it looks at its inbox again.
pub const INPUTS_PER_TURN: usize = 64;

const _: () = assert!(PAGE <= PAGE_MAX);
const _: () = assert!((PAGE_MAX as usize) < router::limits::PARAMETERS);
const _: () = assert!(STRANGERS < SESSIONS);
const _: () = assert!(SESSIONS * REQUESTS_PER_SESSION <= router::limits::PENDING);
