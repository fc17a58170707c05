//! Tables for people: columns as wide as their widest cell.

use super::terminal;

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    right: Vec<bool>,
}

impl Table {
    /// A table with these columns; a name that begins with `>` is of a column of numbers, aligned right.
    pub(super) fn new(columns: &[&str]) -> Self {
        let right = columns.iter().map(|column| column.starts_with('>')).collect();
        let header = columns.iter().map(|column| column.trim_start_matches('>').to_owned()).collect();
        Self { rows: vec![header], right }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| terminal::plain(&cell)).collect());
    }

    /// How many rows there are, without the header.
    pub(super) fn len(&self) -> usize {
        self.rows.len() - 1
    }

    /// The table as text.
    pub(super) fn render(&self) -> String {
        let width = |column: usize| {
            self.rows.iter().filter_map(|row| row.get(column)).map(|cell| terminal::width(cell)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.right.len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, width) in widths.iter().enumerate() {
                let cell = row.get(column).map_or("", String::as_str);
                if column > 0 {
                    line.push_str("  ");
                }
                let space = " ".repeat(width - terminal::width(cell));
                line.push_str(&if self.right[column] { space + cell } else { format!("{cell}{space}") });
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// A row of comma-separated values (RFC 4180).
pub(super) fn csv<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let cell = |cell: &str| {
        if cell.contains(['"', ',', '\n', '\r', '\t']) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    };
    let cells: Vec<String> = cells.into_iter().map(cell).collect();
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        let mut table = Table::new(&["name", ">calls", "state"]);
        table.row(["a".to_owned(), "10".to_owned(), String::new()]);
        table.row(["longer\u{1b}".to_owned(), "5".to_owned(), "ready".to_owned()]);
        assert_eq!(table.render(), "name     calls  state\na           10\nlonger?      5  ready\n");
        assert_eq!(table.len(), 2);
    }

    #[test]
    fn columns_align_whatever_the_alphabet() {
        let mut table = Table::new(&["name", ">calls", "address"]);
        table.row(["李雷".to_owned(), "1".to_owned(), "[2001:db8::1]:5060".to_owned()]);
        table.row(["Zoe\u{308}".to_owned(), "20".to_owned(), "192.0.2.1:5060".to_owned()]);
        let text = table.render();
        assert_eq!(text, "name  calls  address\n李雷      1  [2001:db8::1]:5060\nZoe\u{308}      20  192.0.2.1:5060\n");
    }

    #[test]
    fn cells_are_quoted_where_they_must() {
        assert_eq!(csv(["a", "b,c", "d\"e"]), "a,\"b,c\",\"d\"\"e\"\r\n");
    }
}
