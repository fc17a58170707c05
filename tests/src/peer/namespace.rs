//! Hosts of a network of its own: network namespaces on a switch, made and removed by the test.
//!
//! ```text
//!   namespace 1   namespace 2   namespace 3
//!       │ eth0        │ eth0        │ eth0       10.99.0.N/24
//!   ════╧═════════════╧═════════════╧════        a bridge device in a namespace of its own
//! ```

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Counts the networks that this process has made.
static NETWORKS: AtomicU32 = AtomicU32::new(0);

/// Hosts that one network may have.
const HOSTS: u8 = 32;

/// A network; what it made is removed with it.
#[derive(Debug)]
pub struct Network {
    name: String,
    hosts: u8,
}

/// Runs `ip`; it must work. Who may not make namespaces is told so: such a test is never passed over.
fn ip(line: &str) {
    let output = Command::new("ip").args(line.split(' ')).output();
    let output = output.unwrap_or_else(|error| panic!("ip: {error}: run `scripts/setup test`"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "ip {line}: {said}(network namespaces take root, or CAP_SYS_ADMIN and CAP_NET_ADMIN)"
    );
}

impl Network {
    /// One with so many hosts.
    pub fn new(hosts: u8) -> Self {
        assert!(hosts <= HOSTS);
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let network = Self { name: format!("tandem-{}-{number}", std::process::id()), hosts };
        let switch = network.switch();
        ip(&format!("netns add {switch}"));
        ip(&format!("-n {switch} link add br0 type bridge"));
        ip(&format!("-n {switch} link set br0 up"));
        for host in 1..=hosts {
            let name = network.host(host);
            ip(&format!("netns add {name}"));
            ip(&format!("-n {name} link set lo up"));
            ip(&format!("-n {switch} link add port{host} type veth peer name eth0 netns {name}"));
            ip(&format!("-n {switch} link set port{host} master br0"));
            ip(&format!("-n {name} addr add {}/24 dev eth0", network.address(host)));
            ip(&format!("-n {name} link set eth0 up"));
            network.join(host);
        }
        network
    }

    /// The namespace of a host; they count from 1.
    pub fn host(&self, host: u8) -> String {
        format!("{}-{host}", self.name)
    }

    /// The address of a host.
    pub fn address(&self, host: u8) -> IpAddr {
        Ipv4Addr::new(10, 99, 0, host).into()
    }

    /// Gives a host a second address.
    pub fn second_address(&self, host: u8) -> IpAddr {
        let second = Ipv4Addr::new(10, 99, 0, 100 + host);
        ip(&format!("-n {} addr add {second}/24 dev eth0", self.host(host)));
        second.into()
    }

    /// Does something at a host: sockets that it makes are of that host, and so are those of threads that it starts.
    pub fn at<T: Send>(&self, host: u8, act: impl FnOnce() -> T + Send) -> T {
        let namespace = std::fs::File::open(format!("/run/netns/{}", self.host(host))).expect("a namespace has a name");
        let act = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).expect("it may be entered");
            act()
        };
        std::thread::scope(|scope| scope.spawn(act).join().expect("nothing panics there"))
    }

    /// What a host sends to an address over UDP goes nowhere, of these ports (`sport 16384-32767`, `dport …`).
    pub fn block(&self, host: u8, to: IpAddr, ports: &str) {
        ip(&format!("-n {} rule add to {to} ipproto udp {ports} blackhole", self.host(host)));
    }

    /// Pulls a host's cable: what is sent to it and from it is lost without a word.
    pub fn part(&self, host: u8) {
        ip(&format!("-n {} link set port{host} down", self.switch()));
    }

    /// Plugs it in again.
    pub fn join(&self, host: u8) {
        ip(&format!("-n {} link set port{host} up", self.switch()));
    }

    fn switch(&self) -> String {
        format!("{}-0", self.name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in 0..=self.hosts {
            // A network that was made in part is removed in part.
            let _ = Command::new("ip").args(["netns", "del", &self.host(host)]).output();
        }
    }
}
