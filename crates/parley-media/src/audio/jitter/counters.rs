//! What a jitter buffer counts.

/// Counted since the participant came. Sound is counted in samples at 48 kHz.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JitterCounters {
    /// Packets put in.
    pub received: u64,
    /// Packets that came a second time.
    pub duplicate: u64,
    /// Packets that came after their time.
    pub late: u64,
    /// Packets thrown away because the buffer was full.
    pub overflow: u64,
    /// Packets thrown away to catch up after a long stall.
    pub skipped: u64,
    /// Packets whose numbers made no sense with those before.
    pub implausible: u64,
    /// Packets the decoder refused.
    pub undecodable: u64,
    /// Times everything was begun afresh because the sender did.
    pub restarts: u64,
    /// Samples played.
    pub played: u64,
    /// Samples invented, because nothing was there in time.
    pub concealed: u64,
    /// Packets that were lost and came as a copy in a later one, in time.
    pub copied: u64,
    /// Samples repaired from the redundancy of the next packet.
    pub recovered: u64,
    /// Samples left out to shorten the delay.
    pub accelerated: u64,
    /// Samples put in to lengthen the delay.
    pub expanded: u64,
}
