//! The tables, and the few statements on them. Blocking.
//!
//! | layout | what it brought |
//! |---|---|
//! | 1 | `invitation`, `api_key`, `ban`, `door`, `ticket` |
//! | 2 | `departed`: who left a call for good |
//! | 3 | `unseen`: what the command line left for a server that runs |

use crate::access::{
    ApiKey, Banned, DEPARTED_KEPT_MAX, Invitation, KeptDoor, PasswordHash, Record, Terms, TicketKey,
};
use crate::time::Moment;
use parley_proto::Role;
use parley_proto::limits::{RESUME_LIFETIME_S, TICKET_LIFETIME_S};
use rusqlite::{Connection, ErrorCode, Row, Transaction, TransactionBehavior, params};
use std::path::Path;
use std::time::Duration;

/// One step from each layout to the next; a file says its layout in `user_version`.
pub(super) const STEPS: &[&str] = &[
    "CREATE TABLE invitation (
    id TEXT PRIMARY KEY,
    room TEXT NOT NULL,
    host INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    uses INTEGER,
    made_ms INTEGER NOT NULL,
    used INTEGER NOT NULL
) STRICT;
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    secret_hash BLOB NOT NULL,
    public BLOB,
    made_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE ban (
    who TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE door (
    room TEXT PRIMARY KEY,
    lobby INTEGER NOT NULL,
    password BLOB,
    ended_ms INTEGER
) STRICT;
CREATE TABLE ticket (
    jti TEXT PRIMARY KEY,
    exp_s INTEGER NOT NULL
) STRICT;",
    // In the order in which they left.
    "CREATE TABLE departed (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    left_ms INTEGER NOT NULL
) STRICT;",
    "ALTER TABLE invitation ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE api_key ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE door ADD COLUMN listen_from INTEGER;",
];
/// `parley-server new-key` may write at the same time; so long it is waited for.
const BUSY_MAX: Duration = Duration::from_secs(5);

/// For how much longer than the life of a ticket used ones are kept: clocks of backends may be a little ahead.
const TICKETS_KEPT_S: u64 = TICKET_LIFETIME_S + 60;

/// Why the file cannot be used.
#[derive(Debug)]
pub(super) enum OpenTablesError {
    /// It is not, or no longer, a database of ours: set it aside and begin anew.
    Damaged(String),
    /// The disk or the system does not let us; the file may be fine.
    Unreachable(String),
}

impl From<rusqlite::Error> for OpenTablesError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown) | None => {
                Self::Damaged(error.to_string())
            }
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
        connection.pragma_update(None, "secure_delete", true)?;
        let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict != "ok" {
            return Err(OpenTablesError::Damaged(verdict));
        }
        migrate(&mut connection)?;
        Ok(Self(connection))
    }

    /// Everything, without what is over by `now`, which is deleted.
    pub(super) fn all(&mut self, now: Moment) -> rusqlite::Result<Vec<Record>> {
        let whole = self.0.transaction()?;
        let now_ms = signed(now.unix_ms());
        whole.execute("DELETE FROM invitation WHERE until_ms <= ?1", [now_ms])?;
        whole.execute("DELETE FROM ban WHERE until_ms <= ?1", [now_ms])?;
        whole.execute("DELETE FROM ticket WHERE exp_s < ?1", [signed(now.unix_s())])?;
        // No token is older than that: the end of a call needs to be known no longer.
        let long_ago = now_ms - signed(RESUME_LIFETIME_S * 1000);
        whole.execute(
            "DELETE FROM door WHERE NOT lobby AND password IS NULL AND listen_from IS NULL
                AND (ended_ms IS NULL OR ended_ms < ?1)",
            [long_ago],
        )?;
        whole.execute("DELETE FROM departed WHERE left_ms < ?1", [long_ago])?;
        let mut records = Vec::new();
        for (select, read) in SELECTS {
            let mut statement = whole.prepare(select)?;
            let rows = statement.query_map([], read)?;
            for row in rows {
                // A row that makes no sense is left out; nothing can be asked of it.
                records.extend(row?);
            }
        }
        whole.commit()?;
        Ok(records)
    }

    /// A number that changes when somebody else writes into the file.
    pub(super) fn version(&self) -> rusqlite::Result<i64> {
        self.0.query_row("PRAGMA data_version", [], |row| row.get(0))
    }

    /// Writes invitations and keys that a server does not know which may have the file open too. All of them or none.
    pub(super) fn leave(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let whole = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for record in records {
            write_one(&whole, record)?;
            let (mark, id) = match record {
                Record::Invitation(one) => (
                    "UPDATE invitation SET unseen = 1 WHERE id = ?1",
                    one.id.to_string(),
                ),
                Record::Key(key) => ("UPDATE api_key SET unseen = 1 WHERE id = ?1", key.id.to_string()),
                _ => continue,
            };
            whole.execute(mark, [id])?;
        }
        whole.commit()
    }

    /// What was left, once: what is taken back later is not found again.
    pub(super) fn take_left(&mut self) -> rusqlite::Result<Vec<Record>> {
        let whole = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut left = Vec::new();
        for (select, read) in [INVITATIONS, API_KEYS] {
            let mut statement = whole.prepare(&format!("{select} WHERE unseen"))?;
            let rows = statement.query_map([], read)?;
            for row in rows {
                left.extend(row?);
            }
        }
        whole.execute_batch(
            "UPDATE invitation SET unseen = 0 WHERE unseen; UPDATE api_key SET unseen = 0 WHERE unseen",
        )?;
        whole.commit()?;
        Ok(left)
    }

    /// All of them or none.
    pub(super) fn write(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let whole = self.0.transaction()?;
        for record in records {
            write_one(&whole, record)?;
        }
        let used = records.iter().filter_map(|record| match record {
            Record::TicketUsed { exp_s, .. } => Some(*exp_s),
            _ => None,
        });
        if let Some(last) = used.max() {
            // One that is used now runs out soon at the latest: a server that runs for months keeps no more than a few minutes of them.
            let over = last.saturating_sub(TICKETS_KEPT_S);
            whole.execute("DELETE FROM ticket WHERE exp_s < ?1", [signed(over)])?;
        }
        if records
            .iter()
            .any(|record| matches!(record, Record::Departed { .. }))
        {
            whole.execute(
                "DELETE FROM departed WHERE number <= (SELECT max(number) FROM departed) - ?1",
                [signed(DEPARTED_KEPT_MAX as u64)],
            )?;
        }
        whole.commit()
    }
}

