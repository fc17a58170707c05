//! Sections that are there many times: each is known by its name, whatever stands before it in the file; one without a name by what it
//! says. So who takes a trunk away is told of that trunk, not of all behind it.

use super::super::model::{Certificate, Configuration, Group, Guard, Rates, Route, Trunk, TrunkGroup, Turn};
use super::Change;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// What changed in them; each with a key of its section by which it is known whether it can be applied.
pub(super) fn changes(old: &Configuration, new: &Configuration) -> Vec<(&'static str, Change)> {
    let mut changes = Vec::new();
    let mut section = |path, old, new, plain| changes.extend(Section { path, old, new, plain }.changes());
    section("certificate.file", tables(&old.certificate), tables(&new.certificate), plain::<Certificate>());
    section("turn.server", tables(&old.turn), tables(&new.turn), plain::<Turn>());
    section("trunk.name", tables(&old.trunk), tables(&new.trunk), plain::<Trunk>());
    section("trunk_group.name", tables(&old.trunk_group), tables(&new.trunk_group), plain::<TrunkGroup>());
    section("group.name", tables(&old.group), tables(&new.group), plain::<Group>());
    section("guard.name", tables(&old.guard), tables(&new.guard), plain::<Guard>());
    section("rates.name", tables(&old.rates), tables(&new.rates), plain::<Rates>());
    section("route.name", tables(&old.route), tables(&new.route), plain::<Route>());
    changes
}

fn tables<T: Serialize>(elements: &[T]) -> Vec<Table> {
    elements.iter().filter_map(|element| Table::try_from(element).ok()).collect()
}

/// One of which nothing is said.
fn plain<T: Serialize + Default>() -> Table {
    Table::try_from(T::default()).unwrap_or_default()
}

/// All sections of a kind, before and after.
struct Section {
    path: &'static str,
    old: Vec<Table>,
    new: Vec<Table>,
    plain: Table,
}

impl Section {
    fn changes(&self) -> Vec<(&'static str, Change)> {
        if self.old == self.new {
            return Vec::new();
        }
        let pairs = self.pairs();
        let (kept, still): (BTreeSet<usize>, BTreeSet<usize>) = pairs.iter().copied().unzip();
        let mut changes = Vec::new();
        for (index, element) in self.old.iter().enumerate().filter(|(index, _)| !kept.contains(index)) {
            changes.push(Change { key: self.key(index, element), from: Some(self.said(element)), to: None });
        }
        for (index, element) in self.new.iter().enumerate().filter(|(index, _)| !still.contains(index)) {
            changes.push(Change { key: self.key(index, element), from: None, to: Some(self.said(element)) });
        }
        for &(before, after) in &pairs {
            let (before, after, element) = (&self.old[before], &self.new[after], self.key(after, &self.new[after]));
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys.into_iter().filter(|key| before.get(*key) != after.get(*key)) {
                let text = |table: &Table| table.get(key).map(Value::to_string);
                changes.push(Change { key: format!("{element}.{key}"), from: text(before), to: text(after) });
            }
        }
        let order: Vec<usize> = pairs.iter().map(|(before, _)| *before).collect();
        if !order.is_sorted() {
            let listed = |elements: &[Table], told: &dyn Fn(usize) -> bool| {
                let told = elements.iter().enumerate().filter(|(index, _)| told(*index));
                told.map(|(index, element)| named(index, element)).collect::<Vec<_>>().join(", ")
            };
            let from = Some(listed(&self.old, &|index| kept.contains(&index)));
            let to = Some(listed(&self.new, &|index| still.contains(&index)));
            changes.push(Change { key: format!("{} (order)", self.kind()), from, to });
        }
        changes.into_iter().map(|change| (self.path, change)).collect()
    }

    fn kind(&self) -> &str {
        self.path.split('.').next().unwrap_or(self.path)
    }

    /// `trunk[carrier]`, `route[3]`.
    fn key(&self, index: usize, element: &Table) -> String {
        format!("{}[{}]", self.kind(), named(index, element))
    }

    /// What is said of one, beside its name.
    fn said(&self, element: &Table) -> String {
        let said = element.iter().filter(|(key, value)| *key != "name" && self.plain.get(*key) != Some(value));
        said.map(|(key, value)| format!("{key} = {value}")).collect::<Vec<_>>().join(", ")
    }

    /// Which of the old ones are which of the new ones, in the order of these.
    fn pairs(&self) -> Vec<(usize, usize)> {
        let by_name: BTreeMap<&str, usize> =
            self.old.iter().enumerate().filter_map(|(index, one)| Some((name(one)?, index))).collect();
        let mut pairs: Vec<(usize, usize)> =
            self.new.iter().enumerate().filter_map(|(index, one)| Some((*by_name.get(name(one)?)?, index))).collect();
        let nameless = |elements: &[Table]| -> Vec<usize> {
            (0..elements.len()).filter(|index| name(&elements[*index]).is_none()).collect()
        };
        pairs.extend(self.alike(&nameless(&self.old), &nameless(&self.new)));
        pairs.sort_by_key(|(_, after)| *after);
        pairs
    }

