//! The capacities of the signalling side, each with where it comes from.

use crate::admission::Rate;
use router::time::Duration;

/// Longest message that is read, head and body, in octets.
///
/// A UDP payload cannot be longer (65,535 less the IP and UDP headers, RFC 768), and no SIP peer sends more over a
/// stream: the same bound for both keeps a message that was cut from a stream as cheap to hold as a datagram.
pub const MESSAGE_OCTETS_MAX: usize = 65_535;

/// Longest head (start line and header fields with the empty line) that a stream may send before it is cut off.
///
/// Half of the message: a head beyond it carries nothing that SIP needs, and a stream that never sends the empty
/// line stops costing memory here.
pub const HEAD_OCTETS_MAX: usize = 32_768;

/// Most header lines of one message.
///
/// A busy INVITE through a handful of carriers has about 60; four times that, and the index of the lines stays under
/// 5 KiB.
pub const HEADER_LINES_MAX: usize = 256;

/// Longest header line, name, value and folded continuation, in octets.
///
/// The longest seen in the field are Identity tokens (RFC 8224, about 1 KiB) and Record-Route lists (2 KiB); RFC 4475
/// §3.1.1.7 must pass with room.
pub const HEADER_LINE_OCTETS_MAX: usize = 8_192;

/// Most Via values of one message.
///
/// Max-Forwards starts at 70 (RFC 3261 §8.1.1.6) and each hop adds one value, so a longer list is a loop.
pub const VIA_VALUES_MAX: usize = 70;

/// Longest URI, in octets.
///
/// Twice what RFC 4475 §3.1.1.7 asks of a parser, and more than a Refer-To with an embedded Replaces needs.
pub const URI_OCTETS_MAX: usize = 2_048;

/// Most parameters of one value (header parameters, URI parameters or digest fields).
///
/// A Contact of an outbound, WebRTC or IMS phone has up to 20 (feature tags of RFC 3840).
pub const PARAMETERS_MAX: usize = 64;

/// Longest method name that is read, and refused by 501, in octets. The longest registered one has 9; RFC 4475 §3.1.1.2 sends 42.
/// Beyond half of what CSeq may have there is no telling it from noise.
pub const METHOD_OCTETS_MAX: usize = HEADER_LINE_OCTETS_MAX / 2;

/// Longest Call-ID, tag or branch, in octets, that is kept as state.
///
/// Implementations send 20 to 100; the value is a key of tables, so its length bounds their memory.
pub const IDENTIFIER_OCTETS_MAX: usize = 512;

/// Max-Forwards of a request that starts here (RFC 3261 §8.1.1.6).
pub const MAX_FORWARDS_DEFAULT: u8 = 70;

/// What is left of Max-Forwards where a call comes back by a proxy: a third, so that of 70 four rounds are left (22, 6, 1, 0), and of the
/// twenty that some phones begin with two, for the calls that go round on purpose.
pub const RETURN_DIVISOR: u8 = 3;

const _: () = assert!(HEAD_OCTETS_MAX <= MESSAGE_OCTETS_MAX);
const _: () = assert!(HEADER_LINE_OCTETS_MAX <= HEAD_OCTETS_MAX);
const _: () = assert!(URI_OCTETS_MAX < HEADER_LINE_OCTETS_MAX);
const _: () = assert!(IDENTIFIER_OCTETS_MAX < URI_OCTETS_MAX);
const _: () = assert!(VIA_VALUES_MAX == MAX_FORWARDS_DEFAULT as usize);
const _: () = assert!(MESSAGE_OCTETS_MAX <= u16::MAX as usize, "spans inside a URI are 16 bits wide");

/// Nonces with which somebody proved a secret and whose counts are remembered.
///
/// 100,000 phones that each hold one for its life of five minutes; 100 octets each. At the bound the oldest become stale.
pub const NONCES_IN_USE_MAX: usize = 100_000;

/// Token buckets for sources, for unknown ones and for registered flows alike: 16 octets each, one MiB a table.
///
/// A flood from more addresses than this is met by the limit on all of them together.
pub const SOURCE_BUCKETS: usize = 65_536;

