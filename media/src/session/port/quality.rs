//! How a leg sounds, as the E-model has it: of what its peer sends, and of what the peer hears by its reports.

use super::Port;
use crate::limits::{ENDS_MS, JITTER_DELAYS, PACKET_MS_UNSAID};
use crate::quality::e_model::{Facts, Impairment, opinion, rating};
use crate::rtcp::VoipMetrics;

/// Hundredths of an opinion.
const CENTI: f64 = 100.0;

impl Port {
    /// Of what the peer sends; `None`: nothing has come.
    pub(super) fn opinion(&self) -> Option<u16> {
        self.facts().map(|facts| centi(&facts))
    }

    /// Of what the peer hears: as it says itself (RFC 3611), or by its reports; `None`: it has not said.
    pub(super) fn opinion_at_peer(&self) -> Option<u16> {
        if let Some(tenths) = self.feedback.opinion {
            return Some(u16::from(tenths) * 10);
        }
        let (lost, jitter_us) = (self.feedback.lost?, self.feedback.jitter_us?);
        let sent = self.outgoing.packets().max(1) as f64;
        Some(centi(&self.facts_of(self.spoken()?, (lost as f64 / sent).min(1.0), jitter_us, 1.0)))
    }

    /// What the peer is told of how it is heard (RFC 3611 §4.7); `None`: it has not asked, or nothing of it was heard.
    pub(super) fn metrics(&self) -> Option<VoipMetrics> {
        let reception = self.reception.as_ref().filter(|_| self.plan.as_ref().is_some_and(|plan| plan.voip_metrics))?;
        let facts = self.facts()?;
        let sequence = reception.sequence();
        let shape = reception.bursts().shape(sequence.extended(), sequence.base());
        let packet_ms =
            self.plan.as_ref().and_then(|plan| plan.frame).map_or(PACKET_MS_UNSAID, |frame| frame.as_millis() as f64);
        let expected = self.expected().max(1.0);
        let conversing = rating(&facts);
        let listening = rating(&Facts { delay_ms: 0.0, ..facts });
        Some(VoipMetrics {
            ssrc: reception.ssrc(),
            loss_rate: in_256ths(self.lost() as f64 / expected),
            discard_rate: in_256ths(self.packets_late as f64 / expected),
            burst_density: in_256ths(shape.burst_density),
            gap_density: in_256ths(shape.gap_density),
            burst_ms: (shape.burst_packets * packet_ms).round() as u16,
            gap_ms: (shape.gap_packets * packet_ms).round() as u16,
            round_trip_ms: u16::try_from(self.feedback.round_trip_us.unwrap_or(0) / 1_000).unwrap_or(u16::MAX),
            end_system_ms: ENDS_MS as u16,
            rating: Some(conversing.round() as u8),
            opinion_listening: Some(in_tenths(listening)),
            opinion_conversing: Some(in_tenths(conversing)),
        })
    }

    /// Of what the peer sends; `None`: nothing has come.
    fn facts(&self) -> Option<Facts> {
        let codec = self.spoken()?;
        let missing = (self.lost() + self.packets_late) as f64;
        let jitter_us = self.reception.as_ref().map_or(0, |reception| reception.jitter_us());
        let burst_ratio =
            self.reception.as_ref().map_or(1.0, |reception| reception.bursts().ratio(reception.sequence().expected()));
        Some(self.facts_of(codec, missing / self.expected().max(1.0), jitter_us, burst_ratio))
    }

    /// Packets that the peer has sent, as far as is known.
    fn expected(&self) -> f64 {
        self.packets_received as f64 + self.lost() as f64
    }

    /// The codec that the peer last sent.
    fn spoken(&self) -> Option<&str> {
        let codec = self.payload_type.and_then(|payload_type| self.formats.codec(payload_type));
        codec.map(|codec| codec.name.as_str()).or(self.codec.as_deref())
    }

    fn facts_of(&self, codec: &str, loss: f64, jitter_us: u32, burst_ratio: f64) -> Facts {
        let line_us = f64::from(self.feedback.round_trip_us.unwrap_or(0)) / 2.0 + f64::from(jitter_us) * JITTER_DELAYS;
        let ends_ms = self.feedback.end_system_ms.map_or(ENDS_MS, |milliseconds| f64::from(milliseconds).max(ENDS_MS));
        Facts {
            delay_ms: line_us / 1_000.0 + ends_ms,
            loss_percent: loss * 100.0,
            burst_ratio,
            impairment: Impairment::of(codec),
        }
    }
}

fn centi(facts: &Facts) -> u16 {
    (opinion(rating(facts)) * CENTI).round() as u16
}

/// The opinion that belongs to a rating, in tenths as RFC 3611 has them.
fn in_tenths(rating: f64) -> u8 {
    (opinion(rating) * 10.0).round() as u8
}

fn in_256ths(part: f64) -> u8 {
    (part * 256.0) as u8
}
