//! The bodies of the fuzz targets: `fuzz/` feeds them what libFuzzer invents, `tests/tests/corpus.rs` what it found.
//!
//! Each takes any octets and panics where a promise of the code is broken: that nothing panics, that what is written is read
//! as the same, that what is opened is closed, that every request is answered once.
//!
//! | target | what the input is |
//! |---|---|
//! | `sip_message` | a datagram |
//! | `sip_stream` | a stream, in pieces |
//! | `websocket` | the request that opens a WebSocket and its frames, in pieces |
//! | `session_description` | SDP |
//! | `presence_document` | a body that a phone publishes |
//! | `identity_header` | the value of Identity, Diversion and History-Info, a URL, a certificate |
//! | `enum_rule` | a number, and rules for it from the name service |
//! | `digest` | the value of an authentication header |
//! | `configuration` | the text of a configuration |
//! | `packet` | a frame between platforms |
//! | `rtp`, `rtcp`, `srtp` | a datagram |
//! | `dtls` | datagrams of a handshake |
//! | `stun` | a datagram |
//! | `turn` | what a server that relays says to its client, and time |
//! | `ways` | datagrams and time at an agent that looks for ways (ICE) |
//! | `g711`, `l16`, `g722`, `g726`, `gsm`, `opus` | payloads of a stream and the gaps in it |
//! | `comfort_noise` | a payload |
//! | `dtmf` | samples |
//! | `telephone_event` | payloads and timestamps |
//! | `transcoder` | operations on a chain of two codecs |
//! | `offer_answer` | operations on a dialog's offer/answer machines |
//! | `transactions` | operations on the table of transactions |
//! | `outbox` | operations on a module's outbox |
//! | `link` | what comes over a link from another platform |
//! | `bridge` | operations on three platforms and the links between them |
//! | `signaling` | operations on a signalling module and on those around it |
//! | `media_session` | operations on a media worker |
//! | `calls` | operations on a switch and on those around it |
//! | `control_session` | lines, packets and time at the control module |

mod bridge;
mod calls;
mod codec;
mod configuration;
mod control_session;
mod digest;
mod dtls;
mod due;
mod enum_rule;
mod identity_header;
mod link;
mod media_session;
mod offer_answer;
mod outbox;
mod packet;
mod presence_document;
mod rtcp;
mod rtp;
mod session_description;
mod signaling;
mod sip_message;
mod sip_stream;
mod srtp;
mod stun;
mod tape;
mod transactions;
mod turn;
mod ways;
mod websocket;

pub use bridge::bridge;
pub use calls::calls;
pub use codec::{comfort_noise, dtmf, g711, g722, g726, gsm, l16, opus, telephone_event, transcoder};
pub use configuration::configuration;
pub use control_session::control_session;
pub use digest::digest;
pub use dtls::dtls;
pub use enum_rule::enum_rule;
pub use identity_header::identity_header;
pub use link::link;
pub use media_session::media_session;
pub use offer_answer::offer_answer;
pub use outbox::outbox;
pub use packet::packet;
pub use presence_document::presence_document;
pub use rtcp::rtcp;
pub use rtp::rtp;
pub use session_description::session_description;
pub use signaling::signaling;
pub use sip_message::sip_message;
pub use sip_stream::sip_stream;
pub use srtp::srtp;
pub use stun::stun;
pub use transactions::transactions;
pub use turn::turn;
pub use ways::ways;
pub use websocket::websocket;

/// What a target does with an input.
pub type Body = fn(&[u8]);

/// Every target by name: the name of its binary and of its folder in `fuzz/corpus`.
pub const TARGETS: &[(&str, Body)] = &[
    ("sip_message", sip_message),
    ("sip_stream", sip_stream),
    ("websocket", websocket),
    ("session_description", session_description),
    ("presence_document", presence_document),
    ("digest", digest),
    ("packet", packet),
    ("configuration", configuration),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("srtp", srtp),
    ("dtls", dtls),
    ("stun", stun),
    ("turn", turn),
    ("ways", ways),
    ("g711", g711),
    ("l16", l16),
    ("g722", g722),
    ("g726", g726),
    ("gsm", gsm),
    ("opus", opus),
    ("comfort_noise", comfort_noise),
    ("dtmf", dtmf),
    ("telephone_event", telephone_event),
    ("transcoder", transcoder),
    ("offer_answer", offer_answer),
    ("transactions", transactions),
    ("outbox", outbox),
    ("enum_rule", enum_rule),
    ("identity_header", identity_header),
    ("link", link),
    ("bridge", bridge),
    ("signaling", signaling),
    ("media_session", media_session),
    ("calls", calls),
    ("control_session", control_session),
];
