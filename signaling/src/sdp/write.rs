//! [`SessionDescription`] to text, in the order of RFC 8866 §5.

use bytes::Bytes;

use super::attribute::Attributes;
use super::media::MediaSection;
use super::session::{Bandwidth, Connection, Origin, SessionDescription, Timing, UnknownLine};
use super::text::Text;
use crate::message::Value;

impl SessionDescription {
    /// Writes the description, every line ended with CRLF.
    pub fn write(&self) -> Bytes {
        let mut output = Output(Vec::with_capacity(512));
        output.line(b'v', &[b"0"]);
        output.origin(&self.origin);
        output.text(b's', &self.name);
        output.optional(b'i', self.information.as_ref());
        output.optional(b'u', self.uri.as_ref());
        self.emails.iter().for_each(|email| output.text(b'e', email));
        self.phones.iter().for_each(|phone| output.text(b'p', phone));
        self.connection.iter().for_each(|connection| output.connection(connection));
        output.bandwidths(&self.bandwidths);
        self.timings.iter().for_each(|timing| output.timing(timing));
        output.optional(b'k', self.key.as_ref());
        output.unknown(&self.unknown);
        output.attributes(&self.attributes);
        self.media.iter().for_each(|section| output.media(section));
        output.0.into()
    }
}

/// The text as it grows.
struct Output(Vec<u8>);

impl Output {
    fn line(&mut self, letter: u8, parts: &[&[u8]]) {
        self.0.extend_from_slice(&[letter, b'=']);
        parts.iter().for_each(|part| self.0.extend_from_slice(part));
        self.0.extend_from_slice(b"\r\n");
    }

    fn words(&mut self, letter: u8, words: &[&Text]) {
        self.0.extend_from_slice(&[letter, b'=']);
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                self.0.push(b' ');
            }
            self.0.extend_from_slice(word.as_bytes());
        }
        self.0.extend_from_slice(b"\r\n");
    }

    fn figure(&mut self, figure: impl Value) {
        figure.put(&mut self.0);
    }

    fn text(&mut self, letter: u8, text: &Text) {
        self.line(letter, &[text.as_bytes()]);
    }

    fn optional(&mut self, letter: u8, text: Option<&Text>) {
        if let Some(text) = text {
            self.text(letter, text);
        }
    }

    fn origin(&mut self, origin: &Origin) {
        self.words(
            b'o',
            &[
                &origin.username,
                &origin.session_id,
                &origin.session_version,
                &origin.net_type,
                &origin.address_type,
                &origin.address,
            ],
        );
    }

    fn connection(&mut self, connection: &Connection) {
        match connection {
            Connection::Address { address, ttl, count } => {
                self.0.extend_from_slice(if address.is_ipv4() { b"c=IN IP4 " } else { b"c=IN IP6 " });
                self.figure(address);
                // A count of IPv4 addresses stands behind a scope; 255 is what no scope means.
                let ttl = ttl.or((address.is_ipv4() && count.is_some()).then_some(u8::MAX));
                for figure in
                    [ttl.filter(|_| address.is_ipv4()).map(u32::from), count.map(u32::from)].into_iter().flatten()
                {
                    self.0.push(b'/');
                    self.figure(figure);
                }
                self.0.extend_from_slice(b"\r\n");
            }
            Connection::Name { address_type, name } => {
                self.line(b'c', &[b"IN ", address_type.as_bytes(), b" ", name.as_bytes()]);
            }
            Connection::Other { net_type, address_type, address } => {
                self.words(b'c', &[net_type, address_type, address]);
            }
        }
    }

    fn bandwidths(&mut self, bandwidths: &[Bandwidth]) {
        for bandwidth in bandwidths {
            self.line(b'b', &[bandwidth.kind.as_bytes(), b":", bandwidth.value.to_string().as_bytes()]);
        }
    }

    fn timing(&mut self, timing: &Timing) {
        self.0.extend_from_slice(b"t=");
        self.figure(timing.start);
        self.0.push(b' ');
        self.figure(timing.stop);
        self.0.extend_from_slice(b"\r\n");
        timing.repeats.iter().for_each(|repeat| self.text(b'r', repeat));
        self.optional(b'z', timing.zone.as_ref());
    }

    fn unknown(&mut self, lines: &[UnknownLine]) {
        lines.iter().for_each(|line| self.text(line.letter, &line.value));
    }

    fn attributes(&mut self, attributes: &Attributes) {
        for attribute in attributes.iter() {
            match &attribute.value {
                Some(value) => self.line(b'a', &[attribute.name.as_bytes(), b":", value.as_bytes()]),
                None => self.text(b'a', &attribute.name),
            }
        }
    }

    fn media(&mut self, section: &MediaSection) {
        self.0.extend_from_slice(b"m=");
        self.0.extend_from_slice(section.media.as_bytes());
        self.0.push(b' ');
        self.figure(section.port);
        if section.port_count != 1 {
            self.0.push(b'/');
            self.figure(section.port_count);
        }
        self.0.push(b' ');
        self.0.extend_from_slice(section.protocol.as_bytes());
        for format in &section.formats {
            self.0.push(b' ');
            self.0.extend_from_slice(format.as_bytes());
        }
        self.0.extend_from_slice(b"\r\n");
        self.optional(b'i', section.information.as_ref());
        section.connections.iter().for_each(|connection| self.connection(connection));
        self.bandwidths(&section.bandwidths);
        self.optional(b'k', section.key.as_ref());
        self.unknown(&section.unknown);
        self.attributes(&section.attributes);
    }
}
