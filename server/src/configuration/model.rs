//! Every section and key, and its default. `keys.rs` says what each is for.

use super::value::{
    Attestation, ClientCertificates, CodecsOffered, DiversionForm, Dtmf, EarlyRinging, HostPort, Ice, Listen,
    LogFormat, MediaWorkers, NumberForm, PortRange, Redirects, Reliable, Secret, SipShards, Srtp, SrtpKeying, Strategy,
    Verify,
};
use serde::{Deserialize, Serialize};
use signaling::limits::{OVERLOAD_AFTER, SESSION_EXPIRES_S, SESSION_MIN_S};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

/// The whole configuration.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for, once, for people and programs")]
pub struct Configuration {
    pub data: PathBuf,
    pub sip: Sip,
    pub calls: Calls,
    pub events: Events,
    pub messages: Messages,
    pub services: Services,
    pub media: Media,
    pub turn: Vec<Turn>,
    pub store: Store,
    pub control: Control,
    pub bridge: Bridge,
    pub metrics: Metrics,
    pub hep: Hep,
    pub log: Log,
    pub certificate: Vec<Certificate>,
    pub trunk: Vec<Trunk>,
    pub trunk_group: Vec<TrunkGroup>,
    pub group: Vec<Group>,
    pub numbering: Numbering,
    pub identity: Identity,
    pub rates: Vec<Rates>,
    pub guard: Vec<Guard>,
    pub route: Vec<Route>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data: "./data".into(),
            sip: Sip::default(),
            calls: Calls::default(),
            events: Events::default(),
            messages: Messages::default(),
            services: Services::default(),
            media: Media::default(),
            turn: Vec::new(),
            store: Store::default(),
            control: Control::default(),
            bridge: Bridge::default(),
            metrics: Metrics::default(),
            hep: Hep::default(),
            log: Log::default(),
            certificate: Vec::new(),
            trunk: Vec::new(),
            trunk_group: Vec::new(),
            group: Vec::new(),
            numbering: Numbering::default(),
            identity: Identity::default(),
            rates: Vec::new(),
            guard: Vec::new(),
            route: Vec::new(),
        }
    }
}

impl Configuration {
    /// Lets relative paths start at the folder of the file that holds them. The empty one is that where the program runs.
    pub fn start_paths_at(&mut self, folder: &Path) {
        if folder.as_os_str().is_empty() {
            return;
        }
        let control = &mut self.control;
        let files = self.trunk.iter_mut().flat_map(|trunk| {
            let Trunk { password_file, authorities, certificate, key_file, .. } = trunk;
            [password_file, authorities, certificate, key_file].into_iter().filter_map(Option::as_mut)
        });
        let more = [control.socket.as_mut(), control.token_file.as_mut(), self.bridge.certificates.as_mut()];
        let own = self.certificate.iter_mut().flat_map(|own| [&mut own.file, &mut own.key_file]);
        let own = own.chain(self.rates.iter_mut().map(|rates| &mut rates.file));
        let own = own.chain(&mut self.sip.client_authorities).chain(&mut self.sip.authorities);
        let own =
            own.chain(&mut self.sip.revoked).chain(&mut self.identity.key_file).chain(&mut self.identity.authorities);
        let own = own.chain(self.turn.iter_mut().filter_map(|turn| turn.password_file.as_mut()));
        let own = own.chain(&mut self.identity.revoked).chain(&mut self.identity.web_authorities);
        for path in files.chain(more.into_iter().flatten()).chain(own).chain(Some(&mut self.data)) {
            if !path.as_os_str().is_empty() {
                *path = folder.join(path.strip_prefix(".").unwrap_or(path));
            }
        }
    }

    /// Where the control socket lies.
    pub fn control_socket(&self) -> PathBuf {
        self.control.socket.clone().unwrap_or_else(|| self.data.join("control.sock"))
    }

