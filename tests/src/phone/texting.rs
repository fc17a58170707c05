//! Text messages (RFC 3428).

use super::Phone;
use super::request::Request;
use super::transaction::Purpose;
use signaling::message::{Message, Method};

impl Phone {
    /// Sends a user a text.
    pub fn text(&mut self, user: &str, text: &str) {
        let (call_id, tag) = (self.token("m"), self.token(""));
        let config = &self.config;
        let mut request = Request {
            method: Method::Message,
            uri: format!("{}:{user}@{}", config.scheme(), config.domain),
            from: format!("<sip:{}@{}>;tag={tag}", config.name, config.domain),
            to: format!("<sip:{user}@{}>", config.domain),
            call_id,
            cseq: 1,
            routes: Vec::new(),
            contact: None,
            contact_parameters: String::new(),
            max_forwards: config.max_forwards,
            headers: Vec::new(),
            body: Some(("text/plain;charset=UTF-8", text.as_bytes().to_vec())),
            credentials: None,
        };
        self.authorize(&mut request);
        let server = self.config.server;
        self.request(request, server, Purpose::Standalone, 0);
    }

    /// A text came.
    pub(super) fn texted(&mut self, key: &str, message: &Message) {
        let from = message.from().ok().and_then(|from| from.uri().user_decoded().map(|user| user.into_owned()));
        let text = String::from_utf8_lossy(message.body_octets()).into_owned();
        self.texts.push((from.unwrap_or_default(), text));
        self.respond(key, 200, None);
    }
}