type Read = fn(&Row<'_>) -> rusqlite::Result<Option<Record>>;

const INVITATIONS: (&str, Read) = (
    "SELECT id, room, host, until_ms, uses, made_ms, used FROM invitation",
    invitation,
);

const API_KEYS: (&str, Read) = (
    "SELECT id, name, secret_hash, public, made_ms FROM api_key",
    api_key,
);

const SELECTS: [(&str, Read); 6] = [
    INVITATIONS,
    API_KEYS,
    ("SELECT who, until_ms FROM ban", ban),
    (
        "SELECT room, lobby, password, ended_ms, listen_from FROM door",
        door,
    ),
    ("SELECT jti, exp_s FROM ticket", ticket),
    ("SELECT id, left_ms FROM departed ORDER BY number", departed),
];

fn write_one(whole: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    match record {
        Record::Invitation(one) => whole.prepare(
            "INSERT OR REPLACE INTO invitation (id, room, host, until_ms, uses, made_ms, used) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            one.id.to_string(),
            one.room.to_string(),
            one.terms.role == Role::Host,
            signed(one.terms.until.unix_ms()),
            one.terms.uses,
            signed(one.made.unix_ms()),
            one.used,
        ]),
        Record::InvitationGone(id) => {
            whole.execute("DELETE FROM invitation WHERE id = ?1", [id.to_string()])
        }
        Record::Key(key) => whole.execute(
            "INSERT OR REPLACE INTO api_key (id, name, secret_hash, public, made_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                key.id.to_string(),
                key.name,
                &key.secret_hash[..],
                match &key.tickets {
                    TicketKey::Shared => None,
                    TicketKey::Public(bytes) => Some(&bytes[..]),
                },
                signed(key.made.unix_ms()),
            ],
        ),
        Record::KeyGone(id) => whole.execute("DELETE FROM api_key WHERE id = ?1", [id.to_string()]),
        Record::Ban { who, until } => whole.execute(
            "INSERT OR REPLACE INTO ban (who, until_ms) VALUES (?1, ?2)",
            params![who.to_string(), signed(until.unix_ms())],
        ),
        Record::BanGone(who) => whole.execute("DELETE FROM ban WHERE who = ?1", [who.to_string()]),
        Record::Door { room, door } if *door == KeptDoor::default() => {
            whole.execute("DELETE FROM door WHERE room = ?1", [room.to_string()])
        }
        Record::Door { room, door } => whole.execute(
            "INSERT OR REPLACE INTO door (room, lobby, password, ended_ms, listen_from) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                room.to_string(),
                door.lobby,
                door.password.map(|password| password.to_bytes()),
                door.ended.map(|ended| signed(ended.unix_ms())),
                door.listen_from,
            ],
        ),
        Record::TicketUsed { jti, exp_s } => whole
            .prepare("INSERT OR REPLACE INTO ticket (jti, exp_s) VALUES (?1, ?2)")?
            .execute(params![jti, signed(*exp_s)]),
        Record::Departed { id, at } => whole
            .prepare("INSERT OR IGNORE INTO departed (id, left_ms) VALUES (?1, ?2)")?
            .execute(params![id.to_string(), signed(at.unix_ms())]),
    }
    .map(drop)
}

