//! Numbers as they are dialled and written, and as E.164 has them.

use std::borrow::Cow;

/// How somebody writes numbers of the public network.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum NumberForm {
    /// They are left as they are.
    #[default]
    AsIs,
    /// `+49301234`: E.164 with a plus (RFC 3966 §5.1.4).
    E164,
    /// `49301234`: E.164 without it.
    Plain,
    /// As people dial: `0301234` in the own country, `0033142` abroad, and `1234` in the own area where there is one.
    National,
    /// `0049301234`: each with the international prefix.
    International,
}

/// The numbering plan of where the platform is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Numbering {
    /// Country code: `49`.
    pub country: String,
    /// What is dialled before a country code: `00`, `011`.
    pub international: String,
    /// What is dialled before an area code: `0`, `1`; empty where nothing is.
    pub national: String,
    /// The area code that numbers have which are dialled without one: `30`. Empty: nobody dials so.
    pub area: String,
    /// Digits that a number has which is dialled without area code: shorter ones are extensions and services.
    pub local_digits_min: usize,
}

impl Numbering {
    /// A number so written, as `+` and E.164. What is none (a name, an extension, an emergency number) stays.
    pub fn to_e164<'a>(&self, number: &'a str, form: NumberForm) -> Cow<'a, str> {
        let plus = |digits: &str| Cow::Owned(format!("+{digits}"));
        let is_long = number.len() >= self.local_digits_min;
        if form == NumberForm::AsIs || !is_digits(number) || number == self.international {
            return Cow::Borrowed(number);
        }
        if let Some(abroad) = without(number, &self.international)
            && matches!(form, NumberForm::National | NumberForm::International)
        {
            return plus(abroad);
        }
        match form {
            NumberForm::AsIs | NumberForm::International => Cow::Borrowed(number),
            // A peer that writes no plus writes no prefixes either.
            NumberForm::E164 | NumberForm::Plain if is_long => plus(number),
            NumberForm::E164 | NumberForm::Plain => Cow::Borrowed(number),
            NumberForm::National => match without(number, &self.national)
                .filter(|rest| rest.len() >= self.local_digits_min)
            {
                Some(rest) => plus(&[&self.country, rest].concat()),
                // Where nothing stands before an area code, every number of some length has one, unless there is an own area.
                None if is_long && !self.area.is_empty() => plus(&[&self.country, self.area.as_str(), number].concat()),
                None if is_long && self.national.is_empty() => plus(&[&self.country, number].concat()),
                None => Cow::Borrowed(number),
            },
        }
    }

    /// A number of E.164 with its `+`, as somebody writes it. Any other stays.
    pub fn from_e164<'a>(&self, number: &'a str, form: NumberForm) -> Cow<'a, str> {
        let Some(digits) = number.strip_prefix('+').filter(|digits| is_digits(digits)) else {
            return Cow::Borrowed(number);
        };
        match form {
            NumberForm::AsIs | NumberForm::E164 => Cow::Borrowed(number),
            NumberForm::Plain => Cow::Borrowed(digits),
            NumberForm::International => Cow::Owned([&self.international, digits].concat()),
            NumberForm::National => match digits.strip_prefix(self.country.as_str()) {
                Some(rest) => Cow::Owned([&self.national, rest].concat()),
                None => Cow::Owned([&self.international, digits].concat()),
            },
        }
    }
}

/// What is behind a prefix that is dialled; `None`: it is not there, or nothing is behind it.
fn without<'a>(number: &'a str, prefix: &str) -> Option<&'a str> {
    number.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn germany() -> Numbering {
        Numbering {
            country: "49".into(),
            international: "00".into(),
            national: "0".into(),
            area: "30".into(),
            local_digits_min: 5,
        }
    }

    #[test]
    fn what_people_dial_becomes_e164() {
        let plan = germany();
        for (dialled, number) in [
            ("+49301234567", "+49301234567"),
            ("0049301234567", "+49301234567"),
            ("0301234567", "+49301234567"),
            ("1234567", "+49301234567"),
            ("0033142685300", "+33142685300"),
            ("112", "112"),
            ("600", "600"),
            ("alice", "alice"),
            ("*8", "*8"),
            ("00", "00"),
            ("", ""),
        ] {
            assert_eq!(plan.to_e164(dialled, NumberForm::National), number, "{dialled}");
        }
        let america = Numbering {
            country: "1".into(),
            international: "011".into(),
            national: "1".into(),
            area: String::new(),
            local_digits_min: 10,
        };
        for (dialled, number) in [
            ("12125550100", "+12125550100"),
            ("01149301234", "+49301234"),
            ("2125550100", "2125550100"),
            ("911", "911"),
            ("112", "112"),
        ] {
            assert_eq!(america.to_e164(dialled, NumberForm::National), number, "{dialled}");
        }
        // Where area codes are dialled as they are.
        let denmark =
            Numbering { country: "45".into(), international: "00".into(), local_digits_min: 8, ..Numbering::default() };
        assert_eq!(denmark.to_e164("33112233", NumberForm::National), "+4533112233");
        assert_eq!(denmark.to_e164("112", NumberForm::National), "112");
    }

    #[test]
    fn what_trunks_write_becomes_e164_and_goes_back() {
        let plan = germany();
        for (form, written) in [
            (NumberForm::E164, "+49301234567"),
            (NumberForm::Plain, "49301234567"),
            (NumberForm::National, "0301234567"),
            (NumberForm::International, "0049301234567"),
        ] {
            assert_eq!(plan.to_e164(written, form), "+49301234567", "{form:?}");
            assert_eq!(plan.from_e164("+49301234567", form), written, "{form:?}");
        }
        assert_eq!(plan.from_e164("+33142685300", NumberForm::National), "0033142685300");
        assert_eq!(plan.to_e164("49301234567", NumberForm::E164), "+49301234567", "a plus is forgotten easily");
        for form in [NumberForm::E164, NumberForm::Plain, NumberForm::National, NumberForm::International] {
            for kept in ["112", "alice", "anonymous", "*72", "+", "+49a"] {
                assert_eq!(plan.from_e164(kept, form), kept);
            }
            assert_eq!(plan.to_e164("112", form), "112", "{form:?}");
        }
        assert_eq!(plan.to_e164("0049301", NumberForm::AsIs), "0049301");
    }
}
