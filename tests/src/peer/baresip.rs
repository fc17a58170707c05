//! baresip 1.0, a phone: its microphone plays a wave file, what it hears is recorded.

use super::namespace::Network;
use super::process::Process;
use super::site::Site;
use super::wait::{self, PATIENCE};
use super::{tone, wav};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Where Debian puts its modules.
const MODULES: &str = "/usr/lib/baresip/modules";

/// Seconds of tone in the microphone: longer than any call here.
const MICROPHONE_S: u32 = 240;

/// Peak of the tone in the microphone.
pub const PEAK: f64 = 8_000.0;

/// What a phone is told.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// Its account.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
    /// Its registrar.
    pub server: SocketAddr,
    /// `udp` or `tcp`.
    pub transport: &'a str,
    /// The tone in its microphone.
    pub hertz: f64,
    /// Whether it answers by itself.
    pub answers: bool,
    /// Its codecs, best first.
    pub codecs: &'a str,
}

/// What some phones have beside.
#[derive(Clone, Copy, Debug, Default)]
struct Beside<'a> {
    /// Further modules of applications.
    modules: &'a [&'a str],
    /// Its list of contacts.
    contacts: &'a str,
    /// How it encrypts its media.
    encryption: Option<&'a str>,
    /// Further parameters of its account.
    account: &'a str,
    /// Whether it looks for ways (ICE).
    has_ice: bool,
    /// Where it is, if at a host of its own.
    host: Option<(&'a Network, u8)>,
}

/// A phone.
#[derive(Debug)]
pub struct Baresip {
    name: String,
    folder: PathBuf,
    process: Process,
    control: TcpStream,
    read: Vec<u8>,
    events: VecDeque<Value>,
    asked: u64,
}

impl Baresip {
    /// Starts a phone and waits until it is registered.
    pub fn start(site: &Site, setup: &Setup<'_>) -> Self {
        let mut phone = Self::launch(site, setup);
        // It may have registered before it takes commands: then no event comes.
        wait::until("baresip is registered", || phone.command("reginfo", "").contains("OK").then_some(()));
        phone
    }

    /// Starts a phone that has further modules and a list of contacts, and waits until it is registered.
    pub fn start_with(site: &Site, setup: &Setup<'_>, modules: &[&str], contacts: &str) -> Self {
        let mut phone = Self::launch_with(site, setup, &Beside { modules, contacts, ..Beside::default() });
        wait::until("baresip is registered", || phone.command("reginfo", "").contains("OK").then_some(()));
        phone
    }

    /// Starts a phone.
    pub fn launch(site: &Site, setup: &Setup<'_>) -> Self {
        Self::launch_with(site, setup, &Beside::default())
    }

    /// Starts a phone that encrypts its media, `srtp` (where the peer does), `srtp-mand` or `srtp-mandf` (always), or `dtls_srtp` (always, by a
    /// handshake), and waits until it is registered. It shares a port for RTP and RTCP where the name ends in `+mux`.
    pub fn start_secure(site: &Site, setup: &Setup<'_>, encryption: &str) -> Self {
        let beside = Beside { encryption: Some(encryption), ..Beside::default() };
        let mut phone = Self::launch_with(site, setup, &beside);
        wait::until("baresip is registered", || phone.command("reginfo", "").contains("OK").then_some(()));
        phone
    }

    /// Starts a phone that registers by two flows (RFC 5626), over UDP and over TCP, and waits until it is registered.
    pub fn start_with_flows(site: &Site, setup: &Setup<'_>) -> Self {
        let flow = |transport: &str| format!("\"sip:{};transport={transport}\"", setup.server);
        let flows = format!(";sipnat=outbound;outbound={};outbound2={}", flow("udp"), flow("tcp"));
        let mut phone = Self::launch_with(site, setup, &Beside { account: &flows, ..Beside::default() });
        wait::until("baresip is registered", || phone.command("reginfo", "").contains("OK").then_some(()));
        phone
    }

    /// Starts a phone that registers by a flow through an edge proxy (RFC 5626), and waits until it is registered.
    pub fn start_behind(site: &Site, setup: &Setup<'_>, edge: SocketAddr) -> Self {
        Self::start_behind_with(site, setup, edge, &[], "")
    }

    /// The same with further modules and a list of contacts.
    pub fn start_behind_with(
        site: &Site,
        setup: &Setup<'_>,
        edge: SocketAddr,
        modules: &[&str],
        contacts: &str,
    ) -> Self {
        let flow = format!(";sipnat=outbound;outbound=\"sip:{edge};transport=udp\"");
        let beside = Beside { account: &flow, modules, contacts, ..Beside::default() };
        let mut phone = Self::launch_with(site, setup, &beside);
        wait::until("baresip is registered", || phone.command("reginfo", "").contains("OK").then_some(()));
        phone
    }

