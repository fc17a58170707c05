//! SIP: messages, transports, transactions, dialogs, offer and answer, registrar, digest, trunks, events.

pub mod admission;
pub mod config;
pub mod dialog;
pub mod digest;
pub mod home;
pub mod identity;
pub mod limits;
pub mod message;
pub mod messaging;
pub mod policy;
pub mod registrar;
pub mod sdp;
pub mod service;
pub mod subscription;
pub mod trace;
pub mod transaction;
pub mod transport;
pub mod trunk;
pub mod user_agent;

pub use config::Config;
pub use home::home;
pub use policy::{CallPolicy, Connectivity, Keying, MediaSecurity, Reliability};
pub use service::Signaling;
