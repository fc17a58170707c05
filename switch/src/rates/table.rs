//! The table: rows in, the offers for a number out.

use super::{Prefix, Price};
use crate::limits::{RATE_ROWS, RATE_WAYS};
use crate::plan::Way;
use std::collections::HashMap;

/// No prefix.
const NONE: u32 = u32::MAX;

/// What one way asks for a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Offer {
    /// A minute costs that.
    pub price: Price,
    /// Which of [the table's ways](RateTable::way).
    way: u16,
}

/// What is wrong with the rows of a table.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RateFault {
    /// It is no prefix of numbers.
    #[error("line {line}: `{text}` is no prefix: write up to 16 digits")]
    Prefix {
        /// Where.
        line: u64,
        /// As written.
        text: String,
    },
    /// It is no price.
    #[error("line {line}: `{text}` is no price: write a decimal such as 0.0123, six places at most behind the point")]
    Price {
        /// Where.
        line: u64,
        /// As written.
        text: String,
    },
    /// The same prefix and way.
    #[error("line {line}: the prefix {prefix} has a price for this trunk already, in line {before}")]
    Twice {
        /// Where.
        line: u64,
        /// Where it was first.
        before: u64,
        /// Which.
        prefix: String,
    },
    /// More rows than a table has.
    #[error("line {0}: a table has at most {RATE_ROWS} rows")]
    Rows(u64),
    /// More ways than a table has.
    #[error("line {0}: a table names at most {RATE_WAYS} trunks")]
    Ways(u64),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    prefix: Prefix,
    way: u16,
    price: Price,
    line: u64,
}

/// Rows that become a table.
#[derive(Default)]
pub struct RateTableBuilder {
    rows: Vec<Row>,
    ways: Vec<Way>,
    known: HashMap<Way, u16>,
}

impl std::fmt::Debug for RateTableBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateTableBuilder").field("rows", &self.rows.len()).finish_non_exhaustive()
    }
}

impl RateTableBuilder {
    /// Takes a row of the file's `line`: numbers that begin with `prefix` cost `price` by this way.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn add(&mut self, line: u64, prefix: &str, way: &Way, price: &str) -> Result<(), RateFault> {
        let read = Prefix::new(prefix).ok_or_else(|| RateFault::Prefix { line, text: prefix.to_owned() })?;
        let price = Price::parse(price).ok_or_else(|| RateFault::Price { line, text: price.to_owned() })?;
        if self.rows.len() >= RATE_ROWS {
            return Err(RateFault::Rows(line));
        }
        let way = match self.known.get(way) {
            Some(known) => *known,
            None => {
                let number = u16::try_from(self.ways.len()).ok().filter(|_| self.ways.len() < RATE_WAYS);
                let number = number.ok_or(RateFault::Ways(line))?;
                self.ways.push(way.clone());
                self.known.insert(way.clone(), number);
                number
            }
        };
        self.rows.push(Row { prefix: read, way, price, line });
        Ok(())
    }

    /// The table of these rows.
    ///
    /// # Errors
    /// A prefix that has two prices by one way.
    pub fn build(self) -> Result<RateTable, RateFault> {
        let Self { mut rows, ways, .. } = self;
        // By prefix and way, to find what is there twice; then by prefix and price, as they are asked for.
        rows.sort_unstable_by_key(|row| (row.prefix, row.way, row.line));
        for pair in rows.windows(2) {
            if let [before, row] = pair
                && (before.prefix, before.way) == (row.prefix, row.way)
            {
                let prefix = row.prefix.to_string();
                return Err(RateFault::Twice { line: row.line, before: before.line, prefix });
            }
        }
        rows.sort_unstable_by_key(|row| (row.prefix, row.price, row.line));
        let mut table = RateTable {
            prefixes: Vec::new(),
            parents: Vec::new(),
            begins: Vec::new(),
            offers: rows.iter().map(|row| Offer { price: row.price, way: row.way }).collect(),
            directory: Vec::new(),
            ways,
        };
        // Sorted, prefixes are the pre-order walk of their tree: those on the way down to the present one are on this stack.
        let mut above: Vec<u32> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            if table.prefixes.last() == Some(&row.prefix) {
                continue;
            }
            while let Some(&top) = above.last()
                && !table.prefixes[top as usize].covers(row.prefix)
            {
                above.pop();
            }
            let index = table.prefixes.len() as u32;
            table.parents.push(above.last().copied().unwrap_or(NONE));
            table.begins.push(at as u32);
            table.prefixes.push(row.prefix);
            above.push(index);
        }
        table.begins.push(rows.len() as u32);
        table.directory = directory(&table.prefixes);
        table.prefixes.shrink_to_fit();
        table.parents.shrink_to_fit();
        table.begins.shrink_to_fit();
        Ok(table)
    }
}

