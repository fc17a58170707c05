//! A configuration's text: a configuration whose every module can be told of it, or complaints that name lines of it.

use std::net::IpAddr;

use signaling::transport::SharedPolicy;
use tandem::configuration::{Configuration, calls, describe, media, plan, read, reload, sip, store};

use crate::sip_message::touch;

/// Reads the input as a configuration.
pub fn configuration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let configuration = match read(text) {
        Ok(configuration) => configuration,
        Err(complaints) => {
            let lines = text.bytes().filter(|&octet| octet == b'\n').count() + 1;
            assert!(!complaints.is_empty(), "a refusal says why");
            for complaint in complaints {
                assert!(!complaint.message.is_empty());
                assert!(complaint.line.is_none_or(|line| (1..=lines).contains(&line)), "{complaint:?}");
            }
            return;
        }
    };
    told(&configuration);
    // What is described is a configuration, and the same but for passwords.
    let described = describe::describe(&configuration);
    let again = read(&described).unwrap_or_else(|complaints| panic!("{complaints:?} of\n{described}"));
    let mut expected = configuration.clone();
    for (trunk, read) in expected.trunk.iter_mut().zip(&again.trunk) {
        trunk.password.clone_from(&read.password);
    }
    assert_eq!(expected, again, "{described}");
    let (same, report) = reload::merge(&configuration, &configuration);
    assert_eq!(same, configuration);
    assert_eq!(report, reload::Report::default(), "nothing changed");
    let (in_force, _) = reload::merge(&Configuration::default(), &configuration);
    told(&in_force);
}

/// Every module is told its part.
fn told(configuration: &Configuration) {
    assert!(plan::faults(configuration).is_empty());
    let plan = plan::plan(configuration);
    assert_eq!(plan.check(), Ok(()));
    touch(calls::config(configuration, &router::Shards::default(), 1));
    let address: IpAddr = [192, 0, 2, 1].into();
    let media =
        media::config(configuration, |family| Some(address).filter(|address| address.is_ipv4() == family.is_ipv4()));
    touch(media.check());
    touch((
        sip::listeners(configuration, &SharedPolicy::default()),
        sip::timers(configuration),
        sip::expiry(configuration),
    ));
    touch((sip::trunks(configuration), store::config(configuration), configuration.control_socket()));
}
