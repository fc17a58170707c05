//! Every bound of a worker, and where it comes from.

use router::time::Duration;

/// Ports of one session: a call has two; one that rings a group has one for each phone, 32 at most (`FORK_LEGS` of `switch`);
/// as many again for those who talk while a transfer rings it, and for those of a fork before that are being closed. Nothing is
/// set aside for ports that are not open.
pub const PORTS_PER_SESSION: usize = 64;

/// Pairs that a worker may have open over all its interfaces: what a whole port range holds.
pub const PAIRS: usize = 32_768;

/// Interfaces on which a worker opens ports: a server has a few addresses; each gets a pool of its own.
pub const INTERFACES: usize = 64;

/// The part of an interface's ports that is kept for calls for help at most, as a divisor: a small range is for calls, too.
pub const URGENT_SHARE: usize = 4;

/// Pairs that others hold and that are set aside in one request before it fails: each costs a `socket` and a `bind`, some 5 µs, so
/// that the sound of other calls waits 3 ms at worst. They are tried all over the range, in an order that each process draws for itself, so of one that others hold to nine tenths
/// a call finds a free pair after ten or twenty; and each is tried once, so that this is a cost of the first calls.
pub const PORTS_TRIED: usize = 512;

/// How soon a pair that others held is tried again, once there is no other: what a range that is used up costs stays some
/// percent of a core, and a pair that has become free is found within a second or two.
pub const TAKEN_REST: Duration = Duration::from_secs(1);

/// Of a pool, one in so many pairs may wait out its quarantine; the longest waiting goes back to use before its time if
/// more do. So a high rate of calls shortens the quarantine instead of opening ever more sockets.
pub const QUARANTINE_SHARE: usize = 4;

/// The shortest quarantine, milliseconds, even at the bound: what a phone still sends after its BYE was answered arrives
/// within a few frames.
pub const QUARANTINE_FLOOR_MS: u64 = 200;

/// Datagrams that are thrown away from a socket before it is given to a new session: more than its buffer holds.
pub const DRAINED: usize = 1_024;

/// RTP packets that a port takes in a second. Voice sends 50, at the shortest frame of Opus (2.5 ms) 400; what is above
/// is a flood, or a loop of two ports that were told each other's address.
pub const PACKETS_PER_SECOND: u32 = 1_000;

/// Seconds of sound of one stream that are decoded within a second: a packet may hold 120 ms, so that [`PACKETS_PER_SECOND`] alone would leave two minutes of
/// it. A line that stood still and gives all at once has more to say than what its listener waits for; that is not played any more.
pub const SOUND_PER_SECOND: u32 = 2;

/// Largest datagram: all that UDP can carry, since one buffer serves a whole worker.
pub const DATAGRAM_BYTES: usize = 65_536;

/// Octets of kernel memory that a socket may fill with what the worker has not read: some hundred voice packets, more
/// than two seconds; bounded, so that a flood on one port costs no more.
pub const RECEIVE_BUFFER_BYTES: usize = 64 * 1024;

/// Readiness events of a turn, one datagram each: at some 5 µs a packet a turn takes below a millisecond, so that timers
/// and packets of the router are seen to in time. A flooded socket gets one of them.
pub const EVENTS: usize = 128;

/// Every so many pairs of ports one has stamps of the kernel, beginning with the first, which the first call takes.
pub const STAMPED_PORTS: u32 = 8;

/// Every so many datagrams of these ports one is read with its stamp, which costs half a microsecond more: one of 64 of all, six a second of the voice of a
/// single call.
pub const STAMPED_DATAGRAMS: u32 = 8;

/// A datagram was not with a worker for longer: the queue of a socket holds less. More says that the clock was set.
pub const RELAY_DELAY_MAX_MS: u64 = 10_000;

/// Datagrams that are received before the first of them is passed on, and as many to be sent in one go: what the kernel and we
/// have in the cache serves all of them, and a receiver that was woken by the first is awake for the rest. The first waits for
/// the others some 0.15 ms at most.
pub const BATCH: usize = 64;

/// Octets of such a batch: one datagram of any size, and voice in any packing besides.
pub const BATCH_BYTES: usize = DATAGRAM_BYTES + BATCH * 2_048;

const _: () = assert!(BATCH <= EVENTS && BATCH.is_multiple_of(DATAGRAMS_PER_CLOCK));

