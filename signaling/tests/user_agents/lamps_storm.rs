//! 10,000 lamps follow one busy hour: what leaves is bounded, comes in its turn, and is right in the end.

use super::harness::{Weather, World, account};
use super::peer::Peer;
use super::subscriptions::call_to;
use router::parameter::{CallEvent, CallPhase, CallSummary, LegPhase, Parameter, Selection, Status};
use router::{Address, Command, Instance, ModuleKind, Parameters, one};
use signaling::admission::Rate;
use signaling::limits::{NOTIFIES_PER_WINDOW, NOTIFY_WINDOW};
use signaling::message::{Header, Message};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const WATCHERS: usize = 40;
const WATCHED: usize = 250;

/// The lamps, as their phones see them.
struct Lamps {
    world: World,
    phones: Vec<SocketAddr>,
    /// Which of the phones still answer.
    alive: Vec<bool>,
    /// By the subscription's Call-ID: the CSeq that was told last, when, and the body.
    told: BTreeMap<String, (u32, u64, String)>,
    notifies: usize,
    /// Whether what is heard tells when it was sent: nothing is lost or late.
    calm: bool,
    /// The moments of the last NOTIFYs, as many as may leave within the time of a window: the end of one and the begin of the next.
    last: Vec<u64>,
}

impl Lamps {
    fn new() -> Self {
        let mut world = World::with(1, |config| {
            let much = Rate { per_second: 100_000, burst: 1_000_000 };
            config.admission.unknown_source = much;
            config.admission.unknown_total = much;
        });
        for number in 0..WATCHED {
            world.notify_account(account(&format!("desk{number}")));
        }
        let phones: Vec<SocketAddr> =
            (0..WATCHERS).map(|number| SocketAddr::from(([198, 51, 102, number as u8], 5062))).collect();
        (0..WATCHERS).for_each(|number| world.notify_account(account(&format!("phone{number}"))));
        let alive = vec![true; WATCHERS];
        Self { world, phones, alive, told: BTreeMap::new(), notifies: 0, calm: true, last: Vec::new() }
    }

    /// Every phone subscribes to every desk.
    fn subscribe(&mut self) {
        for number in 0..WATCHERS {
            let (user, address) = (format!("phone{number}"), self.phones[number].to_string());
            let mut first = Peer::new(&address, &user, "desk0");
            first.asks(&mut self.world, "SUBSCRIBE", "Event: dialog\r\n", "");
            let challenge = self.world.expect(first.address, "SIP/2.0 401");
            for desk in 0..WATCHED {
                let mut peer = Peer::new(&address, &user, &format!("desk{desk}"));
                peer.tag = format!("tag-{number}-{desk}");
                let authorization = peer.authorization(&challenge, "SUBSCRIBE", &peer.target.clone(), desk as u32 + 1);
                peer.asks(
                    &mut self.world,
                    "SUBSCRIBE",
                    &format!("Event: dialog\r\nExpires: 7200\r\n{authorization}"),
                    "",
                );
            }
            self.run_ms(100);
            if number == 0 {
                self.world.answer_switch(Vec::new());
            }
        }
        self.run_ms(10_000);
    }

    fn run_ms(&mut self, ms: u64) {
        let end = self.world.now.instant + router::time::Duration::from_millis(ms);
        while self.world.step(end) {
            self.answer();
        }
        self.answer();
    }

    /// Every phone that is there answers what has come.
    fn answer(&mut self) {
        for number in 0..WATCHERS {
            for message in self.world.take(self.phones[number]) {
                if message.is_request() {
                    self.take_notify(number, &message);
                }
            }
        }
    }

    fn take_notify(&mut self, number: usize, notify: &Message) {
        let now = self.world.now.instant.as_nanos() / 1_000_000;
        let (call_id, cseq) = (notify.call_id().unwrap().to_owned(), notify.cseq().unwrap().number);
        let known = self.told.get(&call_id).map(|(cseq, at, _)| (*cseq, *at));
        // A repetition is answered as the first one was, whose answer may be lost.
        if self.alive[number] {
            let peer = Peer::new(&self.phones[number].to_string(), &format!("phone{number}"), "x");
            peer.respond(&mut self.world, notify, "200 OK", "", "");
        }
        if known.is_some_and(|(known, _)| known >= cseq) {
            return;
        }
        self.notifies += 1;
        if self.calm {
            self.last.push(now);
            if self.last.len() > 2 * NOTIFIES_PER_WINDOW {
                let first = self.last.remove(0);
                assert!(now - first >= NOTIFY_WINDOW.as_millis() as u64 - 1, "more than a window takes");
            }
            if let Some((_, at)) = known {
                assert!(now - at >= 990, "{call_id} was told after {} ms", now - at);
            }
        }
        let body = String::from_utf8_lossy(notify.body_octets()).into_owned();
        self.told.insert(call_id, (cseq, now, body));
    }

    /// How many lamps are lit.
    fn lit(&self) -> usize {
        self.told.values().filter(|(_, _, body)| body.contains("early") || body.contains("confirmed")).count()
    }

    /// How many subscriptions and calls the module has.
    fn counts(&mut self) -> (u64, u64) {
        self.world.ask(Instance(4), Address::local(ModuleKind::Signaling, 0), Command::Query, Status::default());
        let told = self.world.told(Command::Done);
        let Some(Parameter::Status(status)) = told.first() else { panic!("{told:?}") };
        let of = |name: &str| status.resources.iter().find(|resource| resource.name == name).unwrap().used;
        (of("subscriptions"), of("followed calls"))
    }

    fn event(&mut self, call: CallSummary) {
        let event =
            CallEvent { call, cause: None, at: self.world.now.wall, missed: false, pressed: None, quality: None };
        self.world.switch.outbox.notify(Instance(9), Address::local(ModuleKind::Signaling, 0), one(event));
        self.world.settle();
    }
}

