//! A page of metrics as Prometheus reads it (text format, version 0.0.4): what breaks the format, or the naming conventions that
//! `promtool check metrics` asks for, is a panic that names the line.

use std::collections::{BTreeMap, BTreeSet};

/// The samples of one name.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// `counter`, `gauge`, `histogram`.
    pub kind: String,
    /// What it means.
    pub help: String,
    /// Each sample: its name (that of a histogram's part too), its labels, its value.
    pub samples: Vec<(String, BTreeMap<String, String>, f64)>,
}

impl Family {
    /// The sum of all samples that have those labels.
    pub fn sum(&self, labels: &[(&str, &str)]) -> f64 {
        let has = |found: &BTreeMap<String, String>| {
            labels.iter().all(|(name, value)| found.get(*name).is_some_and(|found| found == value))
        };
        self.samples.iter().filter(|(_, labels, _)| has(labels)).map(|(.., value)| value).sum()
    }
}

/// Reads a page.
pub fn read(text: &str) -> BTreeMap<String, Family> {
    assert!(text.ends_with('\n'), "the last line has no end");
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    let mut series = BTreeSet::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or_else(|| panic!("no text: {line}"));
            assert!(is_name(name), "{line}");
            assert!(!help.trim().is_empty() && !help.contains('\r'), "{line}");
            let family = Family { help: help.to_owned(), ..Family::default() };
            assert!(families.insert(name.to_owned(), family).is_none(), "HELP again, or families are mixed: {line}");
            name.clone_into(&mut current);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or_else(|| panic!("no type: {line}"));
            assert_eq!(name, current, "TYPE stands below the HELP of its family: {line}");
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
            let family = families.get_mut(name).expect("its HELP came before");
            assert!(family.kind.is_empty() && family.samples.is_empty(), "TYPE again, or behind samples: {line}");
            kind.clone_into(&mut family.kind);
        } else {
            let (name, labels, value) = sample(line);
            let family = families.get_mut(&current).unwrap_or_else(|| panic!("no family: {line}"));
            let part = name.strip_prefix(current.as_str()).unwrap_or_else(|| panic!("of another family: {line}"));
            match family.kind.as_str() {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&part), "{line}"),
                kind => assert!(!kind.is_empty() && part.is_empty(), "{line}"),
            }
            assert_eq!(labels.contains_key("le"), part == "_bucket", "{line}");
            assert!(series.insert((name.clone(), labels.clone())), "a series is there twice: {line}");
            assert!(value.is_finite() && (family.kind == "gauge" || value >= 0.0), "{line}");
            family.samples.push((name, labels, value));
        }
    }
    for (name, family) in &families {
        conventions(name, family);
        if family.kind == "histogram" {
            histogram(name, family);
        }
    }
    families
}

/// <https://prometheus.io/docs/practices/naming/>: a prefix, base units, `_total` for what counts and for nothing else.
fn conventions(name: &str, family: &Family) {
    assert!(name.starts_with("tandem_") && name == name.to_lowercase(), "{name}");
    assert!(!family.samples.is_empty(), "{name} has no sample");
    assert_eq!(family.kind == "counter", name.ends_with("_total"), "{name} is a {}", family.kind);
    for suffix in ["_bucket", "_sum", "_count"] {
        assert!(!name.ends_with(suffix), "{name}");
    }
    let units = ["us", "ms", "micros", "millis", "milliseconds", "thousandths", "percent", "kib", "mib"];
    assert!(!name.split('_').any(|word| units.contains(&word)), "{name} is in no base unit");
    assert!(family.help.ends_with('.'), "{name}: {}", family.help);
}

