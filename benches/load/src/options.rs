//! The command line, checked as a whole before anything is sent.

use crate::limits::{ACCOUNTS_MAX, CALLS_MAX, PORT_REST, RATE_MAX, RUN_MAX};
use crate::party::Permitted;
use crate::sdp::Codec;
use clap::{Parser, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Plays caller and callee around a SIP server, and measures what the server does to calls and packets.
///
/// The caller sends INVITE to the server, which must route it to the callee: this process's other SIP port. Both stream G.711
/// with a clock in each packet, so delay is measured one way on one clock, or speech in other codecs. Ends by itself.
///
/// Exit status: 0 all calls complete; 1 some failed; 2 wrong usage; 3 the generator was the limit, so the figures are
/// not the server's; 4 the run was cut off by its hard stop.
#[derive(Debug, Clone, Parser)]
#[command(name = "tandem-load", version, max_term_width = 120)]
pub struct Options {
    /// The server under test
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:5060")]
    pub server: SocketAddr,
    /// The caller's SIP address; its RTP has the same IP
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:15060")]
    pub caller: SocketAddr,
    /// The callee's SIP address; its RTP has the same IP
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:15070")]
    pub callee: SocketAddr,
    /// How signalling travels; over TCP and TLS the caller, or all accounts, keep one connection, the server opens the callee's, and the caller hangs up
    #[arg(long, value_enum, default_value_t = Transport::Udp)]
    pub transport: Transport,
    /// File of the certificate that the server's is signed by, in PEM (TLS)
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
    /// File of the callee's certificate, in PEM (TLS)
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// File of its key, in PEM (TLS)
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Says that this address, which is not loopback, is yours to load; may be repeated
    #[arg(long, value_name = "IP")]
    pub i_own_the_target: Vec<IpAddr>,

    /// Calls to place
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub calls: u64,
    /// Calls a second
    #[arg(long, value_name = "R", default_value_t = 20.0)]
    pub cps: f64,
    /// After those calls R calls a second for that many seconds; may be repeated. The report tells what became of each step
    #[arg(long, value_name = "R:SECONDS", value_parser = parse_step)]
    pub then: Vec<Step>,
    /// Seconds from answer to hang-up
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    pub hold: f64,
    /// Who hangs up
    #[arg(long, value_enum, default_value_t = End::Caller)]
    pub hangup: End,
    /// User part of the address that is called
    #[arg(long, value_name = "USER", default_value = "callee")]
    pub user: String,
    /// User part of the caller's address
    #[arg(long, value_name = "USER", default_value = "caller")]
    pub from: String,
    /// Host part of both addresses; the server's IP by default
    #[arg(long, value_name = "HOST")]
    pub domain: Option<String>,

    /// Signalling alone: descriptions are exchanged, but no packet flows
    #[arg(long)]
    pub no_rtp: bool,
    /// First RTP port; each call takes the four ports from 4 × its number on
    #[arg(long, value_name = "PORT", default_value_t = 20_000)]
    pub rtp_base: u16,
    /// What the caller offers
    #[arg(long, value_enum, default_value_t = Codec::Pcmu)]
    pub codec: Codec,
    /// What the callee answers; another one than the caller's makes the server transcode. Where both are G.711 each packet carries its time; else streams say
    /// speech, there are no delays, and loss is by the numbers that the server gives
    #[arg(long, value_enum, default_value_t = Codec::Pcmu)]
    pub callee_codec: Codec,
    /// The caller offers keys and sends SRTP (AES_CM_128_HMAC_SHA1_80); the callee's media stays in the clear
    #[arg(long)]
    pub srtp: bool,
    /// Who sends RTP
    #[arg(long, value_enum, default_value_t = Talks::Both)]
    pub talks: Talks,
    /// RTP counts only from this long after a call's answer; 2 s, or a quarter of the hold time where that is less
    #[arg(long, value_name = "SECONDS")]
    pub settle: Option<f64>,

    /// The server's process: CPU and memory, with its children, are measured
    #[arg(long, value_name = "PID")]
    pub pid: Option<i32>,
    /// Holds LOW calls, then HIGH, and measures the server's memory at each (needs --pid); --hold is not used
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',')]
    pub memory: Vec<u64>,

    /// Registers N accounts u0, u1, … instead of calling
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub register: u64,
    /// Registrations a second
    #[arg(long, value_name = "R", default_value_t = 500.0)]
    pub rate: f64,
    /// How often each account registers
    #[arg(long, value_name = "K", default_value_t = 2)]
    pub rounds: u32,
    /// The caller answers a challenge of its INVITE, as the account that --from names, with --password
    #[arg(long)]
    pub digest: bool,
    /// What account names begin with
    #[arg(long, value_name = "PREFIX", default_value = "u")]
    pub prefix: String,
    /// The password of every account
    #[arg(long, value_name = "PASSWORD", default_value = "secret")]
    pub password: String,
    /// Digest algorithm to answer the challenge with
    #[arg(long, value_enum, default_value_t = Algorithm::Md5)]
    pub algorithm: Algorithm,

    /// No SIP: RTP goes straight to a relay-floor that listens from this address on
    #[arg(long, value_name = "IP:PORT")]
    pub floor: Option<SocketAddr>,

    /// The report as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Calls at another rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Calls a second.
    pub per_second: f64,
    /// For how long.
    pub seconds: f64,
}

