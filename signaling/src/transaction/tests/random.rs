//! Whatever happens in whatever order.

use super::*;

/// Any order of messages, answers, time and failures leaves nothing behind.
#[test]
fn random_operations_end_with_an_empty_table() {
    for seed in 0..200 {
        let mut random = Random::from_seed(seed);
        let mut bench = Bench::bounded(16, 16);
        let mut requests: Vec<(ServerKey, String)> = Vec::new();
        let mut clients: Vec<ClientKey> = Vec::new();
        let mut sent: Vec<Transmit> = Vec::new();
        for _ in 0..200 {
            let via = flow(if random.below(3) == 0 { Transport::Tcp } else { Transport::Udp });
            match random.below(10) {
                0..=2 => {
                    let method = ["INVITE", "INVITE", "BYE", "CANCEL", "ACK", "OPTIONS"][random.below(6) as usize];
                    let text =
                        incoming(method, &random.below(6).to_string(), ["", ";tag=b1"][random.below(2) as usize]);
                    bench.receive(&via, &text);
                    for event in bench.events() {
                        if let Event::Request { key, .. } = event {
                            requests.push((key, text.clone()));
                        }
                    }
                }
                3 => {
                    let destination = if random.below(2) == 0 { udp() } else { tcp() };
                    let method = ["INVITE", "BYE"][random.below(2) as usize];
                    let request = outgoing(method, random.below(2_000) as usize);
                    clients.extend(bench.layer.request(bench.now, destination, request).ok());
                }
                4 if !clients.is_empty() => {
                    let key = clients[random.below(clients.len() as u64) as usize];
                    bench.cancel(key, None);
                }
                5 if !requests.is_empty() => {
                    let (key, text) = &requests[random.below(requests.len() as u64) as usize];
                    let code = [100, 180, 200, 302, 487, 503][random.below(6) as usize];
                    bench.say(*key, text, code);
                }
                6 | 7 if !sent.is_empty() => {
                    let transmit = &sent[random.below(sent.len() as u64) as usize];
                    if !transmit.bytes.starts_with(b"SIP/") {
                        let code = [100, 180, 200, 302, 487, 503][random.below(6) as usize];
                        bench.receive(&via, &answer(&transmit.bytes, code));
                    }
                }
                8 if !sent.is_empty() => {
                    let transmit = &sent[random.below(sent.len() as u64) as usize];
                    if let Some(token) = transmit.token {
                        bench.layer.handle_transport_failed(bench.now, token, TransportFailure::Refused);
                    }
                }
                _ => {
                    bench.now = bench.now + Duration::from_millis(random.below(5_000));
                    bench.layer.handle_timeout(bench.now);
                }
            }
            bench.events();
            sent.extend(bench.transmits());
            let (clients, servers) = bench.layer.len();
            assert!(clients <= 16 && servers <= 16, "seed {seed}");
        }
        for key in &clients {
            bench.cancel(*key, None);
        }
        for (key, text) in &requests {
            bench.say(*key, text, 503);
        }
        bench.pass(200_000);
        // An INVITE that rings without end is its user's to cancel; here all were, so nothing is left.
        assert!(bench.layer.is_empty(), "seed {seed}: {:?}", bench.layer.len());
        assert_eq!(bench.layer.poll_timeout(), None, "seed {seed}");
    }
}
