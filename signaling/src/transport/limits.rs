//! The capacities of the transports, each with where it comes from.

use crate::admission::Rate;
use router::time::Duration;

/// Longest request by UDP, in octets: beyond it, TCP is to be used where the path's MTU is unknown
/// (RFC 3261 §18.1.1).
pub const UDP_REQUEST_OCTETS_MAX: usize = 1_300;

/// Longest UDP payload over IPv4: 65,535 less the headers of IP and UDP (RFC 768). One octet more is read, to be sure
/// that nothing was cut.
pub const UDP_PAYLOAD_OCTETS_MAX: usize = 65_507;

/// Peers that are known to refuse TCP. They are trunks and the like, as phones behind NAT are reached by their flows.
pub const TCP_REFUSALS_MAX: usize = 1_024;

/// How long a refusal of TCP is believed: a peer that was given TCP in the meantime is found within five minutes.
pub const TCP_REFUSAL_HELD: Duration = Duration::from_secs(300);

/// Datagrams that are taken from one socket before the others, timers and packets have their turn. At 3 µs a message
/// a batch is some 200 µs.
pub const DATAGRAMS_PER_TURN: usize = 64;

/// Messages and events that connections may have handed over and that were not taken yet. A connection that finds no
/// room stops reading, so the peer's window closes: two turns of a busy server.
pub const CONNECTION_INPUTS: usize = 256;

/// Things that other shards may have handed to one and that were not taken yet: 0.2 s of 10,000 messages a second, of which
/// most came to the wrong shard; the kernel's own buffer holds as much.
pub const POST_SLOTS: usize = 2_048;

/// Places of a post that are kept for what must not be lost.
pub const POST_SPARE: usize = POST_SLOTS / 8;

/// Receive buffer asked of the kernel for a UDP socket: half a second of 1,000 calls a second with ten messages of
/// 800 octets each, as the kernel counts them.
pub const UDP_RECEIVE_BUFFER: usize = 4 << 20;

/// Connections at once where the configuration says nothing. A phone on TCP holds one; the rest of the usual limit of
/// open files (20,000) is left to media ports.
pub const CONNECTIONS_MAX: usize = 4_096;

/// Connections that only trunks and what is opened from here may take: strangers and phones share the rest. Carriers hold a
/// handful each, a long request to a trunk opens one.
pub const CONNECTIONS_RESERVED: usize = CONNECTIONS_MAX / 4;

/// Accepted connections from one host (an IPv4 address, an IPv6 /64) that is no trunk's: an office behind one NAT.
pub const CONNECTIONS_PER_SOURCE: usize = 512;

/// How long a connection that a peer opened may take for its first whole message. Who opens one has something to say; RFC 5626
/// §4.4.1 has it ping afterwards.
pub const FIRST_MESSAGE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection that a peer opened may take until it has led to somebody known: to a registration, a request with right
/// credentials, or a message within a dialog. A REGISTER and its repetition with credentials may each take as long as a transaction of
/// RFC 3261 §17.1.2.2, 32 s. What comes meanwhile, pings included, gives it no more.
pub const STRANGER_TIMEOUT: Duration = Duration::from_secs(64);

/// The share of the places of phones and strangers that connections may have whose peers have not shown yet who they are, as a divisor.
/// Beyond it the oldest of them makes room: whoever registers within a second is displaced by 1,500 others a second alone.
pub const STRANGERS_SHARE: usize = 2;

/// The share of the places of one host that such connections may have, as a divisor: beyond it the oldest of that host makes room. An
/// office of 500 phones that come back together takes its 128 places in turn.
pub const STRANGERS_SHARE_PER_SOURCE: usize = 4;

/// Hosts that are remembered as those of somebody known: theirs are displaced by no other host's. Four times as many as there are
/// connections, some 100 octets each.
pub const KNOWN_HOSTS_MAX: usize = 4 * CONNECTIONS_MAX;

/// For how long: the longest registration by default, within which a phone comes back.
pub const KNOWN_HOST_HELD: Duration = Duration::from_secs(7_200);

/// How often the log says that places for connections have run out, at most.
pub const PLACES_QUIET: Duration = Duration::from_secs(10);

/// How long nothing is accepted after the system had no room for a connection: it will hardly have any sooner.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Octets that wait to be written to one connection. A peer that lets so much pile up does not read; a burst of 64
/// large messages passes.
pub const WRITE_QUEUE_OCTETS: usize = 256 << 10;

