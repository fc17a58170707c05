//! As much of CDDL (RFC 8610) as `docs/packets.md` uses: rules, choices, ranges, `.size`, arrays, maps with integer keys,
//! enumerations. It is stricter than a reader of packets: keys that the CDDL does not have are errors.
#![allow(unreachable_pub, reason = "each test uses a part")]

use minicbor::Decoder;
use minicbor::data::Type as Cbor;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

enum Type {
    Rule(String),
    Integer(i128, i128),
    Text,
    Bool,
    Bytes(Option<usize>),
    /// Entries, and whether they may be absent (`?`) or repeated (`*`).
    Array(Vec<(char, Type)>),
    /// Key, whether it may be absent, value.
    Map(BTreeMap<u64, (bool, Type)>),
    Enumeration(BTreeMap<String, u64>),
    Choice(Vec<Type>),
}

/// A description, and what of it has occurred in what was checked.
pub struct Cddl {
    rules: BTreeMap<String, Type>,
    used: RefCell<BTreeSet<String>>,
}

impl Cddl {
    pub fn parse(text: &str) -> Self {
        let mut tokens = tokens(text).into_iter().rev().collect::<Vec<_>>();
        let mut rules = BTreeMap::new();
        while let Some(name) = tokens.pop() {
            expect(&mut tokens, "=");
            let rule = choice(&mut tokens);
            assert!(rules.insert(name.clone(), rule).is_none(), "{name} is there twice");
        }
        Self { rules, used: RefCell::default() }
    }

    /// Whether `bytes` are one value of the rule.
    pub fn check(&self, rule: &str, bytes: &[u8]) -> Result<(), String> {
        let mut decoder = Decoder::new(bytes);
        let used = self.value(rule, &self.rules[rule], &mut decoder)?;
        if decoder.position() != bytes.len() {
            return Err("bytes follow".to_owned());
        }
        self.used.borrow_mut().extend(used);
        Ok(())
    }

    /// What has not occurred: `rule`, `rule 3` (a key, a number of an enumeration), `rule/2` (a choice).
    pub fn unused(&self) -> Vec<String> {
        let mut all = BTreeSet::new();
        for (name, rule) in &self.rules {
            all.insert(name.clone());
            match rule {
                Type::Map(members) => all.extend(members.keys().map(|key| format!("{name} {key}"))),
                Type::Enumeration(numbers) => all.extend(numbers.values().map(|number| format!("{name} {number}"))),
                Type::Choice(types) => all.extend((0..types.len()).map(|number| format!("{name}/{number}"))),
                _ => {}
            }
        }
        all.difference(&self.used.borrow()).cloned().collect()
    }

    pub fn enumeration(&self, rule: &str) -> BTreeMap<String, u64> {
        match &self.rules[rule] {
            Type::Enumeration(numbers) => numbers.clone(),
            _ => panic!("{rule} is no enumeration"),
        }
    }

    /// Names and numbers of the parameters: the choices `[number, rule]` of `parameter`.
    pub fn parameters(&self) -> BTreeMap<String, u64> {
        let Type::Choice(choices) = &self.rules["parameter"] else { panic!("parameter is no choice") };
        let number_and_rule = |choice: &Type| match choice {
            Type::Array(entries) => match &entries[..] {
                [(_, Type::Integer(number, _)), (_, Type::Rule(rule))] => (rule.clone(), *number as u64),
                _ => panic!("not a number and a rule"),
            },
            _ => panic!("not an array"),
        };
        choices.iter().map(number_and_rule).collect()
    }

