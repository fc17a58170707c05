//! The rate tables of the configuration: read from CSV files, beside everything else that runs, and shared by all shards.

use crate::certificates::Fault;
use crate::configuration::model::{Configuration, Rates};
use crate::configuration::plan::way_of;
use crate::limits::RATES_FILE_BYTES;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use switch::plan;
use switch::rates::{RateTable, RateTableBuilder};

/// The tables in force.
#[derive(Clone, Debug, Default)]
pub struct Tables(Arc<[Table]>);

/// A table, and what its file looked like when it was read.
#[derive(Clone, Debug)]
struct Table {
    name: String,
    file: PathBuf,
    stamp: Stamp,
    table: Arc<RateTable>,
}

/// By what a file is known to be the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    written: Option<SystemTime>,
    octets: u64,
}

/// A table that has changed: its name, and how many rows it has had and has now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Which.
    pub name: String,
    /// `None`: it was not there.
    pub from: Option<usize>,
    /// `None`: it is gone.
    pub to: Option<usize>,
}

impl Tables {
    /// Reads the files that the configuration names; one that has not changed since it was `former`'s is not read again.
    ///
    /// # Errors
    /// All that is wrong: the path of the key, and how.
    pub fn read(configuration: &Configuration, former: &Self) -> Result<Self, Vec<Fault>> {
        let mut tables = Vec::new();
        let mut faults = Vec::new();
        for (index, rates) in configuration.rates.iter().enumerate() {
            match read(configuration, rates, former) {
                Ok(table) => tables.push(table),
                Err(why) => {
                    faults.push((format!("rates[{index}].file"), format!("{}: {why}", rates.file.display())));
                }
            }
        }
        if faults.is_empty() { Ok(Self(tables.into())) } else { Err(faults) }
    }

    /// What the plan is told.
    pub fn of_plan(&self) -> Vec<plan::Rates> {
        let rates = |table: &Table| plan::Rates { name: table.name.clone(), table: Arc::clone(&table.table) };
        self.0.iter().map(rates).collect()
    }

    /// What is not as it was.
    pub fn changed(&self, former: &Self) -> Vec<Changed> {
        let rows = |tables: &Self, name: &str| tables.find(name).map(|table| table.table.rows());
        let is_same = |table: &&Table| {
            let before = former.find(&table.name);
            before.is_some_and(|before| Arc::ptr_eq(&before.table, &table.table))
        };
        let now = self.0.iter().filter(|table| !is_same(table));
        let now = now.map(|table| Changed {
            name: table.name.clone(),
            from: rows(former, &table.name),
            to: Some(table.table.rows()),
        });
        let gone = former.0.iter().filter(|table| self.find(&table.name).is_none());
        let gone = gone.map(|table| Changed { name: table.name.clone(), from: Some(table.table.rows()), to: None });
        now.chain(gone).collect()
    }

    fn find(&self, name: &str) -> Option<&Table> {
        self.0.iter().find(|table| table.name == name)
    }
}

fn read(configuration: &Configuration, rates: &Rates, former: &Tables) -> Result<Table, String> {
    let file = File::open(&rates.file).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    let stamp = Stamp { written: metadata.modified().ok(), octets: metadata.len() };
    if metadata.len() > RATES_FILE_BYTES {
        return Err(format!("is longer than {RATES_FILE_BYTES} bytes"));
    }
    let known = former.0.iter().find(|known| known.file == rates.file && known.stamp == stamp);
    // Trunks may have gone meanwhile.
    let table = match known.filter(|known| known.table.ways().iter().all(|way| is_there(configuration, way))) {
        Some(known) => Arc::clone(&known.table),
        None => Arc::new(parse(configuration, file.take(RATES_FILE_BYTES))?),
    };
    Ok(Table { name: rates.name.clone(), file: rates.file.clone(), stamp, table })
}

/// Whether the configuration has what a way names.
fn is_there(configuration: &Configuration, way: &plan::Way) -> bool {
    match way {
        plan::Way::Trunk(name) => configuration.trunk.iter().any(|trunk| trunk.name == *name),
        plan::Way::Group(name) => configuration.trunk_group.iter().any(|group| group.name == *name),
        plan::Way::TrunkOf { .. } | plan::Way::Platform(_) => configuration.bridge.platform.is_some(),
        // What a call costs depends on where that leads.
        plan::Way::Enum(_) => false,
    }
}

/// The columns that are read; others are passed over.
const COLUMNS: [&str; 3] = ["prefix", "trunk", "price"];