/// Octets that a connection takes in one read: a record of TLS (RFC 8446 §5.1), so some messages. All connections of a thread read
/// into the same place, so an idle one holds none.
pub const READ_OCTETS: usize = 16_384;

/// Octets of the request that opens a WebSocket: four times what a browser sends without cookies, which it may have for the site.
pub const UPGRADE_OCTETS_MAX: usize = 8_192;

/// Header fields of that request: a browser sends some twenty, a reverse proxy adds a handful.
pub const UPGRADE_HEADERS_MAX: usize = 100;

/// How often a browser is pinged that opened a WebSocket: it cannot by itself, and reverse proxies and NATs give up what is silent for
/// a minute. Each connection takes 80 to 100 percent of it.
pub const WEBSOCKET_PING_INTERVAL: Duration = Duration::from_secs(50);

/// Names that are read of one certificate: hosters put a hundred into one, a peer's could hold thousands.
pub const CERTIFICATE_NAMES_MAX: usize = 256;

/// Handshakes of TLS that one host (an IPv4 address, an IPv6 /64) that is no trunk's may begin: each costs a signature, a millisecond
/// where the key is RSA's. An office behind one NAT comes back within half a minute after an outage.
pub const HANDSHAKES_PER_SOURCE: Rate = Rate { per_second: 20, burst: 100 };

/// Handshakes that hosts of no trunk may begin in all: a third of a core with RSA's keys, a tenth with those of elliptic curves.
pub const HANDSHAKES_TOTAL: Rate = Rate { per_second: 300, burst: 600 };

/// Places in which the handshakes of hosts are counted; more hosts share them.
pub const HANDSHAKE_BUCKETS: usize = 1_024;

/// How long opening a connection may take. Below a quarter of timer B, so that a request that is too long for UDP has
/// time left to go by UDP after all.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a connection may take for the rest of a message that has begun: RFC 3261's longest transaction time is 32 s,
/// nobody sends more slowly.
pub const MESSAGE_TIMEOUT: Duration = Duration::from_secs(32);

/// How long a connection is kept for the answer to a request that ends its stream: it is made in the same turn, if at all.
pub const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Octets of a request that is refused before its end which are read and dropped, so that its sender gets to read the answer: what the kernel
/// had taken of it already, at its usual bounds.
pub const PASSED_OVER_OCTETS: usize = 1 << 20;

/// How long nothing may come or go on a connection: twice and a half the longest keep-alive interval that phones use
/// on streams (RFC 5626 §4.4.1 has them ping every 95 to 120 s), so that one lost round closes nothing.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// How long after a ping the next one goes over a connection that was opened from here; each connection takes 80 to 100 percent of it
/// (RFC 5626 §4.4.1: 95 to 120 s, as NATs and firewalls keep TCP for longer, and peers close what is silent).
pub const PING_INTERVAL: Duration = Duration::from_secs(120);

/// How long a peer that is known to answer pings may take for it (RFC 5626 §4.4.1).
pub const PONG_TIMEOUT: Duration = Duration::from_secs(10);

/// For how long after the last message a connection that was opened from here is kept by pings: longer than any call lasts that sends
/// nothing meanwhile. Afterwards it is idle, and ends.
pub const PINGED_FOR: Duration = Duration::from_secs(4 * 3_600);

/// Answers of the name service that are kept. Trunks have some ten each; the rest are hosts of Contact addresses.
pub const NAMES_MAX: usize = 4_096;

/// Questions that are out at once; what is asked for beyond counts as not known, but for what was known before.
pub const LOOKUPS_MAX: usize = 64;

/// Things that are sought and wait for answers: as many legs may wait for names. Numbers take half of it at most.
pub const SOUGHT_MAX: usize = crate::limits::NAMES_WAITING_MAX;

/// Addresses that are kept of one name.
pub const ADDRESSES_PER_NAME: usize = 8;

/// NAPTR or SRV records that are kept of one name, those that go first: carriers have two to eight.
pub const RECORDS_PER_NAME: usize = 16;

/// Answers that are kept of numbers (RFC 6116), a shard: those that are called again within the hour that an answer is believed, some 1 KiB each,
/// and at most ten where whoever writes them fills each record.
pub const NUMBERS_KNOWN_MAX: usize = 16_384;

