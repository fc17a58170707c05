//! What the match of a pattern becomes: text in which a dollar stands for a group of the pattern.
//!
//! | written | stands for |
//! |---|---|
//! | `$1` | the first group: one digit, so that digits of the number and letters may follow it; `$0` is the whole match |
//! | `${10}`, `${name}` | the group of that number or name |
//! | `$$` | a dollar |

use switch::plan::Pattern;

/// The text as the cores read it: each group in braces.
///
/// # Errors
/// A dollar that stands for nothing, or for a group that the pattern lacks: in words.
pub(super) fn of(pattern: &Pattern, text: &str) -> Result<String, String> {
    let mut read = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        read.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            read.push_str("$$");
            rest = after;
            continue;
        }
        let group = match after.strip_prefix('{') {
            Some(braced) => braced.split_once('}'),
            None if after.starts_with(|one: char| one.is_ascii_digit()) => Some(after.split_at(1)),
            None => None,
        };
        let Some((group, after)) = group else {
            return Err(format!("`{text}`: a dollar stands for a group, as $1, ${{10}} or ${{name}}; $$ is a dollar"));
        };
        if !pattern.has_group(group) {
            return Err(format!("`{text}` names the group {group}, which `{}` does not have", pattern.as_str()));
        }
        read.push_str("${");
        read.push_str(group);
        read.push('}');
        rest = after;
    }
    read.push_str(rest);
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replaced(pattern: &str, text: &str, number: &str) -> Result<String, String> {
        let pattern = Pattern::new(pattern).unwrap();
        of(&pattern, text).map(|replacement| pattern.replace(number, &replacement).into_owned())
    }

    #[test]
    fn one_digit_stands_for_a_group_whatever_follows_it() {
        for (pattern, text, number, becomes) in [
            (r"^7(\d{3})(\d*)$", "$1x$2", "7123456", "123x456"),
            (r"^7(\d{3})(\d*)$", "+49$10$2", "7123456", "+491230456"),
            (r"^7(\d{3})(\d*)$", "${1}0$2", "7123456", "1230456"),
            (r"^7(\d{3})(\d*)$", "$0", "7123456", "7123456"),
            (r"^(?<code>0)(.*)$", "${code}_$2_$$1", "030", "0_30_$1"),
            ("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", "${10}$1", "abcdefghijk", "jak"),
            ("^0", "+49", "030", "+4930"),
        ] {
            assert_eq!(replaced(pattern, text, number).as_deref(), Ok(becomes), "{pattern} {text}");
        }
    }

    #[test]
    fn a_dollar_that_stands_for_nothing_is_refused() {
        for (text, word) in [
            ("$2", "the group 2"),
            ("1${10}", "the group 10"),
            ("${1x}", "the group 1x"),
            ("${}", "the group"),
            ("$x", "$$ is a dollar"),
            ("49$", "$$ is a dollar"),
            ("${1", "$$ is a dollar"),
            ("$ü", "$$ is a dollar"),
        ] {
            let why = replaced("^0(.*)$", text, "0").unwrap_err();
            assert!(why.contains(word) && why.contains(text), "{text}: {why}");
        }
    }
}
