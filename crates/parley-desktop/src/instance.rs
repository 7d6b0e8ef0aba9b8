//! One running Parley for each data folder, and the channel by which another start of the program (a clicked link,
//! `parley ptt down`) reaches it.
//!
//! Who holds the lock file is the one; it listens on a Unix socket beside it (on Windows a named pipe). One line of JSON in,
//! one line out, one asker at a time: nobody waits in a queue of ours. The lock goes with the process, however it ends.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::future::Future;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const LOCK: &str = "instance.lock";
/// The longest line that is read, either way. A message around a link is shorter.
const LINE_BYTES_MAX: u64 = 16 * 1024;
/// How long one asker may take.
const ASKER_MAX: Duration = Duration::from_secs(5);
/// How often a second start looks for the channel of the first, which may be starting right now.
const TRIES: u32 = 40;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);
/// How long a second start waits for a first one that is starting or ending: longer than a call's farewell.
const START_MAX: Duration = Duration::from_secs(10);

/// What another start of the program asks. Its `Debug` leaves the link out, for the link is the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Come to the front.
    Show,
    /// Open this link.
    Open {
        /// As it was handed over by the system.
        link: String,
    },
    /// Push-to-talk, or the mute switch.
    Talk {
        /// Which.
        talk: Talk,
    },
}

/// What `parley ptt` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Talk {
    /// The key went down.
    Down,
    /// It came up.
    Up,
    /// Mute, or unmute.
    ToggleMute,
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Show => f.write_str("Show"),
            Self::Open { link: _ } => f.write_str("Open { .. }"),
            Self::Talk { talk } => write!(f, "Talk({talk:?})"),
        }
    }
}

/// Why an ask was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error("Parley is not running.")]
    NobodyThere,
    /// The running instance said no; the sentence is its own.
    #[error("{0}")]
    Refused(String),
    /// Something answered, but not in our words.
    #[error("The running Parley did not answer: {0}.")]
    Io(#[from] io::Error),
}

#[derive(Serialize, Deserialize)]
struct Answer {
    /// Why not; nothing when it was done.
    error: Option<String>,
}

/// Being the one instance of a data folder. Dropped, another one may be.
#[derive(Debug)]
pub struct Instance {
    folder: PathBuf,
    _lock: File,
}

/// Becomes the instance of this data folder; `None` when there is one already.
///
/// # Errors
/// When the folder cannot be written; then nothing can be said about other instances.
pub fn claim(folder: &Path) -> io::Result<Option<Instance>> {
    fs::create_dir_all(folder)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Instance {
            folder: folder.to_owned(),
            _lock: lock,
        })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// What a start of the program came to.
#[derive(Debug)]
pub enum Start {
    /// It is the instance now.
    First(Instance),
    /// Another one is, and said this to what was asked of it.
    Told(Result<(), AskError>),
}

