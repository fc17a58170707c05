//! Metrics in the text format of Prometheus (version 0.0.4), from what the modules tell of themselves.
//!
//! Modules count by themselves and are asked at a scrape; so a count costs an increment of the module's own memory, and there
//! is nothing global.

use super::help;
use crate::administration::Scrape;
use router::parameter::{
    Counter, Distribution, Platform, PlatformState, Resource, ResourceKind, ResourceState, Status,
};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// A family: all samples of one name stand together, behind one `HELP` and one `TYPE`.
struct Family {
    kind: &'static str,
    help: &'static str,
    samples: String,
}

#[derive(Default)]
struct Families(BTreeMap<String, Family>);

impl Families {
    fn samples(&mut self, name: &str, kind: &'static str, help: &'static str) -> &mut String {
        let family = Family { kind, help, samples: String::new() };
        &mut self.0.entry(name.to_owned()).or_insert(family).samples
    }

    fn gauge(&mut self, name: &str, help: &'static str, labels: &[(&str, &str)], value: u64) {
        sample(self.samples(name, "gauge", help), name, labels, value);
    }
}

/// All that was scraped.
pub fn exposition(scrape: &Scrape, draining: bool) -> String {
    let mut families = Families::default();
    for (name, help, kind) in [
        ("tandem_calls", "Calls now.", ResourceKind::Calls),
        ("tandem_registrations", "Registered contacts now.", ResourceKind::Bindings),
        ("tandem_media_sessions", "Media sessions now.", ResourceKind::Sessions),
        ("tandem_memory_allocated_bytes", "Bytes that are allocated and not freed.", ResourceKind::Memory),
    ] {
        families.gauge(name, help, &[], scrape.used(kind));
    }
    families.gauge("tandem_draining", "1 while the server takes no new calls.", &[], u64::from(draining));
    for address in &scrape.silent {
        families.gauge("tandem_up", UP, &[("module", &address.module.to_string())], 0);
    }
    for status in &scrape.statuses {
        module(&mut families, status);
    }
    // Addresses where nobody was met yet have no number.
    let others = scrape.platforms.iter().filter(|one| one.state != PlatformState::Here && one.id.is_identity());
    for platform in others {
        self::platform(&mut families, platform);
    }
    let mut text = String::new();
    for (name, family) in &families.0 {
        let _ = writeln!(text, "# HELP {name} {}", family.help);
        let _ = writeln!(text, "# TYPE {name} {}", family.kind);
        text.push_str(&family.samples);
    }
    text
}

const UP: &str = "Whether the module answers.";

const LOAD: &str = "tandem_platform_load_ratio";

fn module(families: &mut Families, status: &Status) {
    families.gauge("tandem_up", UP, &[("module", &status.module)], 1);
    let since = u64::try_from(status.since.as_secs()).unwrap_or(0);
    let help = "When the module started, seconds since 1970.";
    families.gauge("tandem_start_time_seconds", help, &[("module", &status.module)], since);
    for resource in &status.resources {
        self::resource(families, &status.module, resource);
    }
    for counter in &status.counters {
        self::counter(families, &status.module, counter);
    }
    for distribution in &status.distributions {
        self::distribution(families, &status.module, distribution);
    }
}

/// Another platform of the cluster. What went to it and came from it the interface counts in its status.
fn platform(families: &mut Families, platform: &Platform) {
    let id = platform.id.0.to_string();
    let labels = [("platform", id.as_str()), ("name", platform.name.as_str())];
    let reachable = u64::from(platform.state != PlatformState::Down);
    families.gauge("tandem_platform_reachable", "Whether packets reach the platform.", &labels, reachable);
    let linked = u64::from(platform.state == PlatformState::Linked);
    families.gauge("tandem_platform_linked", "Whether the platform has a link of its own.", &labels, linked);
    if let Some(round_trip) = platform.round_trip_us {
        let help = "Round trip of the last heartbeat, seconds.";
        let name = "tandem_platform_round_trip_seconds";
        sample(families.samples(name, "gauge", help), name, &labels, Scaled { value: round_trip.into(), digits: 6 });
    }
    families.gauge("tandem_platform_queued", "Packets that wait to be written to its link.", &labels, platform.queued);
    families.gauge("tandem_platform_in_flight", "Requests to it without an answer.", &labels, platform.in_flight);
    for module in &platform.modules {
        let name = router::address::Module::new(module.kind, module.index).to_string();
        let labels = [("platform", id.as_str()), ("offered", name.as_str())];
        let help = "How loaded a module of the platform says it is; 1 is all.";
        let load = Scaled { value: module.load_thousandths.into(), digits: 3 };
        sample(families.samples(LOAD, "gauge", help), LOAD, &labels, load);
    }
}

fn resource(families: &mut Families, module: &str, resource: &Resource) {
    let kind = metric_name(resource.kind.name());
    let labels = [("module", module), ("kind", kind.as_str()), ("name", resource.name.as_str())];
    families.gauge("tandem_resource_used", "How much of a resource is in use.", &labels, resource.used);
    if let Some(total) = resource.total {
        families.gauge("tandem_resource_capacity", "How much of a resource there is.", &labels, total);
    }
    let state = match resource.state {
        ResourceState::Ready => 0,
        ResourceState::Degraded => 1,
        ResourceState::Failed => 2,
    };
    families.gauge("tandem_resource_state", "0 ready, 1 degraded, 2 failed.", &labels, state);
}

fn counter(families: &mut Families, module: &str, counter: &Counter) {
    let name = format!("tandem_{}_total", metric_name(&counter.name));
    let mut labels = vec![("module", module)];
    labels.extend(counter.labels.iter().map(|(label, value)| (label.as_str(), value.as_str())));
    let help = help::of(&counter.name);
    sample(families.samples(&name, "counter", help), &name, &labels, counter.value);
}

