//! What an open TLS connection costs a server in memory: opens many, each with a message and its answer, and reads the server's resident
//! memory on the way.

use clap::Parser;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use tandem_load::cpu::ProcessTree;
use tandem_load::limits::MEMORY_SETTLE;
use tandem_load::reactor::allow_sockets;
use tandem_load::stream::Stream;

/// Opens connections and reads the server's memory at LOW and at HIGH of them.
#[derive(Debug, Parser)]
#[command(name = "tls-connections")]
struct Arguments {
    /// The server's listener for TLS, on loopback
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:5061")]
    server: SocketAddr,
    /// File of the certificate that the server's is signed by, in PEM
    #[arg(long, value_name = "FILE")]
    authority: PathBuf,
    /// The server's process
    #[arg(long, value_name = "PID")]
    pid: i32,
    /// Connections at the two readings
    #[arg(long, value_name = "LOW,HIGH", value_delimiter = ',', default_value = "2000,10000")]
    connections: Vec<u64>,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(report) => {
            let _ = writeln!(std::io::stdout(), "{report}"); // whoever closed the pipe wants no report
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tls-connections: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(arguments: &Arguments) -> Result<String, String> {
    let [low, high] = arguments.connections[..] else { return Err("--connections LOW,HIGH".into()) };
    if !arguments.server.ip().is_loopback() || low == 0 || low >= high || high > 50_000 {
        return Err("a server on loopback, and 0 < LOW < HIGH, at most 50000".into());
    }
    allow_sockets(high)?;
    let mut open = Vec::new();
    let first = reading(arguments, &mut open, low)?;
    let second = reading(arguments, &mut open, high)?;
    let each = second.saturating_sub(first) as f64 / (high - low) as f64 / 1024.0;
    Ok(format!("{low} connections: {} MiB; {high} connections: {} MiB; {each:.1} KiB each", first >> 20, second >> 20))
}

/// The server's resident memory once there are so many.
fn reading(arguments: &Arguments, open: &mut Vec<Stream>, count: u64) -> Result<u64, String> {
    while (open.len() as u64) < count {
        let number = open.len();
        let local = SocketAddr::new(source(arguments.server.ip(), number), 0);
        let mut stream = Stream::connect(local, arguments.server, Some(&arguments.authority))?;
        let text = format!(
            "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {0}:9;branch=z9hG4bK-{number}\r\nMax-Forwards: 70\r\nFrom: <sip:c@{0}>;tag={number}\r\nTo: <sip:{0}>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
            arguments.server.ip()
        );
        stream.send(&text).map_err(|error| error.to_string())?;
        open.push(stream);
        if open.len().is_multiple_of(500) {
            settle(open);
        }
    }
    settle(open);
    pause();
    let tree = ProcessTree::of(arguments.pid).ok_or("there is no such process")?;
    Ok(tree.resident())
}

/// Lets the server give back what the handshakes needed.
fn pause() {
    #[expect(clippy::disallowed_methods, reason = "a program that does nothing else")]
    std::thread::sleep(MEMORY_SETTLE);
}

/// Takes the answers, so that nothing waits at either end.
fn settle(open: &mut [Stream]) {
    let mut buffer = [0; 4096];
    for stream in open {
        while stream.receive(&mut buffer).is_some() {}
    }
}

/// Many hosts on loopback, as the phones of a carrier are many.
fn source(server: IpAddr, number: usize) -> IpAddr {
    match server {
        IpAddr::V4(_) => IpAddr::from([127, 0, 1 + (number / 200) as u8, 1]),
        IpAddr::V6(six) => six.into(),
    }
}
