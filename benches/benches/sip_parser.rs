//! The SIP parser against `rsipstack` and `rsip`: an INVITE of about 900 octets, parsed and its core headers typed.
//!
//! To hold: at most half of `rsipstack`'s time in the same run, at most four allocations. Allocations are counted by
//! the global allocator and printed before the timings; the bench fails if there are more.

#![expect(clippy::print_stdout, reason = "the allocation table is output of the bench")]
#![allow(missing_docs, reason = "criterion_group generates an undocumented function")]

use std::hint::black_box;

use allocation_counter::measure;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};

const INVITE: &str = "INVITE sip:+441632960083@gateway.example.com:5060;user=phone SIP/2.0\r\n\
Via: SIP/2.0/UDP 192.0.2.41:5060;branch=z9hG4bK74bf9a1c55e04f2d;rport\r\n\
Max-Forwards: 70\r\n\
From: \"Alice Liddell\" <sip:alice@atlanta.example.com>;tag=9fxced76sl3c\r\n\
To: <sip:+441632960083@gateway.example.com;user=phone>\r\n\
Call-ID: 3848276298220188511-7c1f@atlanta.example.com\r\n\
CSeq: 101 INVITE\r\n\
Contact: <sip:alice@192.0.2.41:5060;transport=udp>;expires=600\r\n\
Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, REFER, NOTIFY\r\n\
Supported: 100rel, timer, replaces\r\n\
Session-Expires: 1800;refresher=uac\r\n\
User-Agent: ExamplePhone/4.2.1\r\n\
Content-Type: application/sdp\r\n\
Content-Length: 250\r\n\
\r\n\
v=0\r\n\
o=alice 2890844526 2890844526 IN IP4 192.0.2.41\r\n\
s=-\r\n\
c=IN IP4 192.0.2.41\r\n\
t=0 0\r\n\
m=audio 49172 RTP/AVP 8 0 9 101\r\n\
a=rtpmap:8 PCMA/8000\r\n\
a=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:9 G722/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\n\
a=fmtp:101 0-15\r\n\
a=sendrecv\r\n";

/// Parse, then type Request-URI, Via, From, To, Call-ID, CSeq, Max-Forwards and Contact.
fn tandem(octets: Bytes) -> u32 {
    use signaling::message::Message;
    let message = Message::parse_datagram(octets).expect("a message");
    let uri = message.request_uri().expect("Request-URI");
    let via = message.via().expect("Via");
    let from = message.from().expect("From");
    let to = message.to().expect("To");
    let call_id = message.call_id().expect("Call-ID");
    let cseq = message.cseq().expect("CSeq");
    let hops = message.max_forwards().expect("Max-Forwards");
    let contact = message.contact().expect("Contact").expect("a Contact");
    black_box((uri.user(), via.branch(), from.tag(), to.tag(), call_id, hops, contact.uri().host()));
    cseq.number
}

fn tandem_parse(octets: Bytes) -> usize {
    let message = signaling::message::Message::parse_datagram(octets).expect("a message");
    message.body_octets().len()
}

fn tandem_validate(octets: Bytes) -> bool {
    signaling::message::Message::parse_datagram(octets).expect("a message").validate().is_ok()
}

fn rsipstack(octets: Bytes) -> u32 {
    use rsipstack::sip::SipMessage;
    use rsipstack::sip::prelude::*;
    let SipMessage::Request(request) = SipMessage::try_from(octets).expect("a message") else { return 0 };
    let via = request.via_header().expect("Via").typed().expect("Via");
    let from = request.from_header().expect("From").typed().expect("From");
    let to = request.to_header().expect("To").typed().expect("To");
    let call_id = request.call_id_header().expect("Call-ID").value();
    let cseq = request.cseq_header().expect("CSeq").typed().expect("CSeq");
    let hops = request.max_forwards_header().expect("Max-Forwards").value();
    let contact = request.contact_header().expect("Contact").typed().expect("Contact");
    black_box((&request.uri, via, from, to, call_id, hops, contact));
    cseq.seq
}

fn rsip(octets: Bytes) -> u32 {
    use rsip::SipMessage;
    use rsip::prelude::*;
    let SipMessage::Request(request) = SipMessage::try_from(octets).expect("a message") else { return 0 };
    let via = request.via_header().expect("Via").typed().expect("Via");
    let from = request.from_header().expect("From").typed().expect("From");
    let to = request.to_header().expect("To").typed().expect("To");
    let call_id = request.call_id_header().expect("Call-ID").value();
    let cseq = request.cseq_header().expect("CSeq").typed().expect("CSeq");
    let hops = request.max_forwards_header().expect("Max-Forwards").value();
    let contact = request.contact_header().expect("Contact").typed().expect("Contact");
    black_box((&request.uri, via, from, to, call_id, hops, contact));
    cseq.seq
}

fn allocations<T>(octets: &Bytes, parse: impl Fn(Bytes) -> T) -> u64 {
    let octets = octets.clone();
    measure(|| drop(black_box(parse(octets)))).count_total
}

fn write_response(request: &signaling::message::Message) -> Bytes {
    use signaling::message::{Header, ResponseWriter, StatusCode, Tag};
    let tag = Tag::of_random(42);
    ResponseWriter::to(request, StatusCode::RINGING)
        .source(std::net::SocketAddr::from(([192, 0, 2, 41], 5060)))
        .to_tag(&tag)
        .header(Header::Contact, "<sip:gateway.example.com>")
        .finish()
}

fn parsers(criterion: &mut Criterion) {
    let octets = Bytes::from_static(INVITE.as_bytes());
    let ours = allocations(&octets, tandem);
    println!(
        "INVITE of {} octets, allocations: tandem {ours}, rsipstack {}, rsip {}",
        octets.len(),
        allocations(&octets, rsipstack),
        allocations(&octets, rsip)
    );
    assert!(ours <= 4, "{ours} allocations");

    let mut group = criterion.benchmark_group("sip_parser");
    group.bench_function("tandem/parse", |bencher| bencher.iter(|| tandem_parse(black_box(octets.clone()))));
    group.bench_function("tandem/parse+core", |bencher| bencher.iter(|| tandem(black_box(octets.clone()))));
    group
        .bench_function("tandem/parse+validate", |bencher| bencher.iter(|| tandem_validate(black_box(octets.clone()))));
    group.bench_function("rsipstack/parse+core", |bencher| bencher.iter(|| rsipstack(black_box(octets.clone()))));
    group.bench_function("rsip/parse+core", |bencher| bencher.iter(|| rsip(black_box(octets.clone()))));
    let request = signaling::message::Message::parse_datagram(octets.clone()).expect("a message");
    group.bench_function("tandem/write 180", |bencher| bencher.iter(|| write_response(black_box(&request))));
    group.finish();
}

criterion_group!(benches, parsers);
criterion_main!(benches);
