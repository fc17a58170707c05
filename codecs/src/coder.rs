//! What every codec can do: payload to samples, samples to payload.
//!
//! A stream is coded by one [`Encoder`] and read by one [`Decoder`], as both keep what they have heard. Neither allocates once
//! it is made. Samples are 16-bit linear and mono; two channels of a peer are mixed, and sent as two alike.

use std::fmt;

/// Reads payloads of one stream, in their order.
pub trait Decoder: Send {
    /// Decodes a payload into the front of `samples`; tells how many there are. What is malformed changes nothing, and the
    /// stretch is to be concealed.
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, Fault>;

    /// Fills `samples`, whole frames, with what a lost payload may have said; `next` is the payload behind the gap, where it has
    /// come already and may say it (in-band FEC). `false`: the codec has no such thing, nothing was done, and
    /// [`Concealment`](crate::Concealment) serves.
    fn conceal(&mut self, samples: &mut [i16], next: Option<&[u8]>) -> bool {
        let _ = (samples, next);
        false
    }
}

/// Makes payloads of one stream.
pub trait Encoder: Send {
    /// Encodes `samples`, as many as [`Codec::packet_samples`](crate::Codec::packet_samples) says, into the front of `payload`.
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<Encoded, Fault>;

    /// The share of packets that the peer says it loses, in percent: how much redundancy is worth its bits.
    fn expect_loss(&mut self, percent: u8) {
        let _ = percent;
    }
}

/// What became of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encoded {
    /// So many octets are to be sent.
    Payload(usize),
    /// Nothing is to be sent: the peer makes its own silence (DTX). Time goes on all the same.
    Nothing,
}

/// Why something was not coded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The peer misbehaved: this is no payload of the codec.
    Malformed,
    /// The buffer that was given is too small for the result: our own mistake.
    Room,
    /// The codec makes no packet of so many samples: our own mistake.
    Length,
    /// There is no such codec, rate or packet time.
    Unsupported,
    /// The library behind the codec gave up.
    Library,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "no payload of this codec",
            Self::Room => "no room for the result",
            Self::Length => "no length of a packet of this codec",
            Self::Unsupported => "codec, sampling rate or packet time is not served",
            Self::Library => "the codec's library gave up",
        })
    }
}

impl std::error::Error for Fault {}

/// The front of `samples` that `count` fill.
pub(crate) fn front(samples: &mut [i16], count: usize) -> Result<&mut [i16], Fault> {
    samples.get_mut(..count).ok_or(Fault::Room)
}