/// Becomes the instance of a data folder, or asks this of the one there is. One that cannot answer yet, or no more, is
/// waited for: it will be reached, or its place is free.
///
/// # Errors
/// As [`claim`].
#[expect(
    clippy::disallowed_methods,
    reason = "driver: waits for another process to come up, or to end"
)]
pub fn start(folder: &Path, ask: &Ask) -> io::Result<Start> {
    let begun = Instant::now();
    loop {
        if let Some(instance) = claim(folder)? {
            return Ok(Start::First(instance));
        }
        let told =
            channel::connect(folder).map_or(Err(AskError::NobodyThere), |channel| converse(channel, ask));
        if told.as_ref().map_or_else(is_final, |()| true) || begun.elapsed() >= START_MAX {
            return Ok(Start::Told(told));
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
}

/// Whether asking again is no use: it was answered, or was heard by one that is stuck.
fn is_final(error: &AskError) -> bool {
    match error {
        AskError::NobodyThere => false,
        AskError::Refused(_) => true,
        AskError::Io(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
    }
}

/// Asks the running instance of a data folder, and waits for its answer.
///
/// # Errors
/// [`AskError`]; its text is for people.
#[expect(
    clippy::disallowed_methods,
    reason = "driver: waits for another process to come up"
)]
pub fn ask(folder: &Path, ask: &Ask) -> Result<(), AskError> {
    for attempt in 0..TRIES {
        if let Ok(channel) = channel::connect(folder) {
            return converse(channel, ask);
        }
        // Without a lock holder there is nobody to wait for.
        if attempt == 0 && claim(folder)?.is_some() {
            break;
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    Err(AskError::NobodyThere)
}

fn converse(mut channel: impl Read + Write, ask: &Ask) -> Result<(), AskError> {
    let mut line = serde_json::to_vec(ask).map_err(io::Error::from)?;
    line.push(b'\n');
    channel.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(channel.take(LINE_BYTES_MAX)).read_line(&mut answer)?;
    let answer: Answer = serde_json::from_str(&answer).map_err(io::Error::from)?;
    answer.error.map_or(Ok(()), |error| Err(AskError::Refused(error)))
}

impl Instance {
    /// Answers askers one after the other, for as long as it is polled; after that nobody is reached, and the place stays
    /// taken until `self` is dropped. What `answer` refuses, it refuses with a sentence.
    ///
    /// # Errors
    /// When the channel cannot be opened: then this instance runs, but cannot be reached.
    pub async fn serve<F>(&self, answer: impl Fn(Ask) -> F) -> io::Result<()>
    where
        F: Future<Output = Result<(), String>>,
    {
        let mut listener = channel::listen(&self.folder)?;
        loop {
            let asker = listener.accept().await?;
            match tokio::time::timeout(ASKER_MAX, hear(asker, &answer)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "an asker was not understood"),
                Err(_) => tracing::debug!("an asker took too long"),
            }
        }
    }
}

async fn hear<F>(asker: impl AsyncRead + AsyncWrite + Unpin, answer: &impl Fn(Ask) -> F) -> io::Result<()>
where
    F: Future<Output = Result<(), String>>,
{
    let (heard, mut said) = tokio::io::split(asker);
    let mut line = String::new();
    tokio::io::BufReader::new(heard.take(LINE_BYTES_MAX))
        .read_line(&mut line)
        .await?;
    let error = match serde_json::from_str::<Ask>(&line) {
        Ok(ask) => answer(ask).await.err(),
        Err(_) => Some("This Parley does not know what was asked.".to_owned()),
    };
    let mut line = serde_json::to_vec(&Answer { error })?;
    line.push(b'\n');
    said.write_all(&line).await?;
    said.flush().await
}

/// A Unix socket beside the lock, for its owner alone.
#[cfg(unix)]
mod channel {
    use super::ASKER_MAX;
    use std::fs::{self, Permissions};
    use std::io;
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixStream as Connection;
    use std::path::{Path, PathBuf};
    use tokio::net::{UnixListener, UnixStream};

    fn place(folder: &Path) -> PathBuf {
        folder.join("instance.sock")
    }

    pub(super) fn connect(folder: &Path) -> io::Result<Connection> {
        let connection = Connection::connect(place(folder))?;
        connection.set_read_timeout(Some(ASKER_MAX))?;
        connection.set_write_timeout(Some(ASKER_MAX))?;
        Ok(connection)
    }

    pub(super) struct Listener(UnixListener);

    pub(super) fn listen(folder: &Path) -> io::Result<Listener> {
        let place = place(folder);
        // The lock is ours, so whatever lies there is left over.
        let _ = fs::remove_file(&place);
        let listener = UnixListener::bind(&place)?;
        fs::set_permissions(&place, Permissions::from_mode(0o600))?;
        Ok(Listener(listener))
    }

    impl Listener {
        pub(super) async fn accept(&mut self) -> io::Result<UnixStream> {
            self.0.accept().await.map(|(stream, _)| stream)
        }
    }
}

/// A named pipe, called by the folder. Written, not tried: there is no Windows machine here.
#[cfg(windows)]
mod channel {
    use std::fs::File;
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    use std::io;
    use std::path::Path;
    use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};

    fn place(folder: &Path) -> String {
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        format!(r"\\.\pipe\parley-{:016x}", hasher.finish())
    }

    pub(super) fn connect(folder: &Path) -> io::Result<File> {
        File::options().read(true).write(true).open(place(folder))
    }

    pub(super) struct Listener {
        place: String,
        next: NamedPipeServer,
    }

    pub(super) fn listen(folder: &Path) -> io::Result<Listener> {
        let place = place(folder);
        let next = ServerOptions::new().first_pipe_instance(true).create(&place)?;
        Ok(Listener { place, next })
    }

    impl Listener {
        pub(super) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
            self.next.connect().await?;
            let next = ServerOptions::new().create(&self.place)?;
            Ok(std::mem::replace(&mut self.next, next))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    async fn asked(folder: PathBuf, what: Ask) -> Result<(), AskError> {
        tokio::task::spawn_blocking(move || ask(&folder, &what))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_second_start_reaches_the_first_and_hears_its_answer() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_owned();
        let first = claim(&place).unwrap().expect("nobody is there yet");
        assert!(claim(&place).unwrap().is_none(), "one at a time");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&heard);
        let serving = first.serve(move |ask| {
            let refused = matches!(ask, Ask::Talk { talk: Talk::Up });
            noted.lock().unwrap().push(ask);
            async move {
                if refused {
                    Err("You are in no call.".to_owned())
                } else {
                    Ok(())
                }
            }
        });
        let link = "parley://join/host/room#secret".to_owned();
        let asking = async {
            asked(place.clone(), Ask::Open { link: link.clone() })
                .await
                .unwrap();
            let refused = asked(place.clone(), Ask::Talk { talk: Talk::Up }).await;
            assert_eq!(refused.unwrap_err().to_string(), "You are in no call.");
        };
        tokio::select! {
            ended = serving => panic!("{ended:?}"),
            () = asking => {}
        }
        assert_eq!(heard.lock().unwrap()[0], Ask::Open { link });
        drop(first);
        // The first one is gone with its lock; what it left lying is in nobody's way.
        assert!(matches!(
            asked(place.clone(), Ask::Show).await,
            Err(AskError::NobodyThere)
        ));
        assert!(claim(&place).unwrap().is_some());
    }

    async fn started(folder: PathBuf) -> Start {
        tokio::task::spawn_blocking(move || start(&folder, &Ask::Show))
            .await
            .unwrap()
            .unwrap()
    }

    #[tokio::test]
    async fn a_start_waits_for_one_that_is_starting() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_owned();
        let Start::First(first) = started(place.clone()).await else {
            panic!("nobody is there yet");
        };
        let serving = async {
            tokio::time::sleep(BETWEEN_TRIES * 4).await;
            first.serve(|_| async { Ok(()) }).await
        };
        tokio::select! {
            ended = serving => panic!("{ended:?}"),
            second = started(place) => assert!(matches!(second, Start::Told(Ok(()))), "{second:?}"),
        }
    }

    #[tokio::test]
    async fn a_start_takes_the_place_of_one_that_is_ending() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_owned();
        let first = claim(&place).unwrap().unwrap();
        let mut listener = channel::listen(&place).unwrap();
        let ending = async {
            // It hears of the second start, and ends before it has answered.
            drop(listener.accept().await.unwrap());
            drop(listener);
            tokio::time::sleep(BETWEEN_TRIES * 4).await;
            drop(first);
        };
        let ((), second) = tokio::join!(ending, started(place));
        assert!(matches!(second, Start::First(_)), "{second:?}");
    }

    #[tokio::test]
    async fn a_start_that_is_refused_asks_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_owned();
        let first = claim(&place).unwrap().unwrap();
        let serving = first.serve(|_| async { Err("Not now.".to_owned()) });
        tokio::select! {
            ended = serving => panic!("{ended:?}"),
            second = started(place) => {
                let refused = matches!(&second, Start::Told(Err(AskError::Refused(why))) if why == "Not now.");
                assert!(refused, "{second:?}");
            }
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nonsense_is_answered_and_hurts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_owned();
        let first = claim(&place).unwrap().unwrap();
        let serving = first.serve(|_| async { Ok(()) });
        let asking = async {
            for nonsense in [&b"\n"[..], b"{}\n", b"\xff\xfe\n", &[b'x'; 40_000]] {
                let place = place.clone();
                let nonsense = nonsense.to_vec();
                tokio::task::spawn_blocking(move || {
                    let mut channel = channel::connect(&place).unwrap();
                    // Too much is not read to its end; the writer may notice.
                    let _ = channel.write_all(&nonsense);
                    let mut answer = String::new();
                    let _ = channel.read_to_string(&mut answer);
                })
                .await
                .unwrap();
            }
            asked(place.clone(), Ask::Show).await.unwrap();
        };
        tokio::select! {
            ended = serving => panic!("{ended:?}"),
            () = asking => {}
        }
    }

    #[test]
    fn no_link_is_printed_for_debugging() {
        let ask = Ask::Open {
            link: "parley://join/host/room#secret".into(),
        };
        assert!(!format!("{ask:?}").contains("secret"));
    }
}