/// Sources whose wrong credentials are counted from one line of the log to the next: more hosts than guess at once, 56 octets each.
pub const FAILURE_SOURCES: usize = 1_024;

/// Networks whose guesses are counted, and of those shut out: more than guess at once, 48 octets each.
pub const BAN_SOURCES: usize = 4_096;

/// Requests by UDP that are shorter are challenged for one algorithm alone, octets: no phone's is, with its Contact, User-Agent and Allow.
/// What an answer has beside what it repeats, some 180 octets, is then no more than 1.3 times the request.
pub const CHALLENGED_ONCE_OCTETS: usize = 300;

/// How long new requests may wait for their turn, where the configuration says nothing, before they are refused: well below T1 (500 ms), after which what
/// waits is sent again; four times what a burst of 200 calls takes.
pub const OVERLOAD_AFTER: Duration = Duration::from_millis(200);

/// What who asks whether we are there is told to wait while the platform ends, in seconds: a restart takes less, and whoever asks more often is not
/// kept from it.
pub const DRAINING_RETRY_S: u32 = 30;

/// The longest that who is refused by overload is told to wait, in seconds. Each is told another length up to it, so that they do not come back
/// together; it goes in a few seconds, or others are told the same.
pub const OVERLOAD_RETRY_S: u64 = 4;

/// Calls to emergency numbers that do not wait while a shard does not catch up: a disaster in a large town. Beyond, they wait as others do: whoever
/// dials such numbers in a flood takes no more of a shard than a tenth.
pub const URGENT_RATE: Rate = Rate { per_second: 100, burst: 200 };

/// Requests refused by overload whose repetitions are known: those of a second at 4,000 a second, within which a repetition may cross the refusal. Eight octets
/// each, once the first is refused.
pub const OVERLOAD_REFUSALS_KNOWN: usize = 4_096;

/// Calls that wait for what the name service says of their number (ENUM): a call waits a second and a half, and its question is in the table for as long
/// as a name server may take, some four seconds, where 256 numbers are asked for at once and some of them by several calls.
pub const NUMBERS_WAITING_MAX: usize = 1_024;

/// How far into a message is looked for a branch or a tag of ours before it is read, in octets: the Via, From and To of what
/// carriers send, with Record-Route and Identity before them, stand within.
pub const PEEK_OCTETS_MAX: usize = 8_192;

/// How many places that look like a branch or a tag are tried there: Via, From and To, and some in other headers.
pub const PEEKS_MAX: usize = 8;

/// Contacts that one account may have at once: a desk phone, a softphone, a mobile, a browser or two, and stale ones of
/// each that have not expired.
pub const CONTACTS_PER_ACCOUNT_MAX: usize = 16;

/// Contacts of one REGISTER: as many as an account may have, and as many again to be removed.
pub const CONTACTS_PER_REGISTER_MAX: usize = 2 * CONTACTS_PER_ACCOUNT_MAX;

/// Proxies in a route set: each is a hop, and 70 hops would be a loop; real paths have up to six.
pub const ROUTES_MAX: usize = 32;

/// Octets of `Path` that are kept with a binding (RFC 3327): six proxies whose URIs have a token of 300 octets. It is kept in memory, with each of
/// [`CONTACTS_PER_ACCOUNT_MAX`] contacts of an account, in the store, and stands in each answer that names the contact.
pub const PATH_OCTETS_MAX: usize = 2_048;

/// Legs at once, of both sides of calls, those that are being set up or ended included: two for each of 15,000 calls, and
/// a fork's worth of others.
pub const LEGS_MAX: usize = 1 << 16;

/// Early dialogs that downstream forks make of one leg: a forking proxy rings a handful of phones; more are passed over
/// until one of them answers.
pub const FORKS_MAX: usize = 16;

/// Addresses of one name that a leg tries one after another.
pub const DESTINATIONS_MAX: usize = 8;

