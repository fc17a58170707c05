//! What is said of every key: for `tandem config`, `docs/configuration.md` and reloading; and which numbers each takes.

use crate::limits::CALL_GRACE_S;
use router::limits::HEARTBEAT_MS;
use signaling::limits::{CONTACTS_PER_ACCOUNT_MAX, SESSION_INTERVAL_MOST_S, SUBSCRIPTIONS_MAX};
use std::fmt;

/// A key and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// `sip.listen`; `trunk.name` for each trunk.
    pub path: &'static str,
    /// Whether a reload applies it; otherwise it takes a restart.
    pub live: bool,
    /// What it is for, with its unit and where its default comes from.
    pub about: &'static str,
    /// What it may look like, where it has no default.
    pub example: &'static str,
    /// Which numbers it takes, where it takes numbers.
    pub numbers: Option<Numbers>,
}

/// The whole numbers that a key takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers {
    /// The lowest.
    pub low: u64,
    /// The highest; `u32::MAX`: what the key means sets no bound.
    pub high: u64,
    /// Whether 0 turns off what the key is for.
    pub or_zero: bool,
    /// Why it takes no others, where that is not plain.
    pub why: &'static str,
}

const fn live(path: &'static str, about: &'static str) -> Key {
    Key { path, live: true, about, example: "", numbers: None }
}

const fn fixed(path: &'static str, about: &'static str) -> Key {
    Key { path, live: false, about, example: "", numbers: None }
}

impl Key {
    const fn example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// It takes these numbers.
    const fn numbers(self, low: u64, high: u64, why: &'static str) -> Self {
        Self { numbers: Some(Numbers { low, high, or_zero: false, why }), ..self }
    }

    /// It takes numbers from here on.
    const fn from(self, low: u64, why: &'static str) -> Self {
        self.numbers(low, UNBOUNDED, why)
    }

    /// It takes 0 too, which turns off what it is for.
    const fn or_zero(self) -> Self {
        match self.numbers {
            Some(numbers) => Self { numbers: Some(Numbers { or_zero: true, ..numbers }), ..self },
            None => self,
        }
    }
}

/// The highest number of a key that nothing else bounds: what its type holds.
const UNBOUNDED: u64 = u32::MAX as u64;

impl Key {
    /// What it is for, and which numbers it takes.
    pub fn described(&self) -> String {
        match self.numbers {
            Some(numbers) if numbers != Numbers { low: 0, high: UNBOUNDED, ..numbers } => {
                format!("{} Takes {numbers}.", self.about)
            }
            _ => self.about.to_owned(),
        }
    }
}

impl Numbers {
    /// Whether the key takes this one.
    pub fn takes(&self, number: i64) -> bool {
        let within = |number| (self.low..=self.high).contains(&number);
        u64::try_from(number).is_ok_and(|number| within(number) || (number == 0 && self.or_zero))
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { low, high, .. } = *self;
        if self.or_zero {
            f.write_str("0, or ")?;
        }
        match high {
            UNBOUNDED if low == 0 => f.write_str("0 or more"),
            UNBOUNDED => write!(f, "{low} or more"),
            high => write!(f, "{low} to {high}"),
        }
    }
}

const DSCP: &str = "a DiffServ code point has six bits (RFC 2474 §3)";

const TIMER_B: &str = "a transaction ends after 32 seconds (RFC 3261 timer B)";

/// Sections and what they are, in the order in which they are written. A section of `true` may be there many times.
pub const SECTIONS: &[(&str, bool, &str)] = &[
    ("", false, "The data folder"),
    ("sip", false, "SIP: listeners, timers, registrations, who is limited"),
    ("calls", false, "Calls"),
    ("events", false, "Lamps, presence, mailbox lights: what phones subscribe to and publish"),
    ("messages", false, "Text messages (SIP: MESSAGE)"),
    ("services", false, "Numbers of the built-in services; an empty list takes a service away"),
    ("media", false, "Media: RTP ports and the workers that relay them"),
    (
        "turn",
        true,
        "Servers that relay media (TURN, RFC 8656), for ports that the world does not reach: the first that answers gives an address. One section each",
    ),
    ("store", false, "Accounts, registrations and call records on disk"),
    ("control", false, "The control socket"),
    ("bridge", false, "Links with other platforms. Nothing is linked unless `platform` is set"),
    ("metrics", false, "Metrics and the health endpoint"),
    ("hep", false, "A capture server (Homer)"),
    ("log", false, "The log, on standard error"),
    (
        "certificate",
        true,
        "Certificates of SIP over TLS. One section each; a client that asks for a name is shown the one with that name, every other the first",
    ),
    ("trunk", true, "Trunks: peers that are known by their address. One section each"),
    ("trunk_group", true, "Trunks that share calls. One section each"),
    ("group", true, "Groups of accounts that answer for one number. One section each"),
    (
        "numbering",
        false,
        "How numbers are dialled where the platform is. Where `country` is empty, numbers are taken as they are",
    ),
    ("identity", false, "Signatures of calls (STIR/SHAKEN): our own, and whose word counts for those of others"),
    (
        "rates",
        true,
        "Rate tables: what trunks cost for which numbers, for routes to [\"rates:NAME\"]. One section each",
    ),
    (
        "guard",
        true,
        "What callers may do at most: the first that is for somebody decides, and each has all of it for itself. One section each",
    ),
    ("route", true, "The routing plan: the first route that matches decides. One section each"),
];

