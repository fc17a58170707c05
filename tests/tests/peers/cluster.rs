//! Platforms that are coupled as their operator couples them: certificates by `tandem bridge`, TLS between real processes.

use rustix::process::Signal;
use scenarios::peer::server::Settings;
use scenarios::peer::wait::until;
use scenarios::peer::{Server, Site};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A platform's configuration: where it listens, whom it knows.
pub(crate) fn settings(number: u32, name: &str, listen: SocketAddr, peers: &[SocketAddr]) -> Settings {
    let peers: Vec<String> = peers.iter().map(|peer| format!("\"{peer}\"")).collect();
    Settings::new(format!(
        "[bridge]\nplatform = {number}\nname = \"{name}\"\nlisten = \"{listen}\"\npeers = [{}]\n",
        peers.join(", ")
    ))
}

/// Runs `tandem` in a server's folder; it must work.
pub(crate) fn works(server: &Server<'_>, line: &str) {
    let arguments: Vec<&str> = line.split(' ').collect();
    let (status, text) = server.tandem(&arguments);
    assert!(status.success(), "tandem {line}: {status}\n{text}");
}

/// Makes `guest` a member of the cluster of `host`.
pub(crate) fn invite(host: &Server<'_>, guest: &Server<'_>, number: u32, name: &str) {
    let file = guest.folder().join("invitation");
    let output = file.display();
    works(host, &format!("bridge invite --platform {number} --name {name} --output {output} --replace"));
    works(guest, &format!("bridge join {output} --replace"));
}

/// What a server says of a platform.
pub(crate) fn platform(server: &Server<'_>, number: u32) -> Option<Value> {
    let listed = server.ctl_json(&["platforms"]);
    listed.as_array()?.iter().find(|platform| platform["platform"] == number).cloned()
}

/// Waits until a server reaches a platform in this way.
pub(crate) fn reaches(server: &Server<'_>, number: u32, state: &str) -> Value {
    until(&format!("platform {number} is {state}"), || platform(server, number).filter(|one| one["state"] == state))
}

/// Whether an event says that a platform is reached in this way now.
fn news(event: &Value, message: &str, number: u32) -> bool {
    event["topic"] == "platforms" && event["message"] == message && event["body"]["platform"] == number
}

#[test]
fn two_platforms_couple_and_a_killed_one_comes_back() {
    let site = Site::new();
    let (at_a, at_b) = (site.host.socket(), site.host.socket());
    let mut a = Server::prepare(&site, "a", &settings(1, "east", at_a, &[]));
    let mut b = Server::prepare(&site, "b", &settings(2, "west", at_b, &[at_a]));
    works(&a, "bridge init --platform 1 --name east");
    invite(&a, &b, 2, "west");
    a.launch();
    let mut events = a.control();
    events.ask("platforms", "subscribe", json!({}));
    b.launch();

    let seen = reaches(&a, 2, "linked");
    assert_eq!((&seen["name"], &seen["last-error"]), (&json!("west"), &Value::Null));
    assert!(seen["modules"].as_array().is_some_and(|modules| modules.iter().any(|one| one["module"] == "switch/0")));
    assert!(seen["version"].is_string());
    reaches(&b, 1, "linked");
    assert_eq!(platform(&a, 1).expect("the own platform is listed")["state"], "here");
    events.event("platform 2 is linked", |event| news(event, "linked", 2));
    until("heartbeats are answered", || platform(&a, 2)?["round-trip-ms"].as_f64());
    let (_, text) = a.ctl(&["platforms"]);
    assert!(text.lines().any(|line| line.contains("west") && line.contains("linked")), "{text}");
    let (status, metrics) = a.get("/metrics");
    assert_eq!(status, 200);
    let samples =
        ["tandem_platform_reachable{", "tandem_platform_round_trip_seconds{", "tandem_bridge_link_packets_in_total{"];
    for sample in samples {
        let found = metrics.lines().any(|line| line.starts_with(sample) && line.contains("platform=\"2\""));
        assert!(found, "{sample} of platform 2:\n{metrics}");
    }

    let days = metrics.lines().find(|line| line.contains("kind=\"certificate\",name=\"platform\"")).unwrap_or(&metrics);
    assert!(days.starts_with("tandem_resource_"), "how long its certificate stays in force:\n{days}");
    assert_eq!(a.get("/health").0, 200);

    // It is missed within the bound of the heartbeats, and healthy is who waits for it.
    b.kill();
    reaches(&a, 2, "down");
    events.event("platform 2 is down", |event| news(event, "down", 2));
    b.launch();
    reaches(&a, 2, "linked");
    reaches(&b, 1, "linked");

    // A renewed certificate is taken while the link stands.
    let since = platform(&b, 1).expect("it is linked")["since"].clone();
    invite(&a, &b, 2, "west");
    let report = b.ctl_json(&["reload"]);
    assert!(report["applied"].to_string().contains("bridge.certificates"), "{report}");
    b.process().signal(Signal::HUP);
    until("the second reload", || (b.log().matches("the configuration was read anew").count() >= 2).then_some(()));
    assert_eq!(platform(&b, 1).expect("it is linked")["since"], since, "the link was not cut");

    // Files that do not fit change nothing.
    let certificate = b.data().join("bridge/platform.pem");
    let whole = std::fs::read_to_string(&certificate).unwrap();
    std::fs::write(&certificate, &whole[..whole.len() / 2]).unwrap();
    let (status, _) = b.ctl(&["reload"]);
    assert_eq!(status.code(), Some(1));
    assert_eq!(platform(&b, 1).expect("it is linked")["since"], since);
    std::fs::write(&certificate, &whole).unwrap();

    let (status, _) = b.ctl(&["platforms", "forget", "1"]);
    assert_eq!(status.code(), Some(1), "it is linked");

    // One that says goodbye is down at once, and the other serves on.
    a.stop();
    reaches(&b, 1, "down");
    assert!(b.get("/health").1.contains("east"), "it is missed");
    // What is known of it is forgotten; it is dialled still, as the configuration says.
    works(&b, "ctl platforms forget east");
    assert_eq!(platform(&b, 1), None);
    assert!(b.ctl_json(&["platforms"]).as_array().is_some_and(|rows| rows.iter().any(|row| row["platform"].is_null())));
    b.stop();
}