/// Datagrams after which the clock is read anew within a turn, so that jitter is measured to some 50 µs.
pub const DATAGRAMS_PER_CLOCK: usize = 8;

/// Sources that are watched while a port learns its own: three strangers beside the true one.
pub const CANDIDATES: usize = 4;

/// Where a peer has signalled no address that is known to be reached, and is silent at the host of its signalling for so long, a
/// stranger may be taken for it, milliseconds: phones begin to send some hundred after they are answered; one that comes by a proxy from
/// behind a NAT of its own is heard this much later.
pub const UNNAMED_MS: u64 = 2_000;

/// Consistent packets that a source other than the signalled one must send to be learned.
pub const CONSISTENT: u8 = 3;

/// For so long after such a source was learned the signalled one may still take its place, milliseconds.
pub const PROVISIONAL_MS: u64 = 2_000;

/// A candidate that was silent for so long makes room for another, milliseconds: five frames.
pub const CANDIDATE_MS: u64 = 100;

/// A learned source that was silent for so long may be followed by another one of the same host, milliseconds: longer than the gap of any
/// re-route that keeps its address, shorter than what a caller bears.
pub const UNLEARN_MS: u64 = 5_000;

/// For so long a peer's reports explain that none of its media arrives: an hour, as long as who is muted in a conference may listen
/// on a device that stops sending meanwhile; beyond it the call is one that both ends forgot.
pub const REPORTS_ALONE: Duration = Duration::from_secs(3_600);

/// A session without a request from its owner and without a datagram for so long has lost its owner, milliseconds: twice the
/// longest call where the configuration does not say otherwise, as one may be on hold, refreshed (RFC 4028) and silent, all that time;
/// short enough that nothing piles up over weeks.
pub const ORPHAN_MS: u64 = 24 * 3_600_000;

/// How often sessions are looked at for that, milliseconds.
pub const AUDIT_MS: u64 = 600_000;

/// Closed sessions whose statistics are kept, so that a repeated `Close` gets the same answer: 2 s at 500 calls/s, longer
/// than a link between platforms takes to come back and repeat.
pub const CLOSED_KEPT: usize = 1_024;

/// Blocks of a report from a peer that are looked at: as many as the count field can say (RFC 3550 §6.4.1).
pub const REPORT_BLOCKS: usize = 31;

/// Payload of a generated frame: 100 ms of G.711.
pub const FRAME_BYTES: usize = 800;

/// Shortest and longest frame of a built-in source, milliseconds.
pub const FRAME_MS: (u16, u16) = (10, 100);

/// A frame clock that is this many frames late skips them instead of sending a burst.
pub const FRAMES_LATE: u64 = 5;

/// Members of one conference: a mixer makes their frames in one go, some 8 µs each, so that half a millisecond is what packets of other
/// calls wait for it at most.
pub const SEATS: usize = 64;

/// Frames of a conference that go through a coder in one go: of Opus at 8 kHz each takes some 50 µs, so that together they take as long as all of a large conference
/// that needs none.
pub const CODED_IN_A_ROW: usize = 10;

/// How soon those that are left are made, milliseconds: the others' packets come first.
pub const CODED_PAUSE_MS: u64 = 1;

/// Formats of a member that a conference reads: more than phones agree on, besides those that it is offered.
pub const CODINGS: usize = 8;

/// Samples of a conference for which a codec stands in where packets are missing: three of the usual ones. Beyond that it has nothing to say.
pub const CONCEALED_TICKS: u32 = 480;

const _: () = assert!(SEATS.div_ceil(CODED_IN_A_ROW) as u64 * CODED_PAUSE_MS < 20);

/// Packets of a member that wait for one in front of them, where a codec reads them in their order: those of 60 ms, more than lines mix up.
pub const EARLY_HELD: usize = 3;

/// Octets of such a packet; a longer one, of more than 190 kbit/s, does not wait.
pub const EARLY_OCTETS: usize = 480;

/// Conferences at one worker: as many as its calls could be in, were each of three.
pub const CONFERENCES: usize = 1_024;

/// Samples of a member's ring: half a second, twice the longest delay, so that what comes ahead of its time has room, too.
pub const PLAYOUT_SAMPLES: usize = 4_096;

