//! The form of a text: whether each key is there, and takes what is written. All mistakes at once, each in the words of who
//! writes the file.

use super::keys::{KEYS, Key, Numbers, SECTIONS, name, section};
use super::load::{Complaint, line_of};
use super::model::{
    Bridge, Calls, Certificate, Configuration, Control, Events, Group, Guard, Hep, Identity, Log, Media, Messages,
    Metrics, Numbering, Rates, Route, Services, Sip, Store, Trunk, TrunkGroup, Turn,
};
use crate::limits::COMPLAINTS;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IntoDeserializer};
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue, Error};

/// What a text says, as far as it can be understood.
pub(super) struct Form {
    /// The keys that are right; the others have their defaults.
    pub(super) configuration: Configuration,
    /// What is wrong.
    pub(super) complaints: Vec<Complaint>,
    /// The keys that are not right, by path.
    pub(super) faulty: Vec<String>,
    /// Whether the text is TOML at all.
    pub(super) is_toml: bool,
}

/// Reads a text.
pub(super) fn form(text: &str) -> Form {
    let (root, errors) = DeTable::parse_recoverable(text);
    let syntax: Vec<Complaint> = errors
        .iter()
        .map(|error| {
            // What is nested too deeply is told without its place.
            let line = error.span().map_or_else(|| deepest_line(text), |span| line_of(text, span.start));
            let line = Some(line);
            Complaint { line, message: error.message().trim().to_owned() }
        })
        .collect();
    let mut reader = Reader { text, complaints: Vec::new(), faulty: Vec::new() };
    let mut root = root.into_inner();
    reader.root(&mut root);
    let Reader { mut complaints, faulty, .. } = reader;
    // Behind a mistake of the syntax nothing is certain, not even in which section it is.
    if let Some(first) = syntax.iter().map(|complaint| complaint.line).min() {
        complaints.retain(|complaint| complaint.line < first);
    }
    let is_toml = syntax.is_empty();
    complaints.extend(syntax);
    let configuration = Configuration::deserialize(Spanned::new(0..0, root).into_deserializer());
    let configuration = configuration.unwrap_or_else(|error| {
        complaints.push(Complaint { line: None, message: error.message().trim().to_owned() });
        Configuration::default()
    });
    Form { configuration, complaints, faulty, is_toml }
}

/// Characters of a mistake at most: it repeats what stands in the file.
pub(super) const MESSAGE: usize = 500;

/// The line that nests most, counted from 1.
fn deepest_line(text: &str) -> usize {
    let depth = |line: &str| line.bytes().filter(|byte| b".[{".contains(byte)).count();
    // The first of several.
    let deepest = text.lines().enumerate().max_by_key(|(index, line)| (depth(line), std::cmp::Reverse(*index)));
    deepest.map_or(1, |(index, _)| index + 1)
}

struct Reader<'a> {
    text: &'a str,
    complaints: Vec<Complaint>,
    faulty: Vec<String>,
}

type Entry<'i> = (Spanned<DeString<'i>>, Spanned<DeValue<'i>>);

