//! When each source last delivered.

use protocol::source::Delivery;
use protocol::{SourceId, Timestamp};
use rusqlite::Connection;

/// The newest deliveries of a source of which something was taken and of which something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastDeliveries {
    pub source: SourceId,
    /// Of the newer one.
    pub offset: u64,
    pub taken: Option<Delivery>,
    pub refused: Option<Delivery>,
}

/// Of every source that ever delivered something.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<Vec<LastDeliveries>> {
    let mut sources = connection.prepare_cached("SELECT id, name FROM sources ORDER BY name")?;
    let sources = sources.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let mut found = Vec::new();
    for source in sources {
        let (id, name) = source?;
        let taken = newest(connection, "taken", id)?;
        let refused = newest(connection, "refused", id)?;
        let Some(offset) = taken.iter().chain(&refused).map(|(offset, _)| *offset).max() else { continue };
        let [taken, refused] = [taken, refused].map(|newest| newest.map(|(_, delivery)| delivery));
        found.push(LastDeliveries { source: name.into(), offset, taken, refused });
    }
    Ok(found)
}

/// The newest batch of a source in which there is some of `column`.
fn newest(connection: &Connection, column: &str, source: i64) -> rusqlite::Result<Option<(u64, Delivery)>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT offset, received_at, {column} FROM batches WHERE source_id = ?1 AND {column} > 0 ORDER BY offset DESC LIMIT 1"
    ))?;
    let mut rows = statement.query([source])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let delivery = Delivery { at: Timestamp(row.get(1)?), count: row.get::<_, i64>(2)? as u64 };
    Ok(Some((row.get::<_, i64>(0)? as u64, delivery)))
}
