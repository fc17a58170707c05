//! How a leg sounds, as the E-model has it: of what its peer sends, and of what the peer hears by its reports.

use super::Port;
use crate::limits::{ENDS_MS, JITTER_DELAYS};
use crate::quality::e_model::{Facts, Impairment, opinion, rating};

/// Hundredths of an opinion.
const CENTI: f64 = 100.0;

impl Port {
    /// Of what the peer sends; `None`: nothing has come.
    pub(super) fn opinion(&self) -> Option<u16> {
        let codec = self.spoken()?;
        let missing = (self.lost() + self.packets_late) as f64;
        let expected = self.packets_received as f64 + self.lost() as f64;
        let jitter_us = self.reception.as_ref().map_or(0, |reception| reception.jitter_us());
        let burst_ratio =
            self.reception.as_ref().map_or(1.0, |reception| reception.bursts().ratio(reception.sequence().expected()));
        Some(self.rated(codec, missing / expected.max(1.0), jitter_us, burst_ratio))
    }

    /// Of what the peer hears: as it says itself (RFC 3611), or by its reports; `None`: it has not said.
    pub(super) fn opinion_at_peer(&self) -> Option<u16> {
        let said = self.feedback.metrics.and_then(|metrics| metrics.opinion_conversing.or(metrics.opinion_listening));
        if let Some(tenths) = said {
            return Some(u16::from(tenths) * 10);
        }
        let (lost, jitter_us) = (self.feedback.lost?, self.feedback.jitter_us?);
        let sent = self.outgoing.packets().max(1) as f64;
        Some(self.rated(self.spoken()?, (lost as f64 / sent).min(1.0), jitter_us, 1.0))
    }

    /// The codec that the peer last sent.
    fn spoken(&self) -> Option<&str> {
        let codec = self.payload_type.and_then(|payload_type| self.formats.codec(payload_type));
        codec.map(|codec| codec.name.as_str()).or(self.codec.as_deref())
    }

    fn rated(&self, codec: &str, loss: f64, jitter_us: u32, burst_ratio: f64) -> u16 {
        let line_us = f64::from(self.feedback.round_trip_us.unwrap_or(0)) / 2.0 + f64::from(jitter_us) * JITTER_DELAYS;
        let ends_ms = self.feedback.metrics.map_or(ENDS_MS, |metrics| f64::from(metrics.end_system_ms).max(ENDS_MS));
        let facts = Facts {
            delay_ms: line_us / 1_000.0 + ends_ms,
            loss_percent: loss * 100.0,
            burst_ratio,
            impairment: Impairment::of(codec),
        };
        (opinion(rating(&facts)) * CENTI).round() as u16
    }
}
