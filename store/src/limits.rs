//! Every bound of the store, and where it comes from.

use router::time::Duration;

/// How long the first write of a batch waits for others. A record is promised within 100 ms; what is left is the
/// fsync's.
pub const COMMIT_DELAY: Duration = Duration::from_millis(80);

/// Writes that make a batch be committed at once: two and a half delays' worth at 1,000 calls a second, some 200 KB of
/// memory.
pub const BATCH_WRITES: usize = 512;

/// Items of one page of a listing, at most: with the closing `Selection` well below `router::limits::PARAMETERS`.
pub const PAGE_ITEMS: usize = 500;

/// Items of a page where the request does not say.
pub const PAGE_ITEMS_DEFAULT: usize = 100;

/// Encoded size of a page, after which it ends: half of the longest frame between platforms, so that the last item may
/// be as large as [`ENTRY_BYTES`].
pub const PAGE_BYTES: usize = router::limits::FRAME_BYTES / 2;

/// Records that a page of a search looks at, matching or not: some 30 ms of a thread. A page may so be short, or empty, and still
/// have a cursor.
pub const PAGE_SCAN: usize = 16_384;

/// Searches that wait for a page or for its being fetched: a few operators and an export, each of which asks for one page at a time.
/// The next one is refused as busy.
pub const SEARCHES: usize = 64;

/// Encoded size of a record or a contact. Both are some hundred bytes; their texts come from peers, whose messages are
/// bounded at 64 KiB.
pub const ENTRY_BYTES: usize = 128 * 1024;

/// An account's name, in bytes: twice the longest user part that phones let their users enter.
pub const NAME_BYTES: usize = 128;

/// A password, in bytes.
pub const PASSWORD_BYTES: usize = 256;

/// A name to show, in bytes.
pub const DISPLAY_NAME_BYTES: usize = 256;

/// Rows that one purge deletes: a few milliseconds.
pub const PURGE_ROWS: usize = 500;

/// How often the store notes that it lives: so much later than this may a call have ended that was open when the platform died.
pub const ALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Time between purges when nothing is left to be purged: expired bindings and old records may stay so much longer.
pub const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Time between purges while rows are left: the store serves meanwhile.
pub const PURGE_PAUSE: Duration = Duration::from_millis(200);

/// After a notification: when the store looks whether it was lost, and tells its subscriber so.
pub const MISSED_DELAY: Duration = Duration::from_millis(50);

/// The longest time between two attempts to tell a subscriber that it missed something: it may be gone for good.
pub const MISSED_DELAY_MAX: Duration = Duration::from_secs(10);

/// What a requester is told to wait when there is no room: an operator has to act.
pub const RETRY_AFTER_S: u32 = 10;

/// How long SQLite waits for another process that locks the database (an operator's `sqlite3`, a backup).
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements kept prepared: all that the store has.
pub const STATEMENTS: usize = 32;

/// A database up to this size is looked through at each start, beside its work (a second at most); a larger one only after the last
/// process did not close it.
pub const CHECKED_BYTES: u64 = 256 * 1024 * 1024;

/// Messages that are kept for one account: what a person reads after a holiday.
pub const MESSAGES_PER_ACCOUNT: usize = 100;

/// Messages that are kept in all: some hundred MiB at their longest, as a rule a tenth.
pub const MESSAGES: usize = 100_000;

const _: () = assert!(PAGE_ITEMS < router::limits::PARAMETERS);
const _: () = assert!(PAGE_BYTES + 2 * ENTRY_BYTES < router::limits::FRAME_BYTES);
