//! SIPp, with its built-in scenarios and our own.

use super::ports;
use super::process::Process;
use super::site::Site;
use super::wait;
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

/// How long a run may take, unless it says otherwise.
const BOUND: Duration = Duration::from_secs(90);

/// A run to be started.
#[derive(Debug)]
pub struct Sipp<'a> {
    site: &'a Site,
    name: String,
    local: SocketAddr,
    command: Command,
    transport: &'static str,
    bound: Duration,
}

/// A run under way.
#[derive(Debug)]
pub struct Run {
    name: String,
    process: Process,
    bound: Duration,
    /// Where it sends from and listens.
    pub local: SocketAddr,
}

impl<'a> Sipp<'a> {
    /// A scenario of SIPp's own: `uac`, `uas`.
    pub fn builtin(site: &'a Site, name: &str, scenario: &str, local: SocketAddr) -> Self {
        let mut run = Self::new(site, name, local);
        run.command.args(["-sn", scenario]);
        run
    }

    /// A scenario of ours. What stands between `@` and `@` in it is replaced.
    pub fn scenario(site: &'a Site, name: &str, xml: &str, replace: &[(&str, &str)], local: SocketAddr) -> Self {
        let mut xml = xml.to_owned();
        for (key, value) in replace {
            xml = xml.replace(&format!("@{key}@"), value);
        }
        let file = site.write(&format!("{name}.xml"), &xml);
        let mut run = Self::new(site, name, local);
        run.command.arg("-sf").arg(file);
        run
    }

    fn new(site: &'a Site, name: &str, local: SocketAddr) -> Self {
        let mut command = Command::new("sipp");
        let address = bare(local.ip());
        let media = ports::media_block(local.ip()).to_string();
        command.current_dir(site.folder()).args(["-i", &address, "-mi", &address, "-ci", &address, "-bind_local"]);
        command.args(["-p", &local.port().to_string(), "-mp", &media]);
        command.args(["-nostdin", "-skip_rlimit", "-timeout_error", "-trace_err", "-trace_msg"]);
        command.arg("-error_file").arg(site.file(&format!("{name}-errors.log")));
        command.arg("-message_file").arg(site.file(&format!("{name}-messages.log")));
        // A slow machine is no failure: SIPp's watchdog would end the run.
        command.args(["-watchdog_minor_maxtriggers", "1000000", "-watchdog_major_maxtriggers", "1000000"]);
        Self { site, name: name.to_owned(), local, command, transport: "u1", bound: BOUND }
    }

    /// Further arguments.
    #[must_use]
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// To whom it sends.
    #[must_use]
    pub fn to(mut self, server: SocketAddr) -> Self {
        self.command.arg(server.to_string());
        self
    }

    /// The user part of what is called or registered.
    #[must_use]
    pub fn service(self, user: &str) -> Self {
        self.arguments(&["-s", user])
    }

    /// Digest credentials.
    #[must_use]
    pub fn credentials(self, user: &str, password: &str) -> Self {
        self.arguments(&["-au", user, "-ap", password])
    }

    /// How many calls, and how many a second.
    #[must_use]
    pub fn calls(self, count: u32, per_second: u32) -> Self {
        self.arguments(&["-m", &count.to_string(), "-r", &per_second.to_string()])
    }

    /// Over TCP instead of UDP.
    #[must_use]
    pub const fn tcp(mut self) -> Self {
        self.transport = "t1";
        self
    }

    /// How long it may run.
    #[must_use]
    pub const fn bound(mut self, bound: Duration) -> Self {
        self.bound = bound;
        self
    }

    /// Without a log of every message: for many calls.
    #[must_use]
    pub fn quiet(self) -> Self {
        self.arguments(&["-message_file", "/dev/null"])
    }

    /// Starts it.
    pub fn start(mut self) -> Run {
        self.command.args(["-t", self.transport, "-timeout", &format!("{}s", self.bound.as_secs())]);
        let process = Process::start(self.site, &format!("{}-sipp", self.name), self.command);
        let mut run = Run { name: self.name, process, bound: self.bound, local: self.local };
        run.listens(self.transport);
        run
    }

    /// Runs it to its end; panics where a call failed.
    pub fn run(self) {
        self.start().succeeds();
    }
}

impl Run {
    /// Waits until its socket is there, so that nobody calls it too early.
    fn listens(&mut self, transport: &str) {
        let local = self.local;
        let server = transport == "t1";
        wait::until("SIPp listens", || {
            let free = if server {
                std::net::TcpListener::bind(local).is_ok()
            } else {
                std::net::UdpSocket::bind(local).is_ok()
            };
            // A client over TCP listens nowhere, and a quick run may be over.
            (!free || self.process.ended().is_some() || server && self.process_connects()).then_some(())
        });
    }

    fn process_connects(&self) -> bool {
        let log = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
        let port = format!(":{:04X} ", self.local.port());
        log.lines().any(|line| line.contains(&port))
    }

    /// Its number of the process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the end; panics where a call failed.
    pub fn succeeds(mut self) {
        // Its own bound ends it; beyond that there is a moment for the end itself.
        let status = self.process.ends_within(self.bound + Duration::from_secs(20));
        assert!(status.success(), "SIPp `{}` ended with {status}", self.name);
    }

    /// Waits for the end, however it is: the exit status.
    pub fn ends(mut self) -> Option<i32> {
        self.process.ends_within(self.bound + Duration::from_secs(20)).code()
    }

    /// Ends it: what it had to do is done.
    pub fn stop(mut self) {
        self.process.kill();
    }
}

/// An address as SIPp takes it.
fn bare(address: IpAddr) -> String {
    address.to_string()
}
