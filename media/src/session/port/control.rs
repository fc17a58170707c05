//! RTCP of a port: what its peer reports, what it is told.

use super::Port;
use crate::rtcp::{Compound, Echo, Item, NtpTime, Source, Written, check, write};
use crate::status::Discard;
use crate::wire::{Channel, Destination};
use router::parameter::SummaryAsked;
use router::time::{Instant, Now};
use std::net::SocketAddr;

/// What time a peer has said it is, for the next report to answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reference {
    ssrc: u32,
    reference: u32,
    heard: Instant,
}

impl Reference {
    fn echo(self, now: Instant) -> Echo {
        let Self { ssrc, reference, heard } = self;
        let delay = now.since(heard).as_micros() * 65_536 / 1_000_000;
        Echo { ssrc, reference, delay: u32::try_from(delay).unwrap_or(u32::MAX) }
    }
}

impl Port {
    /// Takes a compound packet. RTCP comes from the host that RTP comes from, or from where the peer signalled; the first
    /// port there is kept for our own reports.
    pub fn take_rtcp(&mut self, now: Instant, channel: Channel, from: SocketAddr, data: &[u8]) -> Result<(), Discard> {
        let taken = self.examine_rtcp(now, channel, from, data);
        self.packets_discarded += u64::from(taken.is_err());
        taken
    }

    fn examine_rtcp(&mut self, now: Instant, channel: Channel, from: SocketAddr, data: &[u8]) -> Result<(), Discard> {
        let Some(plan) = &self.plan else { return Err(Discard::Unexpected) };
        let known = match channel {
            _ if self.ways.is_some() => self.is_proven(channel, from),
            Channel::Rtp => self.learning.destination() == Some(from),
            Channel::Rtcp => plan.remote_rtcp == Some(from) || self.learning.is_host(from.ip()),
        };
        if !known {
            return Err(Discard::Stranger);
        }
        let items = check(data).map_err(|_| Discard::Malformed)?;
        self.heard_rtcp = Some(now);
        if channel == Channel::Rtcp && self.reporter().is_none() {
            self.remote_rtcp = Some(from);
        }
        let mut alive = true;
        for item in items {
            match item {
                Item::Sender(ssrc, info) => {
                    // Who sends nothing any more sends receiver reports after two intervals (RFC 3550 §6.4): one that goes on
                    // as a sender that sends nothing is stuck.
                    alive &= self.sender_packets.replace(info.packets) != Some(info.packets);
                    if let Some(reception) = self.reception.as_mut().filter(|reception| reception.ssrc() == ssrc) {
                        reception.handle_sender_report(now, info.ntp);
                    }
                }
                Item::Block(block) if block.ssrc == self.outgoing.ssrc() => {
                    self.feedback.handle_block(&block, &self.sent, self.outgoing.clock_rate_hz(), now);
                    if let Some(way) = &mut self.way {
                        way.expect_loss((u32::from(block.fraction_lost) * 100 / 256) as u8);
                    }
                }
                Item::Metrics(metrics) if metrics.ssrc == self.outgoing.ssrc() => {
                    self.feedback.handle_metrics(&metrics)
                }
                Item::Summary(summary) if summary.ssrc == self.outgoing.ssrc() => {
                    self.feedback.handle_summary(&summary, self.outgoing.clock_rate_hz());
                }
                Item::Reference(ssrc, reference) => {
                    let told = Reference { ssrc, reference, heard: now };
                    match &mut self.reference {
                        Some(before) => **before = told,
                        none => *none = Some(Box::new(told)),
                    }
                }
                // A BYE does not end a call: SIP does. Feedback and applications are for video.
                Item::Block(_)
                | Item::Metrics(_)
                | Item::Summary(_)
                | Item::Receiver(_)
                | Item::Goodbye(_)
                | Item::Other(_) => {}
            }
        }
        if alive {
            self.alive = Some(now);
        }
        Ok(())
    }

    /// The next report, or the last one: where it goes and what it says. `None` while nobody knows where, and for a BYE of
    /// who never said anything (RFC 3550 §6.3.7).
    pub fn report(&mut self, now: Now, goodbye: bool) -> Option<(Channel, Destination, Written)> {
        let (channel, destination) = self.rtcp_destination().filter(|_| self.may_report())?;
        let sent = self.outgoing.packets();
        if goodbye && sent == 0 && !self.reported {
            return None;
        }
        // A sender is who sent since the report before the last one (RFC 3550 §6.4).
        let sends = sent > self.sent_at_reports[1];
        self.sent_at_reports = [sent, self.sent_at_reports[0]];
        let source = sends.then(|| {
            let ntp = NtpTime::of(now.wall);
            self.sent.note(ntp, now.instant);
            let timestamp = self.outgoing.timestamp_at(now.instant);
            Source { ntp, timestamp, packets: sent, octets: self.outgoing.octets() }
        });
        let block = self.reception.as_mut().map(|reception| reception.block(now.instant));
        let metrics = self.metrics();
        let asked = self.plan.as_ref().map(|plan| plan.summary).filter(SummaryAsked::is_any);
        let summary = asked.and_then(|asked| self.reception.as_mut()?.summary(asked));
        let echo = self.reference.take().map(|told| told.echo(now.instant));
        let cname = format!("{:016x}{:08x}", self.cname[0], self.cname[1] as u32);
        let ssrc = self.outgoing.ssrc();
        let data = write(&Compound { ssrc, cname: &cname, source, block, metrics, summary, echo, goodbye });
        self.reported = true;
        Some((channel, destination, data))
    }

    /// Where the peer's reports come from. Who sent some while it was taken for the peer is so no longer.
    fn reporter(&self) -> Option<SocketAddr> {
        let signalled = self.plan.as_ref().and_then(|plan| plan.remote_rtcp);
        self.remote_rtcp.filter(|remote| signalled == Some(*remote) || self.learning.is_host(remote.ip()))
    }

    /// Where RTCP goes: with RTP, to where it came from, to the port above a source behind NAT, to where the peer said.
    fn rtcp_destination(&self) -> Option<(Channel, Destination)> {
        let plan = self.plan.as_ref()?;
        if plan.rtcp_mux {
            return Some((Channel::Rtp, self.peer()?));
        }
        if let Some(ways) = &self.ways {
            return Some((Channel::Rtcp, Destination::To(ways.destination(Channel::Rtcp)?)));
        }
        let above = self.learning.source().filter(|source| plan.remote_rtp != Some(*source));
        let above = above.and_then(|source| Some(SocketAddr::new(source.ip(), source.port().checked_add(1)?)));
        let remote = self.reporter().or(above).or(plan.remote_rtcp)?;
        Some((Channel::Rtcp, Destination::To(remote)))
    }

    /// Whether a report has gone out: from then on whole intervals count.
    pub fn reported(&self) -> bool {
        self.reported
    }
}
