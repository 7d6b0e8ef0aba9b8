//! A limit on everything that comes from outside. Units last in the names.

/// The largest signaling message either side accepts, in bytes: a description for the SFU, or the list of what everybody of the largest
/// group publishes.
pub const SIGNAL_MESSAGE_BYTES_MAX: usize = 128 * 1024;
/// Signaling messages one client may send in a burst.
pub const SIGNAL_BURST_MESSAGES_MAX: u32 = 120;
/// Signaling messages one client may send per second in the long run.
pub const SIGNAL_RATE_MESSAGES_PER_S: u32 = 40;
/// Messages waiting for one slow client before the server closes it.
pub const SIGNAL_QUEUE_MESSAGES_MAX: usize = 256;
/// Bytes waiting for one slow client before the server closes it.
pub const SIGNAL_QUEUE_BYTES_MAX: usize = 1024 * 1024;
/// The longest name of a participant, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// The longest SDP between two people, in bytes.
pub const SDP_BYTES_MAX: usize = 48 * 1024;
/// The longest SDP between a client and the SFU, in bytes: every section that a client may have ([`PUBLICATIONS_MAX`],
/// [`VIDEO_DOWNS_MAX`], [`AUDIO_DOWNS_MAX`]), of which 46 took more than 48 KiB.
pub const SFU_SDP_BYTES_MAX: usize = 96 * 1024;
/// The longest ICE candidate line, in bytes.
pub const CANDIDATE_BYTES_MAX: usize = 1024;
/// The longest ticket or resume token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 2048;
/// Candidates a peer may send for one negotiation before the rest is ignored.
pub const CANDIDATES_MAX: usize = 64;
/// People in one room, for now: two talk directly.
pub const ROOM_PARTICIPANTS_MAX: usize = 2;
/// A client that was silent for this long is told gone, in seconds.
pub const SIGNAL_SILENCE_S_MAX: u64 = 30;
/// How often a client says that it is there, in seconds.
pub const SIGNAL_PING_S: u64 = 10;
/// How long a lost client's place is kept for its resume token, in seconds.
pub const RESUME_GRACE_S: u64 = 60;
/// How long a ticket is good for, in seconds.
pub const TICKET_LIFETIME_S: u64 = 600;
/// The longest link text looked at, in bytes.
pub const LINK_BYTES_MAX: usize = 4096;
/// The largest control message on the data channel, in bytes.
pub const CONTROL_MESSAGE_BYTES_MAX: usize = 16 * 1024;
/// Messages that could not be read or came too fast before the server closes the connection.
pub const SIGNAL_OFFENCES_MAX: u32 = 20;
/// How long a resume token is good for after it was made, in seconds.
pub const RESUME_LIFETIME_S: u64 = 24 * 3600;
/// The longest chat message, in characters.
pub const CHAT_TEXT_CHARS_MAX: usize = 4_000;
/// The largest frame on the chat channel, in bytes: the longest message with every character escaped.
pub const CHAT_FRAME_BYTES_MAX: usize = 32 * 1024;
/// The largest frame on the files channel, in bytes.
pub const FILE_FRAME_BYTES_MAX: usize = 4 * 1024;
/// The most bytes of a file in one chunk: with its header below the 64 KiB that every browser takes.
pub const CHUNK_BYTES_MAX: usize = 60 * 1024;
/// The longest name of a file, in bytes: what every file system takes, with room for " (2)" and the like.
pub const FILE_NAME_BYTES_MAX: usize = 200;
/// The largest file, in bytes: the largest whole number that JSON carries exactly.
pub const FILE_BYTES_MAX: u64 = (1 << 53) - 1;
/// Unfinished transfers of one sender that a receiver knows at once; further offers are refused.
pub const TRANSFERS_MAX: usize = 32;
/// Unfinished offers that a receiver knows at once, of everybody in a group together.
pub const TRANSFERS_ALL_MAX: usize = 128;
/// The longest password of a room, in characters.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// People who may wait in one lobby.
pub const LOBBY_PEOPLE_MAX: usize = 16;
/// People who may speak in one room that goes through the SFU, at most, whatever a server is told.
pub const GROUP_PARTICIPANTS_MAX: usize = 150;
/// People who only listen in one room, at most, whatever a server is told. They count apart from those who may speak.
pub const GROUP_LISTENERS_MAX: usize = 1_000;
/// Everybody in one room, at most.
pub const GROUP_PEOPLE_MAX: usize = GROUP_PARTICIPANTS_MAX + GROUP_LISTENERS_MAX;
/// People that one message names, where it names who is in a room: with the longest names it stays below
/// [`SIGNAL_MESSAGE_BYTES_MAX`].
pub const PEOPLE_TOLD_AT_ONCE: usize = 100;
/// Tracks one participant publishes.
pub const PUBLICATIONS_MAX: usize = 4;
/// Encodings of one picture.
pub const LAYERS_MAX: usize = 3;
/// The longest name of an encoding, in characters.
pub const RID_CHARS_MAX: usize = 8;
/// Sections in which a client receives pictures.
pub const VIDEO_DOWNS_MAX: usize = 36;
/// Sections in which a client receives sound.
pub const AUDIO_DOWNS_MAX: usize = 8;
/// Speakers that are told.
pub const SPEAKERS_MAX: usize = 5;
/// Between two words to hosts about the offences of one participant at the least, in seconds.
pub const OFFENCES_TOLD_S: u64 = 5;
/// So often the connection of one participant to the SFU is ended for their offences; with the last one they are put out of the room.
pub const KICKS_MAX: u32 = 3;
/// The largest payload of a `tell`, in bytes of its JSON.
pub const TELL_BYTES_MAX: usize = 48 * 1024;