    /// Starts a phone at a host of its own, with ICE or without, and waits until it is registered. Of the loopback interface ICE takes no address.
    pub fn start_at(
        site: &Site,
        setup: &Setup<'_>,
        (network, host): (&Network, u8),
        encryption: Option<&str>,
        has_ice: bool,
    ) -> Self {
        // It asks a server where it is, and nobody but ours is there.
        let ice = format!(";medianat=ice;stunserver=\"stun:{}\"", setup.server);
        let account = if has_ice { &ice } else { "" };
        let beside = Beside { encryption, account, has_ice, host: Some((network, host)), ..Beside::default() };
        let mut phone = Self::launch_with(site, setup, &beside);
        wait::until("baresip is registered", || phone.command("reginfo", "").contains("OK").then_some(()));
        phone
    }

    fn launch_with(site: &Site, setup: &Setup<'_>, beside: &Beside<'_>) -> Self {
        let Beside { modules, contacts, encryption, account, has_ice, host } = *beside;
        let folder = site.file(setup.user);
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let microphone = folder.join("microphone.wav");
        wav::write(&microphone, &tone::sine(setup.hertz, PEAK, MICROPHONE_S));
        let address = host.map_or(site.host.address(), |(network, host)| network.address(host));
        let control = SocketAddr::new(address, site.host.socket().port());
        let sip = SocketAddr::new(address, site.host.port_and_next());
        let mut config = config(sip, control, &microphone, &folder);
        for module in modules {
            let _ = writeln!(config, "module_app {module}.so");
        }
        if let Some(encryption) = encryption {
            let module = if encryption.starts_with("dtls_srtp") { "dtls_srtp" } else { "srtp" };
            let _ = writeln!(config, "module {module}.so");
        }
        if has_ice {
            let _ = writeln!(config, "module ice.so\nice_turn no\nice_debug no\nice_nomination regular\nice_mode full");
        }
        if encryption.is_some_and(|encryption| encryption.ends_with("+mux")) {
            config = config.replace("rtcp_mux no", "rtcp_mux yes");
        }
        let encryption = encryption.map(|encryption| encryption.trim_end_matches("+mux"));
        let encryption = encryption.map(|kind| format!(";mediaenc={kind}")).unwrap_or_default();
        let answers = if setup.answers { "auto" } else { "manual" };
        let account = format!(
            "<sip:{}@{};transport={}>;auth_pass={};regint=600;answermode={answers};audio_codecs={}{encryption}{account}\n",
            setup.user, setup.server, setup.transport, setup.password, setup.codecs
        );
        for (file, text) in [("config", config.as_str()), ("accounts", &account), ("contacts", contacts)] {
            std::fs::write(folder.join(file), text).expect("the temporary folder can be written");
        }
        let mut command = match host {
            Some((network, host)) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &network.host(host), "baresip"]);
                command
            }
            None => Command::new("baresip"),
        };
        // Its own bound: five minutes, whatever becomes of us.
        command.arg("-f").arg(&folder).args(["-s", "-t", "300"]).current_dir(&folder);
        let mut process = Process::start(site, &format!("{}-baresip", setup.user), command);
        let stream = wait::until("baresip takes commands", || {
            process.must_run();
            match host {
                Some((network, host)) => network.at(host, || TcpStream::connect(control).ok()),
                None => TcpStream::connect(control).ok(),
            }
        });
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a time is set");
        Self {
            name: setup.user.to_owned(),
            folder,
            process,
            control: stream,
            read: Vec::new(),
            events: VecDeque::new(),
            asked: 0,
        }
    }

    /// Gives a command of its menu, and waits until it is taken.
    pub fn command(&mut self, command: &str, parameters: &str) -> String {
        self.asked += 1;
        let token = self.asked.to_string();
        let text = json!({ "command": command, "params": parameters, "token": token }).to_string();
        // A netstring: its length, a colon, itself, a comma.
        let line = format!("{}:{text},", text.len());
        self.control.write_all(line.as_bytes()).expect("baresip takes a command");
        // Events that come before the answer are kept.
        let mut before = std::mem::take(&mut self.events);
        let end = wait::now() + PATIENCE;
        let answer = loop {
            self.take();
            match self.events.pop_front() {
                Some(message) if message["token"] == json!(token) => break message,
                Some(event) => before.push_back(event),
                None => {
                    self.process.must_run();
                    assert!(wait::now() < end, "{}: no answer to `{command}`\n{}", self.name, self.process.log());
                }
            }
        };
        before.append(&mut self.events);
        self.events = before;
        assert_eq!(answer["ok"], json!(true), "{}: {command} {parameters}: {answer}", self.name);
        answer["data"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for an event of this type, as baresip names it: `CALL_ESTABLISHED`, `CALL_CLOSED`, `REGISTER_OK`.
    pub fn event(&mut self, kind: &str) -> Value {
        self.message(kind, |message| message["type"] == json!(kind))
    }

    /// Forgets events that have come.
    pub fn forget(&mut self) {
        self.take();
        self.events.clear();
    }

    /// Calls a number.
    pub fn dial(&mut self, number: &str) {
        self.command("dial", number);
    }

    /// Hangs the call up, and waits until it is over.
    pub fn hang_up(&mut self) {
        self.command("hangup", "");
        self.event("CALL_CLOSED");
    }

    /// What it heard in each call, the first call first; the last one's file may still grow. baresip 1.0 takes its recorder
    /// away where a re-INVITE changes the direction: nothing is recorded from a hold on.
    pub fn recordings(&self) -> Vec<Vec<i16>> {
        let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().ends_with("-dec.wav")).collect();
        files.sort();
        files.iter().map(|file| wav::read(file)).collect()
    }

    /// What it heard in its last call.
    pub fn heard(&self) -> Vec<i16> {
        self.recordings().pop().unwrap_or_default()
    }

    /// Waits until it has heard a tone of `hertz` for `seconds` in its last call.
    pub fn hears(&self, hertz: f64, seconds: f64) -> tone::Heard {
        let found =
            wait::within(PATIENCE, || Some(tone::find(&self.heard(), hertz)).filter(|heard| heard.seconds >= seconds));
        found.unwrap_or_else(|| {
            panic!("{} heard {:?} of {hertz} Hz, not {seconds} s", self.name, tone::find(&self.heard(), hertz))
        })
    }

    /// Bits a second that it sends and receives, over its last three seconds or so.
    pub fn rates(&self) -> (u64, u64) {
        let log = self.process.log();
        let last = log.rsplit("audio=").next().and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        let (sent, received) = last.split_once('/').unwrap_or_default();
        (sent.parse().unwrap_or(0), received.parse().unwrap_or(0))
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The message for which `wanted` holds; those before it are passed over.
    fn message(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let end = wait::now() + PATIENCE;
        loop {
            self.take();
            while let Some(event) = self.events.pop_front() {
                if wanted(&event) {
                    return event;
                }
            }
            self.process.must_run();
            assert!(wait::now() < end, "{}: no {what}\n{}", self.name, self.process.log());
        }
    }

    /// Takes what has come.
    fn take(&mut self) {
        let mut buffer = [0; 8192];
        if let Ok(length) = self.control.read(&mut buffer) {
            self.read.extend_from_slice(&buffer[..length]);
        }
        while let Some((text, used)) = netstring(&self.read) {
            if let Ok(message) = serde_json::from_str(&text) {
                self.events.push_back(message);
            }
            self.read.drain(..used);
        }
    }
}

/// The first netstring, and how many octets it takes.
fn netstring(bytes: &[u8]) -> Option<(String, usize)> {
    let colon = bytes.iter().position(|&byte| byte == b':')?;
    let length: usize = std::str::from_utf8(&bytes[..colon]).ok()?.parse().ok()?;
    let text = bytes.get(colon + 1..colon + 1 + length)?;
    bytes.get(colon + 1 + length)?;
    Some((String::from_utf8_lossy(text).into_owned(), colon + length + 2))
}

/// The configuration: no sound card, no other network, its files in its folder.
fn config(sip: SocketAddr, control: SocketAddr, microphone: &Path, folder: &Path) -> String {
    let mut text = format!(
        "poll_method epoll\n\
         sip_listen {sip}\n\
         net_interface {}\n\
         ctrl_tcp_listen {control}\n\
         call_local_timeout 120\n\
         call_max_calls 4\n\
         audio_source aufile,{}\n\
         audio_player aubridge,none\n\
         audio_alert aubridge,none\n\
         audio_level no\n\
         ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\n\
         rtp_ports 34000-59000\n\
         rtcp_mux no\n\
         snd_path {}\n\
         module_path {MODULES}\n",
        sip.ip(),
        microphone.display(),
        folder.display(),
    );
    for module in ["g711", "g722", "opus", "aufile", "aubridge", "sndfile"] {
        let _ = writeln!(text, "module {module}.so");
    }
    for module in ["uuid", "account"] {
        let _ = writeln!(text, "module_tmp {module}.so");
    }
    for module in ["menu", "ctrl_tcp"] {
        let _ = writeln!(text, "module_app {module}.so");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::netstring;

    #[test]
    fn netstrings_are_taken_apart() {
        assert_eq!(netstring(b"5:hello,1:x,"), Some(("hello".to_owned(), 8)));
        assert_eq!(netstring(b"5:hell"), None);
        assert_eq!(netstring(b"5:hello"), None);
        assert_eq!(netstring(b""), None);
    }
}
