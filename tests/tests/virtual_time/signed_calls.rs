//! Calls that are signed, and calls that are signed for (STIR/SHAKEN), with an authority of the test's own.

use crate::secs;
use crate::trunk_failover::configured;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use router::parameter::{Attestation, CallRecord, SignatureFault, Verstat};
use scenarios::platform::PlatformConfig;
use scenarios::simulation::PhoneIndex;
use scenarios::trunk::{address, known, peer};
use scenarios::{Behaviour, Conditions, Ending, PhoneConfig, Simulation};
use signaling::identity::{Authorities, Claims, IdentitySettings, Signer, Verification};
use std::sync::Arc;
use switch::plan::{Branches, Destination, NumberMatch, OriginMatch, Route};

const URL: &str = "https://cert.example/tandem.pem";

/// Somebody who signs, and the authority that answers for it.
struct Signs {
    signer: Arc<Signer>,
    certificate: String,
    authorities: Arc<Authorities>,
}

fn signs() -> Signs {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the test makes it well");
    let mut params = CertificateParams::new(Vec::new()).expect("the test makes it well");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("the test makes it well").pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("the test makes it well");
    let certificate = CertificateParams::new(Vec::new())
        .expect("the test makes it well")
        .signed_by(&key, &issuer)
        .expect("the test makes it well")
        .pem();
    Signs {
        signer: Arc::new(Signer::new(key.serialize_pem().as_bytes(), URL).expect("the test makes it well")),
        certificate,
        authorities: Arc::new(Authorities::read(authority.as_bytes(), &[]).expect("the test makes it well")),
    }
}

/// A platform that signs at trunk `two` and verifies at trunk `one`; +493011 is Bob.
fn platform(signs: &Signs, verification: Verification) -> PlatformConfig {
    let (mut two, mut one) = (known("two", address(2)), known("one", address(1)));
    two.identity.signs = true;
    one.identity.verification = verification;
    let mut config = configured(vec![two, one]);
    config.signaling.identity = IdentitySettings {
        signer: Some(Arc::clone(&signs.signer)),
        authorities: Arc::clone(&signs.authorities),
        accounts_verstat: true,
        ..IdentitySettings::default()
    };
    config.zone.web.insert(URL.to_owned(), signs.certificate.clone().into_bytes());
    config.switch.plan.signs = true;
    config.switch.plan.routes.insert(
        0,
        Route {
            name: "bob".to_owned(),
            number: NumberMatch::Exact("+493011".to_owned()),
            origin: OriginMatch::Any,
            hours: None,
            destination: Destination::Account("bob".to_owned()),
            branches: Branches::default(),
        },
    );
    config
}

fn told(simulation: &Simulation, callee: PhoneIndex, header: &str) -> Option<String> {
    let call = simulation.phone(callee).last_call().expect("a call");
    let found = call.invite_headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(header));
    found.map(|(_, value)| value.clone())
}

/// How a call of trunk `one` to Bob goes that says so: how it ended, if it was refused; what Bob was shown; its record.
fn called(
    seed: u64,
    verification: Verification,
    signs: &Signs,
    says: impl FnOnce(i64) -> Vec<(String, String)>,
) -> (Option<Ending>, String, CallRecord) {
    let mut simulation = Simulation::with(seed, platform(signs, verification));
    let server = simulation.server();
    let headers = says(simulation.now().wall.0 / 1_000_000);
    let caller = Some("+4917012345".to_owned());
    let one = PhoneConfig { headers, caller, ..peer("one", address(1), server, Behaviour::default()) };
    let one = simulation.add(one);
    let bob = simulation.add_registered("bob");
    for phone in [one, bob] {
        simulation.set_line(phone, Conditions::rough(80));
    }
    let call = simulation.tell(one).dial("+493011");
    let decided = |simulation: &mut Simulation| {
        let call = simulation.phone(one).call(call);
        call.is_up() || call.ending.is_some()
    };
    simulation.run_until(secs(60), decided);
    let ending = simulation.phone(one).call(call).ending;
    let shown = match simulation.phone(bob).last_call() {
        Some(_) => told(&simulation, bob, "From").unwrap_or_default(),
        None => String::new(),
    };
    simulation.calm();
    simulation.tell(one).step(call, scenarios::Step::HangUp);
    simulation.run(secs(10));
    let record = simulation.platform.records().pop().expect("a record");
    simulation.finish();
    (ending, shown, record)
}

