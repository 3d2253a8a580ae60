//! The CSV: bytes in, lines of named fields out. Knows nothing of jobs.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use csv::ByteRecord;

use crate::error::Error;
use crate::hash::fnv;

/// Largest file, in bytes; it is read whole, so that lines are counted as an editor counts them.
const CSV_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Largest row, in bytes; a quote that is never closed makes a row of the rest of the file.
const ROW_BYTES_MAX: usize = 64 * 1024;
/// How much of a file's name goes into the keys.
const NAME_CHARS_MAX: usize = 64;

/// The list that is used when none is given.
const RECIPIENTS: &[u8] = include_bytes!("../data/recipients.csv");

/// A CSV file whose header was understood.
pub(crate) struct CsvFile {
    name: String,
    columns: Vec<String>,
    bytes: Arc<[u8]>,
    reader: csv::Reader<Cursor<Arc<[u8]>>>,
    /// Lines are counted up to this byte.
    counted: usize,
    line: u64,
}

/// One row, as far as it is text.
pub(crate) struct Line {
    /// Its number in the file, from 1, as an editor shows it.
    pub(crate) number: u64,
    /// The same row in the same place of the same file, whichever run reads it.
    pub(crate) key: String,
    /// Its fields, or why it has none.
    pub(crate) fields: Result<Fields, String>,
}

/// The fields of a row that are not blank, by column.
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The field of `column`; `None` when it is blank.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let found = fields.find(|(name, _)| name == column);
        found.map(|(_, value)| value.as_str())
    }
}

impl CsvFile {
    /// Reads `path`, or the list that comes with the example.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Self::new("recipients.csv".into(), RECIPIENTS);
        };
        let bytes = read(path).map_err(|source| Error::Csv {
            path: path.to_owned(),
            source,
        })?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy();
        let name = name.chars().filter(|character| !character.is_control());
        Self::new(name.take(NAME_CHARS_MAX).collect(), &bytes)
    }

    fn new(name: String, bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > CSV_BYTES_MAX {
            return Err(Error::CsvTooLarge {
                name,
                limit: CSV_BYTES_MAX,
            });
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let bytes: Arc<[u8]> = bytes.into();
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(Cursor::new(bytes.clone()));
        let columns = match columns(&mut reader) {
            Ok(columns) => columns,
            Err(why) => return Err(Error::NotRecipients { name, why }),
        };
        Ok(Self {
            name,
            columns,
            bytes,
            reader,
            counted: 0,
            line: 1,
        })
    }

    /// What the file is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn line_at(&mut self, byte: usize) -> u64 {
        // The reader has not yet stepped over the line ends before the row.
        let mut start = byte.min(self.bytes.len());
        while matches!(self.bytes.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        while self.counted < start {
            let ends = match self.bytes[self.counted] {
                b'\n' => true,
                b'\r' => self.bytes.get(self.counted + 1) != Some(&b'\n'),
                _ => false,
            };
            self.line += u64::from(ends);
            self.counted += 1;
        }
        self.line
    }

    fn fields(&self, record: &ByteRecord) -> Result<Fields, String> {
        if record.as_slice().len() > ROW_BYTES_MAX {
            return Err(format!(
                "the row has {} bytes, at most {ROW_BYTES_MAX} are allowed: is a quote left open?",
                record.as_slice().len()
            ));
        }
        if record.len() != self.columns.len() {
            let hint = match record.as_slice().contains(&b'\n') {
                true => ": is a quote left open?",
                false => "",
            };
            return Err(format!(
                "the row has {} columns, the header has {}{hint}",
                record.len(),
                self.columns.len()
            ));
        }
        let mut fields = Vec::with_capacity(record.len());
        for (column, value) in self.columns.iter().zip(record) {
            let value =
                std::str::from_utf8(value).map_err(|_| format!("`{column}` is not valid UTF-8"))?;
            if value.contains('\0') {
                return Err(format!("`{column}` holds a NUL byte"));
            }
            if !value.trim().is_empty() {
                fields.push((column.clone(), value.to_owned()));
            }
        }
        Ok(Fields(fields))
    }
}

impl Iterator for CsvFile {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let mut record = ByteRecord::new();
        // Reading from memory can't fail, and rows of any length are taken.
        if !self.reader.read_byte_record(&mut record).unwrap_or(false) {
            return None;
        }
        let byte = record.position().map_or(0, csv::Position::byte);
        let number = self.line_at(usize::try_from(byte).unwrap_or(usize::MAX));
        let content = fnv(record.iter());
        Some(Line {
            number,
            key: format!("{}:{number}:{content:016x}", self.name),
            fields: self.fields(&record),
        })
    }
}

/// The file, up to one byte more than is allowed: a device may have no end.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = CSV_BYTES_MAX as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The columns that the header names, in lower case.
fn columns(reader: &mut csv::Reader<Cursor<Arc<[u8]>>>) -> Result<Vec<String>, String> {
    let header = reader.byte_headers().map_err(|error| error.to_string())?;
    if header.is_empty() {
        return Err("it is empty".into());
    }
    let header = header
        .iter()
        .map(|column| match std::str::from_utf8(column) {
            Ok(column) if !column.contains('\0') => Ok(column.trim().to_lowercase()),
            _ => Err("its first line is not text in UTF-8".to_owned()),
        });
    let columns: Vec<String> = header.collect::<Result<_, _>>()?;
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].contains(column) {
            return Err(format!(
                "the column `{}` is there twice",
                column.escape_debug()
            ));
        }
    }
    let missing: Vec<&str> = ["kind", "phone"]
        .into_iter()
        .filter(|column| !columns.iter().any(|known| known == column))
        .collect();
    match missing.is_empty() {
        true => Ok(columns),
        false => Err(format!("it has no column `{}`", missing.join("` and no `"))),
    }
}
