use super::super::certificate::Authorities;
use super::super::passport::{self, SIGNATURE_OCTETS};
use super::super::signer::{Claims, Signer};
use super::*;
use rcgen::{BasicConstraints, CertificateParams, CustomExtension, IsCa, Issuer, KeyPair, PKCS_ECDSA_P256_SHA256};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use router::parameter::Attestation;

/// The middle of 2026, when the certificates of these tests are in force.
const NOW: WallTime = WallTime(1_782_000_000_000_000);

const X5U: &str = "https://cert.example/a.pem";

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

fn authority() -> Authority {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    Authority { pem: certificate.pem(), issuer: Issuer::new(params, key) }
}

/// Somebody who signs: its key and its certificate.
fn signs(authority: &Authority, numbers: Option<Vec<u8>>) -> (KeyPair, String) {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2027, 1, 1);
    if let Some(numbers) = numbers {
        params.custom_extensions.push(CustomExtension::from_oid_content(super::super::tn_authorisation::OID, numbers));
    }
    let certificate = params.signed_by(&key, &authority.issuer).unwrap();
    (key, certificate.pem())
}

fn value(key: &KeyPair, orig: &str, dest: &str, now: i64) -> String {
    let signer = Signer::new(key.serialize_pem().as_bytes(), X5U).unwrap();
    signer.sign(&Claims { orig, dest, attestation: Attestation::Full, origin: "alice", secret: "s", now }).unwrap()
}

fn read(value: &str) -> Signed {
    passport::read(value, &passport::Stated { orig: None, dest: None, date: None }).unwrap()
}

fn verdict(signed: &[Signed], callers: &[&str], called: &[&str], pem: &str, trusted: &Authority) -> CallerVerdict {
    let owned = |all: &[&str]| all.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
    let stated = Stated { callers: &owned(callers), called: &owned(called), now: NOW, age_max: 60 };
    let authorities = Authorities::read(trusted.pem.as_bytes(), &[]).unwrap();
    judge(signed, &stated, |x5u| {
        assert_eq!(x5u, X5U);
        SignerCertificate::read(pem.as_bytes(), &authorities, NOW).map(Arc::new)
    })
}

const SECONDS: i64 = NOW.0 / 1_000_000;

#[test]
fn a_signature_that_holds_tells_how_far_it_is_answered_for() {
    let authority = authority();
    let (key, pem) = signs(&authority, None);
    let signed = read(&value(&key, "12155551212", "12155551213", SECONDS));
    let found = verdict(std::slice::from_ref(&signed), &["x", "12155551212"], &["12155551213"], &pem, &authority);
    assert_eq!((found.verstat, found.attestation), (Verstat::Passed, Some(Attestation::Full)));
    let origid = found.origid.unwrap();
    assert_eq!((origid.len(), &origid[14..15]), (36, "8"), "{}", &*origid);
    let again = read(&value(&key, "1", "2", SECONDS)).passport.origid;
    assert_eq!(again.as_deref(), Some(&*origid), "the same for the same account");
    assert_eq!(verdict(&[], &["1"], &["2"], &pem, &authority), CallerVerdict::none());
}

#[test]
fn each_thing_that_may_be_wrong_has_a_name() {
    use SignatureFault::{Forged, NoCertificate, OtherCallee, OtherCaller, Stale, Untrusted};
    let (good, other) = (authority(), authority());
    let (key, pem) = signs(&good, None);
    let (stranger, _) = signs(&good, None);
    let at = |now: i64| read(&value(&key, "1", "2", now));
    let fault = |signed: Signed, caller: &str, called: &str, pem: &str, trusted: &Authority| {
        let found = verdict(&[signed], &[caller], &[called], pem, trusted);
        assert_eq!(
            (found.verstat == Verstat::Passed, found.origid.is_some()),
            (found.fault.is_none(), found.fault.is_none())
        );
        found.fault
    };
    assert_eq!(fault(at(SECONDS), "1", "2", &pem, &good), None);
    assert_eq!(fault(at(SECONDS - 60), "1", "2", &pem, &good), None);
    assert_eq!(fault(at(SECONDS + 60), "1", "2", &pem, &good), None);
    assert_eq!(fault(at(SECONDS - 61), "1", "2", &pem, &good), Some(Stale));
    assert_eq!(fault(at(SECONDS + 61), "1", "2", &pem, &good), Some(Stale));
    assert_eq!(fault(at(i64::MIN), "1", "2", &pem, &good), Some(Stale));
    assert_eq!(fault(at(SECONDS), "3", "2", &pem, &good), Some(OtherCaller));
    assert_eq!(fault(at(SECONDS), "1", "3", &pem, &good), Some(OtherCallee));
    assert_eq!(fault(at(SECONDS), "1", "2", &pem, &other), Some(Untrusted));
    assert_eq!(fault(at(SECONDS), "1", "2", "no certificate", &good), Some(NoCertificate));
    let forged = read(&value(&stranger, "1", "2", SECONDS));
    assert_eq!(fault(forged, "1", "2", &pem, &good), Some(Forged));
    for octet in [0, 31, 32, 63] {
        let mut changed = at(SECONDS);
        changed.signature[octet] ^= 1;
        assert_eq!(fault(changed, "1", "2", &pem, &good), Some(Forged), "octet {octet}");
    }
    let mut empty = at(SECONDS);
    empty.signature = [0; SIGNATURE_OCTETS];
    assert_eq!(fault(empty, "1", "2", &pem, &good), Some(Forged));
}

