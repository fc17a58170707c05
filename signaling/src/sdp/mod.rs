//! SDP: the text of a session description, and offer/answer, both pure.
//!
//! ```text
//!   text ──parse──▶ SessionDescription ──typed──▶ MediaDescription ──▶ packets
//!        ◀──write──                    ◀──────── OfferAnswer ◀──────── packets
//! ```
//!
//! | file | what |
//! |---|---|
//! | `session`, `media`, `attribute`, `codec`, `text` | the description and its lines |
//! | `parse`, `write` | from text, to text |
//! | `typed` | to and from the types that cross the router |
//! | `offer_answer` | the machine of one dialog |
//! | `offer`, `answer`, `agreement` | what it makes: sections of an offer, of an answer, and their result |
//! | `origin`, `payload_type` | what lasts as long as the dialog: our `o=` line, the meaning of payload types |
//! | `hold` | hold and retrieve |
//! | `security`, `crypto` | keys: what is offered, chosen and drawn; `a=crypto` |
//! | `ice`, `candidate` | ways that are looked for: `a=ice-…`, `a=candidate` |
//! | `trickle` | candidates that come later: `application/trickle-ice-sdpfrag` |
//! | `bundle` | names of sections, and groups of them: `a=mid`, `a=group:BUNDLE` |
//! | `dtls` | keys that come about in the media: `a=fingerprint`, `a=setup` |
//! | `extended_report` | reports on how voice is heard: `a=rtcp-xr` |
//! | `fault` | errors, and the status for each |
//! | `limits` | bounds |
//!
//! RFC 8866 (SDP), RFC 3264 and RFC 6337 (offer/answer), RFC 3551 (static payload types), RFC 3605 (`a=rtcp`), RFC 5761
//! (`a=rtcp-mux`), RFC 3611 (`a=rtcp-xr`), RFC 4733 (`telephone-event`), RFC 4568 (`a=crypto`), RFC 8643, RFC 5763 and RFC 8122 (`a=fingerprint`), RFC 4145 (`a=setup`), RFC 8839 (`a=candidate`, `a=ice-…`), RFC 5888 and RFC 9143 (`a=mid`, `a=group`), RFC 4566 and RFC 2543 where phones still speak them.

pub mod attribute;
pub mod candidate;
pub mod codec;
pub mod limits;
pub mod media;
pub mod session;
pub mod text;
pub mod typed;

mod agreement;
mod answer;
mod bundle;
mod crypto;
mod dtls;
mod extended_report;
mod fault;
mod hold;
mod ice;
mod offer;
mod offer_answer;
mod origin;
mod parse;
mod payload_type;
mod security;
mod trickle;
mod write;

#[cfg(test)]
mod tests;

pub use agreement::{AgreedCodec, AgreedStream, Agreement, Role};
pub use fault::{AnswerFault, Blame, LocalFault, OfferAnswerError, Unacceptable};
pub use hold::{HoldChange, is_held};
pub use ice::{Ice, chosen};
pub use media::MediaSection;
pub use offer_answer::{AnswerKind, Answered, OfferAnswer, OfferAnswerState, Offered};
pub use parse::{ParseError, ParseFault};
pub use security::Security;
pub use session::SessionDescription;
pub use text::Text;
pub use trickle::{Fragment, TRICKLE_FRAGMENT, TRICKLE_PACKAGE};
