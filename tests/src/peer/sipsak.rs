//! sipsak: a probe, as scanners and monitors send.

use super::process;
use super::site::Site;
use super::wait::PATIENCE;
use std::net::SocketAddr;
use std::process::{Command, ExitStatus};

/// Sends one OPTIONS to `user` at `server`; how sipsak ended (0: a 200 came), and what it printed.
pub fn options(site: &Site, user: &str, server: SocketAddr) -> (ExitStatus, String) {
    let mut command = Command::new("sipsak");
    command.args(["-vv", "-s", &format!("sip:{user}@{server}")]);
    process::run(site, "sipsak", command, PATIENCE)
}
