//! The session timer of a dialog (RFC 4028): a session ends by itself unless one of its ends refreshes it in time.
//!
//! ```text
//!            0           half         expiry − min(32 s, a third)     expiry
//!   ours     ├──────── refresh ──── again, where that was refused ──────┤ BYE
//!   peer's   ├───────────────────────────────┤ BYE
//! ```
//! Every INVITE and UPDATE that is accepted within the dialog begins the interval anew, whatever else it is for. Each leg has an
//! interval of its own: a refresh on one is none on the other.

use crate::limits::{INTERVAL_RAISES_MAX, SESSION_INTERVAL_LEAST_S, SESSION_INTERVAL_MOST_S, SESSION_MIN_S};
use crate::message::{Header, Message, ResponseWriter};
use crate::policy::CallPolicy;
use router::time::{Duration, Instant};

/// The option tag.
pub(super) const OPTION: &str = "timer";

/// Who refreshes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refresher {
    /// We do.
    Us,
    /// The peer does.
    Peer,
}

/// The interval in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interval {
    pub(super) seconds: u32,
    pub(super) refresher: Refresher,
    /// When the session is over, unless it is refreshed before.
    pub(super) expires: Instant,
}

impl Interval {
    fn new(seconds: u32, refresher: Refresher, now: Instant) -> Self {
        let seconds = seconds.max(SESSION_INTERVAL_LEAST_S);
        Self { seconds, refresher, expires: now + Duration::from_secs(seconds.into()) }
    }

    /// When there is something to do: to refresh, or to end a session that the peer has not refreshed (RFC 4028 §7.4, §10).
    pub(super) fn due_after(&self) -> Duration {
        let interval = Duration::from_secs(self.seconds.into());
        match self.refresher {
            Refresher::Us => interval / 2,
            Refresher::Peer => interval - (interval / 3).min(Duration::from_secs(32)),
        }
    }
}

/// What a request says of session timers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Asked {
    supports: bool,
    expires_s: Option<u32>,
    /// Who is to refresh, where it says so.
    refresher: Option<Refresher>,
    min_s: u32,
}

impl Asked {
    /// Of a request of the peer's. What cannot be read is not there: it is the peer's own wish.
    fn of(request: &Message) -> Self {
        let expires = request.parameterized(Header::SessionExpires).ok().flatten();
        let refresher = expires.and_then(|expires| expires.parameters.get("refresher")).and_then(|role| {
            let by = |wanted: &str, whom| role.eq_ignore_ascii_case(wanted).then_some(whom);
            by("uac", Refresher::Peer).or_else(|| by("uas", Refresher::Us))
        });
        Self {
            supports: request.supports(OPTION),
            expires_s: expires.and_then(|expires| expires.value.parse().ok()),
            refresher,
            min_s: least_of(request).unwrap_or(SESSION_MIN_S),
        }
    }
}

/// The Min-SE of a message.
pub(super) fn least_of(message: &Message) -> Option<u32> {
    message.parameterized(Header::MinSe).ok()??.value.parse().ok()
}

/// Whether a request of the peer's asks for a shorter interval than is taken: it is refused with 422 and this Min-SE. Who does not
/// know session timers cannot be told so (RFC 4028 §9).
pub(super) fn too_small(policy: &CallPolicy, request: &Message) -> Option<u32> {
    request.header(Header::SessionExpires)?;
    let asked = Asked::of(request);
    (asked.supports && asked.expires_s? < policy.session_min_s).then_some(policy.session_min_s)
}

/// What our 2xx grants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Granted {
    seconds: u32,
    refresher: Refresher,
    /// Whether the peer knows session timers, and is held to this one.
    required: bool,
}

impl Granted {
    /// Writes it.
    pub(super) fn write<'a>(granted: Option<Self>, writer: ResponseWriter<'a>) -> ResponseWriter<'a> {
        let Some(Self { seconds, refresher, required }) = granted else { return writer };
        // The roles are those of the request: the peer is its client.
        let role = match refresher {
            Refresher::Us => "uas",
            Refresher::Peer => "uac",
        };
        let writer = writer.header(Header::SessionExpires, format_args!("{seconds};refresher={role}"));
        if required { writer.header(Header::Require, OPTION) } else { writer }
    }
}

/// The session timer of a dialog.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionTimer {
    interval: Option<Interval>,
    /// The longest Min-SE that a 422 has told.
    least_told_s: u32,
    /// How often one has told a longer one since a request of ours was accepted.
    raises: u8,
}

impl SessionTimer {
    /// The interval in force.
    pub(super) fn interval(&self) -> Option<Interval> {
        self.interval
    }

