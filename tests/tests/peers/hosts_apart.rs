//! Platforms on hosts of their own, in network namespaces, and a bad network between them.
//!
//! ```text
//!   host 1: east ═══════ links, 100 ms later ═══════ host 2: west
//!      ▲    └─ RTP ── 100 ms later, 2 % lost ──────────── RTP ─┘
//!   host 3: the caller, and both relays
//! ```

use crate::cluster::{invite, reaches, settings, works};
use crate::scenario::trunk;
use scenarios::peer::relay::Impairment;
use scenarios::peer::{Network, Relay, Server, Site, Streamer, UdpRelay, Wire};
use serde_json::{Value, json};
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

/// The first port of media: that of the first call.
const FIRST: u16 = 20_000;

const PACKETS: u16 = 250;

fn count(record: &Value, leg: &str, key: &str) -> u64 {
    record[leg][key].as_u64().unwrap_or_else(|| panic!("no {leg}.{key}: {record}"))
}

#[test]
fn a_call_between_hosts_with_a_bad_network_loses_what_that_loses_and_nothing_else() {
    let site = Site::new();
    let network = Network::new(3);
    let [at_east, at_west, between] = [1, 2, 3].map(|host| network.address(host));
    // Media between the platforms has addresses of its own, for which the relay's are told.
    let [east_media, west_media, for_west] = [1, 2, 3].map(|host| network.second_address(host));
    let platform = |number: u8, name: &str, listen, peers: &[SocketAddr], media, told| {
        let mut settings = settings(number.into(), name, listen, peers);
        settings.more.push_str(&format!("media = \"{media}\"\ncall_grace_s = 60\n"));
        settings.more.push_str(&format!(
            "[media]\nports = \"{FIRST}-{}\"\nadvertised = {{ \"{media}\" = \"{told}\" }}\n",
            FIRST + 1
        ));
        settings
    };
    let links = [at_east, between].map(|address| SocketAddr::new(address, 5_065));
    let mut first = platform(1, "east", links[0], &[], east_media, between);
    first.more = first.more.replace("media = \"10", &format!("advertise = \"{}\"\nmedia = \"10", links[1]));
    let caller_at = SocketAddr::new(between, 5_070);
    first.more.push_str(&trunk("in", None, caller_at));
    first.more.push_str("[[route]]\nprefix = \"8\"\nfrom = \"trunk:in\"\nto = [\"platform:west\"]\n");
    let nobody = SocketAddr::new(at_west, 5_065);
    let mut second = platform(2, "west", nobody, &[links[1]], west_media, for_west);
    second.more.push_str("[[route]]\nprefix = \"8\"\nfrom = \"platforms\"\nto = [\"service:echo\"]\n");
    let prepare = |name: &str, host: u8, settings| {
        let mut server = Server::prepare(&site, name, settings);
        server.within(network.host(host));
        server.sip = SocketAddr::new(network.address(host), 5_060);
        server.configure(settings);
        server
    };
    let (mut east, mut west) = (prepare("east", 1, &first), prepare("west", 2, &second));
    works(&east, "bridge init --platform 1 --name east");
    invite(&east, &west, 2, "west");
    let road = network.at(3, || Relay::start(links[1], links[0]));
    road.delay(Duration::from_millis(100));
    let how = Impairment { delay: Duration::from_millis(100), loss_per_mille: 20, seed: 5 };
    let [for_west, for_east] = [for_west, between].map(|address| SocketAddr::new(address, FIRST));
    let relay = network.at(3, || UdpRelay::start(for_west, for_east, how));
    relay.meet_second(SocketAddr::new(west_media, FIRST));
    east.launch();
    west.launch();
    reaches(&east, 2, "linked");
    reaches(&west, 1, "linked");

    let (wire, rtp) = network.at(3, || {
        let rtp = UdpSocket::bind((between, 30_000)).expect("a free port");
        (Wire::new(caller_at, east.sip), rtp)
    });
    let told = rtp.local_addr().expect("it is bound");
    let mut caller = Streamer::call(wire, rtp, told, "8100", east.sip);
    caller.stream(caller.media, PACKETS, || relay.lost());
    let heard = caller.heard;
    caller.hang_up();
    let [here, there] = [east.records(1).swap_remove(0), west.records(1).swap_remove(0)];
    assert_eq!(here["call"], there["call"]);
    for record in [&here, &there] {
        assert_eq!((&record["outcome"], &record["ended-by"]), (&json!("answered"), &json!("caller")), "{record}");
    }
    // All of it took the bad way, and what is missing is what that lost.
    let packets = u64::from(PACKETS);
    assert_eq!(count(&here, "caller-quality", "packets-received"), packets, "{here}");
    let arrived = count(&there, "caller-quality", "packets-received");
    let back = count(&here, "called-quality", "packets-received");
    assert_eq!(back, heard, "{here}");
    assert_eq!((packets - arrived) + (arrived - back), relay.lost(), "{here}\n{there}");
    let reports = relay.lost_rtcp();
    assert!((1..=20).contains(&relay.lost()), "{} and {reports} reports\n{here}\n{there}", relay.lost());
    assert!(relay.passed() + relay.lost() >= packets + arrived, "{} passed\n{here}\n{there}", relay.passed());
    for server in [&mut west, &mut east] {
        server.is_idle();
        server.stop();
    }
}