    /// Where the token of the control socket's TCP clients lies.
    pub fn control_token_file(&self) -> PathBuf {
        self.control.token_file.clone().unwrap_or_else(|| self.data.join("control.token"))
    }

    /// Where the certificates of links with other platforms lie.
    pub fn certificates(&self) -> PathBuf {
        self.bridge.certificates.clone().unwrap_or_else(|| self.data.join("bridge"))
    }
}

/// SIP.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Sip {
    pub listen: Vec<Listen>,
    pub shards: SipShards,
    pub advertised: BTreeMap<Listen, String>,
    pub client_certificates: BTreeMap<Listen, ClientCertificates>,
    pub client_authorities: Vec<PathBuf>,
    pub authorities: Option<PathBuf>,
    pub revoked: Vec<PathBuf>,
    pub origins: Vec<String>,
    pub connections_max: u32,
    pub connections_per_source: u32,
    pub domains: Vec<String>,
    pub service_route: Vec<String>,
    pub edge_proxies: Vec<String>,
    pub name_servers: Vec<SocketAddr>,
    pub realm: String,
    pub dscp: u8,
    pub trying_ms: u64,
    pub t1_ms: u64,
    pub t2_ms: u64,
    pub t4_ms: u64,
    pub expires_min_s: u32,
    pub expires_default_s: u32,
    pub expires_max_s: u32,
    pub contacts_max: u32,
    pub nonce_life_s: u32,
    pub keep_alive_s: u32,
    pub response_s: u32,
    pub session_expires_s: u32,
    pub session_min_s: u32,
    pub reliable: Reliable,
    pub srtp: Srtp,
    pub srtp_accounts: BTreeMap<String, Srtp>,
    pub srtp_keys_in_clear: bool,
    pub srtp_keying: SrtpKeying,
    pub srtp_keying_accounts: BTreeMap<String, SrtpKeying>,
    pub ice: Ice,
    pub ice_accounts: BTreeMap<String, Ice>,
    pub ice_lite: bool,
    pub rtcp_xr: bool,
    pub accounts_pass: Vec<String>,
    pub accounts_diversion: DiversionForm,
    pub unknown_source_per_s: u32,
    pub unknown_source_burst: u32,
    pub unknown_total_per_s: u32,
    pub unknown_total_burst: u32,
    pub ban_after: u32,
    pub ban_within_s: u32,
    pub ban_s: u32,
    pub overload_after_ms: u32,
    pub registered_per_s: u32,
    pub registered_burst: u32,
    pub trunk_per_s: u32,
    pub trunk_burst: u32,
}

impl Default for Sip {
    fn default() -> Self {
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5060));
        Self {
            listen: vec![Listen::udp(loopback), Listen::tcp(loopback)],
            shards: SipShards::Count(1),
            advertised: BTreeMap::new(),
            client_certificates: BTreeMap::new(),
            client_authorities: Vec::new(),
            authorities: None,
            revoked: Vec::new(),
            origins: Vec::new(),
            connections_max: 4_096,
            connections_per_source: 512,
            domains: Vec::new(),
            service_route: Vec::new(),
            edge_proxies: Vec::new(),
            name_servers: Vec::new(),
            realm: "tandem".to_owned(),
            dscp: 40,
            trying_ms: 200,
            t1_ms: 500,
            t2_ms: 4_000,
            t4_ms: 5_000,
            expires_min_s: 60,
            expires_default_s: 3_600,
            expires_max_s: 7_200,
            contacts_max: 10,
            nonce_life_s: 300,
            keep_alive_s: 30,
            response_s: 6,
            session_expires_s: SESSION_EXPIRES_S,
            session_min_s: SESSION_MIN_S,
            reliable: Reliable::Supported,
            srtp: Srtp::May,
            srtp_accounts: BTreeMap::new(),
            srtp_keys_in_clear: true,
            srtp_keying: SrtpKeying::Sdes,
            srtp_keying_accounts: BTreeMap::new(),
            ice: Ice::May,
            ice_accounts: BTreeMap::new(),
            ice_lite: true,
            rtcp_xr: false,
            accounts_pass: Vec::new(),
            accounts_diversion: DiversionForm::None,
            unknown_source_per_s: 50,
            unknown_source_burst: 200,
            unknown_total_per_s: 1_000,
            unknown_total_burst: 2_000,
            ban_after: 60,
            ban_within_s: 60,
            ban_s: 300,
            overload_after_ms: OVERLOAD_AFTER.as_millis() as u32,
            registered_per_s: 20,
            registered_burst: 200,
            trunk_per_s: 20_000,
            trunk_burst: 40_000,
        }
    }
}

