//! All pairs of a worker, over its interfaces.

use super::interface::{Choice, Pool};
use crate::config::{Config, Interface};
use crate::limits::{INTERFACES, PAIRS, PORTS_TRIED, URGENT_SHARE};
use crate::wire::{OpenFailure, PairIndex, Wire};
use router::time::Instant;
use std::net::{IpAddr, SocketAddr};

/// Why no pair was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shortage {
    /// All ports of the range are used or rest, or the system has no more sockets.
    Ports,
    /// The interface cannot be used: nothing of its family is configured, or the machine has no such address.
    Interface,
}

/// An open pair.
#[derive(Clone, Copy, Debug)]
struct Open {
    pool: usize,
    rtp: SocketAddr,
    /// The worker in whose range it is, if that is another one.
    home: Option<u8>,
}

/// The pools of a worker and the names of its open pairs.
#[derive(Debug)]
pub struct Pairs {
    config: Config,
    pools: Vec<(IpAddr, Pool)>,
    /// By [`PairIndex`].
    open: Vec<Option<Open>>,
    /// Indices below `open.len()` that are free.
    free: Vec<PairIndex>,
    used: usize,
    /// Of each pool, the pairs of its range in use, here or at another worker.
    held: Vec<usize>,
}

impl Pairs {
    /// Nothing is open; the interfaces that are configured have their pools.
    pub fn new(config: Config) -> Self {
        let mut pairs =
            Self { config, pools: Vec::new(), open: Vec::new(), free: Vec::new(), used: 0, held: Vec::new() };
        let addresses: Vec<IpAddr> = pairs.config.interfaces.iter().map(|interface| interface.address).collect();
        for address in addresses {
            // One beyond the bound has none, and no leg is given a pair there.
            let _ = pairs.pool_of(address);
        }
        pairs
    }

    /// Takes a pair for a leg whose signalling uses `asked`. Its sockets are open, unconnected and empty. `urgent`: it may be one of those that are kept
    /// for calls for help.
    pub fn take(
        &mut self,
        now: Instant,
        asked: IpAddr,
        urgent: bool,
        wire: &mut impl Wire,
    ) -> Result<PairIndex, Shortage> {
        let Interface { address, .. } = self.config.interface(asked).ok_or(Shortage::Interface)?;
        let index = self.pool_of(address)?;
        let kept = self.kept(index);
        if !urgent && kept > 0 && self.left(index) <= kept {
            return Err(Shortage::Ports);
        }
        let pair = self.take_of(now, index, address, wire)?;
        self.held[index] += 1;
        Ok(pair)
    }

    /// The pairs of a pool that are in nobody's use.
    fn left(&self, index: usize) -> usize {
        let pool = &self.pools[index].1;
        pool.total().saturating_sub(self.held[index]).saturating_sub(pool.set_aside_now())
    }

    /// Those of them that are kept for calls for help.
    fn kept(&self, index: usize) -> usize {
        self.config.urgent_pairs.min(self.pools[index].1.total() / URGENT_SHARE)
    }

    fn take_of(
        &mut self,
        now: Instant,
        index: usize,
        address: IpAddr,
        wire: &mut impl Wire,
    ) -> Result<PairIndex, Shortage> {
        for _ in 0..PORTS_TRIED {
            let pair = match self.pools[index].1.choose(now) {
                Choice::None => return Err(Shortage::Ports),
                Choice::Reuse(pair) => pair,
                Choice::Open(port) => match self.open_pair(index, SocketAddr::new(address, port), wire) {
                    Ok(pair) => {
                        self.used += 1;
                        return Ok(pair);
                    }
                    Err(OpenFailure::InUse) => {
                        if self.pools[index].1.set_aside(now, port) {
                            tracing::warn!(%address, port, "another program holds ports of media.ports");
                        }
                        continue;
                    }
                    Err(failure) => {
                        let pool = &mut self.pools[index].1;
                        pool.put_back(port);
                        match failure {
                            OpenFailure::NoAddress => return Err(Shortage::Interface),
                            _ => pool.choose_open(now).ok_or(Shortage::Ports)?,
                        }
                    }
                },
            };
            wire.drain(pair);
            self.used += 1;
            return Ok(pair);
        }
        Err(Shortage::Ports)
    }

