//! Text of peers on a terminal: what it may hold, and how wide it stands there.

use unicode_width::UnicodeWidthChar;

/// A text that does not steer the terminal: a question mark stands for each character that would. Those are control characters, and
/// those by which text is written from right to left or hides something (Unicode TR 9 and TR 36).
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|character| if steers(character) { '?' } else { character }).collect()
}

/// In how many columns a text stands.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

fn steers(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(plain("\u{1b}[2Jalice\r\n\u{9b}"), "?[2Jalice???");
        assert_eq!(plain("bob\u{202e}ecila\u{200b}\u{2066}"), "bob?ecila??");
        assert_eq!(plain("Zoë Müller 李雷 🙂"), "Zoë Müller 李雷 🙂");
    }

    #[test]
    fn width_is_that_of_columns() {
        assert_eq!([width("abc"), width("Zoe\u{308}"), width("李雷"), width("🙂"), width("")], [3, 3, 4, 2, 0]);
    }
}
