//! Alice and Bob, the phones of the first two accounts, who hear what the other says.

use scenarios::peer::baresip::{PEAK, Setup};
use scenarios::peer::server::Settings;
use scenarios::peer::{Baresip, Network, Server, Site, tone};
use std::net::SocketAddr;

/// The tones in the microphones.
const ALICE: f64 = 500.0;
const BOB: f64 = 900.0;

/// The accounts of a server's first start.
pub(crate) struct Accounts {
    server: SocketAddr,
    first: Vec<(String, String)>,
}

impl Accounts {
    pub(crate) fn of(server: &Server<'_>) -> Self {
        Self { server: server.sip, first: server.first_accounts() }
    }

    pub(crate) fn alice(&self) -> Setup<'_> {
        self.setup(0, ALICE)
    }

    pub(crate) fn bob(&self) -> Setup<'_> {
        self.setup(1, BOB)
    }

    fn setup(&self, index: usize, hertz: f64) -> Setup<'_> {
        let (user, password) = &self.first[index];
        Setup { user, password, server: self.server, transport: "udp", hertz, answers: false, codecs: "PCMU" }
    }
}

/// A server at the first host of a network, ready to be launched.
pub(crate) fn at_first_host<'a>(site: &'a Site, network: &Network, settings: &Settings) -> Server<'a> {
    let mut server = Server::prepare(site, "tandem", settings);
    server.within(network.host(1));
    server.sip = SocketAddr::new(network.address(1), 5_060);
    server.configure(settings);
    server
}

/// What was heard is what was sent: within 1 dB (G.711 adds less than 0.3), pure, and never interrupted.
pub(crate) fn is_clean(heard: tone::Heard) {
    let decibels = 20.0 * (heard.peak / PEAK).log10();
    assert!(decibels.abs() < 1.0, "{decibels:.2} dB off: {heard:?}");
    assert!(heard.purity > 0.98, "{heard:?}");
    assert_eq!(heard.gaps, 0, "{heard:?}");
}

pub(crate) fn alice_calls(alice: &mut Baresip, bob: &mut Baresip) {
    talk((alice, ALICE), (bob, BOB), "bob");
}

pub(crate) fn bob_calls(alice: &mut Baresip, bob: &mut Baresip) {
    talk((bob, BOB), (alice, ALICE), "alice");
}

fn talk((from, of_from): (&mut Baresip, f64), (to, of_to): (&mut Baresip, f64), number: &str) {
    from.dial(number);
    to.event("CALL_INCOMING");
    to.command("accept", "");
    from.event("CALL_ESTABLISHED");
    to.event("CALL_ESTABLISHED");
    is_clean(from.hears(of_to, 3.0));
    is_clean(to.hears(of_from, 3.0));
    from.hang_up();
    to.event("CALL_CLOSED");
}
