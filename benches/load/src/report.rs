//! What a run found, for people and for machines.

use crate::generator::Outcome;
use crate::limits::PROCESSES_MAX;
use crate::options::{Mode, Options};
use crate::server::{Reading, Server};
use crate::statistics::{Flow, Second, Signalling, Times};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// A distribution, in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_ms: f64,
    /// 90th percentile.
    pub p90_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// 99.9th percentile.
    pub p999_ms: f64,
    /// Largest.
    pub max_ms: f64,
}

impl Percentiles {
    fn of(times: &Times) -> Percentiles {
        let at = |quantile| milliseconds(times.quantile(quantile));
        Percentiles {
            count: times.count(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(times.max()),
        }
    }
}

/// Calls, or pairs of streams where the mode has no signalling.
#[derive(Debug, Clone, Serialize)]
pub struct Calls {
    /// Placed.
    pub placed: u64,
    /// Set up, held and torn down as they should.
    pub completed: u64,
    /// The others.
    pub failed: u64,
    /// Those by what ended them.
    pub failures: BTreeMap<String, u64>,
    /// INVITE to 200.
    pub setup: Percentiles,
    /// INVITE to the first 18x.
    pub post_dial: Percentiles,
    /// BYE to 200.
    pub teardown: Percentiles,
    /// Requests and 200s sent again.
    pub retransmissions_sent: u64,
    /// Requests and final responses that came again.
    pub retransmissions_received: u64,
    /// Calls that reached the callee.
    pub callee_answered: u64,
    /// Calls that the callee refused.
    pub callee_refused: u64,
    /// Calls whose 200 had no ACK.
    pub callee_unacknowledged: u64,
    /// Calls that the callee had open at the end.
    pub callee_open: u64,
    /// Requests within calls that the server sent besides.
    pub served_requests: u64,
    /// Second answers of forked INVITEs.
    pub forked_answers: u64,
    /// Datagrams that are no SIP, or from elsewhere.
    pub malformed: u64,
    /// Messages of no call.
    pub stray: u64,
}

/// RTP of one direction.
#[derive(Debug, Clone, Serialize)]
pub struct Direction {
    /// Sent in all.
    pub sent: u64,
    /// Received in all.
    pub received: u64,
    /// Sent within the span that counts.
    pub counted: u64,
    /// Those of them that never came.
    pub lost: u64,
    /// That, per cent.
    pub lost_percent: f64,
    /// Came twice.
    pub duplicates: u64,
    /// Came late.
    pub reordered: u64,
    /// Another call's.
    pub misdelivered: u64,
    /// Without a readable stamp.
    pub unreadable: u64,
    /// RTCP.
    pub rtcp: u64,
    /// Neither.
    pub strange: u64,
    /// Legs that heard nothing.
    pub deaf_legs: u64,
    /// One-way delay.
    pub delay: Percentiles,
}

impl Direction {
    fn of(flow: &Flow) -> Direction {
        Direction {
            sent: flow.sent,
            received: flow.received,
            counted: flow.counted_sent,
            lost: flow.lost(),
            lost_percent: 100.0 * flow.lost() as f64 / flow.counted_sent.max(1) as f64,
            duplicates: flow.duplicates,
            reordered: flow.reordered,
            misdelivered: flow.misdelivered,
            unreadable: flow.unreadable,
            rtcp: flow.rtcp,
            strange: flow.strange,
            deaf_legs: flow.deaf_legs,
            delay: Percentiles::of(&flow.delay),
        }
    }
}

/// RTP.
#[derive(Debug, Clone, Serialize)]
pub struct Rtp {
    /// What the caller sent.
    pub caller_to_callee: Direction,
    /// What the callee sent.
    pub callee_to_caller: Direction,
}

/// Registrations.
#[derive(Debug, Clone, Serialize)]
pub struct Registrations {
    /// Begun.
    pub begun: u64,
    /// Answered 200.
    pub completed: u64,
    /// The others.
    pub failed: u64,
    /// Those by what ended them.
    pub failures: BTreeMap<String, u64>,
    /// First REGISTER to 200, challenge included.
    pub time: Percentiles,
    /// Requests sent again.
    pub retransmissions_sent: u64,
    /// Datagrams that fit no request.
    pub stray: u64,
}

/// The server's processes while all calls were up.
#[derive(Debug, Clone, Serialize)]
pub struct AllUp {
    /// How long, in seconds.
    pub seconds: f64,
    /// Calls.
    pub calls: u64,
    /// CPU time in seconds.
    pub cpu_seconds: f64,
    /// Share of one core, per cent.
    pub core_percent: f64,
    /// Packets that came out of the server.
    pub packets: u64,
    /// CPU per packet in microseconds; none without packets.
    pub cpu_per_packet_us: Option<f64>,
    /// Resident memory in bytes.
    pub resident_bytes: u64,
}

/// The memory of held calls.
#[derive(Debug, Clone, Serialize)]
pub struct MemorySlope {
    /// Calls at the first reading.
    pub low_calls: u64,
    /// Resident bytes then.
    pub low_resident_bytes: u64,
    /// Calls at the second.
    pub high_calls: u64,
    /// Resident bytes then.
    pub high_resident_bytes: u64,
    /// Resident bytes per call between the two.
    pub resident_bytes_per_call: f64,
    /// The same with shared pages divided among processes.
    pub proportional_bytes_per_call: f64,
}

/// The server.
#[derive(Debug, Clone, Serialize)]
pub struct ServerFigures {
    /// Processes watched.
    pub processes: usize,
    /// Figures while all calls were up; none where they never were for a second.
    pub all_up: Option<AllUp>,
    /// CPU time of the whole run, in seconds.
    pub cpu_seconds: f64,
    /// That per completed call or registration, in microseconds.
    pub cpu_per_call_us: f64,
    /// Resident bytes at the end.
    pub resident_bytes: u64,
    /// Memory per held call.
    pub memory: Option<MemorySlope>,
}

/// The generator.
#[derive(Debug, Clone, Serialize)]
pub struct Generator {
    /// How late ticks began.
    pub lateness: Percentiles,
    /// Largest share of a core in any second, per cent.
    pub peak_core_percent: f64,
    /// Seconds observed.
    pub seconds: u64,
    /// Seconds at full CPU.
    pub saturated_seconds: u64,
    /// Seconds ready to run without a core.
    pub waited_seconds: f64,
    /// Datagrams dropped at its sockets.
    pub dropped: u64,
    /// Sends refused.
    pub send_errors: u64,
    /// Why the figures may be the generator's rather than the server's; empty where they are not.
    pub limits: Vec<String>,
}

/// A run's figures.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// `calls`, `memory`, `floor` or `register`.
    pub mode: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// What was offered a second.
    pub rate: f64,
    /// What has become of the calls of each second, where there was more than one step.
    pub timeline: Vec<Second>,
    /// Calls.
    pub calls: Option<Calls>,
    /// RTP.
    pub rtp: Option<Rtp>,
    /// Registrations.
    pub registrations: Option<Registrations>,
    /// The server.
    pub server: Option<ServerFigures>,
    /// The generator.
    pub generator: Generator,
    /// Whether the hard stop ended it.
    pub cut_off: bool,
}

