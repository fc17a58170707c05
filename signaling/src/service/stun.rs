//! Messages of STUN on our SIP ports: phones' keep-alives, and the answers to ours (RFC 5626 §4.4.2).

use super::Signaling;
use crate::transport::{Flow, stun::answer};
use stun::{Class, Message, Usage};

impl Signaling {
    /// Takes one that came by UDP.
    pub(super) fn handle_stun(&mut self, flow: &Flow, octets: &[u8]) {
        let Some(message) = Message::parse(octets, Usage::KeepAlive) else { return };
        match message.class {
            // A phone asks whether its flow lives.
            Class::Request => {
                self.means.counters.stun_answers += 1;
                let answer = answer(&message, flow.remote);
                self.means.send_bare(flow, answer);
            }
            Class::Success | Class::Error => self.registering.handle_kept_alive(&mut self.means, flow, &message),
            Class::Indication => {}
        }
    }
}
