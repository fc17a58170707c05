//! User agents (RFC 3261 §8, §12 to §15): legs of calls towards phones and trunks, and the registrar's side of REGISTER.
//!
//! ```text
//!              Incoming ──200──▶ ┌─────────┐
//!   INVITE ──▶ (invite_server)   │ Session │ ── reinvite, update, info, refer ──▶ the switch, the peer
//!              Outgoing ──2xx──▶ └────┬────┘
//!   Start×Leg ▶ (invite_client)      BYE ──▶ left, over
//! ```
//!
//! | file | what |
//! |---|---|
//! | `leg` | a leg: its states, who is asked about what |
//! | `invite_server`, `cancel`, `ack` | the leg that comes in, up to its ACK |
//! | `invite_client`, `fork`, `destination`, `redirect` | the leg that goes out: addresses, forks, the first 2xx, 3xx |
//! | `session`, `reinvite`, `update`, `glare` | the confirmed dialog and its offers |
//! | `session_timer`, `refresh` | the interval of a session, and refreshes, ours and the peer's |
//! | `info`, `refer`, `options`, `bye` | the other requests of a dialog |
//! | `trickle` | candidates that come by INFO |
//! | `introduction` | who is at the other end now, for the peer's display |
//! | `handover` | dialogs that others name, legs that change their call |
//! | `in_dialog`, `credentials` | our requests within a dialog, and trunks' challenges to them |
//! | `message_client` | MESSAGE outside of dialogs, to phones and trunks |
//! | `refusal` | invitations of known callers that never become calls |
//! | `header_policy`, `number_parameters` | header fields that pass to the other leg, and what carriers write behind numbers |
//! | `call_identity`, `remote_party` | who sent the call on; who calls and answers, for old networks |
//! | `verifying`, `signing` | whether the caller's number is signed for, and our own signatures |
//! | `authentication`, `identity`, `register`, `gruu`, `phone_flows`, `whereabouts`, `keep_alive` | who asks, who calls, where they are |
//! | `registering`, `outbound_flow`, `probing` | our own registrations at trunks, whether these are there |
//! | `cause`, `body`, `contact` | statuses and causes, SDP, our own address |
//! | `means`, `release`, `flows`, `aliases`, `resolving`, `avoided`, `late_pracks`, `counters` | what they share |

pub mod cause;

mod account_identity;
pub(crate) mod ack;
mod aliases;
pub(crate) mod authentication;
pub(crate) mod avoided;
mod body;
mod bye;
mod call_identity;
mod cancel;
mod connectivity;
pub(crate) mod contact;
pub(crate) mod counters;
pub(crate) mod credentials;
pub(crate) mod destination;
pub(crate) mod flows;
mod fork;
mod glare;
pub(crate) mod gruu;
pub(crate) mod handover;
mod header_policy;
pub(crate) mod identity;
mod in_dialog;
mod info;
mod introduction;
pub(crate) mod invite_client;
pub(crate) mod invite_server;
pub(crate) mod keep_alive;
pub(crate) mod kept_flows;
pub(crate) mod late_pracks;
pub(crate) mod leg;
pub(crate) mod means;
pub(crate) mod message_client;
pub(crate) mod number_parameters;
pub(crate) mod options;
mod outbound_flow;
pub(crate) mod own_target;
pub(crate) mod phone_flows;
pub(crate) mod probing;
mod redirect;
mod refer;
mod refresh;
mod refusal;
pub(crate) mod register;
pub(crate) mod registering;
mod reinvite;
pub(crate) mod release;
mod remote_party;
pub(crate) mod resolving;
mod securing;
mod session;
mod session_timer;
mod signing;
mod subscribing;
mod supervision;
mod trickle;
mod update;
mod verifying;
pub(crate) mod whereabouts;
