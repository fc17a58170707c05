//! From a message to the octets of its frame.

use super::{
    ANNOUNCEMENT, Announced, BYE, Bye, Forwarded, HEARTBEAT, HEARTBEAT_ANSWER, HELLO, Header, Heartbeat,
    HeartbeatAnswer, Hello, Order, PACKET,
};
use crate::octets::Octets;
use crate::packet::Packet;
use minicbor::{Encode, Encoder};

/// Appends a frame: its length, then what `content` writes.
fn frame(buffer: &mut Vec<u8>, content: impl FnOnce(&mut Encoder<Octets<'_>>)) {
    let begin = buffer.len();
    buffer.extend_from_slice(&[0; 4]);
    content(&mut Encoder::new(Octets(buffer)));
    let length = (buffer.len() - begin - 4) as u32;
    buffer[begin..begin + 4].copy_from_slice(&length.to_be_bytes());
}

fn write(buffer: &mut Vec<u8>, number: u32, body: &impl Encode<()>) {
    frame(buffer, |e| {
        let written = e.array(2).and_then(|e| e.u32(number)).and_then(|e| e.encode(body));
        written.map(drop).expect("writing to memory does not fail");
    });
}

/// Appends the frame of a hello.
pub fn write_hello(hello: &Hello, buffer: &mut Vec<u8>) {
    write(buffer, HELLO, hello);
}

/// Appends the frame of a heartbeat.
pub fn write_heartbeat(heartbeat: &Heartbeat, buffer: &mut Vec<u8>) {
    write(buffer, HEARTBEAT, heartbeat);
}

/// Appends the frame of a heartbeat's answer.
pub fn write_heartbeat_answer(answer: HeartbeatAnswer, buffer: &mut Vec<u8>) {
    write(buffer, HEARTBEAT_ANSWER, &answer);
}

/// Appends the frame of a list of platforms.
pub fn write_platforms(platforms: &[Announced], buffer: &mut Vec<u8>) {
    write(buffer, ANNOUNCEMENT, &platforms);
}

/// Appends the frame of a bye.
pub fn write_bye(bye: &Bye, buffer: &mut Vec<u8>) {
    write(buffer, BYE, bye);
}

/// What stands in front of a packet's parameters.
fn write_header(
    e: &mut Encoder<Octets<'_>>,
    hops: u8,
    order: Order,
    header: &Header,
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    e.array(2)?.u32(PACKET)?.array(4)?.u8(hops)?.u32(order.epoch)?.u64(order.sequence)?.array(5)?;
    e.encode(header.source)?.encode(header.destination)?.encode(header.transaction)?.encode(header.command)?;
    Ok(())
}

/// Appends the frame of a packet.
pub fn write_packet(hops: u8, order: Order, packet: &Packet, buffer: &mut Vec<u8>) {
    frame(buffer, |e| {
        let written = write_header(e, hops, order, &Header::of(packet))
            .and_then(|()| e.array(packet.parameters.len() as u64).map(drop))
            .and_then(|()| packet.parameters.iter().try_for_each(|parameter| e.encode(parameter).map(drop)));
        written.expect("writing to memory does not fail");
    });
}

/// Appends the frame of a packet that is passed on as it came, but for its destination.
pub fn write_forwarded(forwarded: &Forwarded<'_>, buffer: &mut Vec<u8>) {
    frame(buffer, |e| {
        let written = write_header(e, forwarded.hops, forwarded.order, &forwarded.header);
        written.expect("writing to memory does not fail");
        e.writer_mut().0.extend_from_slice(forwarded.parameters);
    });
}
