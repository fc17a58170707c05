use bytes::Bytes;
use signaling::identity::passport::{Named, Stated, read};
use signaling::identity::{Authorities, SignerCertificate, diversions, histories, place_of};
use signaling::limits::IDENTITY_OCTETS_MAX;
use signaling::message::Message;

/// What an INVITE says of who calls: the input is the value of Identity, of Diversion and of History-Info, a URL, and a certificate.
pub fn identity_header(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let number = || Some(Named::Number("4930123".to_owned()));
        let stated = Stated { orig: number(), dest: number(), date: Some(1) };
        if let Ok(signed) = read(text, &stated) {
            // What was understood is written, and read as the same.
            let passport = &signed.passport;
            let written = passport.value(&passport.text(), &signed.signature);
            let plain = passport.x5u.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'>');
            if plain && written.len() <= IDENTITY_OCTETS_MAX {
                assert_eq!(read(&written, &stated).expect("it is read").passport, *passport);
            }
        }
        if let Some(place) = place_of(text, &[]) {
            assert!(!place.host.is_empty() && place.path.starts_with('/') && !place.is_named);
        }
    }
    let lines = [b"Diversion: ".as_slice(), b"History-Info: "].map(|name| [name, data].concat());
    let text = [b"INVITE sip:a@b SIP/2.0\r\n".as_slice(), &lines[0], b"\r\n", &lines[1], b"\r\n\r\n"].concat();
    if let Ok(message) = Message::parse_datagram(Bytes::from(text)) {
        for found in [diversions(&message), histories(&message, false)] {
            assert!(found.len() <= router::limits::DIVERSIONS && found.iter().all(|one| one.count > 0));
        }
    }
    let now = router::time::WallTime::from_secs(1_782_000_000);
    let _ = SignerCertificate::read(data, &Authorities::default(), now);
}
