//! The command line.
//!
//! Exit status: 0 it worked; 1 it did not (a configuration with mistakes, a request that the server refused); 2 wrong usage;
//! 3 no server answers.

mod bridge;
mod check;
pub mod ctl;
mod describe;
mod duration;
mod print;
mod serve;
mod table;
mod terminal;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The file that is read where none is named and it is there.
pub const DEFAULT_FILE: &str = "tandem.toml";

/// It did not work.
const FAILED: u8 = 1;

/// No server answers.
const UNREACHABLE: u8 = 3;

/// A SIP/RTP media server with a real-time packet core.
#[derive(Parser, Debug)]
#[command(name = "tandem", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Check a configuration and name what is wrong, by line.
    Check {
        /// The configuration; without it, tandem.toml in this folder if it is there.
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Look through its store for damage instead, whole; a server may have it open.
        #[arg(long)]
        store: bool,
    },
    /// Print every key of the configuration with its value in force and a comment.
    Config {
        /// The configuration; without it, tandem.toml in this folder if it is there.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Make a cluster of platforms, invite to it, join it.
    Bridge(bridge::Bridge),
    /// Ask and steer a running server.
    Ctl(ctl::Ctl),
}

/// The program.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Check { file, store: false } => check::run(file.as_deref()),
        Command::Check { file, store: true } => check::store(file.as_deref()),
        Command::Config { config } => describe::run(config.as_deref()),
        Command::Bridge(bridge) => bridge.run(),
        Command::Ctl(ctl) => ctl.run(),
    }
}

/// The configuration's file: the one that was named, or [`DEFAULT_FILE`] in this folder if it is there.
pub(crate) fn file(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(file) => Some(file.to_owned()),
        None => Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_limit_is_a_number_that_the_server_takes() {
        for line in ["ctl records --limit 0", "ctl calls --limit 0", "ctl trace --limit 0", "ctl trace --limit 201"] {
            assert!(Cli::try_parse_from(std::iter::once("tandem").chain(line.split(' '))).is_err(), "{line}");
        }
    }

    #[test]
    fn the_commands_of_the_documentation_parse() {
        for line in [
            "serve",
            "serve --config tandem.toml",
            "check",
            "check tandem.toml",
            "check --store tandem.toml",
            "config",
            "bridge init --platform 1 --name a",
            "bridge --config tandem.toml init --platform 1 --name a --days 365 --replace",
            "bridge invite --platform 2 --name b",
            "bridge invite --platform 2 --name b --peer a.example.net:5065 --output b.invitation",
            "bridge join b.invitation",
            "bridge join --replace b.invitation",
            "bridge show --json --config tandem.toml",
            "ctl status",
            "ctl --json status",
            "ctl calls --party alice",
            "ctl records --csv --since 2h",
            "ctl registrations",
            "ctl trunks",
            "ctl workers",
            "ctl platforms",
            "ctl platforms --json",
            "ctl trace",
            "ctl trace abc",
            "ctl hangup abc",
            "ctl transfer abc 100 --by alice",
            "ctl transfer abc def --join",
            "ctl call alice bob",
            "ctl account add carol",
            "ctl account list --json",
            "ctl account password carol",
            "ctl account remove carol",
            "ctl account disable carol",
            "ctl reload",
            "ctl events",
            "ctl --socket /run/x status",
        ] {
            let words = std::iter::once("tandem").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }
}
