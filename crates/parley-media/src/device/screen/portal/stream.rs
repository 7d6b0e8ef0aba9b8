//! PipeWire's loop and one stream of it, on the source's thread. Buffers are looked at when the loop is turned, and given back
//! at once.

use super::super::ScreenFault;
use super::inbox::{Chunk, Inbox};
use super::{now, terms};
use crate::time::CaptureTime;
use crate::video::VideoFrame;
use parley_proto::{FrameRate, Resolution};
use pipewire::context::ContextRc;
use pipewire::core::{CoreRc, Listener};
use pipewire::loop_::Timeout;
use pipewire::main_loop::MainLoopRc;
use pipewire::properties::properties;
use pipewire::spa::buffer::ChunkFlags;
use pipewire::spa::buffer::meta::{MetaHeader, MetaHeaderFlags, MetaVideoCrop};
use pipewire::spa::param::ParamType;
use pipewire::spa::pod::Pod;
use pipewire::spa::utils::Direction;
use pipewire::stream::{Stream as Raw, StreamFlags, StreamListener, StreamRc, StreamState};
use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

/// What the loop's callbacks leave for us.
#[derive(Default)]
struct Arrivals {
    inbox: Inbox,
    ended: Option<ScreenFault>,
}

/// See the module. What stands on another comes before it, for it goes first.
pub(super) struct Stream {
    _listener: StreamListener<()>,
    _stream: StreamRc,
    _core_listener: Listener,
    _core: CoreRc,
    main_loop: Entered,
    arrivals: Rc<RefCell<Arrivals>>,
}

/// The loop, entered for as long as this lives. PipeWire's own thread calls back by itself while nobody is in the loop,
/// and what is called belongs to this thread.
struct Entered(MainLoopRc);

impl Entered {
    #[expect(unsafe_code, reason = "turning the loop enters it only for a moment")]
    fn new(main_loop: MainLoopRc) -> Self {
        // SAFETY: entered here and left in `Drop`, by the one thread that has this; neither is `Send`.
        unsafe { main_loop.loop_().enter() };
        Self(main_loop)
    }
}

impl Drop for Entered {
    #[expect(unsafe_code, reason = "see above")]
    fn drop(&mut self) {
        // SAFETY: entered by this thread in `new`.
        unsafe { self.0.loop_().leave() };
    }
}

impl Stream {
    /// Begins to receive the pictures of `node`.
    pub(super) fn open(remote: OwnedFd, node: u32, frame_rate: FrameRate) -> Result<Self, ScreenFault> {
        pipewire::init();
        let main_loop = Entered::new(MainLoopRc::new(None).map_err(lost)?);
        let context = ContextRc::new(&main_loop.0, None).map_err(lost)?;
        let core = context.connect_fd_rc(remote, None).map_err(lost)?;
        let arrivals = Rc::<RefCell<Arrivals>>::default();
        let of_core = Rc::clone(&arrivals);
        let core_listener = core
            .add_listener_local()
            .error(move |id, _, code, why| {
                tracing::info!(id, code, why, "PipeWire complains");
                // Zero is the core itself: the connection is of no use any more.
                if id == 0 {
                    of_core.borrow_mut().ended = Some(ScreenFault::Lost(why.to_owned()));
                }
            })
            .register();
        let about = properties! {
            *pipewire::keys::MEDIA_TYPE => "Video",
            *pipewire::keys::MEDIA_CATEGORY => "Capture",
            *pipewire::keys::MEDIA_ROLE => "Screen",
        };
        let stream = StreamRc::new(core.clone(), "Parley: shared screen", about).map_err(lost)?;
        let listener = listen(&stream, &arrivals).map_err(lost)?;
        let formats = terms::formats(frame_rate);
        let formats = formats.as_ref().and_then(terms::Term::pod);
        let flags = StreamFlags::AUTOCONNECT | StreamFlags::MAP_BUFFERS | StreamFlags::DONT_RECONNECT;
        let mut offered: Vec<&Pod> = formats.into_iter().collect();
        stream
            .connect(Direction::Input, Some(node), flags, &mut offered)
            .map_err(lost)?;
        Ok(Self {
            _listener: listener,
            _stream: stream,
            _core_listener: core_listener,
            _core: core,
            main_loop,
            arrivals,
        })
    }

