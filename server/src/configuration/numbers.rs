//! How numbers are dialled, and where the clocks hang: what the plan is told besides routes.

use super::model::Configuration;
use super::value::NumberForm;
use switch::plan::{self, Hours, Numbering, Zone};

/// How numbers are dialled here.
pub fn numbering(configuration: &Configuration) -> Numbering {
    let numbering = &configuration.numbering;
    Numbering {
        country: numbering.country.clone(),
        international: numbering.international.clone(),
        national: numbering.national.clone(),
        area: numbering.area.clone(),
        local_digits_min: numbering.local_digits_min as usize,
    }
}

/// How somebody writes them.
pub const fn form(form: NumberForm) -> plan::NumberForm {
    match form {
        NumberForm::AsIs => plan::NumberForm::AsIs,
        NumberForm::E164 => plan::NumberForm::E164,
        NumberForm::Plain => plan::NumberForm::Plain,
        NumberForm::National => plan::NumberForm::National,
        NumberForm::International => plan::NumberForm::International,
    }
}

/// By which clock routes are in force. That it is there, [`faults`] says.
pub fn zone(configuration: &Configuration) -> Zone {
    Zone::new(&configuration.calls.time_zone).unwrap_or_default()
}

/// When a route is in force; `None`: always.
pub fn hours(lines: &[String]) -> Option<Hours> {
    if lines.is_empty() { None } else { Hours::new(lines).ok() }
}

/// What is wrong with these: the path of the key, and how.
pub fn faults(configuration: &Configuration) -> Vec<(String, String)> {
    let mut faults = Vec::new();
    let numbering = &configuration.numbering;
    let is_digits = |text: &str| text.len() <= 8 && text.bytes().all(|digit| digit.is_ascii_digit());
    for (key, text) in [
        ("country", &numbering.country),
        ("international", &numbering.international),
        ("national", &numbering.national),
        ("area", &numbering.area),
    ] {
        if !is_digits(text) {
            faults.push((format!("numbering.{key}"), "has up to eight digits, and nothing else".to_owned()));
        }
    }
    let trunks = configuration.trunk.iter().enumerate();
    let forms = trunks.map(|(index, trunk)| (format!("trunk[{index}].numbers"), trunk.numbers));
    let forms = std::iter::once(("numbering.accounts".to_owned(), numbering.accounts)).chain(forms);
    for (path, form) in forms.filter(|(_, form)| *form != NumberForm::AsIs) {
        if numbering.country.is_empty() {
            faults.push((path, "needs numbering.country".to_owned()));
        } else if numbering.international.is_empty() && form == NumberForm::International {
            faults.push((path, "needs numbering.international".to_owned()));
        }
    }
    for (path, number) in written(configuration) {
        if number.is_empty() && path.ends_with(".prefix") {
            faults.push((path, "is empty, as every number begins: leave it out".to_owned()));
        } else if let Some(why) = undialled(number) {
            faults.push((path, format!("`{number}` {why}")));
        }
    }
    if let Err(error) = Zone::new(&configuration.calls.time_zone) {
        faults.push(("calls.time_zone".to_owned(), error.to_string()));
    }
    for (index, route) in configuration.route.iter().enumerate() {
        if let Err(error) = Hours::new(&route.hours) {
            faults.push((format!("route[{index}].hours"), error.to_string()));
        }
    }
    faults
}

/// The numbers that are written somewhere, and where.
fn written(configuration: &Configuration) -> impl Iterator<Item = (String, &String)> {
    let services = &configuration.services;
    let lists = [
        ("calls.emergency", &configuration.calls.emergency),
        ("services.echo", &services.echo),
        ("services.milliwatt", &services.milliwatt),
        ("services.silence", &services.silence),
    ];
    let of_lists = lists.into_iter().flat_map(|(path, numbers)| numbers.iter().map(|one| (path.to_owned(), one)));
    let of_routes = configuration.route.iter().enumerate().flat_map(|(index, route)| {
        let named = move |key: &str| format!("route[{index}].{key}");
        let number = route.number.iter().map(move |number| (named("number"), number));
        number.chain(route.prefix.iter().map(move |prefix| (named("prefix"), prefix)))
    });
    of_lists.chain(of_routes)
}

/// Why no call has such a number.
fn undialled(number: &str) -> Option<&'static str> {
    let separated = |local: &str| {
        local.contains(['-', '.', '(', ')']) && local.chars().all(|one| one.is_ascii_digit() || "-.()".contains(one))
    };
    if number.is_empty() {
        Some("is empty: no call has such a number")
    } else if number.contains(|one: char| one.is_whitespace() || one.is_control()) {
        Some("has a space: no call has such a number")
    } else if number.strip_prefix('+').is_some_and(separated) {
        // RFC 3966 §5.1.1: they only make it easier to read.
        Some("has separators: calls have their numbers without")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::read;

    #[test]
    fn what_is_wrong_is_told_by_line() {
        for (text, line, word) in [
            ("[numbering]\ncountry = \"+49\"", 2, "digits"),
            ("[numbering]\naccounts = \"national\"", 2, "needs numbering.country"),
            ("[[trunk]]\nname = \"a\"\naddress = \"192.0.2.1\"\nnumbers = \"e164\"", 4, "needs numbering.country"),
            (
                "[numbering]\ncountry = \"49\"\ninternational = \"\"\naccounts = \"international\"",
                4,
                "needs numbering.international",
            ),
            ("[calls]\ntime_zone = \"Mars\"", 2, "no time zone"),
            ("[[route]]\nto = [\"account:a\"]\nhours = [\"8-18\"]", 3, "no hours"),
            ("[numbering]\naccounts = \"local\"", 2, "national"),
            ("[calls]\nemergency = [\"112\", \"\"]", 2, "is empty"),
            ("[services]\necho = [\"\"]", 2, "is empty"),
            ("[services]\nsilence = [\"6 00\"]", 2, "has a space"),
            ("[[route]]\nto = [\"account:a\"]\nnumber = \"+49-30 123\"", 3, "has a space"),
            ("[[route]]\nto = [\"account:a\"]\nprefix = \"+49-30\"", 3, "has separators"),
            ("[[route]]\nto = [\"account:a\"]\nprefix = \"\"", 3, "is empty"),
        ] {
            let complaints = read(text).unwrap_err();
            assert!(
                complaints.iter().any(|one| one.line == Some(line) && one.message.contains(word)),
                "{complaints:?}"
            );
        }
        let text = "[numbering]\ncountry = \"49\"\narea = \"30\"\naccounts = \"national\"\n[calls]\ntime_zone = \"Europe/Berlin\"\n\
            [[route]]\nto = [\"account:a\"]\nhours = [\"mon-fri 08:00-18:00\"]";
        assert!(read(text).is_ok());
        assert!(read("[[route]]\nnumber = \"a-b\"\nto = [\"account:a\"]").is_ok(), "a name is no telephone number");
    }
}