fn invitation(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let (id, room): (String, String) = (row.get(0)?, row.get(1)?);
    let (Ok(id), Ok(room)) = (id.parse(), room.parse()) else {
        return Ok(None);
    };
    let host: bool = row.get(2)?;
    let terms = Terms {
        role: if host { Role::Host } else { Role::Guest },
        until: moment(row.get(3)?),
        uses: row.get(4)?,
    };
    Ok(Some(Record::Invitation(Invitation {
        id,
        room,
        terms,
        made: moment(row.get(5)?),
        used: row.get(6)?,
    })))
}

fn api_key(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let id: String = row.get(0)?;
    let (secret_hash, public): (Vec<u8>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
    let tickets = match public.map(TryInto::try_into) {
        None => Ok(TicketKey::Shared),
        Some(public) => public.map(TicketKey::Public),
    };
    let (Ok(id), Ok(secret_hash), Ok(tickets)) = (id.parse(), secret_hash.try_into(), tickets) else {
        return Ok(None);
    };
    Ok(Some(Record::Key(ApiKey {
        id,
        name: row.get(1)?,
        secret_hash,
        tickets,
        made: moment(row.get(4)?),
    })))
}

fn ban(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let who: String = row.get(0)?;
    let until = moment(row.get(1)?);
    Ok(Banned::parse(&who).map(|who| Record::Ban { who, until }))
}

fn door(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let room: String = row.get(0)?;
    let Ok(room) = room.parse() else {
        return Ok(None);
    };
    let password: Option<Vec<u8>> = row.get(2)?;
    let password = match password {
        None => None,
        // A room whose password cannot be read is better left out: nobody would come in.
        Some(bytes) => match PasswordHash::from_bytes(&bytes) {
            None => return Ok(None),
            known => known,
        },
    };
    let door = KeptDoor {
        lobby: row.get(1)?,
        password,
        ended: row.get::<_, Option<i64>>(3)?.map(moment),
        listen_from: row.get(4)?,
    };
    Ok(Some(Record::Door { room, door }))
}

fn ticket(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let exp_s = u64::try_from(row.get::<_, i64>(1)?).unwrap_or_default();
    let jti = row.get(0)?;
    Ok(Some(Record::TicketUsed { jti, exp_s }))
}

fn departed(row: &Row<'_>) -> rusqlite::Result<Option<Record>> {
    let id: String = row.get(0)?;
    let at = moment(row.get(1)?);
    Ok(id.parse().ok().map(|id| Record::Departed { id, at }))
}

fn migrate(connection: &mut Connection) -> Result<(), OpenTablesError> {
    if layout_of(connection)? == STEPS.len() {
        check(connection)?;
        return Ok(());
    }
    // All steps or none, and never two programs at once: `parley-server new-key` may begin the same file in the same moment.
    let whole = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let layout = layout_of(&whole)?;
    if layout > STEPS.len() {
        let newer = format!("written by a newer server, layout {layout}");
        return Err(OpenTablesError::Damaged(newer));
    }
    for (step, number) in STEPS.iter().zip(1..).skip(layout) {
        whole.execute_batch(step)?;
        whole.pragma_update(None, "user_version", number)?;
    }
    check(&whole)?;
    whole.commit()?;
    Ok(())
}

fn layout_of(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| {
        row.get::<_, u32>(0).map(|layout| layout as usize)
    })
}

/// One that only looks like ours is set aside as it is.
fn check(connection: &Connection) -> rusqlite::Result<()> {
    for (select, _) in SELECTS {
        connection.prepare(select)?;
    }
    Ok(())
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn moment(ms: i64) -> Moment {
    Moment::from_unix_ms(u64::try_from(ms).unwrap_or_default())
}