fn identity(signs: &Signs, orig: &str, dest: &str, now: i64) -> Vec<(String, String)> {
    let attestation = Attestation::Full;
    let value = signs.signer.sign(&Claims { orig, dest, attestation, origin: "x", secret: "s", now });
    vec![("Identity".to_owned(), value.expect("the test makes it well"))]
}

#[test]
fn a_call_that_is_signed_for_is_told_so_to_the_phone_and_in_the_record() {
    let signs = signs();
    for (seed, verification) in [(1, Verification::Told), (2, Verification::Required)] {
        let (ending, shown, record) =
            called(seed, verification, &signs, |now| identity(&signs, "4917012345", "493011", now));
        assert_eq!(ending, None, "seed {seed}");
        assert!(shown.contains("+4917012345;verstat=TN-Validation-Passed@"), "{shown}");
        let verdict = record.verdict.expect("a verdict");
        assert_eq!((verdict.verstat, verdict.attestation), (Verstat::Passed, Some(Attestation::Full)));
        assert!(verdict.origid.is_some() && verdict.fault.is_none());
    }
}

#[test]
fn a_call_that_is_not_is_told_so_or_refused() {
    use SignatureFault::{Malformed, NoCertificate, OtherCallee, OtherCaller, Stale, Untrusted};
    let (good, other) = (signs(), signs());
    type Says<'a> = Box<dyn Fn(i64) -> Vec<(String, String)> + 'a>;
    let elsewhere = |now| {
        let [(name, value)] = identity(&good, "4917012345", "493011", now).try_into().expect("the test makes it well");
        vec![(name, value.replace("info=<https://cert.example", "info=<https://other.example"))]
    };
    // What is shown is what a trusted trunk asserts, and that is what nobody has signed.
    let asserted = |now| {
        let mut headers = identity(&good, "4917012345", "493011", now);
        headers.push(("P-Asserted-Identity".to_owned(), "\"The Bank\" <sip:+49300000000@carrier.example>".to_owned()));
        headers
    };
    // What stands behind a number is not the number, however it is written: it hides nothing.
    let disguised = |now| {
        let mut headers = identity(&good, "4917012345", "493011", now);
        let value = "<sip:%2B49300000000%3Bx@carrier.example>, <tel:+4917012345>";
        headers.push(("P-Asserted-Identity".to_owned(), value.to_owned()));
        headers
    };
    let cases: Vec<(Says<'_>, Option<SignatureFault>, u16)> = vec![
        (Box::new(disguised), Some(OtherCaller), 438),
        (Box::new(asserted), Some(OtherCaller), 438),
        (Box::new(|_| Vec::new()), None, 428),
        (Box::new(|now| identity(&good, "4917012345", "493011", now - 600)), Some(Stale), 403),
        (Box::new(|now| identity(&good, "4917099999", "493011", now)), Some(OtherCaller), 438),
        (Box::new(|now| identity(&good, "4917012345", "493012", now)), Some(OtherCallee), 438),
        (Box::new(elsewhere), Some(Malformed), 438),
        (
            Box::new(|_| vec![("Identity".to_owned(), "a.b.c;info=<https://x.example/y>".to_owned())]),
            Some(Malformed),
            438,
        ),
    ];
    for (number, (says, fault, status)) in cases.iter().enumerate() {
        let verstat = if fault.is_some() { Verstat::Failed } else { Verstat::None };
        let seed = 10 + number as u64;
        let (ending, shown, record) = called(seed, Verification::Told, &good, says);
        assert_eq!(ending, None, "{fault:?}");
        assert!(shown.contains(&format!(";verstat={}@", verstat.name())), "{fault:?}: {shown}");
        let verdict = record.verdict.expect("a verdict");
        assert_eq!((verdict.verstat, verdict.fault), (verstat, *fault));
        let (ending, shown, record) = called(seed + 100, Verification::Required, &good, says);
        assert_eq!((ending, shown.as_str()), (Some(Ending::Refused(*status)), ""), "{fault:?}");
        assert_eq!(record.verdict.expect("a verdict").fault, *fault);
        let (ending, ..) = called(seed + 200, Verification::Valid, &good, says);
        assert_eq!(ending.is_some(), fault.is_some(), "{fault:?}: none is taken, a wrong one is not");
    }
    // Whose certificate nobody answers for, and whose is not to be had.
    let stranger = Signs { authorities: Arc::clone(&other.authorities), ..signs() };
    let says = |now| identity(&stranger, "4917012345", "493011", now);
    let (ending, _, record) = called(50, Verification::Valid, &stranger, says);
    assert_eq!(ending, Some(Ending::Refused(437)));
    assert_eq!(record.verdict.expect("a verdict").fault, Some(Untrusted));
    let nowhere = Signs { certificate: "nothing".to_owned(), ..signs() };
    let says = |now| identity(&nowhere, "4917012345", "493011", now);
    let (ending, _, record) = called(51, Verification::Valid, &nowhere, says);
    assert_eq!(ending, Some(Ending::Refused(436)));
    assert_eq!(record.verdict.expect("a verdict").fault, Some(NoCertificate));
}

