//! Two platforms over real sockets: plain TCP on loopback, and TLS 1.3 with certificates made here.
#![expect(clippy::disallowed_methods, reason = "real sockets take real time; it is read to end a test that hangs")]
#![expect(clippy::unwrap_used, reason = "a test may unwrap")]

mod module;

use module::{CONTROL, Module, STORE};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use router::bridge::link::{Security, Waker, listen, run};
use router::bridge::tls::{LinkTls, platform_of, platform_uri};
use router::bridge::{Bridge, Config, Trust};
use router::limits::NEWCOMERS;
use router::outbox::Received;
use router::parameter::{Parameter, Platform, PlatformState, Status};
use router::time::{Duration, Instant, Now, WallTime};
use router::{Address, Command, Instance, ModuleKind, Outbox, PlatformId, Random, Router, one};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpSocket;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

const BRIDGE: Address = Address::local(ModuleKind::Bridge, 0);
const WITHIN: Duration = Duration::from_secs(60);

/// A platform with its interface running.
struct Running {
    control: Module,
    store: Module,
    address: SocketAddr,
    clock: std::time::Instant,
    stop: tokio::sync::oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    fn start(id: u32, security: Security, peers: Vec<String>) -> Self {
        let router = Router::new(PlatformId(id));
        let (control, store) = (Module::new(&router, CONTROL), Module::new(&router, STORE));
        let clock = std::time::Instant::now();
        let now = move || Now {
            instant: Instant::from_nanos(clock.elapsed().as_nanos() as u64 + 1_000_000),
            // Clocks are not compared: this one is an hour off.
            wall: WallTime::from_secs(1_800_000_000 + 3_600 * i64::from(id)),
        };
        let listener = listen("127.0.0.1:0".parse().unwrap(), &security).unwrap();
        let address = listener.local_addr().unwrap();
        let config =
            Config { peers, trust: Trust::Everything, ..Config::new(PlatformId(id), &format!("platform {id}")) };
        let waker = Waker::default();
        let endpoint = router.register(ModuleKind::Bridge, 0, waker.clone());
        let bridge = Bridge::new(config, now(), Random::from_seed(u64::from(id)));
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let until = async { drop(stopped.await) };
        let ended = spawn_local(async move {
            run(bridge, endpoint, waker, now, vec![listener], security, until).await.unwrap();
        });
        Self { control, store, address, clock, stop, ended }
    }

    fn millis(&self) -> u64 {
        self.clock.elapsed().as_millis() as u64 + 1
    }

    /// Serves what comes; gives the answers to what was asked.
    fn turn(&mut self) -> Vec<Received> {
        let millis = self.millis();
        for module in [&mut self.store, &mut self.control] {
            while let Some(packet) = module.endpoint.receive() {
                match module.outbox.handle_packet(packet) {
                    Some(Received::Packet(request)) => module.outbox.done(&request, one(Status::default())),
                    Some(answer) => {
                        module.turn_out(millis);
                        return vec![answer];
                    }
                    None => {}
                }
            }
            module.turn_out(millis);
        }
        Vec::new()
    }

    fn ask(&mut self, to: Address, what: impl Into<Parameter>) {
        let at = Instant::from_millis(self.millis());
        self.control.outbox.request(at, Instance(1), to, Command::Query, one(what.into()), WITHIN);
        let millis = self.millis();
        self.control.turn_out(millis);
    }

    fn outbox(&self) -> &Outbox {
        &self.control.outbox
    }
}

