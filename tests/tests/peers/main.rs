//! Real peers on the loopback interface: the built `tandem` with SIPp, baresip, sipsak and sockets by hand.
//!
//! | module | what |
//! |---|---|
//! | `registrations` | REGISTER with digest, refresh, removal, wrong passwords, TCP, restarts |
//! | `calls`, `refusals` | calls through trunks and of accounts; what keeps a call from being made |
//! | `carriers` | Kamailio as the carrier that Tandem registers at |
//! | `edges` | phones behind Kamailio as an edge: what they follow, texts to them |
//! | `late_offers` | calls without an offer that ring at several telephones |
//! | `recalls` | who was sent to a phone that is busy comes back |
//! | `joins` | who comes into a call of others: Join, REFER with Join, pick-up |
//! | `in_call` | hold, UPDATE, late offer, early media, transfer |
//! | `attended_transfer`, `glare`, `refresh_on_hold`, `forked_early_media` | SIPp and phones: two that are brought together, requests that cross, sessions that outlast their interval on hold, what a caller hears of a fork; by ear |
//! | `transports` | TCP, large requests, IPv6, lost packets |
//! | `destinations` | trunks that fail or ask for digest, forking to several phones |
//! | `third_party` | SIPp as the controller outside that joins two of Tandem's peers (RFC 3725, flow I) |
//! | `trunk_news` | what a client of the control socket is told of trunks |
//! | `names` | trunks whose addresses a name server tells: NAPTR, SRV, silence; numbers that it has a way for (ENUM) |
//! | `messages` | single requests by hand: OPTIONS, 420, 482, 483, scanners |
//! | `phones` | baresip phones that hear each other, the built-in services |
//! | `operation` | first start, reload, draining, `tandem check`, the control socket |
//! | `cluster` | platforms coupled by TLS: made, killed, renewed, refused, found |
//! | `foreign` | a platform in Python, written from `docs/packets.md` alone: joins, is asked, asks, places a call |
//! | `links` | bad networks and bad peers between platforms: cuts, stalls, half-close, garbage, floods, namespaces that part |
//! | `across_platforms`, `features_across_platforms` | calls between phones of two platforms, with and without their link; hold, transfer, calls of the operator, users on both, trunks |
//! | `hosts_apart` | platforms on hosts of their own, with a bad network between them: signalling late, media late and lossy |
//! | `hardship` | kill -9, a full disk, floods, slow readers |
//! | `shards` | the same over three SIP shards; all the others, too, with `TANDEM_SHARDS=3` |
//! | `secure_media` | SRTP: phones with keys beside phones without |
//! | `talk` | what the next ones have in common: two phones that hear each other
//! | `ways` | ICE: phones that look for ways beside phones that do not |
//! | `far_relay` | rtpengine as the far end of a trunk: SRTP by keys and by handshakes, ICE, plain RTP behind it |
//! | `turn` | TURN: coturn between Tandem and a phone that reach each other by it alone |
//! | `secure` | TLS and WebSocket: openssl, a phone and a browser's client; names, reloads, certificates of both sides |
//! | `signatures` | calls that carriers sign: SIPp, and a web server that has the certificate |
//! | `soak` | thousands of calls leave nothing behind |

mod across_platforms;
mod attended_transfer;
mod calls;
mod capture;
mod carriers;
mod cluster;
mod conference;
mod destinations;
mod edges;
mod events;
mod far_relay;
mod features_across_platforms;
mod foreign;
mod forked_early_media;
mod glare;
mod hardship;
mod hosts_apart;
mod in_call;
mod joins;
mod late_offers;
mod least_cost;
mod links;
mod messages;
mod names;
mod operation;
mod phones;
mod recalls;
mod refresh_on_hold;
mod refusals;
mod registrations;
mod scenario;
mod secure;
mod secure_media;
mod shards;
mod signatures;
mod soak;
mod talk;
mod texts;
mod third_party;
mod transports;
mod trunk_news;
mod turn;
mod ways;
