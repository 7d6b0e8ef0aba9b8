//! The task of the connection to the SFU: waits for commands, for what the library tells, for what comes and for time, one at a time, and
//! acts. What must be decided was decided by the session, or by the pure parts next door.

use super::encoders::{Encoding, Voice};
use super::incoming::Inbox;
use super::layers::{Layers, Wants};
use super::open::Open;
use super::ways::{self, Ways};
use crate::config::{NetworkOptions, VideoLimits};
use crate::key_frame::KeyFrameRequester;
use crate::peer::addresses;
use crate::peer::asking::Asking;
use crate::peer::driver::{every, wait_for};
use crate::peer::half::Half;
use crate::peer::inflow::LOOK_EVERY;
use crate::peer::ladder;
use crate::peer::library::LibraryEvent;
use crate::peer::meter::Drops;
use crate::peer::shared_sound::SharedSound;
use crate::peer::spawn::Unsent;
use crate::peer::tcp::rules::Budget;
use crate::port::{ConnectionPhase, PeerStats};
use crate::sfu_port::{SfuCommand, SfuEvent, SfuEventKind};
use parley_media::audio::protection::Reads;
use parley_proto::Bitrate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Interval;

/// Events that wait for room in the session's queue; it is bounded by what they are of: tracks, and ends of them.
const UNTOLD_MAX: usize = 512;

/// What the driver is started with.
pub(in crate::peer) struct GroupSetup {
    pub(in crate::peer) commands: mpsc::Receiver<SfuCommand>,
    pub(in crate::peer) events: mpsc::Sender<SfuEvent>,
    pub(in crate::peer) stats: Half<PeerStats>,
    pub(in crate::peer) limits: VideoLimits,
    pub(in crate::peer) network: NetworkOptions,
    pub(in crate::peer) microphone: Voice,
    /// Smallest first.
    pub(in crate::peer) camera: Vec<Encoding>,
    pub(in crate::peer) screen: Encoding,
    pub(in crate::peer) screen_sound: Voice,
    pub(in crate::peer) shared_sound: SharedSound,
    pub(in crate::peer) unsent: Arc<Unsent>,
}

/// What the driver waits for.
enum Happening {
    Command(SfuCommand),
    End,
    Library(LibraryEvent),
    LibraryTaskEnded,
    Coming(LibraryEvent),
    ComingTaskEnded,
    EstimateChanged,
    News,
    KeyFramesWanted,
    KeyFramesDue,
    Look,
    Second,
}

/// See the module.
pub(in crate::peer) struct GroupDriver {
    commands: mpsc::Receiver<SfuCommand>,
    events: mpsc::Sender<SfuEvent>,
    pub(super) stats: Half<PeerStats>,
    pub(super) limits: VideoLimits,
    pub(super) network: NetworkOptions,
    pub(super) microphone: Voice,
    pub(super) camera: Vec<Encoding>,
    pub(super) screen: Encoding,
    pub(super) screen_sound: Voice,
    pub(super) shared_sound: SharedSound,
    pub(super) inbox: Arc<Inbox>,
    /// Decoders of all tracks wake this task by it.
    wanted: KeyFrameRequester,
    pub(super) layers: Layers,
    pub(super) asking: HashMap<u32, Asking>,
    /// The connection in use.
    pub(super) open: Option<Open>,
    /// One that takes its place once it stands, or the first one until then.
    pub(super) coming: Option<Open>,
    ways: Ways,
    /// This side may send; a listener sends nothing.
    pub(super) speaks: bool,
    /// A screen was shared, with sound or without: its tracks are on every connection from then on.
    pub(super) shares: Option<bool>,
    /// How often this side may connect to the server over TCP, over all of its connections.
    pub(super) tcp_dials: Arc<Mutex<Budget>>,
    /// What is dropped of no connection in particular.
    pub(super) dropped: Drops,
    unsent: Arc<Unsent>,
    untold: Vec<SfuEvent>,
}

#[expect(clippy::disallowed_methods, reason = "driver: the clock enters here")]
pub(super) fn clock() -> Instant {
    Instant::now()
}

