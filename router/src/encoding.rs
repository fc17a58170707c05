//! The packet between platforms: CBOR (RFC 8949), described by the CDDL in `docs/packets.md`.
//!
//! A packet is an array of five: source, destination, transaction, command, parameters. Structs are maps with small integer
//! keys; a decoder passes over keys that it does not know and takes absent optional ones as empty, so that versions that
//! differ understand each other. A frame here is the packet alone behind its length in four octets, big-endian; on a link
//! it is part of a message ([`crate::bridge::message`]).

use crate::address::Address;
use crate::command::Command;
use crate::limits::{FRAME_BYTES, PARAMETERS};
use crate::octets::Octets;
use crate::packet::{Packet, Parameters, Transaction};
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};
use std::fmt;

/// Why bytes are not a packet: the peer's fault.
#[derive(Debug)]
pub enum EncodingError {
    /// The frame says that it is longer than [`FRAME_BYTES`].
    TooLong(usize),
    /// The frame's content is not a packet, and why.
    Malformed(decode::Error),
    /// The frame's content says that it is a hello and is none, and why.
    NoHello(decode::Error),
    /// Bytes follow the packet in its frame.
    Trailing(usize),
}

impl fmt::Display for EncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(bytes) => write!(f, "a frame of {bytes} bytes exceeds the bound of {FRAME_BYTES}"),
            Self::Malformed(error) => write!(f, "not a packet: {error}"),
            Self::NoHello(error) => write!(f, "not a hello: {error}"),
            Self::Trailing(bytes) => write!(f, "{bytes} bytes follow the packet in its frame"),
        }
    }
}

impl std::error::Error for EncodingError {}

impl<C> Encode<C> for Packet {
    fn encode<W: encode::Write>(&self, e: &mut Encoder<W>, ctx: &mut C) -> Result<(), encode::Error<W::Error>> {
        e.array(5)?;
        self.source.encode(e, ctx)?;
        self.destination.encode(e, ctx)?;
        self.transaction.encode(e, ctx)?;
        self.command.encode(e, ctx)?;
        e.array(self.parameters.len() as u64)?;
        self.parameters.iter().try_for_each(|parameter| parameter.encode(e, ctx))
    }
}

impl<'b, C> Decode<'b, C> for Packet {
    fn decode(d: &mut Decoder<'b>, ctx: &mut C) -> Result<Self, decode::Error> {
        if d.array()? != Some(5) {
            return Err(decode::Error::message("a packet is an array of five"));
        }
        let source = Address::decode(d, ctx)?;
        let destination = Address::decode(d, ctx)?;
        let transaction = Transaction::decode(d, ctx)?;
        let command = Command::decode(d, ctx)?;
        let parameters = read_parameters(d)?;
        Ok(Self { source, destination, transaction, command, parameters })
    }
}

/// The parameters of a packet: a list of at most [`PARAMETERS`].
pub(crate) fn read_parameters(d: &mut Decoder<'_>) -> Result<Parameters, decode::Error> {
    let count = d.array()?.ok_or_else(|| decode::Error::message("parameters have a definite length"))?;
    if count > PARAMETERS as u64 {
        return Err(decode::Error::message("too many parameters"));
    }
    let mut parameters = Parameters::new();
    for _ in 0..count {
        parameters.push(Decode::decode(d, &mut ())?);
    }
    Ok(parameters)
}

/// Appends the frame of `packet` to `buffer`.
pub fn write_frame(packet: &Packet, buffer: &mut Vec<u8>) {
    let begin = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    encode(packet, Octets(buffer)).expect("writing to memory does not fail");
    let length = (buffer.len() - begin - 4) as u32;
    buffer[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
}

/// Reads the frame at the begin of `buffer`: the packet and how many bytes it took, or `None` while it is incomplete.
pub fn read_frame(buffer: &[u8]) -> Result<Option<(Packet, usize)>, EncodingError> {
    let Some((length, rest)) = buffer.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    if length > FRAME_BYTES {
        return Err(EncodingError::TooLong(length));
    }
    let Some(content) = rest.get(..length) else { return Ok(None) };
    Ok(Some((read_packet(content)?, 4 + length)))
}

/// Reads a packet that fills `content`.
pub fn read_packet(content: &[u8]) -> Result<Packet, EncodingError> {
    let mut decoder = Decoder::new(content);
    let packet = Packet::decode(&mut decoder, &mut ()).map_err(EncodingError::Malformed)?;
    match content.len() - decoder.position() {
        0 => Ok(packet),
        trailing => Err(EncodingError::Trailing(trailing)),
    }
}
