//! Kamailio, with a script of the test's own.

use super::process::Process;
use super::site::Site;
use super::wait;
use rustix::process::Signal;
use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::time::Duration;

/// How long it may run: it ends by itself should nobody end it.
const BOUND_S: &str = "120";

/// A running Kamailio.
#[derive(Debug)]
pub struct Kamailio {
    process: Process,
}

impl Kamailio {
    /// Runs a script that listens for UDP at `address`. What stands between `@` and `@` in it is replaced.
    pub fn start(site: &Site, script: &str, replace: &[(&str, &str)], address: SocketAddr) -> Self {
        let mut script = script.to_owned();
        for (key, value) in replace {
            script = script.replace(&format!("@{key}@"), value);
        }
        let file = site.write("kamailio.cfg", &script);
        let mut command = Command::new("timeout");
        command.args([BOUND_S, "kamailio", "-DD", "-E", "-m", "64", "-M", "8", "-f"]).arg(file);
        command.arg("-Y").arg(site.folder()).arg("-P").arg(site.file("kamailio.pid"));
        let mut process = Process::start(site, "kamailio", command);
        wait::until("Kamailio listens", || {
            process.must_run();
            UdpSocket::bind(address).is_err().then_some(())
        });
        Self { process }
    }
}

impl Drop for Kamailio {
    /// Its children end with it.
    fn drop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.ends_within(Duration::from_secs(20));
    }
}
