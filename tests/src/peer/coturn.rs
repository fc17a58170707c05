//! coturn, a server that relays (TURN).

use super::namespace::Network;
use super::process::Process;
use super::site::Site;
use super::wait;
use rustix::process::Signal;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// How long it may run: it ends by itself should nobody end it.
const BOUND_S: &str = "180";

/// Who may use it.
pub const USERNAME: &str = "tandem";
/// By that.
pub const PASSWORD: &str = "relay-horse";

/// A running coturn.
#[derive(Debug)]
pub struct Coturn {
    process: Process,
    /// Where it takes UDP.
    pub address: SocketAddr,
}

impl Coturn {
    /// At a host of a network, for one user; with options of the test's.
    pub fn start(site: &Site, (network, host): (&Network, u8), more: &[&str]) -> Self {
        let address = SocketAddr::new(network.address(host), 3_478);
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &network.host(host), "timeout", BOUND_S, "turnserver", "-n"]);
        for option in ["lt-cred-mech", "no-cli", "no-tls", "no-dtls", "no-tcp", "verbose", "log-file=stdout"] {
            command.arg(format!("--{option}"));
        }
        command.args(more);
        for (option, value) in [
            ("listening-ip", address.ip().to_string()),
            ("relay-ip", address.ip().to_string()),
            ("listening-port", address.port().to_string()),
            ("realm", "relay.example".to_owned()),
            ("user", format!("{USERNAME}:{PASSWORD}")),
            ("userdb", site.file("turn.db").display().to_string()),
            ("pidfile", site.file("turn.pid").display().to_string()),
        ] {
            command.arg(format!("--{option}={value}"));
        }
        let mut process = Process::start(site, &format!("coturn-{host}"), command);
        wait::until("coturn listens", || {
            process.must_run();
            network.at(host, || UdpSocket::bind(address).is_err().then_some(()))
        });
        Self { process, address }
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Ends it at once: what it had is gone.
    pub fn kill(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.ends_within(Duration::from_secs(20));
    }
}

impl Drop for Coturn {
    /// What `timeout` runs ends with it.
    fn drop(&mut self) {
        if self.process.ended().is_none() {
            self.kill();
        }
    }
}
