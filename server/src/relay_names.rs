//! Where TURN servers are that the configuration names: their names are looked up as long as the server runs, and the media workers read what was found. A name whose answer
//! is missing keeps the addresses that it had.

use crate::clock::Clock;
use crate::limits::RELAY_NAMES_EVERY;
use media::RelayServer;
use router::Random;
use signaling::transport::{Resolution, Resolver, Sought, Transport};
use std::net::SocketAddr;
use std::sync::Arc;

/// A server whose name is looked up.
#[derive(Clone, Debug)]
pub struct Named {
    server: Arc<RelayServer>,
    sought: Sought,
}

/// Those of the servers that have names.
pub fn named(servers: &[Arc<RelayServer>]) -> Vec<Named> {
    let of = |server: &Arc<RelayServer>| {
        let (name, port) = server.location.name()?;
        // By a transport and a port that are written it is A and AAAA that are asked for.
        Some(Named { server: Arc::clone(server), sought: Sought::new(name, Some(port), Some(Transport::Udp)) })
    };
    servers.iter().filter_map(of).collect()
}

/// Looks them up, again and again; ends with its runtime.
pub async fn follow(all: Vec<Named>, name_servers: Vec<SocketAddr>, clock: Clock, random: Random) {
    if all.is_empty() {
        return;
    }
    let mut resolver = Resolver::new(&name_servers, vec![Transport::Udp], random);
    loop {
        for one in &all {
            look(&mut resolver, one, clock).await;
        }
        tokio::time::sleep(RELAY_NAMES_EVERY).await;
    }
}

async fn look(resolver: &mut Resolver, one: &Named, clock: Clock) {
    let mut found = resolver.resolve(clock.now().instant, &one.sought);
    while found == Resolution::Pending {
        resolver.ready().await;
        while let Some((sought, resolution)) = resolver.poll_answer(clock.now().instant) {
            if sought == one.sought {
                found = resolution;
            }
        }
    }
    let location = &one.server.location;
    match found {
        Resolution::Known(places) => {
            let addresses: Vec<SocketAddr> = places.iter().map(|place| place.remote).collect();
            if *location.addresses() != addresses {
                tracing::info!(server = %location, addresses = addresses.len(), "a TURN server is found by its name");
                location.set(addresses);
            }
        }
        _ if location.addresses().is_empty() => {
            tracing::warn!(server = %location, "a TURN server is not found by its name");
        }
        _ => tracing::debug!(server = %location, "a TURN server keeps the addresses that it had"),
    }
}
