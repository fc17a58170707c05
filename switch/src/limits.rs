//! Every bound of the switch, and where it comes from.

use router::time::Duration;

/// Calls up at once where the configuration does not say: what one SIP shard and its share of 20,000 media ports hold.
pub const CALLS_MAX: usize = 10_000;

/// What a caller is told to wait while the platform ends, in seconds: a restart takes less.
pub const DRAINING_RETRY_S: u32 = 30;

/// Legs that one destination may ring at once: a person has few phones, a group few members; more multiplies one INVITE. Each
/// takes a port of the call's media session, which has as many again (`PORTS_PER_SESSION` of `media`): for those who talk while
/// a transfer forks, and for a fork before whose ports are being closed.
pub const FORK_LEGS: usize = 32;

/// Legs in the life of a call, over all forks, fail-overs and transfers. A leg's number is also its port's.
pub const LEGS_PER_CALL: usize = 512;

/// Steps (accounts, trunks, branches, numbers routed again) that one search takes before it is a loop: a group one after another
/// takes one for each of its members, as many as [`FORK_LEGS`], and the way there and on from there a few.
pub const SEARCH_STEPS: u8 = 64;

/// Numbers that one search is sent on to, each once: people forward to a few, and more are a loop or an attack. Every one takes one
/// of the call's hops (Max-Forwards) besides.
pub const REDIRECTS_PER_SEARCH: usize = 5;

/// Rows of a rate table: decks of the whole world by a dozen carriers have some millions. 24 octets each, so 200 MB at most.
pub const RATE_ROWS: usize = 8_000_000;

/// Trunks, groups and platforms that a rate table names: more than any operator buys from. A call tries [`SEARCH_STEPS`] of them at most.
pub const RATE_WAYS: usize = 256;

/// Calls in a row that a trunk has to leave without any response before it is passed over: one may be an accident, a second one
/// is a pattern.
pub const TRUNK_SILENT_FAILURES: u32 = 2;

/// For how long a trunk is passed over at first: a short break has ended then. Each probe that it leaves without a response
/// doubles that, up to [`TRUNK_HOLD_OFF_MAX`].
pub const TRUNK_HOLD_OFF: Duration = Duration::from_secs(10);

/// The longest time for which a trunk is passed over: at most every five minutes one call waits in vain for a trunk that is
/// down for days, and a trunk that is back is used again after as long.
pub const TRUNK_HOLD_OFF_MAX: Duration = Duration::from_secs(300);

/// The calls of a trunk that its ratios are of: with 64 a ratio is known to some six percent.
pub const TRUNK_WINDOW: u32 = 64;

/// Of the last 16 calls of a trunk, so many that it failed by its own fault break the circuit: half of them, so that single failures of a
/// busy trunk do not.
pub const TRUNK_FAULTS_OF_16: u32 = 8;

/// Calls of a trunk that have rung before its post-dial delay is judged: the average forgets an eighth with each, so that nine tenths of it
/// are of these.
pub const TRUNK_DELAYS: u32 = 16;

/// The longest that a trunk's Retry-After is heeded.
pub const TRUNK_RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// For how long the word holds that a trunk does not answer OPTIONS: signaling repeats it at each round, the longest of which is five
/// minutes.
pub const TRUNK_PROBE_HOLDS: Duration = Duration::from_secs(400);

/// For how long the others pass over a trunk that one call probes: longer than any configured time to a first response.
pub const TRUNK_PROBE: Duration = Duration::from_secs(32);

/// Records of refused attempts that wait for the store: beyond it those of calls have the room, and attempts are only counted.
pub const REFUSALS_WAITING: usize = RECORDS / 4;

/// Refused attempts a second of one account or trunk that leave a record: more than people dial or a busy trunk is turned away
/// in passing; a peer that is refused more often in a second is a loop or a flood, and the rest of it is counted.
pub const REFUSALS_PER_ORIGIN_S: u32 = 50;

/// The same of all together: a fifth of the records that the store takes at the greatest rate of calls.
pub const REFUSALS_PER_S: u32 = 200;