#[test]
fn a_platform_of_another_cluster_is_refused() {
    let site = Site::new();
    let (at_a, at_c) = (site.host.socket(), site.host.socket());
    let mut a = Server::prepare(&site, "a", &settings(1, "east", at_a, &[]));
    let mut stranger = Server::prepare(&site, "stranger", &settings(3, "stranger", at_c, &[at_a]));
    works(&a, "bridge init --platform 1 --name east");
    works(&stranger, "bridge init --platform 3 --name stranger");
    a.launch();
    stranger.launch();
    // Both ends say why, to who looks.
    until("the stranger is told", || {
        let listed = stranger.ctl_json(&["platforms"]);
        let mut errors = listed.as_array()?.iter().filter_map(|one| one["last-error"].as_str());
        errors.find(|error| error.contains("UnknownIssuer")).map(str::to_owned)
    });
    until("the refusal is logged", || a.log().contains("a link was refused").then_some(()));
    assert_eq!(platform(&a, 3), None, "nothing that it says is believed");
    // Once it has joined, it is one of them.
    stranger.stop();
    std::fs::remove_dir_all(stranger.data().join("bridge")).unwrap();
    invite(&a, &stranger, 3, "stranger");
    stranger.launch();
    reaches(&a, 3, "linked");
    stranger.stop();
    a.stop();
}

#[test]
fn a_second_machine_of_the_same_number_does_not_displace_the_first() {
    let site = Site::new();
    let (at_a, at_b, at_twin) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut a = Server::prepare(&site, "a", &settings(1, "a", at_a, &[]));
    let mut b = Server::prepare(&site, "b", &settings(2, "b", at_b, &[at_a]));
    let mut twin = Server::prepare(&site, "twin", &settings(2, "b", at_twin, &[at_a]));
    works(&a, "bridge init --platform 1 --name a");
    invite(&a, &b, 2, "b");
    // The same invitation once more.
    works(&twin, &format!("bridge join {}", b.folder().join("invitation").display()));
    a.launch();
    b.launch();
    let since = reaches(&a, 2, "linked")["since"].clone();
    twin.launch();
    until("the twin is told", || {
        let listed = twin.ctl_json(&["platforms"]);
        let mut errors = listed.as_array()?.iter().filter_map(|one| one["last-error"].as_str());
        errors.find(|error| error.contains("identity-taken")).map(str::to_owned)
    });
    let first = platform(&a, 2).expect("it is linked");
    assert_eq!((&first["state"], &first["since"]), (&json!("linked"), &since));
    // Who looks at the first one sees that there is another.
    assert!(first["last-error"].as_str().is_some_and(|error| error.contains("identity-taken")), "{first}");
    for server in [&mut twin, &mut b, &mut a] {
        server.stop();
    }
}

#[test]
fn three_platforms_find_each_other_from_one_known_peer() {
    let site = Site::new();
    let (at_a, at_b, at_c) = (site.host.socket(), site.host.socket(), site.host.socket());
    let mut a = Server::prepare(&site, "a", &settings(1, "a", at_a, &[]));
    let mut b = Server::prepare(&site, "b", &settings(2, "b", at_b, &[at_a]));
    let mut c = Server::prepare(&site, "c", &settings(3, "c", at_c, &[at_a]));
    works(&a, "bridge init --platform 1 --name a");
    invite(&a, &b, 2, "b");
    invite(&a, &c, 3, "c");
    for server in [&mut a, &mut b, &mut c] {
        server.launch();
    }
    for (server, others) in [(&a, [2, 3]), (&b, [1, 3]), (&c, [1, 2])] {
        for other in others {
            reaches(server, other, "linked");
        }
    }
    // Who knew them all is gone, and the others keep each other.
    a.kill();
    reaches(&b, 1, "down");
    assert_eq!(platform(&b, 3).expect("it is linked")["state"], "linked");
    b.stop();
    c.stop();
}

#[test]
fn without_its_own_certificate_a_platform_does_not_start() {
    let site = Site::new();
    let at = site.host.socket();
    let server = Server::prepare(&site, "a", &settings(1, "a", at, &[]));
    let refused = |why: &str| {
        let (status, _) = server.tandem(&["serve"]);
        assert_eq!(status.code(), Some(1));
        let said = std::fs::read_to_string(site.file("tandem-command.log")).unwrap();
        assert!(said.lines().last().is_some_and(|line| line.contains(why)), "{said}");
    };
    refused("tandem bridge init");
    works(&server, "bridge init --platform 1 --name a");
    server.configure(&settings(2, "a", at, &[]));
    refused("is for platform 1");
}

#[test]
fn without_tls_platforms_link_on_loopback() {
    let site = Site::new();
    let (at_a, at_b) = (site.host.socket(), site.host.socket());
    let plain = |mut settings: Settings| {
        settings.more.push_str("plain = true\nheartbeat_ms = 100\n");
        settings
    };
    let mut a = Server::prepare(&site, "a", &plain(settings(1, "a", at_a, &[])));
    let mut b = Server::prepare(&site, "b", &plain(settings(2, "b", at_b, &[at_a])));
    a.launch();
    b.launch();
    reaches(&a, 2, "linked");
    reaches(&b, 1, "linked");
    a.stop();
    b.stop();
}
