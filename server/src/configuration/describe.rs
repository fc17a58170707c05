//! The effective values with a comment each, and the documentation of the keys.

use super::keys::{KEYS, Key, SECTIONS, name, section};
use super::model::Configuration;
use std::fmt::Write;
use toml::Value;

/// Longest line of a comment.
const WIDTH: usize = 100;

/// The whole configuration as TOML with comments. Passwords are not shown.
pub fn describe(configuration: &Configuration) -> String {
    let mut configuration = configuration.clone();
    // A password that a file holds stands there alone.
    configuration
        .trunk
        .iter_mut()
        .filter(|trunk| trunk.password_file.is_some())
        .for_each(|trunk| trunk.password = None);
    configuration.turn.iter_mut().filter(|turn| turn.password_file.is_some()).for_each(|turn| turn.password = None);
    let values = Value::try_from(&configuration).unwrap_or(Value::Boolean(false));
    let mut text = String::from(
        "# Every key with its value in force. Keys marked * take a restart; the others are applied by `tandem ctl reload`.\n",
    );
    for (name_of_section, repeated, about) in SECTIONS {
        let _ = writeln!(text, "\n# {about}.");
        let keys: Vec<&Key> = KEYS.iter().filter(|key| section(key.path) == *name_of_section).collect();
        match (*name_of_section, repeated) {
            ("", _) => write_keys(&mut text, &keys, &values),
            (section, false) => {
                let _ = writeln!(text, "[{section}]");
                if let Some(values) = values.get(section) {
                    write_keys(&mut text, &keys, values);
                }
            }
            (section, true) => {
                let elements = values.get(section).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                for element in elements {
                    let _ = writeln!(text, "[[{section}]]");
                    write_keys(&mut text, &keys, element);
                }
                if elements.is_empty() {
                    let _ = writeln!(text, "# [[{section}]]");
                    write_keys(&mut text, &keys, &Value::Boolean(false));
                }
            }
        }
    }
    text
}

fn write_keys(text: &mut String, keys: &[&Key], values: &Value) {
    for key in keys {
        let mark = if key.live { "" } else { "* " };
        for line in wrap(&format!("{mark}{}", key.described())) {
            let _ = writeln!(text, "# {line}");
        }
        let name = name(key.path);
        match values.get(name) {
            Some(value) => {
                let _ = writeln!(text, "{name} = {}", inline(value));
            }
            None => {
                let _ = writeln!(text, "# {name} = {}", key.example);
            }
        }
    }
}