/// Where the prefixes with the same first four digits begin, for each four.
fn directory(prefixes: &[Prefix]) -> Vec<u32> {
    let mut begins = vec![0; (1 << 16) + 1];
    for prefix in prefixes {
        begins[prefix.directory() + 1] += 1;
    }
    for at in 1..begins.len() {
        begins[at] += begins[at - 1];
    }
    begins
}

/// What the ways of a table ask for a number, the least first, each way by its longest prefix that fits.
pub type Offers = Vec<Offer>;

/// What ways out cost, by prefix.
#[derive(Debug)]
pub struct RateTable {
    /// Sorted, each once.
    prefixes: Vec<Prefix>,
    /// Of each prefix the next shorter one that covers it.
    parents: Vec<u32>,
    /// Of each prefix its first offer; and the end.
    begins: Vec<u32>,
    offers: Vec<Offer>,
    directory: Vec<u32>,
    ways: Vec<Way>,
}

impl RateTable {
    /// How many prefixes it has.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// How many rows it was made of.
    pub fn rows(&self) -> usize {
        self.offers.len()
    }

    /// The ways that it names, in the order in which they were first named.
    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// Whose offer it is.
    pub fn way(&self, offer: Offer) -> &Way {
        &self.ways[usize::from(offer.way)]
    }

    /// What is asked for a number; of equal prices in the order of the file.
    pub fn look_up(&self, number: &str) -> Offers {
        let number = Prefix::of_number(number);
        let mut offers = Offers::new();
        let mut seen = [0_u64; RATE_WAYS.div_ceil(64)];
        let mut at = self.longest(number);
        while let Some(index) = at {
            let (begin, end) = (self.begins[index] as usize, self.begins[index + 1] as usize);
            for &offer in &self.offers[begin..end] {
                let (word, bit) = (usize::from(offer.way / 64), 1 << (offer.way % 64));
                if seen[word] & bit == 0 {
                    seen[word] |= bit;
                    offers.push(offer);
                }
            }
            at = self.parent(index);
        }
        offers.sort_by_key(|offer| offer.price);
        offers
    }

    /// The longest prefix of a number.
    fn longest(&self, number: Prefix) -> Option<usize> {
        let four = number.directory();
        let (begin, end) = (self.directory[four] as usize, self.directory[four + 1] as usize);
        // The last that does not come after the number is its longest prefix, or has the same ones.
        let after = begin + self.prefixes[begin..end].partition_point(|prefix| *prefix <= number);
        let mut at = after.checked_sub(1);
        while let Some(index) = at
            && !self.prefixes[index].covers(number)
        {
            at = self.parent(index);
        }
        at
    }

