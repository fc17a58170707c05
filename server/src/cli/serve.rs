//! `tandem serve`.

use super::{FAILED, print};
use crate::configuration::{Configuration, load};
use crate::platform;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Run the server.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// The configuration; without it, tandem.toml in this folder if it is there, else all defaults: loopback, ./data.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl Serve {
    pub(super) fn run(self) -> ExitCode {
        crate::memory::decline_huge_pages();
        let file = super::file(self.config.as_deref());
        let configuration = match &file {
            Some(file) => load(file),
            None => Ok(Configuration::default()),
        };
        let configuration = match configuration {
            Ok(configuration) => configuration,
            Err(error) => {
                print::error(&error.to_string());
                return ExitCode::from(FAILED);
            }
        };
        match platform::run(configuration, file, print::out) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print::error(&error.to_string());
                ExitCode::from(FAILED)
            }
        }
    }
}