/// How long calls of other platforms may wait for their turn where the configuration says nothing: as those of callers here (`sip.overload_after_ms`).
pub const OVERLOAD_AFTER: Duration = Duration::from_millis(200);

/// Calls of other platforms to emergency numbers in a second that do not wait while a shard does not catch up, as many as of callers here: a disaster in a
/// large town. Beyond, they wait as others do, so that whoever floods with such numbers gains nothing by it.
pub const URGENT_PER_S: u32 = 100;

/// Platforms that a call passes: two are usual, each transfer to somebody on another one adds one; more go round.
pub const PLATFORMS_PER_CALL: usize = 8;

/// How long another platform may take to say where an account is: a round trip and a turn, which lasts milliseconds; a caller
/// waits no longer for the sake of one that does not answer.
pub const LOCATE_WITHIN: Duration = Duration::from_millis(500);

/// How long the name service may take to say where a number is (ENUM): the caller hears nothing meanwhile, and what is asked for often is known. What it says
/// later is kept for the next.
pub const LOOKUP_WITHIN: Duration = Duration::from_millis(1_500);

/// Numbers that one search asks the name service for: that which was called, where it was ported to, and the same in another domain. More is a circle of
/// rules, and would keep the caller waiting for [`LOOKUP_WITHIN`] each.
pub const LOOKUPS_PER_SEARCH: u8 = 4;

/// For how long a platform that let that pass is not asked: its link is given up in three seconds, if that is what it is.
pub const PLATFORM_PASSED_OVER: Duration = Duration::from_secs(5);

/// How often calls are told at most that the way to a platform has changed: each asks how its leg there stands, and whoever is between can make a way come
/// and go fifty times a second. A link that was lost is back after 125 ms at the soonest.
pub const WAY_TOLD_EVERY: Duration = Duration::from_secs(1);

/// How long that becomes at most for one without a link of its own that has not answered yet, or not the last time, and of which another platform merely
/// tells: each further silence doubles it. One that is there answers the first question; one that comes to life unseen is asked again by then.
pub const GHOST_PASSED_OVER_MAX: Duration = Duration::from_secs(300);

/// Of those, how many are asked for one call: a platform may tell of 250 that do not exist, each question takes a place in the switch's table of
/// requests for half a second, and a call waits for all. More than so many real ones without links are asked one call after the other.
pub const GHOSTS_ASKED: usize = 16;

/// For how long others of those calls that begin meanwhile ask one, too, that has not answered the first of them: one that is there has answered by then. Later ones do not
/// wait for it, until it is known whether it does.
pub const GHOST_ASKED_FOR: Duration = Duration::from_millis(100);

/// For how long a platform that is away, or says nothing, may have any number that nobody else has, also one that it was never asked for: a process is
/// back in seconds, a machine in a minute or two. Who is away for longer is an outage, in which callers of numbers that nobody has are not put off
/// for ever; accounts that it is known to have stay its own.
pub const PLATFORM_AWAY: Duration = Duration::from_secs(180);

/// Accounts that other platforms are known to have, and as many numbers that they are known not to have, between two turns of [`WHEREABOUTS_TURN`]:
/// four platforms' calls to 30,000 numbers. Two turns of either are kept, of 17 octets each and half as much again: some 12 MiB a shard at most.
pub const WHEREABOUTS: usize = 1 << 17;

/// How often the older half of that is forgotten: so it is known for half a day to a day, as long as the interface remembers a platform that is down.
pub const WHEREABOUTS_TURN: Duration = Duration::from_secs(43_200);

/// How long a leg may take to find out whether its peer is there: a transaction ends after 32 seconds (RFC 3261 §17.1.2.2).
pub const SUPERVISION_WITHIN: Duration = Duration::from_secs(36);

/// How often another platform is asked how a leg that is there stands: half the time after which silence of its media ends a
/// call.
pub const AUDIT_EVERY: Duration = Duration::from_secs(30);

/// The same after it did not answer.
pub const AUDIT_AGAIN: Duration = Duration::from_secs(5);

/// The same after it knew of no such leg, once: a leg that has changed its call is told to the other platform as soon as the way there is back, and in
/// a round trip.
pub const AUDIT_ONCE_MORE: Duration = Duration::from_secs(1);