impl World {
    /// The switch is subscribed to, and lists these calls.
    fn answer_switch(&mut self, calls: Vec<CallSummary>) {
        let subscribe = self.asked(Command::Subscribe);
        self.switch.outbox.done(&subscribe, Parameters::new());
        let query = self.asked(Command::Query);
        let mut page: Parameters = calls.into_iter().map(Parameter::from).collect();
        page.push(Selection::default().into());
        self.switch.outbox.done(&query, page);
        self.settle();
    }
}

#[test]
fn ten_thousand_lamps_follow_a_busy_hour_without_a_storm() {
    let mut lamps = Lamps::new();
    lamps.subscribe();
    assert_eq!(lamps.counts(), ((WATCHERS * WATCHED) as u64, 0));
    assert_eq!(lamps.told.len(), WATCHERS * WATCHED, "each has its first NOTIFY");
    let begun = lamps.notifies;

    // An hour in which every desk has two calls: it rings, talks, and is free again.
    let calls = 2 * WATCHED;
    for number in 0..calls {
        let (id, desk) = (format!("call-{number}"), format!("desk{}", number * 7 % WATCHED));
        lamps.event(call_to(&desk, &id, CallPhase::Ringing, LegPhase::Ringing));
        lamps.run_ms(2_400);
        lamps.event(call_to(&desk, &id, CallPhase::Talking, LegPhase::Answered));
        lamps.run_ms(2_400);
        lamps.event(call_to(&desk, &id, CallPhase::Ended, LegPhase::Released));
        lamps.run_ms(2_400);
    }
    lamps.run_ms(10_000);
    let told = lamps.notifies - begun;
    assert_eq!(told, 3 * calls * WATCHERS, "each change is told each lamp of the desk, once");
    assert_eq!(lamps.counts(), ((WATCHERS * WATCHED) as u64, 0), "nothing is left of the calls");
    assert_eq!(lamps.lit(), 0);

    // A desk whose telephone flaps twenty times a second for half a minute costs what its lamps may be told in that time.
    let begun = lamps.notifies;
    for number in 0..600 {
        let (phase, leg) = match number % 2 {
            0 => (CallPhase::Ringing, LegPhase::Ringing),
            _ => (CallPhase::Ended, LegPhase::Released),
        };
        lamps.event(call_to("desk3", &format!("flap-{}", number / 2), phase, leg));
        lamps.run_ms(50);
    }
    lamps.run_ms(3_000);
    let told = lamps.notifies - begun;
    assert!((WATCHERS..=33 * WATCHERS).contains(&told), "{told}");

    // All desks ring at once: every lamp is told, one window after the other.
    let begun = lamps.notifies;
    for desk in 0..WATCHED {
        lamps.event(call_to(&format!("desk{desk}"), &format!("all-{desk}"), CallPhase::Ringing, LegPhase::Ringing));
    }
    lamps.run_ms(1_000);
    assert!(lamps.notifies - begun > 2_500, "{}", lamps.notifies - begun);
    lamps.run_ms(5_000);
    assert_eq!(lamps.notifies - begun, WATCHERS * WATCHED);

    // Half of the phones are gone: they cost one unanswered NOTIFY a lamp, and then nothing.
    lamps.alive[WATCHERS / 2..].fill(false);
    for desk in 0..WATCHED {
        lamps.event(call_to(&format!("desk{desk}"), &format!("all-{desk}"), CallPhase::Ended, LegPhase::Released));
    }
    lamps.run_ms(60_000);
    assert_eq!(lamps.counts(), ((WATCHERS / 2 * WATCHED) as u64, 0));
    let header = |message: &Message| message.text(Header::Event).map(str::to_owned);
    assert!(lamps.world.take(lamps.phones[0]).iter().all(|message| header(message).is_none()));
}

/// A tenth of all datagrams is lost, some come twice, and late: no lamp is wrong in the end, none is told more than there is to tell, and
/// no subscription ends that has a phone.
#[test]
fn ten_thousand_lamps_are_right_in_the_end_whatever_is_lost() {
    let mut lamps = Lamps::new();
    lamps.subscribe();
    lamps.calm = false;
    lamps.world.weather = Weather { loss: 10, repeat: 5, jitter_ms: 30 };
    let begun = lamps.notifies;
    let calls = 40;
    for number in 0..calls {
        let (id, desk) = (format!("call-{number}"), format!("desk{}", number * 7 % WATCHED));
        lamps.event(call_to(&desk, &id, CallPhase::Ringing, LegPhase::Ringing));
        lamps.run_ms(2_000);
        lamps.event(call_to(&desk, &id, CallPhase::Talking, LegPhase::Answered));
        lamps.run_ms(2_000);
        lamps.event(call_to(&desk, &id, CallPhase::Ended, LegPhase::Released));
    }
    for (phase, leg) in [(CallPhase::Ringing, LegPhase::Ringing), (CallPhase::Ended, LegPhase::Released)] {
        for desk in 0..WATCHED {
            lamps.event(call_to(&format!("desk{desk}"), &format!("all-{desk}"), phase, leg));
        }
        lamps.run_ms(20_000);
        let lit = if phase == CallPhase::Ringing { WATCHERS * WATCHED } else { 0 };
        assert_eq!(lamps.lit(), lit, "{phase:?}");
    }
    let told = lamps.notifies - begun;
    assert!(told <= (3 * calls + 2 * WATCHED) * WATCHERS, "{told}");
    lamps.world.weather = Weather::default();
    lamps.run_ms(40_000);
    assert_eq!(lamps.counts(), ((WATCHERS * WATCHED) as u64, 0));
}