#[test]
fn a_caller_who_gives_up_while_a_certificate_is_fetched_leaves_nothing_behind() {
    let signs = signs();
    let mut simulation = Simulation::with(60, platform(&signs, Verification::Valid));
    let server = simulation.server();
    let headers = identity(&signs, "4917012345", "493011", simulation.now().wall.0 / 1_000_000);
    let caller = Some("+4917012345".to_owned());
    let one = PhoneConfig { headers, caller, ..peer("one", address(1), server, Behaviour::default()) };
    let one = simulation.add(one);
    let bob = simulation.add_registered("bob");
    let call = simulation.tell(one).dial("+493011");
    simulation.run_ms(300);
    simulation.tell(one).step(call, scenarios::Step::HangUp);
    simulation.run(secs(10));
    let ended = simulation.phone(one).call(call).ending.is_some();
    assert!(ended && simulation.phone(bob).last_call().is_none_or(|call| call.ending.is_some()));
    simulation.finish();
}

#[test]
fn calls_to_a_trunk_that_wants_it_are_signed_as_far_as_their_caller_is_known() {
    let signs = signs();
    for (seed, caller, level) in [(70, "account", Attestation::Full), (71, "trunk", Attestation::Gateway)] {
        let mut config = platform(&signs, Verification::Never);
        let account = "+4930555".to_owned();
        config.accounts.push((account.clone(), scenarios::platform::password(&account)));
        config.switch.plan.routes[1].origin = OriginMatch::Any;
        let mut simulation = Simulation::with(seed, config);
        let server = simulation.server();
        let number = Some("+4917012345".to_owned());
        let one =
            simulation.add(PhoneConfig { caller: number, ..peer("one", address(1), server, Behaviour::default()) });
        let two = simulation.add(peer("two", address(2), server, Behaviour::default()));
        let phone = simulation.add_registered(&account);
        let (from, orig) = if caller == "account" { (phone, "4930555") } else { (one, "4917012345") };
        for phone in [one, two, phone] {
            simulation.set_line(phone, Conditions::rough(80));
        }
        let call = simulation.tell(from).dial("030123");
        simulation.run_until(secs(60), |simulation| simulation.phone(from).call(call).is_up());
        assert!(simulation.phone(from).call(call).is_up(), "{caller}");
        let value = told(&simulation, two, "Identity").expect("it is signed");
        assert!(told(&simulation, two, "Date").is_some());
        let nothing = signaling::identity::passport::Stated { orig: None, dest: None, date: None };
        let signed = signaling::identity::passport::read(&value, &nothing).expect("the test makes it well");
        assert_eq!(signed.passport.attestation, Some(level), "{caller}");
        let now = simulation.now().wall;
        let stated = signaling::identity::verdict::Stated {
            callers: &[orig.to_owned()],
            called: &["4930123".to_owned()],
            now,
            age_max: 120,
        };
        let certificate =
            signaling::identity::SignerCertificate::read(signs.certificate.as_bytes(), &signs.authorities, now);
        let certificate = Arc::new(certificate.expect("the test makes it well"));
        let verdict = signaling::identity::verdict::judge(&[signed], &stated, |url| {
            assert_eq!(url, URL);
            Ok(Arc::clone(&certificate))
        });
        assert_eq!((verdict.verstat, verdict.attestation), (Verstat::Passed, Some(level)), "{caller}");
        simulation.calm();
        simulation.finish();
    }
}