/// INFO requests of one dialog that wait for an answer, each way: as many as the switch passes on at once.
pub const INFOS_MAX: usize = 16;

/// Octets of a body of INFO that is passed on: signalling in mid-call, not files.
pub const INFO_OCTETS_MAX: usize = 16_384;

/// Connections of registered phones: one each for as many as there are nonces in use.
pub const FLOWS_MAX: usize = 100_000;

/// How long it shows that places for connections ran out: whoever looks once a minute sees it.
pub const PLACES_SHORT_SHOWN: Duration = Duration::from_secs(60);

/// Trunks, those of earlier configurations included: as many as an id has numbers for; carriers' switches have some hundreds.
pub const TRUNKS_MAX: usize = 1 << 16;

/// Connections that trunks offer for requests to them: carriers have a handful of edges each.
pub const ALIASES_MAX: usize = 1_024;

/// Connections that are remembered as closed: what shards tell each other of one crosses within a turn or two, in which no more
/// close.
pub const FLOWS_CLOSED: usize = 256;

/// Addresses that failed lately and are tried last: those of trunks by name, of which a platform has some hundred.
pub const AVOIDED_MAX: usize = 1_024;

/// Refused INVITEs whose last provisional response may still be acknowledged: a PRACK takes the time of a transaction at most, 32 seconds, in which a
/// shard refuses some hundred calls that ring; beyond that the oldest is answered 481.
pub const LATE_PRACKS_MAX: usize = 1_024;

/// How long an address of several that gave no response, or refused as not available without saying for how long, is tried last:
/// calls are spared its silence, and it is found again within the half minute.
pub const AVOIDED_FOR: Duration = Duration::from_secs(30);

/// After how long a caller may ask again for a trunk that has as many calls as it may have: about the time until one of a few dozen
/// calls of some minutes ends.
pub const FULL_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The same where it has had as many calls within a second as it may have: the second is over then.
pub const PACE_RETRY_AFTER: Duration = Duration::from_secs(1);

/// The longest that a Retry-After (RFC 3261 §20.33) is heeded.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// The longest that a registrar's Retry-After is heeded: longer than its maintenance takes, and a mistake there costs no more than half a day.
pub const REGISTER_RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 3_600);

/// For how long a registration of ours is asked for where the configuration does not say: RFC 3261 §10.2 names an hour.
pub const REGISTER_EXPIRES: Duration = Duration::from_secs(3_600);

/// The longest that a trunk may ask for or grant: a day. Beyond it, a change there would be noticed too late.
pub const REGISTER_EXPIRES_MAX: Duration = Duration::from_secs(86_400);

/// After how long a registration of ours that nobody answered is tried again, at first and at most (RFC 5626 §4.5: base-time, max-time).
pub const REGISTER_BACK_OFF: Duration = Duration::from_secs(30);
/// See [`REGISTER_BACK_OFF`].
pub const REGISTER_BACK_OFF_MAX: Duration = Duration::from_secs(1_800);

/// The same where our credentials were refused: twelve attempts an hour at most, below what locks an account.
pub const REGISTER_REFUSED_BACK_OFF: Duration = Duration::from_secs(300);

/// Registrars that a registration of ours may be sent on to in a row (RFC 3261 §8.1.3.4): as many as a call.
pub const REGISTER_REDIRECTS_MAX: u8 = 5;

/// Our addresses of record at all trunks: a reseller's, one for each of its customers.
pub const REGISTRATIONS_MAX: usize = 1_000;

/// Addresses that are remembered for each registration of ours as having taken it: a carrier has two or three edges, and what is sent by
/// way of one that was left lately is the trunk's still. 4,000 for all registrations, 80 octets each.
pub const REGISTRARS_PER_REGISTRATION: usize = 4;

/// The pace at which registrations of ours begin: 50 a second, as a carrier's edge takes them without delay.
pub const REGISTER_PACE: Duration = Duration::from_millis(20);

/// Octets of `+sip.instance`: a URN with a UUID has 45 (RFC 5626 §4.1).
pub const INSTANCE_OCTETS_MAX: usize = 128;

