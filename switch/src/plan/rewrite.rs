//! How a number is changed on its way.

use super::matching::Pattern;

/// Changes a number: strips, then replaces, then prepends.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Rewrite {
    /// Characters taken from the front; more than there are leaves nothing.
    pub strip: usize,
    /// A pattern, and what its first match is replaced with (`${1}` stands for its first group).
    pub replace: Option<(Pattern, String)>,
    /// Put before the rest.
    pub prepend: String,
}

impl Rewrite {
    /// Leaves a number as it is.
    pub const NONE: Self = Self { strip: 0, replace: None, prepend: String::new() };

    /// Makes every number this one.
    pub fn fixed(number: impl Into<String>) -> Self {
        Self { strip: usize::MAX, replace: None, prepend: number.into() }
    }

    /// The number as changed.
    pub fn apply(&self, number: &str) -> String {
        let rest = match number.char_indices().nth(self.strip) {
            Some((at, _)) => &number[at..],
            None => "",
        };
        let mut rewritten = self.prepend.clone();
        match &self.replace {
            Some((pattern, replacement)) => rewritten.push_str(&pattern.replace(rest, replacement)),
            None => rewritten.push_str(rest),
        }
        rewritten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strips_then_replaces_then_prepends() {
        assert_eq!(Rewrite::NONE.apply("030123"), "030123");
        assert_eq!(Rewrite::fixed("100").apply("030123"), "100");
        let rewrite = Rewrite {
            strip: 1,
            replace: Some((Pattern::new("^30(.*)$").unwrap(), "49${1}9".into())),
            prepend: "+".into(),
        };
        assert_eq!(rewrite.apply("030123"), "+491239");
        assert_eq!(rewrite.apply("x"), "+");
        assert_eq!(Rewrite { strip: 1, ..Rewrite::NONE }.apply("ü5"), "5");
        assert_eq!(Rewrite { strip: 9, ..Rewrite::NONE }.apply("ü5"), "");
    }
}
