//! What may be wrong with a message, and what is to be done about it.

use std::fmt;

use super::header::Header;
use super::status::StatusCode;

/// What is wrong. Its text is the reason phrase of the answer, so that the peer's operator reads what to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// The start line is not of the grammar: spaces too many, no version.
    StartLine,
    /// The version is not SIP/2.0.
    Version,
    /// The Request-URI is none.
    RequestUri,
    /// The Request-URI is longer than [`URI_OCTETS_MAX`](crate::limits::URI_OCTETS_MAX).
    RequestUriTooLong,
    /// A URI outside a message is none.
    Uri,
    /// A header line without a name or colon.
    HeaderLine,
    /// The head does not end with an empty line.
    HeadOpen,
    /// The head is longer than [`HEAD_OCTETS_MAX`](crate::limits::HEAD_OCTETS_MAX).
    HeadTooLong,
    /// More header lines than [`HEADER_LINES_MAX`](crate::limits::HEADER_LINES_MAX).
    TooManyHeaders,
    /// A header line longer than [`HEADER_LINE_OCTETS_MAX`](crate::limits::HEADER_LINE_OCTETS_MAX).
    HeaderTooLong(Option<Header>),
    /// More Via values than [`VIA_VALUES_MAX`](crate::limits::VIA_VALUES_MAX).
    TooManyHops,
    /// A required header is absent.
    Missing(Header),
    /// A header that may stand once stands more often.
    Repeated(Header),
    /// A header's value is not of its grammar.
    Malformed(Header),
    /// The method of CSeq is not that of the request line.
    MethodMismatch,
    /// The body is shorter than Content-Length says.
    BodyShort,
    /// Content-Length says that the message is longer than [`MESSAGE_OCTETS_MAX`](crate::limits::MESSAGE_OCTETS_MAX).
    BodyTooLong,
    /// The parts of the body cannot be told: no boundary, or more or deeper ones than are looked at.
    Multipart,
    /// The method is unknown here.
    MethodUnknown,
    /// The method is known, and not served here.
    MethodNotAllowed,
    /// The scheme of the Request-URI is not served.
    Scheme,
    /// Extensions that are required and not supported, as an Unsupported header lists them.
    Extensions(String),
    /// The type of the body is not understood.
    ContentType,
    /// The encoding of the body is not understood.
    ContentEncoding,
    /// Nothing that could be answered is accepted by the peer.
    NotAcceptable,
}

impl Defect {
    /// The status that answers it.
    pub fn status(&self) -> StatusCode {
        match self {
            Defect::Version => StatusCode::VERSION_NOT_SUPPORTED,
            Defect::RequestUriTooLong => StatusCode::REQUEST_URI_TOO_LONG,
            Defect::HeadTooLong | Defect::TooManyHeaders | Defect::HeaderTooLong(_) => StatusCode::MESSAGE_TOO_LARGE,
            Defect::BodyTooLong => StatusCode::REQUEST_ENTITY_TOO_LARGE,
            Defect::TooManyHops => StatusCode::TOO_MANY_HOPS,
            Defect::MethodUnknown => StatusCode::NOT_IMPLEMENTED,
            Defect::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Defect::Scheme => StatusCode::UNSUPPORTED_URI_SCHEME,
            Defect::Extensions(_) => StatusCode::BAD_EXTENSION,
            Defect::ContentType | Defect::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Defect::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::StartLine => formatter.write_str("Malformed Request-Line"),
            Defect::RequestUri => formatter.write_str("Malformed Request-URI"),
            Defect::Uri => formatter.write_str("Malformed URI"),
            Defect::HeaderLine => formatter.write_str("Malformed Header Line"),
            Defect::HeadOpen => formatter.write_str("No Empty Line After Headers"),
            Defect::TooManyHeaders => formatter.write_str("Too Many Header Fields"),
            Defect::HeaderTooLong(Some(header)) => write!(formatter, "{header} Header Too Long"),
            Defect::HeaderTooLong(None) => formatter.write_str("Header Line Too Long"),
            Defect::Missing(header) => write!(formatter, "Missing {header} Header"),
            Defect::Repeated(header) => write!(formatter, "Repeated {header} Header"),
            Defect::Malformed(header) => write!(formatter, "Malformed {header} Header"),
            Defect::MethodMismatch => formatter.write_str("CSeq Method Does Not Match Request Method"),
            Defect::BodyShort => formatter.write_str("Body Shorter Than Content-Length"),
            Defect::Multipart => formatter.write_str("Malformed Multipart Body"),
            Defect::Version
            | Defect::RequestUriTooLong
            | Defect::HeadTooLong
            | Defect::BodyTooLong
            | Defect::TooManyHops
            | Defect::MethodUnknown
            | Defect::MethodNotAllowed
            | Defect::Scheme
            | Defect::Extensions(_)
            | Defect::ContentType
            | Defect::ContentEncoding
            | Defect::NotAcceptable => formatter.write_str(self.status().reason()),
        }
    }
}

impl std::error::Error for Defect {}

/// The verdict on a message that is not to be processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answer with this status; the reason phrase is the text of the defect.
    Reply {
        /// The status of the answer.
        status: StatusCode,
        /// What is wrong.
        defect: Defect,
    },
    /// Drop it: it is a response, an ACK, or there is no Via to answer to.
    Drop(Defect),
}

impl Fault {
    /// What is wrong.
    pub fn defect(&self) -> &Defect {
        match self {
            Fault::Reply { defect, .. } | Fault::Drop(defect) => defect,
        }
    }

    /// The status of the answer, `None` if the message is to be dropped.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Fault::Reply { status, .. } => Some(*status),
            Fault::Drop(_) => None,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Reply { status, defect } => write!(formatter, "{status} {defect}"),
            Fault::Drop(defect) => write!(formatter, "dropped: {defect}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Octets in which no message can be made out at all. There is nothing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1).
    Empty,
    /// Longer than [`MESSAGE_OCTETS_MAX`](crate::limits::MESSAGE_OCTETS_MAX); in a stream, with a head longer than
    /// [`HEAD_OCTETS_MAX`](crate::limits::HEAD_OCTETS_MAX).
    TooLong,
    /// Neither a request line nor a status line.
    StartLine,
    /// In a stream: the Content-Length is no length, differs from another one, or is beyond the bound, so the end of
    /// the message cannot be found and the connection must be closed.
    ContentLength,
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Malformed::Empty => "empty",
            Malformed::TooLong => "too long",
            Malformed::StartLine => "neither a request nor a status line",
            Malformed::ContentLength => "Content-Length does not delimit the message",
        })
    }
}

impl std::error::Error for Malformed {}
