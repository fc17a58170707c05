//! Every bound of the router, and where it comes from.

use crate::time::Duration;

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

/// Requests that one source may have waiting in an inbox, at most; and never more than there is room left for, so that however
/// many flood it, one more finds as much room as each of them has.
pub const QUOTA_PER_SOURCE: u32 = (INBOX_REQUESTS / 8) as u32;

/// Counters, in an inbox, of sources of a kind that a platform has one of: that one, and room for more.
pub const SINGLE_COUNTERS: usize = 4;

/// Counters, in an inbox, of sources on other platforms: one for all modules of a platform, since it can say that it has any. Those
/// that meet share a counter, and a quota.
pub const FOREIGN_COUNTERS: usize = 64;

/// Counters of sources in an inbox: one for each module that the own platform may have, so that none of them shares one; and
/// those of other platforms.
pub const SOURCE_COUNTERS: usize = 2 * SHARDS as usize + MODULES_PER_KIND + 4 * SINGLE_COUNTERS + FOREIGN_COUNTERS;

/// Requests that a source may send to an inbox before it looks again how full that is: looking costs as much as sending, some
/// looks in a hundred requests are not felt. Fewer as the inbox fills.
pub const GRANT: usize = 32;

/// Packets that a module takes per turn before it looks at its sockets and timers again.
pub const BATCH: usize = 64;

/// New work of one kind that waits in a module that does not catch up: a tenth of [a fifth of a second](crate::backlog) of 100,000 a second.
pub const BACKLOG_ITEMS: usize = 2_048;

/// Octets of it, of all kinds together: calls have a KiB or two, so three kinds have room, and few that are as long as a message may be.
pub const BACKLOG_OCTETS: usize = 16 << 20;

/// New work that a turn takes of what waits: some milliseconds of calls, after which what was begun has its turn again.
pub const BACKLOG_PER_TURN: usize = 16;

/// The part of its patience that a module has once it has not caught up for so long: 20 ms of 200, so that who is served then has hardly waited, and a
/// few turns of [`BACKLOG_PER_TURN`].
pub const BACKLOG_PATIENCE: u32 = 10;

/// For how long nothing has to be refused before it is said to be over. Twice T1 (RFC 3261 §17.1.1.1): what was sent again meanwhile has come.
pub const BACKLOG_SETTLED: Duration = Duration::from_secs(1);

/// Modules of one kind on a platform.
pub const MODULES_PER_KIND: usize = 64;

/// SIP shards of a platform: one thread each. A machine of 64 cores that gives half of them to signalling has as many.
pub const SHARDS: u8 = 32;

/// Names under which shards count together: the platform's calls, and each trunk's.
pub const TALLIES: usize = 1_024;

/// Ledgers of accounts and trunks that calls were made for: an account that has called keeps its one, of 1 KiB. 64 octets of the table each.
pub const LEDGERS: usize = 65_536;

/// Places in which a ledger is looked for: with a table that is nine tenths full hardly one in a million finds none.
pub const LEDGER_PROBES: usize = 256;

/// Who may follow one topic of a module at once.
pub const SUBSCRIBERS: usize = 1_024;

/// Of them, those of one other platform: as many as it may have shards, consoles and plug-ins that follow by themselves.
pub const SUBSCRIBERS_OF_PLATFORM: usize = 32;

/// Of them, those of all other platforms: the rest stays for the own modules.
pub const SUBSCRIBERS_ELSEWHERE: usize = SUBSCRIBERS / 2;

/// Networks that the media of a leg may come from beside the hosts that are named: a carrier's sites; each plan of such a leg carries them.
pub const MEDIA_NETWORKS: usize = 32;

/// Diversions that a call bears: ISUP counts five (ITU-T Q.732.2), and networks of SIP let pass ten at most.
pub const DIVERSIONS: usize = 10;

/// Diversions, counted by whoever made them, after which a call is not sent on again: beyond ten it goes in a circle.
pub const DIVERSIONS_COUNTED: usize = 10;

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

/// How often a module asks the inter-platform interface for the platforms, beside what that tells by itself, milliseconds: after it began
/// anew it knows of no subscription.
pub const ROLL_EVERY_MS: u64 = 5_000;

/// The same where it did not answer: at the start it begins after the modules, and what comes meanwhile would find no platform.
pub const ROLL_AGAIN_MS: u64 = 20;

/// How long it may take: a turn of it lasts milliseconds.
pub const ROLL_WITHIN_MS: u64 = 2_000;

/// Platforms that one knows of: a cluster is a handful of machines, a carrier's a few dozen.
pub const PLATFORMS: usize = 256;

/// Modules that a platform offers: as many as its route table may have.
pub const OFFERED: usize = crate::address::ModuleKind::COUNT * MODULES_PER_KIND;

/// Addresses that a platform says it is reached at: one a network that it is in.
pub const ADDRESSES: usize = 4;

/// Octets of a name, version or address that a platform tells: what a host name may have (RFC 1035 §2.3.4).
pub const NAME_BYTES: usize = 255;