/// How far the ring's delay may grow, samples: 240 ms. Beyond some 400 ms from mouth to ear nobody can talk (ITU-T G.114).
pub const PLAYOUT_DELAY_MAX: usize = 1_920;

/// After how long whoever is alone in a conference is told to its call: as long as another one may need to come back.
pub const ALONE: Duration = Duration::from_secs(5);

const _: () = assert!(PLAYOUT_DELAY_MAX * 2 <= PLAYOUT_SAMPLES && FRAME_BYTES * 4 <= PLAYOUT_SAMPLES);

/// Things that other workers may have handed a worker and it has not taken: a transfer in a hundred calls, of 500 calls a second
/// five a second, each two; a worker takes them each turn.
pub const PASSAGES: usize = 1_024;

/// Requests for ports of other workers that wait: as many as may be on their way.
pub const AWAITED: usize = PASSAGES;

/// How long they wait at most, milliseconds: longer than the owner of the session does (2 s); the other worker has ended then.
pub const PASSAGE_WITHIN_MS: u64 = 5_000;

/// How soon what found no room at another worker is handed over again, milliseconds: some turns of it.
pub const PASSAGE_RETRY_MS: u64 = 10;

const _: () = assert!(FRAME_MS.1 as usize * 8 <= FRAME_BYTES);
const _: () = assert!(CANDIDATE_MS < PROVISIONAL_MS && PROVISIONAL_MS < UNLEARN_MS && UNLEARN_MS < ORPHAN_MS);

/// Packets of the router a second from which on a worker takes them in batches: at three a call, 300 calls a second. Below, each
/// wakes it at once.
pub const BUSY_PACKETS_PER_SECOND: u64 = 1_000;

/// How long a worker that is so busy lets packets of the router wait: poll's shortest wait. Datagrams and timers do not wait.
pub const BUSY_PAUSE: Duration = Duration::from_millis(1);

/// Octets of a master key identifier (RFC 3711 §3.1): phones write one to four; RFC 4568 §6.1 would let them write 128, in every packet.
pub const MKI_BYTES: usize = 16;

/// Streams of a peer that are remembered for one key of its, so that nothing of them is taken twice: a leg's source changes with each transfer
/// behind a peer that passes on SSRCs as they are.
pub const SRTP_STREAMS: usize = 8;

/// For so long after a peer has changed its key what it has protected with the former one is taken: longer than an answer that says the new one
/// takes, retransmitted twice (RFC 3261 §17.1.1.1).
pub const REKEY_OVERLAP: Duration = Duration::from_secs(4);

/// The largest packet that may be the first of a stream, or come while two keys are in use: 60 ms of L16 at 48 kHz, and what surrounds it.
pub const SRTP_SCRATCH_BYTES: usize = 8_192;

/// Packets of a stream that are held while one before them is missing: a quarter of a second of the usual packing, longer than anything is
/// waited for ([`LATENESS_BINS`] says how long that is).
pub const HELD: usize = 12;

/// Numbers that a packet may be ahead of the one that is waited for; one that is further is of another stream: ten seconds of the usual
/// packing.
pub const ORDER_REACH: i16 = 500;

/// Octets of a payload that is transcoded, at most: what a datagram of Ethernet holds; 20 ms of L16 at 48 kHz, and of all others more than a packet
/// ever has.
pub const CODED_OCTETS: usize = 1_932;

/// How late packets are is counted in bins of so many microseconds: half a packet, and finer than the timers of senders.
pub const LATENESS_BIN_US: i64 = 10_000;

/// So many of them: what is later than 200 ms is not worth being waited for, as conversation suffers from 150 ms on (ITU-T G.114).
pub const LATENESS_BINS: usize = 20;

/// Packets that are counted before all of them count half: ten to twenty seconds, so that a line that has become calm is believed soon.
pub const LATENESS_KEPT: u16 = 1_024;

/// Over how long, and once more as long, the quickest packet is what others are measured against: clocks drift apart by 2 ms at 100 ppm.
pub const LATENESS_WINDOW: Duration = Duration::from_secs(10);

/// How late the packets of a line are of which nothing is known, in bins: up to 40 ms, so that one that is overtaken by its neighbour at the
/// beginning of a call is heard.
pub const LATENESS_UNKNOWN_BIN: usize = 3;

