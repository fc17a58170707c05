//! A phone's acknowledged provisional responses (RFC 3262), as short as they can be written.

use super::Phone;
use super::call::CallIndex;
use super::transaction::{Purpose, T1};
use signaling::message::{Header, Message, Method};

/// The option tag.
const OPTION: &str = "100rel";

impl Phone {
    /// A provisional response to our INVITE. False: it is not to be looked at, as it came out of its order, or again.
    pub(super) fn acknowledges(&mut self, index: CallIndex, response: &Message) -> bool {
        let required = response.require().any(|option| option == OPTION);
        let Some(number) = response.rseq().ok().flatten().filter(|_| required) else { return true };
        if !self.config.reliable {
            self.faults.push("a reliable response that nobody asked for".to_owned());
            return true;
        }
        let now = self.now;
        let call = &mut self.calls[index];
        if call.rseq.is_some_and(|last| number != last + 1) {
            return false;
        }
        call.rseq = Some(number);
        // RFC 3262 §5: the offer that we did not make is answered here.
        let offers = call.without_offer && !response.body_octets().is_empty();
        let answer =
            (offers && call.media.take_offer(response.body_octets())).then(|| call.media.answer(now)).flatten();
        call.without_offer &= answer.is_none();
        let cseq = response.cseq().map_or(0, |cseq| cseq.number);
        let mut request = self.in_call(index, Method::Prack);
        request.headers.push(("RAck".to_owned(), format!("{number} {cseq} INVITE")));
        request.body = answer.map(|answer| ("application/sdp", answer));
        self.send_in_call(index, request, Purpose::Other);
        true
    }

    /// What a provisional response of ours says, with a description or without, if the caller acknowledges it. `None`: the last one
    /// is not acknowledged yet.
    pub(super) fn reliably(&mut self, index: CallIndex, key: &str, describes: bool) -> Option<Vec<(String, String)>> {
        let server = self.servers.iter().find(|server| server.key == key)?;
        let call = &self.calls[index];
        // RFC 3262 §5: the first one brings the offer that the INVITE left out.
        let undescribed = call.without_offer && call.early_answer.is_none() && !describes;
        if !self.config.reliable || !server.request.supports(OPTION) || undescribed {
            return Some(Vec::new());
        }
        if server.retransmit.is_some() {
            return None;
        }
        let number = self.calls[index].rseq.map_or(self.random.below(1_000) as u32 + 1, |last| last + 1);
        self.calls[index].rseq = Some(number);
        Some(vec![("Require".to_owned(), OPTION.to_owned()), ("RSeq".to_owned(), number.to_string())])
    }

    /// It was sent: it is repeated until it is acknowledged.
    pub(super) fn repeat_reliably(&mut self, key: &str, headers: &[(String, String)]) {
        let again = self.now + T1;
        if let Some(server) = self.servers.iter_mut().find(|server| server.key == key).filter(|_| !headers.is_empty()) {
            (server.interval, server.retransmit) = (T1, Some(again));
        }
    }

    /// A PRACK.
    pub(super) fn acknowledged_early(&mut self, key: &str, message: &Message) {
        let Some(index) = self.call_of(message) else { return self.respond(key, 481, None) };
        let call = &mut self.calls[index];
        if let Ok(cseq) = message.cseq() {
            call.remote_cseq = Some(cseq.number);
        }
        let number = message.rack().ok().flatten().map(|rack| rack.response);
        let invite = call.invite_key.clone();
        if number.is_none() || number != call.rseq {
            return self.respond(key, 481, None);
        }
        if call.without_offer && call.media.is_offering() && call.early_answer.is_none() {
            // The 200 has nothing to add.
            call.early_answer = Some(Vec::new());
            if message.body_octets().is_empty() {
                call.media.withdraw();
                self.faults.push("a PRACK without the answer to our offer".to_owned());
            } else {
                call.media.take_answer(self.now, message.body_octets());
            }
        }
        if let Some(server) = self.servers.iter_mut().find(|server| Some(&server.key) == invite.as_ref())
            && !server.is_final()
        {
            server.retransmit = None;
        }
        self.respond(key, 200, None);
    }

    /// Whether a request can be answered with acknowledged responses.
    pub(super) fn reliable_header(&self) -> Option<(String, String)> {
        self.config.reliable.then(|| (Header::Supported.as_str().to_owned(), OPTION.to_owned()))
    }
}