impl Report {
    /// Puts the figures together.
    pub fn new(options: &Options, outcome: &Outcome) -> Report {
        let mode = options.mode();
        let registrations = outcome.registrations.as_ref().map(|machine| registrations(&machine.registered));
        let completed = registrations.as_ref().map_or(outcome.signalling.completed, |r| r.completed);
        let [there, back] = &outcome.streams.flows;
        Report {
            mode: match mode {
                Mode::Calls => "calls",
                Mode::Memory { .. } => "memory",
                Mode::Floor(_) => "floor",
                Mode::Register => "register",
            },
            seconds: outcome.took.as_secs_f64(),
            rate: if mode == Mode::Register { options.rate } else { options.cps },
            timeline: if options.then.is_empty() { Vec::new() } else { outcome.signalling.seconds.clone() },
            calls: registrations.is_none().then(|| calls(&outcome.signalling, outcome.callee_open)),
            rtp: (options.leg_pairs() > 0)
                .then(|| Rtp { caller_to_callee: Direction::of(there), callee_to_caller: Direction::of(back) }),
            registrations,
            server: outcome.server.as_ref().map(|server| server_figures(server, completed)),
            generator: generator(outcome),
            cut_off: outcome.cut_off,
        }
    }

    /// The program's exit status.
    pub fn exit_status(&self) -> u8 {
        let failed = self.calls.as_ref().map_or(0, |calls| calls.failed + calls.callee_unacknowledged)
            + self.registrations.as_ref().map_or(0, |registrations| registrations.failed)
            + self.rtp.as_ref().map_or(0, |rtp| rtp.caller_to_callee.deaf_legs + rtp.callee_to_caller.deaf_legs);
        match () {
            () if self.cut_off => 4,
            () if !self.generator.limits.is_empty() => 3,
            () if failed > 0 => 1,
            () => 0,
        }
    }

