use super::*;
use std::net::IpAddr;

/// A zone, and what was asked for.
struct Zone {
    names: Names,
    records: BTreeMap<Question, Answer>,
    asked: Vec<Question>,
    now: Instant,
}

impl Zone {
    fn new() -> Zone {
        Self::serving(vec![Transport::Udp, Transport::Tcp])
    }

    fn serving(served: Vec<Transport>) -> Zone {
        let names = Names::new(served, Random::from_seed(3));
        Zone { names, records: BTreeMap::new(), asked: Vec::new(), now: Instant::from_millis(1) }
    }

    fn found(&mut self, question: Question, records: Records) {
        self.records.insert(question, Answer::Found(records, Duration::from_secs(600)));
    }

    fn naptr(&mut self, name: &str, records: &[(u16, u16, &str, &str, &str)]) {
        let record = |&(order, preference, flags, service, replacement): &(u16, u16, &str, &str, &str)| Naptr {
            order,
            preference,
            flags: flags.into(),
            service: service.into(),
            regexp: "".into(),
            replacement: replacement.into(),
        };
        self.found(Question::Naptr(name.into()), Records::Naptr(records.iter().map(record).collect()));
    }

    fn srv(&mut self, name: &str, records: &[(u16, u16, u16, &str)]) {
        let record = |&(priority, weight, port, target): &(u16, u16, u16, &str)| Srv {
            priority,
            weight,
            port,
            target: target.into(),
        };
        self.found(Question::Srv(name.into()), Records::Srv(records.iter().map(record).collect()));
    }

    fn host(&mut self, name: &str, addresses: &[&str]) {
        let all: Vec<IpAddr> = addresses.iter().map(|one| one.parse().unwrap()).collect();
        self.found(Question::Addresses(name.into()), Records::Addresses(all.into()));
    }

    fn locate(&mut self, host: &str, port: Option<u16>, transport: Option<Transport>) -> Vec<String> {
        let sought = Sought::new(host, port, transport);
        let mut resolution = self.names.locate(self.now, &sought);
        while let Some(question) = self.names.poll_question() {
            let answer = self.records.get(&question).cloned().unwrap_or(Answer::Absent(None));
            self.names.handle_answer(self.now, &question, answer);
            self.asked.push(question);
        }
        while let Some((located, found)) = self.names.poll_located() {
            assert_eq!((&located, &resolution), (&sought, &Resolution::Pending));
            resolution = found;
        }
        match resolution {
            Resolution::Known(all) => all.iter().map(ToString::to_string).collect(),
            Resolution::Unknown => Vec::new(),
            Resolution::Rules(_) | Resolution::Pending => panic!("{resolution:?}"),
        }
    }

    /// The rules of a number's name: order, service, pattern, and, where there is none, the name that it leads on to.
    fn rules(&mut self, name: &str, rules: &[(u16, &str, &str)]) {
        let rule = |&(order, service, text): &(u16, &str, &str)| Naptr {
            order,
            preference: 10,
            flags: if service.is_empty() { "" } else { "u" }.into(),
            service: service.into(),
            regexp: if service.is_empty() { "" } else { text }.into(),
            replacement: if service.is_empty() { text } else { "" }.into(),
        };
        self.found(Question::Number(name.into()), Records::Naptr(rules.iter().map(rule).collect()));
    }

    /// Where the number 1 is, below `example`.
    fn number(&mut self) -> Option<Vec<String>> {
        let sought = Sought::number("1.example");
        let mut resolution = self.names.locate(self.now, &sought);
        loop {
            while let Some(question) = self.names.poll_question() {
                let answer = self.records.get(&question).cloned().unwrap_or(Answer::Absent(None));
                self.names.handle_answer(self.now, &question, answer);
                self.asked.push(question);
            }
            match self.names.poll_located() {
                Some((located, found)) => {
                    assert_eq!((&located, &resolution), (&sought, &Resolution::Pending));
                    resolution = found;
                }
                None => break,
            }
        }
        match resolution {
            Resolution::Rules(rules) => {
                Some(places_of_number(&rules, "+1").into_iter().map(|place| place.host).collect())
            }
            Resolution::Unknown => None,
            Resolution::Known(_) | Resolution::Pending => panic!("{resolution:?}"),
        }
    }
}

