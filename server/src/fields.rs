//! The fields of one line of CSV.

use csv_core::ReadRecordResult;

/// Reads the fields of lines, one line after the other.
#[derive(Debug)]
pub struct Fields {
    reader: csv_core::Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Fields {
    /// For lines of at most `max_columns`.
    #[must_use]
    pub fn new(delimiter: u8, max_columns: usize) -> Self {
        let reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self { reader, text: Vec::new(), ends: vec![0; max_columns + 1], count: 0 }
    }

    /// Reads a line that has no line end in it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&mut self, line: &str) -> Result<(), String> {
        if memchr::memchr_iter(b'"', line.as_bytes()).count() % 2 == 1 {
            return Err("a quote (\") is not closed on this line; a row is one line".to_owned());
        }
        let max_columns = self.ends.len() - 1;
        let too_many = || format!("more than {max_columns} columns");
        self.reader.reset();
        self.text.resize(line.len() + 1, 0);
        let (first, _, written, columns) = self.reader.read_record(line.as_bytes(), &mut self.text, &mut self.ends);
        if !matches!(first, ReadRecordResult::InputEmpty) {
            return Err(too_many());
        }
        let (last, _, _, more) = self.reader.read_record(&[], &mut self.text[written..], &mut self.ends[columns..]);
        self.count = columns + more;
        if matches!(last, ReadRecordResult::OutputEndsFull) || self.count > max_columns {
            Err(too_many())
        } else {
            Ok(())
        }
    }

    /// How many fields the line has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The field in a column, counted from 0; nothing where there is none.
    #[must_use]
    pub fn get(&self, column: usize) -> &str {
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let text = self.ends.get(column).and_then(|end| self.text.get(start..*end)).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}
