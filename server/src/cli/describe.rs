//! `tandem config`.

use super::{FAILED, print};
use crate::configuration::{Configuration, describe::describe, load};
use std::path::Path;
use std::process::ExitCode;

pub(super) fn run(named: Option<&Path>) -> ExitCode {
    let configuration = match super::file(named) {
        Some(file) => load(&file),
        None => Ok(Configuration::default()),
    };
    match configuration {
        Ok(configuration) => {
            print::out(&describe(&configuration));
            ExitCode::SUCCESS
        }
        Err(error) => {
            print::error(&error.to_string());
            ExitCode::from(FAILED)
        }
    }
}
