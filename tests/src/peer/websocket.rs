//! A browser's phone as far as signalling goes: `tests/websocket/phone.py`, over the websockets package.

use super::foreign::PYTHON;
use super::process::Process;
use super::server::PASSWORD;
use super::site::Site;
use super::wait::until;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One that runs.
#[derive(Debug)]
pub struct Browser {
    process: Process,
    output: PathBuf,
}

impl Browser {
    /// Starts it: it registers `user` at `url`, then does the steps (`["call", NUMBER]` or `["answer"]`). `authority` is who has signed
    /// the certificate of a URL that begins with `wss:`.
    pub fn start(site: &Site, url: &str, authority: Option<&Path>, user: &str, steps: &[&str]) -> Self {
        let name = format!("{user}-browser");
        let output = site.file(&format!("{name}-says.log"));
        let _ = std::fs::remove_file(&output);
        let mut command = Command::new(PYTHON);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/websocket/phone.py")).arg(url);
        command.arg(authority.unwrap_or(Path::new("-"))).args([user, PASSWORD, "tandem"]).args(steps);
        Self { process: Process::start_apart(site, &name, command, Some(&output)), output }
    }

    /// The steps that it has said so far.
    pub fn said(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.output).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until it has said that.
    pub fn says(&mut self, step: &str) {
        until(step, || {
            let said = self.said().iter().any(|said| said == step);
            if !said && self.process.ended().is_some() && !self.said().iter().any(|said| said == step) {
                panic!("it ended: {:?}\n{}", self.said(), self.process.log());
            }
            said.then_some(())
        });
    }
}