/// Keys by which temporary GRUUs are computed (RFC 5627 appendix A.2). A shard has one, goes on with it over restarts, and meets those of others where the number
/// of shards has changed; each is tried.
pub const TEMPORARY_KEYS_MAX: usize = 64;

/// After how long without a keep-alive a flow counts as dead, as a phone is told it (RFC 5626 §4.4): it pings earlier, well within the
/// time after which idle connections are closed.
pub const FLOW_TIMER_S: u64 = 120;

/// The shortest Flow-Timer of a registrar that is heeded: sooner ones would be some kind of load.
pub const FLOW_TIMER_MIN: Duration = Duration::from_secs(10);

/// How often a flow of ours over UDP has a keep-alive where its registrar does not say (RFC 5626 §4.4.2: 24 to 29 seconds, as NATs forget by 30).
pub const FLOW_KEEP_ALIVE_UDP: Duration = Duration::from_secs(29);

/// After how long a STUN request is sent again, at first (RFC 8489 §6.2.1: RTO); how often it is sent (Rc); and how long after the last time an
/// answer is waited for (Rm = 16 RTO): 39.5 seconds in all.
pub const STUN_RETRANSMISSION: Duration = Duration::from_millis(500);
/// See [`STUN_RETRANSMISSION`].
pub const STUN_TRANSMISSIONS: u32 = 7;
/// See [`STUN_RETRANSMISSION`].
pub const STUN_LAST_WAIT: Duration = Duration::from_secs(8);

/// Rounds of OPTIONS in a row that a trunk leaves unanswered before it counts as not there: one may be an accident.
pub const PROBES_UNANSWERED: u32 = 2;

/// After how long an unanswered round is followed by the next one, where the interval is longer.
pub const PROBE_AGAIN: Duration = Duration::from_secs(5);

/// How often the interval between two keep-alives doubles while a contact leaves them unanswered: of 30 seconds it becomes 4 minutes, so a
/// dozen phones that are gone cost a question every 20 seconds, with its ten repetitions, and one that is back without a word is found soon.
pub const KEEP_ALIVE_DOUBLINGS: u32 = 3;

/// Header fields that pass from one leg to the other: a handful is usual.
pub const PASSED_MAX: usize = 16;

/// Octets of each: longer ones do not pass.
pub const PASSED_OCTETS_MAX: usize = 1_024;

/// Names that legs wait for.
pub const NAMES_WAITING_MAX: usize = 4_096;

/// Bindings in one packet to the store: some 300 octets each, well below a frame between platforms.
pub const BINDINGS_PER_PACKET: usize = 256;

/// Accounts, bindings and registrations in one page of a listing.
pub const PAGE: u32 = 200;

/// What the last messages may take by default, in octets: about 16,000 messages, the last minute of a busy office.
pub const TRACE_OCTETS_DEFAULT: usize = 16 << 20;

/// Of the room for the last messages, the part for what strangers send and are told, as a divisor: they never push out what
/// belongs to calls and registrations, and a flood shows in a quarter as well.
pub const TRACE_STRANGERS: usize = 4;

/// Questions in a row, to a peer on hold, that did not leave: so many, and it is taken for gone. The first may have met a connection
/// that is just being made anew.
pub const SUPERVISIONS_UNSENT: u8 = 2;

/// For how long it is left to others to tell a peer who has come to the other end: an offer that brings the two together, if there is to be one, leaves
/// in the same turn, and is answered within a round trip. A display may be late by that much.
pub const INTRODUCTION_WAITS: Duration = Duration::from_millis(200);

/// The last entries among which a question that is sent again is looked for: those that go to others in the seconds between two
/// repetitions of one. Beyond them a repetition is kept.
pub const TRACE_REPETITIONS: usize = 64;

/// Octets of a message that are kept for `trace`: an INVITE with a long SDP has about 3,000.
pub const TRACE_MESSAGE_OCTETS_MAX: usize = 4_096;