#[test]
fn the_rules_for_a_number_stand_in_their_order_and_those_of_another_name_in_the_place_of_what_leads_there() {
    let mut zone = Zone::new();
    zone.rules(
        "1.example",
        &[
            (30, "E2U+sip", "!^.*$!sip:a@third!"),
            (10, "E2U+email:mailto", "!^.*$!mailto:a@none!"),
            (20, "", "other.example"),
            (15, "E2U+sip", "!^.*$!sip:a@first!"),
        ],
    );
    zone.rules("other.example", &[(1, "E2U+pstn:sip", "!^.*$!sip:a@second!")]);
    assert_eq!(zone.number().unwrap(), ["first", "second", "third"]);
    assert_eq!(zone.asked.len(), 2);
    assert_eq!(zone.number().unwrap(), ["first", "second", "third"]);
    assert_eq!(zone.asked.len(), 2, "it is known");
    // The same name is that of a domain, too.
    assert_eq!(zone.locate("1.example", None, Some(Transport::Udp)), [""; 0]);
}

#[test]
fn rules_that_lead_in_a_circle_or_to_ever_more_names_are_followed_so_far_and_no_further() {
    let mut zone = Zone::new();
    zone.rules("1.example", &[(1, "", "a.example"), (2, "E2U+sip", "!^.*$!sip:a@last!")]);
    zone.rules("a.example", &[(1, "", "1.example"), (2, "", "a.example")]);
    assert_eq!(zone.number().unwrap(), ["last"]);
    assert_eq!(zone.asked.len(), 2);
    let mut zone = Zone::new();
    let name = |number: usize| format!("{number}.example");
    for number in 1..100 {
        let (one, other) = (name(2 * number), name(2 * number + 1));
        zone.rules(&name(number), &[(1, "", &one), (2, "", &other), (3, "E2U+sip", "!^.*$!sip:a@b!")]);
    }
    assert_eq!(zone.number().unwrap(), ["b"]);
    assert_eq!(zone.asked.len(), crate::transport::limits::ENUM_NAMES);
}

#[test]
fn that_nothing_is_said_of_a_number_is_not_the_same_as_that_nobody_says_it() {
    let mut zone = Zone::new();
    assert_eq!(zone.number().unwrap(), [""; 0], "its zone says that there is nothing");
    let mut zone = Zone::new();
    zone.records.insert(Question::Number("1.example".into()), Answer::Failed);
    assert_eq!(zone.number(), None);
    zone.now = zone.now + Duration::from_secs(20);
    zone.rules("1.example", &[(1, "E2U+email:mailto", "!^.*$!mailto:a@b!")]);
    assert_eq!(zone.number().unwrap(), [""; 0], "it has nothing by which it is called");
    // What was known serves while the name service is away.
    let mut zone = Zone::new();
    zone.rules("1.example", &[(1, "E2U+sip", "!^.*$!sip:a@b!")]);
    assert_eq!(zone.number().unwrap(), ["b"]);
    zone.records.insert(Question::Number("1.example".into()), Answer::Failed);
    zone.now = zone.now + Duration::from_secs(3_600);
    assert_eq!(zone.number().unwrap(), ["b"]);
}

#[test]
fn numbers_that_are_asked_for_keep_no_name_from_being_found() {
    let mut zone = Zone::new();
    let numbers = 2 * crate::transport::limits::NUMBERS_ASKED_MAX;
    let pending = (0..numbers)
        .filter(|index| {
            let sought = Sought::number(&format!("{index}.example"));
            zone.names.locate(zone.now, &sought) == Resolution::Pending
        })
        .count();
    assert_eq!(pending, numbers / 2, "the others go on as if nothing was known");
    // None of them is answered.
    while zone.names.poll_question().is_some() {}
    zone.host("h", &["192.0.2.1"]);
    assert_eq!(zone.locate("h", Some(5060), None), ["udp 192.0.2.1:5060"]);
}

#[test]
fn an_address_asks_nobody() {
    let mut zone = Zone::new();
    assert_eq!(zone.locate("192.0.2.1", None, None), ["udp 192.0.2.1:5060"]);
    assert_eq!(zone.locate("[2001:db8::1]", Some(5070), Some(Transport::Tcp)), ["tcp [2001:db8::1]:5070"]);
    assert!(zone.asked.is_empty());
}

