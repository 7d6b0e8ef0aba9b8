//! The listener's thread: waits for the sound server, for `/dev`, or for the order to stop, whichever comes first. A sound
//! server that is not there, or is gone, is looked for again.

use super::nodes::CameraNodes;
use super::sound_server::Subscription;
use super::{Changed, Told};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::Write as _;
use std::os::unix::net::UnixStream;

/// How often a sound server is looked for while none answers.
const SEEK_EVERY: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Stops the thread when dropped, and does not wait for it: it holds nothing that anybody waits for.
#[derive(Debug)]
pub(super) struct Listener {
    stop: UnixStream,
}

impl Listener {
    pub(super) fn spawn(
        of: &[Changed],
        told: Told,
        tell: impl FnMut(Changed) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = UnixStream::pair()?;
        let mut ears = Ears {
            wants_sound: of.contains(&Changed::Sound),
            sound: None,
            rests: false,
            cameras: None,
            told,
            tell,
        };
        let cameras = of.contains(&Changed::Cameras);
        std::thread::Builder::new()
            .name("device changes".into())
            .spawn(move || {
                if cameras {
                    ears.open_cameras();
                }
                ears.listen(&stopped);
            })?;
        Ok(Self { stop })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The other end is gone only if the thread is.
        let _ = self.stop.write_all(&[0]);
    }
}

struct Ears<T> {
    wants_sound: bool,
    sound: Option<Subscription>,
    /// The sound server just hung up: it is not asked again at once.
    rests: bool,
    cameras: Option<CameraNodes>,
    told: Told,
    tell: T,
}

impl<T: FnMut(Changed)> Ears<T> {
    fn open_cameras(&mut self) {
        self.cameras = CameraNodes::watch();
        self.told.set(Changed::Cameras, self.cameras.is_some());
        if self.cameras.is_some() {
            (self.tell)(Changed::Cameras);
        }
    }

    fn seek_sound_server(&mut self) {
        self.sound = Subscription::open();
        self.told.set(Changed::Sound, self.sound.is_some());
        if self.sound.is_some() {
            (self.tell)(Changed::Sound);
        }
    }

    fn listen(mut self, stopped: &UnixStream) {
        loop {
            if self.wants_sound && self.sound.is_none() && !self.rests {
                self.seek_sound_server();
            }
            self.rests = false;
            let Ok(heard) = self.wait(stopped) else { return };
            if heard.stop {
                return;
            }
            if heard.cameras && self.cameras.as_ref().is_some_and(CameraNodes::changed) {
                (self.tell)(Changed::Cameras);
            }
            if heard.sound {
                self.hear_sound_server();
            }
        }
    }

    fn hear_sound_server(&mut self) {
        let Some(sound) = &mut self.sound else { return };
        match sound.read() {
            Ok(true) => (self.tell)(Changed::Sound),
            Ok(false) => {}
            Err(error) => {
                tracing::info!(%error, "the sound server says no more");
                self.sound = None;
                self.rests = true;
                self.told.set(Changed::Sound, false);
                // Its devices went with it.
                (self.tell)(Changed::Sound);
            }
        }
    }

    fn wait(&self, stopped: &UnixStream) -> rustix::io::Result<Heard> {
        let mut places = vec![PollFd::new(stopped, PollFlags::IN)];
        let cameras = self.cameras.as_ref().map(|nodes| {
            places.push(PollFd::from_borrowed_fd(nodes.descriptor(), PollFlags::IN));
            places.len() - 1
        });
        let sound = self.sound.as_ref().map(|sound| {
            places.push(PollFd::from_borrowed_fd(sound.descriptor(), PollFlags::IN));
            places.len() - 1
        });
        let seeking = self.wants_sound && sound.is_none();
        match poll(&mut places, seeking.then_some(&SEEK_EVERY)) {
            Err(rustix::io::Errno::INTR) => return Ok(Heard::default()),
            other => other?,
        };
        let heard = |place: Option<usize>| place.is_some_and(|at| !places[at].revents().is_empty());
        Ok(Heard {
            stop: heard(Some(0)),
            cameras: heard(cameras),
            sound: heard(sound),
        })
    }
}

#[derive(Default)]
struct Heard {
    stop: bool,
    cameras: bool,
    sound: bool,
}