/// Entries of one answer to a query for the trace: with all of them cut at their longest still below a frame.
pub const TRACE_PAGE: usize = 200;

/// Octets of a usual message: what the room for the last messages is divided by into messages.
pub const TRACE_MESSAGE_OCTETS_USUAL: usize = 400;

/// Legs whose calls are remembered, so that a trace is found by the call's id: those of 16,384 calls, more than messages are kept of.
pub const TRACE_LEGS_MAX: usize = 32_768;

/// Octets of a call's id and a leg's Call-ID: our own have 26 and 32, others' up to 60.
pub const TRACE_CALL_OCTETS_USUAL: usize = 72;

/// Messages that wait for a capture server until the end of a turn, in which they are told: four times what a turn of a busy shard takes and sends.
pub const CAPTURE_WAITING: usize = 1_024;

/// The most that a capture server is told of one message: with the chunks beside it, it fits a datagram of IPv4.
pub const CAPTURE_MESSAGE_OCTETS_MAX: usize = 60_000;

/// Legs whose calls are known for a capture server: as many as the trace knows. Of an older one it is told the leg's own Call-ID.
pub const CAPTURE_LEGS: usize = TRACE_LEGS_MAX;

/// Parts of one multipart body: a description, what a gateway passes on, where the caller is, and as many again.
pub const PARTS_MAX: usize = 16;

/// Multiparts within multiparts (RFC 5621 knows two): a body is read as often.
pub const MULTIPART_DEPTH_MAX: usize = 3;

/// How long an address of a trunk may leave an INVITE without any response where the configuration does not say: over UDP it has
/// been sent four times by then (0, 0.5, 1.5 and 3.5 seconds, RFC 3261 §17.1.1.2), and whoever is there answers 100 within 200 ms.
pub const TRUNK_RESPONSE_TIMEOUT: Duration = Duration::from_secs(4);

/// How long a registered phone may leave an INVITE without any response where the configuration does not say: over UDP it has been
/// sent four times in 3.5 seconds; a phone that a push or a slow radio wakes has some seconds more.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(6);

/// The same of one that left its last keep-alive unanswered: three INVITEs over UDP.
pub const UNREACHABLE_RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The same of a phone that has another flow (RFC 5626): by UDP the INVITE has been sent four times, in 3.5 seconds.
pub const FLOW_RESPONSE_TIMEOUT: Duration = Duration::from_secs(4);

/// How often the switch is told again that an offer came to nothing, where it does not say that it knows.
pub const WITHDRAWALS_MAX: u8 = 3;

/// Contacts of a 3xx that are looked at: four times those that are passed on, as some are no places that we call.
pub const REDIRECT_CONTACTS_MAX: usize = 4 * router::limits::REDIRECTIONS;

/// The session interval that is asked for where the configuration does not say, in seconds: half an hour, as RFC 4028 §4 recommends.
pub const SESSION_EXPIRES_S: u32 = 1_800;

/// The shortest session interval that is taken where the configuration does not say, in seconds: what a request that says nothing of
/// it means (RFC 4028 §5).
pub const SESSION_MIN_S: u32 = 90;

/// The longest session interval, in seconds: a day, after which a dead call is found by other means. Whoever asks for more is
/// granted this.
pub const SESSION_INTERVAL_MOST_S: u32 = 86_400;

/// How often a request of ours is made again because a 422 or a 423 asks for a longer interval than the last one: each proxy on the way
/// may ask for one of its own (RFC 4028 §7.3), and whoever counts up has us send as fast as it refuses.
pub const INTERVAL_RAISES_MAX: u8 = 3;

/// What a shorter interval of a peer's that grants it is taken for, in seconds: at most a refresh every two seconds goes out for it.
pub const SESSION_INTERVAL_LEAST_S: u32 = 4;

/// How long a session refresh waits at least that cannot go out, or was refused: the time of a few round trips.
pub const REFRESH_AGAIN: Duration = Duration::from_secs(1);