#[test]
fn a_port_means_addresses_alone() {
    let mut zone = Zone::new();
    zone.naptr("h", &[(1, 1, "s", "SIP+D2T", "_sip._tcp.h")]);
    zone.srv("_sip._udp.h", &[(1, 1, 9, "x")]);
    zone.host("h", &["2001:db8::1", "192.0.2.1"]);
    assert_eq!(zone.locate("h", Some(5080), None), ["udp 192.0.2.1:5080", "udp [2001:db8::1]:5080"]);
    assert_eq!(zone.locate("h", Some(5080), Some(Transport::Tcp))[0], "tcp 192.0.2.1:5080");
    assert_eq!(zone.asked.len(), 1);
}

#[test]
fn a_transport_means_its_service_records_and_else_addresses() {
    let mut zone = Zone::new();
    zone.srv("_sip._tcp.h", &[(10, 0, 5061, "a"), (20, 0, 5062, "b")]);
    zone.host("a", &["192.0.2.1"]);
    zone.host("b", &["192.0.2.2"]);
    zone.host("h", &["192.0.2.3"]);
    assert_eq!(zone.locate("h", None, Some(Transport::Tcp)), ["tcp 192.0.2.1:5061", "tcp 192.0.2.2:5062"]);
    assert_eq!(zone.locate("h", None, Some(Transport::Udp)), ["udp 192.0.2.3:5060"]);
}