/// A table of a CSV file (RFC 4180) whose first line names the columns. Where that has semicolons and no comma, semicolons part all columns.
fn parse(configuration: &Configuration, text: impl Read) -> Result<RateTable, String> {
    let mut text = BufReader::new(text);
    let first = text.fill_buf().map_err(|error| error.to_string())?;
    let head = first.split(|&octet| octet == b'\n').next().unwrap_or_default();
    let delimiter = if head.contains(&b';') && !head.contains(&b',') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text);
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    let name = |text: &str| text.trim_start_matches('\u{feff}').to_ascii_lowercase();
    let column = |wanted: &str| {
        let place = names.iter().position(|text| name(text) == wanted);
        place.ok_or_else(|| format!("line 1: there is no column `{wanted}`; {} are needed", COLUMNS.join(", ")))
    };
    let [prefix, trunk, price] = [column(COLUMNS[0])?, column(COLUMNS[1])?, column(COLUMNS[2])?];
    let mut builder = RateTableBuilder::default();
    let mut ways: std::collections::HashMap<String, plan::Way> = std::collections::HashMap::new();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| error.to_string())? {
        let line = row.position().map_or(0, csv::Position::line);
        let cell = |place: usize| row.get(place).unwrap_or_default();
        let way = match ways.get(cell(trunk)) {
            Some(way) => way,
            None => {
                let text = cell(trunk);
                let way = way_of(text).filter(|way| is_there(configuration, way));
                let way = way.ok_or_else(|| format!("line {line}: there is no trunk `{text}`"))?;
                ways.entry(text.to_owned()).or_insert(way)
            }
        };
        builder.add(line, cell(prefix), way, cell(price)).map_err(|fault| fault.to_string())?;
    }
    builder.build().map_err(|fault| fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::read as configured;

    fn carriers() -> Configuration {
        let trunk = |name: &str| format!("[[trunk]]\nname = \"{name}\"\naddress = \"192.0.2.1\"\n");
        configured(&[trunk("a"), trunk("b")].concat()).unwrap()
    }

    fn table(text: &str) -> Result<RateTable, String> {
        parse(&carriers(), text.as_bytes())
    }

    fn offers(table: &RateTable, number: &str) -> Vec<String> {
        let offers = table.look_up(number).into_iter();
        offers.map(|offer| format!("{:?} {}", table.way(offer), offer.price)).collect()
    }

    #[test]
    fn decks_are_read_with_whatever_other_columns_they_have() {
        let text =
            "\u{feff}Destination,Prefix,Price,Trunk\n\"Berlin, city\",4930,0.006,a\nGermany, 49 ,0.009,trunk:b\n";
        let read = table(text).unwrap();
        assert_eq!(offers(&read, "+4930123"), ["Trunk(\"a\") 0.006", "Trunk(\"b\") 0.009"]);
        let read = table("prefix;trunk;price\r\n49;a;0.5\r\n").unwrap();
        assert_eq!(offers(&read, "4930"), ["Trunk(\"a\") 0.5"]);
        assert_eq!(table("prefix,trunk,price\n").unwrap().rows(), 0);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            ("", "there is no column `prefix`"),
            ("prefix,price\n49,1\n", "there is no column `trunk`"),
            ("prefix,trunk,price\n49,a,1\n49,c,1\n", "line 3: there is no trunk `c`"),
            ("prefix,trunk,price\n49,a,1\n4 9,b,1\n", "line 3: `4 9` is no prefix"),
            ("prefix,trunk,price\n49,a,free\n", "line 2: `free` is no price"),
            (
                "prefix,trunk,price\n49,a,1\n49,a,2\n",
                "line 3: the prefix 49 has a price for this trunk already, in line 2",
            ),
            ("prefix,trunk,price\n49,a\n", "line: 2"),
            ("prefix,trunk,price\n49,platform:x,2\n", "line 2: there is no trunk `platform:x`"),
        ] {
            let fault = table(text).unwrap_err();
            assert!(fault.contains(told), "{fault}");
        }
    }

    #[test]
    fn a_file_is_read_again_only_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rates.csv");
        let mut configuration = carriers();
        configuration.rates = vec![Rates { name: "all".to_owned(), file: file.clone() }];
        let none = Tables::default();
        assert!(Tables::read(&configuration, &none).unwrap_err()[0].0 == "rates[0].file");
        std::fs::write(&file, "prefix,trunk,price\n49,a,1\n").unwrap();
        let first = Tables::read(&configuration, &none).unwrap();
        assert_eq!(first.changed(&none), [Changed { name: "all".to_owned(), from: None, to: Some(1) }]);
        let same = Tables::read(&configuration, &first).unwrap();
        assert_eq!(same.changed(&first), []);
        std::fs::write(&file, "prefix,trunk,price\n49,a,1\n1,b,0.25\n").unwrap();
        let second = Tables::read(&configuration, &same).unwrap();
        assert_eq!(second.changed(&same), [Changed { name: "all".to_owned(), from: Some(1), to: Some(2) }]);
        // A trunk that it names goes away: it is not in force any more, although its file is the same.
        configuration.trunk.pop();
        assert!(Tables::read(&configuration, &second).unwrap_err()[0].1.contains("there is no trunk `b`"));
        configuration.rates.clear();
        let gone = Tables::read(&configuration, &second).unwrap();
        assert_eq!(gone.changed(&second), [Changed { name: "all".to_owned(), from: Some(2), to: None }]);
    }
}
