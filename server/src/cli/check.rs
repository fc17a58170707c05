//! `tandem check FILE`.

use super::{FAILED, print};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(file: &Path) -> ExitCode {
    match crate::configuration::load(file) {
        Ok(_) => {
            print::line(&format!("{}: no mistakes", file.display()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            print::error(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}