impl Step {
    /// How many calls that is.
    pub fn calls(self) -> u64 {
        (self.per_second * self.seconds).ceil() as u64
    }
}

fn parse_step(text: &str) -> Result<Step, String> {
    let numbers = text.split_once(':').and_then(|(rate, seconds)| Some((rate.parse().ok()?, seconds.parse().ok()?)));
    match numbers {
        Some((per_second, seconds))
            if 0.0 < per_second && per_second <= RATE_MAX && 0.0 < seconds && seconds <= RUN_MAX.as_secs_f64() =>
        {
            Ok(Step { per_second, seconds })
        }
        _ => Err(format!("a step is R:SECONDS, with R above 0 and at most {RATE_MAX}")),
    }
}

/// How signalling travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// TCP connections that are kept.
    Tcp,
    /// TLS connections that are kept.
    Tls,
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum End {
    /// The caller.
    Caller,
    /// The callee.
    Callee,
}

/// Who sends RTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Talks {
    /// Both ends.
    Both,
    /// The caller alone.
    Caller,
    /// The callee alone.
    Callee,
}

/// A digest algorithm of RFC 8760.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Algorithm {
    /// MD5.
    #[value(name = "MD5", alias = "md5")]
    Md5,
    /// SHA-256.
    #[value(name = "SHA-256", alias = "sha-256")]
    Sha256,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mode {
    /// Calls.
    Calls,
    /// Calls held for the memory's slope.
    Memory {
        /// Calls at the first reading.
        low: u64,
        /// Calls at the second.
        high: u64,
    },
    /// RTP alone to a relay floor.
    Floor(SocketAddr),
    /// Registrations.
    Register,
}

impl Options {
    /// Finds what cannot be done, and says why.
    ///
    /// # Errors
    /// A sentence for the user.
    pub fn check(&self) -> Result<(), String> {
        let permitted = self.permitted();
        let targets = [Some(self.server), Some(self.caller), Some(self.callee), self.floor];
        for ip in targets.iter().flatten().map(SocketAddr::ip) {
            if !permitted.allows(ip) {
                return Err(format!(
                    "{ip} is not a loopback address; if it is yours to load, add --i-own-the-target {ip}"
                ));
            }
        }
        if targets.iter().flatten().any(|address| address.is_ipv4() != self.server.is_ipv4()) {
            return Err("all addresses must be of one family".into());
        }
        for (name, rate) in [("--cps", self.cps), ("--rate", self.rate)] {
            if !(rate > 0.0 && rate <= RATE_MAX) {
                return Err(format!("{name} must be above 0 and at most {RATE_MAX}"));
            }
        }
        if self.calls == 0 || self.calls_in_all() > CALLS_MAX {
            return Err(format!("--calls must be 1 to {CALLS_MAX}"));
        }
        if self.register > ACCOUNTS_MAX || self.rounds == 0 || self.rounds > 1000 {
            return Err(format!("--register is at most {ACCOUNTS_MAX}, --rounds 1 to 1000"));
        }
        let seconds = [self.hold, self.settle.unwrap_or(0.0)];
        if seconds.iter().any(|s| !(0.0..=RUN_MAX.as_secs_f64()).contains(s))
            || self.placing_seconds() + self.hold > RUN_MAX.as_secs_f64()
            || self.register as f64 * f64::from(self.rounds) / self.rate > RUN_MAX.as_secs_f64()
        {
            return Err(format!("a run is at most {} hours", RUN_MAX.as_secs() / 3600));
        }
        self.check_mode()
    }