#[test]
fn a_certificate_signs_for_the_numbers_that_it_names() {
    let authority = authority();
    // A list of the one number 1.
    let list = vec![0x30, 0x05, 0xa2, 0x03, 0x16, 0x01, b'1'];
    let (key, pem) = signs(&authority, Some(list));
    for (orig, fault) in [("1", None), ("3", Some(SignatureFault::Untrusted))] {
        let signed = read(&value(&key, orig, "2", SECONDS));
        assert_eq!(verdict(&[signed], &[orig], &["2"], &pem, &authority).fault, fault, "{orig}");
    }
    let (key, pem) = signs(&authority, Some(vec![0x05, 0x00]));
    let signed = read(&value(&key, "1", "2", SECONDS));
    let found = verdict(&[signed], &["1"], &["2"], &pem, &authority).fault;
    assert_eq!(found, Some(SignatureFault::Untrusted), "what is no list is for nobody");
}

#[test]
fn a_certificate_that_is_not_in_force_counts_for_nothing() {
    let authority = authority();
    let (_, pem) = signs(&authority, None);
    let authorities = Authorities::read(authority.pem.as_bytes(), &[]).unwrap();
    let read = |at: i64| SignerCertificate::read(pem.as_bytes(), &authorities, WallTime(at));
    assert!(read(NOW.0).is_ok());
    let year = 31_536_000_000_000;
    for at in [NOW.0 - year, NOW.0 + year, -1] {
        assert_eq!(read(at).unwrap_err(), SignatureFault::Untrusted);
    }
    assert!(Authorities::read(b"nothing", &[]).is_err());
}

/// RFC 8946 §5.
#[test]
fn one_of_several_that_holds_is_enough() {
    let (good, other) = (authority(), authority());
    let (key, pem) = signs(&good, None);
    let (stranger, _) = signs(&other, None);
    let signed = |key: &KeyPair| read(&value(key, "1", "2", SECONDS));
    let found = verdict(&[signed(&stranger), signed(&key)], &["1"], &["2"], &pem, &good);
    assert_eq!((found.verstat, found.fault), (Verstat::Passed, None));
    let stale = read(&value(&key, "1", "2", SECONDS - 600));
    let found = verdict(&[stale.clone(), signed(&stranger)], &["1"], &["2"], &pem, &good);
    assert_eq!(found.fault, Some(SignatureFault::Stale), "what is wrong with the first is told");
    // What cannot hold is worth no certificate.
    let (callers, called) = (["1".to_owned()], ["2".to_owned()]);
    let stated = |callers| Stated { callers, called: &called, now: NOW, age_max: 60 };
    assert!(may_hold(&signed(&stranger), &stated(&callers)) && !may_hold(&stale, &stated(&callers)));
    assert!(!may_hold(&signed(&key), &stated(&called)) && !may_hold(&signed(&key), &stated(&[])));
}

#[test]
fn who_sent_the_call_on_signs_from_the_one_number_to_the_next() {
    let authority = authority();
    let (key, pem) = signs(&authority, None);
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &key.serialize_der(), &SystemRandom::new());
    let pair = pair.unwrap();
    let number = |digits: &str| Named::Number(digits.to_owned());
    let div = |orig: &str, from: &str, to: &str| {
        let passport = Passport {
            ppt: Ppt::Div,
            x5u: X5U.to_owned(),
            orig: number(orig),
            dest: vec![number(to)],
            iat: SECONDS,
            attestation: None,
            origid: None,
            div: Some(number(from)),
        };
        let text = passport.text();
        let signature = pair.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        read(&passport.value(&text, signature.as_ref().try_into().unwrap()))
    };
    let first = read(&value(&key, "1", "2", SECONDS));
    let fault = |signed: &[Signed]| verdict(signed, &["1"], &["4"], &pem, &authority).fault;
    let (on, further) = (div("1", "2", "3"), div("1", "3", "4"));
    assert_eq!(fault(&[further.clone(), first.clone(), on.clone()]), None, "in whatever order");
    assert_eq!(fault(&[first.clone(), further.clone()]), Some(SignatureFault::OtherCallee), "one is missing");
    assert_eq!(fault(&[first.clone(), on, div("9", "3", "4")]), Some(SignatureFault::OtherCallee), "another caller's");
    let circle = [first, div("1", "2", "3"), div("1", "3", "2")];
    assert_eq!(fault(&circle), Some(SignatureFault::OtherCallee), "a circle ends");
    assert_eq!(fault(&[further]), Some(SignatureFault::Unsupported), "nobody has signed for the caller");
}
