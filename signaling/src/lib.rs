//! SIP: messages, transports, transactions, dialogs, offer and answer, registrar, digest, trunks, events.

pub mod limits;
pub mod message;
pub mod sdp;