/// What is counted in microseconds or milliseconds is told in seconds, the base unit of Prometheus.
fn distribution(families: &mut Families, module: &str, distribution: &Distribution) {
    let (stem, digits) = match distribution.name.rsplit_once('_') {
        Some((stem, "us")) => (format!("{stem}_seconds"), 6),
        Some((stem, "ms")) => (format!("{stem}_seconds"), 3),
        _ => (distribution.name.clone(), 0),
    };
    let scaled = |value: u64| Scaled { value, digits };
    let name = format!("tandem_{}", metric_name(&stem));
    let samples = families.samples(&name, "histogram", help::of(&distribution.name));
    let bucket = format!("{name}_bucket");
    for (bound, count) in &distribution.buckets {
        sample(samples, &bucket, &[("module", module), ("le", &scaled(*bound).to_string())], count);
    }
    sample(samples, &bucket, &[("module", module), ("le", "+Inf")], distribution.count);
    sample(samples, &format!("{name}_sum"), &[("module", module)], scaled(distribution.sum));
    sample(samples, &format!("{name}_count"), &[("module", module)], distribution.count);
}

/// A number of so many decimal places, exact.
#[derive(Clone, Copy)]
struct Scaled {
    value: u64,
    digits: u32,
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = 10_u64.pow(self.digits);
        let (whole, rest) = (self.value / one, self.value % one);
        write!(f, "{whole}")?;
        if rest == 0 {
            return Ok(());
        }
        let rest = format!("{rest:0width$}", width = self.digits as usize);
        write!(f, ".{}", rest.trim_end_matches('0'))
    }
}

fn sample(text: &mut String, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
    text.push_str(name);
    for (index, (label, value)) in labels.iter().enumerate() {
        text.push(if index == 0 { '{' } else { ',' });
        let _ = write!(text, "{}=\"", metric_name(label));
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                // Whoever reads it may be a terminal.
                control if control.is_control() => text.push('?'),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    if !labels.is_empty() {
        text.push('}');
    }
    let _ = writeln!(text, " {value}");
}

/// A name of letters, digits and underscores.
fn metric_name(name: &str) -> String {
    name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::parameter::PlatformModule;
    use router::{Address, ModuleKind, PlatformId};

    #[test]
    fn families_stand_together_and_labels_are_escaped() {
        let status = |module: &str| Status {
            module: module.to_owned(),
            resources: vec![Resource {
                kind: ResourceKind::Calls,
                name: "calls".into(),
                state: ResourceState::Degraded,
                used: 3,
                total: Some(10),
                detail: None,
            }],
            counters: vec![Counter::labelled("sip_requests", "method", "A\"B\\\n", 7)],
            distributions: vec![Distribution {
                name: "lateness_us".into(),
                buckets: vec![(10, 1), (2_000_000, 1)],
                count: 2,
                sum: 1_500_030,
            }],
            ..Status::default()
        };
        let scrape = Scrape {
            statuses: vec![status("switch/0"), status("switch/1")],
            silent: vec![Address::local(ModuleKind::Store, 0)],
            platforms: vec![
                Platform { id: PlatformId(1), state: PlatformState::Here, ..Platform::default() },
                Platform { address: Some("192.0.2.9:5065".to_owned()), ..Platform::default() },
                Platform {
                    id: PlatformId(2),
                    name: "west".to_owned(),
                    state: PlatformState::Linked,
                    round_trip_us: Some(210),
                    modules: vec![PlatformModule { kind: ModuleKind::Voice, index: 0, load_thousandths: 40 }],
                    ..Platform::default()
                },
            ],
        };
        let text = exposition(&scrape, false);
        assert!(text.contains("tandem_calls 6\n"));
        assert!(text.contains("tandem_sip_requests_total{module=\"switch/0\",method=\"A\\\"B\\\\\\n\"} 7\n"), "{text}");
        for line in ["bucket{module=\"switch/1\",le=\"0.00001\"} 1", "bucket{module=\"switch/1\",le=\"2\"} 1"] {
            assert!(text.contains(&format!("tandem_lateness_seconds_{line}\n")), "{line}: {text}");
        }
        assert!(text.contains("tandem_lateness_seconds_bucket{module=\"switch/1\",le=\"+Inf\"} 2\n"));
        assert!(text.contains("tandem_lateness_seconds_sum{module=\"switch/1\"} 1.50003\n"));
        assert!(text.contains("tandem_up{module=\"store/0\"} 0\n"));
        assert!(text.contains("tandem_resource_capacity{module=\"switch/0\",kind=\"calls\",name=\"calls\"} 10\n"));
        assert!(text.contains("tandem_platform_reachable{platform=\"2\",name=\"west\"} 1\n"), "{text}");
        assert!(text.contains("tandem_platform_round_trip_seconds{platform=\"2\",name=\"west\"} 0.00021\n"), "{text}");
        assert!(text.contains("tandem_platform_load_ratio{platform=\"2\",offered=\"voice/0\"} 0.04\n"), "{text}");
        assert!(!text.contains("platform=\"0\""), "nobody");
        assert!(!text.contains("platform=\"1\""), "the own one is what all the rest is of");
        let types: Vec<_> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
        let mut distinct = types.clone();
        distinct.dedup();
        assert_eq!(types, distinct, "one TYPE a family");
        assert_eq!(text.lines().filter(|line| line.starts_with("# HELP")).count(), types.len(), "{text}");
        assert_eq!(text.matches("# TYPE tandem_sip_requests_total counter").count(), 1);
    }
}
