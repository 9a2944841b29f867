//! What a server has written on its disk, read without the server: nothing stands there twice.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use protocol::Event;
use protocol::event::ObservationsRecorded;
use rusqlite::{Connection, OpenFlags};

use crate::load::Acknowledged;

/// The batches of observations in the log of a data folder, by their offsets.
pub struct Ledger {
    batches: BTreeMap<u64, ObservationsRecorded>,
    history: Connection,
}

impl Ledger {
    /// Reads the data folder of a server that does not run.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(data: &Path) -> Result<Self> {
        let log = open(&data.join("log.sqlite"))?;
        let history = open(&data.join("history.sqlite"))?;
        let mut batches = BTreeMap::new();
        for (offset, event) in events(&log, "SELECT offset, body FROM entries ORDER BY offset")? {
            if let Event::ObservationsRecorded(recorded) = event {
                batches.insert(offset, recorded);
            }
        }
        Ok(Self { batches, history })
    }

    /// Every acknowledged batch stands in the log once, where its answer says, with all its rows; no key of a
    /// source is in the log twice; and the history has no moment of a series twice, since none was sent twice.
    ///
    /// # Errors
    /// Names the first that is missing or doubled.
    pub fn verify(&self, acknowledged: &[Acknowledged]) -> Result<()> {
        let mut places: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for (offset, recorded) in &self.batches {
            let Some(key) = &recorded.idempotency_key else { continue };
            let name = (recorded.source.as_str(), key.as_str());
            if let Some(first) = places.insert(name, *offset) {
                anyhow::bail!("{} / {key} was recorded at {first} and again at {offset}", recorded.source);
            }
        }
        let by_key: BTreeMap<&str, u64> = places.iter().map(|((_, key), offset)| (*key, *offset)).collect();
        for batch in acknowledged {
            let offset = by_key.get(batch.key.as_str()).with_context(|| format!("{} is not in the log", batch.key))?;
            let answered = batch.answer["offset"].as_u64();
            ensure!(Some(*offset) == answered, "{} was answered {answered:?}, but stands at {offset}", batch.key);
            let (rows, sent) = (self.batches[offset].rows.len(), batch.rows.as_array().map_or(0, Vec::len));
            ensure!(rows == sent, "{} has {rows} rows in the log, of {sent}", batch.key);
        }
        self.verify_history()
    }

    fn verify_history(&self) -> Result<()> {
        let mut logged: BTreeMap<(String, String, i64), f64> = BTreeMap::new();
        for row in self.batches.values().flat_map(|recorded| recorded.rows.iter()) {
            let (indicator, area) = (row.series.indicator.as_str().to_owned(), row.series.area.as_str().to_owned());
            logged.insert((indicator, area, row.phenomenon_time.as_micros()), row.value);
        }
        let mut runs = self.history.prepare(
            "SELECT indicator, area, last_time, packed, offset, span_micros, widest_micros \
             FROM runs JOIN series ON series.id = series_id",
        )?;
        let mut rows = runs.query([])?;
        let mut kept: BTreeMap<(String, String, i64), i64> = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let (indicator, area, offset): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(4)?);
            let (last_time, span, widest): (i64, i64, i64) = (row.get(2)?, row.get(5)?, row.get(6)?);
            let numbers = numbers_of(row.get_ref(3)?.as_blob()?, last_time);
            let first_time = numbers.first().map_or(last_time, |(time, _)| *time);
            let is_found = span == last_time - first_time && span <= widest;
            ensure!(is_found, "a run of {indicator} at {last_time} reaches over {span} of at most {widest} µs");
            for (time, value) in numbers {
                let place = (indicator.clone(), area.clone(), time);
                let (sent, at) = (logged.get(&place), format!("{indicator} of {area} at {time}"));
                ensure!(sent == Some(&value), "{at} is {value} in the history, {sent:?} in the log");
                if let Some(first) = kept.insert(place, offset) {
                    anyhow::bail!("{at} stands in the history at the offsets {first},{offset}");
                }
            }
        }
        ensure!(kept.len() == logged.len(), "the log has {} moments, the history {}", logged.len(), kept.len());
        Ok(())
    }

    /// How many batches the log has.
    #[must_use]
    pub fn batches(&self) -> usize {
        self.batches.len()
    }
}

/// The keys of batches that a server has set aside because the shared log came back without them.
///
/// # Errors
/// When the data folder cannot be read.
pub fn lost_keys(data: &Path) -> Result<Vec<String>> {
    let log = open(&data.join("log.sqlite"))?;
    let events = events(&log, "SELECT offset, body FROM lost_entries ORDER BY offset")?;
    let keys = events.into_iter().filter_map(|(_, event)| match event {
        Event::ObservationsRecorded(recorded) => recorded.idempotency_key,
        _ => None,
    });
    Ok(keys.collect())
}