    /// Pairs of those that say the same, in their order; and of those between two such pairs the first with the first.
    fn alike(&self, old: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
        let same = |(before, after): (&usize, &usize)| self.old[*before] == self.new[*after];
        let begin = old.iter().zip(new).take_while(|pair| same(*pair)).count();
        let end = old[begin..].iter().rev().zip(new[begin..].iter().rev()).take_while(|pair| same(*pair)).count();
        let mut pairs: Vec<(usize, usize)> = old.iter().copied().zip(new.iter().copied()).take(begin).collect();
        let (old_mid, new_mid) = (&old[begin..old.len() - end], &new[begin..new.len() - end]);
        let (mut before, mut after) = (0, 0);
        for (same_before, same_after) in self.common(old_mid, new_mid) {
            pairs.extend(old_mid[before..same_before].iter().copied().zip(new_mid[after..same_after].iter().copied()));
            pairs.push((old_mid[same_before], new_mid[same_after]));
            (before, after) = (same_before + 1, same_after + 1);
        }
        pairs.extend(old_mid[before..].iter().copied().zip(new_mid[after..].iter().copied()));
        pairs.extend(old[old.len() - end..].iter().copied().zip(new[new.len() - end..].iter().copied()));
        pairs
    }

    /// The longest sequence that both have, by places in these.
    fn common(&self, old: &[usize], new: &[usize]) -> Vec<(usize, usize)> {
        if old.len().saturating_mul(new.len()) > COMPARISONS {
            return Vec::new();
        }
        let width = new.len() + 1;
        let mut longest = vec![0u32; (old.len() + 1) * width];
        let mut is_same = vec![false; old.len() * new.len()];
        for before in (0..old.len()).rev() {
            for after in (0..new.len()).rev() {
                let same = self.old[old[before]] == self.new[new[after]];
                is_same[before * new.len() + after] = same;
                longest[before * width + after] = match same {
                    true => longest[(before + 1) * width + after + 1] + 1,
                    false => longest[(before + 1) * width + after].max(longest[before * width + after + 1]),
                };
            }
        }
        let (mut before, mut after, mut common) = (0, 0, Vec::new());
        while before < old.len() && after < new.len() {
            if is_same[before * new.len() + after] {
                common.push((before, after));
                (before, after) = (before + 1, after + 1);
            } else if longest[(before + 1) * width + after] >= longest[before * width + after + 1] {
                before += 1;
            } else {
                after += 1;
            }
        }
        common
    }
}

/// Comparisons of nameless sections at most: of a thousand in the place of another thousand the first is told as the first.
const COMPARISONS: usize = 1_000_000;

fn name(element: &Table) -> Option<&str> {
    element.get("name").and_then(Value::as_str)
}

fn named(index: usize, element: &Table) -> String {
    name(element).map_or_else(|| index.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::super::read;
    use super::super::merge;

    fn applied(old: &str, new: &str) -> Vec<String> {
        let (_, report) = merge(&read(old).unwrap(), &read(new).unwrap());
        assert!(report.restart.is_empty());
        let text = |side: Option<String>| side.unwrap_or_else(|| "-".to_owned());
        report.applied.into_iter().map(|one| format!("{}: {} -> {}", one.key, text(one.from), text(one.to))).collect()
    }

    fn trunk(name: &str, address: &str) -> String {
        format!("[[trunk]]\nname = \"{name}\"\naddress = \"{address}\"\n")
    }

    #[test]
    fn a_trunk_that_is_taken_away_is_all_that_is_told() {
        let (a, b, c) = (trunk("a", "192.0.2.1"), trunk("sip.b.example", "192.0.2.2"), trunk("c", "192.0.2.3"));
        let all = format!("{a}{b}{c}");
        assert_eq!(applied(&all, &format!("{b}{c}")), ["trunk[a]: address = \"192.0.2.1\" -> -"]);
        assert_eq!(applied(&format!("{b}{c}"), &all), ["trunk[a]: - -> address = \"192.0.2.1\""]);
        let changed = format!("{}{c}", trunk("sip.b.example", "192.0.2.9"));
        assert_eq!(
            applied(&all, &changed),
            ["trunk[a]: address = \"192.0.2.1\" -> -", "trunk[sip.b.example].address: \"192.0.2.2\" -> \"192.0.2.9\"",]
        );
        assert_eq!(applied(&all, &format!("{c}{a}{b}")), ["trunk (order): a, sip.b.example, c -> c, a, sip.b.example"]);
        assert!(applied(&all, &all).is_empty());
    }

    #[test]
    fn a_password_that_is_another_one_is_told_of_its_trunk() {
        let account = |password: &str| format!("username = \"u\"\npassword = \"{password}\"\n");
        let (a, b) = (trunk("a", "192.0.2.1"), trunk("b", "192.0.2.2"));
        let old = format!("{a}{b}{}", account("one"));
        assert_eq!(applied(&old, &format!("{b}{}", account("two"))).len(), 2);
        assert_eq!(applied(&old, &format!("{a}{b}{}", account("two"))), ["trunk[b].password: - -> -"]);
    }

    #[test]
    fn routes_without_names_are_known_by_what_they_say() {
        let route = |prefix: &str, to: &str| format!("[[route]]\nprefix = \"{prefix}\"\nto = [\"account:{to}\"]\n");
        let (a, b, c) = (route("1", "a"), route("2", "b"), route("3", "c"));
        let all = format!("{a}{b}{c}");
        assert_eq!(applied(&all, &format!("{a}{c}")), ["route[1]: prefix = \"2\", to = [\"account:b\"] -> -"]);
        assert_eq!(
            applied(&all, &format!("{}{a}{b}{c}", route("0", "z"))),
            ["route[0]: - -> prefix = \"0\", to = [\"account:z\"]"]
        );
        assert_eq!(
            applied(&all, &format!("{a}{}{c}", route("2", "z"))),
            ["route[1].to: [\"account:b\"] -> [\"account:z\"]"]
        );
        assert_eq!(applied(&all, &format!("{a}{}{c}", route("2", "b") + "name = \"x\"\n")).len(), 2);
        let moved = applied(&all, &format!("{b}{a}{c}"));
        assert_eq!(moved.len(), 2, "{moved:?}");
    }
}