/// What is lost may hold up what is behind it for so many bins without a cost: 40 ms, twice the usual packing, is the least that listeners' buffers
/// make up for.
pub const STALL_BINS_FREE: usize = 3;

/// Beyond that, to hold up the sound for so many bins at a loss is as bad as to give up a packet that comes after all: a listener's buffer has to grow by
/// it and whoever talks waits for longer, but nothing is missing.
pub const STALL_BINS_A_PACKET: u32 = 8;

const _: () = assert!(LATENESS_UNKNOWN_BIN < LATENESS_BINS && STALL_BINS_FREE < LATENESS_BINS);

/// A gap that is bridged at once, milliseconds: as much as one payload may carry (`PAYLOAD_MS_MAX` of `codecs`). A longer one stays a gap, for who
/// listens to bridge.
pub const GAP_MS_MAX: u32 = codecs::limits::PAYLOAD_MS_MAX;

/// For so long sound that stays away is made up for, milliseconds: concealment has faded after 60 ms, and Opus that is silent by agreement sends
/// every 400 ms.
pub const FILL_MS_MAX: u32 = 500;

/// Late packets in a row that are no stragglers but a line that has become slower: a tenth of a second of the usual packing.
pub const LATE_IN_A_ROW: u8 = 5;

/// The shortest press that is made of an event, milliseconds: Q.24 asks who listens to know 40 ms, and some want more.
pub const TONE_MS_MIN: u32 = codecs::limits::PRESS_MS_MIN;

/// The pause behind a press that is made, milliseconds: Q.24 lets who listens ask for 40.
pub const TONE_PAUSE_MS: u32 = 50;

/// Tones are made so many milliseconds at a time: what an encoder takes at once beside a packet that is not full.
pub const TONE_CHUNK_MS: u32 = 60;

/// A key of which no event was heard for so long is released: events come every 20 to 50 ms while one is down (RFC 4733 §2.5.1.2), so that this takes ten
/// and more to be lost in a row.
pub const KEY_SILENCE: Duration = Duration::from_millis(600);

/// Keys that may wait to be sent to a port's peer: what a person dials ahead at a menu, and a script with a credit card's number and more.
pub const DIALLED: usize = 64;

/// The longest press that is made of what signalling says, milliseconds: as long as gateways that speak `application/dtmf-relay` go.
pub const DIALLED_MS_MAX: u32 = 5_000;

/// Silence between two of them, milliseconds: Q.24 lets who listens ask for 40.
pub const DIALLED_PAUSE_MS: u32 = 60;

/// What telephones add to the way of the network from mouth to ear, milliseconds: a packet of 20 ms at the one end and as much of a buffer at the other.
pub const ENDS_MS: f64 = 40.0;

/// A listener's buffer holds so many times the jitter: what nearly all packets are within.
pub const JITTER_DELAYS: f64 = 2.0;

/// A peer may change to another of its formats so often: people switch over, networks adapt, and each change builds a decoder.
pub const FORMAT_CHANGE: Duration = Duration::from_millis(500);

const _: () = assert!(
    HELD as u32 * 20 >= LATENESS_BINS as u32 * LATENESS_BIN_US as u32 / 1_000,
    "held for as long as waited for"
);

/// Handshakes that a worker begins or answers in a second: each costs a millisecond at most, so that a quarter of a core is what they take. What is
/// beyond waits for its peer to ask again, or for its own turn, half a second later.
pub const HANDSHAKES_PER_SECOND: u32 = 250;

/// After how long a flight of a handshake that was not answered is sent again, for the first time: a round trip round the world, twice. RFC 6347 §4.2.4.1 has a
/// second, which a caller would hear as silence.
pub const HANDSHAKE_FLIGHT: Duration = Duration::from_millis(500);

/// How often it is, at twice the distance each: over 16 seconds, most of [`HANDSHAKE_WITHIN`].
pub const HANDSHAKE_REPEATED: u32 = 5;

/// After how long a handshake that has come to nothing is given up: who has answered a call bears no longer silence.
pub const HANDSHAKE_WITHIN: Duration = Duration::from_secs(20);

/// How long what is left of a handshake is kept, so that a peer that missed our last message gets it once more: as long as peers repeat theirs,
/// which is a second doubled five times (RFC 6347 §4.2.4.1).
pub const HANDSHAKE_KEPT: Duration = Duration::from_secs(32);

