//! Bounds of the server, and those that the system sets for it.

use router::time::Duration;

/// How long a module may take to answer a scrape; what did not answer by then is reported as silent.
pub const SCRAPE_WITHIN: Duration = Duration::from_secs(2);

/// Scrapes under way: a scraper, a second one, a health check and a person.
pub const SCRAPES: usize = 8;

/// Connections to the metrics at once: as many as may ask, and twice as many that rest between two questions. A further one takes the place of the
/// oldest, so that nobody who asks waits for somebody who does not.
pub const VISITORS: usize = 3 * SCRAPES;

/// How long such a connection lasts: longer than any answer takes ([`SCRAPE_WITHIN`]) and is fetched; who asks every quarter of a minute opens another
/// one each time.
pub const VISIT: Duration = Duration::from_secs(10);

/// Rounds in which signaling and switch drain each other's inbox before the shard looks at its sockets again: a call set-up takes
/// six hops between them.
pub const SHARD_ROUNDS: usize = 8;

/// How often the names of TURN servers are looked up. What the name service said is remembered for as long as that is good for: most looks ask nobody.
pub const RELAY_NAMES_EVERY: Duration = Duration::from_secs(15);

/// SIP messages a second from which on a shard takes them in batches: below, at 150 calls a second say (seven messages each come), each is answered at
/// once. 1,000 registrations a second, two messages each, are well above.
pub const BUSY_MESSAGES_PER_SECOND: u64 = 1_200;

/// How long after the begin of a turn the next one begins while it is so busy. A call set-up takes four such turns, so it
/// stays within the few milliseconds that a caller's network takes too.
pub const BUSY_PERIOD: Duration = Duration::from_micros(1_000);

/// SIP messages a second from which on batches are twice as long: some 570 calls a second, or 2,000 registrations.
pub const RUSH_MESSAGES_PER_SECOND: u64 = 4_000;

/// How long after the begin of a turn the next one begins then. At that rate each wake-up that is spared is worth more than the millisecond: of a call's CPU
/// they are a tenth.
pub const RUSH_PERIOD: Duration = Duration::from_micros(2_000);

/// Batches of datagrams that a shard takes in a turn while it does not catch up, before what is new has its share of it: as many as come within the
/// milliseconds that such a turn takes at 20,000 a second.
pub const CATCH_UP_BATCHES: usize = 4;

/// Things that a shard takes of what others handed it before its timers and packets have their turn: as many as of datagrams.
pub const HANDED_PER_TURN: usize = 64;

/// Lines of the log that wait to be written: two seconds of 1,000 calls a second at `info`. Beyond, lines are dropped and counted.
pub const LOG_LINES: usize = 8_192;

/// Octets of these lines: at `trace` a line may hold a whole message.
pub const LOG_OCTETS: usize = 8 << 20;

/// How often calls are counted while draining.
pub const DRAIN_POLL: Duration = Duration::from_millis(250);

/// How long the store may take for the first accounts.
pub const ACCOUNTS_WITHIN: Duration = Duration::from_secs(10);

/// How long the last records may take to reach the disk when the server ends.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How long a task that ended in a panic rests before it is started anew: answers to what it asked before have come by then, and
/// a fault that comes back at once fills no log.
pub const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// How long the command line waits for a first answer: the longest that the server itself waits for a module, and then some.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(45);

/// How long it waits for each further sign of what is in progress: a call that is made may take ten minutes.
pub const COMPLETION_WITHIN: Duration = Duration::from_secs(660);

/// Longest line that the command line takes from the server: a page of traces with room to spare.
pub const REPLY_BYTES: u64 = 64 << 20;

/// Threads whose allocations are counted apart: workers on as many cores as machines have, and a few more. Later ones, such as
/// those that resolve names and come and go, share one count.
pub const COUNTED_THREADS: usize = 255;

/// Longest configuration: a plan of ten thousand routes has about a MiB. What is longer is no configuration.
pub const CONFIGURATION_BYTES: u64 = 4 << 20;

/// Longest file of a password.
pub const PASSWORD_FILE_BYTES: u64 = 4 << 10;

/// Shortest token of the control socket: strangers may try some hundreds of them a second, for years.
pub const TOKEN_CHARACTERS_MIN: usize = 16;

/// Mistakes of a configuration that are told at once: more than anybody mends before looking again.
pub const COMPLAINTS: usize = 100;

/// Longest path of a Unix socket: `sun_path` of Linux has 108 octets with the zero at its end, and the socket is made with `.new`
/// behind its name first.
pub const SOCKET_PATH_BYTES: usize = 107 - ".new".len();

/// Peers that the configuration names: more than a few are known from these.
pub const PEERS: usize = 64;

