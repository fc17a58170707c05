//! `tandem ctl`: a client of the control socket, as any other (`docs/control.md`).

mod accounts;
mod bans;
mod call_id;
mod calls;
mod client;
mod conferences;
mod events;
mod figures;
mod follow;
mod import;
mod ladder;
mod listings;
pub(crate) mod locate;
mod mailboxes;
mod messages;
mod of_number;
mod pcap;
mod platforms;
mod records;
mod show;
mod status;
mod streams;
mod system;
mod trace;
mod why;

use super::{FAILED, UNREACHABLE, print};
use clap::{Args, Subcommand};
use client::{Client, CtlError};
use std::path::PathBuf;
use std::process::ExitCode;

/// Ask and steer a running server: the one that was started in this folder, or the one named by --socket.
#[derive(Args, Debug)]
pub struct Ctl {
    /// The server's control socket. Without it: that of the server that was started in this folder.
    #[arg(long, global = true, env = "TANDEM_SOCKET", value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The configuration that the server was started with; says where its socket lies.
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "socket")]
    config: Option<PathBuf>,
    /// JSON instead of tables for people: what the server says; of a listing the list itself, all pages in one.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// How the platform is: modules, what they use, what has failed.
    Status(status::Status),
    /// Calls that are up.
    Calls(calls::Calls),
    /// Make a call: rings FROM, and when it answers, calls TO for it.
    Call(calls::Make),
    /// End a call.
    Hangup(calls::Hangup),
    /// Send a party of a call on: to a number, or with --join to whom the one in both calls talks to in another.
    Transfer(calls::Transfer),
    /// Conferences, and how many are in each.
    Conferences,
    /// Make a conference of a call: others can join it then.
    Conference(conferences::Convert),
    /// Call records, the latest first.
    Records(records::Records),
    /// Who is registered, and where.
    Registrations(listings::Registrations),
    /// Trunks and what they carry.
    Trunks,
    /// Media workers.
    Workers,
    /// Sources that are shut out since they guessed passwords; `lift` hears one again.
    Bans(bans::Bans),
    /// Platforms of the cluster, and how each is reached; forgetting one.
    Platforms(platforms::Platforms),
    /// The last messages of a call, or of all, as a ladder.
    Trace(trace::Trace),
    /// What happened to a call and who ended it, in sentences.
    Why(why::Why),
    /// Accounts: who may register and call.
    Account {
        #[command(subcommand)]
        command: accounts::Accounts,
    },
    /// Send a text to an account or a number.
    Message(messages::Send),
    /// Say how many messages wait for an account: its phones' mailbox lights follow.
    Mwi(mailboxes::Waiting),
    /// Read the configuration anew and apply what can be applied without dropping a call.
    Reload,
    /// Follow calls, registrations and platforms as they change, until interrupted.
    Events(events::Events),
}

impl Ctl {
    pub(super) fn run(self) -> ExitCode {
        let result = locate::socket(self.socket.as_deref(), self.config.as_deref())
            .and_then(|socket| Client::connect(&socket, self.socket.is_some()))
            .and_then(|mut client| self.command.run(&mut client, self.json));
        match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print::error(&error.to_string());
                ExitCode::from(match error {
                    CtlError::Unreachable { .. } => UNREACHABLE,
                    CtlError::Configuration(_)
                    | CtlError::Broken(_)
                    | CtlError::Local(_)
                    | CtlError::Refused { .. } => FAILED,
                })
            }
        }
    }
}

impl Command {
    fn run(self, client: &mut Client, json: bool) -> Result<(), CtlError> {
        match self {
            Self::Status(status) => status.run(client, json),
            Self::Calls(calls) => calls.run(client, json),
            Self::Call(make) => make.run(client, json),
            Self::Hangup(hangup) => hangup.run(client, json),
            Self::Transfer(transfer) => transfer.run(client, json),
            Self::Conferences => conferences::list(client, json),
            Self::Conference(convert) => convert.run(client, json),
            Self::Records(records) => records.run(client, json),
            Self::Registrations(registrations) => registrations.run(client, json),
            Self::Trunks => listings::trunks(client, json),
            Self::Workers => listings::workers(client, json),
            Self::Bans(bans) => bans.run(client, json),
            Self::Platforms(platforms) => platforms.run(client, json),
            Self::Trace(trace) => trace.run(client, json),
            Self::Why(why) => why.run(client, json),
            Self::Account { command } => command.run(client, json),
            Self::Message(send) => send.run(client, json),
            Self::Mwi(waiting) => waiting.run(client, json),
            Self::Reload => system::reload(client, json),
            Self::Events(events) => events.run(client, json),
        }
    }
}