    /// Gives a pair back. `heard`: whether anything came from its peer. `reusable` if its RTP socket is unconnected; else
    /// it is closed and its port tried again later.
    /// One of another worker's range is closed; whose it is and where, is returned.
    pub fn give_back(
        &mut self,
        now: Instant,
        pair: PairIndex,
        heard: bool,
        reusable: bool,
        wire: &mut impl Wire,
    ) -> Option<(u8, SocketAddr)> {
        let slot = self.open.get_mut(pair.0 as usize)?;
        let open = (*slot)?;
        self.used -= 1;
        if let Some(home) = open.home {
            *slot = None;
            self.free.push(pair);
            wire.close(pair);
            return Some((home, open.rtp));
        }
        self.held[open.pool] = self.held[open.pool].saturating_sub(1);
        let pool = &mut self.pools[open.pool].1;
        if reusable {
            pool.give_back(now, pair, heard);
        } else {
            *slot = None;
            pool.put_back(open.rtp.port());
            self.free.push(pair);
            wire.close(pair);
        }
        None
    }

    /// A pair goes to another worker with its sockets: its name is free. Where it is bound, and whose range that is in, if not ours.
    pub fn lend(&mut self, pair: PairIndex) -> Option<(SocketAddr, Option<u8>)> {
        let open = self.open.get_mut(pair.0 as usize)?.take()?;
        self.used -= 1;
        self.free.push(pair);
        Some((open.rtp, open.home))
    }

    /// A pair comes from another worker: a name for it. `home`: in whose range it is, if not ours. `None`: there is no room.
    pub fn adopt(&mut self, rtp: SocketAddr, home: Option<u8>) -> Option<PairIndex> {
        let pool = self.pool_of(rtp.ip()).ok()?;
        let open = Some(Open { pool, rtp, home });
        let pair = match self.free.pop() {
            Some(pair) => {
                self.open[pair.0 as usize] = open;
                pair
            }
            None if self.open.len() >= PAIRS => return None,
            None => {
                self.open.push(open);
                PairIndex(self.open.len() as u32 - 1)
            }
        };
        self.used += 1;
        Some(pair)
    }

    /// A pair of our range was closed at another worker: its port is there again.
    pub fn returned(&mut self, rtp: SocketAddr) {
        if let Some(index) = self.pools.iter().position(|(address, _)| *address == rtp.ip()) {
            self.pools[index].1.put_back(rtp.port());
            self.held[index] = self.held[index].saturating_sub(1);
        }
    }

    /// Where a pair receives RTP, as it is bound.
    pub fn bound(&self, pair: PairIndex) -> Option<SocketAddr> {
        self.open.get(pair.0 as usize).copied().flatten().map(|open| open.rtp)
    }

    /// Where a pair receives RTP, as peers are told.
    pub fn advertised(&self, pair: PairIndex) -> Option<SocketAddr> {
        let bound = self.bound(pair)?;
        let interface = self.config.interfaces.iter().find(|interface| interface.address == bound.ip());
        let address = interface.and_then(|interface| interface.advertised).unwrap_or(bound.ip());
        Some(SocketAddr::new(address, bound.port()))
    }

    /// Pairs in use.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Each interface with its pairs: in use, and in all.
    pub fn interfaces(&self) -> impl Iterator<Item = (IpAddr, usize, usize)> + '_ {
        self.pools.iter().enumerate().map(|(index, (address, pool))| {
            let open = self.open.iter().flatten().filter(|open| open.pool == index).count();
            (*address, open - pool.resting(), pool.total())
        })
    }

    fn pool_of(&mut self, address: IpAddr) -> Result<usize, Shortage> {
        if let Some(index) = self.pools.iter().position(|(of, _)| *of == address) {
            return Ok(index);
        }
        if self.pools.len() >= INTERFACES {
            return Err(Shortage::Interface);
        }
        self.pools.push((address, Pool::new(self.config.ports, self.config.quarantine, self.config.order)));
        self.held.push(0);
        Ok(self.pools.len() - 1)
    }

    fn open_pair(&mut self, pool: usize, rtp: SocketAddr, wire: &mut impl Wire) -> Result<PairIndex, OpenFailure> {
        let pair = match self.free.last() {
            Some(&pair) => pair,
            None if self.open.len() >= PAIRS => return Err(OpenFailure::NoSockets),
            None => PairIndex(self.open.len() as u32),
        };
        wire.open(pair, rtp)?;
        let open = Some(Open { pool, rtp, home: None });
        match self.free.pop() {
            Some(pair) => self.open[pair.0 as usize] = open,
            None => self.open.push(open),
        }
        Ok(pair)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_configured_interfaces_are_told_before_any_is_taken() {
        let interfaces =
            ["127.0.0.1", "::1"].map(|address| Interface { address: address.parse().unwrap(), advertised: None });
        let pairs = Pairs::new(Config { interfaces: interfaces.to_vec(), ..Config::default() });
        let told: Vec<_> = pairs.interfaces().map(|(address, used, total)| (address, used, total > 0)).collect();
        assert_eq!(told, interfaces.map(|interface| (interface.address, 0, true)));
    }
}
