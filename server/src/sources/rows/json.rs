//! Rows in JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::{BATCH_ROWS, Cell, Column, Columns, Mapping, Origin, Reader, RowProblem, RowRead};
use crate::config::{Options, suggestion};

/// How much of something that is no figure is shown, in characters.
const SHOWN_CHARS: usize = 40;

/// What has to be there of the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Must {
    /// Some row has each.
    HaveAll,
    /// Some row has a value at least.
    HaveOneValue,
}

/// A JSONPath (RFC 9535).
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Path(pub JsonPath);

/// Reports columns that cannot be of JSON.
pub fn check_mapping(mapping: &Mapping, options: &mut Options<'_>) {
    for column in mapping.columns() {
        match column {
            Column::Place(place) => {
                options.report(&["mapping"], &format!("column {place}: in JSON, columns have names, or paths ($.a.b)"));
            }
            Column::Name(name) if name.starts_with('$') => {
                if let Err(error) = JsonPath::parse(name) {
                    options.report(&["mapping"], &format!("column '{name}' is no JSONPath: {error}"));
                }
            }
            Column::Name(_) => {}
        }
    }
}

/// A column of a row: one of its members, or what a path leads to.
enum Field {
    Member(String),
    Path(JsonPath),
}

impl Field {
    fn of(column: &Column) -> Self {
        let name = column.to_string();
        match JsonPath::parse(&name) {
            Ok(path) if name.starts_with('$') => Self::Path(path),
            _ => Self::Member(name),
        }
    }

    fn of_row<'v>(&self, row: &'v Value) -> Option<&'v Value> {
        match self {
            Self::Member(name) => row.get(name),
            Self::Path(path) => path.query(row).first(),
        }
    }
}

/// Hands over what the rows of `answer` say, in pieces, until `give` wants no more. How many rows there are.
///
/// # Errors
/// When there are no rows where they should be, or none has a column.
pub fn rows(
    answer: &Value,
    place: Option<&Path>,
    mapping: &Mapping,
    time_zone: &str,
    origin: Origin<'_>,
    must: Must,
    give: &mut dyn FnMut(RowRead) -> bool,
) -> Result<usize, RowProblem> {
    let rows: Vec<&Value> = match (place, answer) {
        (Some(Path(path)), _) => path.query(answer).all(),
        (None, Value::Array(rows)) => rows.iter().collect(),
        (None, row) => vec![row],
    };
    let names: Vec<String> = mapping.columns().map(ToString::to_string).collect();
    let fields: Vec<Field> = mapping.columns().map(Field::of).collect();
    check_columns(&rows, &names, &fields, must, mapping.values.len())?;
    let columns = Columns::find(mapping, names, 0)?;
    let reader = Reader::new(mapping, time_zone, origin)?;
    let mut piece = RowRead::default();
    for (at, row) in rows.iter().enumerate() {
        piece
            .extend(reader.row(at as u64 + 1, &columns, |column| fields[column].of_row(row).map_or(Cell::Empty, cell)));
        if piece.len() >= BATCH_ROWS && !give(std::mem::take(&mut piece)) {
            return Ok(rows.len());
        }
    }
    give(piece);
    Ok(rows.len())
}

/// A column that no row has is another one by now, or was never there.
fn check_columns(
    rows: &[&Value],
    names: &[String],
    fields: &[Field],
    must: Must,
    values: usize,
) -> Result<(), RowProblem> {
    let Some(first) = rows.first() else { return Ok(()) };
    let has = |field: &Field| rows.iter().any(|row| field.of_row(row).is_some());
    // The columns of values are the first ones.
    if must == Must::HaveOneValue && fields.iter().take(values).any(has) {
        return Ok(());
    }
    for (name, field) in names.iter().zip(fields) {
        if !has(field) {
            let members = first.as_object().into_iter().flat_map(|members| members.keys().map(String::as_str));
            let near = suggestion(name, members);
            return Err(RowProblem {
                column: Some(name.clone()),
                ..RowProblem::whole(format!("no row has '{name}'{near}; has the answer changed?"))
            });
        }
    }
    Ok(())
}

fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Empty,
        Value::Bool(is) => Cell::Number(f64::from(u8::from(*is))),
        Value::Number(number) => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => Cell::Text(Cow::Borrowed(text)),
        Value::Array(_) | Value::Object(_) => Cell::Wrong {
            text: value.to_string().chars().take(SHOWN_CHARS).collect(),
            reason: "is no single value; give the path to it as the column ($.a.b)",
        },
    }
}