/// For so long nobody else's hello takes the place of a handshake that is on its way: two round trips and what peers reckon meanwhile.
pub const HANDSHAKE_HELD: Duration = Duration::from_secs(1);

/// A port answers no hello that begins anew sooner than this after the one before: ten a second, so that no peer takes what all calls of a worker have
/// ([`HANDSHAKES_PER_SECOND`]).
pub const HANDSHAKE_AGAIN: Duration = Duration::from_millis(100);

/// For so long a hello or a check is kept that came before the answer that explains it: what an answer takes by SIP, repeated twice.
pub const EARLY_KEPT: Duration = Duration::from_secs(2);

/// Octets of one that is kept: what a datagram of Ethernet holds.
pub const EARLY_BYTES: usize = 1_500;

/// So many are kept by a worker: those of a second of calls, as far as they come in time to be needed.
pub const EARLY: usize = 256;

/// Octets that one handshake takes from its peer: a chain of certificates of 8 KiB, and all of it repeated seven times.
pub const HANDSHAKE_OCTETS: usize = 64 * 1024;

/// Records and messages, or pieces of them, of one handshake: seven messages in pieces of a datagram, repeated seven times.
pub const HANDSHAKE_FRAGMENTS: usize = 256;

/// Octets of one message: a chain of certificates with RSA keys of 4,096 bits.
pub const HANDSHAKE_MESSAGE_BYTES: usize = 8 * 1024;

/// Octets of a piece of a message that is not its last one: what no network makes smaller (RFC 791 §3.2 has 68 for a datagram and its headers).
pub const HANDSHAKE_FRAGMENT_BYTES_MIN: usize = 32;

const _: () = assert!(HANDSHAKE_MESSAGE_BYTES * 8 <= HANDSHAKE_OCTETS);

/// Checks of a peer's that an agent answers in a second: a peer paces its own by 50 ms (RFC 8445 §14.2), from some addresses; each costs some microseconds.
pub const CHECKS_PER_SECOND: u32 = 100;

/// Addresses of a peer's that are checked: a host has a handful, of two families, each once more as its NAT shows it.
pub const ICE_PAIRS: usize = 32;

/// Addresses that a peer has checked us from and that are remembered: those of two networks, each by two families, before and after a NAT has
/// changed its mind.
pub const ICE_PROVEN: usize = 8;

/// Between two checks of an agent (RFC 8445 §14.2).
pub const CHECK_PACE: Duration = Duration::from_millis(50);

/// After how long a check that was not answered is sent again, for the first time (RFC 8445 §14.3).
pub const CHECK_TIMEOUT: Duration = Duration::from_millis(500);

/// How often it is, at twice the distance each: for some fifteen seconds.
pub const CHECK_RETRANSMISSIONS: u32 = 4;

/// After how long looking for a way is given up: a pair that only works once the peer's NAT lets us in has had both sides' repetitions by then.
pub const WAYS_WITHIN: Duration = Duration::from_secs(20);

/// For so long better pairs are waited for once one works: some round trips.
pub const NOMINATION_PATIENCE: Duration = Duration::from_millis(300);

/// For so long a nomination counts against one of a worse pair, of a peer that may nominate all that work: it checks all pairs, repetitions and all, within that.
pub const NOMINATION_HELD: Duration = Duration::from_secs(3);

/// How often the peer is asked whether it wants what it is sent, on average (RFC 7675 §5.1).
pub const CONSENT_EVERY: Duration = Duration::from_secs(5);

/// For how long its last answer counts (RFC 7675 §5.1).
pub const CONSENT_EXPIRES: Duration = Duration::from_secs(30);

/// How often an agent that asks nothing says that it is there (RFC 8445 §11).
pub const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);

/// For so long no media came by the way that is taken: what comes from another address that the peer has checked us from is by its new one. Fifty packets of the usual
/// packing.
pub const WAY_SILENT_MEDIA: Duration = Duration::from_secs(1);

/// For so long neither media nor a check did: a check from elsewhere says where the peer is now. Two questions of consent are missing by then.
pub const WAY_SILENT_WHOLLY: Duration = Duration::from_secs(12);

