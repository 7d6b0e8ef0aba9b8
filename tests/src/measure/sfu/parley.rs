//! Our server, as the program that is given away, and people who come in over its signaling.

use super::{Case, HERE, Sfu, Visit};
use crate::harness::cores::Cores;
use crate::harness::namespaces::Namespace;
use crate::harness::participant::Participant;
use crate::harness::programs::our;
use crate::harness::server::RealServer;
use anyhow::{Context as _, Result, ensure};
use parley_proto::{ClientMessage, ParticipantId, ServerMessage, Source, Wish};
use parley_server::load::Crowd;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// An answer that did not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ours.
pub(super) struct Parley {
    server: RealServer,
    address: SocketAddr,
    runtime: Runtime,
}

impl Parley {
    /// `program`, or the one that was built with this.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) fn start(
        program: Option<&Path>,
        folder: &Path,
        cores: &Cores,
        world: &Namespace,
    ) -> Result<Self> {
        let settings = folder.join("parley-server.toml");
        std::fs::write(&settings, our_settings(folder))?;
        let mut command = match program {
            Some(program) => Command::new(program),
            None => our("parley-server")?,
        };
        command.arg("--config").arg(settings).env("RUST_LOG", "info");
        let server = RealServer::start_as(world.enter(&cores.alone_and_first(command)))?;
        Ok(Self {
            address: server.url().trim_start_matches("http://").parse()?,
            server,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
        })
    }
}

/// The people of one stretch.
struct People<'a> {
    runtime: &'a Runtime,
    people: Vec<Participant>,
}

impl Visit for People<'_> {}

impl Drop for People<'_> {
    fn drop(&mut self) {
        for one in self.people.drain(..) {
            // Whoever is lost instead is forgotten by the server, too.
            let _ = self.runtime.block_on(one.leave());
        }
    }
}

impl Sfu for Parley {
    fn who(&self) -> &'static str {
        "parley"
    }

    fn pid(&self) -> u32 {
        self.server.pid()
    }

    fn fill<'a>(&'a self, crowd: &mut Crowd, case: Case) -> Result<Box<dyn Visit + 'a>> {
        let mut visit = People {
            runtime: &self.runtime,
            people: Vec::new(),
        };
        for _ in 0..case.rooms {
            let first = visit.people.len();
            for number in 0..case.people() {
                let room = visit.people.get(first).map(Participant::room);
                let name = format!("{first} {number}");
                let enter = Participant::enter_group(self.address, room, &name);
                visit.people.push(self.runtime.block_on(enter)?);
            }
            let senders: Vec<ParticipantId> = visit
                .people
                .iter()
                .skip(first)
                .take(case.senders)
                .map(Participant::id)
                .collect();
            for at in first..visit.people.len() {
                visit.connect(crowd, case, at, &senders)?;
                crowd.turn(Instant::now())?;
            }
        }
        Ok(Box::new(visit))
    }
}

impl People<'_> {
    /// Offers for somebody, and says whom they want to see.
    fn connect(&mut self, crowd: &mut Crowd, case: Case, at: usize, senders: &[ParticipantId]) -> Result<()> {
        let client = crowd.client(at).context("somebody without a client")?;
        let one = self.people.get_mut(at).context("somebody who did not come")?;
        let (sdp, mut publish) = client.offer();
        for one in &mut publish {
            one.layers = if one.source.is_sound() {
                Vec::new()
            } else {
                case.layers()
            };
        }
        let (width, height) = case
            .picture
            .map_or((0, 0), |picture| (picture.width, picture.height));
        // Those who come after, around the room: everybody is seen by as many.
        let me = senders.iter().position(|id| *id == one.id());
        let others = senders
            .iter()
            .cycle()
            .skip(me.map_or(0, |me| me + 1))
            .take(senders.len() - usize::from(me.is_some()));
        let downs = client
            .picture_sections()
            .zip(others)
            .map(|(mid, other)| Wish {
                mid,
                participant: *other,
                source: Source::Camera,
                width,
                height,
                priority: 1,
            })
            .collect();
        let wishes = ClientMessage::Subscribe {
            downs,
            kbps_max: None,
        };
        let answer = self.runtime.block_on(async {
            one.say(&ClientMessage::SfuOffer {
                connection: 1,
                sdp,
                publish,
            })
            .await?;
            let answer = timeout(PATIENCE, answer(one)).await.context("no answer came")??;
            one.say(&wishes).await?;
            anyhow::Ok(answer)
        })?;
        ensure!(client.answer(&answer), "the answer is not understood: {answer}");
        self.listen()
    }

    /// Hears what everybody was told meanwhile: whoever does not read is cut off.
    fn listen(&mut self) -> Result<()> {
        self.runtime.block_on(async {
            for one in &mut self.people {
                while let Ok(heard) = timeout(Duration::ZERO, one.hear()).await {
                    heard?;
                }
            }
            Ok(())
        })
    }
}

async fn answer(one: &mut Participant) -> Result<String> {
    loop {
        if let ServerMessage::SfuAnswer { sdp, .. } = one.hear().await? {
            return Ok(sdp);
        }
    }
}

/// As an operator would write it.
fn our_settings(folder: &Path) -> String {
    format!(
        "listen = [\"{HERE}:7788\"]\n\
         data_dir = {:?}\n\
         drain_seconds = 0\n\
         [stun]\n\
         listen = [\"{HERE}:3478\"]\n\
         [sfu]\n\
         enabled = true\n\
         participants = 150\n",
        folder.display().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_server::settings::Settings;

    #[test]
    fn our_settings_are_right_and_let_a_crowd_in() {
        let settings = Settings::from_file("bench.toml", &our_settings(Path::new("/data")));
        let settings = settings.and_then(Settings::checked);
        let settings = settings.map_err(|mistakes| mistakes.to_string()).unwrap();
        assert!(settings.sfu);
        assert_eq!(settings.sfu_participants_max, 150);
    }
}