    fn check_mode(&self) -> Result<(), String> {
        let chosen = [!self.memory.is_empty(), self.register > 0, self.floor.is_some()];
        if !self.then.is_empty() && chosen.contains(&true) {
            return Err("--then is for calls".into());
        }
        if chosen.into_iter().filter(|chosen| *chosen).count() > 1 {
            return Err("--memory, --register and --floor exclude each other".into());
        }
        if self.transport == Transport::Tls {
            let callee = [&self.certificate, &self.key];
            if self.authority.is_none() || self.register == 0 && callee.into_iter().any(Option::is_none) {
                return Err("--transport tls needs --authority, and for calls --certificate and --key".into());
            }
        }
        if self.transport != Transport::Udp && (self.hangup == End::Callee || self.floor.is_some()) {
            return Err("--transport tcp and tls are for registrations, and for calls that the caller hangs up".into());
        }
        if ![0, 2].contains(&self.memory.len()) {
            return Err("--memory needs two numbers, LOW,HIGH".into());
        }
        if let [low, high] = self.memory[..] {
            if low == 0 || low >= high || high > CALLS_MAX {
                return Err("--memory needs LOW,HIGH with 0 < LOW < HIGH".into());
            }
            if self.pid.is_none() || self.hangup == End::Callee {
                return Err("--memory needs --pid, and the caller hangs up".into());
            }
        }
        if self.pid.is_some_and(|pid| pid <= 0) {
            return Err("--pid must be above 0".into());
        }
        if self.floor.is_some() && (self.no_rtp || [self.codec, self.callee_codec] != [Codec::Pcmu; 2]) {
            return Err("--floor relays PCMU as it is: it excludes --no-rtp, --codec and --callee-codec".into());
        }
        if self.floor.is_some() && self.srtp {
            return Err("--floor has no signalling that keys could come by: it excludes --srtp".into());
        }
        if self.needs_legs() {
            let legs = self.concurrent_calls() * 2;
            let ports = u64::from(u16::MAX - self.rtp_base) / 2;
            if self.rtp_base < 1024 || !self.rtp_base.is_multiple_of(2) || legs > ports {
                return Err(format!(
                    "{legs} RTP sockets do not fit above --rtp-base {} (even, at least 1024): {ports} do",
                    self.rtp_base
                ));
            }
            if let Some(floor) = self.floor.filter(|floor| legs > u64::from(u16::MAX - floor.port()) / 2) {
                return Err(format!("{legs} sockets do not fit above the floor's port {}", floor.port()));
            }
            if matches!(self.mode(), Mode::Calls | Mode::Floor(_)) && self.settle() + self.tail() >= self.hold() {
                return Err("--settle leaves no packet to count: hold the calls longer".into());
            }
        }
        Ok(())
    }

    /// What the run does.
    pub fn mode(&self) -> Mode {
        match (self.memory.as_slice(), self.floor) {
            ([low, high], _) => Mode::Memory { low: *low, high: *high },
            (_, Some(floor)) => Mode::Floor(floor),
            _ if self.register > 0 => Mode::Register,
            _ => Mode::Calls,
        }
    }

    fn needs_legs(&self) -> bool {
        !self.no_rtp && self.mode() != Mode::Register
    }

    /// How many calls can be open at once: all, or as many as start while one is held and its ports rest.
    pub fn concurrent_calls(&self) -> u64 {
        let calls = self.calls_in_all();
        if matches!(self.mode(), Mode::Memory { .. }) {
            return calls;
        }
        let life = self.hold() + PORT_REST + Duration::from_secs(2);
        let fastest = self.then.iter().map(|step| step.per_second).fold(self.cps, f64::max);
        calls.min((life.as_secs_f64() * fastest).ceil() as u64 + 16)
    }

    /// Calls that are placed in all.
    pub fn calls_in_all(&self) -> u64 {
        match self.mode() {
            Mode::Memory { high, .. } => high,
            _ => self.calls + self.then.iter().map(|step| step.calls()).sum::<u64>(),
        }
    }

    /// The steps after the first, each with its rate and its number of calls.
    pub fn steps(&self) -> Vec<(f64, u64)> {
        self.then.iter().map(|step| (step.per_second, step.calls())).collect()
    }

    fn placing_seconds(&self) -> f64 {
        self.calls as f64 / self.cps + self.then.iter().map(|step| step.calls() as f64 / step.per_second).sum::<f64>()
    }

    /// How long calls are placed.
    pub fn placing(&self) -> Duration {
        Duration::from_secs_f64(self.placing_seconds())
    }

    /// Pairs of RTP sockets: none for signalling alone.
    pub fn leg_pairs(&self) -> u16 {
        if self.needs_legs() { u16::try_from(self.concurrent_calls()).unwrap_or(u16::MAX / 2) } else { 0 }
    }