const _: () = assert!(SESSION_MIN_S <= SESSION_EXPIRES_S && SESSION_EXPIRES_S <= SESSION_INTERVAL_MOST_S);
const _: () = assert!(SESSION_INTERVAL_LEAST_S < SESSION_MIN_S);

/// Realms that one request of ours proves itself to: the trunk and its edge, and as many again for a carrier behind them.
pub const REALMS_MAX: usize = 4;

/// Challenges to one request of ours: each realm asks once, and a nonce of one of them may have grown stale meanwhile.
pub const CHALLENGES_MAX: u8 = 6;

const _: () = assert!(CHALLENGES_MAX as usize > REALMS_MAX);

/// Octets of a Referred-By that is passed on: a name-addr with its parameters; a token in a body is not.
pub const REFERRED_BY_OCTETS_MAX: usize = 512;

/// Domain names and numbers of REFER targets and callers, in octets, beyond which they name nobody.
pub const PARTY_OCTETS_MAX: usize = 256;

const _: () = assert!(TRACE_PAGE * (TRACE_MESSAGE_OCTETS_MAX + 512) < router::limits::FRAME_BYTES);
const _: () = assert!(BINDINGS_PER_PACKET < router::limits::PARAMETERS && (PAGE as usize) < router::limits::PARAMETERS);

/// Subscriptions of a shard: 10,000 phones with a lamp each, a console with a few hundred among them, mailbox and presence beside; some
/// 1.5 KiB each.
pub const SUBSCRIPTIONS_MAX: usize = 1 << 16;

/// NOTIFYs that leave a shard within [`NOTIFY_WINDOW`]: 3,200 a second, a third of what one core signs, sends and hears the answers of.
/// Beyond it they wait in their order, and what changes meanwhile is told with them.
pub const NOTIFIES_PER_WINDOW: usize = 32;

/// The time over which they are counted: a lamp does not show a delay of some of these.
pub const NOTIFY_WINDOW: Duration = Duration::from_millis(10);

/// How long a subscriber waits for its first NOTIFY while the account's home shard does not answer: a turn of that one lasts
/// milliseconds. Then it is told what is known here.
pub const STATE_UNKNOWN_WITHIN: Duration = Duration::from_millis(500);

/// After how long a shard that did not answer is asked again.
pub const ACCOUNT_STATE_RETRY: Duration = Duration::from_millis(500);

/// After how long a NOTIFY is made once more that was refused without a word when it would not be: what keeps a phone busy for a moment is over, and a lamp
/// that is wrong for so long is hardly seen.
pub const NOTIFY_REFUSED_RETRY: Duration = Duration::from_secs(5);

/// The longest that a subscriber may wish to pass between two NOTIFYs (RFC 6446): more would be a subscription that is told nothing.
pub const NOTIFY_INTERVAL_MAX: Duration = Duration::from_secs(300);

/// Publications that an account has at once: a phone each of as many as it registers, without those that hardly anybody has.
pub const PUBLICATIONS_PER_ACCOUNT_MAX: usize = 8;

/// Calls of all shards that are known while somebody follows lamps: as many as legs may be on one.
pub const FOLLOWED_CALLS_MAX: usize = LEGS_MAX;

/// How often another platform is asked anew of an account that somebody follows here: what got lost on the way is mended by then. Of 10,000
/// accounts some 170 questions a second, of two small packets each.
pub const FOLLOWED_ELSEWHERE_AGAIN: Duration = Duration::from_secs(60);

/// The same where it knows no such account, or does not serve this: one that is made there is found when a phone's subscription is refreshed,
/// and by this at the latest.
pub const UNKNOWN_ELSEWHERE_AGAIN: Duration = Duration::from_secs(300);

/// How often all followed accounts are asked for at one platform because the way to it has changed: with 5,000 of them that is some milliseconds, and whoever is
/// between can make a way come and go fifty times a second.
pub const ASKED_ALL_EVERY: Duration = Duration::from_secs(5);

/// Platforms without a link of their own that have not answered yet, which are asked within [`GHOSTS_EVERY`], for one account each: another platform may tell of
/// any number of them that do not exist. In a cluster most have links.
pub const GHOSTS_ASKED: usize = 16;

