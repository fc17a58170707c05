//! A session description: read, every line asked, written and read again.

use signaling::sdp::attribute::{PacketTime, RtcpAddress};
use signaling::sdp::candidate::{Candidate, remote_candidates};
use signaling::sdp::limits::{SDP_BYTES_MAX, SDP_LINES_MAX, SDP_MEDIA_MAX};
use signaling::sdp::{Fragment, SessionDescription, typed};

use crate::sip_message::touch;

/// Reads the input as SDP.
pub fn session_description(data: &[u8]) {
    // The same lines, as they come by INFO.
    if let Some(fragment) = Fragment::parse(data) {
        assert!(std::str::from_utf8(data).is_ok());
        touch(fragment);
    }
    let session = match SessionDescription::parse(data) {
        Ok(session) => session,
        Err(error) => {
            assert!(error.line >= 1 && error.line <= data.iter().filter(|&&octet| octet == b'\n').count() + 1);
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(session.media.len() <= SDP_MEDIA_MAX);
    let written = session.write();
    // CRLF for LF, and what was left out, may carry a text over its bound.
    if written.len() <= SDP_BYTES_MAX && written.iter().filter(|&&octet| octet == b'\n').count() < SDP_LINES_MAX {
        assert_eq!(SessionDescription::parse(&written).as_ref(), Ok(&session), "what was written is read as the same");
    }
    for section in &session.media {
        touch(session.connection_of(section).map(|connection| (connection.ip(), connection.is_nowhere())));
        touch((section.is_disabled(), section.direction(), section.codecs(), section.rtcp(), section.rtcp_mux()));
        touch((section.ptime(), section.maxptime()));
        for attribute in section.attributes.iter() {
            if let Some(value) = &attribute.value {
                touch((PacketTime::parse(value), RtcpAddress::parse(value), remote_candidates(value)));
                if let Some(candidate) = Candidate::parse(value) {
                    assert!(
                        candidate.priority > 0
                            && candidate.address.port() != 0
                            && !candidate.address.ip().is_unspecified()
                    );
                }
            }
        }
        (0..=127).for_each(|payload_type| touch((section.rtpmap(payload_type), section.fmtp(payload_type))));
    }
    let description = typed::describe(&session);
    assert_eq!(description.streams.len(), session.media.len(), "stream i is m= line i");
    let answer = typed::describe_answer(&session, &description);
    assert_eq!(answer.streams.len(), session.media.len());
    for stream in &description.streams {
        touch(typed::is_served(stream));
        for codec in &stream.codecs {
            assert!(codec.payload_type < 128);
            touch(typed::is_carried(codec));
        }
    }
}
