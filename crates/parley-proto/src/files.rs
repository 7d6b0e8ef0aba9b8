//! How two participants hand each other files: frames in JSON on `parley-files` (negotiated id 2), and what must be quick,
//! chunks and receipts, in binary on `parley-chunks` (id 3).
//!
//! The sender offers; the receiver accepts with the place to begin at (more than zero when it has a part already), refuses, or
//! says nothing until its person decided. Chunks follow in order. The receiver gives receipts for what is on its disk, by which
//! the sender also learns how long the way takes. After the last chunk the sender tells the hash, and the receiver whether
//! it is right. Each side may pause, go on, and cancel. After a fresh connection the sender offers again under the same id.

use crate::id::TransferId;
use crate::limits::{CHUNK_BYTES_MAX, FILE_FRAME_BYTES_MAX};
use bytes::{BufMut as _, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The label of the channel for frames.
pub const FILES_CHANNEL_LABEL: &str = "parley-files";
/// Its negotiated stream id.
pub const FILES_CHANNEL_ID: u16 = 2;
/// The label of the channel for chunks and receipts.
pub const CHUNKS_CHANNEL_LABEL: &str = "parley-chunks";
/// Its negotiated stream id.
pub const CHUNKS_CHANNEL_ID: u16 = 3;

const CHUNK: u8 = 0x10;
const RECEIPT: u8 = 0x11;
const CHUNK_HEADER_BYTES: usize = 1 + 16 + 8 + 4;
const RECEIPT_BYTES: usize = 1 + 16 + 8 + 4;

/// A BLAKE3 hash: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileHash([u8; 32]);

impl FileHash {
    /// Wraps bytes that were computed elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hash of 64 hexadecimal digits")]
pub struct ParseHashError;

impl TryFrom<String> for FileHash {
    type Error = ParseHashError;

    fn try_from(text: String) -> Result<Self, ParseHashError> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(ParseHashError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ParseHashError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ParseHashError)?;
        }
        Ok(Self(bytes))
    }
}

impl From<FileHash> for String {
    fn from(hash: FileHash) -> Self {
        hash.to_string()
    }
}

/// What somebody would like to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// Another one for each transfer; the same again after a fresh connection.
    pub id: TransferId,
    /// The file's name, without a folder.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Tells the same file again after a restart of either side: a hash of size, time of change, beginning and end.
    pub fingerprint: FileHash,
}

/// One frame on the files channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FileFrame {
    /// The sender has a file.
    Offer(Offer),
    /// The receiver wants it.
    Accept {
        /// Which.
        id: TransferId,
        /// From this byte on; the ones before are there.
        offset: u64,
    },
    /// The receiver does not.
    Refuse {
        /// Which.
        id: TransferId,
        /// Why.
        reason: RefusalReason,
    },
    /// Whoever says this wants no more chunks to come or go for now.
    Pause {
        /// Which.
        id: TransferId,
    },
    /// Takes the pause back.
    Resume {
        /// Which.
        id: TransferId,
    },
    /// Either side gives up.
    Cancel {
        /// Which.
        id: TransferId,
    },
    /// The sender has sent everything.
    Sent {
        /// Which.
        id: TransferId,
        /// BLAKE3 of the whole file.
        hash: FileHash,
    },
    /// The receiver has everything, and the hash is right.
    Received {
        /// Which.
        id: TransferId,
    },
    /// The receiver could not keep it, or it came out wrong.
    Failed {
        /// Which.
        id: TransferId,
        /// Why.
        reason: RefusalReason,
    },
    /// A frame of a newer client.
    #[serde(other)]
    Unknown,
}

/// Why a file is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalReason {
    /// The person said no.
    Declined,
    /// Too many unfinished transfers.
    TooMany,
    /// The name has a path in it, or is no name on some system.
    BadName,
    /// Larger than anything is.
    TooLarge,
    /// The receiver's disk is full.
    DiskFull,
    /// The receiver's disk does not take it.
    DiskFailed,
    /// The hash of what came is another one.
    Damaged,
    /// Whatever a newer client says.
    #[serde(other)]
    Unknown,
}

impl FileFrame {
    /// Reads what came. Nothing when it is too large or not a frame.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > FILE_FRAME_BYTES_MAX {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }
}