impl GroupDriver {
    pub(in crate::peer) fn new(setup: GroupSetup) -> Self {
        let inbox = Arc::new(Inbox::default());
        let wanted = inbox.lock().key_frames();
        let rids: Vec<&str> = setup.camera.iter().map(|encoding| encoding.rid).collect();
        Self {
            commands: setup.commands,
            events: setup.events,
            stats: setup.stats,
            limits: setup.limits,
            network: setup.network,
            layers: Layers::new(&rids, setup.limits),
            microphone: setup.microphone,
            camera: setup.camera,
            screen: setup.screen,
            screen_sound: setup.screen_sound,
            shared_sound: setup.shared_sound,
            wanted,
            inbox,
            asking: HashMap::new(),
            open: None,
            coming: None,
            ways: Ways::default(),
            speaks: true,
            shares: None,
            tcp_dials: Arc::default(),
            dropped: Drops::default(),
            unsent: setup.unsent,
            untold: Vec::new(),
        }
    }

    /// Runs until the commands' end is dropped, or `over` is.
    pub(in crate::peer) async fn run(mut self, mut over: oneshot::Receiver<()>) {
        let [mut seconds, mut looks] = [Duration::from_secs(1), LOOK_EVERY].map(every);
        loop {
            match self.next(&mut seconds, &mut looks, &mut over).await {
                Happening::Command(command) => self.on_command(command).await,
                Happening::End => break,
                Happening::Library(event) => self.on_library(event),
                Happening::LibraryTaskEnded => self.on_task_ended(),
                Happening::Coming(event) => self.on_coming(event).await,
                Happening::ComingTaskEnded => self.on_coming_task_ended(),
                Happening::EstimateChanged => self.apply_estimate(),
                Happening::News => self.take_news(),
                Happening::KeyFramesWanted => self.want_key_frames().await,
                Happening::KeyFramesDue => self.ask_for_due().await,
                Happening::Look => {
                    self.look().await;
                    self.follow_first_losses();
                }
                Happening::Second => self.on_second().await,
            }
        }
        self.close().await;
    }

    /// Waits. Every branch is cancel safe.
    async fn next(
        &mut self,
        seconds: &mut Interval,
        looks: &mut Interval,
        over: &mut oneshot::Receiver<()>,
    ) -> Happening {
        let due = self.asking.values().filter_map(Asking::due).min();
        let is_idle = self.open.is_none() && self.coming.is_none();
        tokio::select! {
            command = self.commands.recv() => command.map_or(Happening::End, Happening::Command),
            _ = over => Happening::End,
            happening = next_of(&mut self.open) => happening,
            happening = next_of_coming(&mut self.coming) => happening,
            () = self.inbox.has_news() => Happening::News,
            () = self.wanted.requested() => Happening::KeyFramesWanted,
            () = wait_for(due) => Happening::KeyFramesDue,
            _ = looks.tick(), if !is_idle => Happening::Look,
            _ = seconds.tick(), if !is_idle => Happening::Second,
        }
    }

    /// The connection that is negotiated.
    pub(super) fn newest(&self) -> Option<&Open> {
        self.coming.as_ref().or(self.open.as_ref())
    }

