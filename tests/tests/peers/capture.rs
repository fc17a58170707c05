//! A capture server that is told of every message.

use crate::scenario::line;
use scenarios::peer::{Server, Sipp, Site};
use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::time::Duration;

/// The chunks of a datagram of HEP3, by their types.
fn chunks(datagram: &[u8]) -> BTreeMap<u16, Vec<u8>> {
    assert_eq!(&datagram[..4], b"HEP3");
    assert_eq!(usize::from(u16::from_be_bytes([datagram[4], datagram[5]])), datagram.len());
    let mut chunks = BTreeMap::new();
    let mut rest = &datagram[6..];
    while !rest.is_empty() {
        let number = |at: usize| u16::from_be_bytes([rest[at], rest[at + 1]]);
        let length = usize::from(number(4));
        chunks.insert(number(2), rest[6..length].to_vec());
        rest = &rest[length..];
    }
    chunks
}

#[test]
fn a_capture_server_gets_both_legs_of_a_call_under_one_identifier() {
    let site = Site::new();
    let (caller, callee) = (site.host.socket(), site.host.socket());
    let homer = UdpSocket::bind(site.host.socket()).expect("a socket of the capture server");
    homer.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    let at = homer.local_addr().expect("its address");
    let mut settings = line(caller, callee);
    settings.more.push_str(&format!("[hep]\nserver = \"{at}\"\nagent = 77\nnode = \"east\"\n"));
    let mut server = Server::start(&site, &settings);
    let uas = Sipp::builtin(&site, "uas", "uas", callee).calls(1, 1).quiet().start();
    Sipp::builtin(&site, "uac", "uac", caller).to(server.sip).service("4930123456").calls(1, 1).quiet().run();
    uas.succeeds();
    let record = &server.records(1)[0];
    let call = record["call"].as_str().expect("a call has an identifier");
    let mut told = BTreeSet::new();
    let mut datagram = vec![0; 65_536];
    // INVITE, 180, 200, ACK, BYE and its 200 on either leg.
    while told.len() < 12 {
        let length = homer.recv(&mut datagram).expect("the messages of the call");
        let chunks = chunks(&datagram[..length]);
        let text = |kind: u16| String::from_utf8_lossy(chunks.get(&kind).map_or(&[][..], Vec::as_slice)).into_owned();
        let message = text(15);
        if !message.contains("INVITE") && !message.contains("ACK") && !message.contains("BYE") {
            continue; // a question whether a trunk is there
        }
        assert_eq!(text(17), call, "{message}");
        assert_eq!((chunks[&12].as_slice(), text(19)), (&[0, 0, 0, 77][..], "east".into()));
        let port = |kind: u16| u16::from_be_bytes([chunks[&kind][0], chunks[&kind][1]]);
        let ends = (port(7), port(8));
        let peers = [caller.port(), callee.port()];
        assert!(peers.contains(&ends.0) || peers.contains(&ends.1), "{ends:?}");
        assert!(ends.0 == server.sip.port() || ends.1 == server.sip.port(), "{ends:?}");
        let line = message.lines().next().unwrap_or_default().to_owned();
        let method = message.lines().find_map(|line| line.strip_prefix("CSeq: ")).unwrap_or_default().to_owned();
        told.insert((ends, line, method));
    }
    server.stop();
}
