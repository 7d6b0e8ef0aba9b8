//! The tables, and the few statements on them. Blocking: only the store's thread calls this.
//!
//! | layout | what it brought |
//! |---|---|
//! | 1 | `call` |
//! | 2 | `message`, which goes with its call; `unfinished` |
//! | 3 | one `unfinished` for each who was to have the file |

use super::conversation::{KeptMessage, Unfinished};
use super::past_call::{CallId, PastCall, Seconds};
use super::{KEPT_MAX, TOLD_MAX, UNFINISHED_MAX};
use crate::view::EndCode;
use parley_proto::limits::NAME_CHARS_MAX;
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// One step from each layout to the next; a file says its layout in `user_version`.
const STEPS: &[&str] = &[
    "CREATE TABLE call (
    id TEXT PRIMARY KEY,
    began_ms INTEGER NOT NULL,
    seconds INTEGER NOT NULL,
    people TEXT NOT NULL,
    host INTEGER NOT NULL,
    good_s INTEGER NOT NULL,
    fair_s INTEGER NOT NULL,
    poor_s INTEGER NOT NULL,
    interruptions INTEGER NOT NULL,
    end TEXT,
    stars INTEGER
) STRICT;
CREATE INDEX call_began ON call (began_ms DESC);",
    "CREATE TABLE message (
    call TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    author TEXT,
    text TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    PRIMARY KEY (call, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE unfinished (
    path BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT;",
    "CREATE TABLE unfinished_each (
    path BLOB NOT NULL,
    size INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (path, recipient)
) STRICT;
INSERT INTO unfinished_each SELECT path, size, recipient, at_ms FROM unfinished;
DROP TABLE unfinished;
ALTER TABLE unfinished_each RENAME TO unfinished;",
];
/// Another Parley may write at the same time; so long it is waited for.
const BUSY_MAX: Duration = Duration::from_secs(2);
/// People named of one call.
const PEOPLE_MAX: usize = 16;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenTablesError {
    /// It is not, or no longer, a database of ours: set it aside and begin anew.
    #[error("{0}")]
    Damaged(String),
    /// The disk or the system does not let us; the file may be fine.
    #[error("{0}")]
    Unreachable(String),
}

impl From<rusqlite::Error> for OpenTablesError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) | None => {
                Self::Damaged(error.to_string())
            }
            // A table that is missing or has other columns.
            Some(ErrorCode::Unknown) => Self::Damaged(error.to_string()),
            Some(_) => Self::Unreachable(error.to_string()),
        }
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct Tables(Connection);

impl Tables {
    /// Opens or makes the file and brings it to today's layout.
    pub(super) fn open(path: &Path) -> Result<Self, OpenTablesError> {
        let mut connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_MAX)?;
        // What was forgotten is not left in free pages of the file either.
        connection.pragma_update(None, "secure_delete", true)?;
        // What was written goes with its call.
        connection.pragma_update(None, "foreign_keys", true)?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(OpenTablesError::Damaged(verdict));
        }
        migrate(&mut connection)?;
        let tables = Self(connection);
        tables.calls()?;
        tables.unfinished()?;
        Ok(tables)
    }

    /// Keeps a call, or what is new of it.
    pub(super) fn keep(&self, call: &PastCall) -> rusqlite::Result<()> {
        self.0.execute(
            "INSERT INTO call (id, began_ms, seconds, people, host, good_s, fair_s, poor_s, interruptions, end, stars)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (id) DO UPDATE SET seconds = ?3, people = ?4, good_s = ?6, fair_s = ?7, poor_s = ?8,
                 interruptions = ?9, end = ?10",
            params![
                call.id.as_str(),
                signed(call.began_ms),
                signed(call.seconds),
                people_to_text(&call.people),
                call.host,
                call.quality.good,
                call.quality.fair,
                call.quality.poor,
                call.interruptions,
                call.end.and_then(end_to_text),
                call.stars,
            ],
        )?;
        self.0.execute(
            "DELETE FROM call WHERE id NOT IN (SELECT id FROM call ORDER BY began_ms DESC LIMIT ?1)",
            [KEPT_MAX],
        )?;
        Ok(())
    }

    /// Keeps what a person said of a call that is kept.
    pub(super) fn rate(&self, id: &CallId, stars: u8) -> rusqlite::Result<()> {
        let stars = stars.clamp(1, 5);
        self.0.execute(
            "UPDATE call SET stars = ?2 WHERE id = ?1",
            params![id.as_str(), stars],
        )?;
        Ok(())
    }

    /// Forgets one call, or all.
    pub(super) fn forget(&self, id: Option<&CallId>) -> rusqlite::Result<()> {
        match id {
            Some(id) => self.0.execute("DELETE FROM call WHERE id = ?1", [id.as_str()])?,
            None => self.0.execute("DELETE FROM call", [])? + self.0.execute("DELETE FROM unfinished", [])?,
        };
        Ok(())
    }

    /// Keeps what was written in a call, instead of what was. Nothing of a call that is not kept.
    pub(super) fn keep_messages(&self, id: &CallId, messages: &[KeptMessage]) -> rusqlite::Result<()> {
        let whole = self.0.unchecked_transaction()?;
        whole.execute("DELETE FROM message WHERE call = ?1", [id.as_str()])?;
        let mut insert = whole.prepare(
            "INSERT INTO message (call, number, at_ms, author, text, delivered)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM call WHERE id = ?1)",
        )?;
        for (message, number) in messages.iter().zip(0i64..) {
            insert.execute(params![
                id.as_str(),
                number,
                signed(message.at_ms),
                message.author,
                message.text,
                message.delivered,
            ])?;
        }
        drop(insert);
        whole.commit()
    }

    /// What was written in a call, oldest first.
    pub(super) fn messages(&self, id: &CallId) -> rusqlite::Result<Vec<KeptMessage>> {
        let mut of_call = self
            .0
            .prepare("SELECT at_ms, author, text, delivered FROM message WHERE call = ?1 ORDER BY number")?;
        let rows = of_call.query_map([id.as_str()], |row| {
            Ok(KeptMessage {
                at_ms: unsigned(row.get(0)?),
                author: row.get(1)?,
                text: row.get(2)?,
                delivered: row.get(3)?,
            })
        })?;
        rows.collect()
    }

    /// Keeps a file that is not there yet.
    pub(super) fn keep_unfinished(&self, file: &Unfinished) -> rusqlite::Result<()> {
        self.0.execute(
            "INSERT INTO unfinished (path, size, recipient, at_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (path, recipient) DO UPDATE SET size = ?2, at_ms = ?4",
            params![
                path_to_bytes(&file.path),
                signed(file.size),
                file.to,
                signed(file.at_ms),
            ],
        )?;
        self.0.execute(
            "DELETE FROM unfinished WHERE rowid NOT IN (SELECT rowid FROM unfinished ORDER BY at_ms DESC LIMIT ?1)",
            [UNFINISHED_MAX],
        )?;
        Ok(())
    }

    /// Forgets one: this file, for whoever calls themselves so.
    pub(super) fn forget_unfinished(&self, path: &Path, to: &str) -> rusqlite::Result<()> {
        self.0.execute(
            "DELETE FROM unfinished WHERE path = ?1 AND recipient = ?2",
            params![path_to_bytes(path), to],
        )?;
        Ok(())
    }

    /// Files that are not there yet, newest first.
    pub(super) fn unfinished(&self) -> rusqlite::Result<Vec<Unfinished>> {
        let mut all = self.0.prepare(
            "SELECT path, size, recipient, at_ms FROM unfinished ORDER BY at_ms DESC, path, recipient LIMIT ?1",
        )?;
        let rows = all.query_map([UNFINISHED_MAX], |row| {
            Ok(Unfinished {
                path: path_from_bytes(row.get(0)?),
                size: unsigned(row.get(1)?),
                to: row.get(2)?,
                at_ms: unsigned(row.get(3)?),
            })
        })?;
        rows.collect()
    }

    /// The latest calls, newest first.
    pub(super) fn calls(&self) -> rusqlite::Result<Vec<PastCall>> {
        let mut latest = self.0.prepare(
            "SELECT id, began_ms, seconds, people, host, good_s, fair_s, poor_s, interruptions, end, stars,
                 (SELECT count(*) FROM message WHERE message.call = call.id)
             FROM call ORDER BY began_ms DESC, id LIMIT ?1",
        )?;
        let rows = latest.query_map([TOLD_MAX], read)?;
        // A row with another's id is left out: nothing could be asked of it.
        rows.filter_map(Result::transpose).collect()
    }
}

