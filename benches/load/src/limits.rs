//! Every bound of the generator, with where it comes from.

use std::time::Duration;

/// RFC 3261 §17.1.1.1: the estimate of the round trip that all of SIP's timers derive from.
pub const T1: Duration = Duration::from_millis(500);

/// RFC 3261 §17.1.2.2: the longest interval between retransmissions of a request that is not an INVITE, and of a 2xx.
pub const T2: Duration = Duration::from_secs(4);

/// RFC 3261 §17: timers B, F, H and J, and the patience for an ACK: 64 × T1.
pub const TRANSACTION_LIFE: Duration = Duration::from_secs(32);

/// How long a call may ring before the caller cancels it. A callee of this generator answers at once, so this is only reached where a
/// server keeps a call to itself; it is a little more than one transaction's life, so that a server's own time-out shows first.
pub const SETUP_LIMIT: Duration = Duration::from_secs(40);

/// How much longer than the hold time a caller waits for the far side's BYE before it hangs up itself.
pub const FAR_HANGUP_LIMIT: Duration = Duration::from_secs(10);

/// How long callee dialogs may outlive the last call of the caller before the run ends without their BYE.
pub const FAR_SIDE_LINGER: Duration = Duration::from_secs(4);

/// How long a run may last beyond ramp and hold: the longest set-up, wait for the far side and last transaction, with some room.
pub const HARD_STOP_GRACE: Duration = Duration::from_secs(100);

/// The longest run that can be asked for (ramp and hold together): one week.
pub const RUN_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// The most calls of one run.
pub const CALLS_MAX: u64 = 100_000_000;

/// The most accounts of one run; each is held in memory (about 200 bytes).
pub const ACCOUNTS_MAX: u64 = 1_000_000;

/// The most calls, or registrations, a second. One thread cannot place more.
pub const RATE_MAX: f64 = 20_000.0;

/// Duration of audio in one packet.
pub const PACKET_TIME: Duration = Duration::from_millis(20);

/// Samples, and with G.711 bytes, of one packet: 20 ms at 8 kHz.
pub const PAYLOAD_BYTES: usize = 160;

/// The fixed RTP header, RFC 3550 §5.1.
pub const RTP_HEADER_BYTES: usize = 12;

/// A packet as it is sent.
pub const PACKET_BYTES: usize = RTP_HEADER_BYTES + PAYLOAD_BYTES;

/// Length of a pacing slot. Streams are spread evenly over the slots of a packet time, so no tick sends them all.
pub const TICK: Duration = Duration::from_millis(1);

/// Slots in a packet time.
pub const SLOTS: usize = (PACKET_TIME.as_millis() / TICK.as_millis()) as usize;

/// Packets sent before the sockets are read again: what waits meanwhile is measured as delay, and 16 sends take some 60 µs.
pub const SENDS_PER_POLL: usize = 16;

/// Datagrams taken from one signalling socket before the others have their turn.
pub const DATAGRAMS_PER_TURN: usize = 64;

/// Events taken from the kernel at once.
pub const EVENTS: usize = 1024;

/// The largest UDP datagram.
pub const DATAGRAM_BYTES: usize = 65_535;

/// Header lines that are read of one message; a message with more is malformed to us.
pub const HEADERS_MAX: usize = 128;

/// Routes that are kept of one dialog.
pub const ROUTES_MAX: usize = 16;

/// Receive buffer of a signalling socket: at 2,000 calls/s some 20,000 datagrams of 1 KiB arrive a second at the two of them, and the
/// kernel accounts about 2 KiB for each; 8 MiB hold a fifth of a second.
pub const SIGNALLING_BUFFER_BYTES: usize = 8 << 20;

/// Receive buffer of an RTP socket: 100 packets (2 s), which the kernel accounts at about 1 KiB each.
pub const MEDIA_BUFFER_BYTES: usize = 128 << 10;

/// Descriptors besides the media sockets: standard streams, epoll, timer, signalling, files of /proc.
pub const SPARE_DESCRIPTORS: u64 = 64;

/// How long a media port rests between two calls, so that no packet of the one is taken for the other's.
pub const PORT_REST: Duration = Duration::from_secs(2);

/// A histogram's largest value, in nanoseconds; what is longer is counted there. Longer than any transaction.
pub const HISTOGRAM_MAX_NS: u64 = 120_000_000_000;

/// Tick lateness above which, at the 99th percentile, the generator says that it was the limit: a quarter of a packet time.
pub const LATENESS_P99_MAX: Duration = Duration::from_millis(5);

/// Tick lateness above which, at the 99.9th percentile, the generator says so too: two packet times.
pub const LATENESS_P999_MAX: Duration = Duration::from_millis(40);

/// Share of its core from which a second counts as saturated.
pub const CPU_SHARE_MAX: f64 = 0.95;

/// Share of the run's seconds that may be saturated, and the number that always may (start-up).
pub const SATURATED_SHARE_MAX: f64 = 0.1;

/// Saturated seconds that are passed over.
pub const SATURATED_SECONDS_FREE: u64 = 1;

/// The most processes of a server's tree that are read.
pub const PROCESSES_MAX: usize = 1024;

const _: () = assert!(PACKET_TIME.as_millis().is_multiple_of(TICK.as_millis()));
const _: () = assert!(
    SETUP_LIMIT.as_secs() + FAR_HANGUP_LIMIT.as_secs() + TRANSACTION_LIFE.as_secs() + FAR_SIDE_LINGER.as_secs()
        < HARD_STOP_GRACE.as_secs()
);

/// How long a number of calls is held before the server's memory is read: its allocator and its timers come to rest.
pub const MEMORY_SETTLE: Duration = Duration::from_secs(3);

/// How long before the first hang-up the CPU measurement ends, so that no tear-down falls into it.
pub const WINDOW_MARGIN: Duration = Duration::from_millis(300);

/// The shortest CPU measurement that is reported.
pub const WINDOW_MIN: Duration = Duration::from_secs(1);

/// The longest life of a relay floor: it ends by itself where whoever started it has died.
pub const FLOOR_LIFE_MAX: Duration = Duration::from_secs(3600);