    /// Reads a value of a type that stands in `rule`; gives what it used.
    fn value(&self, rule: &str, expected: &Type, d: &mut Decoder<'_>) -> Result<BTreeSet<String>, String> {
        let at = d.position();
        let fault = |what: &str| format!("{rule}: {what} at octet {at}");
        let broken = |error: minicbor::decode::Error| format!("{rule}: {error} at octet {at}");
        let found = d.datatype().map_err(broken)?;
        let mut used = BTreeSet::from([rule.to_owned()]);
        match expected {
            Type::Rule(name) => {
                let expected = self.rules.get(name).unwrap_or_else(|| panic!("{name} has no rule"));
                used.extend(self.value(name, expected, d)?);
            }
            Type::Integer(low, high) => {
                let integer = i128::from(d.int().map_err(broken)?);
                if !(*low..=*high).contains(&integer) {
                    return Err(fault(&format!("{integer} is not in {low}..{high}")));
                }
            }
            Type::Text => drop(d.str().map_err(broken)?),
            Type::Bool => drop(d.bool().map_err(broken)?),
            Type::Bytes(size) => {
                let length = d.bytes().map_err(broken)?.len();
                if size.is_some_and(|size| size != length) {
                    return Err(fault(&format!("{length} bytes")));
                }
            }
            Type::Array(entries) => {
                if found != Cbor::Array {
                    return Err(fault("not an array"));
                }
                let mut left = d.array().map_err(broken)?.unwrap_or(0);
                for (occurrence, entry) in entries {
                    let times = match occurrence {
                        '*' => left,
                        '?' => left.min(1),
                        _ if left == 0 => return Err(fault("too short an array")),
                        _ => 1,
                    };
                    for _ in 0..times {
                        used.extend(self.value(rule, entry, d)?);
                    }
                    left -= times;
                }
                if left > 0 {
                    return Err(fault("too long an array"));
                }
            }
            Type::Map(members) => {
                if found != Cbor::Map {
                    return Err(fault("not a map"));
                }
                let mut keys = BTreeSet::new();
                for _ in 0..d.map().map_err(broken)?.unwrap_or(0) {
                    let key = d.u64().map_err(broken)?;
                    let (_, member) = members.get(&key).ok_or_else(|| fault(&format!("no key {key}")))?;
                    if keys.last().is_some_and(|last| *last >= key) {
                        return Err(fault("keys do not ascend"));
                    }
                    keys.insert(key);
                    used.insert(format!("{rule} {key}"));
                    used.extend(self.value(rule, member, d)?);
                }
                let absent = members.iter().find(|(key, (optional, _))| !optional && !keys.contains(*key));
                if let Some((key, _)) = absent {
                    return Err(fault(&format!("key {key} is absent")));
                }
            }
            Type::Enumeration(numbers) => {
                let number = d.u64().map_err(broken)?;
                if !numbers.values().any(|known| *known == number) {
                    return Err(fault(&format!("no number {number}")));
                }
                used.insert(format!("{rule} {number}"));
            }
            Type::Choice(types) => {
                let mut faults = Vec::new();
                for (number, choice) in types.iter().enumerate() {
                    let mut attempt = d.clone();
                    match self.value(rule, choice, &mut attempt) {
                        Ok(of_choice) => {
                            *d = attempt;
                            used.extend(of_choice);
                            used.insert(format!("{rule}/{number}"));
                            return Ok(used);
                        }
                        Err(error) => faults.push(error),
                    }
                }
                return Err(fault(&format!("none of the choices: {}", faults.join("; "))));
            }
        }
        Ok(used)
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for line in text.lines() {
        let code = line.split(';').next().unwrap_or_default();
        let mut word = String::new();
        for char in code.chars().chain([' ']) {
            if char.is_alphanumeric() || "-.".contains(char) {
                word.push(char);
                continue;
            }
            if !word.is_empty() {
                tokens.push(std::mem::take(&mut word));
            }
            if !char.is_whitespace() {
                tokens.push(char.to_string());
            }
        }
    }
    tokens
}

fn expect(tokens: &mut Vec<String>, token: &str) {
    let found = tokens.pop();
    assert_eq!(found.as_deref(), Some(token), "before {:?}", tokens.last());
}

fn take(tokens: &mut Vec<String>, token: &str) -> bool {
    let there = tokens.last().is_some_and(|last| last == token);
    if there {
        tokens.pop();
    }
    there
}

fn choice(tokens: &mut Vec<String>) -> Type {
    let mut types = vec![single(tokens)];
    while take(tokens, "/") {
        types.push(single(tokens));
    }
    if types.len() > 1 { Type::Choice(types) } else { types.remove(0) }
}

fn single(tokens: &mut Vec<String>) -> Type {
    let token = tokens.pop().expect("a type");
    match token.as_str() {
        "tstr" => Type::Text,
        "bool" => Type::Bool,
        "int" => Type::Integer(i128::from(i64::MIN), i128::from(i64::MAX)),
        "bstr" => Type::Bytes(take(tokens, ".size").then(|| number(tokens) as usize)),
        "[" => Type::Array(array(tokens)),
        "{" => Type::Map(map(tokens)),
        "&" => Type::Enumeration(enumeration(tokens)),
        word if word.starts_with(|char: char| char.is_ascii_digit()) => {
            let (low, high) = word.split_once("..").unwrap_or((word, word));
            Type::Integer(low.parse().expect("a number"), high.parse().expect("a number"))
        }
        word => Type::Rule(word.to_owned()),
    }
}

fn number(tokens: &mut Vec<String>) -> u64 {
    tokens.pop().and_then(|token| token.parse().ok()).expect("a number")
}

/// Skips the name of an entry (`source: address`).
fn skip_name(tokens: &mut Vec<String>) {
    if tokens.len() > 1 && tokens[tokens.len() - 2] == ":" {
        tokens.truncate(tokens.len() - 2);
    }
}

fn array(tokens: &mut Vec<String>) -> Vec<(char, Type)> {
    let mut entries = Vec::new();
    while !take(tokens, "]") {
        let occurrence = ['*', '?'].into_iter().find(|sign| take(tokens, &sign.to_string())).unwrap_or(' ');
        skip_name(tokens);
        entries.push((occurrence, choice(tokens)));
        take(tokens, ",");
    }
    entries
}

fn map(tokens: &mut Vec<String>) -> BTreeMap<u64, (bool, Type)> {
    let mut members = BTreeMap::new();
    while !take(tokens, "}") {
        let optional = take(tokens, "?");
        let key = number(tokens);
        expect(tokens, ":");
        assert!(members.insert(key, (optional, choice(tokens))).is_none(), "key {key} is there twice");
        take(tokens, ",");
    }
    members
}

fn enumeration(tokens: &mut Vec<String>) -> BTreeMap<String, u64> {
    expect(tokens, "(");
    let mut numbers = BTreeMap::new();
    while !take(tokens, ")") {
        let name = tokens.pop().expect("a name");
        expect(tokens, ":");
        assert!(numbers.insert(name.clone(), number(tokens)).is_none(), "{name} is there twice");
        take(tokens, ",");
    }
    numbers
}