/// See [`GHOSTS_ASKED`].
pub const GHOSTS_EVERY: Duration = Duration::from_secs(1);

/// The same where it did not answer, or could not: a link that is gone is known after three heartbeats.
pub const SILENT_ELSEWHERE_AGAIN: Duration = Duration::from_secs(5);

/// How long another platform may take to answer.
pub const FOLLOWED_ELSEWHERE_WITHIN: Duration = Duration::from_secs(2);

/// For how long what it has said stands, and for how long it tells of changes, unless it is asked anew: twice it may have been silent.
pub const FOLLOWED_ELSEWHERE_FOR: Duration = Duration::from_secs(150);

/// Questions to one platform that are not answered yet: when a link comes up the accounts that are followed are asked for one after another, and
/// its inboxes have room for others' requests.
pub const ASKED_ELSEWHERE_AT_ONCE: usize = 64;

/// Accounts that are followed at other platforms, each platform counted: as many as there may be subscriptions; some 300 octets each.
pub const FOLLOWED_ELSEWHERE_MAX: usize = SUBSCRIPTIONS_MAX;

/// Accounts that other platforms follow here, each platform's shards counted; some 500 octets each.
pub const FOLLOWERS_MAX: usize = SUBSCRIPTIONS_MAX;

/// The same of one platform: four of them leave room for each other.
pub const FOLLOWERS_OF_PLATFORM_MAX: usize = FOLLOWERS_MAX / 4;

/// From one notice of an account to another platform to the next: its subscribers are told once a second at most, so that half of it adds little.
pub const FOLLOWER_INTERVAL: Duration = Duration::from_millis(500);

/// Notices to other platforms in one turn: the others wait for the next, and what changes meanwhile is told with them.
pub const FOLLOWERS_TOLD_PER_TURN: usize = 256;

/// Dialogs of an account that another platform is told of: a switchboard's lamp is lit by the first.
pub const DIALOGS_TOLD_MAX: usize = 32;

/// Tuples of an account's presence that a watcher is told of, from all platforms: as many as one platform may have.
pub const PRESENCE_TOLD_MAX: usize = PUBLICATIONS_PER_ACCOUNT_MAX * PRESENCE_TUPLES_MAX;

/// Octets of the name of an activity: those of RFC 4480 have up to 17.
pub const ACTIVITY_OCTETS_MAX: usize = 32;

const _: () = assert!(FOLLOWED_ELSEWHERE_FOR.as_millis() > 2 * FOLLOWED_ELSEWHERE_AGAIN.as_millis());
const _: () = assert!(
    DIALOGS_TOLD_MAX * (IDENTIFIER_OCTETS_MAX + 4 * PARTY_OCTETS_MAX)
        + PRESENCE_TOLD_MAX * (2 + PRESENCE_ACTIVITIES_MAX) * PRESENCE_TEXT_OCTETS_MAX
        < router::limits::FRAME_BYTES,
    "an account's state is one frame"
);

/// Octets of a presence document that is read: those of phones have about 1,000.
pub const PRESENCE_OCTETS_MAX: usize = 16_384;

/// Elements within elements of a presence document: those of RFC 3863 and RFC 4480 have five.
pub const PRESENCE_DEPTH_MAX: usize = 16;

/// Tuples of a presence document: one for each way to reach the user.
pub const PRESENCE_TUPLES_MAX: usize = 8;

/// Octets of a note, a contact or a name in a presence document that are kept.
pub const PRESENCE_TEXT_OCTETS_MAX: usize = 256;

/// Activities of a presence document: people do few things at once.
pub const PRESENCE_ACTIVITIES_MAX: usize = 8;

/// OPTIONS that wait for the switch's look at its plan, which takes a turn: two seconds of 500 a second.
pub const OPTIONS_MAX: usize = 1_024;

/// Octets of a message summary that is read: RFC 3842 has a line for each of six kinds of messages.
pub const MESSAGE_SUMMARY_OCTETS_MAX: usize = 4_096;