    /// Turns the loop until something happened, at most for so long.
    pub(super) fn turn(&self, wait: Duration) -> Result<(), ScreenFault> {
        self.main_loop.0.loop_().iterate(Timeout::Finite(wait));
        self.arrivals.borrow().ended.clone().map_or(Ok(()), Err)
    }

    /// The newest picture, once.
    pub(super) fn take(&self) -> Option<VideoFrame> {
        self.arrivals.borrow_mut().inbox.take()
    }
}

fn listen(
    stream: &StreamRc,
    arrivals: &Rc<RefCell<Arrivals>>,
) -> Result<StreamListener<()>, pipewire::Error> {
    let [of_state, of_format, of_picture] = std::array::from_fn(|_| Rc::clone(arrivals));
    stream
        .add_local_listener::<()>()
        .state_changed(move |_, (), before, state| {
            tracing::debug!(?before, ?state, "the stream of the screen");
            let ended = match state {
                StreamState::Error(why) => ScreenFault::Lost(why),
                StreamState::Unconnected => ScreenFault::Ended,
                StreamState::Connecting | StreamState::Paused | StreamState::Streaming => return,
            };
            of_state.borrow_mut().ended.get_or_insert(ended);
        })
        .param_changed(move |stream, (), id, param| {
            if id == ParamType::Format.as_raw() {
                agree(stream, &mut of_format.borrow_mut(), param);
            }
        })
        .process(move |stream, ()| {
            let mut newest = None;
            while let Some(buffer) = stream.dequeue_buffer() {
                newest = Some(buffer); // the older one goes back
            }
            if let Some(mut buffer) = newest {
                read(&mut buffer, &mut of_picture.borrow_mut().inbox);
            }
        })
        .register()
}

/// The desktop chose one of the formats, at the beginning and whenever the size changes.
fn agree(stream: &Raw, arrivals: &mut Arrivals, format: Option<&Pod>) {
    let layout = format.and_then(terms::layout);
    tracing::debug!(?layout, "the format of the screen");
    arrivals.inbox.agree(layout);
    if format.is_none() {
        return;
    }
    let terms = terms::buffers();
    let mut offered: Vec<&Pod> = terms.iter().filter_map(terms::Term::pod).collect();
    if let Err(error) = stream.update_params(&mut offered) {
        arrivals.ended = Some(lost(error));
    }
}

fn read(buffer: &mut pipewire::buffer::Buffer<'_>, inbox: &mut Inbox) {
    let broken = buffer
        .find_meta::<MetaHeader>()
        .is_some_and(|header| header.flags().contains(MetaHeaderFlags::CORRUPTED));
    let crop = buffer
        .find_meta::<MetaVideoCrop>()
        .map(MetaVideoCrop::meta_region);
    let crop = crop.filter(|region| region.is_valid()).map(|region| {
        let (at, size) = (region.position(), region.size());
        (at.x, at.y, Resolution::new(size.width, size.height))
    });
    let Some(memory) = buffer.datas_mut().first_mut() else {
        return;
    };
    let chunk = memory.chunk();
    // A buffer of nothing tells only that the pointer moved.
    if broken || chunk.size() == 0 || chunk.flags().contains(ChunkFlags::CORRUPTED) {
        return;
    }
    let chunk = Chunk {
        offset: chunk.offset() as usize,
        stride: chunk.stride(),
        crop,
    };
    if let Some(bytes) = memory.data() {
        inbox.put(bytes, chunk, CaptureTime(now()));
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn lost(error: pipewire::Error) -> ScreenFault {
    ScreenFault::Lost(error.to_string())
}