/// A value on one line.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(inline).collect::<Vec<_>>().join(", ")),
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let entries: Vec<_> = table
                .iter()
                .map(|(key, value)| format!("{} = {}", Value::String(key.clone()), inline(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
            lines.push(word.to_owned());
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// The tables of `docs/configuration.md`.
pub fn reference() -> String {
    let defaults = Value::try_from(Configuration::default()).unwrap_or(Value::Boolean(false));
    let mut text = String::new();
    for (name_of_section, repeated, about) in SECTIONS {
        let title = match (*name_of_section, repeated) {
            ("", _) => "Top level".to_owned(),
            (section, false) => format!("`[{section}]`"),
            (section, true) => format!("`[[{section}]]`"),
        };
        let _ = writeln!(text, "\n### {title}\n{about}.\n\n| key | default | reload | what |\n|---|---|---|---|");
        for key in KEYS.iter().filter(|key| section(key.path) == *name_of_section) {
            let values = if name_of_section.is_empty() { Some(&defaults) } else { defaults.get(*name_of_section) };
            let default = match values.and_then(|values| values.get(name(key.path))) {
                Some(value) => format!("`{}`", inline(value)),
                None if key.example.is_empty() => "–".to_owned(),
                None => format!("–, e.g. `{}`", key.example.replace('|', "\\|")),
            };
            let reload = if key.live { "yes" } else { "restart" };
            let about = key.described().replace('|', "\\|");
            let _ = writeln!(text, "| `{}` | {default} | {reload} | {about} |", name(key.path));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::model::{Bridge, Certificate, Group, Guard, Hep, Rates, Route, Trunk, TrunkGroup, Turn};
    use super::super::{keys, read};
    use super::*;

    #[test]
    fn what_is_described_reads_back() {
        assert_eq!(read(&describe(&Configuration::default())).unwrap(), Configuration::default());
        let text = "[sip]\nadvertised = { \"udp:127.0.0.1:5060\" = \"h\" }\n[[trunk]]\nname = \"a\"\naddress = \"carrier\"\n[[route]]\nto = [\"trunk:a\"]";
        let configuration = read(text).unwrap();
        assert_eq!(read(&describe(&configuration)).unwrap(), configuration);
    }

    #[test]
    fn a_password_is_not_shown_and_has_to_be_filled_in_where_what_is_described_is_used() {
        let text = "[[trunk]]\nname = \"a\"\naddress = \"h\"\nusername = \"u\"\npassword = \"s3cret\"\n";
        let described = describe(&read(text).unwrap());
        assert!(!described.contains("s3cret"));
        let faults = read(&described).unwrap_err();
        let told = format!("{faults:?}");
        assert!(told.contains("stands for a password that is not shown"), "{told}");
        let filled = described.replace("(private)", "s3cret");
        assert_eq!(read(&filled).unwrap(), read(text).unwrap());
    }

    /// A key of the model that nobody described, and the other way round.
    #[test]
    fn every_key_is_described() {
        let mut full = Configuration::default();
        full.control.socket = Some("x".into());
        full.control.tcp = "127.0.0.1:1".parse().ok();
        full.control.token_file = Some("x".into());
        full.bridge = Bridge {
            platform: Some(1),
            name: Some("x".to_owned()),
            listen: "127.0.0.1:3".parse().ok(),
            advertise: "x:1".parse().ok(),
            certificates: Some("x".into()),
            media: "127.0.0.1".parse().ok(),
            ..Bridge::default()
        };
        full.hep = Hep {
            server: "127.0.0.1:4".parse().ok(),
            node: Some("x".to_owned()),
            password: Some("x".to_owned().into()),
            ..Hep::default()
        };
        full.metrics.listen = "127.0.0.1:2".parse().ok();
        full.sip.authorities = Some("x".into());
        full.certificate.push(Certificate::default());
        let word = || Some("x".to_owned());
        full.trunk.push(Trunk {
            address: word(),
            domain: word(),
            from_domain: word(),
            from_user: word(),
            authorities: Some("x".into()),
            certificate: Some("x".into()),
            key_file: Some("x".into()),
            username: word(),
            password: Some("x".to_owned().into()),
            password_file: Some("x".into()),
            calls_max: Some(1),
            calls_per_s: Some(1),
            options_s: Some(30),
            answered_min_percent: Some(1),
            post_dial_delay_max_s: Some(1),
            register_expires_s: Some(60),
            response_s: Some(1),
            session_expires_s: Some(4),
            reliable: Some(super::super::value::Reliable::Never),
            srtp: Some(super::super::value::Srtp::Never),
            srtp_keying: Some(super::super::value::SrtpKeying::Dtls),
            ice: Some(super::super::value::Ice::Offer),
            codecs: Some(vec!["PCMA".to_owned()]),
            dtmf: Some(super::super::value::Dtmf::Info),
            interface: "10.0.0.1".parse().ok(),
            ..Trunk::default()
        });
        let file = || Some("f".into());
        full.identity.key_file = file();
        full.identity.certificate_url = word();
        full.identity.authorities = file();
        full.identity.web_authorities = file();
        full.trunk_group.push(TrunkGroup::default());
        full.turn.push(Turn {
            server: "192.0.2.1:3478".parse().ok(),
            username: "x".to_owned(),
            password: Some("x".to_owned().into()),
            password_file: file(),
            valid_s: Some(600),
        });
        full.rates.push(Rates::default());
        full.guard.push(Guard {
            calls_max: Some(1),
            calls_per_hour: Some(1),
            spend_per_hour: Some(1.0),
            ..Guard::default()
        });
        full.group.push(Group { ring_s: Some(1), ..Group::default() });
        full.route.push(Route {
            name: word(),
            number: word(),
            prefix: word(),
            pattern: word(),
            ring_s: Some(1),
            attestation: Some(Default::default()),
            ..Route::default()
        });
        let Value::Table(values) = Value::try_from(&full).unwrap() else { panic!("a table") };
        let mut paths = Vec::new();
        for (section, value) in &values {
            match value {
                Value::Table(table) => paths.extend(table.keys().map(|key| format!("{section}.{key}"))),
                Value::Array(array) => {
                    paths.extend(array[0].as_table().unwrap().keys().map(|key| format!("{section}.{key}")));
                }
                _ => paths.push(section.clone()),
            }
        }
        for path in &paths {
            assert!(keys::find(path).is_some(), "{path} is not described");
        }
        assert_eq!(KEYS.len(), paths.len(), "a key is described that is not there");
        // Each default is a number that its key takes, and each key of numbers says which.
        for key in KEYS {
            let value = match section(key.path) {
                "" => values.get(key.path),
                section => values.get(section).and_then(|section| match section {
                    Value::Array(array) => array[0].get(name(key.path)),
                    section => section.get(name(key.path)),
                }),
            };
            let number = value.and_then(Value::as_integer);
            assert_eq!(key.numbers.is_some(), number.is_some() && key.path != "sip.shards", "{}", key.path);
            if let (Some(numbers), Some(number)) = (key.numbers, number) {
                assert!(numbers.takes(number), "{}: {number}", key.path);
            }
        }
    }

    #[test]
    fn the_documentation_has_every_key_as_it_is() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
        let text = std::fs::read_to_string(path).unwrap();
        let (before, rest) = text.split_once("<!-- keys -->\n").expect("the begin of the tables");
        let (_, after) = rest.split_once("<!-- end of keys -->").expect("the end of the tables");
        let current = format!("{before}<!-- keys -->\n{}\n<!-- end of keys -->{after}", reference());
        if std::env::var_os("TANDEM_WRITE_DOCS").is_some() {
            std::fs::write(path, &current).unwrap();
        } else {
            assert_eq!(text, current, "run this test with TANDEM_WRITE_DOCS=1");
        }
    }
}