const _: () = assert!(
    PUBLICATIONS_PER_ACCOUNT_MAX * PRESENCE_TUPLES_MAX * (2 + PRESENCE_ACTIVITIES_MAX) * PRESENCE_TEXT_OCTETS_MAX
        < router::limits::FRAME_BYTES,
    "an account's state is one packet"
);

/// Longest body of a MESSAGE by UDP, octets: what RFC 3428 §8 lets a whole request have, as no transport of that kind slows down where
/// the network is full.
pub const MESSAGE_OCTETS_UDP_MAX: usize = 1_300;

/// Messages of a shard that are on their way at once: a thousand a second that take four seconds each, and as many a second to spare.
pub const MESSAGES_MAX: usize = 8_192;

/// How long a recipient's phones may take before a message is kept: over UDP it has been sent six times by then, and its sender waits
/// no longer than 32 seconds (RFC 3261 §17.1.2.2), of which the store may need some.
pub const MESSAGE_WITHIN: Duration = Duration::from_secs(8);

/// Accounts that kept messages are delivered to at once; the others wait for one of them to be done.
pub const DELIVERIES_AT_ONCE: usize = 256;

/// Messages that the store is asked for at a time.
pub const KEPT_PAGE: u32 = 16;

/// How long the call may take to make another offer to a peer that could do with nothing of the first: its switch answers in the same
/// turn, but one of another platform is a few network round trips away.
pub const ANOTHER_OFFER_WITHIN: Duration = Duration::from_secs(2);

/// Values of Diversion or History-Info that are looked at: three for each diversion that is kept.
pub const DIVERSIONS_READ_MAX: usize = 3 * router::limits::DIVERSIONS;

/// Octets of an Identity header field that are read: those of SHAKEN have some 500, a longer URL and a name or two beside.
pub const IDENTITY_OCTETS_MAX: usize = 4_096;

/// Identity header fields of a request that are read, and steps from one who sent the call on to the next: as many as diversions are kept, and
/// the first signature. Each costs a tenth of a millisecond.
pub const IDENTITIES_MAX: usize = router::limits::DIVERSIONS + 1;

/// Names that a signature may be for: a call has one, a conference that is invited to at once a few.
pub const PASSPORT_NUMBERS_MAX: usize = 16;

/// How old a signature may be, and how far of the future, seconds: RFC 8224 §4.1 recommends 60.
pub const IDENTITY_AGE_MAX_S: u32 = 60;

/// Octets of a certificate and those between it and its authority: each has some 1,000 in PEM.
pub const SIGNER_CHAIN_OCTETS_MAX: usize = 32_768;

/// Certificates of such a chain: signer, one or two authorities between, and room for one more.
pub const SIGNER_CHAIN_MAX: usize = 4;

/// Octets of the URL of a certificate.
pub const SIGNER_URL_OCTETS_MAX: usize = 512;

/// Certificates of others that a shard keeps: a country has some hundred networks that sign, each with a few. 2 KiB each.
pub const SIGNERS_MAX: usize = 1_024;

/// For how long one is kept before it is fetched anew: as long as it takes at most until one that was taken back counts no more.
pub const SIGNERS_KEPT_FOR: Duration = Duration::from_secs(3_600);

/// For how long one that could not be had is not asked for again: a repository that is away costs each caller's patience once a minute.
pub const SIGNERS_FAILED_FOR: Duration = Duration::from_secs(60);

/// How long a call waits for certificates, whatever becomes of them: a fetch has two seconds.
pub const SIGNER_WITHIN: Duration = Duration::from_secs(3);

/// Legs of a shard that wait for certificates: two seconds of 500 calls a second from one network whose repository hangs. For one more there
/// is no certificate.
pub const SIGNERS_WAITING_MAX: usize = 1_024;

/// Of these, those that one trunk brought: whose certificates do not come leaves the others room.
pub const SIGNERS_WAITING_OF_TRUNK: usize = SIGNERS_WAITING_MAX / 2;
