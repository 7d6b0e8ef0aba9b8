//! What is written from the command line, beside a server that may run: an operator's key, an invitation. A server that runs takes
//! it up within a second, for it looks whether somebody else wrote into the file; one that does not, when it starts.

use super::tables::Tables;
use super::{FILE_NAME, OpenStoreError, open_tables, unreachable};
use crate::access::{ApiKey, Book, BookError, Terms, TicketKey};
use crate::key::{LoadKeyError, RoomStamp, ServerKey};
use crate::time::{Clock, Moment};
use crate::token::text_of;
use parley_proto::{JoinToken, Role, RoomId};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The server's key in its folder.
pub const KEY_FILE_NAME: &str = "server.key";

/// What an invitation is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvitationAsk {
    /// Into which room; a fresh one for `None`.
    pub room: Option<RoomId>,
    /// What who comes by it may do.
    pub role: Role,
    /// For how long it is good.
    pub lasts: Duration,
    /// How many may come in by it; `None` for any number.
    pub uses: Option<u32>,
}

/// What its link is made of, beside the secret that no server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInvitation {
    /// The room.
    pub room: RoomId,
    /// What the server asks for. It stands nowhere else.
    pub token: JoinToken,
}

/// Why nobody is invited.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// No server was ever started with this folder.
    #[error(
        "There is no server in {}. Start parley-server there once, or name the folder of yours with --data-dir.",
        folder.display()
    )]
    NoServer {
        /// The folder.
        folder: PathBuf,
    },
    /// Its key cannot be read.
    #[error("{0}")]
    Key(#[from] LoadKeyError),
    /// The room is another server's.
    #[error(
        "That room is not of this server. Take a link that this server gave out, or none for a new room."
    )]
    NotOurs,
    /// What it is to be good for makes no sense, or there are too many.
    #[error("{0}")]
    Book(#[from] BookError),
    /// What is kept cannot be reached.
    #[error("{0}")]
    Store(#[from] OpenStoreError),
}

/// Makes a key for the admin API and keeps it; the text is told this once.
///
/// # Errors
/// [`OpenStoreError`]
pub fn make_key(folder: &Path, name: &str) -> Result<String, OpenStoreError> {
    let now = Clock::start().now();
    let (key, text) = ApiKey::make(now, random(), random(), name, TicketKey::Shared);
    let written = write_by_hand(folder, now, |book| book.add_key(key))?;
    written?;
    Ok(text)
}

/// Makes an invitation and keeps it, where a server was started before.
///
/// # Errors
/// [`InviteError`], a sentence.
pub fn invite(folder: &Path, ask: &InvitationAsk) -> Result<NewInvitation, InviteError> {
    let key = folder.join(KEY_FILE_NAME);
    if !key.exists() {
        let folder = folder.to_owned();
        return Err(InviteError::NoServer { folder });
    }
    let stamp = RoomStamp::new(&ServerKey::load_or_create(&key)?);
    let room = ask.room.unwrap_or_else(|| stamp.invited_room(random()));
    if !stamp.is_ours(&room) {
        return Err(InviteError::NotOurs);
    }
    let now = Clock::start().now();
    let text = text_of(&random::<16>());
    let terms = Terms {
        role: ask.role,
        until: now + ask.lasts,
        uses: ask.uses,
    };
    let written = write_by_hand(folder, now, |book| book.invite(now, room, &text, terms).map(drop))?;
    written?;
    let token = JoinToken::parse(&text).ok_or(BookError::Unknown)?;
    Ok(NewInvitation { room, token })
}

/// Changes the book of a folder, and says what came of it.
fn write_by_hand(
    folder: &Path,
    now: Moment,
    change: impl FnOnce(&mut Book) -> Result<(), BookError>,
) -> Result<Result<(), BookError>, OpenStoreError> {
    let (mut tables, _) = open_tables(folder)?;
    let written = write(&mut tables, now, change);
    written.map_err(|error| unreachable(&folder.join(FILE_NAME), error.to_string()))
}

fn write(
    tables: &mut Tables,
    now: Moment,
    change: impl FnOnce(&mut Book) -> Result<(), BookError>,
) -> rusqlite::Result<Result<(), BookError>> {
    let mut book = Book::from_records(now, tables.all(now)?);
    if let Err(error) = change(&mut book) {
        return Ok(Err(error));
    }
    tables.leave(&book.take_records()).map(Ok)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
    bytes
}