/// How long a peer may speak for a platform that it no longer announces, seconds, at least: what waited on its link when the list went.
/// What comes later is refused, and its sender told so.
pub const CLAIM_HELD_S: u64 = 60;

/// Platforms that a peer has withdrawn within that time: sixteen times as many as there are. Of more the oldest are no longer spoken for.
pub const CLAIMS_WITHDRAWN: usize = 16 * PLATFORMS;

/// Links that exist at once: two to each platform while both dialled each other.
pub const LINKS: usize = 2 * PLATFORMS;

/// Links of one platform that came in: the one that is used, and the one that it lost without a word. A further one ends the oldest.
pub const ACCEPTED_OF_PLATFORM: usize = 2;

/// Connections that came in and have not shown yet who they are: in the handshake of TLS, and again after it, before the hello. The newest
/// has a place in any case. A handshake lasts some round trips, so that a cluster that comes up at once needs no more.
pub const NEWCOMERS: usize = 64;

/// Of them, those from networks from which no platform is known to come: the rest is for platforms.
pub const NEWCOMERS_UNHEARD_OF: usize = 48;

/// Of them, those from one network, or with one platform's certificate: platforms that are behind one address come up together, too.
pub const NEWCOMERS_OF_SOURCE: usize = 16;

/// How often a handshake is begun for somebody from whose network no platform is known to come, milliseconds: it is half a millisecond's work
/// at most, so that strangers take a tenth of a core however many they are.
pub const HANDSHAKE_EVERY_MS: u64 = 5;

/// Hosts from which platforms have come, or which the configuration names: as many as there are addresses.
pub const PLATFORM_HOSTS: usize = TARGETS;

/// Longest frame before the peer has said hello: a hello with everything in it, before anybody is trusted with more.
pub const HELLO_FRAME_BYTES: usize = 1 << 16;

/// Platforms that a packet passes on its way, the destination's not counted: one is usual where a link is missing, more only
/// while links come and go.
pub const HOPS: u8 = 4;

/// Octets that wait for a link before new requests and notices are refused: a second of 50,000 packets.
pub const LINK_REQUEST_BYTES: usize = 7 << 20;

/// Octets that wait for a link before releases are refused, too.
pub const LINK_RELEASE_BYTES: usize = 8 << 20;

/// Octets that wait for a link at all: beyond them the peer asks and does not read what it is answered, and is let go.
pub const LINK_BYTES: usize = 24 << 20;

/// Octets of hellos, heartbeats and lists that wait for a link; more wait only where nothing is read.
pub const LINK_CONTROL_BYTES: usize = 4 << 20;

/// Octets that the shell holds of a link before it has written some: what a socket takes at once.
pub const WRITE_AHEAD_BYTES: usize = 256 << 10;

/// Octets that are written as one piece: some thousand small packets.
pub const WRITE_BYTES: usize = 64 << 10;

/// Packets a second from which on the inter-platform interface takes them in batches: those of 250 calls a second. Below, each goes
/// on at once.
pub const BUSY_PACKETS_PER_SECOND: u64 = 2_000;

/// Packets a second from which on it takes them as they come again: as many as come within [`BUSY_PERIOD_US`] then come while the ones
/// before are being dealt with.
pub const FULL_PACKETS_PER_SECOND: u64 = 50_000;

/// How long after the begin of a turn the next one begins while it is so busy: a call set-up passes an interface four times, so it takes
/// four milliseconds longer, and each turn has the packets of two calls or more. What a turn costs beside its packets (sleeping, looking
/// at sockets, a record of TLS, a segment of TCP) is more than what these do.
pub const BUSY_PERIOD_US: u64 = 2_000;

/// Requests that went over one link and are not answered yet: those of four modules that each use up what they may have.
pub const LINK_REQUESTS: usize = 4 * PENDING;

/// Of these, requests of one platform that this one merely forwards.
pub const FORWARDED_REQUESTS: usize = PENDING / 4;

/// How long a request may stay without its last answer, seconds: longer than any call rings or waits in a queue.
pub const REQUEST_AGE_S: u64 = 3_600;

/// Releases that found no room and are repeated by the interface.
pub const HELD_RELEASES: usize = 1_024;

/// How many heartbeats of a peer may fail to come before its link is given up.
pub const SILENT_HEARTBEATS: u32 = 3;

/// How many intervals a heartbeat may stay unanswered before the peer counts as one that does not read.
pub const UNANSWERED_HEARTBEATS: u32 = 6;

/// Shortest and longest interval of heartbeats, milliseconds: what a peer says beyond them is taken as these.
pub const HEARTBEAT_MS: std::ops::RangeInclusive<u64> = 50..=10_000;

/// Connections that are being made to addresses that no configuration names: whoever tells of many that do not answer
/// leaves room for the links that come in.
pub const LINKS_DIALLED: usize = 64;

