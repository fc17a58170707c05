//! Who asks how it is heard (RFC 3611 §5).

use super::{lines, machine, pcmu, sdp, streams, voice};
use crate::sdp::{AnswerKind, OfferAnswer};

fn offer(session: &str, section: &str) -> Vec<u8> {
    sdp(&format!(
        "v=0
        o=- 5 1 IN IP4 198.51.100.7
        s=-
        c=IN IP4 198.51.100.7
        t=0 0
        {session}
        m=audio 6000 RTP/AVP 0
        {section}"
    ))
}

fn asks(text: &[u8]) -> Vec<&str> {
    lines(text).into_iter().filter(|line| line.starts_with("a=rtcp-xr")).collect()
}

fn is_agreed(machine: &OfferAnswer) -> bool {
    machine.agreement().is_some_and(|agreement| agreement.remote().streams[0].voip_metrics)
}

const ASKED: [&str; 1] = ["a=rtcp-xr:voip-metrics"];

#[test]
fn who_asks_how_it_is_heard_is_answered() {
    let softphone = "a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics";
    for (session, section, asked) in [
        ("", "a=rtcp-xr:voip-metrics", true),
        (softphone, "", true),
        ("", "a=rtcp-xr:pkt-loss-rle\na=rtcp-xr:VoIP-Metrics", true),
        (softphone, "a=rtcp-xr:pkt-loss-rle", false),
        (softphone, "a=rtcp-xr", false),
        ("", "a=rtcp-xr:voip-metrics2 rcvr-rtt=all", false),
        ("", "a=rtcp-xr:", false),
        ("", "", false),
    ] {
        let mut machine = machine(1);
        let offered = machine.receive_offer(&offer(session, section)).unwrap();
        assert_eq!(offered.description.streams[0].voip_metrics, asked, "{session} {section}");
        let text = machine.make_answer(&streams(&[voice(40_000, &[pcmu()])])).unwrap();
        assert_eq!(asks(&text), if asked { ASKED.to_vec() } else { vec![] }, "{session} {section}");
        assert_eq!(is_agreed(&machine), asked);
        // What is agreed goes on in what we offer later, changed or not.
        for repeats in [true, false] {
            let text = match repeats {
                true => machine.repeat_offer().unwrap(),
                false => machine.make_offer(&streams(&[voice(40_000, &[pcmu()])])).unwrap(),
            };
            assert_eq!(asks(&text), if asked { ASKED.to_vec() } else { vec![] });
            machine.receive_answer(&offer(session, section), AnswerKind::Final).unwrap();
            assert_eq!(is_agreed(&machine), asked);
        }
    }
}

#[test]
fn what_was_not_offered_is_not_agreed() {
    for (offers, answer, agreed) in [
        (false, "a=rtcp-xr:voip-metrics", false),
        (true, "a=rtcp-xr:voip-metrics", true),
        (true, "a=rtcp-xr:stat-summary=loss", false),
        (true, "", false),
    ] {
        let mut machine = machine(2).with_metrics(offers);
        let text = machine.make_offer(&streams(&[voice(40_000, &[pcmu()])])).unwrap();
        assert_eq!(asks(&text).len(), usize::from(offers));
        machine.receive_answer(&offer("", answer), AnswerKind::Final).unwrap();
        assert_eq!(is_agreed(&machine), agreed, "{offers} {answer}");
    }
}
