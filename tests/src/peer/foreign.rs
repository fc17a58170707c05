//! A platform in another language: `tests/foreign/platform.py`, which was written from `docs/packets.md` alone.

use super::process::Process;
use super::site::Site;
use super::wait::{PATIENCE, until};
use rustix::process::Signal;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's own interpreter, for which its packages are.
pub(super) const PYTHON: &str = "/usr/bin/python3";

/// One that runs.
#[derive(Debug)]
pub struct Foreign {
    process: Process,
    output: PathBuf,
}

impl Foreign {
    /// Starts platform `number`, which links with the one at `at`, does the steps and stays if the last one says so. Without
    /// `certificates` (the folder that `tandem bridge join` fills) the link is plain TCP.
    pub fn start(site: &Site, number: u32, at: SocketAddr, certificates: Option<&Path>, steps: &[&str]) -> Self {
        let name = format!("foreign-{number}");
        let output = site.file(&format!("{name}-says.log"));
        let _ = std::fs::remove_file(&output);
        let mut command = Command::new(PYTHON);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/foreign/platform.py"));
        command.args(["--number", &number.to_string(), "--connect", &at.to_string()]);
        if let Some(folder) = certificates {
            command.arg("--certificates").arg(folder);
        }
        command.args(steps);
        Self { process: Process::start_apart(site, &name, command, Some(&output)), output }
    }

    /// What it said so far.
    pub fn said(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.output).unwrap_or_default();
        // A line that is not complete is none yet.
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// The first that it says with this key.
    pub fn says(&mut self, key: &str) -> Value {
        until(&format!("the foreign platform says `{key}`"), || {
            let found = self.said().into_iter().find(|said| !said[key].is_null());
            if found.is_none() && self.process.ended().is_some_and(|status| !status.success()) {
                panic!("it failed: {:?}\n{}", self.said(), self.process.log());
            }
            found
        })
    }

    /// It did all its steps and left.
    pub fn succeeds(&mut self) {
        let status = self.process.ends_within(PATIENCE);
        assert!(status.success(), "{status}: {:?}\n{}", self.said(), self.process.log());
    }

    /// Tells it to leave.
    pub fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        self.succeeds();
    }
}
