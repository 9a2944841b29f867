//! Cuts a stream of chunks into lines, with bounded memory.

/// One line without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from 1.
    pub number: u64,
    /// Of its first byte in the stream.
    pub byte_offset: u64,
    pub text: LineText<'a>,
}

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineText<'a> {
    Whole(&'a [u8]),
    /// More than `max_line_bytes`; the rest was skipped.
    TooLong,
}

/// Which bytes end a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// LF; a CR before it belongs to the line.
    Lf,
    /// LF, CR or CRLF.
    Any,
}

/// Cuts chunks into lines. Keeps at most one line of `max_line_bytes`.
#[derive(Debug)]
pub struct LineSplitter {
    ends: Ends,
    max_line_bytes: usize,
    kept: Vec<u8>,
    is_too_long: bool,
    after_cr: bool,
    number: u64,
    line_offset: u64,
    offset: u64,
}

impl LineSplitter {
    /// Ready for the first chunk.
    #[must_use]
    pub fn new(ends: Ends, max_line_bytes: usize) -> Self {
        Self {
            ends,
            max_line_bytes,
            kept: Vec::new(),
            is_too_long: false,
            after_cr: false,
            number: 0,
            line_offset: 0,
            offset: 0,
        }
    }

    /// Hands each line that ends in `chunk` to `take`.
    ///
    /// # Errors
    /// The first that `take` gives.
    pub fn push<E>(&mut self, mut chunk: &[u8], mut take: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        while !chunk.is_empty() {
            if std::mem::take(&mut self.after_cr) && chunk[0] == b'\n' {
                chunk = &chunk[1..];
                self.offset += 1;
                self.line_offset = self.offset;
                continue;
            }
            let end = match self.ends {
                Ends::Lf => memchr::memchr(b'\n', chunk),
                Ends::Any => memchr::memchr2(b'\n', b'\r', chunk),
            };
            let Some(end) = end else {
                self.keep(chunk);
                self.offset += chunk.len() as u64;
                return Ok(());
            };
            self.emit(&chunk[..end], &mut take)?;
            self.after_cr = chunk[end] == b'\r';
            self.offset += end as u64 + 1;
            self.line_offset = self.offset;
            chunk = &chunk[end + 1..];
        }
        Ok(())
    }

    /// Hands over a last line that has no end.
    ///
    /// # Errors
    /// The first that `take` gives.
    pub fn finish<E>(mut self, mut take: impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        if self.kept.is_empty() && !self.is_too_long { Ok(()) } else { self.emit(&[], &mut take) }
    }

    fn keep(&mut self, part: &[u8]) {
        if self.kept.len() + part.len() > self.max_line_bytes {
            self.is_too_long = true;
            self.kept.clear();
        }
        if !self.is_too_long {
            self.kept.extend_from_slice(part);
        }
    }

    fn emit<E>(&mut self, rest: &[u8], take: &mut impl FnMut(Line<'_>) -> Result<(), E>) -> Result<(), E> {
        let is_whole_in_chunk = self.kept.is_empty() && !self.is_too_long && rest.len() <= self.max_line_bytes;
        if !is_whole_in_chunk {
            self.keep(rest);
        }
        let text = match (self.is_too_long, is_whole_in_chunk) {
            (true, _) => LineText::TooLong,
            (false, true) => LineText::Whole(rest),
            (false, false) => LineText::Whole(&self.kept),
        };
        self.number += 1;
        let taken = take(Line { number: self.number, byte_offset: self.line_offset, text });
        self.kept.clear();
        self.is_too_long = false;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(ends: Ends, max: usize, chunks: &[&[u8]]) -> Vec<(u64, u64, Option<String>)> {
        let mut lines = Vec::new();
        let mut take = |line: Line<'_>| {
            let text = match line.text {
                LineText::Whole(text) => Some(String::from_utf8_lossy(text).into_owned()),
                LineText::TooLong => None,
            };
            lines.push((line.number, line.byte_offset, text));
            Ok::<(), ()>(())
        };
        let mut splitter = LineSplitter::new(ends, max);
        for chunk in chunks {
            splitter.push(chunk, &mut take).unwrap();
        }
        splitter.finish(&mut take).unwrap();
        lines
    }

    #[test]
    fn lines_do_not_depend_on_where_chunks_are_cut() {
        let text = b"a,b\r\nlonger line\rc\n\n\r\nlast";
        let whole = split(Ends::Any, 8, &[text]);
        let expected = [
            (1, 0, Some("a,b")),
            (2, 5, None),
            (3, 17, Some("c")),
            (4, 19, Some("")),
            (5, 20, Some("")),
            (6, 22, Some("last")),
        ];
        assert_eq!(whole, expected.map(|(number, offset, text)| (number, offset, text.map(String::from))));
        for first in 0..text.len() {
            for second in first..text.len() {
                assert_eq!(split(Ends::Any, 8, &[&text[..first], &text[first..second], &text[second..]]), whole);
            }
        }
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut splitter = LineSplitter::new(Ends::Lf, 1024);
        for _ in 0..1000 {
            splitter.push(&[b'x'; 4096], |_| Ok::<(), ()>(())).unwrap();
            assert!(splitter.kept.capacity() <= 2048);
        }
    }
}
