//! `tandem check FILE`.

use super::{FAILED, print};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(file: &Path) -> ExitCode {
    match crate::configuration::load(file) {
        Ok(configuration) => match super::bridge::fault(&configuration, crate::clock::wall()) {
            None => {
                print::line(&format!("{}: no mistakes", file.display()));
                ExitCode::SUCCESS
            }
            Some(fault) => {
                let line = crate::configuration::load::line_of_key(file, "bridge.platform");
                let line = line.map_or(String::new(), |line| format!(":{line}"));
                print::error(&format!("{}{line}: bridge: {fault}", file.display()));
                ExitCode::from(FAILED)
            }
        },
        Err(error) => {
            print::error(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}
