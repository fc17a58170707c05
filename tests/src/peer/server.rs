//! The built `tandem`, as an operator runs it.

use super::control::Control;
use super::process::{self, Process};
use super::site::Site;
use super::wait::{self, PATIENCE};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Beside the first accounts: a few that have passwords tests can write down.
pub const PASSWORD: &str = "correct-horse";

/// A server: its folder, its addresses, its process.
#[derive(Debug)]
pub struct Server<'a> {
    site: &'a Site,
    folder: PathBuf,
    process: Option<Process>,
    namespace: Option<String>,
    /// Where SIP is listened for, over UDP and TCP.
    pub sip: SocketAddr,
    /// The same at ::1, where it was asked for.
    pub sip_six: Option<SocketAddr>,
    /// Where metrics are served.
    pub metrics: SocketAddr,
    /// Where the control socket is served over TCP.
    pub control_tcp: SocketAddr,
}

/// What a configuration begins with: addresses in `{}` are the site's.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Lines of `[sip]`.
    pub sip: String,
    /// Lines of `[log]`.
    pub log: String,
    /// Listeners beside UDP and TCP: `tls:127.0.0.1:5061`.
    pub listen: Vec<String>,
    /// Further sections.
    pub more: String,
    /// Listens at ::1 too, at this port.
    pub six: Option<u16>,
}

impl Settings {
    /// Further sections alone.
    pub fn new(more: impl Into<String>) -> Self {
        Self { more: more.into(), ..Self::default() }
    }

    /// With lines of `[sip]`.
    #[must_use]
    pub fn sip(mut self, lines: &str) -> Self {
        self.sip.push_str(lines);
        self.sip.push('\n');
        self
    }
}

/// The binary that was built beside this test.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test knows its own file");
    // target/PROFILE/deps/peers-0123 → target/PROFILE/tandem
    let found = test.ancestors().skip(1).take(2).map(|folder| folder.join("tandem")).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{} has no `tandem` beside it: run `cargo build -p tandem` first", test.display()))
}

impl<'a> Server<'a> {
    /// Starts a server with `settings` and waits until it serves.
    pub fn start(site: &'a Site, settings: &Settings) -> Self {
        let mut server = Self::prepare(site, "tandem", settings);
        server.launch();
        server
    }