impl Reader<'_> {
    fn root(&mut self, root: &mut DeTable<'_>) {
        let entries: Vec<Entry<'_>> = root.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in entries {
            let right = match key.get_ref().as_ref() {
                "data" => self.takes::<Configuration>("data", None, &key, &value),
                "sip" => self.section::<Sip>("sip", root),
                "calls" => self.section::<Calls>("calls", root),
                "events" => self.section::<Events>("events", root),
                "messages" => self.section::<Messages>("messages", root),
                "services" => self.section::<Services>("services", root),
                "media" => self.section::<Media>("media", root),
                "turn" => self.sections::<Turn>("turn", root),
                "store" => self.section::<Store>("store", root),
                "control" => self.section::<Control>("control", root),
                "bridge" => self.section::<Bridge>("bridge", root),
                "metrics" => self.section::<Metrics>("metrics", root),
                "hep" => self.section::<Hep>("hep", root),
                "log" => self.section::<Log>("log", root),
                "certificate" => self.sections::<Certificate>("certificate", root),
                "trunk" => self.sections::<Trunk>("trunk", root),
                "trunk_group" => self.sections::<TrunkGroup>("trunk_group", root),
                "group" => self.sections::<Group>("group", root),
                "numbering" => self.section::<Numbering>("numbering", root),
                "identity" => self.section::<Identity>("identity", root),
                "guard" => self.sections::<Guard>("guard", root),
                "rates" => self.sections::<Rates>("rates", root),
                "route" => self.sections::<Route>("route", root),
                unknown => {
                    let known = SECTIONS.iter().map(|(name, ..)| if name.is_empty() { "data" } else { *name });
                    let what = if value.get_ref().is_table() { "section" } else { "key" };
                    let message = format!("there is no such {what}{}", suggestion(unknown, known));
                    self.fault(unknown.to_owned(), key.span().start, &message);
                    false
                }
            };
            if !right {
                root.remove(key.get_ref().as_ref());
            }
        }
    }

    fn section<T: DeserializeOwned>(&mut self, section: &str, root: &mut DeTable<'_>) -> bool {
        let Some(value) = root.get_mut(section) else { return true };
        let start = value.span().start;
        match value.get_mut() {
            DeValue::Table(table) => {
                self.table::<T>(section, section, table);
                true
            }
            _ => {
                self.fault(section.to_owned(), start, &format!("is a section: write [{section}] above its keys"));
                false
            }
        }
    }

    fn sections<T: DeserializeOwned>(&mut self, section: &str, root: &mut DeTable<'_>) -> bool {
        let Some(value) = root.get_mut(section) else { return true };
        let start = value.span().start;
        if let DeValue::Array(elements) = value.get_mut()
            && elements.iter().all(|element| element.get_ref().is_table())
        {
            for (index, element) in elements.iter_mut().enumerate() {
                if let DeValue::Table(table) = element.get_mut() {
                    self.table::<T>(section, &format!("{section}[{index}]"), table);
                }
            }
            return true;
        }
        let why = format!("there may be many of them: write [[{section}]] above the keys of each");
        self.fault(section.to_owned(), start, &why);
        false
    }

    /// Takes out of a table what is not right. `path` is that of the table.
    fn table<T: DeserializeOwned>(&mut self, of: &str, path: &str, table: &mut DeTable<'_>) {
        let entries: Vec<Entry<'_>> = table.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        for (key, value) in entries {
            let word = key.get_ref().as_ref();
            let path = format!("{path}.{word}");
            let known = || KEYS.iter().filter(|key| section(key.path) == of);
            let right = match known().find(|key| name(key.path) == word) {
                Some(Key { numbers, .. }) => self.takes::<T>(&path, *numbers, &key, &value),
                None => {
                    let near = suggestion(word, known().map(|key| name(key.path)));
                    self.fault(path, key.span().start, &format!("there is no such key{near}"));
                    false
                }
            };
            if !right {
                table.remove(word);
            }
        }
    }

    /// Whether a key takes a value: each element of a list for itself, so that all that are wrong are named.
    fn takes<T: DeserializeOwned>(
        &mut self,
        path: &str,
        numbers: Option<Numbers>,
        key: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
    ) -> bool {
        if let (Some(numbers), DeValue::Integer(integer)) = (numbers, value.get_ref()) {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            if !number.is_ok_and(|number| numbers.takes(number)) {
                self.fault(path.to_owned(), value.span().start, &no_such_number(&format!("`{integer}`"), numbers));
                return false;
            }
        }
        let Err(whole) = alone::<T>(key, value) else { return true };
        let mut errors = Vec::new();
        if let DeValue::Array(elements) = value.get_ref() {
            let list = |element: &Spanned<DeValue<'_>>| {
                let element: DeArray<'_> = std::iter::once(element.clone()).collect();
                alone::<T>(key, &Spanned::new(value.span(), DeValue::Array(element)))
            };
            let wrong = elements.iter().filter_map(|element| Some((element.span().start, list(element).err()?)));
            errors.extend(wrong.take(COMPLAINTS));
        }
        if errors.is_empty() {
            errors.push((value.span().start, whole));
        }
        for (start, error) in errors {
            let start = error.span().map_or(start, |span| span.start);
            self.fault(path.to_owned(), start, &words(error.message().trim(), numbers));
        }
        false
    }

    fn fault(&mut self, path: String, start: usize, message: &str) {
        if self.complaints.len() >= COMPLAINTS {
            // It is wrong all the same, and has its default.
            self.faulty.push(path);
            return;
        }
        let message = format!("{path}: {message}").chars().take(MESSAGE).collect();
        let complaint = Complaint { line: Some(line_of(self.text, start)), message };
        if !self.complaints.contains(&complaint) {
            self.complaints.push(complaint);
        }
        self.faulty.push(path);
    }
}