const _: () = assert!(CONSENT_EVERY.as_millis() * 12 / 5 <= WAY_SILENT_WHOLLY.as_millis());
const _: () = assert!(CONSENT_EVERY.as_millis() * 4 < CONSENT_EXPIRES.as_millis());
const _: () = assert!(CHECK_TIMEOUT.as_millis() << (CHECK_RETRANSMISSIONS + 1) <= WAYS_WITHIN.as_millis());

/// What a packet is taken to last where the peer does not say, milliseconds (RFC 3551 §4.2).
pub const PACKET_MS_UNSAID: f64 = 20.0;

/// Servers that relay for us: one for each of some sites, of two families.
pub const TURN_SERVERS: usize = 8;

/// For so long what a call needs waits for addresses at such a server, where that has answered lately: two round trips across a continent, one of them lost. A caller does not
/// hear it.
pub const TURN_PATIENCE: Duration = Duration::from_millis(500);

/// After how long a request to a server that nothing is known of is sent again, for the first time. RFC 8489 §6.2.1 has half a second for any network, and lets who
/// knows better be quicker: within [`TURN_PATIENCE`] one loss is made up for.
pub const TURN_TIMEOUT: Duration = Duration::from_millis(250);

/// The same at least, where its round trip is known, of which it is three.
pub const TURN_TIMEOUT_MIN: Duration = Duration::from_millis(60);

/// How often a request is sent (RFC 8489 §6.2.1: Rc), at twice the distance each up to sixteen times the first: over 16 seconds, where nothing is known of the server.
pub const TURN_TRANSMISSIONS: u32 = 7;

/// How often a server that does not answer is tried: a call in five seconds asks it, and does not wait.
pub const TURN_PROBED_EVERY: Duration = Duration::from_secs(5);

/// How often the log is told that a server refuses: each minute is enough for who reads it.
pub const TURN_TOLD_EVERY: Duration = Duration::from_secs(60);

/// How often in a row a server may ask for other credentials: it is asked without any, its nonce is stale by then, and once more.
pub const TURN_CHALLENGES: u8 = 3;

/// How often a server may send us to another one.
pub const TURN_REDIRECTIONS: u8 = 2;

/// For how long an address is asked for (RFC 8656 §7.1: the default, ten minutes); that is how long a server keeps one whose owner has vanished.
pub const TURN_LIFETIME: Duration = Duration::from_secs(600);

/// What a server grants at most (RFC 8656 §7.2 recommends an hour): what is said beyond is taken for that.
pub const TURN_LIFETIME_MAX: Duration = Duration::from_secs(3_600);

/// After how long a server that could not refresh an address, or did not renew what is let in there, is asked again.
pub const TURN_REFRESHED_AGAIN: Duration = Duration::from_secs(10);

/// How often a port asks for an address in the place of one that was lost: a server that gives and forgets without end is believed no more.
pub const TURN_RENEWALS: u8 = 8;

/// How long a permission lasts (RFC 8656 §9).
pub const TURN_PERMISSION: Duration = Duration::from_secs(300);

/// How long a channel does (RFC 8656 §12).
pub const TURN_CHANNEL: Duration = Duration::from_secs(600);

/// When either is asked for anew, where it is needed: a minute before a permission ends.
pub const TURN_RENEWED: Duration = Duration::from_secs(240);

/// Addresses of a peer's at one allocation: as many as are checked.
pub const TURN_PEERS: usize = ICE_PAIRS;

/// Of these, how many may be at addresses that the peer has not named: half, as anybody behind a host that is let in may write from there.
pub const TURN_PEERS_UNNAMED: usize = TURN_PEERS / 2;

/// Sessions whose first answer waits for addresses: those of half a second, at 1,000 calls a second. One more is answered without.
pub const GATHERING: usize = 512;

/// Allocations that are given back and whose server has not said so: those of two seconds, at 1,000 a second. Of one more the server is told once; should that be lost, it keeps it
/// until the end of [`TURN_LIFETIME`].
pub const RELEASES: usize = 2_048;

const _: () =
    assert!(TURN_RENEWED.as_secs() < TURN_PERMISSION.as_secs() && TURN_PERMISSION.as_secs() <= TURN_CHANNEL.as_secs());
const _: () = assert!(TURN_TIMEOUT.as_millis() < TURN_PATIENCE.as_millis());
