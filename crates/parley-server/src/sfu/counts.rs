//! What an SFU counts.

/// Since it began, but for the first three and `streams`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Counts {
    /// Rooms with somebody in them, now.
    pub rooms: u64,
    /// Connections, now.
    pub connections: u64,
    /// Tracks that come up, now.
    pub tracks: u64,
    /// Datagrams that came.
    pub datagrams_in: u64,
    /// Datagrams that were sent.
    pub datagrams_out: u64,
    /// Bytes that were sent.
    pub bytes_out: u64,
    /// Packets of media that came.
    pub media_in: u64,
    /// Packets of media passed on, each once for everybody who gets it.
    pub media_out: u64,
    /// Datagrams of nobody that is known, or unreadable.
    pub strange: u64,
    /// Datagrams above what one client may send.
    pub too_much: u64,
    /// Packets of sound that nobody would have heard.
    pub silent: u64,
    /// Packets of sound that were lost on the way up and came as a copy, each once for all who get it.
    pub repaired: u64,
    /// Packets of sound that went down with copies in them, to those whose way loses.
    pub with_copies: u64,
    /// Key frames that publishers were asked for.
    pub key_frames: u64,
    /// Connections that were closed because nothing came any more.
    pub lost: u64,
    /// What clients did that no good one does: streams of no track, packets that cannot be read, key frames asked for without a pause.
    pub offences: u64,
    /// Clients whose connections were ended for flooding, or for too much of that, each time once.
    pub kicked: u64,
    /// Offers that were refused.
    pub refused: u64,
    /// Clients' streams (ICE over TCP), now. These are counted by the driver.
    pub streams: u64,
    /// Streams that clients came by.
    pub streams_taken: u64,
    /// Streams turned away because there were too many, in all or from one place.
    pub streams_refused: u64,
    /// Streams of nobody who is known.
    pub streams_strange: u64,
    /// Streams closed because what they brought is no call.
    pub streams_broken: u64,
    /// Streams closed because no genuine check came over them, their client was gone, or it took nothing.
    pub streams_lost: u64,
    /// Packets dropped because a stream took too little, or was gone.
    pub streams_dropped: u64,
    /// Threads that failed and began anew; what such a thread counted begins anew too. Counted by the driver.
    pub restarts: u64,
}

impl std::ops::Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            rooms: self.rooms + other.rooms,
            connections: self.connections + other.connections,
            tracks: self.tracks + other.tracks,
            datagrams_in: self.datagrams_in + other.datagrams_in,
            datagrams_out: self.datagrams_out + other.datagrams_out,
            bytes_out: self.bytes_out + other.bytes_out,
            media_in: self.media_in + other.media_in,
            media_out: self.media_out + other.media_out,
            strange: self.strange + other.strange,
            too_much: self.too_much + other.too_much,
            silent: self.silent + other.silent,
            repaired: self.repaired + other.repaired,
            with_copies: self.with_copies + other.with_copies,
            key_frames: self.key_frames + other.key_frames,
            lost: self.lost + other.lost,
            offences: self.offences + other.offences,
            kicked: self.kicked + other.kicked,
            refused: self.refused + other.refused,
            streams: self.streams + other.streams,
            streams_taken: self.streams_taken + other.streams_taken,
            streams_refused: self.streams_refused + other.streams_refused,
            streams_strange: self.streams_strange + other.streams_strange,
            streams_broken: self.streams_broken + other.streams_broken,
            streams_lost: self.streams_lost + other.streams_lost,
            streams_dropped: self.streams_dropped + other.streams_dropped,
            restarts: self.restarts + other.restarts,
        }
    }
}

/// What one thread counts of its streams.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StreamCounts {
    pub(super) now: u64,
    pub(super) taken: u64,
    pub(super) refused: u64,
    pub(super) strange: u64,
    pub(super) broken: u64,
    pub(super) lost: u64,
    pub(super) dropped: u64,
}

impl Counts {
    /// With those of the streams.
    pub(super) fn with_streams(self, streams: StreamCounts) -> Self {
        Self {
            streams: streams.now,
            streams_taken: streams.taken,
            streams_refused: streams.refused,
            streams_strange: streams.strange,
            streams_broken: streams.broken,
            streams_lost: streams.lost,
            streams_dropped: streams.dropped,
            ..self
        }
    }
}
