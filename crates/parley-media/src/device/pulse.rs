//! A connection to PulseAudio, or to PipeWire's server of that name: the greeting, questions, and messages one by one.
//!
//! The library's own client is not used for sound that flows: its thread zeroes a megabyte before each read, and `cpal`'s
//! streams on it ask the server how late they are with each 10 ms, an answer that nobody here reads. So only the library's words of
//! the protocol are used. Whoever owns the value waits in it; nothing happens anywhere else.

use pulseaudio::protocol::{
    self, AuthParams, AuthReply, Command, CommandReply, Descriptor, Prop, Props, ProtocolError,
    SetClientNameReply,
};
use rustix::fd::{AsFd as _, BorrowedFd};
use std::ffi::{CStr, CString};
use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The channel of commands; all others are sound.
pub(crate) const COMMANDS: u32 = u32::MAX;
/// Bytes of a message's head, and the largest message taken: the server's own limit is 16 MiB, and sound comes in small pieces.
const HEAD_BYTES: usize = protocol::DESCRIPTOR_SIZE;
const MESSAGE_BYTES_MAX: usize = 4 * 1_024 * 1_024;
/// Read at once: some hundred milliseconds of sound.
const READ_BYTES: usize = 64 * 1_024;

/// See the module.
#[derive(Debug)]
pub(crate) struct PulseConnection {
    stream: BufReader<UnixStream>,
    version: u16,
    next_request: u32,
    message: Vec<u8>,
}

impl PulseConnection {
    /// Connects to the server that the environment names, as `who`. Waits for its answers, each at most `answer_max`, which
    /// holds for all that is read and written later too, until [`PulseConnection::wait_for_ever`].
    ///
    /// # Errors
    /// When there is no server, or it does not want us.
    pub(crate) fn open(who: &CStr, answer_max: Duration) -> Result<Self, ProtocolError> {
        let path = pulseaudio::socket_path_from_env()
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
        Self::over(UnixStream::connect(path)?, who, answer_max)
    }

    /// The same over a stream that stands.
    ///
    /// # Errors
    /// When the server does not want us.
    pub(crate) fn over(stream: UnixStream, who: &CStr, answer_max: Duration) -> Result<Self, ProtocolError> {
        stream.set_read_timeout(Some(answer_max))?;
        stream.set_write_timeout(Some(answer_max))?;
        let mut connection = Self {
            stream: BufReader::with_capacity(READ_BYTES, stream),
            version: protocol::MAX_VERSION,
            next_request: 0,
            message: Vec::new(),
        };
        connection.greet(who)?;
        Ok(connection)
    }

    fn greet(&mut self, who: &CStr) -> Result<(), ProtocolError> {
        let cookie = pulseaudio::cookie_path_from_env()
            .and_then(|path| std::fs::read(path).ok())
            .unwrap_or_default();
        let auth: AuthReply = self.ask_and_wait(&Command::Auth(AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie,
        }))?;
        self.version = auth.version.min(protocol::MAX_VERSION);
        let mut props = Props::new();
        props.set(Prop::ApplicationName, who);
        // By this number the sound of this program is told from that of others.
        if let Ok(process) = CString::new(std::process::id().to_string()) {
            props.set(Prop::ApplicationProcessId, process);
        }
        let _: SetClientNameReply = self.ask_and_wait(&Command::SetClientName(props))?;
        Ok(())
    }

    /// From now on reading and writing wait for as long as it takes, or until the socket is shut down.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn wait_for_ever(&self) -> Result<(), ProtocolError> {
        self.stream.get_ref().set_read_timeout(None)?;
        Ok(self.stream.get_ref().set_write_timeout(None)?)
    }

    /// The socket, to be shut down from elsewhere.
    ///
    /// # Errors
    /// When the system has no more handles.
    pub(crate) fn socket(&self) -> std::io::Result<UnixStream> {
        self.stream.get_ref().try_clone()
    }

    /// For questions before whose answer the server says nothing else: those of the greeting, and for a first stream.
    ///
    /// # Errors
    /// What the server says against it, and when the connection broke.
    pub(crate) fn ask_and_wait<R: CommandReply>(&mut self, command: &Command) -> Result<R, ProtocolError> {
        self.ask(command)?;
        Ok(protocol::read_reply_message(&mut self.stream, self.version)?.1)
    }

    /// The same, where the answer is but a yes.
    ///
    /// # Errors
    /// What the server says against it, and when the connection broke.
    pub(crate) fn ask_and_wait_for_yes(&mut self, command: &Command) -> Result<(), ProtocolError> {
        self.ask(command)?;
        protocol::read_ack_message(&mut self.stream).map(drop)
    }

    /// Asks, and gives the number that the answer will have.
    ///
    /// # Errors
    /// When the connection broke.
    pub(crate) fn ask(&mut self, command: &Command) -> Result<u32, ProtocolError> {
        let request = self.next_request;
        self.next_request = request.wrapping_add(1);
        protocol::write_command_message(self.stream.get_mut(), request, command, self.version)?;
        Ok(request)
    }

    /// Sends bytes as they are: a head and sound.
    ///
    /// # Errors
    /// When the connection broke.
    pub(crate) fn write(&mut self, message: &[u8]) -> Result<(), ProtocolError> {
        Ok(self.stream.get_mut().write_all(message)?)
    }

    /// Whether something was read from the socket already and not taken yet.
    pub(crate) fn has_more(&self) -> bool {
        !self.stream.buffer().is_empty()
    }

    /// What becomes readable when the server says something.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.stream.get_ref().as_fd()
    }

    /// Takes the next message, waiting for it. What is in it: [`PulseConnection::sound`] or [`PulseConnection::command`].
    ///
    /// # Errors
    /// When the connection broke, or what comes is no message.
    pub(crate) fn read_message(&mut self) -> Result<Descriptor, ProtocolError> {
        self.message.resize(HEAD_BYTES, 0);
        self.stream.read_exact(&mut self.message)?;
        let head = protocol::read_descriptor(&mut &self.message[..])?;
        let length = head.length as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(ProtocolError::Invalid("a message is too large".into()));
        }
        self.message.resize(HEAD_BYTES + length, 0);
        self.stream.read_exact(&mut self.message[HEAD_BYTES..])?;
        Ok(head)
    }

    /// The bytes of the last message.
    pub(crate) fn sound(&self) -> &[u8] {
        self.message.get(HEAD_BYTES..).unwrap_or_default()
    }

    /// The last message as a command with its number; none for words that the library does not know, which are none of ours.
    ///
    /// # Errors
    /// When it is no command.
    pub(crate) fn command(&self) -> Result<Option<(u32, Command)>, ProtocolError> {
        match protocol::read_command_message(&mut &self.message[..], self.version) {
            Ok(numbered) => Ok(Some(numbered)),
            Err(ProtocolError::Unimplemented(..)) => Ok(None),
            Err(error) => Err(error),
        }
    }
    /// The last message as an answer.
    ///
    /// # Errors
    /// When it is none, or another.
    pub(crate) fn reply<R: CommandReply>(&self) -> Result<R, ProtocolError> {
        Ok(protocol::read_reply_message(&mut &self.message[..], self.version)?.1)
    }
}