    /// The values of Session-Expires and Min-SE of a request of ours (RFC 4028 §7.1, §7.4). Who refreshes stays who it is.
    pub(super) fn request(&self, policy: &CallPolicy) -> Option<(String, Option<u32>)> {
        let wanted = match self.interval {
            Some(interval) => interval.seconds,
            None if policy.session_expires_s == 0 => return None,
            None => policy.session_expires_s,
        };
        let least = policy.session_min_s.max(self.least_told_s);
        let seconds = wanted.max(least);
        let expires = match self.interval.map(|interval| interval.refresher) {
            None => seconds.to_string(),
            Some(Refresher::Us) => format!("{seconds};refresher=uac"),
            Some(Refresher::Peer) => format!("{seconds};refresher=uas"),
        };
        // Without one it is 90 seconds (RFC 4028 §5).
        Some((expires, (least != SESSION_MIN_S).then_some(least)))
    }

    /// A 422 came with that Min-SE. False: to ask again would be in vain, or it has been told a longer one often enough.
    pub(super) fn raise(&mut self, least_s: Option<u32>) -> bool {
        let longer = least_s.filter(|&least| least > self.least_told_s && least <= SESSION_INTERVAL_MOST_S);
        match longer.filter(|_| self.raises < INTERVAL_RAISES_MAX) {
            Some(least) => {
                self.least_told_s = least;
                self.raises += 1;
                true
            }
            None => false,
        }
    }

    /// A request of ours was accepted (RFC 4028 §7.2): the interval is what the response says, and without that there is none.
    pub(super) fn accepted(&mut self, response: &Message, now: Instant) {
        self.raises = 0;
        let expires = response.parameterized(Header::SessionExpires).ok().flatten();
        let seconds = expires.and_then(|expires| expires.value.parse::<u32>().ok());
        self.interval = seconds.map(|seconds| {
            let role = expires.and_then(|expires| expires.parameters.get("refresher"));
            let theirs = role.is_some_and(|role| role.eq_ignore_ascii_case("uas"));
            // Who says nothing of it leaves it to us.
            let refresher = if theirs { Refresher::Peer } else { Refresher::Us };
            Interval::new(seconds.min(SESSION_INTERVAL_MOST_S), refresher, now)
        });
    }

