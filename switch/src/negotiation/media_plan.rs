//! From an agreement to what the port is told.

use super::medium::Medium;
use router::parameter::{Codec, MediaPlan, PortId};
use std::net::{IpAddr, SocketAddr};

impl Medium {
    /// The plan of this leg's port, whose signalling comes from `host`; `None` before an agreement.
    pub(crate) fn plan(&self, port: PortId, host: Option<IpAddr>, silence_limit_ms: Option<u32>) -> Option<MediaPlan> {
        let agreement = self.agreement()?;
        let (local, remote) = (agreement.local()?, agreement.remote()?);
        let remote_rtp = remote.rtp.filter(|address| !address.ip().is_unspecified() && address.port() != 0);
        let rtcp_mux = local.rtcp_mux && remote.rtcp_mux;
        let remote_rtcp = match remote_rtp {
            Some(rtp) if !rtcp_mux => {
                let next = || rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port));
                remote.rtcp.filter(|address| !address.ip().is_unspecified()).or_else(next)
            }
            _ => None,
        };
        let receives = local.direction.receives() && remote.direction.sends();
        Some(MediaPlan {
            port,
            remote_rtp,
            remote_rtcp,
            rtcp_mux,
            generation: self.generation(),
            sends: local.direction.sends() && agreement.direction().receives(),
            receives,
            codecs: agreement.codecs.clone(),
            ptime_ms: remote.ptime_ms,
            silence_limit_ms: silence_limit_ms.filter(|_| receives),
            protection: remote.protection.clone(),
            dtls: remote.dtls.clone(),
            ice: remote.ice.clone(),
            voip_metrics: remote.voip_metrics,
            summary: remote.summary,
            host,
            keys: self.keys,
            networks: Vec::new(),
        })
    }
}

/// Whether a peer may fall silent by agreement: comfort noise (RFC 3389), or a codec that stops sending in pauses
/// (G.729 Annex B unless refused, RFC 4856; Opus with `usedtx`, RFC 7587; the AMR family and EVS).
pub(crate) fn may_be_silent(codecs: &[Codec]) -> bool {
    codecs.iter().any(|codec| {
        let parameters = codec.parameters.as_deref().unwrap_or_default();
        let says = |parameter: &str| {
            parameters.split(';').any(|given| {
                let given = given.trim();
                given.len() == parameter.len() && given.eq_ignore_ascii_case(parameter)
            })
        };
        let is = |name: &str| codec.name.eq_ignore_ascii_case(name);
        ["CN", "AMR", "AMR-WB", "EVS"].into_iter().any(is)
            || (is("G729") && !says("annexb=no"))
            || (is("opus") && says("usedtx=1"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::medium::Terms;
    use super::*;
    use router::parameter::{Direction, MediaDescription, MediaKind, MediaStream, MediaTransport, PortAddress};

    #[test]
    fn silence_that_is_agreed() {
        let with = |name: &str, parameters: Option<&str>| Codec {
            parameters: parameters.map(Into::into),
            ..Codec::new(96, name, 8000)
        };
        assert!(!may_be_silent(&[with("PCMU", None), with("G729", Some("annexb=no")), with("opus", None)]));
        assert!(may_be_silent(&[with("PCMU", None), with("CN", None)]));
        assert!(may_be_silent(&[with("G729", None)]));
        assert!(may_be_silent(&[with("opus", Some("minptime=10; usedtx=1"))]));
    }

    /// The old hold and a domain name have no address. To who has a name there is sent, once its packets have told where it is.
    #[test]
    fn without_an_address_the_direction_says_whether_something_is_sent() {
        for (direction, sends) in [(Direction::SendOnly, false), (Direction::SendReceive, true)] {
            assert_nowhere(direction, sends);
        }
    }

    fn assert_nowhere(direction: Direction, sends: bool) {
        let at = PortAddress { rtp: ([192, 0, 2, 1], 5000).into(), rtcp: ([192, 0, 2, 1], 5001).into() };
        let mut medium = Medium::default();
        medium.address = Some(at);
        let remote = MediaStream {
            kind: MediaKind::Audio,
            transport: MediaTransport::RtpAvp,
            rtp: Some(([0, 0, 0, 0], 7000).into()),
            rtcp: None,
            rtcp_mux: false,
            direction,
            codecs: vec![Codec::new(0, "PCMU", 8000)],
            ptime_ms: Some(20),
            max_ptime_ms: None,
            protection: None,
            dtls: None,
            ice: None,
            voip_metrics: false,
            summary: Default::default(),
            seeks_anew: false,
            chosen_ways: Vec::new(),
            served: None,
        };
        medium.ask(MediaDescription { streams: vec![remote] });
        medium.answer(&Terms::of_codecs(vec![Codec::new(0, "PCMU", 8000)])).unwrap();
        let plan = medium.plan(PortId(0), None, Some(1000)).unwrap();
        assert_eq!((plan.remote_rtp, plan.remote_rtcp), (None, None));
        assert_eq!((plan.sends, plan.receives), (sends, true));
        assert_eq!(plan.ptime_ms, Some(20));
    }
}
