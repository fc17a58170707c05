//! The server: what makes a platform of the service modules.
//!
//! ```text
//!   tandem.toml ──▶ configuration ──▶ platform ──▶ threads: SIP shard, media workers, store
//!                        │               │          runtime: control, administration, telemetry
//!   SIGHUP, ctl reload ──┴▶ administration           signals
//! ```
//!
//! - [`certificates`]: those of SIP over TLS.
//! - [`cluster`]: the certificates by which platforms know each other.
//! - [`configuration`]: TOML, every key with a default; what each module is told.
//! - [`links`]: the inter-platform interface's thread.
//! - [`platform`]: the modules, put together and taken down.
//! - [`relay_names`]: where TURN servers are that have names.
//! - [`shard`]: the SIP thread's loop.
//! - [`administration`]: the server as a module: status of all, reload, draining, the first accounts.
//! - [`telemetry`]: the log, metrics, health.
//! - [`first_start`]: the data folder, the first accounts, the token.
//! - [`supervision`]: tasks that are started anew.
//! - [`clock`], [`threads`], [`limits`], [`memory`], [`process`]: what only a shell may touch.
//! - [`cli`]: the command line; `tandem ctl` is a client of the control socket.

pub mod administration;
pub mod certificates;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod configuration;
pub mod fetching;
pub mod first_start;
pub mod limits;
pub mod links;
pub mod memory;
pub mod open_files;
pub mod platform;
pub mod process;
pub mod rates;
pub mod relay_names;
pub mod shard;
pub mod signatures;
pub mod supervision;
pub mod telemetry;
pub mod threads;