    /// For machines: one line of JSON.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        if let Some(calls) = &self.calls {
            self.write_calls(&mut out, calls);
        }
        if let Some(rtp) = &self.rtp {
            write_direction(&mut out, "caller to callee", &rtp.caller_to_callee);
            write_direction(&mut out, "callee to caller", &rtp.callee_to_caller);
        }
        if let Some(done) = &self.registrations {
            let Registrations { begun, completed, failed, failures, .. } = done;
            let _ = writeln!(
                out,
                "registrations: {begun} begun at {}/s, {completed} completed, {failed} failed{}; {} sent again",
                self.rate,
                listed(failures),
                done.retransmissions_sent
            );
            write_percentiles(&mut out, "REGISTER to 200, challenge included", &done.time);
        }
        if let Some(server) = &self.server {
            self.write_server(&mut out, server);
        }
        self.write_generator(&mut out);
        out
    }

    fn write_calls(&self, out: &mut String, calls: &Calls) {
        let Calls { placed, completed, failed, failures, .. } = calls;
        let _ = writeln!(
            out,
            "calls: {placed} placed at {}/s, {completed} completed, {failed} failed{} in {:.1} s",
            self.rate,
            listed(failures),
            self.seconds
        );
        if self.mode == "floor" {
            return;
        }
        for (second, Second { placed, completed, refused, failed }) in self.timeline.iter().enumerate() {
            let _ = writeln!(
                out,
                "second {second}: {placed} placed, {completed} completed, {refused} refused with 503, {failed} failed"
            );
        }
        write_percentiles(out, "set-up, INVITE to 200", &calls.setup);
        write_percentiles(out, "post-dial, INVITE to 18x", &calls.post_dial);
        write_percentiles(out, "tear-down, BYE to 200", &calls.teardown);
        let _ = writeln!(
            out,
            "retransmissions: {} sent, {} received",
            calls.retransmissions_sent, calls.retransmissions_received
        );
        for (count, what) in [
            (calls.callee_refused, "calls refused by the callee (no codec in common, or no port)"),
            (calls.callee_unacknowledged, "answers without ACK"),
            (calls.callee_open, "calls still open at the callee: their BYE never came"),
            (calls.served_requests, "other requests of the server's within calls"),
            (calls.forked_answers, "answers of further forks"),
            (calls.malformed, "datagrams that are no SIP or from elsewhere"),
            (calls.stray, "messages of no call"),
        ] {
            if count > 0 {
                let _ = writeln!(out, "also: {count} {what}");
            }
        }
    }

    fn write_server(&self, out: &mut String, server: &ServerFigures) {
        if let Some(up) = &server.all_up {
            let _ = write!(
                out,
                "server, all {} calls up: {:.2} s of CPU in {:.2} s = {:.1} % of a core",
                up.calls, up.cpu_seconds, up.seconds, up.core_percent
            );
            if let Some(per_packet) = up.cpu_per_packet_us {
                let _ = write!(out, "; {} packets relayed, {per_packet:.2} us of CPU per packet", up.packets);
            }
            let _ = writeln!(out, "; resident {:.1} MiB", mebibytes(up.resident_bytes));
        }
        let what = if self.registrations.is_some() { "registration" } else { "call" };
        let _ = writeln!(
            out,
            "server, whole run: {:.2} s of CPU = {:.1} us per completed {what}; resident {:.1} MiB in {} process{}",
            server.cpu_seconds,
            server.cpu_per_call_us,
            mebibytes(server.resident_bytes),
            server.processes,
            if server.processes >= PROCESSES_MAX {
                "es or more"
            } else if server.processes > 1 {
                "es"
            } else {
                ""
            }
        );
        if let Some(memory) = &server.memory {
            let _ = writeln!(
                out,
                "server, memory: {:.1} MiB with {} calls, {:.1} MiB with {}: {:.1} KiB a call resident, {:.1} KiB proportional",
                mebibytes(memory.low_resident_bytes),
                memory.low_calls,
                mebibytes(memory.high_resident_bytes),
                memory.high_calls,
                memory.resident_bytes_per_call / 1024.0,
                memory.proportional_bytes_per_call / 1024.0
            );
        }
    }

    fn write_generator(&self, out: &mut String) {
        let own = &self.generator;
        let _ = writeln!(
            out,
            "generator: ticks late p50 {:.3} p99 {:.3} p99.9 {:.3} max {:.3} ms; at most {:.0} % of a core; waited {:.2} s for a core",
            own.lateness.p50_ms,
            own.lateness.p99_ms,
            own.lateness.p999_ms,
            own.lateness.max_ms,
            own.peak_core_percent,
            own.waited_seconds
        );
        for limit in &own.limits {
            let _ = writeln!(out, "the generator was the limit: {limit}");
        }
        if self.cut_off {
            let _ = writeln!(out, "the run was cut off by its hard stop");
        }
    }
}