fn migrate(connection: &mut Connection) -> Result<(), OpenTablesError> {
    let layout = layout_of(connection)?;
    if layout > 0 {
        // One that only looks like ours is set aside as it is.
        connection.prepare("SELECT id, began_ms, people, stars FROM call")?;
    }
    if layout == STEPS.len() {
        return Ok(());
    }
    // All steps or none, and never two programs at once, which is why the layout is asked for again.
    let whole = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let layout = layout_of(&whole)?;
    if layout > STEPS.len() {
        let newer = format!("written by a newer Parley (layout {layout})");
        return Err(OpenTablesError::Damaged(newer));
    }
    for (step, number) in STEPS.iter().zip(1..).skip(layout) {
        whole.execute_batch(step)?;
        whole.pragma_update(None, "user_version", number)?;
    }
    whole.commit()?;
    Ok(())
}

fn layout_of(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| {
        row.get::<_, u32>(0).map(|layout| layout as usize)
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Option<PastCall>> {
    let id: String = row.get(0)?;
    let Some(id) = CallId::parse(&id) else {
        return Ok(None);
    };
    Ok(Some(PastCall {
        id,
        began_ms: unsigned(row.get(1)?),
        seconds: unsigned(row.get(2)?),
        people: people_from_text(&row.get::<_, String>(3)?),
        host: row.get(4)?,
        quality: Seconds {
            good: row.get(5)?,
            fair: row.get(6)?,
            poor: row.get(7)?,
        },
        interruptions: row.get(8)?,
        end: row
            .get::<_, Option<String>>(9)?
            .as_deref()
            .and_then(end_from_text),
        stars: row.get(10)?,
        messages: row.get(11)?,
    }))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// As the system has it: a path need not be text.
fn path_to_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

#[cfg(unix)]
fn path_from_bytes(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(bytes).into()
}

/// Elsewhere one that is no text is not found again.
#[cfg(not(unix))]
fn path_from_bytes(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

fn people_to_text(people: &[String]) -> String {
    let short = |name: &String| name.chars().take(NAME_CHARS_MAX).collect::<String>();
    let names: Vec<String> = people.iter().take(PEOPLE_MAX).map(short).collect();
    serde_json::to_string(&names).unwrap_or_default()
}

fn people_from_text(text: &str) -> Vec<String> {
    serde_json::from_str(text).unwrap_or_default()
}

fn end_to_text(end: EndCode) -> Option<String> {
    serde_json::to_value(end).ok()?.as_str().map(str::to_owned)
}

fn end_from_text(text: &str) -> Option<EndCode> {
    serde_json::from_value(text.into()).ok()
}
