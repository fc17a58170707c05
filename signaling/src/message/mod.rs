//! SIP messages on the wire (RFC 3261 §7, §25): read without copying, written straight into a buffer.
//!
//! ```text
//! datagram ──► Message::parse_datagram ──► validate ──► screen ──► transactions
//!  stream ──► head_length, content_length ─┘   │           │
//!                                              ▼           ▼
//!                                    Fault::Reply{status}, Fault::Drop
//! ```
//!
//! A [`Message`] is the octets as received and an index of their lines. Headers are read when asked for, into values
//! that borrow from the message: `message.via()`, `message.from()`, `message.contacts()`. What is kept as state has an
//! owned form: [`Uri`], [`CallId`], [`Tag`], [`Branch`], [`CSeq`]. Headers and parameters without meaning here pass
//! through octet by octet.

mod access;
mod cseq;
mod digest;
mod fault;
mod grammar;
mod header;
mod identifier;
mod method;
mod multipart;
mod name_addr;
mod parameters;
mod parse;
mod replaces;
#[cfg(feature = "rsip")]
mod rsip;
mod start_line;
mod status;
mod uri;
mod validate;
mod value;
mod via;
mod write;

use bytes::Bytes;
use std::cell::Cell;

pub use access::{Addresses, Headers, Values, Vias};
pub use cseq::{CSeq, RAck};
pub use digest::{AuthFields, Challenge, Credentials};
pub use fault::{Defect, Fault, Malformed};
pub use header::{Header, HeaderName};
pub use identifier::{Branch, CallId, Tag};
pub use method::Method;
pub use name_addr::NameAddr;
pub use parameters::{Parameter, ParameterIter, Parameterized, Parameters, quote, unquote};
pub use parse::{content_length, head_length};
pub use replaces::{Replaces, tag_is};
pub use status::StatusCode;
pub use uri::{Scheme, Uri, UriRef, escape_header, escape_parameter, escape_user, host_address, unescape};
pub use validate::Capabilities;
pub use value::{Value, written};
pub use via::{MAGIC_COOKIE, Rport, Via};
pub use write::{RequestWriter, ResponseWriter};

use start_line::StartLine;

/// A request or a response as received. Cheap to clone but for the index of its lines.
#[derive(Clone, Debug)]
pub struct Message {
    bytes: Bytes,
    start: StartLine,
    lines: Vec<Line>,
    /// Where the body starts.
    head: u16,
    /// Where the body ends.
    body_end: u16,
    /// The first defect that the structure has.
    defect: Option<Defect>,
    known: Known,
}

/// Where the parts of the headers lie that every layer asks for again, once somebody has read them.
#[derive(Clone, Debug, Default)]
struct Known {
    from: Cell<Option<Address>>,
    to: Cell<Option<Address>>,
    /// The topmost Via: its value and the parts of that.
    via: Cell<Option<((u16, u16), via::Layout)>>,
}

/// From or To.
#[derive(Clone, Copy, Debug)]
struct Address {
    value: (u16, u16),
    layout: name_addr::Layout,
    /// The tag in the message.
    tag: Option<(u16, u16)>,
}

/// Where one header line lies. A message is shorter than 64 KiB.
#[derive(Clone, Copy, Debug)]
struct Line {
    header: Option<Header>,
    name: (u16, u16),
    value: (u16, u16),
}
