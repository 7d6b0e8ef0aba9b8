//! What a window is told and what it may ask: plain data, written out as TypeScript for the UI (`ui/src/lib/bindings.ts`).
//!
//! [`AppState`] is the whole truth a window needs to draw itself; it is sent again, whole, whenever anything in it changes
//! (at most 20 times a second). [`Levels`] and [`StatsSample`] come apart, because they change all the time, and so does
//! [`TalkView`], because it is long.

mod call;
mod camera;
mod command;
mod desktop;
mod devices;
mod door;
mod files;
mod folders;
mod group;
mod history;
mod inspector;
mod measure;
mod network;
mod problem;
mod recording;
mod saving;
mod settings;
mod share;
mod talk;
mod update;

pub use call::{
    CallState, CallView, EndCode, EndedView, ListenerView, OffenceKind, OffenceView, OffencesView, PartView,
    PersonView, Quality, SignalingState,
};
pub use camera::{CameraResolution, CameraSettings};
pub use command::{AppCommand, CommandError, CommandErrorCode};
pub use desktop::{DesktopSettings, DesktopView, NoticeTopic};
pub use devices::{
    DeviceEvent, DeviceKind, DeviceNews, DeviceState, DeviceView, DevicesView, EchoTest, LocalView,
};
pub use door::{ComesToListenView, DoorAsk, DoorView, EntranceView, WaitingView};
pub use files::{TransferProblem, TransferStage, TransferView, UnfinishedView};
pub use folders::{FolderSettings, FoldersView};
pub use group::{GroupView, PictureState, TileLook, TileWeight};
pub use history::{HistoryView, PastCallView, PastChatView};
pub use inspector::{
    EventCode, Finding, FindingCode, InspectionView, InspectorView, PairView, TimelineEvent,
};
pub use measure::{LayerFigures, Levels, PersonFigures, PersonLevel, StatsSample};
pub use network::{NetworkCheckView, NetworkSettings, NetworkWay, NetworkWayView};
pub use problem::{Problem, ProblemCode};
pub use recording::{RecordingEnded, RecordingSettings, RecordingStage, RecordingStop, RecordingView};
pub use saving::{SavingMode, SavingSettings};
pub use settings::{Appearance, Language, PersonVolume, Settings, SettingsPatch, VoiceSwitches};
pub use share::{
    ScreenKind, ScreenSettings, ScreenView, ShareChoice, ShareMode, ShareSound, ShareStop, ShareView,
    SharingView,
};
pub use talk::{Delivery, MessageView, ReactionKind, ReactionView, TalkView};
pub use update::{UpdateAsk, UpdateState, UpdateView};

use serde::{Deserialize, Serialize};
use std::fmt;
use ts_rs::TS;

/// Everything a window shows, but for meters, graphs and pictures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AppState {
    /// What the app is doing.
    pub phase: Phase,
    /// The call, from the moment a link exists until its end was seen.
    pub call: Option<CallView>,
    /// What there is to choose from, and what is chosen.
    pub devices: DevicesView,
    /// One's own microphone and camera.
    pub local: LocalView,
    /// One's own screen, shared or about to be.
    pub share: ShareView,
    /// One's own recording of the call.
    pub recording: RecordingView,
    /// What the person should know or do, most urgent first.
    pub problems: Vec<Problem>,
    /// Calls that were.
    pub history: HistoryView,
    /// What the desktop said to what was asked of it.
    pub desktop: DesktopView,
    /// The connection test.
    pub network: NetworkCheckView,
    /// What is kept between runs.
    pub settings: Settings,
    /// Where files go.
    pub folders: FoldersView,
    /// The version of the app.
    pub version: String,
}

/// What the app is doing; the window's screens follow from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Nothing yet: start a call or paste a link.
    Home,
    /// A call was chosen; camera and microphone are tried before going in.
    GreenRoom,
    /// In the call (see [`CallView::state`]).
    InCall,
    /// The call is over; [`CallView::ended`] says why.
    Ended,
}

/// Where the window gets its pictures: a WebSocket on this machine only. Its `Debug` leaves the token out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FrameBridgeInfo {
    /// `ws://127.0.0.1:PORT/frames`.
    pub url: String,
    /// Said first, once a connection; good for this run of the app.
    pub token: String,
}

impl fmt::Debug for FrameBridgeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameBridgeInfo")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_printed_for_debugging() {
        const SECRET: &str = "Zk1vQ0x3bW9wUXJzVHV2dw";
        let call = CallView {
            link: format!("http://192.168.1.20:7788/r/room#{SECRET}"),
            deep_link: format!("parley://join/192.168.1.20:7788/room#{SECRET}"),
            host: true,
            served_here: true,
            only_here: false,
            state: CallState::Waiting,
            signaling: SignalingState::Connected,
            end_to_end: false,
            me: None,
            part: PartView::Speaks,
            people: Vec::new(),
            listeners: Vec::new(),
            hand_place: None,
            spotlight: None,
            group: None,
            connected_since_ms: None,
            past: None,
            door: DoorView::default(),
            ended: None,
        };
        let text = call.link.clone();
        let bridge = FrameBridgeInfo {
            url: "ws://127.0.0.1:1/frames".into(),
            token: SECRET.into(),
        };
        for printed in [
            format!("{call:?}"),
            format!("{:#?}", AppCommand::OpenLink { text }),
            format!("{bridge:?}"),
            format!(
                "{:?}",
                AppCommand::Door {
                    ask: DoorAsk::Enter {
                        password: SECRET.into()
                    }
                }
            ),
        ] {
            assert!(!printed.contains(SECRET), "{printed}");
        }
        let muted = AppCommand::SetMuted { muted: true };
        assert_eq!(format!("{muted:?}"), "SetMuted { muted: true }");
        assert_eq!(format!("{:?}", AppCommand::Join), "Join");
    }
}
