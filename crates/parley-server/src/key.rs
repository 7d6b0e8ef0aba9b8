//! The server's key: what makes its rooms and tokens its own, also after a restart. Knows nothing of connections.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use parley_proto::RoomId;
use parley_proto::id::{ROOM_ID_BYTES, ROOM_ID_RANDOM_BYTES};
use sha2::Sha256;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use subtle::ConstantTimeEq as _;

/// 32 secret bytes. Rooms and tokens of one key are worthless to a server with another.
#[derive(Clone)]
pub struct ServerKey([u8; 32]);

/// Why the key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadKeyError {
    /// The file is there but holds something else.
    #[error(
        "{path} is not a Parley server key (it must hold exactly 32 bytes). Move it away to have a new one made; links given out before will stop working."
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder could not be read or written.
    #[error(
        "The server's key could not be read or stored at {path}: {source}. Choose another folder with --data-dir."
    )]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ServerKey {
    /// A key made elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A fresh random key: rooms and tokens last as long as it is kept.
    #[must_use]
    pub fn generate() -> Self {
        let mut bytes = [0; 32];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut bytes);
        Self(bytes)
    }

    /// The bytes, to keep them somewhere safe.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads the key at `path`, or makes one there (readable by its owner only) when there is none.
    ///
    /// # Errors
    /// [`LoadKeyError`], a sentence with the path and what to do.
    pub fn load_or_create(path: &Path) -> Result<Self, LoadKeyError> {
        let failed = |source| LoadKeyError::Io {
            path: path.to_owned(),
            source,
        };
        match fs::read(path) {
            Ok(bytes) => bytes.try_into().map(Self).map_err(|_| LoadKeyError::NotAKey {
                path: path.to_owned(),
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::generate();
                if key.store(path).map_err(failed)? {
                    Ok(key)
                } else {
                    // Another server made one in the meantime: theirs counts.
                    Self::load_or_create(path)
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Writes aside, then links into place: the file is either absent or whole. False: somebody else was first.
    fn store(&self, path: &Path) -> io::Result<bool> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut suffix = [0; 8];
        rand::Rng::fill_bytes(&mut rand::rng(), &mut suffix);
        let aside = path.with_extension(format!("new-{:016x}", u64::from_le_bytes(suffix)));
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&aside).and_then(|mut file| {
            file.write_all(&self.0)?;
            file.sync_all()
        });
        let placed = written.and_then(|()| match fs::hard_link(&aside, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            // A file system without hard links: renaming is the next best.
            Err(_) => fs::rename(&aside, path).map(|()| true),
        });
        // After a rename it is gone already; a leftover is harmless.
        let _ = fs::remove_file(&aside);
        placed
    }

    /// A key for one purpose, so that nothing made for one can be used for another.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        // 32 bytes are never too many for HKDF-SHA256 (RFC 5869 allows 8160).
        let _ = Hkdf::<Sha256>::new(Some(b"parley-server/1"), &self.0).expand(purpose.as_bytes(), &mut key);
        key
    }
}

impl fmt::Debug for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerKey(…)")
    }
}

/// Who may come into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RoomKind {
    /// Whoever knows its id.
    Open,
    /// Who has an invitation or a ticket besides.
    Invited,
}

/// Makes room ids, and knows its own again, and of which kind they are, without having stored them: so a room by invitation stays
/// one when everything else is lost.
#[derive(Clone)]
pub(crate) struct RoomStamp {
    open: [u8; 32],
    invited: [u8; 32],
}

impl RoomStamp {
    pub(crate) fn new(key: &ServerKey) -> Self {
        Self {
            open: key.derive("room id"),
            invited: key.derive("room id by invitation"),
        }
    }

    /// The open room with these random bytes.
    pub(crate) fn room(&self, random: [u8; ROOM_ID_RANDOM_BYTES]) -> RoomId {
        Self::stamped(&self.open, random)
    }

    /// The room by invitation with these random bytes.
    pub(crate) fn invited_room(&self, random: [u8; ROOM_ID_RANDOM_BYTES]) -> RoomId {
        Self::stamped(&self.invited, random)
    }

    fn stamped(key: &[u8; 32], random: [u8; ROOM_ID_RANDOM_BYTES]) -> RoomId {
        let mut bytes = [0; ROOM_ID_BYTES];
        let (head, check) = bytes.split_at_mut(ROOM_ID_RANDOM_BYTES);
        head.copy_from_slice(&random);
        check.copy_from_slice(&Self::check(key, &random)[..ROOM_ID_BYTES - ROOM_ID_RANDOM_BYTES]);
        RoomId::from_bytes(bytes)
    }

    /// Whether a server with this key made `room`.
    pub(crate) fn is_ours(&self, room: &RoomId) -> bool {
        self.kind(room).is_some()
    }

    /// Of which kind a room is, if a server with this key made it. Takes the same time for all.
    pub(crate) fn kind(&self, room: &RoomId) -> Option<RoomKind> {
        let (random, check) = room.as_bytes().split_at(ROOM_ID_RANDOM_BYTES);
        let fits = |key| Self::check(key, random)[..check.len()].ct_eq(check);
        let (open, invited) = (fits(&self.open), fits(&self.invited));
        match (bool::from(open), bool::from(invited)) {
            (true, _) => Some(RoomKind::Open),
            (_, true) => Some(RoomKind::Invited),
            _ => None,
        }
    }

    fn check(key: &[u8; 32], random: &[u8]) -> [u8; 32] {
        // HMAC takes a key of any length, so this cannot fail; a zero check would match no room a client can guess.
        Hmac::<Sha256>::new_from_slice(key)
            .map(|mac| mac.chain_update(random).finalize().into_bytes().into())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_known_to_its_own_server_only() {
        let ours = RoomStamp::new(&ServerKey::from_bytes([1; 32]));
        let theirs = RoomStamp::new(&ServerKey::from_bytes([2; 32]));
        let room = ours.room([7; 16]);
        assert_eq!(ours.kind(&room), Some(RoomKind::Open));
        assert_eq!(ours.kind(&ours.invited_room([7; 16])), Some(RoomKind::Invited));
        assert!(!theirs.is_ours(&room));
        for bit in 0..ROOM_ID_BYTES * 8 {
            let mut bytes = *room.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(!ours.is_ours(&RoomId::from_bytes(bytes)), "bit {bit}");
        }
    }

    #[test]
    fn the_key_file_is_made_once_private_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/server.key");
        let made = ServerKey::load_or_create(&path).unwrap();
        assert_eq!(
            ServerKey::load_or_create(&path).unwrap().as_bytes(),
            made.as_bytes()
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside the key");
    }

    #[test]
    fn a_damaged_key_file_is_named_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.key");
        fs::write(&path, b"short").unwrap();
        let error = ServerKey::load_or_create(&path).unwrap_err();
        assert!(error.to_string().contains("server.key"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"short");
    }
}
