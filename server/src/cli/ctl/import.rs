//! `tandem ctl account import`: many accounts at once.

use super::client::{Client, CtlError};
use super::show;
use crate::cli::print;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Makes the accounts of a file, or of standard input. What is wrong with a line keeps no other from being made.
pub(super) fn run(client: &mut Client, as_json: bool, file: Option<&Path>) -> Result<(), CtlError> {
    let local = |error: io::Error| CtlError::Local(format!("the accounts could not be read: {error}"));
    let input: Box<dyn Read> = match file {
        Some(file) => Box::new(File::open(file).map_err(local)?),
        None => Box::new(io::stdin().lock()),
    };
    let mut lines = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::Fields)
        .comment(Some(b'#'))
        .from_reader(input);
    // What could not be asked for, by its line; and the lines of what was.
    let wrong: RefCell<Vec<(u64, String)>> = RefCell::default();
    let asked: RefCell<Vec<u64>> = RefCell::default();
    let bodies = lines.records().filter_map(|record| {
        let line = |position: Option<&csv::Position>| position.map_or(0, csv::Position::line);
        let body = record.map_err(|error| (line(error.position()), error.to_string())).and_then(|record| {
            let at = line(record.position());
            body(&record).map(|body| (at, body)).map_err(|why| (at, why))
        });
        match body {
            Ok((at, body)) => {
                asked.borrow_mut().push(at);
                Some(body)
            }
            Err(fault) => {
                wrong.borrow_mut().push(fault);
                None
            }
        }
    });
    let mut made = Vec::new();
    let mut count = 0_u64;
    client.ask_all("accounts", "add", bodies, |place, answer| match answer {
        Ok(account) => {
            count += 1;
            match account["password"].as_str() {
                Some(_) if as_json => made.push(account),
                Some(password) => print::line(&format!("user {} password {password}", show::text(&account["account"]))),
                None => {}
            }
        }
        Err(why) => {
            let line = asked.borrow().get(place).copied().unwrap_or_default();
            wrong.borrow_mut().push((line, why.to_string()));
        }
    })?;
    let mut wrong = wrong.into_inner();
    wrong.sort();
    if as_json {
        let refused: Vec<Value> = wrong.iter().map(|(line, why)| json!({ "line": line, "why": why })).collect();
        print::line(&format!("{:#}", json!({ "made": count, "passwords": made, "refused": refused })));
    } else {
        print::line(&format!("{count} made"));
    }
    match wrong.as_slice() {
        [] => Ok(()),
        [(line, why), ..] => {
            if !as_json {
                wrong.iter().skip(1).for_each(|(line, why)| print::line(&format!("line {line}: {why}")));
            }
            Err(CtlError::Local(format!("line {line}: {why} ({} not made)", wrong.len())))
        }
    }
}

/// What is asked for a line.
fn body(line: &csv::StringRecord) -> Result<Value, String> {
    let field = |index: usize| line.get(index).filter(|field| !field.is_empty());
    if line.len() > 3 {
        return Err("more than a name, a password and a name to show".to_owned());
    }
    let mut body = json!({ "name": field(0).ok_or("no name")? });
    for (key, value) in [("password", field(1)), ("display-name", field(2))] {
        if let Some(value) = value {
            body[key] = value.into();
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_name_and_what_else_is_known() {
        let of = |fields: &[&str]| body(&csv::StringRecord::from(fields.to_vec()));
        assert_eq!(of(&["carol"]).unwrap(), json!({ "name": "carol" }));
        assert_eq!(of(&["carol", "", "Carol"]).unwrap(), json!({ "name": "carol", "display-name": "Carol" }));
        assert_eq!(of(&["carol", "pa:ss"]).unwrap(), json!({ "name": "carol", "password": "pa:ss" }));
        assert!(of(&["", "password"]).is_err() && of(&["a", "b", "c", "d"]).is_err());
    }
}