/// How long it may take.
pub const AUDIT_WITHIN: Duration = Duration::from_secs(5);

/// Over how long, in milliseconds, the legs to a platform that was lost are asked for when it is back: of 10,000 calls ten a
/// millisecond.
pub const AUDIT_SPREAD_MS: u64 = 1_000;

/// Legs at other platforms that are known to have gone to another call: each attended transfer leaves one for as long as a call outlives its
/// link, three minutes; ninety a second. Beyond it the oldest is forgotten, whose platform knows by then.
pub const MOVED_MAX: usize = 1 << 14;

/// How often a packet is passed on from a call to the one that its leg went to: so many transfers within one round trip nobody makes.
pub const MOVES_FOLLOWED: usize = 8;

/// For how long it is known beside the time that a call outlives its link: until the link is up again and everything has been said over it.
pub const MOVED_LONGER: Duration = Duration::from_secs(60);

/// How often one leg's other platform begins another conversation, each with a record, by saying that somebody else is there: each takes a transfer, and
/// nobody is transferred so often. Beyond it who is there is still shown.
pub const CONNECTED_PER_LEG: u8 = 16;

/// Calls that a probe goes through before it is dropped: each set-up passes at most [`PLATFORMS_PER_CALL`], each transfer joins two such chains,
/// and eight of them in one call are more than people make.
pub const PROBE_CALLS: u8 = 64;

/// Probes of others that a call has passed on and that are not answered yet: each is repeated by its sender, and where many calls are in one
/// circle one that comes round is enough.
pub const PROBES_PER_CALL: usize = 8;

/// First pause before a `Stop` to another platform is repeated; it doubles up to [`STOP_RETRY_MAX`].
pub const STOP_RETRY: Duration = Duration::from_millis(250);

/// Longest pause before it is repeated.
pub const STOP_RETRY_MAX: Duration = Duration::from_secs(5);

/// Octets of a number: longer ones (the longest E.164 number has 15 digits, user parts rarely 64) belong to nobody.
pub const NUMBER_BYTES: usize = 256;

/// Octets of a call's common id.
pub const CALL_ID_BYTES: usize = 256;

/// Octets that a compiled pattern of the plan may take; a plan is written by the operator, this catches `(x{1000}){1000}`.
pub const PATTERN_BYTES: usize = 1 << 20;

/// Streams of a description: audio, video, text, image, application and as much again.
pub const STREAMS: usize = 16;

/// Formats of a stream: payload types are 128 and phones name at most some 20.
pub const CODECS: usize = 32;

/// Calls in one page of a listing: 100 summaries of some 300 octets lie well within a frame.
pub const PAGE: usize = 100;

/// Bodies and digits of one call on their way to the other leg: each is a transaction of at most 32 seconds.
pub const RELAYS_PER_CALL: usize = 16;

/// Presses of a call that are remembered, so that one which comes in two forms counts once: what a person presses within some seconds.
pub const KEYS_REMEMBERED: usize = 32;

/// Keys of a call that wait until a leg has taken the one before in signalling: as many as a person presses in the half minute in which such a
/// request gets no answer.
pub const KEYS_WAITING: usize = 64;

/// The same key in another form is the same press, if one began not later than this behind the end of the other: a telephone sends its INFO at the
/// beginning or at the end of a press, and a request that is lost is sent again after half a second.
pub const SAME_PRESS: Duration = Duration::from_secs(1);

/// How long the registrar, in memory at our side, may take for a query.
pub const QUERY_WITHIN: Duration = Duration::from_secs(2);

/// How long a media worker may take: a turn of it lasts milliseconds.
pub const MEDIA_WITHIN: Duration = Duration::from_secs(2);

/// How long a peer may take to answer an offer that looks for ways anew, and to be found: what is said meanwhile nobody hears. Three tries of a request over UDP, or
/// as long as people wait before they hang up.
pub const WAYS_WITHIN: Duration = Duration::from_secs(10);

/// Addresses of a peer's that are kept for its port: as many as a description has.
pub const CANDIDATES: usize = 64;