    /// Whether the caller sends RTP, and whether the callee does.
    pub fn talks(&self) -> [bool; 2] {
        [self.talks != Talks::Callee, self.talks != Talks::Caller]
    }

    /// From answer to hang-up.
    pub fn hold(&self) -> Duration {
        Duration::from_secs_f64(self.hold)
    }

    /// From answer to the first packet that counts.
    pub fn settle(&self) -> Duration {
        Duration::from_secs_f64(self.settle.unwrap_or_else(|| (self.hold / 4.0).min(2.0)))
    }

    /// From the last packet that counts to hang-up.
    pub fn tail(&self) -> Duration {
        Duration::from_secs_f64((self.hold / 8.0).min(0.5))
    }

    /// What may be sent to.
    pub fn permitted(&self) -> Permitted {
        Permitted::new(self.i_own_the_target.clone())
    }

    /// The certificate that the server's is signed by.
    pub fn authority(&self) -> &Path {
        self.authority.as_deref().unwrap_or(Path::new(""))
    }

    /// The callee's certificate.
    pub fn certificate(&self) -> &Path {
        self.certificate.as_deref().unwrap_or(Path::new(""))
    }

    /// Its key.
    pub fn key(&self) -> &Path {
        self.key.as_deref().unwrap_or(Path::new(""))
    }

    /// The host part of the addresses of record.
    pub fn domain(&self) -> String {
        self.domain.clone().unwrap_or_else(|| match self.server.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str) -> Result<(), String> {
        let arguments = std::iter::once("tandem-load").chain(arguments.split_whitespace());
        Options::try_parse_from(arguments).map_err(|error| error.to_string())?.check()
    }

    #[test]
    fn only_loopback_unless_owned() {
        assert_eq!(check(""), Ok(()));
        assert!(check("--server 192.0.2.1:5060").unwrap_err().contains("--i-own-the-target 192.0.2.1"));
        assert!(check("--server 192.0.2.1:5060 --i-own-the-target 192.0.2.2").is_err());
        assert_eq!(check("--server 192.0.2.1:5060 --i-own-the-target 192.0.2.1"), Ok(()));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        for arguments in [
            "--cps 0",
            "--cps NaN",
            "--calls 0",
            "--hold -1",
            "--hold 1e300",
            "--calls 100000000 --cps 0.01",
            "--callee-codec 9",
            "--codec gsm",
            "--floor 127.0.0.1:30000 --codec opus",
            "--floor 127.0.0.1:30000 --srtp",
            "--talks nobody",
            "--memory 400,2000",
            "--memory 400 --pid 1",
            "--memory 1,2,3 --pid 1",
            "--memory 2000,400 --pid 1",
            "--memory 1,2 --register 5 --pid 1",
            "--calls 20000 --cps 20000",
            "--rtp-base 20001",
            "--settle 30",
            "--floor 127.0.0.1:30000 --no-rtp",
            "--server [::1]:5060",
            "--pid -1",
            "--then 100",
            "--then 0:10",
            "--then 10:10 --register 5",
            "--transport tls",
            "--transport tls --authority a",
            "--transport tls --authority a --certificate b --key c --hangup callee",
            "--transport tcp --hangup callee",
            "--transport tls --register 5",
        ] {
            assert!(check(arguments).is_err(), "{arguments}");
        }
        assert_eq!(check("--calls 100000 --cps 2000 --hold 1 --no-rtp"), Ok(()));
        assert_eq!(check("--memory 400,2000 --pid 1"), Ok(()));
        assert_eq!(check("--transport tcp --digest"), Ok(()));
        assert_eq!(check("--transport tls --authority a --register 5"), Ok(()));
        assert_eq!(check("--register 10 --algorithm SHA-256"), Ok(()));
        assert_eq!(check("--callee-codec 8"), Ok(()));
        assert_eq!(check("--srtp --talks callee"), Ok(()));
        assert_eq!(check("--codec g722 --callee-codec opus"), Ok(()));
    }

    #[test]
    fn ports_are_for_the_calls_that_are_open_at_once() {
        let options = Options::parse_from("x --calls 100000 --cps 10 --hold 6".split(' '));
        assert_eq!(options.leg_pairs(), 116);
        assert_eq!(Options::parse_from("x --calls 50".split(' ')).leg_pairs(), 50);
        assert_eq!(Options::parse_from("x --no-rtp".split(' ')).leg_pairs(), 0);
    }
}