    fn on_library(&mut self, event: LibraryEvent) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let Some(phase) = open.on_library(event) {
            let number = open.connection.number;
            self.apply_estimate();
            self.tell(number, SfuEventKind::Connection(phase));
        }
    }

    async fn on_coming(&mut self, event: LibraryEvent) {
        let Some(open) = &mut self.coming else {
            return;
        };
        let Some(phase) = open.on_library(event) else {
            return;
        };
        let number = open.connection.number;
        if phase == ConnectionPhase::Connected {
            self.take_over().await;
        }
        self.tell(number, SfuEventKind::Connection(phase));
    }

    /// The fresh connection stands: everything goes over it from now on. What comes is the server's to change over.
    async fn take_over(&mut self) {
        let before = std::mem::replace(&mut self.open, self.coming.take());
        self.layers.begin();
        self.refresh_ways().await;
        if let Some(before) = before {
            self.put_away(before);
        }
    }

    /// Ends a connection that is not used any more, beside what goes on.
    #[expect(clippy::disallowed_methods, reason = "driver: ends by itself within a second")]
    pub(super) fn put_away(&self, open: Open) {
        self.inbox.lock().forget(open.connection.number);
        tokio::spawn(open.connection.close());
    }

    /// The library's task never ends while the connection is open, unless something broke in it.
    fn on_task_ended(&mut self) {
        let Some(open) = self
            .open
            .as_mut()
            .filter(|open| open.connection.tasks.count() == 0)
        else {
            return;
        };
        tracing::warn!("the task of the connection to the SFU ended by itself");
        open.gives_up();
        let number = open.connection.number;
        self.apply_estimate();
        self.tell(number, SfuEventKind::Connection(ConnectionPhase::Failed));
    }

    fn on_coming_task_ended(&mut self) {
        let ended = |open: &mut Open| open.connection.tasks.count() == 0;
        if let Some(open) = self.coming.take_if(ended) {
            tracing::warn!("the task of a fresh connection to the SFU ended by itself");
            let number = open.connection.number;
            self.put_away(open);
            self.tell(number, SfuEventKind::Connection(ConnectionPhase::Failed));
        }
    }

    /// Looks anew at what was agreed on.
    pub(super) async fn refresh_ways(&mut self) {
        self.ways = match &self.open {
            Some(open) if self.speaks => {
                let rids: Vec<&'static str> = self.camera.iter().map(|encoding| encoding.rid).collect();
                Ways::of(&open.connection, &rids).await
            }
            _ => Ways::default(),
        };
        self.apply_estimate();
    }

    /// Nothing goes to the SFU.
    pub(super) fn rest(&mut self) {
        self.ways = Ways::default();
        for encoding in self.camera.iter_mut().chain([&mut self.screen]) {
            // What is watched is said anew on each connection.
            encoding.wanted = false;
            ways::open(&encoding.route, None);
            encoding.targets.end();
        }
        for voice in [&self.microphone, &self.screen_sound] {
            ways::open(&voice.route, None);
            voice.targets.end();
        }
    }

    pub(super) fn apply_estimate(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let estimate = *open.connection.estimate.borrow_and_update();
        let (sends, loss) = (open.sends, open.guarded.losses());
        let given_up = open.connection.congestion.take_given_up();
        if given_up {
            // Key frames are made anyway: in the sizes that are right for what the way carries now.
            self.layers.forget();
        }
        let reads = Reads {
            copies: self
                .ways
                .microphone
                .as_ref()
                .is_none_or(|route| route.red_type.is_some()),
            // What one encoder makes goes to all, and not all of them speak it.
            deep: false,
        };
        let shield = open
            .guarded
            .shield(ladder::audio(estimate, loss).bitrate, estimate, reads);
        open.connection.meter.redundancy.want(shield);
        let sound = ladder::shielded(shield);
        let voice = Bitrate::from_bps(ladder::on_the_wire(sound).bps() + shield.copies_take().bps());
        let played = (self.ways.screen_sound.is_some()).then(|| ladder::screen_sound(estimate, loss));
        let wanted: Vec<bool> = self.camera.iter().map(|encoding| encoding.wanted).collect();
        let wants = Wants {
            voice,
            screen_sound: played.map(ladder::on_the_wire),
            screen: self.screen.wanted,
            camera: &wanted,
        };
        let split = self.layers.split(clock(), estimate, wants);
        for (at, (encoding, targets)) in self.camera.iter().zip(split.camera).enumerate() {
            encoding.follow(self.ways.camera.get(at), targets, sends);
        }
        self.screen.follow(self.ways.screen.as_ref(), split.screen, sends);
        self.microphone
            .follow(self.ways.microphone.as_ref(), Some(sound), sends);
        self.screen_sound
            .follow(self.ways.screen_sound.as_ref(), played, sends);
        if given_up {
            for encoding in self.camera.iter().chain([&self.screen]) {
                encoding.key_frames.request();
            }
        }
    }

    /// Tells the session what happened to tracks.
    pub(super) fn take_news(&mut self) {
        let number = self
            .open
            .as_ref()
            .or(self.coming.as_ref())
            .map_or(0, |open| open.connection.number);
        let news = self.inbox.lock().take_news();
        for kind in news {
            self.tell(number, kind);
        }
    }

    /// Decoders want key frames: now, or as soon as one may be asked for.
    async fn want_key_frames(&mut self) {
        let wishes = self.inbox.lock().take_wishes();
        let now = clock();
        for number in wishes {
            if self.asking.entry(number).or_default().want(now) {
                self.ask_for_key_frame(number).await;
            }
        }
    }

    async fn ask_for_due(&mut self) {
        let now = clock();
        let due: Vec<u32> = self
            .asking
            .iter()
            .filter(|(_, asking)| asking.due().is_some_and(|due| now >= due))
            .map(|(number, _)| *number)
            .collect();
        for number in due {
            self.ask_for_key_frame(number).await;
        }
    }

    async fn ask_for_key_frame(&mut self, number: u32) {
        let now = clock();
        let place = self.inbox.lock().place(number);
        let Some(asking) = self.asking.get_mut(&number) else {
            return;
        };
        let may_ask = asking.may_ask(now);
        if may_ask
            && let Some(place) = place
            && let Some(open) = &self.open
            && open.connection.number == place.connection
            && open.connection.request_key_frame(place.ssrc).await
        {
            asking.asked(now);
        }
    }

    /// Sees what became of tracks and of the network, and whether packets go another way.
    async fn look(&mut self) {
        self.inbox.lock().look(clock(), &self.dropped);
        self.take_news();
        self.tell_untold();
        self.look_at_network();
        for open in [&mut self.open, &mut self.coming].into_iter().flatten() {
            let Some(selected) = open.connection.selected().await else {
                continue;
            };
            let before = open.selected.replace(selected);
            if before.is_some() && before != open.selected {
                tracing::info!("packets to the SFU go another way");
                open.connection.congestion.rerouted(clock());
            }
        }
    }

    /// A connection whose address is gone from this machine is over long before ICE says so.
    fn look_at_network(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let (now, beside) = addresses::look(&self.network);
        let change = open.network.look(&now, &beside, open.pair.as_ref(), None);
        if change.is_some_and(|change| !change.in_use) {
            tracing::info!("the network of this machine that the SFU was reached by is gone");
            open.gives_up();
            let number = open.connection.number;
            self.apply_estimate();
            self.tell(number, SfuEventKind::Connection(ConnectionPhase::Failed));
        }
    }

    /// What the first packets of the voice tell counts at once: it has no copies before.
    fn follow_first_losses(&mut self) {
        let told = self
            .open
            .as_mut()
            .is_some_and(|open| open.guarded.first(clock(), &open.connection.meter));
        if told {
            self.apply_estimate();
        }
    }

    async fn on_second(&mut self) {
        if let Some(open) = &mut self.open {
            open.guarded.second(clock(), &open.connection.meter);
        }
        self.apply_estimate();
        let Some(open) = &mut self.open else {
            return;
        };
        let now = clock();
        let pair = open.connection.pair(now, &open.relays).await;
        let may_be_relayed = !open.up || pair.is_none_or(|pair| pair.relay.is_some());
        open.connection.rounds.set(may_be_relayed);
        // Without one now, the last one tells what is no more.
        open.pair = pair.or(open.pair);
        if let Some(rtt_ms) = pair.and_then(|pair| pair.rtt_ms) {
            open.connection.meter.round_trip_ms.set(rtt_ms);
        }
        let estimate = open.connection.estimate.borrow().bps();
        let mut sample = open.sampler.sample(&open.connection.meter, pair, estimate, now);
        sample.drops.extend(open.relays.counted());
        let tcp = open.connection.tcp.as_ref();
        sample.drops.extend(tcp.into_iter().flat_map(|tcp| tcp.counted()));
        sample.drops.extend(self.dropped.list());
        let unsent = self.unsent.layer_frames.get();
        sample
            .drops
            .extend((unsent > 0).then_some(("layer_frames_unsent", unsent)));
        self.stats.say(sample, true);
    }

    /// Tells the session. What finds no room is told with the next look, for a track that is never told of is never heard.
    pub(super) fn tell(&mut self, connection: u32, kind: SfuEventKind) {
        let event = SfuEvent { connection, kind };
        if self.untold.len() < UNTOLD_MAX {
            self.untold.push(event);
        } else {
            tracing::error!("an event is lost");
            self.dropped.events_full.one();
        }
        self.tell_untold();
    }

    fn tell_untold(&mut self) {
        let room = self.events.capacity().min(self.untold.len());
        for event in self.untold.drain(..room) {
            if self.events.try_send(event).is_err() {
                self.dropped.events_full.one();
            }
        }
    }
}

/// The next thing that happens to the connection in use. Cancel safe.
async fn next_of(open: &mut Option<Open>) -> Happening {
    let Some(open) = open else {
        return std::future::pending().await;
    };
    tokio::select! {
        Some(event) = open.library.recv() => Happening::Library(event),
        () = open.connection.tasks.ended() => Happening::LibraryTaskEnded,
        Ok(()) = open.connection.estimate.changed() => Happening::EstimateChanged,
    }
}

/// The same of the one that comes.
async fn next_of_coming(coming: &mut Option<Open>) -> Happening {
    let Some(open) = coming else {
        return std::future::pending().await;
    };
    tokio::select! {
        Some(event) = open.library.recv() => Happening::Coming(event),
        () = open.connection.tasks.ended() => Happening::ComingTaskEnded,
    }
}