/// One frame on the chunks channel; all numbers big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChunkFrame {
    /// `0x10`, id (16 bytes), offset (8), stamp (4), then the bytes.
    Chunk {
        /// Of which file.
        id: TransferId,
        /// Where they belong.
        offset: u64,
        /// The sender's clock when it left, in milliseconds, wrapping.
        stamp_ms: u32,
        /// At least one and at most [`CHUNK_BYTES_MAX`].
        data: Bytes,
    },
    /// `0x11`, id (16 bytes), offset (8), delay (4).
    Receipt {
        /// Of which file.
        id: TransferId,
        /// Everything before this byte is on the receiver's disk.
        offset: u64,
        /// The receiver's clock at the last chunk's arrival less the chunk's stamp, in milliseconds, wrapping: only its changes
        /// mean something.
        delay_ms: u32,
    },
}

impl ChunkFrame {
    /// As it goes on the wire.
    #[must_use]
    pub fn write(&self) -> BytesMut {
        let (tag, id, offset, time, data) = match self {
            Self::Chunk {
                id,
                offset,
                stamp_ms,
                data,
            } => (CHUNK, id, offset, stamp_ms, &data[..]),
            Self::Receipt { id, offset, delay_ms } => (RECEIPT, id, offset, delay_ms, &[][..]),
        };
        let mut bytes = BytesMut::with_capacity(CHUNK_HEADER_BYTES + data.len());
        bytes.put_u8(tag);
        bytes.put_slice(id.as_bytes());
        bytes.put_u64(*offset);
        bytes.put_u32(*time);
        bytes.put_slice(data);
        bytes
    }

    /// Reads what came, without copying the data. Nothing when it is no frame.
    #[must_use]
    pub fn read(bytes: &Bytes) -> Option<Self> {
        let (header, data) = bytes.split_at_checked(CHUNK_HEADER_BYTES)?;
        let id = TransferId::from_bytes(header.get(1..17)?.try_into().ok()?);
        let offset = u64::from_be_bytes(header.get(17..25)?.try_into().ok()?);
        let time = u32::from_be_bytes(header.get(25..29)?.try_into().ok()?);
        match *header.first()? {
            CHUNK if (1..=CHUNK_BYTES_MAX).contains(&data.len()) => Some(Self::Chunk {
                id,
                offset,
                stamp_ms: time,
                data: bytes.slice(CHUNK_HEADER_BYTES..),
            }),
            RECEIPT if bytes.len() == RECEIPT_BYTES => Some(Self::Receipt {
                id,
                offset,
                delay_ms: time,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TransferId = TransferId::from_bytes([9; 16]);

    #[test]
    fn chunks_and_receipts_survive_the_wire() {
        let chunk = ChunkFrame::Chunk {
            id: ID,
            offset: 1 << 40,
            stamp_ms: u32::MAX,
            data: Bytes::from_static(b"words"),
        };
        let receipt = ChunkFrame::Receipt {
            id: ID,
            offset: 7,
            delay_ms: 1,
        };
        for frame in [chunk, receipt] {
            let bytes = frame.write().freeze();
            assert_eq!(ChunkFrame::read(&bytes), Some(frame));
            for len in 0..CHUNK_HEADER_BYTES {
                assert_eq!(ChunkFrame::read(&bytes.slice(..len)), None);
            }
        }
        let largest = ChunkFrame::Chunk {
            id: ID,
            offset: 0,
            stamp_ms: 0,
            data: vec![1; CHUNK_BYTES_MAX].into(),
        };
        assert!(largest.write().len() < 64 << 10);
        let mut too_large = largest.write();
        too_large.put_u8(0);
        assert_eq!(ChunkFrame::read(&too_large.freeze()), None);
    }

    #[test]
    fn absurd_offers_are_not_read() {
        let hash = "0".repeat(64);
        let offer = |size: &str, fingerprint: &str| {
            format!(
                r#"{{"type":"offer","id":"{ID}","name":"a.txt","size":{size},"fingerprint":"{fingerprint}"}}"#
            )
        };
        assert!(FileFrame::read(offer("12", &hash).as_bytes()).is_some());
        for (size, fingerprint) in [
            ("-1", hash.as_str()),
            ("1.5", &hash),
            ("1e300", &hash),
            ("12", "zz"),
            ("12", &"é".repeat(32)),
        ] {
            assert_eq!(
                FileFrame::read(offer(size, fingerprint).as_bytes()),
                None,
                "{size} {fingerprint}"
            );
        }
        let reason = br#"{"type":"refuse","id":"CQkJCQkJCQkJCQkJCQkJCQ","reason":"bored"}"#;
        assert_eq!(
            FileFrame::read(reason),
            Some(FileFrame::Refuse {
                id: ID,
                reason: RefusalReason::Unknown
            })
        );
    }
}
