//! `openssl s_client`: one connection of TLS, whatever is said over it.

use super::wait;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// A client that runs.
#[derive(Debug)]
pub struct Client {
    child: Child,
    heard: Arc<Mutex<String>>,
}

impl Client {
    /// Connects, and believes a certificate alone that `authority` has signed and that is for `name`.
    pub fn start(server: SocketAddr, authority: &std::path::Path, name: &str, more: &[&str]) -> Self {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_return_error", "-connect", &server.to_string()]);
        command.args(["-servername", name, "-verify_hostname", name]).arg("-CAfile").arg(authority).args(more);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("openssl is there");
        let heard = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().expect("its output is a pipe");
        let into = Arc::clone(&heard);
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(octets @ 1..) = output.read(&mut piece) {
                into.lock().expect("nobody panics here").push_str(&String::from_utf8_lossy(&piece[..octets]));
            }
        });
        Self { child, heard }
    }

    /// Asks by OPTIONS over the connection; the status of the answer. `None`: the connection ends instead.
    pub fn options(&mut self) -> Option<u16> {
        self.heard.lock().expect("nobody panics here").clear();
        let branch = format!("{:p}{:?}", &self.child, wait::now()).replace(|c: char| !c.is_ascii_alphanumeric(), "");
        let request = format!(
            "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS client.invalid;branch=z9hG4bK{branch}\r\nMax-Forwards: 70\r\nFrom: <sip:probe@client.invalid>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let input = self.child.stdin.as_mut().expect("its input is a pipe");
        let _ = input.write_all(request.as_bytes()).and_then(|()| input.flush());
        wait::until("an answer, or the end of the connection", || {
            let heard = self.heard.lock().expect("nobody panics here").clone();
            let status = heard.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
            match status {
                Some(status) if heard.contains("\r\n\r\n") => Some(Some(status)),
                _ => self.child.try_wait().ok()?.map(|_| None),
            }
        })
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