/// The moments and values of a packed run: all values in 8 bytes, the statuses in one, all times but the last in 8.
fn numbers_of(packed: &[u8], last_time: i64) -> Vec<(i64, f64)> {
    let rows = (packed.len() + 8) / 17;
    let words = |bytes: &[u8]| -> Vec<u64> {
        let word = |word: &[u8]| word.iter().rev().fold(0, |sum, byte| (sum << 8) | u64::from(*byte));
        bytes.chunks_exact(8).map(word).collect()
    };
    let values = words(&packed[..8 * rows]).into_iter().map(f64::from_bits);
    let times = words(&packed[9 * rows..]).into_iter().map(u64::cast_signed);
    times.chain([last_time]).zip(values).collect()
}

fn open(path: &Path) -> Result<Connection> {
    // Not read-only: what a killed server left in its write-ahead log is taken in first.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).with_context(|| path.display().to_string())
}

fn events(log: &Connection, query: &str) -> Result<Vec<(u64, Event)>> {
    let mut statement = log.prepare(query)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
    rows.map(|row| {
        let (offset, body) = row?;
        let body = match body.split_first() {
            Some((0xC1, compressed)) => lz4_flex::block::decompress_size_prepended(compressed)?,
            _ => body,
        };
        let event = rmp_serde::from_slice(&body).with_context(|| format!("entry {offset}"))?;
        Ok((u64::try_from(offset)?, event))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use protocol::Timestamp;
    use protocol::event::ObservationRow;
    use serde_json::json;

    use super::*;

    /// A data folder with batches of one row: (key, moment).
    fn folder(batches: &[(&str, i64)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let log = Connection::open(folder.path().join("log.sqlite")).unwrap();
        log.execute_batch("CREATE TABLE entries (offset INTEGER PRIMARY KEY, body BLOB)").unwrap();
        let history = Connection::open(folder.path().join("history.sqlite")).unwrap();
        let tables = "CREATE TABLE series (id INTEGER PRIMARY KEY, indicator TEXT, area TEXT, widest_micros INTEGER);
            CREATE TABLE runs (series_id INTEGER, last_time INTEGER, offset INTEGER, packed BLOB, span_micros INTEGER);
            INSERT INTO series VALUES (1, 'test.0', '51', 0)";
        history.execute_batch(tables).unwrap();
        for (offset, (key, time)) in (1_i64..).zip(batches) {
            let series = serde_json::from_value(json!({ "indicator": "test.0", "area": "51" })).unwrap();
            let status = serde_json::from_value(json!("official")).unwrap();
            let row = ObservationRow { series, value: 1.0, phenomenon_time: Timestamp(*time), status };
            let recorded = ObservationsRecorded {
                source: "api".into(),
                received_at: Timestamp(5),
                rows: [row].into_iter().collect(),
                idempotency_key: Some((*key).to_owned()),
                refused_count: 0,
                refused: Vec::new(),
            };
            let body = rmp_serde::to_vec_named(&Event::ObservationsRecorded(recorded)).unwrap();
            log.execute("INSERT INTO entries VALUES (?1, ?2)", (offset, body)).unwrap();
            history.execute("INSERT INTO runs VALUES (1, ?1, ?2, ?3, 0)", (time, offset, packed(1.0))).unwrap();
        }
        folder
    }

    /// One row of a value.
    fn packed(value: f64) -> Vec<u8> {
        [&value.to_le_bytes()[..], &[4]].concat()
    }

    fn verify(batches: &[(&str, i64)], acknowledged: &[(&str, u64)]) -> String {
        let answered = acknowledged.iter().map(|(key, offset)| Acknowledged {
            key: (*key).to_owned(),
            rows: json!([{}]),
            answer: json!({ "offset": offset }),
        });
        let folder = folder(batches);
        let verdict = Ledger::read(folder.path()).unwrap().verify(&answered.collect::<Vec<_>>());
        verdict.map_or_else(|error| error.to_string(), |()| "right".to_owned())
    }

    #[test]
    fn what_stands_twice_or_not_at_all_is_found() {
        assert_eq!(verify(&[("a", 1), ("b", 2)], &[("a", 1), ("b", 2)]), "right");
        // Recorded, not answered, recorded again, answered: the later offset is right, the doubling is not.
        assert!(verify(&[("a", 1), ("a", 1)], &[("a", 2)]).contains("recorded at 1 and again at 2"));
        assert!(verify(&[("a", 1), ("b", 1)], &[("a", 1)]).contains("at 1 stands in the history"));
        assert!(verify(&[("a", 1)], &[("b", 1)]).contains("not in the log"));
        assert!(verify(&[("a", 1)], &[("a", 7)]).contains("answered Some(7)"));
    }
}