/// A section of that key alone.
fn alone<T: DeserializeOwned>(key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) -> Result<T, Error> {
    let table: DeTable<'_> = std::iter::once((key.clone(), value.clone())).collect();
    T::deserialize(Spanned::new(value.span(), table).into_deserializer())
}

/// A number that a key does not take.
fn no_such_number(found: &str, numbers: Numbers) -> String {
    let why = if numbers.why.is_empty() { String::new() } else { format!(": {}", numbers.why) };
    format!("{found}: write a whole number, {numbers}{why}")
}

/// A mistake in the words of who writes the file, out of those of the library that reads it.
fn words(message: &str, numbers: Option<Numbers>) -> String {
    let typed = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    if let Some((found, wanted)) = typed.and_then(|typed| typed.rsplit_once(", expected ")) {
        return match numbers {
            Some(numbers) => no_such_number(&found_words(found), numbers),
            None => format!("{}: write {}", found_words(found), wanted_words(wanted)),
        };
    }
    if let Some((found, wanted)) =
        message.strip_prefix("unknown variant ").and_then(|rest| rest.split_once(", expected "))
    {
        let mut wanted = wanted.trim_start_matches("one of ").replace('`', "\"");
        // Of more than two the library lists all by commas.
        if let Some(last) = wanted.rfind(", ") {
            wanted.replace_range(last..last + 1, " or");
        }
        return format!("{found}: write {wanted}");
    }
    match message {
        "invalid socket address syntax" => "write ADDRESS:PORT, such as 127.0.0.1:9464".to_owned(),
        "invalid IP address syntax" => "write an address, such as 10.0.0.5".to_owned(),
        other => other.to_owned(),
    }
}

/// What stands there.
fn found_words(found: &str) -> String {
    for (theirs, ours) in [("sequence", "a list"), ("map", "a table")] {
        if found == theirs {
            return ours.to_owned();
        }
    }
    let value = ["string ", "integer ", "boolean ", "floating point "].iter().find_map(|kind| found.strip_prefix(kind));
    let value = value.unwrap_or(found);
    if value.starts_with('`') { value.to_owned() } else { format!("`{}`", value.trim_matches('"')) }
}

/// What may stand there.
fn wanted_words(wanted: &str) -> String {
    let number = |most: u64| format!("a whole number from 0 to {most}");
    match wanted {
        "u8" => number(u8::MAX.into()),
        "u16" => number(u16::MAX.into()),
        "u32" => number(u32::MAX.into()),
        "u64" => number(i64::MAX.unsigned_abs()),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list in brackets".to_owned(),
        "a map" => "a table in braces, such as { \"a\" = \"b\" }".to_owned(),
        "socket address" => "ADDRESS:PORT in quotes, such as \"127.0.0.1:9464\"".to_owned(),
        "IP address" => "an address in quotes, such as \"10.0.0.5\"".to_owned(),
        wanted if wanted.starts_with("enum ") => "one of its words in quotes".to_owned(),
        wanted if wanted.contains("string") => "a text in quotes".to_owned(),
        other => other.to_owned(),
    }
}

/// The known word that was meant, if one is near.
fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.map(|known| (distance(word, known), known)).min().filter(|(distance, _)| *distance <= 2);
    near.map_or(String::new(), |(_, known)| format!("; is `{known}` meant?"))
}