    /// A folder with a configuration; nothing runs.
    pub fn prepare(site: &'a Site, name: &str, settings: &Settings) -> Self {
        let folder = site.file(name);
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let sip_six = settings.six.map(|port| SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)));
        let server = Self {
            site,
            folder,
            process: None,
            namespace: None,
            sip: site.host.socket(),
            sip_six,
            metrics: site.host.socket(),
            control_tcp: site.host.socket(),
        };
        server.configure(settings);
        server
    }

    /// Writes the configuration anew; a reload or a restart takes it.
    pub fn configure(&self, settings: &Settings) {
        let listeners = [Some(self.sip), self.sip_six].into_iter().flatten();
        let listeners: Vec<String> =
            listeners.flat_map(|address| [format!("\"udp:{address}\""), format!("\"tcp:{address}\"")]).collect();
        let more = settings.listen.iter().map(|listen| format!("\"{listen}\""));
        let listeners: Vec<String> = listeners.into_iter().chain(more).collect();
        // SIPp takes an OPTIONS for a call, and that for a failed one: who wants to be asked says so.
        let keep_alive = if settings.sip.contains("keep_alive_s") { "" } else { "keep_alive_s = 0\n" };
        let shards = match std::env::var("TANDEM_SHARDS") {
            Ok(count) if !settings.sip.contains("shards") => format!("shards = {count}\n"),
            _ => String::new(),
        };
        let text = format!(
            "data = \"{}\"\n[sip]\nlisten = [{}]\n{keep_alive}{shards}{}\n[metrics]\nlisten = \"{}\"\n[control]\ntcp = \"{}\"\n[log]\n{}\n{}\n",
            self.data().display(),
            listeners.join(", "),
            settings.sip,
            self.metrics,
            self.control_tcp,
            settings.log,
            settings.more,
        );
        std::fs::write(self.configuration(), text).expect("the temporary folder can be written");
    }

    /// Nobody else may read its configuration: there is a password in it.
    pub fn keep_private(&self) {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(self.configuration(), mode).expect("it is the test's own");
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The configuration's file.
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("tandem.toml")
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it showed on its standard output, over all its starts.
    pub fn shown(&self) -> String {
        std::fs::read_to_string(self.folder.join("output.log")).unwrap_or_default()
    }

    /// Its log, over all its starts.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// It is to run in a network namespace.
    pub fn within(&mut self, namespace: String) {
        self.namespace = Some(namespace);
    }

    /// Starts the process and waits until it serves.
    pub fn launch(&mut self) {
        let mut command = match &self.namespace {
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(binary());
                command
            }
            None => Command::new(binary()),
        };
        command.arg("serve").arg("--config").arg(self.configuration()).current_dir(&self.folder);
        command.env_remove("TANDEM_SOCKET").env_remove("RUST_LOG");
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let process =
            Process::start_apart(self.site, &format!("{name}-server"), command, Some(&self.folder.join("output.log")));
        let process = self.process.insert(process);
        let socket = self.folder.join("data").join("control.sock");
        wait::until("the server serves", || {
            process.must_run();
            let mut control = Control::connect(&socket).ok()?;
            let status = control.try_ask("system", "status", json!({})).ok()?;
            let accounts = control.try_ask("accounts", "list", json!({})).ok()?;
            let listens = status["modules"].as_array()?.iter().any(|module| {
                let resources = module["resources"].as_array();
                resources.into_iter().flatten().any(|resource| resource["kind"] == "listener")
            });
            let accounts = accounts["accounts"].as_array().is_some_and(|accounts| !accounts.is_empty());
            (listens && accounts).then_some(())
        });
    }

    /// A new session at the control socket.
    pub fn control(&self) -> Control {
        Control::connect(&self.data().join("control.sock")).expect("the server's control socket")
    }

    /// Adds accounts with [`PASSWORD`].
    pub fn add_accounts(&self, names: &[&str]) {
        let mut control = self.control();
        for name in names {
            control.ask("accounts", "add", json!({ "name": name, "password": PASSWORD }));
        }
    }

    /// The first accounts, as their file has them.
    pub fn first_accounts(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.data().join("accounts.txt")).expect("the first accounts' file");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once(' ')).map(|(name, word)| (name.to_owned(), word.to_owned())).collect()
    }

    /// `tandem ctl`, as a person types it in the server's folder.
    pub fn ctl(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let mut command = Command::new(binary());
        command.arg("ctl").args(arguments).current_dir(&self.folder).env_remove("TANDEM_SOCKET");
        process::run(self.site, "tandem-ctl", command, PATIENCE)
    }

    /// `tandem`, as a person types it in the server's folder. What it complains of is in `tandem-command.log`.
    pub fn tandem(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let mut command = Command::new(binary());
        command.args(arguments).current_dir(&self.folder).env_remove("TANDEM_SOCKET");
        process::run(self.site, "tandem-command", command, PATIENCE)
    }

    /// The status of a page of its HTTP address, and the body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let fetch = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.metrics)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        };
        let text = fetch().unwrap_or_else(|error| panic!("{path}: {error}"));
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.unwrap_or_else(|| panic!("{path}: {head}")), body.to_owned())
    }

    /// What `tandem ctl … --json` prints.
    pub fn ctl_json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let (status, text) = self.ctl(&arguments);
        assert!(status.success(), "tandem ctl {arguments:?}: {status}\n{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("tandem ctl {arguments:?}: {error}\n{text}"))
    }

    /// How much of a kind of resource is in use, over all modules.
    pub fn used(&self, kind: &str) -> u64 {
        let status = self.control().ask("system", "status", json!({}));
        let modules = status["modules"].as_array().cloned().unwrap_or_default();
        let resources = modules.iter().flat_map(|module| module["resources"].as_array().cloned().unwrap_or_default());
        resources.filter(|resource| resource["kind"] == kind).filter_map(|resource| resource["used"].as_u64()).sum()
    }

    /// What all modules together have counted under a name.
    pub fn counted(&self, name: &str) -> u64 {
        let status = self.control().ask("system", "status", json!({}));
        let modules = status["modules"].as_array().cloned().unwrap_or_default();
        let counters = modules.iter().flat_map(|module| module["counters"].as_array().cloned().unwrap_or_default());
        counters.filter(|counter| counter["name"] == name).filter_map(|counter| counter["value"].as_u64()).sum()
    }

    /// The call records, the latest first, once there are at least `count` that have ended.
    pub fn records(&self, count: usize) -> Vec<Value> {
        wait::until(&format!("{count} call records"), || {
            let mut control = self.control();
            let (mut records, mut cursor) = (Vec::new(), Value::Null);
            loop {
                let body = match &cursor {
                    Value::Null => json!({ "limit": 500 }),
                    cursor => json!({ "limit": 500, "cursor": cursor }),
                };
                let page = control.ask("records", "search", body);
                records.extend(page["records"].as_array().cloned().unwrap_or_default());
                cursor = page["cursor"].clone();
                if cursor.is_null() {
                    break;
                }
            }
            let ended = records.iter().filter(|record| record["outcome"] != "open").count();
            (ended >= count).then_some(records)
        })
    }

    /// Waits until no call is left, and no media port in use.
    pub fn is_idle(&self) {
        wait::until("no call is left", || (self.used("calls") == 0 && self.used("sessions") == 0).then_some(()));
    }

    /// Waits until `account` has `count` contacts; which.
    pub fn registered(&self, account: &str, count: usize) -> Vec<Value> {
        wait::until(&format!("{account} has {count} contacts"), || {
            let listed = self.control().ask("registrations", "list", json!({ "account": account }));
            let registrations = listed["registrations"].as_array().cloned().unwrap_or_default();
            let contacts: Vec<Value> =
                registrations.iter().flat_map(|one| one["contacts"].as_array().cloned().unwrap_or_default()).collect();
            (contacts.len() == count).then_some(contacts)
        })
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the server was started")
    }

    /// SIGTERM, and the end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process().signal(Signal::TERM);
        self.process().ends_within(PATIENCE)
    }

    /// SIGTERM, and a good end.
    pub fn stop(&mut self) {
        let status = self.terminate();
        assert!(status.success(), "the server ended with {status}");
        let log = self.log();
        assert!(!log.contains("panicked"), "something panicked:\n{log}");
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// The number of its open files, and of its threads.
    pub fn files_and_threads(&mut self) -> (usize, usize) {
        let folder = PathBuf::from(format!("/proc/{}", self.process().id()));
        (entries(&folder.join("fd")), entries(&folder.join("task")))
    }
}

/// How many entries a folder has.
fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map(Iterator::count).unwrap_or(0)
}
