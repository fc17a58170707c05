//! One JSON object a line: what a client asks and what it is told.

pub(crate) mod code;
pub(crate) mod line;
mod once;
pub(crate) mod request;
pub(crate) mod time;

pub(crate) use code::{Code, Problem};
pub(crate) use line::{Kind, Line};
pub(crate) use request::{Header, Rejected, Request};
