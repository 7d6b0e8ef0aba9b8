//! From the words of call and media to the words of the window. Pure functions; what is decided is decided elsewhere.

use crate::view::{
    CallState, DeviceState, EchoTest, EndCode, EndedView, PersonView, PictureState, Quality, SignalingState,
    TileWeight, VoiceSwitches,
};
use parley_call::{CallPhase, EndReason, PersonSnapshot, SignalingFault, SignalingPhase};
use parley_media::audio::{EchoTestState, StreamState, VoiceSettings};
use parley_media::video::SourceState;
use parley_proto::{Resolution, Role};

/// What people without a name are called.
const NO_NAME: &str = "Guest";

pub(super) const fn call_state(phase: CallPhase) -> CallState {
    match phase {
        CallPhase::GreenRoom | CallPhase::Joining => CallState::Joining,
        CallPhase::Waiting => CallState::Waiting,
        CallPhase::Connecting => CallState::Connecting,
        CallPhase::Connected => CallState::Connected,
        CallPhase::Reconnecting => CallState::Reconnecting,
        CallPhase::Ended => CallState::Ended,
    }
}

pub(super) const fn signaling_state(phase: SignalingPhase) -> SignalingState {
    match phase {
        SignalingPhase::Connecting => SignalingState::Connecting,
        SignalingPhase::Connected => SignalingState::Connected,
        SignalingPhase::Reconnecting => SignalingState::Reconnecting,
        SignalingPhase::TakenOver => SignalingState::TakenOver,
    }
}

pub(super) const fn source_state(state: SourceState) -> DeviceState {
    match state {
        SourceState::Starting => DeviceState::Starting,
        SourceState::Running => DeviceState::Running,
        SourceState::Missing | SourceState::Gone => DeviceState::Missing,
        SourceState::Busy => DeviceState::Busy,
        SourceState::Denied => DeviceState::Denied,
        SourceState::Failed => DeviceState::Failed,
        SourceState::Ended => DeviceState::Off,
    }
}

pub(super) const fn stream_state(state: StreamState) -> DeviceState {
    match state {
        StreamState::Off => DeviceState::Off,
        StreamState::Starting => DeviceState::Starting,
        StreamState::Running => DeviceState::Running,
        StreamState::Missing => DeviceState::Missing,
        StreamState::Busy => DeviceState::Busy,
        StreamState::Denied => DeviceState::Denied,
        StreamState::Failed => DeviceState::Failed,
    }
}

pub(super) const fn echo_test(state: EchoTestState) -> EchoTest {
    match state {
        EchoTestState::Off => EchoTest::Off,
        EchoTestState::Recording => EchoTest::Recording,
        EchoTestState::Playing => EchoTest::Playing,
        EchoTestState::HeardNothing => EchoTest::HeardNothing,
    }
}

/// Whether somebody at the other end can expect something from a device in this state.
pub(super) const fn gives(state: DeviceState) -> bool {
    matches!(state, DeviceState::Running | DeviceState::Starting)
}

/// Whether a device in this state is there to be missed.
pub(super) const fn fails(state: DeviceState) -> bool {
    matches!(state, DeviceState::Missing | DeviceState::Failed)
}

pub(super) const fn size(resolution: Resolution) -> (u32, u32) {
    (resolution.width, resolution.height)
}

pub(super) const fn voice(switches: VoiceSwitches) -> VoiceSettings {
    VoiceSettings {
        echo_cancellation: switches.echo_cancellation,
        noise_suppression: switches.noise_suppression,
        gain_control: switches.gain_control,
        apply_to_files: false,
    }
}

/// As a server is asked for it (`docs/protocol.md`, "Groups").
pub(super) const fn priority(weight: TileWeight) -> u8 {
    match weight {
        TileWeight::Thumbnail => 0,
        TileWeight::Grid => 1,
        TileWeight::Large => 2,
        TileWeight::Pinned => 3,
    }
}

/// What they say of themselves, without what comes of them.
pub(super) fn person(person: &PersonSnapshot, quality: Quality) -> PersonView {
    let name = person.name.trim();
    PersonView {
        id: person.id.to_string(),
        name: if name.is_empty() { NO_NAME } else { name }.to_owned(),
        host: person.role == Role::Host,
        microphone_on: person.media.microphone_on,
        camera_on: person.media.camera_on,
        away: person.away,
        hand_raised: person.hand_raised,
        hand_place: None,
        recording: person.recording,
        picture: PictureState::Off,
        video_size: None,
        screen_on: person.media.screen_on,
        screen: PictureState::Off,
        screen_size: None,
        volume_pct: 100,
        takes_files: person.media.takes_files,
        offences: None,
        stalled: person.stalled,
        // What stopped coming says more than the figures of what came before.
        quality: if person.stalled { Quality::Poor } else { quality },
    }
}

pub(super) fn ended(reason: &EndReason, seconds: u64) -> EndedView {
    EndedView {
        code: end_code(reason),
        message: reason.to_string(),
        seconds,
    }
}

const fn end_code(reason: &EndReason) -> EndCode {
    match reason {
        EndReason::HungUp => EndCode::HungUp,
        EndReason::OtherLeft => EndCode::OtherLeft,
        EndReason::OtherLost => EndCode::OtherLost,
        EndReason::ConnectionFailed | EndReason::NoConnection | EndReason::NoRelay => {
            EndCode::ConnectionFailed
        }
        EndReason::NotGenuine(_) => EndCode::NotGenuine,
        EndReason::ServerUnreachable(SignalingFault::NotAParleyServer) | EndReason::NotAParleyServer => {
            EndCode::NotAParleyServer
        }
        EndReason::ServerUnreachable(_) => EndCode::ServerUnreachable,
        EndReason::Refused { .. } => EndCode::Refused,
        EndReason::Internal(_) => EndCode::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parley_proto::ParticipantId;

    #[test]
    fn somebody_without_a_name_is_shown_all_the_same() {
        let nameless = PersonSnapshot {
            proven: true,
            ..PersonSnapshot::new(ParticipantId::from_bytes([1; 16]), "  ")
        };
        assert_eq!(person(&nameless, Quality::Unknown).name, NO_NAME);
    }

    #[test]
    fn a_path_on_which_something_stopped_coming_is_a_poor_one_at_once() {
        let check = |stalled, expect| {
            let someone = PersonSnapshot {
                media_told: true,
                stalled,
                proven: true,
                ..PersonSnapshot::new(ParticipantId::from_bytes([1; 16]), "Bo")
            };
            assert_eq!(person(&someone, Quality::Good).quality, expect);
        };
        check(false, Quality::Good);
        check(true, Quality::Poor);
    }

    #[test]
    fn every_end_has_its_code() {
        for (reason, code) in [
            (EndReason::HungUp, EndCode::HungUp),
            (
                EndReason::ServerUnreachable(SignalingFault::NotAParleyServer),
                EndCode::NotAParleyServer,
            ),
            (
                EndReason::ServerUnreachable(SignalingFault::TimedOut),
                EndCode::ServerUnreachable,
            ),
        ] {
            let view = ended(&reason, 7);
            assert_eq!(view.code, code, "{reason:?}");
            assert!(view.message.ends_with('.'));
        }
    }
}