/// Of them, those to platforms that have never had a link, and are merely told of: the rest is for those that are to be linked again.
pub const HEARSAY_DIALLED: usize = 32;

/// Of these, those that one platform tells of.
pub const HEARSAY_DIALLED_OF_ANNOUNCER: usize = 16;

/// Addresses that are known: four of each platform. Of more, those go of whoever has told of most that have never had a link.
pub const TARGETS: usize = PLATFORMS * ADDRESSES;

/// How long a connection may take to come about, with its handshake, and then its hello to arrive, milliseconds.
pub const HELLO_WITHIN_MS: u64 = 5_000;

/// First and longest pause before an address is dialled again, milliseconds; each failure doubles it.
pub const DIAL_AGAIN_MS: std::ops::RangeInclusive<u64> = 250..=30_000;

/// The longest pause where nobody has ever been met, milliseconds: ten minutes. A thousand such addresses, each of which takes five seconds to
/// fail, then need eight connections.
pub const HEARSAY_AGAIN_MS: u64 = 600_000;

/// A link that lasted so long, milliseconds, makes its address's failures forgotten: a line that is cut each second is no platform that refuses.
pub const LASTED_MS: u64 = 1_000;

/// For so long after a link has come up, milliseconds, packets of its platform may still arrive by other ways.
pub const SETTLED_MS: u64 = 5_000;

/// How long the first address of a newly heard platform waits to be dialled, milliseconds, at most: both would dial at once.
pub const DIAL_SPREAD_MS: u64 = 200;

/// How long a platform that is down is remembered and dialled if no configuration names it, seconds: a day.
pub const FORGET_S: u64 = 86_400;

/// How long an address is dialled where nobody has ever been met, seconds after it was last told of: a platform whose only neighbour is
/// started anew finds the others by what that one said.
pub const HEARSAY_FORGET_S: u64 = 3_600;

/// How long a platform is listed that has never had a link, seconds after it is told of no more: who follows platforms has heard of it.
pub const UNMET_FORGET_S: u64 = 60;

/// How often the log tells that a platform is not reached, for the same reason, seconds.
pub const UNREACHED_EVERY_S: u64 = 3_600;

/// The same for another reason than the time before: there may be two that take turns.
pub const UNREACHED_REASON_EVERY_S: u64 = 60;

/// Changes of the list of platforms are told together, milliseconds; new ones at once, unless a list was told so recently. As
/// seldom are the lists of one peer looked at: each may change every route.
pub const TELL_AFTER_MS: u64 = 20;

/// How often the list of platforms is told without any change, milliseconds: for the loads in it.
pub const TELL_EVERY_MS: u64 = 5_000;

/// How often what is old is looked for, milliseconds.
pub const SWEEP_EVERY_MS: u64 = 30_000;

/// How often own modules are asked for their load, milliseconds.
pub const LOAD_EVERY_MS: u64 = 1_000;

/// How long a platform is avoided as "any" after it failed a request, milliseconds.
pub const AVOID_MS: u64 = 5_000;

/// How long a platform may leave a request without any answer before it is avoided as "any", milliseconds.
pub const ANSWER_WITHIN_MS: u64 = 2_000;

/// How often the log tells of refused links of one source, seconds.
pub const REFUSAL_EVERY_S: u64 = 60;

/// Sources that are told apart when links are refused: more than a cluster has platforms are scanners, who share one line.
pub const REFUSAL_SOURCES: usize = PLATFORMS;

/// Listings that may be asked for over one link a second, a tenth of them at once: each goes through all calls or records, a millisecond of
/// its module at most, so that whoever asks without end takes a tenth of its time.
pub const LISTINGS_PER_SECOND: u32 = 100;

/// Calls that may be asked for over one link a second, a tenth of them at once: more than a shard carries, so that no platform that is well meets
/// it. Each that is refused for another reason has a record.
pub const CALLS_PER_SECOND: u32 = 3_000;

/// Octets of what another platform asks of the modules that make calls: what a SIP message may have (RFC 3261 §18.1.1) is more than any
/// call says of itself.
pub const CALL_BYTES: usize = 65_535;

/// What modules here follow at other platforms: each at each platform, some topics.
pub const FOLLOWED: usize = 4_096;

/// Platforms in one answer to a query.
pub const PLATFORM_PAGE: usize = 64;

const _: () = assert!(LINKS_DIALLED + NEWCOMERS < LINKS);
const _: () = assert!(HEARSAY_DIALLED_OF_ANNOUNCER < HEARSAY_DIALLED && HEARSAY_DIALLED < LINKS_DIALLED);
const _: () = assert!(NEWCOMERS_OF_SOURCE < NEWCOMERS_UNHEARD_OF && NEWCOMERS_UNHEARD_OF < NEWCOMERS);
const _: () = assert!(HELLO_FRAME_BYTES < FRAME_BYTES);
const _: () = assert!(LINK_REQUEST_BYTES + FRAME_BYTES <= LINK_RELEASE_BYTES && LINK_RELEASE_BYTES < LINK_BYTES);
