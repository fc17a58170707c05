//! The bare relay that measurements are compared with.

use clap::Parser;
use std::process::ExitCode;
use tandem_load::floor::{RelayOptions, relay};

fn main() -> ExitCode {
    match relay(&RelayOptions::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("relay-floor: {error}");
            ExitCode::from(2)
        }
    }
}