fn calls(statistics: &Signalling, callee_open: u64) -> Calls {
    Calls {
        placed: statistics.placed,
        completed: statistics.completed,
        failed: statistics.failed(),
        failures: statistics.failures.iter().map(|(failure, count)| (failure.to_string(), *count)).collect(),
        setup: Percentiles::of(&statistics.setup),
        post_dial: Percentiles::of(&statistics.post_dial),
        teardown: Percentiles::of(&statistics.teardown),
        retransmissions_sent: statistics.retransmissions_sent,
        retransmissions_received: statistics.retransmissions_received,
        callee_answered: statistics.callee_answered,
        callee_refused: statistics.callee_refused,
        callee_unacknowledged: statistics.callee_unacknowledged,
        callee_open,
        served_requests: statistics.served_requests,
        forked_answers: statistics.forked_answers,
        malformed: statistics.malformed,
        stray: statistics.stray,
    }
}

fn registrations(registered: &crate::register::Registered) -> Registrations {
    Registrations {
        begun: registered.begun,
        completed: registered.completed,
        failed: registered.begun - registered.completed,
        failures: registered.failures.clone(),
        time: Percentiles::of(&registered.times),
        retransmissions_sent: registered.retransmissions_sent,
        stray: registered.stray,
    }
}

fn server_figures(server: &Server, completed: u64) -> ServerFigures {
    let cpu = server.cpu_in_all().as_secs_f64();
    ServerFigures {
        processes: server.processes(),
        all_up: server.usable_window().map(|window| AllUp {
            seconds: window.wall.as_secs_f64(),
            calls: window.calls,
            cpu_seconds: window.cpu.as_secs_f64(),
            core_percent: 100.0 * window.cpu.as_secs_f64() / window.wall.as_secs_f64(),
            packets: window.packets,
            cpu_per_packet_us: (window.packets > 0).then(|| window.cpu.as_secs_f64() * 1e6 / window.packets as f64),
            resident_bytes: window.resident,
        }),
        cpu_seconds: cpu,
        cpu_per_call_us: cpu * 1e6 / completed.max(1) as f64,
        resident_bytes: server.memory().resident,
        memory: match server.readings[..] {
            [low, high] if high.calls > low.calls => Some(slope(low, high)),
            _ => None,
        },
    }
}

fn slope(low: Reading, high: Reading) -> MemorySlope {
    let calls = (high.calls - low.calls) as f64;
    MemorySlope {
        low_calls: low.calls,
        low_resident_bytes: low.memory.resident,
        high_calls: high.calls,
        high_resident_bytes: high.memory.resident,
        resident_bytes_per_call: (high.memory.resident as f64 - low.memory.resident as f64) / calls,
        proportional_bytes_per_call: (high.memory.proportional as f64 - low.memory.proportional as f64) / calls,
    }
}

fn generator(outcome: &Outcome) -> Generator {
    let health = &outcome.health;
    Generator {
        lateness: Percentiles::of(&health.lateness),
        peak_core_percent: health.peak_share * 100.0,
        seconds: health.seconds,
        saturated_seconds: health.saturated_seconds,
        waited_seconds: health.waited.as_secs_f64(),
        dropped: health.dropped,
        send_errors: health.send_errors,
        limits: health.limits(),
    }
}

fn write_direction(out: &mut String, name: &str, direction: &Direction) {
    let Direction { sent, received, counted, lost, lost_percent, duplicates, reordered, .. } = direction;
    let _ = writeln!(
        out,
        "rtp, {name}: {sent} sent, {received} received; of {counted} counted {lost} lost ({lost_percent:.4} %), \
         {duplicates} duplicates, {reordered} reordered"
    );
    write_percentiles(out, "     one-way delay", &direction.delay);
    for (count, what) in [
        (direction.deaf_legs, "legs heard nothing"),
        (direction.misdelivered, "packets of another call"),
        (direction.unreadable, "packets without a readable stamp"),
        (direction.rtcp, "RTCP packets"),
        (direction.strange, "datagrams that are neither RTP nor RTCP"),
    ] {
        if count > 0 {
            let _ = writeln!(out, "     also: {count} {what}");
        }
    }
}

fn write_percentiles(out: &mut String, name: &str, times: &Percentiles) {
    let Percentiles { count, p50_ms, p90_ms, p99_ms, p999_ms, max_ms } = times;
    let _ = match count {
        0 => writeln!(out, "{name}: none"),
        _ => writeln!(
            out,
            "{name}: p50 {p50_ms:.3} p90 {p90_ms:.3} p99 {p99_ms:.3} p99.9 {p999_ms:.3} max {max_ms:.3} ms ({count})"
        ),
    };
}

fn listed(failures: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = failures.iter().map(|(failure, count)| format!("{failure}: {count}")).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