/// RFC 3263 §4.1: the order of NAPTR, among what is served.
#[test]
fn the_zone_chooses_among_the_transports_that_are_served() {
    let mut zone = Zone::new();
    zone.naptr(
        "example.com",
        &[
            (100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
            (90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
            (50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
            (10, 50, "u", "E2U+sip", ""),
        ],
    );
    zone.srv("_sip._udp.example.com", &[(1, 1, 5060, "a.example.com")]);
    zone.srv("_sip._tcp.example.com", &[(1, 1, 5070, "a.example.com")]);
    zone.host("a.example.com", &["192.0.2.1"]);
    assert_eq!(zone.locate("example.com", None, None), ["tcp 192.0.2.1:5070", "udp 192.0.2.1:5060"]);
    let mut udp = Zone { names: Names::new(vec![Transport::Udp], Random::from_seed(1)), ..zone };
    assert_eq!(udp.locate("Example.COM.", None, None), ["udp 192.0.2.1:5060"]);
}

/// RFC 3263 §4.1: a client retains SIPS where it can TLS. Without NAPTR nobody has asked for that.
#[test]
fn a_zone_that_asks_for_tls_first_gets_it_where_it_is_served() {
    let mut zone = Zone::serving(vec![Transport::Udp, Transport::Tls]);
    zone.naptr("h", &[(10, 50, "s", "SIPS+D2T", "_sips._tcp.h"), (20, 50, "s", "SIP+D2U", "_sip._udp.h")]);
    zone.srv("_sips._tcp.h", &[(1, 1, 5061, "a")]);
    zone.srv("_sip._udp.h", &[(1, 1, 5060, "a")]);
    zone.host("a", &["192.0.2.1"]);
    assert_eq!(zone.locate("h", None, None), ["tls 192.0.2.1:5061"], "and never in clear, should that fail");
    zone.srv("_sips._tcp.unasked", &[(1, 1, 5061, "a")]);
    zone.host("unasked", &["192.0.2.2"]);
    assert_eq!(zone.locate("unasked", None, None), ["udp 192.0.2.2:5060"]);
    assert_eq!(zone.locate("unasked", None, Some(Transport::Tls)), ["tls 192.0.2.1:5061"]);
    let mut plain = Zone { names: Names::new(vec![Transport::Udp], Random::from_seed(1)), ..zone };
    assert_eq!(plain.locate("h", None, None), ["udp 192.0.2.1:5060"]);
}

/// Nobody waits for a name service that is away for longer than [`LOOKUP_LATE`](super::super::limits::LOOKUP_LATE), where the name is known.
#[test]
fn what_was_known_of_a_name_serves_while_the_name_service_takes_long() {
    let mut zone = Zone::new();
    zone.host("h", &["192.0.2.1"]);
    assert_eq!(zone.locate("h", Some(5080), None), ["udp 192.0.2.1:5080"]);
    let (sought, question) = (Sought::new("h", Some(5080), None), Question::Addresses("h".into()));
    let (later, names) = (zone.now + Duration::from_secs(700), &mut zone.names);
    assert_eq!(names.locate(later, &sought), Resolution::Pending);
    assert_eq!(names.poll_question().as_ref(), Some(&question));
    assert!(names.may_be_late(&question));
    names.handle_answer(later + Duration::from_secs(2), &question, Answer::Late);
    let (_, found) = names.poll_located().unwrap();
    assert!(matches!(&found, Resolution::Known(all) if all[0].to_string() == "udp 192.0.2.1:5080"), "{found:?}");
    // The next one does not wait at all, and the answer is taken when it comes.
    assert_eq!(names.locate(later + Duration::from_secs(3), &sought), found);
    names.handle_answer(later + Duration::from_secs(4), &question, Answer::Absent(None));
    assert_eq!(names.locate(later + Duration::from_secs(5), &sought), Resolution::Unknown);
    // Of another one nothing is known: it is waited for.
    let other = Sought::new("other", Some(5080), None);
    assert_eq!(names.locate(later, &other), Resolution::Pending);
    let question = names.poll_question().unwrap();
    assert!(!names.may_be_late(&question));
}

#[test]
fn a_zone_with_services_that_are_not_served_has_nothing_for_us() {
    let mut zone = Zone::serving(vec![Transport::Udp]);
    zone.naptr("h", &[(1, 1, "s", "SIP+D2S", "_sip._sctp.h")]);
    zone.host("h", &["192.0.2.1"]);
    assert!(zone.locate("h", None, None).is_empty());
}

#[test]
fn naptr_may_lead_to_addresses_at_once_and_other_services_count_for_nothing() {
    let mut zone = Zone::new();
    zone.naptr("h", &[(1, 1, "A", "sip+d2t", "a")]);
    zone.host("a", &["192.0.2.1"]);
    assert_eq!(zone.locate("h", None, None), ["tcp 192.0.2.1:5060"]);
    zone.naptr("enum", &[(1, 1, "u", "E2U+sip", "")]);
    zone.host("enum", &["192.0.2.2"]);
    assert_eq!(zone.locate("enum", None, None), ["udp 192.0.2.2:5060"]);
}

#[test]
fn without_naptr_each_transport_is_asked_for_and_then_addresses() {
    let mut zone = Zone::new();
    zone.srv("_sip._tcp.h", &[(1, 1, 5061, "a")]);
    zone.host("a", &["192.0.2.1"]);
    assert_eq!(zone.locate("h", None, None), ["tcp 192.0.2.1:5061"]);
    zone.host("plain", &["192.0.2.9"]);
    assert_eq!(zone.locate("plain", None, None), ["udp 192.0.2.9:5060"]);
    let asked = zone.asked.len();
    assert_eq!(zone.locate("plain", None, None), ["udp 192.0.2.9:5060"], "known now, absent records too");
    assert_eq!(zone.asked.len(), asked);
}

/// RFC 2782: a target of ".".
#[test]
fn a_service_that_is_decidedly_not_there_is_not_looked_for_elsewhere() {
    let mut zone = Zone::new();
    zone.srv("_sip._udp.h", &[(0, 0, 0, "")]);
    zone.host("h", &["192.0.2.1"]);
    assert!(zone.locate("h", None, Some(Transport::Udp)).is_empty());
}

#[test]
fn the_order_is_drawn_anew_each_time() {
    let mut zone = Zone::new();
    zone.srv("_sip._udp.h", &[(1, 50, 5060, "a"), (1, 50, 5060, "b")]);
    zone.host("a", &["192.0.2.1"]);
    zone.host("b", &["192.0.2.2"]);
    let firsts: Vec<_> = (0..100).map(|_| zone.locate("h", None, Some(Transport::Udp)).remove(0)).collect();
    let a = firsts.iter().filter(|first| *first == "udp 192.0.2.1:5060").count();
    assert!((25..75).contains(&a), "{a}");
}

#[test]
fn a_name_service_that_fails_at_one_kind_of_question_is_asked_the_others() {
    let mut zone = Zone::new();
    zone.records.insert(Question::Naptr("h".into()), Answer::Failed);
    zone.records.insert(Question::Srv("_sip._udp.h".into()), Answer::Failed);
    zone.host("h", &["192.0.2.1"]);
    assert_eq!(zone.locate("h", None, None), ["udp 192.0.2.1:5060"]);
}

#[test]
fn a_zone_that_never_ends_is_bounded() {
    let mut zone = Zone::new();
    let targets: Vec<String> = (0..100).map(|index| format!("t{index}")).collect();
    let records: Vec<(u16, u16, u16, &str)> = targets.iter().map(|target| (1, 1, 5060, target.as_str())).collect();
    zone.srv("_sip._udp.h", &records);
    for target in &targets {
        zone.host(target, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    }
    assert_eq!(zone.locate("h", None, Some(Transport::Udp)).len(), 3, "each address once");
    assert!(zone.asked.len() <= 1 + super::super::limits::RECORDS_PER_NAME);
}

#[test]
fn who_asks_twice_waits_for_the_same_and_what_waits_is_bounded() {
    let mut names = Names::new(vec![Transport::Udp], Random::from_seed(1));
    let now = Instant::from_millis(1);
    let sought = Sought::new("h", Some(1), None);
    assert_eq!(names.locate(now, &sought), Resolution::Pending);
    assert_eq!(names.locate(now, &sought), Resolution::Pending);
    assert!(names.poll_question().is_some() && names.poll_question().is_none());
    for port in 2..2 * SOUGHT_MAX as u16 {
        names.locate(now, &Sought::new("h", Some(port), None));
    }
    assert_eq!(names.waiting.len(), SOUGHT_MAX);
    names.handle_answer(now, &Question::Addresses("h".into()), Answer::Failed);
    assert!(names.waiting.is_empty() && names.located.len() == SOUGHT_MAX);
}

#[test]
fn what_nobody_answers_is_waited_for_so_long_and_no_longer() {
    let mut zone = Zone::new();
    let sought = Sought::new("h", None, None);
    assert_eq!(zone.names.locate(zone.now, &sought), Resolution::Pending);
    let began = zone.now;
    let half = began + LOCATED_WITHIN / 2;
    // The questions are asked one after the other, and each may take long.
    assert_eq!(zone.names.poll_question(), Some(Question::Naptr("h".into())));
    zone.names.handle_answer(half, &Question::Naptr("h".into()), Answer::Failed);
    zone.names.give_up(half, &sought);
    assert_eq!(zone.names.poll_located(), None, "there is time left");
    assert!(zone.names.is_waiting(&sought));
    zone.names.give_up(began + LOCATED_WITHIN, &sought);
    assert_eq!(zone.names.poll_located(), Some((sought.clone(), Resolution::Unknown)));
    assert!(!zone.names.is_waiting(&sought));
    zone.names.give_up(began + LOCATED_WITHIN, &sought);
    assert_eq!(zone.names.poll_located(), None, "once");
}

#[test]
fn of_several_hosts_those_that_are_known_serve_when_time_is_up() {
    let mut zone = Zone::new();
    zone.srv("_sip._udp.h", &[(1, 1, 5_070, "one"), (2, 1, 5_071, "two")]);
    let sought = Sought::new("h", None, Some(Transport::Udp));
    assert_eq!(zone.names.locate(zone.now, &sought), Resolution::Pending);
    let began = zone.now;
    zone.host("one", &["192.0.2.1"]);
    let silent = Question::Addresses("two".into());
    while let Some(question) = zone.names.poll_question() {
        if question != silent {
            zone.names.handle_answer(zone.now, &question, zone.records[&question].clone());
        }
    }
    zone.names.give_up(began + LOCATED_WITHIN, &sought);
    let Some((_, Resolution::Known(found))) = zone.names.poll_located() else { panic!("one is known") };
    assert_eq!(found.iter().map(|to| to.remote.to_string()).collect::<Vec<_>>(), ["192.0.2.1:5070"]);
}

#[test]
fn what_was_known_serves_when_time_is_up() {
    let mut zone = Zone::new();
    zone.srv("_sip._udp.h", &[(1, 1, 5_070, "one")]);
    zone.host("one", &["192.0.2.1"]);
    let sought = Sought::new("h", None, Some(Transport::Udp));
    assert_eq!(zone.locate("h", None, Some(Transport::Udp)).len(), 1);
    let later = zone.now + Duration::from_secs(86_400);
    assert_eq!(zone.names.locate(later, &sought), Resolution::Pending);
    // Nobody answers.
    zone.names.give_up(later + LOCATED_WITHIN, &sought);
    let Some((_, Resolution::Known(found))) = zone.names.poll_located() else { panic!("it was known") };
    assert_eq!(found[0].remote.to_string(), "192.0.2.1:5070");
}