/// Each bucket holds those before it; the last one holds all.
fn histogram(name: &str, family: &Family) {
    let mut of: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    let (mut counts, mut sums) = (BTreeMap::new(), BTreeSet::new());
    for (part, labels, value) in &family.samples {
        let mut labels = labels.clone();
        let bound = labels.remove("le");
        match (part.strip_prefix(name), bound) {
            (Some("_bucket"), Some(bound)) => {
                let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("le is a number") };
                of.entry(labels).or_default().push((bound, *value));
            }
            (Some("_count"), None) => drop(counts.insert(labels, *value)),
            _ => drop(sums.insert(labels)),
        }
    }
    for (labels, buckets) in &of {
        assert!(buckets.is_sorted_by(|one, other| one.0 < other.0 && one.1 <= other.1), "{name}: {buckets:?}");
        let (last, all) = buckets.last().expect("there is one");
        assert!(last.is_infinite() && counts.get(labels) == Some(all) && sums.contains(labels), "{name}: {labels:?}");
    }
    assert_eq!((of.len(), of.len()), (counts.len(), sums.len()), "{name}");
}

/// `name{label="value",…} 1`
fn sample(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no sample: {line:?}"));
    let (name, mut rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
            assert!(is_name(label) && !label.contains(':') && !label.starts_with("__"), "{label}: {line}");
            let (value, after) = quoted(after).unwrap_or_else(|| panic!("wrong escapes: {line}"));
            assert!(labels.insert(label.to_owned(), value).is_none(), "a label is there twice: {line}");
            rest = match after.strip_prefix(',') {
                Some(more) => more,
                None => {
                    rest = after.strip_prefix('}').unwrap_or_else(|| panic!("no end of the labels: {line}"));
                    break;
                }
            };
        }
    }
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no value: {line}"));
    (name.to_owned(), labels, value.parse().unwrap_or_else(|_| panic!("{value} is no number: {line}")))
}

/// A label's value up to its closing quote, and what follows. `None`: an escape that there is not, or no end.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('\\' | '"') => escaped,
                _ => return None,
            }),
            plain => value.push(plain),
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "_:".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = concat!(
        "# HELP tandem_a_total A.\n# TYPE tandem_a_total counter\n",
        "tandem_a_total{module=\"x/0\",of=\"a\\\"\\\\\\n\"} 3\ntandem_a_total{module=\"y/0\"} 4\n",
        "# HELP tandem_b_seconds B.\n# TYPE tandem_b_seconds histogram\n",
        "tandem_b_seconds_bucket{le=\"0.1\"} 1\ntandem_b_seconds_bucket{le=\"+Inf\"} 2\n",
        "tandem_b_seconds_sum 0.5\ntandem_b_seconds_count 2\n",
    );

    #[test]
    fn a_page_is_read() {
        let families = read(PAGE);
        assert_eq!(families["tandem_a_total"].sum(&[]), 7.0);
        assert_eq!(families["tandem_a_total"].sum(&[("module", "x/0")]), 3.0);
        assert_eq!(families["tandem_a_total"].samples[0].1["of"], "a\"\\\n");
    }

    #[test]
    fn what_breaks_the_format_is_found() {
        for (from, to) in [
            ("tandem_a_total{module=\"y/0\"} 4\n", "tandem_a_total{module=\"y/0\"} x\n"),
            ("module=\"y/0\"", "module=\"y\"/0\""),
            ("\\\"", "\\t"),
            ("{module=\"y/0\"}", "{module=\"y/0\",module=\"z\"}"),
            (
                "tandem_a_total{module=\"y/0\"} 4\n",
                "tandem_a_total{module=\"y/0\"} 4\ntandem_a_total{module=\"y/0\"} 4\n",
            ),
            ("le=\"0.1\"} 1", "le=\"0.1\"} 3"),
            ("tandem_b_seconds_count 2", "tandem_b_seconds_count 3"),
            ("# TYPE tandem_b_seconds histogram\n", ""),
            ("# TYPE tandem_a_total counter", "# TYPE tandem_a_total gauge"),
            ("tandem_b_seconds", "tandem_b_us"),
            ("tandem_b_seconds_sum 0.5\n", "tandem_a_total 1\n"),
            ("HELP tandem_b_seconds B.", "HELP tandem_b_seconds "),
        ] {
            let page = PAGE.replace(from, to);
            assert_ne!(page, PAGE);
            assert!(std::panic::catch_unwind(|| read(&page)).is_err(), "{page}");
        }
    }
}