#[test]
fn a_call_that_is_sent_on_is_signed_from_the_one_number_to_the_next_and_as_its_route_says() {
    let signs = signs();
    let mut config = platform(&signs, Verification::Never);
    config.switch.plan.attested_by_route.insert(0, Attestation::Partial);
    let mut simulation = Simulation::with(80, config);
    let server = simulation.server();
    let number = Some("+4917012345".to_owned());
    let one = simulation.add(PhoneConfig { caller: number, ..peer("one", address(1), server, Behaviour::default()) });
    let two = simulation.add(peer("two", address(2), server, Behaviour::default()));
    let bob = simulation.add_registered("bob");
    simulation.tell(bob).config.behaviour = Behaviour::forwards("030123");
    for phone in [one, two, bob] {
        simulation.set_line(phone, Conditions::rough(80));
    }
    let call = simulation.tell(one).dial("+493011");
    simulation.run_until(secs(60), |simulation| simulation.phone(one).call(call).is_up());
    assert!(simulation.phone(one).call(call).is_up());
    let nothing = signaling::identity::passport::Stated { orig: None, dest: None, date: None };
    let sent = simulation.phone(two).last_call().expect("a call").invite_headers.clone();
    let values = sent.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Identity"));
    let read = |value: &String| signaling::identity::passport::read(value, &nothing).expect("the test makes it well");
    let signed: Vec<_> = values.map(|(_, value)| read(value)).collect();
    let named = |number: &str| signaling::identity::passport::Named::Number(number.to_owned());
    assert_eq!(signed.len(), 2, "{sent:?}");
    assert_eq!(
        (&signed[0].passport.dest[..], signed[0].passport.attestation),
        (&[named("493011")][..], Some(Attestation::Partial))
    );
    assert_eq!(
        (&signed[1].passport.div, &signed[1].passport.dest[..]),
        (&Some(named("493011")), &[named("4930123")][..])
    );
    // Whoever is called now finds that it holds.
    let now = simulation.now().wall;
    let stated = signaling::identity::verdict::Stated {
        callers: &["4917012345".to_owned()],
        called: &["4930123".to_owned()],
        now,
        age_max: 120,
    };
    let certificate =
        signaling::identity::SignerCertificate::read(signs.certificate.as_bytes(), &signs.authorities, now);
    let certificate = Arc::new(certificate.expect("the test makes it well"));
    let judge = |signed: &[_]| signaling::identity::verdict::judge(signed, &stated, |_| Ok(Arc::clone(&certificate)));
    let verdict = judge(&signed);
    assert_eq!((verdict.verstat, verdict.attestation), (Verstat::Passed, Some(Attestation::Partial)));
    assert_eq!(judge(&signed[..1]).fault, Some(SignatureFault::OtherCallee), "without the second it does not");
    simulation.calm();
    simulation.finish();
}