/// Calls.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Calls {
    pub max: u32,
    pub setup_timeout_s: u32,
    pub ring_timeout_s: u32,
    pub recall_s: u32,
    pub length_max_s: u32,
    pub media_silence_s: u32,
    pub supervise_s: u32,
    pub redirects: Redirects,
    pub early_ringing: EarlyRinging,
    pub codecs: Vec<String>,
    pub codecs_offered: CodecsOffered,
    pub account_codecs: BTreeMap<String, Vec<String>>,
    pub dtmf: Dtmf,
    pub account_dtmf: BTreeMap<String, Dtmf>,
    pub dial_accounts: bool,
    pub time_zone: String,
    pub emergency: Vec<String>,
    pub drain_s: u32,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            max: 10_000,
            setup_timeout_s: 180,
            ring_timeout_s: 60,
            recall_s: 30,
            length_max_s: 43_200,
            media_silence_s: 60,
            supervise_s: 120,
            redirects: Redirects::Follow,
            early_ringing: EarlyRinging::Keep,
            codecs: ["opus", "G722", "PCMA", "PCMU"].map(str::to_owned).to_vec(),
            codecs_offered: CodecsOffered::Refused,
            account_codecs: BTreeMap::new(),
            dtmf: Dtmf::Auto,
            account_dtmf: BTreeMap::new(),
            dial_accounts: true,
            time_zone: "UTC".to_owned(),
            emergency: Vec::new(),
            drain_s: 300,
        }
    }
}

/// Lamps, presence, mailbox lights.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Events {
    pub expires_min_s: u32,
    pub expires_max_s: u32,
    pub subscriptions_max: u32,
    pub watch_others: bool,
    pub unasked_mailbox: bool,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            expires_min_s: 60,
            expires_max_s: 7_200,
            subscriptions_max: 800,
            watch_others: true,
            unasked_mailbox: false,
        }
    }
}

/// Text messages.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Messages {
    pub octets_max: u32,
    pub keep_hours: u32,
    pub account_per_s: u32,
    pub account_burst: u32,
    pub trunk_per_s: u32,
    pub trunk_burst: u32,
}

impl Default for Messages {
    fn default() -> Self {
        Self {
            octets_max: 16_384,
            keep_hours: 168,
            account_per_s: 1,
            account_burst: 20,
            trunk_per_s: 50,
            trunk_burst: 200,
        }
    }
}

/// The numbers of the built-in services.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Services {
    pub echo: Vec<String>,
    pub milliwatt: Vec<String>,
    pub silence: Vec<String>,
}

impl Default for Services {
    fn default() -> Self {
        let named = |name: &str| vec![name.to_owned()];
        Self { echo: named("echo"), milliwatt: named("milliwatt"), silence: named("silence") }
    }
}

/// Media.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Media {
    pub ports: PortRange,
    pub workers: MediaWorkers,
    pub interfaces: Vec<IpAddr>,
    pub advertised: BTreeMap<IpAddr, IpAddr>,
    pub dscp: u8,
    pub quarantine_ms: u64,
    pub emergency_ports: u32,
    pub real_time: bool,
}

