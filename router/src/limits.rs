//! Every bound of the router, and where it comes from.

/// Requests and notices that wait in an inbox. At 1,000 call set-ups a second a module sees some 10,000 packets a second; a
/// pause of half a second (a page-in, a noisy neighbour) must not refuse anything.
pub const INBOX_REQUESTS: usize = 8_192;

/// Requests that one module may have sent and not yet seen finally answered. A call in set-up holds two (caller's and
/// callee's leg); 15,000 calls may ring at once. Each reserves one slot for its last answer in the sender's inbox.
pub const PENDING: usize = 32_768;

/// Slots of an inbox: answers have theirs even where all sources used up their grants at once.
pub const INBOX_SLOTS: usize = INBOX_REQUESTS + SOURCE_COUNTERS * GRANT + PENDING;

/// New requests are refused when only this much of the room for requests is left: it stays for those that give back.
pub const INBOX_RELEASE_RESERVE: usize = INBOX_REQUESTS / 8;

/// Requests that one source may have waiting in an inbox: seven sources that flood it leave room for an eighth.
pub const QUOTA_PER_SOURCE: u32 = (INBOX_REQUESTS / 8) as u32;

/// Counters of sources in an inbox: modules of a platform are few; more than these share a counter, and a quota.
pub const SOURCE_COUNTERS: usize = 64;

/// Requests that a source may send to an inbox before it looks again how full that is: looking costs as much as sending, some
/// looks in a hundred requests are not felt. Fewer as the inbox fills.
pub const GRANT: usize = 32;

/// Packets that a module takes per turn before it looks at its sockets and timers again.
pub const BATCH: usize = 64;

/// Modules of one kind on a platform.
pub const MODULES_PER_KIND: usize = 64;

/// SIP shards of a platform: one thread each. A machine of 64 cores that gives half of them to signalling has as many.
pub const SHARDS: u8 = 32;

/// Names under which shards count together: the platform's calls, and each trunk's.
pub const TALLIES: usize = 1_024;

/// Who may follow one topic of a module at once.
pub const SUBSCRIBERS: usize = 1_024;

/// Longest frame between platforms: a page of call records or traces with room to spare; more is `PeerMisbehaved`.
pub const FRAME_BYTES: usize = 1 << 20;

/// Parameters of a packet: a page of a listing.
pub const PARAMETERS: usize = 1_024;

/// How often a refused release is repeated, milliseconds.
pub const RELEASE_RETRY_MS: u64 = 50;

const _: () = assert!(SHARDS as usize <= MODULES_PER_KIND);
const _: () = assert!(INBOX_RELEASE_RESERVE < INBOX_REQUESTS);
const _: () = assert!(QUOTA_PER_SOURCE as usize * 7 <= INBOX_REQUESTS - INBOX_RELEASE_RESERVE);

/// Places that one refusal names to look for its user instead: as many as a search of the switch could try in turn, and a
/// directory's answer seldom has more than a handful.
pub const REDIRECTIONS: usize = 8;