/// Shortest and longest time for which a call outlives the way to the platform of one of its legs, seconds: shorter than a link
/// takes to be found dead and made anew ends calls for nothing, nobody holds a dead one for an hour.
pub const CALL_GRACE_S: std::ops::RangeInclusive<u32> = 5..=3_600;

/// How long a cluster's authority is in force, days: ten years. Its end takes a new cluster, so it outlives its machines.
pub const AUTHORITY_DAYS: u32 = 3_653;

/// How long a platform's certificate is in force where nobody says otherwise, days: two years, and renewal is one command.
pub const PLATFORM_DAYS: u32 = 731;

/// Longest file of rates: as many rows as a table has, of 64 octets each with names of destinations.
pub const RATES_FILE_BYTES: u64 = 64 * switch::limits::RATE_ROWS as u64;

/// Reloads that are asked for while another one reads its files: each reads all there is, so the last one alone matters.
pub const RELOADS_WAITING: usize = 16;

/// From how many days before its end on a certificate is a fault to be looked after: a month with its holidays.
pub const RENEW_DAYS: u64 = 30;

/// How long before it is made a certificate begins, days: no peer's clock is wrong by that much, whatever its zone was taken for.
pub const CLOCK_SKEW_DAYS: u32 = 1;

/// Longest name of a platform: that of a certificate's subject (RFC 5280, ub-common-name).
pub const PLATFORM_NAME_BYTES: usize = 64;

/// Longest file of certificates, keys or an invitation; one has about 2 KiB.
pub const CLUSTER_FILE_BYTES: u64 = 64 << 10;

/// Longest file of authorities' certificates: a system's bundle of some 150 has about 220 KiB.
pub const AUTHORITIES_FILE_BYTES: u64 = 2 << 20;

/// From how many days before its end on the operator is reminded of a certificate of SIP: those that are renewed by a program are
/// renewed a month before, so its failure shows, and two weeks suffice for a person.
pub const REMIND_DAYS: u64 = 14;

/// How often the operator is reminded.
pub const REMIND_INTERVAL: Duration = Duration::from_secs(86_400);

const _: () = assert!(ANSWER_WITHIN.as_secs() > control::limits::RELOAD_WITHIN.as_secs());
const _: () = assert!(COMPLETION_WITHIN.as_secs() > control::limits::MAKE_WITHIN.as_secs());
const _: () = assert!(PLATFORM_DAYS < AUTHORITY_DAYS);
const _: () = assert!((PLATFORM_DAYS as u64) > RENEW_DAYS);

/// A group that rings while two talk, and one before it that is being closed, have room in one media session.
const _: () = assert!(2 + switch::limits::FORK_LEGS <= media::limits::PORTS_PER_SESSION);

/// Certificates of callers that are fetched at once: each is a TLS handshake, a millisecond of a core, and most of its time is spent in waiting.
pub const FETCHES_AT_ONCE: usize = 64;

/// Of these, those for the calls of one trunk: so many trunks would have to bring nothing but certificates that do not come that all places are taken.
pub const FETCHES_PER_TRUNK: usize = FETCHES_AT_ONCE / 8;

/// Of these, those from one host: one that hangs leaves other signers of the same trunk the rest.
pub const FETCHES_PER_HOST: usize = FETCHES_PER_TRUNK / 2;

/// Certificates for the calls of one trunk that wait to be fetched: what [`FETCHES_PER_TRUNK`] places fetch within the time that calls wait, each in some tens of
/// milliseconds. For one more there is nothing.
pub const FETCHES_WAITING_PER_TRUNK: usize = 256;

/// How long one may take: its caller waits, and gets no answer before.
pub const FETCH_WITHIN: Duration = Duration::from_secs(2);

/// Addresses of a host that are tried: with one of either family at two sites, and as many again.
pub const ADDRESSES_TRIED: usize = 8;

/// After how long without a connection the next address is tried beside the one before (RFC 8305 §5: 250 ms): all have their turn within [`FETCH_WITHIN`].
pub const ATTEMPT_AFTER: Duration = Duration::from_millis(200);

const _: () = assert!(ATTEMPT_AFTER.as_millis() as usize * ADDRESSES_TRIED < FETCH_WITHIN.as_millis() as usize);

/// URLs that wait to be fetched, and answers that wait for a shard: as many as legs may wait for. For one more there is nothing.
pub const FETCHES_WAITING: usize = signaling::limits::SIGNERS_WAITING_MAX;

/// Octets of the head of an answer from the web: servers send one or two thousand.
pub const FETCH_HEAD_OCTETS: usize = 8_192;

const _: () = assert!(FETCH_WITHIN.as_secs() < signaling::limits::SIGNER_WITHIN.as_secs());

/// How often it is asked at the start whether accounts and registrations are loaded: a first phone waits no longer than that.
pub const READY_POLL: Duration = Duration::from_millis(5);
