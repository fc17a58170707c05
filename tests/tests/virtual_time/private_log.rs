//! What the log of a call shows at the operator's level: no number, no address, no secret.

use crate::secs;
use crate::trunk_failover::configured;
use scenarios::trunk::{address, known_with, peer};
use scenarios::{Behaviour, PhoneConfig, Simulation, Step};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().map_err(|_| std::io::ErrorKind::Other)?.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_whole_call_logs_neither_numbers_nor_addresses_nor_secrets() {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::INFO)
        .with_ansi(false)
        .without_time()
        .with_writer(captured.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut config = configured(vec![known_with("carrier", address(1), "tandem-user", "trunk-secret")]);
        config.accounts.push(("4930555001".to_owned(), "4930555001-secret".to_owned()));
        let mut simulation = Simulation::with(1, config);
        let server = simulation.server();
        let asks = Some(("tandem-user".to_owned(), "trunk-secret".to_owned(), "carrier.example".to_owned()));
        let carrier = PhoneConfig { asks, ..peer("carrier", address(1), server, Behaviour::default()) };
        let carrier = simulation.add(carrier);
        let phone = simulation.add_registered("4930555001");
        // Out, in, to nobody, and with a wrong password.
        simulation.tell(phone).dial("0304443332");
        simulation.run(secs(4));
        assert!(simulation.call(phone).is_up(), "{:?}", simulation.call(phone).ending);
        simulation.tell(phone).step(0, Step::HangUp);
        simulation.tell(carrier).config.caller = Some("+4930777888".to_owned());
        simulation.tell(carrier).dial("14930555001");
        simulation.run(secs(4));
        simulation.tell(carrier).dial("19998887776");
        let stranger = PhoneConfig { password: Some("guessed".to_owned()), ..simulation.phone_config("4930555001") };
        simulation.add(stranger);
        simulation.run(secs(3));
        simulation.finish();
    });
    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.lines().count() >= 3, "calls and registrations are logged: {log}");
    let private = [
        "4930555001",
        "304443332",
        "4930777888",
        "9998887776",
        "secret",
        "guessed",
        "198.51.100",
        "203.0.113",
        "tandem-user",
        "nonce",
        "response=",
    ];
    // Who guesses passwords is shown by address, and by nothing else: that is what an operator bars (docs/operations.md).
    let (guesses, calls): (Vec<&str>, Vec<&str>) = log.lines().partition(|line| line.contains("wrong credentials"));
    assert!(!guesses.is_empty(), "{log}");
    for word in private {
        let is_address = word.contains('.');
        let guesses = guesses.iter().filter(|_| !is_address);
        let line = calls.iter().chain(guesses).find(|line| line.contains(word)).copied();
        assert!(line.is_none(), "the log shows {word}: {}", line.unwrap_or_default());
    }
}