    /// A request of the peer's is about to be accepted (RFC 4028 §9).
    pub(super) fn grant(&mut self, policy: &CallPolicy, request: &Message, now: Instant) -> Option<Granted> {
        let asked = Asked::of(request);
        let most = match policy.session_expires_s {
            0 => SESSION_INTERVAL_MOST_S,
            wanted => wanted.max(policy.session_min_s),
        };
        let seconds = match (asked.expires_s, self.interval) {
            (Some(wanted), _) => Some(wanted.min(most.max(asked.min_s))),
            (None, Some(interval)) if asked.supports || interval.refresher == Refresher::Us => Some(interval.seconds),
            (None, None) if asked.supports && policy.session_expires_s > 0 => Some(most.max(asked.min_s)),
            (None, _) => None,
        };
        let current = self.interval.map(|interval| interval.refresher);
        // RFC 4028 §9, table 2: who does not know session timers does not refresh.
        let refresher = match asked.refresher.or(current).unwrap_or(Refresher::Peer) {
            Refresher::Peer if asked.supports => Refresher::Peer,
            _ => Refresher::Us,
        };
        self.interval = seconds.map(|seconds| Interval::new(seconds.min(SESSION_INTERVAL_MOST_S), refresher, now));
        self.interval.map(|Interval { seconds, refresher, .. }| Granted {
            seconds,
            refresher,
            required: asked.supports,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Reliability;
    use bytes::Bytes;

    const NOW: Instant = Instant::from_millis(1_000);
    const POLICY: CallPolicy = CallPolicy {
        session_expires_s: 1_800,
        session_min_s: 90,
        reliable: Reliability::Supported,
        security: crate::policy::MediaSecurity::May,
        keying: crate::policy::Keying::Sdes,
        connectivity: crate::policy::Connectivity::May,
    };

    fn request(headers: &str) -> Message {
        Message::parse_datagram(Bytes::from(format!("UPDATE sip:a@b SIP/2.0\r\n{headers}\r\n"))).unwrap()
    }

    fn response(headers: &str) -> Message {
        Message::parse_datagram(Bytes::from(format!("SIP/2.0 200 OK\r\n{headers}\r\n"))).unwrap()
    }

    fn granted(timer: &mut SessionTimer, headers: &str) -> Option<(u32, Refresher, bool)> {
        let granted = timer.grant(&POLICY, &request(headers), NOW);
        granted.map(|granted| (granted.seconds, granted.refresher, granted.required))
    }

    #[test]
    fn what_is_granted_is_within_what_both_bear_and_the_refresher_is_the_one_who_was_asked_for() {
        use Refresher::{Peer, Us};
        for (headers, expected) in [
            ("Supported: timer\r\nSession-Expires: 600\r\n", Some((600, Peer, true))),
            ("k: timer\r\nx: 600;refresher=uas\r\n", Some((600, Us, true))),
            ("Supported: timer\r\nSession-Expires: 600 ;refresher=UAC\r\n", Some((600, Peer, true))),
            ("Supported: timer\r\nSession-Expires: 3600\r\n", Some((1_800, Peer, true))),
            ("Supported: timer\r\nSession-Expires: 3600\r\nMin-SE: 2400\r\n", Some((2_400, Peer, true))),
            ("Supported: timer\r\n", Some((1_800, Peer, true))),
            // A proxy wants it, and who calls does not know it.
            ("Session-Expires: 600;refresher=uac\r\n", Some((600, Us, false))),
            ("Supported: timer\r\nSession-Expires: never\r\n", Some((1_800, Peer, true))),
            ("", None),
        ] {
            assert_eq!(granted(&mut SessionTimer::default(), headers), expected, "{headers}");
        }
    }

    #[test]
    fn who_refreshes_stays_who_it_is_and_who_forgets_the_timer_has_none() {
        let mut timer = SessionTimer::default();
        assert_eq!(granted(&mut timer, "k: timer\r\nx: 600;refresher=uas\r\n"), Some((600, Refresher::Us, true)));
        assert_eq!(granted(&mut timer, "k: timer\r\n"), Some((600, Refresher::Us, true)));
        assert_eq!(timer.request(&POLICY), Some(("600;refresher=uac".to_owned(), None)));
        timer.accepted(&response("Session-Expires: 400;refresher=uas\r\n"), NOW);
        assert_eq!(timer.request(&POLICY), Some(("400;refresher=uas".to_owned(), None)));
        assert_eq!(granted(&mut timer, ""), None);
        assert_eq!(timer.interval(), None);
    }

    #[test]
    fn an_interval_that_is_too_small_is_told_to_who_understands_it() {
        assert_eq!(too_small(&POLICY, &request("k: timer\r\nx: 89\r\n")), Some(90));
        assert_eq!(too_small(&POLICY, &request("k: timer\r\nx: 90\r\n")), None);
        assert_eq!(too_small(&POLICY, &request("x: 10\r\n")), None);
        let mut timer = SessionTimer::default();
        assert!(timer.raise(Some(2_400)) && !timer.raise(Some(2_400)) && !timer.raise(None));
        assert!(!timer.raise(Some(u32::MAX)), "that is none");
        assert_eq!(timer.request(&POLICY), Some(("2400".to_owned(), Some(2_400))));
    }

    #[test]
    fn who_asks_for_ever_longer_intervals_is_followed_a_few_times() {
        let mut timer = SessionTimer::default();
        for _ in 0..2 {
            let first = timer.least_told_s + 1;
            let followed = (first..first + 100).filter(|&least| timer.raise(Some(least))).count();
            assert_eq!(followed, usize::from(INTERVAL_RAISES_MAX));
            timer.accepted(&response(""), NOW);
        }
    }

    #[test]
    fn half_is_ours_and_the_peer_s_ends_before_the_last_third() {
        let after = |seconds, refresher| Interval::new(seconds, refresher, NOW).due_after().as_millis();
        assert_eq!(after(1_800, Refresher::Us), 900_000);
        assert_eq!(after(1_800, Refresher::Peer), 1_768_000);
        assert_eq!(after(90, Refresher::Peer), 60_000);
        assert_eq!(after(0, Refresher::Us), 1_000 * u128::from(SESSION_INTERVAL_LEAST_S) / 2);
    }

    #[test]
    fn without_a_word_of_the_peer_there_is_no_timer() {
        let mut timer = SessionTimer::default();
        timer.accepted(&response("Session-Expires: 100\r\n"), NOW);
        assert_eq!(timer.interval().map(|interval| interval.refresher), Some(Refresher::Us));
        timer.accepted(&response(""), NOW);
        assert_eq!(timer.interval(), None);
        let never = CallPolicy { session_expires_s: 0, ..POLICY };
        assert_eq!(timer.request(&never), None);
        assert_eq!(timer.grant(&never, &request("k: timer\r\nx: 7200\r\n"), NOW).map(|one| one.seconds), Some(7_200));
    }
}
