//! Who asks how it is heard (RFC 3611 §5).

use super::{lines, machine, pcmu, sdp, streams, voice};
use crate::sdp::{AnswerKind, OfferAnswer};
use router::parameter::SummaryAsked;

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

/// What is agreed, as it is written.
fn agreed(machine: &OfferAnswer) -> (bool, SummaryAsked) {
    let agreement = machine.agreement().expect("there is one");
    let stream = &agreement.remote().streams[0];
    (stream.voip_metrics, stream.summary)
}

const METRICS: &str = "a=rtcp-xr:voip-metrics";
const BOTH: &str = "a=rtcp-xr:voip-metrics stat-summary=loss,dup,jitt";
const NOTHING: SummaryAsked = SummaryAsked { loss: false, duplicates: false, jitter: false };

#[test]
fn who_asks_how_it_is_heard_is_answered() {
    let softphone = "a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics";
    let (loss, jitter) = (SummaryAsked { loss: true, ..NOTHING }, SummaryAsked { jitter: true, ..NOTHING });
    for (session, section, metrics, summary, written) in [
        ("", METRICS, true, NOTHING, Some(METRICS)),
        (softphone, "", true, SummaryAsked::ALL, Some(BOTH)),
        ("", "a=rtcp-xr:pkt-loss-rle\na=rtcp-xr:VoIP-Metrics", true, NOTHING, Some(METRICS)),
        (softphone, "a=rtcp-xr:pkt-loss-rle", false, NOTHING, None),
        (softphone, "a=rtcp-xr", false, NOTHING, None),
        ("", "a=rtcp-xr:voip-metrics2 rcvr-rtt=all", false, NOTHING, None),
        ("", "a=rtcp-xr:", false, NOTHING, None),
        ("", "", false, NOTHING, None),
        ("", "a=rtcp-xr:stat-summary=Loss,TTL,HL", false, loss, Some("a=rtcp-xr:stat-summary=loss")),
        (
            "",
            "a=rtcp-xr:stat-summary=jitt voip-metrics",
            true,
            jitter,
            Some("a=rtcp-xr:voip-metrics stat-summary=jitt"),
        ),
        ("", "a=rtcp-xr:stat-summary", false, SummaryAsked::ALL, Some("a=rtcp-xr:stat-summary=loss,dup,jitt")),
        ("", "a=rtcp-xr:stat-summary=,losses voip-metrics=all", false, NOTHING, None),
    ] {
        let mut machine = machine(1);
        let offered = machine.receive_offer(&offer(session, section)).unwrap();
        let stream = &offered.description.streams[0];
        assert_eq!((stream.voip_metrics, stream.summary), (metrics, summary), "{session} {section}");
        let text = machine.make_answer(&streams(&[voice(40_000, &[pcmu()])])).unwrap();
        let written: Vec<&str> = written.into_iter().collect();
        assert_eq!(asks(&text), written, "{session} {section}");
        assert_eq!(agreed(&machine), (metrics, summary));
        // What is agreed goes on in what we offer later, changed or not.
        for repeats in [true, false] {
            let text = match repeats {
                true => machine.repeat_offer().unwrap(),
                false => machine.make_offer(&streams(&[voice(40_000, &[pcmu()])])).unwrap(),
            };
            assert_eq!(asks(&text), written);
            machine.receive_answer(&offer(session, section), AnswerKind::Final).unwrap();
            assert_eq!(agreed(&machine), (metrics, summary));
        }
    }
}

#[test]
fn what_was_not_offered_is_not_agreed() {
    let loss = SummaryAsked { loss: true, ..NOTHING };
    for (offers, answer, metrics, summary) in [
        (false, BOTH, false, NOTHING),
        (true, METRICS, true, NOTHING),
        (true, BOTH, true, SummaryAsked::ALL),
        (true, "a=rtcp-xr:stat-summary=loss", false, loss),
        (true, "", false, NOTHING),
    ] {
        let mut machine = machine(2).with_metrics(offers);
        let text = machine.make_offer(&streams(&[voice(40_000, &[pcmu()])])).unwrap();
        assert_eq!(asks(&text), if offers { vec![BOTH] } else { vec![] });
        machine.receive_answer(&offer("", answer), AnswerKind::Final).unwrap();
        assert_eq!(agreed(&machine), (metrics, summary), "{offers} {answer}");
    }
}
