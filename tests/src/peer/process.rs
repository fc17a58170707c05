//! A process that does not outlive its test.

use super::site::Site;
use super::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A child whose output goes to `NAME.log` in the site's folder.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Process {
    /// Starts `command`.
    pub fn start(site: &Site, name: &str, command: Command) -> Self {
        Self::start_apart(site, name, command, None)
    }

    /// Starts `command` with its standard output in a file of its own.
    pub fn start_apart(site: &Site, name: &str, mut command: Command, output: Option<&Path>) -> Self {
        let log = site.file(&format!("{name}.log"));
        let open = |path: &Path| {
            File::options().create(true).append(true).open(path).expect("the temporary folder can be written")
        };
        let errors = open(&log);
        let output = output.map_or_else(|| errors.try_clone().expect("a file can be opened twice"), open);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command.spawn().unwrap_or_else(|error| missing(&command, &error));
        Self { name: name.to_owned(), child, log, ended: None }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be waited for");
        }
        self.ended
    }

    /// How it ends, within `bound`.
    pub fn ends_within(&mut self, bound: Duration) -> ExitStatus {
        wait::within(bound, || self.ended()).unwrap_or_else(|| panic!("{} runs after {bound:?}", self.name))
    }

    /// Panics if it has ended.
    pub fn must_run(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} has ended: {status}\n{}", self.name, self.log());
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        if self.ended.is_none() {
            let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a child has a number");
            kill_process(id, signal).expect("a child that has not been waited for can be signalled");
        }
    }

    /// Stops it, and waits until none of its threads runs: they stop one after the other, as each comes to hear of it.
    pub fn halt(&self) {
        self.signal(Signal::STOP);
        wait::until(&format!("{} has stopped", self.name), || {
            let threads = std::fs::read_dir(format!("/proc/{}/task", self.id())).ok()?;
            // Behind the name, which is in parentheses and may hold anything (proc_pid_stat(5)).
            let is_stopped = |stat: String| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
            let mut stats = threads.flatten().map(|thread| std::fs::read_to_string(thread.path().join("stat")));
            stats.all(|stat| stat.is_ok_and(is_stopped)).then_some(())
        });
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Says how to get what is missing.
fn missing(command: &Command, error: &io::Error) -> ! {
    panic!("{}: {error}: run `scripts/setup test`", command.get_program().to_string_lossy());
}

/// Runs `command` to its end within `bound`; how it ended, and what it wrote.
pub fn run(site: &Site, name: &str, command: Command, bound: Duration) -> (ExitStatus, String) {
    let output = site.file(&format!("{name}.out"));
    let _ = std::fs::remove_file(&output);
    let mut process = Process::start_apart(site, name, command, Some(&output));
    let status = process.ends_within(bound);
    let text = String::from_utf8_lossy(&std::fs::read(&output).unwrap_or_default()).into_owned();
    (status, text)
}