impl Default for Media {
    fn default() -> Self {
        Self {
            ports: PortRange { first: 16_384, last: 32_767 },
            workers: MediaWorkers::Auto,
            interfaces: Vec::new(),
            advertised: BTreeMap::new(),
            dscp: 46,
            quarantine_ms: 5_000,
            emergency_ports: 32,
            real_time: true,
        }
    }
}

/// A server that relays for us.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Turn {
    pub server: Option<HostPort>,
    pub username: String,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub valid_s: Option<u32>,
}

/// What outlives the process.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Store {
    pub records_keep_days: u32,
    pub size_max_mib: u32,
}

/// The control socket.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Control {
    pub socket: Option<PathBuf>,
    pub tcp: Option<SocketAddr>,
    pub token_file: Option<PathBuf>,
}

/// Links with other platforms.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Bridge {
    pub platform: Option<u32>,
    pub name: Option<String>,
    pub listen: Option<SocketAddr>,
    pub advertise: Option<HostPort>,
    pub peers: Vec<HostPort>,
    pub plain: bool,
    pub certificates: Option<PathBuf>,
    pub heartbeat_ms: u64,
    pub media: Option<IpAddr>,
    pub call_grace_s: u32,
}

impl Default for Bridge {
    fn default() -> Self {
        Self {
            platform: None,
            name: None,
            listen: None,
            advertise: None,
            peers: Vec::new(),
            plain: false,
            certificates: None,
            heartbeat_ms: 1_000,
            media: None,
            call_grace_s: 180,
        }
    }
}

impl Bridge {
    /// The platform's name: as configured, or else by its number.
    pub fn name(&self) -> String {
        let number = self.platform.unwrap_or(1);
        self.name.clone().unwrap_or_else(|| format!("platform-{number}"))
    }
}

/// Metrics and the health endpoint.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Metrics {
    pub listen: Option<SocketAddr>,
}

/// A capture server.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Hep {
    pub server: Option<SocketAddr>,
    pub agent: u32,
    pub node: Option<String>,
    pub password: Option<Secret>,
}

impl Default for Hep {
    fn default() -> Self {
        Self { server: None, agent: 2_001, node: None, password: None }
    }
}

/// The log.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Log {
    pub level: String,
    pub format: LogFormat,
    pub reveal: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text, reveal: false }
    }
}

/// A certificate that peers are shown.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Certificate {
    pub file: PathBuf,
    pub key_file: PathBuf,
}

/// A peer that is known by its address.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Trunk {
    pub name: String,
    pub address: Option<String>,
    pub accept: Vec<String>,
    pub domain: Option<String>,
    pub from_domain: Option<String>,
    pub from_user: Option<String>,
    pub certified: bool,
    pub authorities: Option<PathBuf>,
    pub certificate: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub trusted: bool,
    pub calls_max: Option<u32>,
    pub calls_per_s: Option<u32>,
    pub options_s: Option<u32>,
    pub answered_min_percent: Option<u32>,
    pub post_dial_delay_max_s: Option<u32>,
    pub caller: Vec<String>,
    pub headers_pass: Vec<String>,
    pub headers_add: Vec<String>,
    pub headers_remove: Vec<String>,
    pub headers_rewrite: Vec<[String; 3]>,
    pub number_parameters: Vec<String>,
    pub response_s: Option<u32>,
    pub session_expires_s: Option<u32>,
    pub register: Vec<String>,
    pub register_expires_s: Option<u32>,
    pub outbound: bool,
    pub early_offer: bool,
    pub reliable: Option<Reliable>,
    pub srtp: Option<Srtp>,
    pub srtp_keying: Option<SrtpKeying>,
    pub ice: Option<Ice>,
    pub redirects: Redirects,
    pub diversion: DiversionForm,
    pub remote_party_id: bool,
    pub sign: bool,
    pub attestation: Attestation,
    pub verify: Verify,
    pub verstat: bool,
    pub codecs: Option<Vec<String>>,
    pub numbers: NumberForm,
    pub dtmf: Option<Dtmf>,
    pub interface: Option<IpAddr>,
    pub media_from: Vec<String>,
}

