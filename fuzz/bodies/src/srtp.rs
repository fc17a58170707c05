//! A datagram as SRTP and as SRTCP, by each suite: what is no peer's is refused, what is sealed is opened as it was.

use media::srtp::{EXPANSION, Inbound, Outbound};
use router::parameter::{MediaKey, SrtpSuite};
use router::time::Instant;

/// The first octet names the suite, the second the length of the master key identifier; the rest is the datagram.
pub fn srtp(data: &[u8]) {
    let [suite, identifier, datagram @ ..] = data else { return };
    let suite = SrtpSuite::ALL[usize::from(*suite) % SrtpSuite::ALL.len()];
    let key = MediaKey {
        material: (0..suite.material_bytes() as u8).collect(),
        identifier: vec![7; usize::from(*identifier) % 5],
    };
    let (Some(mut outbound), Some(mut inbound)) = (Outbound::new(suite, &key), Inbound::new(suite, &key)) else {
        panic!("a key of the right length is taken");
    };
    let now = Instant::from_millis(1);
    let mut received = datagram.to_vec();
    assert!(inbound.unprotect_rtp(now, &mut received).is_err(), "nobody guesses a tag");
    let mut received = datagram.to_vec();
    assert!(inbound.unprotect_rtcp(now, &mut received).is_err(), "nobody guesses a tag");

    let sealed = |seal: &mut dyn FnMut(&mut [u8], usize) -> Option<usize>| {
        let mut buffer = datagram.to_vec();
        assert_eq!(seal(&mut buffer, datagram.len()), None, "there is no room for a tag");
        buffer = datagram.to_vec();
        buffer.resize(datagram.len() + EXPANSION, 0);
        let length = seal(&mut buffer, datagram.len())?;
        buffer.truncate(length);
        Some(buffer)
    };
    if let Some(mut packet) = sealed(&mut |buffer, length| outbound.protect_rtp(buffer, length)) {
        // Those that are larger than any voice may not be the first of a stream.
        if packet.len() <= 8_000 {
            assert_eq!(inbound.unprotect_rtp(now, &mut packet), Ok(datagram.len()));
            assert_eq!(packet.get(..datagram.len()), Some(datagram));
        }
    }
    if let Some(mut packet) = sealed(&mut |buffer, length| outbound.protect_rtcp(buffer, length)) {
        assert_eq!(inbound.unprotect_rtcp(now, &mut packet), Ok(datagram.len()));
        assert_eq!(packet.get(..datagram.len()), Some(datagram));
    }
}