/// Every key, by section in the order in which they are written.
pub const KEYS: &[Key] = &[
    fixed("data", "Folder of the store, the control socket and the first accounts; made with mode 0700. A relative path, here and in every other key, starts at the folder of this file; without a file, where the server is started."),
    fixed("sip.listen", "Where SIP is listened for. Loopback alone until the operator says otherwise: \"udp:0.0.0.0:5060\" opens it to the network. \"udp:[::]:5060\" takes IPv6 alone: both beside each other take both. udp, tcp, tls (5061), ws and wss (80 and 443; RFC 7118); tls and wss need a [[certificate]]."),
    fixed("sip.shards", "Threads that share SIP and calls, 1 to 32. One is what a machine with few cores needs, and costs least a call; more where one core is not enough for the calls a second, each on a core of its own that media workers leave free. \"auto\": one on each core that media.workers does not name; where that is \"auto\" too, one for every four cores."),
    fixed("sip.advertised", "What peers are told instead of a listener's own address, where the server is behind NAT: { \"udp:10.0.0.5:5060\" = \"203.0.113.7:5060\" }. A host, with or without a port."),
    fixed("sip.client_certificates", "Whether who opens a connection to a listener with TLS shows a certificate: { \"tls:0.0.0.0:5061\" = \"offered\" }. \"never\" (where nothing is said): it is not asked; \"offered\": it is asked, and what it shows has to be signed by sip.client_authorities; \"required\": it is not served without."),
    live("sip.client_authorities", "Files of the certificates, in PEM, of the authorities that may have signed those of clients."),
    live("sip.authorities", "File of the certificates, in PEM, of the authorities that may have signed those of trunks that are called over TLS. Where it is not set: /etc/ssl/certs/ca-certificates.crt.").example("\"./authorities.pem\""),
    live("sip.revoked", "Files of lists, in PEM, of certificates that their authorities have taken back (CRL, RFC 5280), of clients and of trunks that are called over TLS: none on a list is believed. A list serves beyond its own time, and says nothing of other authorities'."),
    live("sip.origins", "The web pages that may open WebSockets, by their origin: [\"https://phone.example.net\"]. Where it is empty: every one may. Clients that are no page tell no origin, and may."),
    fixed("sip.connections_max", "Connections at once (TCP, TLS, WebSocket), over all SIP shards: a phone holds one. A quarter is kept for trunks and for what the server opens itself.").numbers(64, 1_000_000, "trunks and phones have to find room"),
    fixed("sip.connections_per_source", "Of them, those from one host (an IPv4 address, an IPv6 /64) that is no trunk's: an office behind one NAT.").from(1, "nobody could connect any more"),
    live("sip.service_route", "The way that phones' requests are to take once they are registered (Service-Route, RFC 3608), as SIP URIs of loose routers (sip:edge.example.net;lr), the first hop first: proxies between them and this server. Where it is empty, the phones decide."),
    live("sip.edge_proxies", "Addresses and networks of the operator's own proxies between phones and this server: [\"203.0.113.0/28\"]. What is for a phone that registered by way of one goes where its Path says (RFC 3327), which may be another of these hosts, or a name that leads to one; they have the limits of a trunk, and are not shut out for what phones behind them send. Where it is empty: a Path leads to the host that the REGISTER came from."),
    live("sip.domains", "Domains that are this server's besides its own addresses. A request to another domain is refused."),
    fixed("sip.name_servers", "Name servers that are asked for the hosts of trunks and phones, ADDRESS:PORT each. Where there is none: those of the system (/etc/resolv.conf)."),
    fixed("sip.realm", "The digest realm. The store keeps passwords as hashes for it: it is fixed when the store is made."),
    fixed("sip.dscp", "DiffServ code point of signalling. 40 is CS5 (RFC 4594 §4.2).").numbers(0, 63, DSCP),
    live("sip.trying_ms", "After how long an INVITE that has no other answer gets 100 Trying, milliseconds (RFC 3261 §17.2.1: 200).").numbers(0, 200, "RFC 3261 §17.2.1 asks for 100 within 200 ms"),
    live("sip.t1_ms", "Timer T1: estimate of the round trip, milliseconds (RFC 3261 §17.1.1.1).").numbers(10, 4_000, ""),
    live("sip.t2_ms", "Timer T2: longest interval between retransmissions, milliseconds.").numbers(10, 256_000, ""),
    live("sip.t4_ms", "Timer T4: how long a message stays in the network, milliseconds.").numbers(10, 60_000, ""),
    live("sip.expires_min_s", "Shortest registration, seconds; shorter ones get 423.").from(1, "a registration lasts"),
    live("sip.expires_default_s", "Registration where a phone asks for no time, seconds.").from(1, "a registration lasts"),
    live("sip.expires_max_s", "Longest registration, seconds; longer ones are cut.").from(1, "a registration lasts"),
    live("sip.contacts_max", "Phones that one account may register at once.").numbers(1, CONTACTS_PER_ACCOUNT_MAX as u64, ""),
    live("sip.nonce_life_s", "How long a digest nonce may be used, seconds.").numbers(10, 86_400, "a phone needs 10 seconds to answer a challenge, and what is a day old was recorded"),
    live("sip.keep_alive_s", "How often registered phones are asked whether they are there (OPTIONS), seconds; 0: never. 30 keeps the NAT bindings of common routers.").from(5, "it is a request to every phone").or_zero(),
    live("sip.response_s", "How long a registered phone may leave a call without any response, 100 Trying among them, before it counts as unreachable, seconds. One whose keep-alives are unanswered has 2.").numbers(1, 31, TIMER_B),
    live("sip.session_expires_s", "The session interval that peers are asked for and granted, seconds (RFC 4028); 0: what a peer asks for is granted, and none is asked for. An end that knows session timers refreshes the call at half of it; a call that nobody refreshes in time is ended.").numbers(4, SESSION_INTERVAL_MOST_S as u64, "a day is the longest, and nobody refreshes every other second").or_zero(),
    live("sip.session_min_s", "The shortest session interval that is taken, seconds; shorter ones get 422. RFC 4028 §4 lets no server ask for less than 90.").numbers(4, 3_600, "longer ones are what peers ask for"),
    live("sip.reliable", "Provisional responses that are acknowledged (100rel, RFC 3262): \"never\"; \"supported\", used where the peer knows them; \"required\", calls without them are refused (421). Each leg by itself: the other one need not know them."),
    live("sip.srtp", "Whether the media of phones is protected (SRTP): \"never\", a secure offer is refused (488); \"may\", it is answered as it asks, by keys in SDP (RFC 4568) or by a handshake (DTLS-SRTP, RFC 5763), and where signalling is confidential (tls, wss) keys are offered beside plain media (RFC 8643), for who knows them; \"must\", plain media is refused, and secure media offered. Each leg by itself: the other one may be in the clear."),
    live("sip.srtp_accounts", "Accounts for whose phones another rule holds: { \"alice\" = \"must\" }."),
    live("sip.srtp_keys_in_clear", "Whether keys may stand in messages that come and go over udp, tcp and ws, where everybody on the way can read them. If not, a secure offer there counts as one without keys, and who must have them is not called, unless by a handshake."),
    live("sip.srtp_keying", "Where the keys of what is offered to phones come from: \"sdes\", they stand in SDP (RFC 4568; RTP/SAVP where they must); \"dtls\", they come about in the media (DTLS-SRTP, RFC 5763; UDP/TLS/RTP/SAVPF where they must). What phones offer themselves is taken either way."),
    live("sip.srtp_keying_accounts", "Accounts for whose phones another rule holds: { \"alice\" = \"dtls\" }."),
    live("sip.ice", "Whether ways to the media of phones are looked for (ICE, RFC 8445): \"never\", what they say of them is passed over, and where their media is, is learned from its packets; \"may\", where they offer it; \"offer\", it is offered to them, too, which those that do not know it pass over; \"must\", calls without are refused (488). Each leg by itself."),
    live("sip.ice_accounts", "Accounts for whose phones another rule holds: { \"alice\" = \"offer\" }."),
    live("sip.ice_lite", "Whether checks are answered and none is sent (ICE lite): right where peers reach the addresses that are advertised for media. If not, Tandem checks by itself, asks every few seconds whether the peer still consents (RFC 7675), and ends calls whose peer does not for half a minute. For all phones and trunks."),
    live("sip.rtcp_xr", "Whether phones and trunks are asked how they hear what they are sent (RTCP XR, `a=rtcp-xr:voip-metrics stat-summary=loss,dup,jitt`, RFC 3611): the opinions of those that say so are in records, events and metrics, and what they count (packets that came twice, the greatest jitter) in records and events. Who asks Tandem is told in any case."),
    live("sip.accounts_pass", "Header fields of INVITEs that pass from one account to another: Alert-Info for a ring tone of its own, Call-Info for paging (answer-after), Subject, Priority. None of who is where, or of a dialog. Where it is empty nothing passes; what passes between accounts and trunks each trunk says (trunk.headers_pass)."),
    live("sip.accounts_diversion", "How phones are told who sent a call on to them, and what of that is taken from them; as trunk.diversion."),
    live("sip.unknown_source_per_s", "Requests a second that one address which is neither trunk nor registered may send; more is dropped before any digest arithmetic.").from(1, "nobody would be heard any more"),
    live("sip.unknown_source_burst", "How many of these at once: an office whose phones restart together.").from(1, "nobody would be heard any more"),
    live("sip.unknown_total_per_s", "Requests a second from all such addresses together.").from(1, "nobody would be heard any more"),
    live("sip.unknown_total_burst", "How many of these at once.").from(1, "nobody would be heard any more"),
    live("sip.ban_after", "After so many wrong credentials an unknown source (an IPv4 address, an IPv6 /64) is shut out: nothing that it sends outside of calls is looked at. Counted only where it answered a challenge that was sent to it, so nobody is shut out by a forged address; trunks and registered phones never are. 0: never.").from(0, ""),
    live("sip.ban_within_s", "Within how many seconds.").numbers(1, 86_400, "a ban is of guessers, who are quick"),
    live("sip.ban_s", "For how long, seconds.").numbers(1, 2_592_000, "a ban expires"),
    live("sip.overload_after_ms", "How long what is new (calls, those of other platforms among them, registrations, subscriptions, messages) may wait for its turn, in milliseconds, while a SIP shard does not catch up with what comes; a tenth of it once that has lasted for so long. What waits longer, and has enough before it for a turn, is refused: with 503 and Retry-After. Calls to emergency numbers, OPTIONS and all that belongs to calls that are up wait for nothing. 0: never.").numbers(20, 10_000, "a turn is late now and then, and what has waited for ten seconds nobody waits for").or_zero(),
    live("sip.registered_per_s", "Requests a second from a registered phone.").from(1, "nobody would be heard any more"),
    live("sip.registered_burst", "How many of these at once.").from(1, "nobody would be heard any more"),
    live("sip.trunk_per_s", "Messages a second from the addresses of one trunk, over all SIP shards; more is dropped, but for responses to requests of ours and requests within a dialog that is up.").from(1, "nobody would be heard any more"),
    live("sip.trunk_burst", "How many of these at once.").from(1, "nobody would be heard any more"),
    live("calls.max", "Calls at once; one more is refused with 503.").numbers(1, 100_000, ""),
    live("calls.setup_timeout_s", "From a call's begin to its answer over all destinations, seconds. RFC 3261 §16.6 lets no proxy wait less than 180.").from(1, ""),
    live("calls.ring_timeout_s", "How long a destination rings where the plan does not say, seconds: ten rings.").from(1, "a destination rings for a second at least"),
    live("calls.recall_s", "How long who transferred somebody rings, seconds, where the transfer came to nothing and it has hung up already: the one who was sent on comes back to it; 0: that one's call ends.").from(0, ""),
    live("calls.length_max_s", "Longest call, seconds; 0: any. 12 hours end a call that both ends forgot.").from(0, ""),
    live("calls.media_silence_s", "How long an answered leg may send no media where neither hold nor silence suppression explains it, seconds; 0: for ever. Who is silent for so long at a service (echo, a conference) is asked whether it is there instead, as by supervise_s, unless that is 0.").from(10, "silence suppression sends less than a packet a second").or_zero(),
    live("calls.supervise_s", "How often the peers of an answered call are asked whether they are there (UPDATE or OPTIONS within the call) while their media do not tell: on hold, or with silence suppression; seconds, 0: never. Not where a session timer runs. One that does not know the call any more, or does not answer, ends it.").from(30, "an answer may take 32 seconds").or_zero(),
    live("calls.redirects", "What is done when a registered phone sends a call elsewhere (3xx), such as by forwarding that is set at it: \"follow\" looks for the new number by the plan, as a call from that phone's account; \"refuse\" takes it for unreachable; \"pass\" tells the caller, by a 3xx with the number at our address, who may call there itself."),
    live("calls.early_ringing", "What a caller hears that has heard a callee's early media, when the callee says next that it rings (180 after 183): \"keep\" the callee, \"local\" a ringing tone of ours."),
    live("calls.codecs", "Codecs that a peer is offered beside what the other leg can, best first: the call is transcoded where it takes one of them, instead of failing. PCMU, PCMA, G722, opus, GSM, G726-32, AAL2-G726-32 and L16 (with its clock and channels: L16/16000/1) can be coded. Empty: nothing is transcoded."),
    live("calls.codecs_offered", "When they are offered: \"refused\", once a peer has refused what the other leg can (415, 488, 606), or in the offer that answers a call without one; \"always\" at once, for peers that do not say so. Many phones answer by an order of their own, and are then transcoded though both could have done without."),
    live("calls.account_codecs", "The same for single accounts, in place of calls.codecs: { door = [\"GSM\"], lift = [] }."),
    live("calls.dtmf", "How phones and trunks have the keys that are pressed, and so how they are sent them: \"auto\" as events (RFC 4733) where both sides agree on them, else as tones in the sound; \"rfc4733\" as events alone; \"info\" in INFO (application/dtmf-relay); \"inband\" as tones. Keys are converted between legs that have them differently. INFO is understood from everybody, and with \"auto\" goes on as INFO to who has agreed on no events and says in Allow that it takes INFO; to who does not, as tones."),
    live("calls.account_dtmf", "The same for the phones of single accounts: { door = \"inband\" }."),
    live("calls.dial_accounts", "Whether a number that no route, group or service claims is an account's name."),
    live("calls.emergency", "Emergency numbers, as they are dialled and as routes see them: [\"112\", \"110\"]. No guard, no bound on calls and no limit of a trunk refuses them, and some media ports are kept for them (media.emergency_ports). urn:service:sos and its sub-services (RFC 5031) are such as well, and are called as the first of them; without any, as they are."),
    live("calls.time_zone", "By which clock the hours of routes are told: a name of the IANA database, as \"Europe/Berlin\"."),
    live("calls.drain_s", "How long SIGTERM waits for calls to end, seconds. A second signal ends at once.").from(0, ""),
    live("events.expires_min_s", "Shortest subscription and publication, seconds; shorter ones get 423.").from(1, "a subscription lasts"),
    live("events.expires_max_s", "Longest subscription and publication, seconds; longer ones are cut.").from(1, "a subscription lasts"),
    live("events.subscriptions_max", "Subscriptions that one account may have at once, over all its phones: one for each lamp.").numbers(1, SUBSCRIPTIONS_MAX as u64, ""),
    live("events.watch_others", "Whether accounts may follow each other's lamps and presence. Their registrations and mailboxes are their own in any case."),
    live("events.unasked_mailbox", "Whether phones that have not subscribed to their mailbox are told of it, too (NOTIFY outside a subscription): when it changes and when they register."),
    live("messages.octets_max", "Longest text, octets; longer ones get 413. By UDP 1300 at most, as RFC 3428 §8 has it.").numbers(1, 60_000, "a message is shorter than 64 KiB"),
    live("messages.keep_hours", "For how long a text is kept for an account that is not registered, hours; 0: none is kept.").numbers(0, 8_760, ""),
    live("messages.account_per_s", "Texts a second that one account may send, on each SIP shard; more get 503.").from(1, "nobody could write"),
    live("messages.account_burst", "How many of these at once.").from(1, "nobody could write"),
    live("messages.trunk_per_s", "Texts a second that one trunk may send, on each SIP shard; more get 503.").from(1, "nobody could write"),
    live("messages.trunk_burst", "How many of these at once.").from(1, "nobody could write"),
    live("services.echo", "Numbers that send back what they hear."),
    live("services.milliwatt", "Numbers that send the digital milliwatt, a tone for measurements."),
    live("services.silence", "Numbers that send silence."),
    fixed("media.ports", "Ports of RTP and RTCP, a pair a leg. Outside the kernel's ephemeral ports (32768 and above)."),
    fixed("media.workers", "Cores of the media workers, one each: \"auto\" takes the inherited cores but one, or a list such as [1, 2]."),
    fixed("media.interfaces", "Addresses for media. A leg's media uses the address of its signalling; where that is unspecified (0.0.0.0), the first of its family here, or else the one by which the host reaches the world."),
    fixed("media.advertised", "What peers are told instead of a media address, where the server is behind NAT: { \"10.0.0.5\" = \"203.0.113.7\" }."),
    fixed("media.dscp", "DiffServ code point of media. 46 is EF (RFC 4594).").numbers(0, 63, DSCP),
    fixed("media.quarantine_ms", "How long a port rests before it is used again, milliseconds, so that strays of its last call reach nobody.").numbers(0, 600_000, ""),
    fixed("media.emergency_ports", "Pairs of ports of each worker and address that are kept for calls to the numbers of calls.emergency, where there are any when the server starts; a call takes two. A quarter of the worker's ports at most.").numbers(0, 4_096, "the rest is for all other calls"),
    fixed("media.real_time", "Whether workers ask for real-time scheduling, where it is permitted and the core is theirs alone."),
    fixed("turn.server", "Where it takes UDP: ADDRESS:PORT or NAME:PORT, of which A and AAAA are looked up by sip.name_servers, again and again; the first address that answers is asked. Asked from the media ports themselves, of its own family, for legs whose peer offers ICE, or is offered it (sip.ice, trunk.ice), where sip.ice_lite is false. A call waits half a second at most for its addresses, and for a server that does not answer not at all.").example("\"203.0.113.9:3478\""),
    fixed("turn.username", "Our name there (long-term credentials, RFC 8489 §9.2). With turn.valid_s: what stands in the names of accounts, where anything does."),
    fixed("turn.password", "The password for it; the file must be readable by its owner alone then.").example("\"secret\""),
    fixed("turn.password_file", "A file that holds the password, readable by its owner alone.").example("\"./turn.password\""),
    fixed("turn.valid_s", "Where it is set, the password is a secret that the server shares with us (coturn: static-auth-secret), and accounts are made of it as they are needed, each good for so many seconds: the name is the time of its end, the password the HMAC-SHA1 of that (draft-uberti-behave-turn-rest-00). Both clocks have to be right. An address keeps the account that it was asked for with, so it should be longer than calls are. Where it is not set: username and password are an account.").example("86400").numbers(600, 31_536_000, "calls and clocks need some minutes"),
    fixed("store.records_keep_days", "Call records older than this are deleted, days; 0: they are kept.").from(0, ""),
    fixed("store.size_max_mib", "Longest the database (tandem.db) may grow, MiB; 0: as long as the disk has room. Its log beside it, tandem.db-wal, is not counted: 4 MiB as a rule, more while much is written at once, and 64 at most once that is over. At the bound calls go on, their records wait in memory (32,768 at most), and the status says so.").from(0, ""),
    fixed("control.socket", "The Unix socket; only the server's owner can open it. Where it is not set: control.sock in the data folder.").example("\"./data/control.sock\""),
    fixed("control.tcp", "A TCP address for clients that have the token. Not encrypted: loopback or a private network. Where it is not set: none.").example("\"127.0.0.1:5064\""),
    fixed("control.token_file", "The file that holds the token, 16 characters at least; made at the first start. Readable by its owner alone, or the server does not start. Where it is not set: control.token in the data folder.").example("\"./data/control.token\""),
    fixed("bridge.platform", "This platform's number, another on each platform of a cluster. Where it is not set: no links, and platform 1.").example("1").numbers(1, u32::MAX as u64 - 1, "the numbers beyond mean every platform and this one"),
    fixed("bridge.name", "Its name, for people: letters, digits, dots, hyphens, underscores. Where it is not set: platform-1, by its number.").example("\"east\""),
    fixed("bridge.listen", "Where links are taken. Where it is not set: this platform only makes them.").example("\"0.0.0.0:5065\""),
    fixed("bridge.advertise", "What other platforms are told to reach this one at: HOST:PORT. Where it is not set: bridge.listen, or where that is unspecified (0.0.0.0), the address by which the host reaches the world.").example("\"east.example.net:5065\""),
    fixed("bridge.peers", "Where other platforms take links: HOST:PORT. One that is up suffices; it tells of the others."),
    fixed("bridge.plain", "Whether links are TCP without TLS. On loopback alone, for tests: whoever reaches the port is believed."),
    fixed("bridge.certificates", "Folder of the certificates that `tandem bridge` makes; the files are read anew by a reload. Where it is not set: bridge in the data folder.").example("\"./data/bridge\""),
    fixed("bridge.heartbeat_ms", "How often each platform says that it is there, milliseconds. One that misses three is down, and what was asked of it fails.").numbers(*HEARTBEAT_MS.start(), *HEARTBEAT_MS.end(), ""),
    fixed("bridge.media", "The local address of media from and to other platforms. Where it is not set: that of bridge.listen, or where that is unspecified or not set, the one of media.").example("\"10.0.0.5\""),
    fixed("bridge.call_grace_s", "For how long a call goes on while the platform of one of its legs is not reached, seconds.").numbers(*CALL_GRACE_S.start() as u64, *CALL_GRACE_S.end() as u64, "a link takes some seconds to be made anew, and nobody holds a dead call for an hour"),
    fixed("metrics.listen", "HTTP address of /metrics (Prometheus) and /health. Where it is not set: none.").example("\"127.0.0.1:9464\""),
    live("hep.server", "A capture server (Homer, heplify-server), IP:PORT, that is told of every SIP message by HEP3 over UDP, both legs of a call with one correlation id, which is the call's. Keys of media (a=crypto) are not told; numbers and names are. Where it is not set: none.").example("\"10.0.0.9:9060\""),
    live("hep.agent", "Our number among its capture agents.").from(0, ""),
    live("hep.node", "Our name there. Where it is not set: none is told.").example("\"tandem-east\""),
    live("hep.password", "What it wants to be told before it believes us; the file must be readable by its owner alone then. It goes over the network as it is. Where it is not set: nothing.").example("\"myhep\""),
    live("log.level", "error, warn, info, debug, trace; or directives such as \"info,signaling=debug\"."),
    fixed("log.format", "\"text\" or \"json\"."),
    live("log.reveal", "Whether the log shows numbers and names of callers and called."),
    live("certificate.file", "The certificate in PEM, and behind it those that lead to its authority. Read anew by each reload: connections that are open stay.").example("\"./sip.example.net.pem\""),
    live("certificate.key_file", "Its private key in PEM, readable by its owner alone.").example("\"./sip.example.net.key\""),
    live("trunk.name", "Its name, for routes, records and statistics.").example("\"carrier\""),
    live("trunk.address", "Where calls to it go: HOST, HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT, an address or a name. What is not written of a name, its zone says (RFC 3263): by NAPTR and SRV where no port is written (TLS where NAPTR names SIPS+D2T and one of sip.listen has it), by A and AAAA at that port where one is. Its addresses are tried one after another when one gives no response or 503. Where it is not set, it only calls us.").example("\"sip.example.net\""),
    live("trunk.accept", "Where its requests come from: ADDRESS, ADDRESS:PORT or NETWORK/BITS. The most specific decides, and of two trunks that name the same the first. A network is written by its first address (10.0.0.0/8, not 10.0.0.1/8). Where it is empty and the address is no name: from that very address and port (5060 where none is written), or, where it is called over tcp or tls, from that address by connections of that transport, whatever their port: everything on that host, and behind it, that can connect is the trunk then. What else it calls from is written here.").example("[\"198.51.100.0/24\"]"),
    live("trunk.domain", "Its SIP domain: what Request-URI and To of calls to it name, and what its certificate has to be for (RFC 5922), while they go to its address, which is an outbound proxy or border controller then. Where it is not set: the host of its address.").example("\"carrier.example\""),
    live("trunk.from_domain", "The domain of From, and of the identities beside it, in calls to it. Where it is not set: that of the first address of trunk.register, or else the first of sip.domains.").example("\"carrier.example\""),
    live("trunk.from_user", "The user of From in calls to it, for a carrier that wants the account there; who calls stands in P-Asserted-Identity where the trunk is trusted, and else in P-Preferred-Identity (RFC 3325). Where it is not set: the caller's number.").example("\"tandem-1\""),
    live("trunk.certified", "Whether its requests have to come over TLS with a certificate for its domain, beside coming from where it is accepted; a listener has to ask for certificates then (sip.client_certificates).").example("false"),
    live("trunk.authorities", "File of the certificates, in PEM, of the authorities that may have signed its own. Where it is not set: sip.authorities.").example("\"./carrier-ca.pem\""),
    live("trunk.certificate", "The certificate that it is shown where it asks, in PEM, with those that lead to its authority. Where it is not set: none.").example("\"./tandem.pem\""),
    live("trunk.key_file", "The private key of that certificate in PEM, readable by its owner alone.").example("\"./tandem.key\""),
    live("trunk.username", "What it knows us by, where it asks for digest.").example("\"tandem-1\""),
    live("trunk.password", "The password for it; the file must be readable by its owner alone then.").example("\"secret\""),
    live("trunk.password_file", "A file that holds the password, readable by its owner alone.").example("\"./carrier.password\""),
    live("trunk.trusted", "Whether its P-Asserted-Identity is believed, and ours sent to it (RFC 3325).").example("false"),
    live("trunk.calls_max", "Most calls at once, both ways together. Where it is not set: as many as calls.max.").example("30").from(1, "0 calls are no trunk"),
    live("trunk.calls_per_s", "Most calls that are offered to it within any second, over all SIP shards; they may come at once. For one more the next trunk is tried; where there is none, the caller gets 503 with Retry-After. Where it is not set: any.").example("20").from(1, "0 calls are no trunk"),
    live("trunk.options_s", "How often it is asked by OPTIONS whether it is there, seconds. One that leaves two rounds unanswered, or answers them with 503, is passed over while another trunk can be tried, until it answers. Where it is not set: never.").example("30").numbers(5, 300, "it is a request to every trunk, and a trunk that is back is to be found"),
    live("trunk.answered_min_percent", "Of its last 64 calls so many percent are to be answered (answer-seizure ratio), or it is passed over for a while. Where it is not set: any. Half of 16 calls that fail by its own fault (5xx, no response) always do that, and so does 503 with Retry-After.").example("20").numbers(1, 99, "of every ratio some lies above"),
    live("trunk.post_dial_delay_max_s", "Its calls are to ring, or be answered, within so many seconds on an average of the last ones, 16 at least; or it is passed over for a while (post-dial delay). Where it is not set: any.").example("8").numbers(1, 60, "a call that has not rung within a minute is none"),
    live("trunk.caller", "How it is shown the caller's number: a pattern, and what its first match becomes ($1 is its first group, one digit, $0 the whole match; ${10} and ${name} stand for any, $$ for a dollar). A number that does not match stays as it is.").example("[\"^([1-9][0-9])$\", \"+49301234$1\"]"),
    live("trunk.headers_pass", "Header fields of INVITEs that pass between this trunk and the other end: from it, and to it. None of who is where, or of a dialog. Reason among them: BYE, CANCEL and refusals to this trunk have the words in which the other end said why, which are ours otherwise. Where it is empty nothing passes.").example("[\"X-Account\", \"Diversion\"]"),
    live("trunk.headers_add", "Header fields that INVITEs to it have beside: \"NAME: VALUE\".").example("[\"X-Carrier: tandem-1\"]"),
    live("trunk.headers_remove", "Header fields that INVITEs to it do not have: of those that pass, or User-Agent, Allow, Supported, Referred-By, P-Asserted-Identity, P-Preferred-Identity.").example("[\"User-Agent\"]"),
    live("trunk.headers_rewrite", "How header fields that pass to it are changed: name, pattern, and what the pattern's first match becomes ($1 is its first group, one digit, $0 the whole match; ${10} and ${name} stand for any, $$ for a dollar).").example("[[\"X-Account\", \"^0\", \"49\"]]"),
    live("trunk.number_parameters", "Parameters of telephone numbers that pass between this trunk and another one that lists them too: what is written behind the called number in the Request-URI (npdi, rn: where a ported number is) and behind the caller's (cpc). They pass with the number that they are said of, however it is rewritten at its begin, and with no other. Where it is empty none passes; a transit between carriers lists them, or a ported number may go back to the network that it has left.").example("[\"npdi\", \"rn\", \"cpc\"]"),
    live("trunk.response_s", "How long each of its addresses may leave a call without any response, 100 Trying among them, until the next address or trunk is tried, seconds. Where it is not set: 4.").example("4").numbers(1, 31, TIMER_B),
    live("trunk.session_expires_s", "The session interval that it is asked for and granted, seconds; 0: none is asked for. Where it is not set: sip.session_expires_s.").example("1800").numbers(4, SESSION_INTERVAL_MOST_S as u64, "a day is the longest, and nobody refreshes every other second").or_zero(),
    live("trunk.register", "Addresses of ours that are registered there, with username and password: USER or USER@DOMAIN, where the domain is not trunk.domain or the trunk's host. Calls to them belong to the trunk; the called number is that of P-Called-Party-ID or To.").example("[\"tandem-1\"]"),
    live("trunk.outbound", "Whether each of these is registered over two flows (RFC 5626), to two of the hosts that its name has, so that calls come in while one of them is away. For a carrier that knows this; with others, or where there is one host alone, it is registered as ever.").example("false"),
    live("trunk.early_offer", "Whether an INVITE to it has an offer in any case: where the caller has none (late offer), one of PCMA, PCMU, G722 and Opus; the caller is then offered what was answered. For a carrier that does not take INVITEs without SDP, or sends its announcements only where it was offered where to.").example("false"),
    live("trunk.register_expires_s", "For how long that is asked for, seconds; the trunk may grant less. Where it is not set: 3600.").example("3600").numbers(60, 86_400, "a shorter time is traffic, a longer one finds no change"),
    live("trunk.reliable", "The same as sip.reliable for this trunk. Where it is not set: sip.reliable.").example("\"supported\""),
    live("trunk.srtp", "The same as sip.srtp for this trunk. Where it is not set: sip.srtp.").example("\"must\""),
    live("trunk.srtp_keying", "The same as sip.srtp_keying for this trunk. Where it is not set: sip.srtp_keying.").example("\"dtls\""),
    live("trunk.ice", "The same as sip.ice for this trunk. Where it is not set: sip.ice.").example("\"never\""),
    live("trunk.redirects", "What is done when it sends a call elsewhere (3xx): \"refuse\" takes it for unreachable, \"follow\" looks for the new number by the plan, as a call from this trunk; \"pass\" tells the caller, by a 3xx with the number at our address, who may call there itself.").example("\"refuse\""),
    live("trunk.diversion", "How it is told who sent a call on to it, and what of that is taken from it: \"diversion\" (RFC 5806), \"history-info\" (RFC 7044), \"both\"; \"none\" tells nothing and passes over what comes. Whichever it says is understood and told to others in their own form (RFC 7544); Diversion and History-Info among headers_pass do not pass beside. Who asked not to be shown is named to a trusted trunk alone.").example("\"diversion\""),
    live("trunk.remote_party_id", "Whether who calls and who answers is told to it, where it is trusted, in Remote-Party-ID beside P-Asserted-Identity, and taken from its own where it has no P-Asserted-Identity and says that it has verified that (screen=yes). For exchanges from before RFC 3325.").example("false"),
    live("trunk.sign", "Whether calls to it are signed (STIR/SHAKEN: RFC 8224, RFC 8588) with identity.key_file: those whose numbers are of the public network, as trunk.numbers has them; not where the caller is hidden from it, nor where a signature of before passes (Identity among headers_pass).").example("false"),
    live("trunk.attestation", "How far calls that come from it are answered for where they are signed: \"A\", its callers are known and have the numbers that it says; \"B\", they are known; \"C\", it is a gateway from other networks.").example("\"C\""),
    live("trunk.verify", "What is done with the signatures of calls from it: \"never\", they are not looked at; \"told\", what was found is in records and events; \"valid\", a call whose signature does not hold is refused (403, 436, 437, 438); \"required\", so is one without (428). Emergency calls are refused for nothing of this. Needs identity.authorities.").example("\"told\""),
    live("trunk.verstat", "Whether it is told what was found of a call's signature, as verstat behind the caller's number.").example("false"),
    live("trunk.codecs", "Codecs that it is offered beside what the other leg can, best first; empty: calls of the trunk are not transcoded. Where it is not set: calls.codecs.").example("[\"PCMA\"]"),
    live("trunk.numbers", "How it writes the numbers of callers and called, and is written them: \"e164\" (+49301234), \"plain\" (49301234), \"national\" (0301234, and 0033142 abroad), \"international\" (0049301234); routes see +49301234 whichever it is. Where it is not set: \"as-is\". Needs numbering.country.").example("\"e164\""),
    live("trunk.dtmf", "The same as calls.dtmf for this trunk. Where it is not set: calls.dtmf.").example("\"info\""),
    live("trunk.interface", "The local address of its media. Where it is not set: that of the first of sip.listen of its family; for a name, of the family of the host that is called. Where it is set, its media are of this family, whichever its hosts are of.").example("\"10.0.0.5\""),
    live("trunk.media_from", "Hosts that its media may come from beside the one that its SDP names and the one that its SIP comes from: ADDRESS or NETWORK/BITS, 32 at most. For carriers that send from gateways which they signal nowhere. Whoever can send from there may be heard in its calls: name no more than the carrier does. Where it is empty: from those two, and from the port that was signalled.").example("[\"203.0.113.0/24\"]"),
    live("trunk_group.name", "Its name, for routes.").example("\"wholesale\""),
    live("trunk_group.members", "Its trunks: those of the lowest priority first, and among these each with the chance that its weight gives it; 1 where they are not written. The next one is tried when one fails, is full, or is passed over.").example("[{ trunk = \"a\", priority = 1, weight = 3 }, { trunk = \"b\" }]"),
    live("group.name", "Its name, which is also its number.").example("\"sales\""),
    live("group.members", "Accounts that ring, best first; 32 at most, and of all their phones 32 at once.").example("[\"alice\", \"bob\"]"),
    live("group.strategy", "\"all\" at once, or one after another in \"sequence\".").example("\"all\""),
    live("group.ring_s", "How long each rings, seconds. Where it is not set: calls.ring_timeout_s.").example("20").from(1, "a destination rings for a second at least"),
    live("group.pickup", "Accounts that may pick up calls which ring at a member, by a lamp or by a route to \"pickup\"; \"members\" stands for the members. What rings at another phone of the own account everybody may pick up.").example("[\"members\"]"),
    live("numbering.country", "Country code of E.164: \"49\"."),
    live("numbering.international", "What is dialled before a country code."),
    live("numbering.national", "What is dialled before an area code; empty where nothing is."),
    live("numbering.area", "The area code of numbers that are dialled without one; empty where nobody dials so."),
    live("numbering.local_digits_min", "Digits of the shortest number of the public network, without prefixes. What is shorter is an extension, a service or an emergency number, and stays as it is.").numbers(2, 15, "a number has 15 digits at most (E.164 §6.2.1)"),
    live("numbering.accounts", "How accounts dial, and are shown who calls; as trunk.numbers: \"national\" makes +49301234 of 0301234 and, with an area code, of 1234567. Routes see +49301234."),
    live("identity.key_file", "File of the private key, in PEM (PKCS#8), of the curve P-256, that calls are signed with where trunk.sign is set.").example("\"./identity.key\""),
    live("identity.certificate_url", "Where others fetch the certificate of that key: https, port 443 or 8443.").example("\"https://cert.example.net/tandem.pem\""),
    live("identity.accounts", "How far calls of accounts are answered for: \"A\", who calls is known by its digest and has the number that it calls with, since that is the account, or what trunk.caller makes of it; \"B\" or \"C\" where that is not so."),
    live("identity.account_attestations", "Accounts of which something else is said: { \"alice\" = \"B\" }."),
    live("identity.authorities", "File of the certificates, in PEM, of the authorities whose word counts for the signatures of others. It takes one where any trunk has verify.").example("\"./sti-authorities.pem\""),
    live("identity.revoked", "Files of lists, in PEM, of certificates that these have taken back (CRL)."),
    live("identity.repositories", "The hosts, or HOST:PORT, that certificates of callers are fetched from alone; they may be in a private network. Where it is empty: any host of the public network, at port 443 or 8443."),
    live("identity.web_authorities", "File of the certificates, in PEM, of the authorities that these hosts are believed by. Where it is not set: /etc/ssl/certs/ca-certificates.crt.").example("\"./authorities.pem\""),
    live("identity.age_max_s", "How old a signature may be, and how far of the future, seconds (RFC 8224 §4.1: 60).").numbers(5, 3_600, "clocks of networks differ by seconds, and an old signature may be somebody else's"),
    live("identity.accounts_verstat", "Whether phones are told what was found of a call's signature, as verstat behind the caller's number. Many show it as a part of the number."),
    live("rates.name", "Its name.").example("\"wholesale\""),
    live("rates.file", "CSV file (RFC 4180) whose first line names the columns, in any order: prefix (digits; a number is covered by the longest of each trunk), trunk (NAME, or as in route.to: \"trunks:GROUP\", \"trunk:NAME@PLATFORM\", \"platform:NAME\"), price (of a minute, a decimal, in any one currency). Other columns are passed over. Eight million rows at most. Read anew by each reload if it has changed: calls go on by the former table until the new one is whole; with a mistake in it, the former one stays.").example("\"./wholesale.csv\""),
    live("guard.name", "Its name, in records, events and the log.").example("\"phones\""),
    live("guard.from", "For whom it is, as route.from: \"accounts\", \"trunks\", \"account:NAME\", \"trunk:NAME\", \"platforms\", \"platform:NAME\". Where it is not set: for everybody.").example("\"accounts\""),
    live("guard.calls_max", "Most calls at once that one of them makes, over all SIP shards. Where it is not set: any.").example("4").from(1, "0 calls are none: bar its numbers instead"),
    live("guard.calls_per_hour", "Most calls that one of them makes within an hour. Where it is not set: any.").example("60").from(1, "0 calls are none: bar its numbers instead"),
    live("guard.spend_per_hour", "What its calls of an hour may have cost, in the currency of the rate tables, before another one is refused. Each minute that begins is counted, of calls that a route to \"rates:NAME\" has a price for. Where it is not set: anything.").example("5.0"),
    live("guard.allowed", "Beginnings of the numbers that may be called over trunks and at other platforms, as routes see them. Where it is empty: all.").example("[\"+49\", \"+43\"]"),
    live("guard.barred", "Beginnings of those that may not, even where they are allowed.").example("[\"+49900\"]"),
    live("route.name", "Its name in logs. Where it is not set: its number in the plan.").example("\"to the world\""),
    live("route.number", "For this number alone.").example("\"600\""),
    live("route.prefix", "For numbers that begin so.").example("\"00\""),
    live("route.pattern", "For numbers that this regular expression matches; it is anchored where it says so. With none of the three: for every number.").example("\"^0[1-9][0-9]+$\""),
    live("route.from", "On whose behalf: \"any\", \"accounts\", \"trunks\" (of any platform), \"account:NAME\", \"trunk:NAME\" (of this one), \"platforms\" (anybody of another one), \"platform:NAME\". Where it is not set: any, so trunks too: who calls from one may then call out over another. Without a route nobody calls out over a trunk.").example("\"accounts\""),
    live("route.hours", "When it is in force, by calls.time_zone: any of [\"mon-fri 08:00-18:00\", \"sat,sun\", \"22:00-06:00\"]; hours over midnight belong to the day on which they begin. Where it is empty: always.").example("[\"mon-fri 08:00-18:00\"]"),
    live("route.to", "Where the call goes: [\"account:NAME\"], [\"group:NAME\"], [\"service:echo\"], [\"conference:NAME\"] (the conference of that name; [\"conference\"]: the one that the rewritten number names), [\"pickup\"] (answers a call that rings at whom the rewritten number leads to; with none left, at anybody of the groups that one may pick up for), [\"number:N\"] (routed anew), [\"rewrite\"] (the rewritten number, routed anew), [\"refuse:busy\"] (or declined, forbidden, unknown, congestion, unreachable); or a rate table, whose trunks are tried from the least expensive on: [\"rates:NAME\"]; or trunks in their order: [\"trunk:A\", \"trunk:B\"], the next when one fails. Among trunks may be \"trunks:GROUP\", a group of them, \"trunk:NAME@PLATFORM\", a trunk of another platform, \"platform:NAME\", whose own plan takes the number, and \"enum:DOMAIN\", the name service: the rewritten number, as E.164 has it with a plus, is asked for below that domain (e164.arpa, or a carrier's own); where it names the address or domain of a trunk, that trunk is tried with it.").example("[\"trunk:carrier\"]"),
    live("route.strip", "Characters taken from the front of the number, for trunks, platforms, rate tables, \"rewrite\", \"pickup\" and \"conference\".").example("1").from(0, ""),
    live("route.replace", "A pattern and what its first match becomes ($1 is its first group, one digit, $0 the whole match; ${10} and ${name} stand for any, $$ for a dollar): [\"^0(.*)$\", \"49$1\"]. After strip.").example("[\"^0(.*)$\", \"49$1\"]"),
    live("route.prepend", "Put before the rest of the number. After replace.").example("\"+\""),
    live("route.ring_s", "How long its trunks ring, seconds. Where it is not set: calls.ring_timeout_s; at another platform's plan, as long as that one lets it.").example("30").from(1, "a destination rings for a second at least"),
    live("route.attestation", "How far calls that go by it are answered for where they are signed, whoever calls: \"A\", \"B\" or \"C\". Where it is not set: as the account or trunk is.").example("\"B\""),
    live("route.on_busy", "Where the call goes instead when the destination is busy; written as `to`.").example("[\"account:bob\"]"),
    live("route.on_no_answer", "The same when it rang and nobody answered.").example("[\"account:bob\"]"),
    live("route.on_refused", "The same when it declined.").example("[\"account:bob\"]"),
    live("route.on_unreachable", "The same when it is not registered, silent or out of order.").example("[\"account:bob\"]"),
    live("route.on_unknown", "The same when nobody has that number.").example("[\"account:bob\"]"),
];