/// Numbers that are asked for at once: 500 calls a second of numbers that nobody has called, where an answer takes half a second. A name
/// server that takes longer is at its end, and calls beyond go on as if nothing was known.
pub const NUMBERS_ASKED_MAX: usize = 256;

/// Names that one number leads to, by rules that are no terminal ones: RFC 6116 §5.2.1 takes more than five for a loop.
pub const ENUM_NAMES: usize = 6;

/// Rules that are kept of one number's name, those that go first, of those by which it is called: zones have one to three.
pub const ENUM_RULES_PER_NAME: usize = 8;

/// Places that the rules for a number name (RFC 6116): a call tries them one after another, and whoever writes more writes for nobody.
pub const ENUM_PLACES: usize = 5;

/// Octets of the pattern of such a rule: a record has 255 for the whole (RFC 3403 §4.1).
pub const ENUM_PATTERN_OCTETS: usize = 255;

/// Octets of the URI that a rule makes: what a call is sent to.
pub const ENUM_URI_OCTETS: usize = 255;

/// Octets that such a pattern may take compiled: those that zones have take some thousand, and what takes more is built to be costly.
pub const ENUM_COMPILED_OCTETS: usize = 64 * 1024;

/// Octets of the domain below which numbers are names: a name has 253 (RFC 1035 §2.3.4), and 15 digits take 30.
pub const ENUM_DOMAIN_OCTETS: usize = 220;

/// Places that one thing that is sought may have: twice as many as a leg tries, so that an address family that is not served
/// displaces none.
pub const LOCATED_MAX: usize = 2 * crate::limits::DESTINATIONS_MAX;

/// How long a name server may take for an answer, and how often a question is repeated: one packet may be lost.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(2);
/// See [`LOOKUP_TIMEOUT`].
pub const LOOKUP_REPETITIONS: usize = 1;

/// How long all questions for a name may take together, one after the other: a call whose trunk's name servers are away goes on with the next
/// trunk before its caller gives up. A zone whose servers leave one kind of question unanswered is found all the same.
pub const LOCATED_WITHIN: Duration = Duration::from_secs(6);

const _: () = assert!(LOOKUP_TIMEOUT.as_secs() * (1 + LOOKUP_REPETITIONS as u64) < LOCATED_WITHIN.as_secs());

/// Names that are asked for one after the other where the name of a service is an alias of another: zones have one or two.
pub const LOOKUP_ALIASES_MAX: usize = 4;

/// After how long without an answer what was known before serves, although its TTL is over (RFC 8767 §5 names 1.8 s): a caller notices
/// little of that.
pub const LOOKUP_LATE: Duration = Duration::from_millis(1_800);

/// How short and how long an answer of the name service is believed, whatever its TTL says. A TTL of 0 would ask for
/// every call; a trunk that moves is found within the hour.
pub const NAME_TTL_MIN: Duration = Duration::from_secs(5);
/// See [`NAME_TTL_MIN`].
pub const NAME_TTL_MAX: Duration = Duration::from_secs(3_600);

/// How long a failure of the name service is believed (RFC 2308 §7: at most five minutes).
pub const NAME_FAILURE_HELD: Duration = Duration::from_secs(15);
/// See [`NAME_FAILURE_HELD`]: that a name does not exist, as its zone says.
pub const NAME_ABSENT_MAX: Duration = Duration::from_secs(300);

const _: () = assert!(FIRST_MESSAGE_TIMEOUT.as_millis() < STRANGER_TIMEOUT.as_millis());
const _: () = assert!(CONNECTIONS_PER_SOURCE < CONNECTIONS_MAX - CONNECTIONS_RESERVED);
const _: () = assert!(PING_INTERVAL.as_millis() + PONG_TIMEOUT.as_millis() < IDLE_TIMEOUT.as_millis());
const _: () = assert!(WEBSOCKET_PING_INTERVAL.as_millis() + PONG_TIMEOUT.as_millis() < IDLE_TIMEOUT.as_millis());
const _: () = assert!(CONNECT_TIMEOUT.as_millis() * 4 < MESSAGE_TIMEOUT.as_millis());
const _: () = assert!(WRITE_QUEUE_OCTETS >= 2 * crate::limits::MESSAGE_OCTETS_MAX);
const _: () = assert!(UDP_PAYLOAD_OCTETS_MAX <= crate::limits::MESSAGE_OCTETS_MAX);
