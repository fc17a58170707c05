//! A frame between platforms: read, written and read again.

use router::encoding::{EncodingError, read_frame, read_packet, write_frame};
use router::limits::{FRAME_BYTES, PARAMETERS};

use crate::sip_message::touch;

/// Reads the input as a frame, and as the content of one.
pub fn packet(data: &[u8]) {
    match read_frame(data) {
        Ok(None) => assert!(data.len() < 4 + FRAME_BYTES),
        Ok(Some((_, taken))) => assert!(taken <= data.len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let packet = match read_packet(data) {
        Ok(packet) => packet,
        Err(EncodingError::Trailing(trailing)) => return assert!(trailing < data.len()),
        Err(_) => return,
    };
    assert!(packet.parameters.len() <= PARAMETERS);
    touch(&packet);
    packet.parameters.iter().for_each(touch);
    let mut frame = Vec::new();
    write_frame(&packet, &mut frame);
    let (again, taken) = read_frame(&frame).expect("what was written is read").expect("and is whole");
    assert_eq!(taken, frame.len());
    assert!(again == packet, "{packet:?} became {again:?}");
    let mut twice = Vec::new();
    write_frame(&again, &mut twice);
    assert_eq!(frame, twice, "writing is settled");
    assert!(read_frame(&frame[..frame.len() - 1]).is_ok_and(|read| read.is_none()));
}