/// Trunks that share calls.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct TrunkGroup {
    pub name: String,
    pub members: Vec<TrunkMember>,
}

/// A trunk of a group.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct TrunkMember {
    pub trunk: String,
    pub priority: u32,
    pub weight: u32,
}

impl Default for TrunkMember {
    fn default() -> Self {
        Self { trunk: String::new(), priority: 1, weight: 1 }
    }
}

/// Accounts that answer for one number.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Group {
    pub name: String,
    pub members: Vec<String>,
    pub strategy: Strategy,
    pub ring_s: Option<u32>,
    pub pickup: Vec<String>,
}

/// Signatures of calls.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Identity {
    pub key_file: Option<PathBuf>,
    pub certificate_url: Option<String>,
    pub accounts: Attestation,
    pub account_attestations: BTreeMap<String, Attestation>,
    pub authorities: Option<PathBuf>,
    pub revoked: Vec<PathBuf>,
    pub repositories: Vec<String>,
    pub web_authorities: Option<PathBuf>,
    pub age_max_s: u32,
    pub accounts_verstat: bool,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            key_file: None,
            certificate_url: None,
            accounts: Attestation::A,
            account_attestations: BTreeMap::new(),
            authorities: None,
            revoked: Vec::new(),
            repositories: Vec::new(),
            web_authorities: None,
            age_max_s: signaling::limits::IDENTITY_AGE_MAX_S,
            accounts_verstat: false,
        }
    }
}

/// How numbers are dialled where the platform is.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Numbering {
    pub country: String,
    pub international: String,
    pub national: String,
    pub area: String,
    pub local_digits_min: u32,
    pub accounts: NumberForm,
}

impl Default for Numbering {
    fn default() -> Self {
        Self {
            country: String::new(),
            international: "00".to_owned(),
            national: "0".to_owned(),
            area: String::new(),
            local_digits_min: 5,
            accounts: NumberForm::AsIs,
        }
    }
}

/// What callers may do at most.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Guard {
    pub name: String,
    pub from: String,
    pub calls_max: Option<u32>,
    pub calls_per_hour: Option<u32>,
    pub spend_per_hour: Option<f64>,
    pub allowed: Vec<String>,
    pub barred: Vec<String>,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            name: String::new(),
            from: "any".to_owned(),
            calls_max: None,
            calls_per_hour: None,
            spend_per_hour: None,
            allowed: Vec::new(),
            barred: Vec::new(),
        }
    }
}

/// What trunks cost for which numbers.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Rates {
    pub name: String,
    pub file: PathBuf,
}

/// One line of the routing plan.
#[derive(Clone, PartialEq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "keys.rs says what each key is for")]
pub struct Route {
    pub name: Option<String>,
    pub number: Option<String>,
    pub prefix: Option<String>,
    pub pattern: Option<String>,
    pub from: String,
    pub hours: Vec<String>,
    pub to: Vec<String>,
    pub strip: u32,
    pub replace: Vec<String>,
    pub prepend: String,
    pub ring_s: Option<u32>,
    pub attestation: Option<Attestation>,
    pub on_busy: Vec<String>,
    pub on_no_answer: Vec<String>,
    pub on_refused: Vec<String>,
    pub on_unreachable: Vec<String>,
    pub on_unknown: Vec<String>,
}

impl Default for Route {
    fn default() -> Self {
        Self {
            name: None,
            number: None,
            prefix: None,
            pattern: None,
            from: "any".to_owned(),
            hours: Vec::new(),
            to: Vec::new(),
            strip: 0,
            replace: Vec::new(),
            prepend: String::new(),
            ring_s: None,
            attestation: None,
            on_busy: Vec::new(),
            on_no_answer: Vec::new(),
            on_refused: Vec::new(),
            on_unreachable: Vec::new(),
            on_unknown: Vec::new(),
        }
    }
}
