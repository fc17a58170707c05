//! From octets to a message: well-formed and within every bound, or nothing that this version knows, or an error.

use super::{
    ANNOUNCEMENT, Announced, BYE, Forwarded, HEARTBEAT, HEARTBEAT_ANSWER, HELLO, Header, Heartbeat, Hello, LinkMessage,
    Offered, Order, PACKET,
};
use crate::encoding::{EncodingError, read_parameters};
use crate::limits::{ADDRESSES, NAME_BYTES, OFFERED, PLATFORMS};
use crate::packet::Packet;
use minicbor::{Decoder, decode};

/// Reads the message that fills `content`.
pub fn read_message(content: &[u8]) -> Result<LinkMessage<'_>, EncodingError> {
    let mut d = Decoder::new(content);
    match message(&mut d, content) {
        Ok(message) => Ok(message),
        // There is no other one to wait for.
        Err(error) if is_hello(content) => Err(EncodingError::NoHello(error)),
        // What is well-formed was perhaps written by a later version.
        Err(error) => well_formed(content).map_err(|_| EncodingError::Malformed(error)).map(|()| LinkMessage::Unknown),
    }
}

fn is_hello(content: &[u8]) -> bool {
    let mut d = Decoder::new(content);
    d.array().is_ok() && d.u32().is_ok_and(|number| number == HELLO)
}

fn message<'a>(d: &mut Decoder<'a>, content: &'a [u8]) -> Result<LinkMessage<'a>, decode::Error> {
    let length = d.array()?;
    if length.is_none_or(|length| length < 2) {
        return Err(decode::Error::message("a message is an array of its number and its content"));
    }
    let message = match d.u32()? {
        HELLO => LinkMessage::Hello(Box::new(d.decode::<Hello>()?.within_bounds()?)),
        HEARTBEAT => {
            let heartbeat: Heartbeat = d.decode()?;
            offered_within_bounds(&heartbeat.modules)?;
            LinkMessage::Heartbeat(heartbeat)
        }
        HEARTBEAT_ANSWER => LinkMessage::HeartbeatAnswer(d.decode()?),
        PACKET => return forwarded(d, content, length).map(LinkMessage::Packet),
        ANNOUNCEMENT => LinkMessage::Platforms(platforms(d)?),
        BYE => LinkMessage::Bye(d.decode()?),
        _ => return Err(decode::Error::message("an unknown message")),
    };
    match length {
        Some(2) if d.position() == content.len() => Ok(message),
        Some(2) => Err(decode::Error::message("octets follow the message")),
        // What a later version has put behind it.
        _ => well_formed(content).map(|()| message),
    }
}

/// `[hops, epoch, sequence, packet]`, in a message of `elements`. The packet's parameters are the rest, unless a later version has put
/// something behind them: behind the packet's fields, the packet, or the message's content.
fn forwarded<'a>(
    d: &mut Decoder<'a>,
    content: &'a [u8],
    elements: Option<u64>,
) -> Result<Forwarded<'a>, decode::Error> {
    let length = d.array()?;
    let hops = d.u8()?;
    let order = Order { epoch: d.u32()?, sequence: d.u64()? };
    let fields = d.array()?;
    if fields.is_some_and(|fields| fields < 5) {
        return Err(decode::Error::message("a packet is an array of five"));
    }
    let header =
        Header { source: d.decode()?, destination: d.decode()?, transaction: d.decode()?, command: d.decode()? };
    let begin = d.position();
    let parameters = match (elements, length, fields) {
        (Some(2), Some(4), Some(5)) => &content[begin..],
        _ => {
            d.skip()?;
            let parameters = &content[begin..d.position()];
            well_formed(content)?;
            parameters
        }
    };
    Ok(Forwarded { hops, order, header, parameters })
}

fn platforms(d: &mut Decoder<'_>) -> Result<Vec<Announced>, decode::Error> {
    let count = d.array()?.ok_or_else(|| decode::Error::message("platforms have a definite length"))?;
    if count > PLATFORMS as u64 {
        return Err(decode::Error::message("too many platforms"));
    }
    let mut platforms = Vec::new();
    for _ in 0..count {
        platforms.push(d.decode::<Announced>()?.within_bounds()?);
    }
    Ok(platforms)
}

/// Whether `content` is one item of CBOR.
pub(crate) fn well_formed(content: &[u8]) -> Result<(), decode::Error> {
    let mut d = Decoder::new(content);
    d.skip()?;
    if d.position() == content.len() { Ok(()) } else { Err(decode::Error::message("octets follow")) }
}

impl Forwarded<'_> {
    /// The packet with its parameters; `Ok(None)` where they are well-formed and nothing that this version knows.
    pub fn packet(&self) -> Result<Option<Packet>, EncodingError> {
        let Header { source, destination, transaction, command } = self.header;
        let mut d = Decoder::new(self.parameters);
        match read_parameters(&mut d) {
            Ok(parameters) if d.position() == self.parameters.len() => {
                Ok(Some(Packet { source, destination, transaction, command, parameters }))
            }
            Ok(_) => Err(EncodingError::Trailing(self.parameters.len() - d.position())),
            Err(error) => well_formed(self.parameters).map_err(|_| EncodingError::Malformed(error)).map(|()| None),
        }
    }
}

impl Hello {
    fn within_bounds(self) -> Result<Self, decode::Error> {
        offered_within_bounds(&self.modules)?;
        texts_within_bounds(&self.name, self.software.as_deref(), &self.addresses)?;
        Ok(self)
    }
}

impl Announced {
    fn within_bounds(self) -> Result<Self, decode::Error> {
        offered_within_bounds(&self.modules)?;
        texts_within_bounds(&self.name, self.software.as_deref(), &self.addresses)?;
        Ok(self)
    }
}

fn offered_within_bounds(modules: &[Offered]) -> Result<(), decode::Error> {
    if modules.len() > OFFERED { Err(decode::Error::message("too many modules")) } else { Ok(()) }
}

fn texts_within_bounds(name: &str, software: Option<&str>, addresses: &[String]) -> Result<(), decode::Error> {
    let texts = addresses.iter().map(String::as_str).chain([name]).chain(software);
    if addresses.len() > ADDRESSES || texts.into_iter().any(|text| text.len() > NAME_BYTES) {
        return Err(decode::Error::message("a name or address is too long, or there are too many"));
    }
    Ok(())
}