    fn parent(&self, index: usize) -> Option<usize> {
        let parent = self.parents[index];
        (parent != NONE).then_some(parent as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use router::Random;

    fn table(rows: &[(&str, &str, &str)]) -> Result<RateTable, RateFault> {
        let mut builder = RateTableBuilder::default();
        for (index, (prefix, way, price)) in rows.iter().enumerate() {
            builder.add(index as u64 + 2, prefix, &Way::from(*way), price)?;
        }
        builder.build()
    }

    fn offers(table: &RateTable, number: &str) -> Vec<(String, String)> {
        let name = |way: &Way| match way {
            Way::Trunk(name) => name.clone(),
            other => format!("{other:?}"),
        };
        let offers = table.look_up(number).into_iter();
        offers.map(|offer| (name(table.way(offer)), offer.price.to_string())).collect()
    }

    fn of(texts: &[(&str, &str)]) -> Vec<(String, String)> {
        texts.iter().map(|(way, price)| ((*way).to_owned(), (*price).to_owned())).collect()
    }

    #[test]
    fn each_way_has_its_longest_prefix_and_the_least_expensive_is_first() {
        let table = table(&[
            ("49", "a", "0.011"),
            ("49", "b", "0.009"),
            ("4930", "a", "0.006"),
            ("49301", "c", "0.012"),
            ("4931", "b", "0.001"),
            ("1", "a", "0.5"),
        ])
        .unwrap();
        assert_eq!(offers(&table, "+49301234"), of(&[("a", "0.006"), ("b", "0.009"), ("c", "0.012")]));
        assert_eq!(offers(&table, "4930"), of(&[("a", "0.006"), ("b", "0.009")]));
        assert_eq!(offers(&table, "49312"), of(&[("b", "0.001"), ("a", "0.011")]));
        assert_eq!(offers(&table, "4999"), of(&[("b", "0.009"), ("a", "0.011")]));
        assert_eq!(offers(&table, "4"), of(&[]));
        assert_eq!(offers(&table, "12"), of(&[("a", "0.5")]));
        assert_eq!(offers(&table, "alice"), of(&[]));
        assert_eq!((table.prefixes(), table.rows(), table.ways().len()), (5, 6, 3));
    }

    #[test]
    fn equal_prices_keep_the_order_of_the_file_and_an_empty_prefix_is_for_all() {
        let table = table(&[("", "x", "1"), ("7", "z", "0.5"), ("7", "y", "0.5"), ("7", "w", "0.5")]).unwrap();
        assert_eq!(offers(&table, "79"), of(&[("z", "0.5"), ("y", "0.5"), ("w", "0.5"), ("x", "1.0")]));
        assert_eq!(offers(&table, "8"), of(&[("x", "1.0")]));
        assert_eq!(offers(&table, "alice"), of(&[("x", "1.0")]));
        assert_eq!(offers(&RateTableBuilder::default().build().unwrap(), "8"), of(&[]));
    }

    fn table_of(rows: &[(String, u16, u32)]) -> RateTable {
        let mut builder = RateTableBuilder::default();
        for (line, (prefix, way, price)) in rows.iter().enumerate() {
            let way = Way::Trunk(way.to_string());
            builder.add(line as u64, prefix, &way, &Price::from_millionths(*price).to_string()).unwrap();
        }
        builder.build().unwrap()
    }

    /// Against what a person would do with the file: for each way the longest prefix that fits.
    #[test]
    fn random_tables_give_what_a_search_of_the_file_gives() {
        for seed in 0..200 {
            let mut random = Random::from_seed(seed);
            let mut digits = |most: u64, of: u64| {
                let length = random.below(most + 1);
                (0..length).map(|_| char::from(b'0' + random.below(of) as u8)).collect::<String>()
            };
            let mut rows: Vec<(String, u16, u32)> = Vec::new();
            for row in 0..200u32 {
                let prefix = digits(7, 3);
                let way = (row % 7) as u16;
                if !rows.iter().any(|(known, by, _)| *known == prefix && *by == way) {
                    rows.push((prefix, way, row * 7_919 % 1_000));
                }
            }
            let table = table_of(&rows);
            for _ in 0..100 {
                let number = digits(9, 3);
                let mut expected: Vec<(u32, String)> = (0..7)
                    .filter_map(|way| {
                        let fits =
                            rows.iter().filter(|(prefix, by, _)| *by == way && number.starts_with(prefix.as_str()));
                        let (_, _, price) = fits.max_by_key(|(prefix, ..)| prefix.len())?;
                        Some((*price, way.to_string()))
                    })
                    .collect();
                expected.sort();
                let mut found: Vec<(u32, String)> = table
                    .look_up(&number)
                    .into_iter()
                    .map(|offer| {
                        let Way::Trunk(name) = table.way(offer) else { panic!() };
                        (offer.price.as_millionths(), name.clone())
                    })
                    .collect();
                assert!(found.is_sorted_by_key(|(price, _)| *price), "seed {seed}");
                found.sort();
                assert_eq!(found, expected, "seed {seed}, number {number}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let told = |rows: &[(&str, &str, &str)]| table(rows).unwrap_err().to_string();
        assert!(told(&[("49", "a", "0.1"), ("4x", "a", "0.1")]).starts_with("line 3: `4x` is no prefix"));
        assert!(told(&[("49", "a", "free")]).starts_with("line 2: `free` is no price"));
        let twice = told(&[("49", "a", "0.1"), ("1", "b", "0.1"), ("49", "b", "1"), ("49", "a", "0.2")]);
        assert_eq!(twice, "line 5: the prefix 49 has a price for this trunk already, in line 2");
        let many: Vec<String> = (0..=RATE_WAYS).map(|way| format!("t{way}")).collect();
        let rows: Vec<(&str, &str, &str)> = many.iter().map(|way| ("49", way.as_str(), "1")).collect();
        assert!(told(&rows).contains("names at most"));
    }
}