/// The section of a path: `sip` of `sip.listen`; empty for a top-level key.
pub fn section(path: &str) -> &str {
    path.split_once('.').map_or("", |(section, _)| section)
}

/// The key of a path within its section.
pub fn name(path: &str) -> &str {
    path.split_once('.').map_or(path, |(_, name)| name)
}

/// What is said of the key at `path`; indexes (`trunk[2].name`) are passed over.
pub fn find(path: &str) -> Option<&'static Key> {
    let plain: String =
        path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect::<Vec<_>>().join(".");
    KEYS.iter().find(|key| key.path == plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_what_they_take() {
        let numbers = |low, high, or_zero| Numbers { low, high, or_zero, why: "" };
        for (numbers, words, taken, refused) in [
            (numbers(0, 63, false), "0 to 63", &[0, 63][..], &[-1, 64][..]),
            (numbers(5, UNBOUNDED, true), "0, or 5 or more", &[0, 5, 4_000_000_000], &[-1, 1, 4, 5_000_000_000]),
            (numbers(1, UNBOUNDED, false), "1 or more", &[1], &[0, i64::MIN]),
            (numbers(0, UNBOUNDED, false), "0 or more", &[0], &[-1, i64::MAX]),
        ] {
            assert_eq!(numbers.to_string(), words);
            assert!(taken.iter().all(|&number| numbers.takes(number)), "{words}");
            assert!(!refused.iter().any(|&number| numbers.takes(number)), "{words}");
        }
    }
}