/// How many characters are to be put in, taken away or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    // A key has some twenty characters: what is longer is near to none.
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, character) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, known) in other.iter().enumerate() {
            let changed = diagonal + usize::from(character != *known);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

/// Whether what is said of the key at `path` may come of the key at `faulty`, which has its default as it was not understood.
pub(super) fn may_come_of(path: &str, message: &str, faulty: &str) -> bool {
    let (of, by) = (section(path), section(faulty));
    let (kind, by_kind) = (of.split('[').next().unwrap_or(of), by.split('[').next().unwrap_or(by));
    let stem = |path: &str| name(path).split('_').next().unwrap_or("").trim_end_matches(char::is_numeric).to_owned();
    path == faulty
        || path == by
        || message.contains(faulty)
        || (of == by
            && (of.contains('[') || ["services", "media", "bridge"].contains(&of) || stem(path) == stem(faulty)))
        || (faulty == "sip.listen" && (path == "sip.advertised" || kind == "media" || path == "media"))
        || (path == "media" && by == "media")
        || (kind == "turn" && (by_kind == "turn" || faulty.starts_with("sip.ice")))
        || (["control", "metrics"].contains(&of) && ["control", "metrics"].contains(&by))
        || (kind == "route" && ["trunk", "trunk_group", "group"].contains(&by_kind) && name(faulty) == "name")
        || (["route", "trunk_group"].contains(&kind) && faulty == "trunk")
        || (kind == "route" && ["trunk", "group"].contains(&faulty))
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    #[test]
    fn all_mistakes_are_named_at_once_in_the_order_of_the_file() {
        let text = r#"[log]
level = "loud"
[sip]
lissten = ["udp:127.0.0.1:5060"]
dscp = "high"
listen = ["udp:here", "tcp:127.0.0.1:5060", "sctp:127.0.0.1:1"]
contacts_max = 99
[calls]
redirects = "flee"
max = -1
[[trunk]]
name = "a"
adress = "192.0.2.1"
[[trunk]]
name = "b"
[[route]]
to = ["trunk:c"]
[tracing]
"#;
        let complaints = read(text).unwrap_err();
        let lines: Vec<usize> = complaints.iter().filter_map(|complaint| complaint.line).collect();
        assert_eq!(lines, [2, 4, 5, 6, 6, 7, 9, 10, 13, 14, 17, 18], "{complaints:#?}");
        let has = |word: &str| complaints.iter().any(|complaint| complaint.message.contains(word));
        for word in [
            "sip.lissten: there is no such key; is `listen` meant?",
            "sip.dscp: `high`: write a whole number, 0 to 63",
            "`udp:here`",
            "`sctp:127.0.0.1:1`",
            "calls.redirects: `flee`: write \"follow\", \"refuse\" or \"pass\"",
            "calls.max: `-1`: write a whole number, 1 to 100000",
            "trunk[0].adress: there is no such key; is `address` meant?",
            "trunk[1]: has neither address nor accept",
            "there is no trunk `c`",
            "tracing: there is no such section",
        ] {
            assert!(has(word), "{word}: {complaints:#?}");
        }
    }

    #[test]
    fn every_key_says_in_words_what_it_takes() {
        let theirs =
            ["expected", "variant", "struct", "untagged", "sequence", "u8", "u16", "u32", "u64", "Option", "enum"];
        for key in KEYS {
            for value in ["true", "-1", "1.5", "\"\u{a7}\"", "[[1]]", "{ x = [1] }", "1979-05-27"] {
                let text = match section(key.path) {
                    "" => format!("{} = {value}", key.path),
                    many @ ("trunk" | "turn" | "group" | "guard" | "rates" | "route") => {
                        format!("[[{many}]]\n{} = {value}", name(key.path))
                    }
                    one => format!("[{one}]\n{} = {value}", name(key.path)),
                };
                for complaint in read(&text).err().into_iter().flatten() {
                    let said: Vec<&str> = complaint.message.split([' ', ':', '`']).collect();
                    assert!(!theirs.iter().any(|word| said.contains(word)), "{text}: {complaint:?}");
                    assert!(complaint.line.is_some(), "{text}: {complaint:?}");
                }
            }
        }
    }

    #[test]
    fn a_mistake_makes_no_others() {
        for text in [
            "[sip]\nlisten = [\"udp\"]\nadvertised = { \"udp:10.0.0.1:5060\" = \"203.0.113.7\" }",
            "[sip]\nexpires_min_s = \"1\"\nexpires_default_s = 30",
            "[[trunk]]\nname = 3\naddress = \"192.0.2.1\"\n[[route]]\nto = [\"trunk:a\"]",
            "[control]\ntcp = 5064\ntoken_file = \"t\"",
            "[bridge]\nplatform = \"one\"\nlisten = \"127.0.0.1:1\"",
            "trunk = 3\n[[route]]\nto = [\"trunk:a\"]",
            "sip = 3",
        ] {
            let complaints = read(text).unwrap_err();
            assert_eq!(complaints.len(), 1, "{text}: {complaints:#?}");
        }
    }

    #[test]
    fn what_comes_before_a_mistake_of_the_syntax_is_named_too() {
        let complaints = read("[sip]\ndscp = \"a\"\n[calls\nmax = \"b\"\n").unwrap_err();
        let lines: Vec<_> = complaints.iter().map(|complaint| complaint.line).collect();
        assert_eq!(lines[..2], [Some(2), Some(3)], "{complaints:#?}");
    }
}
