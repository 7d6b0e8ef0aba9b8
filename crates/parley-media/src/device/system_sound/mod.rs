//! What other programs play, for those who see what is shared. Never what this program plays, nor a microphone.
//!
//! | part | what it does |
//! |---|---|
//! | here | what can be asked of it on any system |
//! | `pulse` | Linux: a record stream on each other program's playback, over one connection to PulseAudio or PipeWire |
//! | `choice` | which playback is another program's |
//! | `mix` | all of it as one |
//!
//! Windows and macOS have nothing here yet. A value without a thread: whoever owns [`Applications`] waits in it.

#[cfg(target_os = "linux")]
mod choice;
#[cfg(target_os = "linux")]
mod mix;
#[cfg(target_os = "linux")]
mod pulse;

#[cfg(target_os = "linux")]
pub(crate) use pulse::Applications;

/// Why nothing of other programs can be heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SystemSoundFault {
    /// There is no way on this system.
    #[error("Parley cannot share the computer's sound on this system yet.")]
    Unsupported,
    /// Linux without a server that could tell programs apart.
    #[error("The computer's sound can be shared where PulseAudio or PipeWire runs. Neither was found.")]
    NoServer,
    /// The server was there and is not, or does not answer as it should.
    #[error("The sound server no longer gives what programs play: {0}.")]
    Lost(String),
}

/// Whether the computer's sound could be shared now. Looks for the server, and does not speak to it.
///
/// # Errors
/// Why it could not.
pub fn system_sound() -> Result<(), SystemSoundFault> {
    #[cfg(target_os = "linux")]
    {
        pulseaudio::socket_path_from_env()
            .map(drop)
            .ok_or(SystemSoundFault::NoServer)
    }
    #[cfg(not(target_os = "linux"))]
    {
        Err(SystemSoundFault::Unsupported)
    }
}