/// How soon ways that were looked for anew are so again. A line that dies within a minute each time is no line.
pub const WAYS_SOUGHT_AGAIN: Duration = Duration::from_secs(60);

/// Questions for a call's figures that wait for its worker at a time: what some hundred watchers ask within a worker's turn. Whoever asks beyond that is told of the
/// call without figures.
pub const FIGURES_ASKED: usize = 128;

/// How often a change of a port that a worker did not take is sent again before the call is given up.
pub const MEDIA_ATTEMPTS: u8 = 3;

/// How long to wait before that.
pub const MEDIA_RETRY: Duration = Duration::from_millis(100);

/// How long a call of another switch may take to take over a leg: it asks its worker, and that one another, each within [`MEDIA_WITHIN`].
pub const GUEST_WITHIN: Duration = Duration::from_secs(6);

/// How long signaling may take to say that it stops a leg; BYE's own transaction goes on without us.
pub const STOP_WITHIN: Duration = Duration::from_secs(5);

/// How often a `Stop` or `Close` that was not answered is sent.
pub const RELEASE_ATTEMPTS: u8 = 3;

/// How long a leg may take to answer an offer or a request in mid-call: the 32 seconds of a SIP transaction (RFC 3261
/// timers B and F) and some.
pub const LEG_WITHIN: Duration = Duration::from_secs(35);

/// How much longer than the whole set-up a leg's last answer is waited for: CANCEL and its transaction end before.
pub const LEG_GRACE: Duration = Duration::from_secs(35);

/// How often our own offer is repeated to a leg whose own one crossed it (RFC 3261 §14.1).
pub const GLARE_ATTEMPTS: u8 = 5;

/// Offers in a row that bring two legs to the same formats: one each narrows, one more confirms.
pub const ALIGNMENT_ROUNDS: u8 = 3;

/// Of the calls that may be up, the part that other platforms' do not take: whatever one of them asks for, who is here can still call.
pub const OWN_CALLS: usize = 8;

/// Of the calls that other platforms' may be, the part that no single one of them takes: those that behave can still call, too.
pub const OTHERS_CALLS: usize = 4;

/// Lines of the log that tell of calls which guards refuse, a second: a flood is counted, and not written down call by call.
pub const GUARD_LINES_PER_S: u32 = 5;

/// Pairs of media ports of a call: one for either side.
pub const PORTS_OF_CALL: usize = 2;

/// Records that wait for the store, in all: at 100 calls a second five minutes of a store that does not answer, some 40 MB.
pub const RECORDS: usize = 32_768;

/// Records sent to the store and not answered: more than a group commit of the greatest rate takes (1,000 calls a second, three
/// writes each, 100 ms);
/// below the quota of one source in an inbox, so that the store's is never full of them.
pub const RECORDS_IN_FLIGHT: usize = 512;

/// How long the store may take for a record: a group commit lasts 100 ms, a slow disk seconds.
pub const RECORD_WITHIN: Duration = Duration::from_secs(10);

/// First pause before a record is sent again; it doubles up to [`RECORD_RETRY_MAX`].
pub const RECORD_RETRY: Duration = Duration::from_millis(200);

/// Longest pause before a record is sent again.
pub const RECORD_RETRY_MAX: Duration = Duration::from_secs(10);

const _: () = assert!(RECORDS_IN_FLIGHT < router::limits::QUOTA_PER_SOURCE as usize);
const _: () = assert!(LEGS_PER_CALL <= u16::MAX as usize && FORK_LEGS < LEGS_PER_CALL);
const _: () = assert!(PROBE_CALLS as usize >= 8 * PLATFORMS_PER_CALL);
const _: () = assert!(REDIRECTS_PER_SEARCH <= router::limits::REDIRECTIONS);
const _: () = assert!(REFUSALS_PER_ORIGIN_S < REFUSALS_PER_S);
const _: () = assert!(TRUNK_HOLD_OFF.as_millis() < TRUNK_HOLD_OFF_MAX.as_millis());
const _: () = assert!(PAGE < router::limits::PARAMETERS);
