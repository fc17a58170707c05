//! Configurations that contradict themselves, and some that do not.

use super::super::load::warnings;
use super::super::read;

/// Each line is a configuration and a word of the complaint that it deserves.
#[test]
fn contradictions_are_found() {
    for (text, word) in [
        ("[sip]\nlisten = []", "nothing"),
        ("[sip]\nlisten = [\"udp:127.0.0.1:5060\", \"udp:127.0.0.1:5060\"]", "twice"),
        (
            "[sip]\nlisten = [\"udp:0.0.0.0:5060\", \"udp:127.0.0.1:5060\"]",
            "udp:127.0.0.1:5060 lies within udp:0.0.0.0:5060",
        ),
        (
            "[sip]\nlisten = [\"tcp:10.0.0.1:5060\", \"ws:0.0.0.0:5060\"]",
            "tcp:10.0.0.1:5060 lies within ws:0.0.0.0:5060",
        ),
        ("[[trunk]]\nname = \"a\"\naddress = \"127.0.0.1\"", "udp:127.0.0.1:5060 of sip.listen"),
        ("[[trunk]]\nname = \"a\"\naddress = \"tcp:127.0.0.1:5060\"", "tcp:127.0.0.1:5060 of sip.listen"),
        (
            "[sip]\nlisten = [\"udp:0.0.0.0:5070\"]\n[[trunk]]\nname = \"a\"\naddress = \"127.0.0.9:5070\"",
            "of sip.listen",
        ),
        (
            "[sip]\nlisten = [\"udp:10.0.0.5:5060\"]\nadvertised = { \"udp:10.0.0.5:5060\" = \"sip.example.net\" }\n\
             [[trunk]]\nname = \"a\"\naddress = \"SIP.example.net\"",
            "udp:10.0.0.5:5060 of sip.listen",
        ),
        ("[[trunk]]\nname = \"a\"\naccept = [\"10.0.0.1/8\"]", "write 10.0.0.0/8, or 10.0.0.1 if"),
        ("[[trunk]]\nname = \"a\"\naccept = [\"2001:db8::1/32\"]", "write 2001:db8::/32, or 2001:db8::1 if"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nmedia_from = [\"203.0.113.9/24\"]", "write 203.0.113.0/24"),
        ("[[group]]\nname = \"a\"\nmembers = [\"b\", \"c\", \"b\"]", "`b` is there twice"),
        ("[sip]\nadvertised = { \"udp:10.0.0.1:5060\" = \"203.0.113.7\" }", "not among"),
        ("[sip]\nexpires_min_s = 5000", "below"),
        ("[sip]\ntrying_ms = 300", "17.2.1"),
        ("[sip]\nunknown_source_per_s = 5000\nunknown_source_burst = 5000", "below"),
        ("[calls]\nring_timeout_s = 500", "ring_timeout_s"),
        ("[services]\nsilence = [\"echo\"]", "too"),
        ("[media]\nports = \"5000-6000\"", "udp:127.0.0.1:5060"),
        ("[media]\nworkers = [1, 1]", "twice"),
        ("[sip]\nice_lite = false\n[[turn]]\nusername = \"a\"\npassword = \"b\"", "is missing: a TURN server is at"),
        (
            "[sip]\nice_lite = false\n[[turn]]\nserver = \"0.0.0.0:3478\"\nusername = \"a\"\npassword = \"b\"",
            "no server is at 0.0.0.0:3478",
        ),
        (
            "[sip]\nice_lite = false\n[[turn]]\nserver = \"turn.example\"\nusername = \"a\"\npassword = \"b\"",
            "write ADDRESS:PORT or NAME:PORT",
        ),
        ("[sip]\nice_lite = false\n[[turn]]\nserver = \"192.0.2.1:1\"\npassword = \"b\"", "takes 1 to 255 octets"),
        ("[sip]\nice_lite = false\n[[turn]]\nserver = \"192.0.2.1:1\"\nusername = \"a\"", "no password either"),
        (
            "[sip]\nice_lite = false\n[[turn]]\nserver = \"192.0.2.1:1\"\nusername = \"a\"\npassword = \"b\"\n\
             password_file = \"c\"",
            "there is a password too",
        ),
        (
            "[sip]\nice_lite = false\n[[turn]]\nserver = \"turn.example:1\"\npassword = \"b\"\nvalid_s = 10",
            "600 to 31536000",
        ),
        ("[[turn]]\nserver = \"192.0.2.1:1\"\nusername = \"a\"\npassword = \"b\"", "of no use with sip.ice_lite"),
        ("[media]\nadvertised = { \"10.0.0.1\" = \"::1\" }", "cannot"),
        ("[media]\ndscp = 64", "0 to 63"),
        ("[control]\ntoken_file = \"x\"", "control.tcp"),
        ("[bridge]\nname = \"a\"", "bridge.platform"),
        ("[bridge]\nplatform = 0\nlisten = \"127.0.0.1:1\"", "1 to 4294967294"),
        ("[bridge]\nplatform = 1\nlisten = \"127.0.0.1:1\"\nname = \"a b\"", "letters"),
        ("[bridge]\nplatform = 1\nadvertise = \"a:1\"\npeers = [\"b:1\"]", "bridge.listen"),
        ("[bridge]\nplatform = 1\npeers = [\"b:1\", \"b:1\"]", "twice"),
        ("[bridge]\nplatform = 1\npeers = [\"b\"]", "NAME:PORT"),
        ("[bridge]\nplatform = 1\nlisten = \"127.0.0.1:0\"", "port"),
        ("[bridge]\nplatform = 1\npeers = [\"b:1\"]\nheartbeat_ms = 20", "50 to 10000"),
        ("[bridge]\nplatform = 1\npeers = [\"b:1\"]\ncall_grace_s = 4", "5 to 3600"),
        ("[bridge]\nplatform = 1\npeers = [\"b:1\"]\nmedia = \"0.0.0.0\"", "others can send"),
        ("[[route]]\nto = [\"platform:west\"]", "bridge.platform"),
        ("[[route]]\nfrom = \"platforms\"\nto = [\"account:bob\"]", "bridge.platform"),
        (
            "[bridge]\nplatform = 1\nname = \"east\"\npeers = [\"b:1\"]\n[[route]]\nto = [\"platform:east\"]",
            "this very platform",
        ),
        ("[bridge]\nplatform = 1\nlisten = \"0.0.0.0:5065\"\nplain = true", "loopback"),
        ("[bridge]\nplatform = 1\npeers = [\"192.0.2.1:5065\"]\nplain = true", "loopback"),
        ("[bridge]\nplatform = 1\npeers = [\"localhost:5065\"]\nplain = true", "loopback"),
        ("[control]\ntcp = \"127.0.0.1:5060\"", "sip.listen"),
        ("[control]\ntcp = \"127.0.0.1:9\"\n[metrics]\nlisten = \"0.0.0.0:9\"", "control.tcp"),
        ("[metrics]\nlisten = \"[::1]:9\"\n[bridge]\nplatform = 1\nlisten = \"[::]:9\"", "bridge.listen"),
        ("[[group]]\nname = \"a\"\nmembers = [\"b\"]\nring_s = 181", "setup_timeout_s"),
        ("[[group]]\nname = \"a\"\nmembers = [\"b\"]\nring_s = 0", "1 or more"),
        ("[[route]]\nto = [\"account:a\"]\nring_s = 181", "setup_timeout_s"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\ncalls_max = 0", "1 or more"),
        ("[calls]\nmedia_silence_s = 9", "0, or 10 or more"),
        ("[calls]\nmax = 0", "1 to 100000"),
        ("[sip]\nkeep_alive_s = 4", "0, or 5 or more"),
        ("[sip]\nnonce_life_s = 9", "10 to 86400"),
        ("[log]\nlevel = \"loud=x=y\"", "log.level"),
        ("[[trunk]]\nname = \"a\"", "neither"),
        ("[[trunk]]\nname = \"a\"\naddress = \"b c\"", "b c"),
        ("[[trunk]]\nname = \"a\"\naccept = [\"10.0.0.0/40\"]", "10.0.0.0/40"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nusername = \"u\"", "belong together"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nmedia_from = [\"203.0.113.0/33\"]", "203.0.113.0/33"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nmedia_from = [\"203.0.113.7:4000\"]", "NETWORK/BITS"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nnumber_parameters = [\"rn=1\"]", "`rn=1`"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\nresponse_s = 32", "timer B"),
        ("[[trunk]]\nname = \"a:b\"\naddress = \"h\"", "colon"),
        ("[sip]\nresponse_s = 32", "timer B"),
        ("[sip]\ncontacts_max = 17", "1 to 16"),
        ("[sip]\ncontacts_max = 0", "1 to 16"),
        ("[[group]]\nname = \"a\"\nmembers = []", "member"),
        ("[sip]\nshards = 0", "32"),
        ("[sip]\nshards = 33", "32"),
        ("[sip]\nshards = \"many\"", "auto"),
        ("[[route]]\nto = [\"trunk:a\"]", "`a`"),
        ("[[route]]\nto = [\"group:a\"]", "`a`"),
        ("[[route]]\nto = [\"enum:\"]", "names no domain"),
        ("[[route]]\nto = [\"enum:e164..arpa\"]", "names no domain"),
        ("[[route]]\nto = [\"enum:e164.arpa\", \"account:a\"]", "trunks"),
        ("[[route]]\nto = []", "to"),
        ("[[route]]\nto = [\"account:a\", \"account:b\"]", "trunks"),
        ("[[route]]\nto = [\"refuse:whim\"]", "whim"),
        ("[[route]]\nnumber = \"1\"\nprefix = \"2\"\nto = [\"account:a\"]", "one of"),
        ("[[route]]\npattern = \"(\"\nto = [\"account:a\"]", "compile"),
        ("[[route]]\nstrip = 1\nto = [\"account:a\"]", "strip"),
        ("[[route]]\nprefix = \"9\"\nto = [\"number:9\"]", "leads back to itself"),
        ("[[route]]\nto = [\"rewrite\"]", "leads back to itself"),
        (
            "[[route]]\nnumber = \"1\"\nto = [\"number:2\"]\n[[route]]\nnumber = \"2\"\nto = [\"number:1\"]",
            "leads back to itself",
        ),
        ("[[route]]\nfrom = \"friends\"\nto = [\"account:a\"]", "friends"),
        ("[[route]]\nto = [\"rewrite\"]\nreplace = [\"^0(.*)$\", \"$2\"]", "the group 2"),
        ("[[trunk]]\nname = \"a\"\naddress = \"h\"\ncaller = [\"^0(.*)$\", \"${10}\"]", "the group 10"),
        (
            "[[trunk]]\nname = \"a\"\naddress = \"h\"\nheaders_pass = [\"X-A\"]\nheaders_rewrite = [[\"X-A\", \"^0(.*)$\", \"$x\"]]",
            "$$ is a dollar",
        ),
    ] {
        let complaints = read(text).unwrap_err();
        assert!(
            complaints.iter().any(|complaint| complaint.message.contains(word) && complaint.line.is_some()),
            "{text}: {complaints:?}"
        );
    }
}

#[test]
fn listeners_of_two_families_or_of_two_ports_are_beside_each_other() {
    for listen in [
        "\"udp:0.0.0.0:5060\", \"udp:[::]:5060\", \"tcp:127.0.0.1:5060\"",
        "\"udp:0.0.0.0:5060\", \"udp:127.0.0.1:5070\"",
        "\"udp:0.0.0.0:0\", \"udp:127.0.0.1:0\"",
    ] {
        read(&format!("[sip]\nlisten = [{listen}]")).unwrap();
    }
    // Another port of this host is another server.
    read("[[trunk]]\nname = \"a\"\naddress = \"127.0.0.1:5070\"").unwrap();
    read("[[trunk]]\nname = \"a\"\naddress = \"tls:127.0.0.1:5060\"").unwrap_err();
}

#[test]
fn every_mistake_of_a_trunks_headers_is_told() {
    let text = "[[trunk]]\nname = \"a\"\naddress = \"h\"\nheaders_pass = [\"X-A\", \"Via\", \"Route\"]\nheaders_add = [\"X: \", \"To: a\"]\n\
                headers_remove = [\"From\"]\nheaders_rewrite = [[\"X-B\", \"(\", \"\"], [\"X-A\", \"a\", \"$1\"]]\nnumber_parameters = [\"a b\"]";
    let complaints = read(text).unwrap_err();
    let lines: Vec<_> = complaints.iter().filter_map(|complaint| complaint.line).collect();
    assert_eq!(lines, [4, 4, 5, 5, 6, 7, 7, 7, 8], "{complaints:?}");
}

#[test]
fn a_route_to_a_number_that_another_route_takes_is_right() {
    let text = "[[route]]\nnumber = \"9\"\nto = [\"account:a\"]\n[[route]]\nprefix = \"9\"\nto = [\"number:9\"]\n\
                [[route]]\nprefix = \"8\"\nstrip = 1\nto = [\"rewrite\"]";
    read(text).unwrap();
    let text = "[[route]]\nnumber = \"9\"\nfrom = \"account:a\"\nto = [\"number:8\"]\n[[route]]\nnumber = \"8\"\n\
                from = \"trunks\"\nto = [\"number:9\"]";
    read(text).unwrap();
}

#[test]
fn what_is_hardly_meant_is_doubted() {
    for (text, lines) in [
        ("[media]\nports = \"20000-40000\"", &[2][..]),
        ("[media]\nports = \"20000-32767\"", &[]),
        ("[[trunk]]\nname = \"a\"\naccept = [\"192.0.2.1\"]\n[[trunk]]\nname = \"b\"\naccept = [\"192.0.2.1\"]", &[6]),
        (
            "[[trunk]]\nname = \"a\"\naddress = \"192.0.2.1\"\n[[trunk]]\nname = \"b\"\naccept = [\"192.0.2.1:5060\"]",
            &[6],
        ),
        (
            "[[trunk]]\nname = \"a\"\naddress = \"192.0.2.1\"\n[[trunk]]\nname = \"b\"\naddress = \"192.0.2.1:5060\"",
            &[6],
        ),
        (
            "[[trunk]]\nname = \"a\"\naddress = \"192.0.2.1\"\n[[trunk]]\nname = \"b\"\naddress = \"192.0.2.1:5070\"",
            &[],
        ),
        ("[[trunk]]\nname = \"a\"\naccept = [\"198.51.100.0/24\", \"0.0.0.0/0\"]", &[3]),
        ("[[trunk]]\nname = \"a\"\naccept = [\"::/0\", \"10.0.0.0/8\"]", &[3]),
        (
            "[sip]\nlisten = [\"tls:127.0.0.1:5061\"]\nclient_certificates = { \"tls:127.0.0.1:5061\" = \"offered\" }\n\
             client_authorities = [\"ca\"]\n[[certificate]]\nfile = \"f\"\nkey_file = \"k\"\n\
             [[trunk]]\nname = \"a\"\naccept = [\"0.0.0.0/0\"]\ndomain = \"a.example\"\ncertified = true\n\
             [[trunk]]\nname = \"b\"\naccept = [\"0.0.0.0/0\"]\ndomain = \"b.example\"\ncertified = true",
            &[],
        ),
        ("[sip]\nlisten = [\"udp:[::]:5060\"]", &[2]),
        ("[sip]\nlisten = [\"udp:[::]:5060\", \"udp:0.0.0.0:5060\"]", &[]),
        ("[[group]]\nname = \"echo\"\nmembers = [\"a\"]", &[2]),
        ("[[route]]\nto = [\"service:echo\"]\n[[route]]\nnumber = \"1\"\nto = [\"service:echo\"]", &[3]),
        (
            "[[route]]\nfrom = \"trunks\"\nto = [\"service:echo\"]\n[[route]]\nnumber = \"1\"\nto = [\"service:echo\"]",
            &[],
        ),
        (
            "[[route]]\nprefix = \"0\"\nto = [\"service:echo\"]\n[[route]]\nprefix = \"00\"\nfrom = \"accounts\"\n\
             to = [\"service:echo\"]\n[[route]]\nprefix = \"1\"\nto = [\"service:echo\"]",
            &[4],
        ),
        (
            "[[route]]\nhours = [\"mon 08:00-18:00\"]\nto = [\"service:echo\"]\n[[route]]\nnumber = \"1\"\nto = [\"service:echo\"]",
            &[],
        ),
        ("[calls]\nmax = 10\n[[trunk]]\nname = \"a\"\naddress = \"h\"\ncalls_max = 11", &[6]),
        ("[bridge]\nplatform = 1", &[2]),
        (
            "[sip]\nice = \"never\"\nice_lite = false\n[[turn]]\nserver = \"192.0.2.1:1\"\nusername = \"a\"\npassword = \"b\"",
            &[4],
        ),
        ("[sip]\nice_lite = false\n[[turn]]\nserver = \"[2001:db8::1]:1\"\nusername = \"a\"\npassword = \"b\"", &[4]),
        ("[sip]\nice_lite = false\n[[turn]]\nserver = \"192.0.2.1:1\"\nusername = \"a\"\npassword = \"b\"", &[]),
        ("[sip]\nice_lite = false\n[[turn]]\nserver = \"turn.example:1\"\npassword = \"b\"\nvalid_s = 600", &[]),
        ("[metrics]\nlisten = \"0.0.0.0:9464\"\n[control]\ntcp = \"[::]:5064\"", &[2, 4]),
        ("[metrics]\nlisten = \"203.0.113.7:9464\"\n[control]\ntcp = \"203.0.113.7:5064\"", &[2, 4]),
        ("[metrics]\nlisten = \"[::1]:9464\"\n[control]\ntcp = \"10.0.0.5:5064\"", &[]),
        (
            "[[trunk]]\nname = \"a\"\naddress = \"h\"\nmedia_from = [\"203.0.113.0/24\", \"2001:db8::/32\"]\n\
             [[trunk]]\nname = \"b\"\naddress = \"h\"\nmedia_from = [\"0.0.0.0/0\"]",
            &[8],
        ),
    ] {
        let doubts = warnings(text, &read(text).unwrap());
        let found: Vec<_> = doubts.iter().filter_map(|doubt| doubt.line).collect();
        assert_eq!(found, lines, "{doubts:?}");
    }
}

#[test]
fn a_port_of_the_systems_choice_is_doubted() {
    let text = "[metrics]\nlisten = \"127.0.0.1:0\"\n[sip]\nlisten = [\"udp:127.0.0.1:0\"]";
    let doubts = warnings(text, &read(text).unwrap());
    let lines: Vec<_> = doubts.iter().map(|doubt| doubt.line).collect();
    assert_eq!(lines, [Some(2), Some(4)], "{doubts:?}");
}

#[test]
fn a_group_whose_last_members_would_not_ring_is_doubted() {
    let doubts = |more: &str| {
        let text = format!("[[group]]\nname = \"g\"\nmembers = [\"a\", \"b\", \"c\", \"d\"]\n{more}");
        warnings(&text, &read(&text).unwrap())
    };
    let found = doubts("strategy = \"sequence\"");
    assert_eq!(found.iter().map(|doubt| doubt.line).collect::<Vec<_>>(), [Some(3)]);
    assert!(found[0].message.contains("take 240 s"), "{found:?}");
    assert!(doubts("strategy = \"sequence\"\nring_s = 20").is_empty() && doubts("strategy = \"all\"").is_empty());
}

#[test]
fn a_group_has_as_many_members_as_ring_at_once() {
    let group = |count: usize| {
        let members: Vec<String> = (0..count).map(|number| format!("\"{number}\"")).collect();
        read(&format!("[[group]]\nname = \"a\"\nmembers = [{}]", members.join(", ")))
    };
    group(switch::limits::FORK_LEGS).unwrap();
    let complaint = group(switch::limits::FORK_LEGS + 1).unwrap_err().remove(0);
    assert!(complaint.message.contains("at most 32"), "{}", complaint.message);
}

#[test]
fn a_full_configuration_is_accepted() {
    let text = r#"
        data = "/var/lib/tandem"
        [sip]
        listen = ["udp:0.0.0.0:5060", "tcp:[::]:5060"]
        advertised = { "udp:0.0.0.0:5060" = "203.0.113.7" }
        [media]
        interfaces = ["10.0.0.5"]
        advertised = { "10.0.0.5" = "203.0.113.7" }
        workers = [1]
        [control]
        tcp = "127.0.0.1:5064"
        [bridge]
        platform = 7
        name = "east"
        listen = "0.0.0.0:5065"
        advertise = "east.example.net:5065"
        peers = ["west.example.net:5065", "[2001:db8::1]:5065"]
        [[trunk]]
        name = "carrier"
        address = "tcp:sip.example.net:5070"
        accept = ["198.51.100.0/24", "[2001:db8::1]:5060"]
        trusted = true
        [[trunk]]
        name = "second"
        address = "192.0.2.9"
        [[group]]
        name = "sales"
        members = ["alice", "bob"]
        strategy = "sequence"
        ring_s = 20
        [[route]]
        prefix = "00"
        from = "accounts"
        to = ["trunk:carrier", "trunk:second", "trunk:carrier@west", "platform:west"]
        strip = 2
        prepend = "+"
        on_busy = ["refuse:congestion"]
        [[route]]
        from = "platform:west"
        number = "100"
        to = ["account:alice"]
        [[route]]
        from = "trunk:carrier"
        to = ["group:sales"]
        on_no_answer = ["service:echo"]
        [[route]]
        pattern = "^0(.*)$"
        replace = ["^0", "0049"]
        to = ["rewrite"]
    "#;
    read(text).unwrap();
}