/// Lets both run until the first has its answer.
async fn answer(first: &mut Running, second: Option<&mut Running>) -> router::Packet {
    let mut second = second;
    let begin = std::time::Instant::now();
    loop {
        if let Some(Received::Answer(_, answer)) = first.turn().pop() {
            return answer;
        }
        if let Some(second) = &mut second {
            second.turn();
        }
        assert!(begin.elapsed() < WITHIN, "no answer; {} wait", first.outbox().pending());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What the first knows of others, once `is_it` holds.
async fn platforms(first: &mut Running, second: &mut Running, is_it: impl Fn(&[Platform]) -> bool) -> Vec<Platform> {
    let begin = std::time::Instant::now();
    loop {
        first.ask(BRIDGE, Platform::default());
        let answer = answer(first, Some(second)).await;
        let platform = |parameter: &Parameter| match parameter {
            Parameter::Platform(platform) if platform.state != PlatformState::Here => Some((**platform).clone()),
            _ => None,
        };
        let platforms: Vec<_> = answer.parameters.iter().filter_map(platform).collect();
        if is_it(&platforms) {
            return platforms;
        }
        assert!(begin.elapsed() < WITHIN, "{platforms:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn is_linked(platforms: &[Platform]) -> bool {
    platforms.iter().any(|platform| platform.state == PlatformState::Linked)
}

fn in_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(LocalSet::new().run_until(test));
}

async fn two_act_as_one(first: Security, second: Security) {
    let mut b = Running::start(2, second, vec![]);
    let mut a = Running::start(1, first, vec![b.address.to_string()]);
    platforms(&mut a, &mut b, is_linked).await;
    a.ask(Address { platform: PlatformId(2), ..STORE }, Status::default());
    let answer = answer(&mut a, Some(&mut b)).await;
    assert_eq!((answer.command, answer.source.platform), (Command::Done, PlatformId(2)));
    let known = platforms(&mut a, &mut b, |platforms| platforms[0].round_trip_us.is_some()).await;
    assert_eq!(known[0].name, "platform 2");
    // One that stops says so.
    b.stop.send(()).unwrap();
    b.ended.await.unwrap();
    let mut c = Running::start(3, Security::Plain, vec![]);
    let known = platforms(&mut a, &mut c, |platforms| platforms[0].state == PlatformState::Down).await;
    assert!(known[0].last_error.is_some());
}

#[test]
fn two_platforms_over_tcp_act_as_one() {
    in_runtime(two_act_as_one(Security::Plain, Security::Plain));
}

/// What goes at once goes together: a burst of packets leaves by few writes, which are counted where they are made.
async fn a_burst_by_few_writes(first: Security, second: Security) {
    const BURSTS: u64 = 5;
    const BURST: u64 = 1_000;
    let mut b = Running::start(2, second, vec![]);
    let mut a = Running::start(1, first, vec![b.address.to_string()]);
    let before = platforms(&mut a, &mut b, is_linked).await[0].clone();
    let store = Address { platform: PlatformId(2), ..STORE };
    for burst in 1..=BURSTS {
        (0..BURST).for_each(|_| a.control.outbox.notify(Instance::MODULE, store, one(Status::default())));
        let millis = a.millis();
        a.control.turn_out(millis);
        let gone = before.packets_out + burst * BURST;
        platforms(&mut a, &mut b, |known| known[0].packets_out >= gone).await;
    }
    let after = platforms(&mut a, &mut b, is_linked).await[0].clone();
    let (packets, writes) = (after.packets_out - before.packets_out, after.writes.unwrap() - before.writes.unwrap());
    assert!(writes >= BURSTS && writes * 16 <= packets, "{writes} writes for {packets} packets");
}

#[test]
fn a_burst_of_packets_leaves_by_few_writes() {
    in_runtime(a_burst_by_few_writes(Security::Plain, Security::Plain));
    let cluster = Authority::new();
    let of = |id| cluster.security(&cluster, &platform_uri(PlatformId(id)), YEARS);
    in_runtime(a_burst_by_few_writes(of(1), of(2)));
}

#[test]
fn without_tls_only_loopback_is_served() {
    assert!(listen("0.0.0.0:0".parse().unwrap(), &Security::Plain).is_err());
    in_runtime(async {
        let mut a = Running::start(1, Security::Plain, vec!["192.0.2.1:5070".to_owned()]);
        let mut b = Running::start(2, Security::Plain, vec![]);
        let known = platforms(&mut a, &mut b, |platforms| platforms.iter().any(|of| of.last_error.is_some())).await;
        assert!(known[0].last_error.as_ref().is_some_and(|error| error.contains("loopback")), "{known:?}");
    });
}

/// An authority that signs.
struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, uri: &str, years: std::ops::Range<i32>) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        let number = uri.rsplit_once(':').map_or(uri, |(_, number)| number);
        params.distinguished_name.push(DnType::CommonName, format!("platform {number}"));
        params.not_before = date_time_ymd(years.start, 1, 1);
        params.not_after = date_time_ymd(years.end, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().der().clone();
        (certificate, PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }

    /// Shows a certificate of this authority, and trusts another.
    fn security(&self, trusted: &Self, uri: &str, years: std::ops::Range<i32>) -> Security {
        let (certificate, key) = self.issue(uri, years);
        Security::tls(LinkTls::new(trusted.certificate.clone(), vec![certificate], key).unwrap())
    }
}

const YEARS: std::ops::Range<i32> = 2020..2120;

#[test]
fn two_platforms_over_tls_act_as_one() {
    let cluster = Authority::new();
    let of = |id| cluster.security(&cluster, &platform_uri(PlatformId(id)), YEARS);
    in_runtime(two_act_as_one(of(1), of(2)));
}

#[test]
fn a_certificate_names_one_platform() {
    let cluster = Authority::new();
    for (uri, platform) in [
        ("tandem:platform:7", Some(PlatformId(7))),
        ("tandem:platform:0", None),
        ("tandem:platform:4294967295", None),
        ("tandem:platform:x", None),
        ("tandem:platform:07", None),
        ("tandem:platform:+7", None),
        ("tandem:platform:", None),
        ("urn:platform:7", None),
    ] {
        assert_eq!(platform_of(&cluster.issue(uri, YEARS).0), platform, "{uri}");
    }
    assert_eq!(platform_of(&CertificateDer::from(vec![1, 2, 3])), None);
}

#[test]
fn who_is_not_of_the_cluster_is_refused_and_told_why() {
    let (cluster, other) = (Authority::new(), Authority::new());
    let uri = platform_uri(PlatformId(2));
    let cases: [(&str, Security, &[&str]); 4] = [
        (
            "of another authority",
            other.security(&cluster, &uri, YEARS),
            &["UnknownIssuer", "UnknownCA", "BadSignature"],
        ),
        ("expired", cluster.security(&cluster, &uri, 2020..2021), &["expired", "Expired"]),
        ("of no platform", cluster.security(&cluster, "urn:x:y", YEARS), &["NotValidForName", "names no platform"]),
        (
            "of another platform",
            cluster.security(&cluster, &platform_uri(PlatformId(3)), YEARS),
            &["identity-mismatch"],
        ),
    ];
    for (what, second, words) in cases {
        in_runtime(async {
            let first = cluster.security(&cluster, &platform_uri(PlatformId(1)), YEARS);
            let mut b = Running::start(2, second.clone(), vec![]);
            let mut a = Running::start(1, first, vec![b.address.to_string()]);
            let failed = |of: &[Platform]| of.iter().any(|platform| platform.last_error.is_some());
            let known = platforms(&mut a, &mut b, failed).await;
            let error = known[0].last_error.clone().unwrap_or_default();
            assert!(words.iter().any(|word| error.contains(word)), "{what}, dialled: {error}");
            assert!(!is_linked(&known));
            // And the other way round: the one with the wrong certificate dials.
            let first = cluster.security(&cluster, &platform_uri(PlatformId(1)), YEARS);
            let mut a = Running::start(1, first, vec![]);
            let mut b = Running::start(2, second, vec![a.address.to_string()]);
            let known = platforms(&mut b, &mut a, failed).await;
            assert!(!is_linked(&known), "{what}, dials: {known:?}");
            assert!(known[0].last_error.is_some());
        });
    }
}

/// A stranger who says nothing, and comes again as often as he is sent away; counts how often he came in.
async fn stranger(from: Ipv4Addr, to: SocketAddr, came: Rc<Cell<usize>>) {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((from, 0))).unwrap();
        if let Ok(mut stream) = socket.connect(to).await {
            came.set(came.get() + 1);
            // Until it ends: nothing is said to him.
            let _ = stream.read(&mut [0; 64]).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn platforms_link_while_strangers_hold_all_the_connections_that_they_can() {
    const EACH: usize = NEWCOMERS;
    let cluster = Authority::new();
    let of = |id| cluster.security(&cluster, &platform_uri(PlatformId(id)), YEARS);
    in_runtime(async {
        let mut b = Running::start(2, of(2), vec![]);
        let came = Rc::new(Cell::new(0));
        for host in 2..5 {
            for _ in 0..EACH {
                spawn_local(stranger(Ipv4Addr::new(127, 0, 0, host), b.address, Rc::clone(&came)));
            }
        }
        let begin = std::time::Instant::now();
        while came.get() < 4 * EACH {
            assert!(begin.elapsed() < WITHIN, "{} came", came.get());
            b.turn();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // Nothing is known of where it comes from.
        let mut a = Running::start(1, of(1), vec![b.address.to_string()]);
        platforms(&mut a, &mut b, is_linked).await;
        a.ask(Address { platform: PlatformId(2), ..STORE }, Status::default());
        assert_eq!(answer(&mut a, Some(&mut b)).await.command, Command::Done);
        // And again: a link that was lost comes back.
        a.stop.send(()).unwrap();
        a.ended.await.unwrap();
        let mut a = Running::start(1, of(1), vec![b.address.to_string()]);
        platforms(&mut a, &mut b, is_linked).await;
    });
}
