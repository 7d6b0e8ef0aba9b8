// Written from crates/parley-app/src/view/ by `UPDATE_BINDINGS=1 cargo test -p parley-app bindings`. Do not edit.

/**
 * What a window may ask. Answers come as a new [`AppState`]; what cannot be done comes back as a [`CommandError`]. Its `Debug`
 * leaves out what was pasted, for a link in it is the secret.
 */
export type AppCommand = { "type": "start_call" } | { "type": "open_link", 
/**
 * What was pasted or handed over by the system.
 */
text: string, } | { "type": "join" } | { "type": "leave" } | { "type": "set_muted", 
/**
 * Off.
 */
muted: boolean, } | { "type": "toggle_muted" } | { "type": "talk", 
/**
 * Down.
 */
down: boolean, } | { "type": "hand_over", 
/**
 * As the system handed it over.
 */
text: string, } | { "type": "tell_desktop", 
/**
 * Takes the place of what was told before.
 */
desktop: DesktopView, } | { "type": "tell_update", 
/**
 * Takes the place of what was told before.
 */
update: UpdateView, } | { "type": "set_camera_on", 
/**
 * On.
 */
on: boolean, } | { "type": "choose_device", 
/**
 * Which kind.
 */
kind: DeviceKind, 
/**
 * Which one.
 */
id: string | null, } | { "type": "refresh_devices" } | { "type": "test_speaker" } | { "type": "test_echo", 
/**
 * Begin.
 */
on: boolean, } | { "type": "check_network" } | { "type": "set_volume", 
/**
 * Who.
 */
id: string, 
/**
 * 100 as they came, 200 at most.
 */
percent: number, 
/**
 * The hand let go: where calls are remembered, so is this, by the person's name.
 */
settled: boolean, } | { "type": "look", 
/**
 * Those that are seen. Empty: none.
 */
tiles: Array<TileLook>, } | { "type": "change_settings", 
/**
 * What changes.
 */
patch: SettingsPatch, } | { "type": "choose_share", 
/**
 * Look.
 */
on: boolean, } | { "type": "share", 
/**
 * Which; absent: the monitor of the settings, or ask.
 */
id: string | null, 
/**
 * For reading or for motion; absent: as the settings say.
 */
mode: ShareMode | null, 
/**
 * With what this computer plays; absent: as the settings say.
 */
sound: boolean | null, } | { "type": "stop_sharing" } | { "type": "start_recording" } | { "type": "stop_recording" } | { "type": "set_preview", 
/**
 * Open.
 */
on: boolean, } | { "type": "send_message", 
/**
 * The words.
 */
text: string, } | { "type": "react", 
/**
 * Which.
 */
reaction: ReactionKind, } | { "type": "raise_hand", 
/**
 * Up.
 */
raised: boolean, } | { "type": "offer_files", 
/**
 * Where they are.
 */
paths: Array<string>, 
/**
 * To whom, in a group: ids of people. Nobody: to all of them.
 */
to: Array<string>, } | { "type": "decide_file", 
/**
 * Which.
 */
id: string, 
/**
 * Take it.
 */
accept: boolean, } | { "type": "pause_file", 
/**
 * Which.
 */
id: string, 
/**
 * Wait.
 */
paused: boolean, } | { "type": "cancel_file", 
/**
 * Which.
 */
id: string, } | { "type": "dismiss_problem", 
/**
 * Which.
 */
code: ProblemCode, } | { "type": "save_report" } | { "type": "rate_call", 
/**
 * Which: [`super::PastCallView::id`].
 */
id: string, 
/**
 * 1 (bad) to 5 (good).
 */
stars: number, } | { "type": "forget_calls", 
/**
 * Which; absent means all.
 */
id: string | null, } | { "type": "open_past_chat", 
/**
 * Which; absent: it is not looked at any more.
 */
id: string | null, } | { "type": "send_again", 
/**
 * Which: [`super::UnfinishedView::id`].
 */
id: string, } | { "type": "forget_unfinished", 
/**
 * Which.
 */
id: string, } | { "type": "take_back_call", 
/**
 * Which.
 */
id: string, } | { "type": "door", 
/**
 * What.
 */
ask: DoorAsk, };

/**
 * Everything a window shows, but for meters, graphs and pictures.
 */
export type AppState = { 
/**
 * What the app is doing.
 */
phase: Phase, 
/**
 * The call, from the moment a link exists until its end was seen.
 */
call: CallView | null, 
/**
 * What there is to choose from, and what is chosen.
 */
devices: DevicesView, 
/**
 * One's own microphone and camera.
 */
local: LocalView, 
/**
 * One's own screen, shared or about to be.
 */
share: ShareView, 
/**
 * One's own recording of the call.
 */
recording: RecordingView, 
/**
 * What the person should know or do, most urgent first.
 */
problems: Array<Problem>, 
/**
 * Calls that were.
 */
history: HistoryView, 
/**
 * What the desktop said to what was asked of it.
 */
desktop: DesktopView, 
/**
 * The connection test.
 */
network: NetworkCheckView, 
/**
 * What is kept between runs.
 */
settings: Settings, 
/**
 * Where files go.
 */
folders: FoldersView, 
/**
 * The version of the app.
 */
version: string, };

/**
 * Colours.
 */
export type Appearance = "system" | "dark" | "light";

/**
 * How far a call is.
 */
export type CallState = "joining" | "waiting" | "connecting" | "connected" | "reconnecting" | "ended";

/**
 * One call. Its `Debug` leaves the link out, for the link is the secret.
 */
export type CallView = { 
/**
 * The link to send, with its secret.
 */
link: string, 
/**
 * The same for the installed app.
 */
deep_link: string, 
/**
 * Whether this side made the room.
 */
host: boolean, 
/**
 * The link leads to this computer: it works for people who can reach it (same network).
 */
served_here: boolean, 
/**
 * The link leads to this computer, and no other computer reaches it now (no network): only windows on this computer can
 * join by it.
 */
only_here: boolean, 
/**
 * How far the call is.
 */
state: CallState, 
/**
 * Whether the connection to the server stands (media can go on without).
 */
signaling: SignalingState, 
/**
 * Nobody in between can see or hear anything: media goes directly, and the other side was proven genuine. Never in a
 * call that goes through the server ([`CallView::group`]).
 */
end_to_end: boolean, 
/**
 * One's own id, while in the room.
 */
me: string | null, 
/**
 * Whether this side may speak.
 */
part: PartView, 
/**
 * The other people who may speak, in the order in which they came.
 */
people: Array<PersonView>, 
/**
 * The others who only listen, in the order in which they came: there may be hundreds, and none has a tile.
 */
listeners: Array<ListenerView>, 
/**
 * One's own place in the order of raised hands; see [`PersonView::hand_place`].
 */
hand_place: number | null, 
/**
 * The tile that a host put large for everybody: the id of a person, one's own among them, or `screen:` and the id.
 */
spotlight: string | null, 
/**
 * What there is of a call through the server; absent while media goes directly only.
 */
group: GroupView | null, 
/**
 * When the other side was first connected, in milliseconds since 1970; absent before.
 */
connected_since_ms: number | null, 
/**
 * What the history calls it; absent before the two were connected, or when no history is kept.
 */
past: string | null, 
/**
 * Who may come in, and who waits.
 */
door: DoorView, 
/**
 * Why it ended, once it did.
 */
ended: EndedView | null, };

/**
 * Sizes that cameras have.
 */
export type CameraResolution = "p360" | "p720" | "p1080";

/**
 * What the camera is asked for; one that cannot gives what it has.
 */
export type CameraSettings = { 
/**
 * The size.
 */
resolution: CameraResolution, 
/**
 * Pictures a second: 15 or 30.
 */
frame_rate: number, };

/**
 * Why somebody who comes in would only listen.
 */
export type ComesToListenView = "asked" | "full" | "many";

/**
 * Why a command was not carried out.
 */
export type CommandError = { 
/**
 * For code.
 */
code: CommandErrorCode, 
/**
 * For people.
 */
message: string, };

/**
 * Why a command was not carried out, as code.
 */
export type CommandErrorCode = "bad_link" | "not_now" | "bad_server" | "failed";

/**
 * What became of a message.
 */
export type Delivery = "sending" | "delivered" | "not_delivered";

/**
 * What the person chose about the desktop.
 */
export type DesktopSettings = { 
/**
 * Parley starts, minimised, when the person logs in.
 */
autostart: boolean, 
/**
 * Closing the window leaves Parley running in the tray, where there is one.
 */
stay_in_tray: boolean, 
/**
 * Who comes and goes is told by the system while the window is not looked at.
 */
notifications: boolean, 
/**
 * Once a day Parley asks whether there is a newer one.
 */
look_for_updates: boolean, 
/**
 * The key that mutes and unmutes from any program, such as `Ctrl+Shift+KeyM`; empty: none.
 */
mute_key: string, 
/**
 * The key that lets one talk while it is held, from any program; empty: none.
 */
talk_key: string, };

/**
 * What the desktop said to what was asked of it.
 */
export type DesktopView = { 
/**
 * Keys that could not be had: another program has them, or the system has no such key.
 */
refused_keys: Array<string>, 
/**
 * Why start at login could not be switched.
 */
autostart_fault: string | null, 
/**
 * There is no graphics card: what a window would give it to do, the processor does.
 */
drawn_by_processor: boolean, 
/**
 * What is known of a newer Parley. Told apart from the rest, by [`super::AppCommand::TellUpdate`].
 */
update: UpdateView, };

/**
 * What happened to a device.
 */
export type DeviceEvent = "unplugged" | "switched" | "added";

/**
 * The kinds of device a person chooses.
 */
export type DeviceKind = "camera" | "microphone" | "speaker";

/**
 * Something that happened to a device without the person's doing in this window.
 */
export type DeviceNews = { 
/**
 * Counts up, so that each is told once.
 */
number: number, 
/**
 * Of which kind.
 */
kind: DeviceKind, 
/**
 * What.
 */
event: DeviceEvent, 
/**
 * The device that came, or that is used now.
 */
name: string, 
/**
 * The device that was used before.
 */
before: string | null, };

/**
 * What a device does.
 */
export type DeviceState = "off" | "starting" | "running" | "missing" | "busy" | "denied" | "failed";

/**
 * One device.
 */
export type DeviceView = { 
/**
 * Stable through unplug and replug.
 */
id: string, 
/**
 * As people know it.
 */
name: string, 
/**
 * Whether the system would choose it.
 */
is_default: boolean, };

/**
 * Devices to choose from, and the choice.
 */
export type DevicesView = { 
/**
 * Cameras.
 */
cameras: Array<DeviceView>, 
/**
 * Microphones.
 */
microphones: Array<DeviceView>, 
/**
 * Speakers.
 */
speakers: Array<DeviceView>, 
/**
 * The chosen camera's id; absent means "the first there is".
 */
camera: string | null, 
/**
 * The chosen microphone's id; absent means "what the system uses".
 */
microphone: string | null, 
/**
 * The chosen speaker's id; absent means "what the system uses".
 */
speaker: string | null, 
/**
 * What happened to devices by itself, oldest first; only the last few.
 */
news: Array<DeviceNews>, };

/**
 * What is asked at the door. Its `Debug` leaves passwords out.
 */
export type DoorAsk = { "what": "enter", 
/**
 * The password.
 */
password: string, } | { "what": "admit", 
/**
 * Who ([`WaitingView::id`]).
 */
id: string, } | { "what": "refuse", 
/**
 * Who ([`WaitingView::id`]).
 */
id: string, } | { "what": "lock", 
/**
 * Locked.
 */
on: boolean, } | { "what": "lobby", 
/**
 * Wait.
 */
on: boolean, } | { "what": "set_password", 
/**
 * The password; absent for none.
 */
password: string | null, } | { "what": "remove", 
/**
 * Who ([`super::PersonView::id`]).
 */
id: string, } | { "what": "ask_mute", 
/**
 * Who ([`super::PersonView::id`]); absent for everybody.
 */
id: string | null, } | { "what": "spotlight", 
/**
 * Whose tile: the id of a person, one's own among them, or `screen:` and the id; absent for nobody.
 */
tile: string | null, } | { "what": "listen_from", 
/**
 * 1: everybody who comes, 0: nobody.
 */
people: number, } | { "what": "set_listens", 
/**
 * Who ([`super::PersonView::id`], [`super::ListenerView::id`], or one's own).
 */
id: string, 
/**
 * Only listens.
 */
listens: boolean, } | { "what": "seen_part" } | { "what": "end_for_all" } | { "what": "seen_mute" };

/**
 * How the call's door stands.
 */
export type DoorView = { 
/**
 * Whether this side may let people in and put them out. Not the same as [`super::CallView::host`]: who made the call may
 * have left and come back as a guest.
 */
may_host: boolean, 
/**
 * What keeps this side from coming in.
 */
entrance: EntranceView, 
/**
 * Nobody new comes in.
 */
locked: boolean, 
/**
 * Whoever comes waits until a host lets them in.
 */
lobby: boolean, 
/**
 * Whoever comes is asked for a password.
 */
password: boolean, 
/**
 * From so many people on whoever comes only listens; 1: everybody who comes, 0: nobody.
 */
listen_from: number, 
/**
 * Who waits, longest first; only hosts know.
 */
waiting: Array<WaitingView>, 
/**
 * Before this side is in: it would only listen, for this reason.
 */
comes_to_listen: ComesToListenView | null, 
/**
 * A host asked for silence, by this name, and the microphone was muted; until it is opened again or that was seen.
 */
mute_asked_by: string | null, };

/**
 * "Say something, hear yourself."
 */
export type EchoTest = "off" | "recording" | "playing" | "heard_nothing";

/**
 * Why a call is over, as code.
 */
export type EndCode = "hung_up" | "other_left" | "other_lost" | "connection_failed" | "not_genuine" | "server_unreachable" | "not_a_parley_server" | "refused" | "internal";

/**
 * Why a call is over.
 */
export type EndedView = { 
/**
 * For code.
 */
code: EndCode, 
/**
 * For people: what happened and what to do.
 */
message: string, 
/**
 * How long the two were connected, in seconds.
 */
seconds: number, };

/**
 * What keeps somebody from coming in.
 */
export type EntranceView = "free" | "password_needed" | "password_wrong" | "lobby";

/**
 * What can happen in a call.
 */
export type EventCode = "joined" | "connected" | "reconnecting" | "ended" | "person_came" | "person_left" | "muted" | "unmuted" | "camera_on" | "camera_off" | "picture_size" | "way_changed" | "trouble_began" | "trouble_ended";

/**
 * One thing that is wrong. The window says it in its own words by code and figures.
 */
export type Finding = { 
/**
 * What.
 */
code: FindingCode, 
/**
 * Whether it ruins the call, or only shows.
 */
bad: boolean, 
/**
 * Since when, in milliseconds since 1970.
 */
since_ms: number, 
/**
 * Until when; absent while it lasts.
 */
until_ms: number | null, 
/**
 * The figure it was found by, now; its unit follows from the code.
 */
value: number, 
/**
 * The worst it was.
 */
worst: number, 
/**
 * The picture that is sent was made smaller meanwhile.
 */
lowered: boolean, 
/**
 * The same in English, for reports and logs.
 */
message: string, };

/**
 * What can be wrong; the worst kind first.
 */
export type FindingCode = "uplink_loss" | "downlink_loss" | "low_bandwidth" | "picture_stalled" | "encoder_slow" | "picture_limited" | "decoder_slow" | "computer_busy" | "high_round_trip" | "jitter" | "own_microphone_silent" | "other_microphone_silent" | "relayed";

/**
 * The folders that the person chose; without one it is the system's own.
 */
export type FolderSettings = { 
/**
 * Where files go that come.
 */
received: string | null, 
/**
 * Where recordings go.
 */
recordings: string | null, };

/**
 * Where they go now, chosen or not.
 */
export type FoldersView = { 
/**
 * Files that come.
 */
received: string, 
/**
 * Recordings.
 */
recordings: string, };

/**
 * Where the window gets its pictures: a WebSocket on this machine only. Its `Debug` leaves the token out.
 */
export type FrameBridgeInfo = { 
/**
 * `ws://127.0.0.1:PORT/frames`.
 */
url: string, 
/**
 * Said first, once a connection; good for this run of the app.
 */
token: string, };

/**
 * What a call has that goes through the server; a call of two that goes directly has none of it. Everything through the server
 * is encrypted up to there and not from end to end: see [`super::CallView::end_to_end`].
 */
export type GroupView = { 
/**
 * The way to the server's relay of media stands. Until it does, those who were there before go on directly.
 */
up: boolean, 
/**
 * Who speaks, the dominant voice first: ids of people, one's own ([`super::CallView::me`]) among them. Nobody in silence.
 */
speakers: Array<string>, 
/**
 * Pictures that are looked at are left out, for the link of this side does not carry them all: see
 * [`PictureState::Paused`] for whose.
 */
short: boolean, };

/**
 * What is remembered of calls on this computer. No links: their secrets are not kept.
 */
export type HistoryView = { 
/**
 * Newest first, the latest fifty.
 */
calls: Array<PastCallView>, 
/**
 * What was written in the call that was asked for ([`super::AppCommand::OpenPastChat`]).
 */
opened: PastChatView | null, 
/**
 * Why nothing can be remembered now.
 */
fault: string | null, };

/**
 * What somebody who begins to look at the call finds; what follows comes as events.
 */
export type InspectionView = { 
/**
 * What is wrong and what happened.
 */
view: InspectorView, 
/**
 * The figures of the last minutes, oldest first; those of each person only for the last one.
 */
seconds: Array<StatsSample>, };

/**
 * What the inspector shows beside the graphs of [`super::StatsSample`].
 */
export type InspectorView = { 
/**
 * What is wrong now, worst first.
 */
findings: Array<Finding>, 
/**
 * What was wrong at any time of this call, each once, worst first.
 */
past: Array<Finding>, 
/**
 * What happened, oldest first; the latest 200.
 */
events: Array<TimelineEvent>, 
/**
 * Where the last report was saved (without `.json` and `.html`).
 */
report: string | null, };

/**
 * The languages Parley speaks; their words are in `ui/src/locales`.
 */
export type Language = "system" | "en" | "de" | "es" | "fr" | "zh";

/**
 * What was sent of one layer of one's own picture in one second.
 */
export type LayerFigures = { 
/**
 * `q`, `h` or `f`, the largest.
 */
layer: string, 
/**
 * Its size.
 */
size: [number, number] | null, 
/**
 * Pictures in this second.
 */
fps: number, 
/**
 * Kilobits in this second.
 */
kbps: number, };

/**
 * Meters, about 15 times a second while a microphone is open. 0.0 is silence, 1.0 as loud as it gets, already shaped for
 * a meter (decibels from -60 to 0).
 */
export type Levels = { 
/**
 * One's own microphone, also while muted.
 */
microphone: number, 
/**
 * What the speaker plays.
 */
speaker: number, 
/**
 * The other people.
 */
people: Array<PersonLevel>, };

/**
 * Another person in the call who only listens.
 */
export type ListenerView = { 
/**
 * The id.
 */
id: string, 
/**
 * The name; empty where they gave none.
 */
name: string, 
/**
 * Whether they may let people in and put them out.
 */
host: boolean, 
/**
 * Their connection to the server is gone (media may go on).
 */
away: boolean, 
/**
 * Which hand theirs is in the order in which they went up; absent while it is down.
 */
hand_place: number | null, 
/**
 * What the server counted of their app that no app does; told to hosts, and absent where there is nothing.
 */
offences: OffencesView | null, };

/**
 * One's own side.
 */
export type LocalView = { 
/**
 * Muted: nothing of the microphone leaves this machine.
 */
muted: boolean, 
/**
 * The microphone is open only because a key is held.
 */
talking: boolean, 
/**
 * Whether the camera is wanted.
 */
camera_on: boolean, 
/**
 * What the camera does.
 */
camera: DeviceState, 
/**
 * The name of the camera in use.
 */
camera_name: string | null, 
/**
 * The size of one's own picture.
 */
video_size: [number, number] | null, 
/**
 * What the microphone does.
 */
microphone: DeviceState, 
/**
 * The name of the microphone in use.
 */
microphone_name: string | null, 
/**
 * What the speaker does.
 */
speaker: DeviceState, 
/**
 * The name of the speaker in use.
 */
speaker_name: string | null, 
/**
 * A test sound is playing.
 */
speaker_test_playing: boolean, 
/**
 * What the echo test does.
 */
echo_test: EchoTest, };

/**
 * One message. Its `Debug` leaves the words out.
 */
export type MessageView = { 
/**
 * Another one for each, whoever wrote it: given here, not by the author.
 */
id: string, 
/**
 * Who wrote it: the id of a person; absent for oneself.
 */
author: string | null, 
/**
 * The author's name at that time; empty for oneself.
 */
name: string, 
/**
 * The words. Text, never markup.
 */
text: string, 
/**
 * When it was sent or came, in milliseconds since 1970, by this computer's clock.
 */
at_ms: number, 
/**
 * What became of it. What came is always delivered.
 */
delivery: Delivery, };

/**
 * The connection test: what it found, or that it runs.
 */
export type NetworkCheckView = { 
/**
 * It runs; what was found before is gone.
 */
running: boolean, 
/**
 * Every way out of this network; empty before the first test.
 */
ways: Array<NetworkWayView>, 
/**
 * What it means and what to do, as English sentences.
 */
sentences: Array<string>, };

/**
 * How the network is used, kept between runs.
 */
export type NetworkSettings = { 
/**
 * Picture and sound go through the server's relay always: the other side never sees this computer's address.
 */
relay_only: boolean, 
/**
 * The HTTP proxy (`http://host:port`) for what is reached over TCP; empty: what the system's environment says.
 */
proxy: string, };

/**
 * A way out of this network.
 */
export type NetworkWay = "server" | "udp" | "ipv6" | "relay_udp" | "relay_tcp" | "relay_tls";

/**
 * One way out of this network.
 */
export type NetworkWayView = { 
/**
 * Which.
 */
way: NetworkWay, 
/**
 * Whether it works; absent when the server offers nothing to try it with.
 */
works: boolean | null, 
/**
 * How long it took, in milliseconds, where it works.
 */
ms: number | null, };

/**
 * What a notification is about; a click on it leads there.
 */
export type NoticeTopic = "call" | "chat" | "files";

/**
 * What it is.
 */
export type OffenceKind = "flood" | "streams" | "malformed" | "key_frames" | "lists" | "upstream" | "absurd";

/**
 * One kind of it.
 */
export type OffenceView = { 
/**
 * What.
 */
what: OffenceKind, 
/**
 * How often.
 */
count: number, };

/**
 * What somebody's client did in a group that no good one does; the server limits it.
 */
export type OffencesView = { 
/**
 * What happened, each kind once.
 */
list: Array<OffenceView>, 
/**
 * How often the server ended their connection for sound and pictures for it.
 */
kicks: number, };

/**
 * The two ends of the way that media takes.
 */
export type PairView = { 
/**
 * This side's address and port.
 */
own: string, 
/**
 * The other's.
 */
other: string, 
/**
 * How they were found: `host`, `srflx`, `prflx` or `relay` (RFC 8839, 5.1).
 */
own_type: string, 
/**
 * The same of the other's.
 */
other_type: string, 
/**
 * How this side reaches the relay that its end is on: `udp`, `tcp` or `tls`. Absent where it is on none.
 */
relay: string | null, 
/**
 * It is a stream between the two, for datagrams do not pass.
 */
over_tcp: boolean, };

/**
 * Whether somebody may speak.
 */
export type PartView = "speaks" | "listens" | "let_speak";

/**
 * One call that was.
 */
export type PastCallView = { 
/**
 * Names it in commands.
 */
id: string, 
/**
 * When the two were first connected, in milliseconds since 1970.
 */
began_ms: number, 
/**
 * How long they were connected.
 */
seconds: number, 
/**
 * The names of the others.
 */
people: Array<string>, 
/**
 * Whether this side made the room.
 */
host: boolean, 
/**
 * How good it was on the whole.
 */
quality: Quality, 
/**
 * Times the media stopped.
 */
interruptions: number, 
/**
 * Why it ended, if that was seen.
 */
end: EndCode | null, 
/**
 * What the person said of it: 1 (bad) to 5 (good).
 */
stars: number | null, 
/**
 * How many messages of it are kept.
 */
messages: number, };

/**
 * What was written in one call that was.
 */
export type PastChatView = { 
/**
 * Which: [`PastCallView::id`].
 */
id: string, 
/**
 * Oldest first. Authors have names, and no ids any more.
 */
messages: Array<MessageView>, };

/**
 * What came of one person in one second of a call.
 */
export type PersonFigures = { 
/**
 * Who: the id of a person. In a report, a number.
 */
id: string, 
/**
 * How their picture comes.
 */
picture: PictureState, 
/**
 * Which layer of it comes: `q`, `h` or `f`, the largest; absent where there is one only.
 */
layer: string | null, 
/**
 * The size that comes.
 */
size: [number, number] | null, 
/**
 * Pictures decoded in this second.
 */
fps: number, 
/**
 * Their picture stands still because parts of it are missing.
 */
frozen: boolean, 
/**
 * To decode a picture, in milliseconds.
 */
decode_ms: number | null, 
/**
 * How their screen comes.
 */
screen: PictureState, 
/**
 * The size that comes of it.
 */
screen_size: [number, number] | null, 
/**
 * Pictures of it decoded in this second.
 */
screen_fps: number, 
/**
 * How long their sound waits in its jitter buffer, in milliseconds; absent while none comes.
 */
jitter_buffer_ms: number | null, 
/**
 * Sound that was invented for lost packets, in percent of this second.
 */
concealed_pct: number, 
/**
 * How unevenly their packets come, in milliseconds.
 */
jitter_ms: number, };

/**
 * The meter of one person.
 */
export type PersonLevel = { 
/**
 * Who.
 */
id: string, 
/**
 * How loud.
 */
level: number, };

/**
 * Another person in the call who may speak.
 */
export type PersonView = { 
/**
 * The id, also the frame bridge's tile name.
 */
id: string, 
/**
 * The name.
 */
name: string, 
/**
 * Whether they may let people in and put them out.
 */
host: boolean, 
/**
 * Whether sound comes from them.
 */
microphone_on: boolean, 
/**
 * Whether a picture comes from them.
 */
camera_on: boolean, 
/**
 * Their connection to the server is gone (media may go on).
 */
away: boolean, 
/**
 * Their hand is up.
 */
hand_raised: boolean, 
/**
 * Which hand it is in the order in which they went up, as this side saw them, one's own among them: 1 for the first.
 * Absent while it is down.
 */
hand_place: number | null, 
/**
 * They record what they see and hear.
 */
recording: boolean, 
/**
 * How their picture comes; it is in the tile of their id.
 */
picture: PictureState, 
/**
 * The size of the picture that comes, once one came.
 */
video_size: [number, number] | null, 
/**
 * Whether they share a screen or window; it is in the tile `screen:ID`.
 */
screen_on: boolean, 
/**
 * How the screen comes.
 */
screen: PictureState, 
/**
 * Its size, once a picture of it came.
 */
screen_size: [number, number] | null, 
/**
 * How loud they are played here: 100 as they came, 0 not at all, 200 twice as loud.
 */
volume_pct: number, 
/**
 * They can be offered files: in a group not everybody can.
 */
takes_files: boolean, 
/**
 * Something that they send has not come for a second.
 */
stalled: boolean, 
/**
 * What hosts are told of their client; absent where there is nothing to tell, and for guests.
 */
offences: OffencesView | null, 
/**
 * How good the path to them is; in a group, the one to the server and what comes of them there.
 */
quality: Quality, };

/**
 * How loud somebody of this name is played.
 */
export type PersonVolume = { 
/**
 * As they called themselves.
 */
name: string, 
/**
 * See [`super::PersonView::volume_pct`].
 */
percent: number, };

/**
 * What the app is doing; the window's screens follow from it.
 */
export type Phase = "home" | "green_room" | "in_call" | "ended";

/**
 * How somebody's picture, or their screen's, comes.
 */
export type PictureState = "off" | "unwatched" | "waiting" | "flows" | "paused" | "stalled";

/**
 * Something the person should know.
 */
export type Problem = { 
/**
 * For code (which icon, which button).
 */
code: ProblemCode, 
/**
 * One sentence: what is wrong and what to do.
 */
message: string, 
/**
 * What can be copied into a report.
 */
detail: string | null, };

/**
 * The banners.
 */
export type ProblemCode = "no_camera" | "camera_busy" | "camera_lost" | "camera_denied" | "no_microphone" | "microphone_lost" | "microphone_denied" | "microphone_silent" | "no_speaker" | "speaking_while_muted" | "server_unreachable" | "taken_over" | "reconnecting" | "other_away" | "bad_link" | "settings_reset" | "internal";

/**
 * How good a path is, in three bars.
 */
export type Quality = "unknown" | "good" | "fair" | "poor";

/**
 * Which reaction.
 */
export type ReactionKind = "thumbs_up" | "heart" | "thumbs_down" | "laugh" | "fire" | "party";

/**
 * One reaction.
 */
export type ReactionView = { 
/**
 * Counts up, so that two of a kind are two.
 */
number: number, 
/**
 * Whose: the id of a person; absent for oneself.
 */
author: string | null, 
/**
 * Which.
 */
reaction: ReactionKind, };

/**
 * A recording that is over, or did not begin.
 */
export type RecordingEnded = { 
/**
 * Grows with each, so that two are told apart.
 */
number: number, 
/**
 * Why.
 */
why: RecordingStop, 
/**
 * Where its file is; absent when nothing was recorded.
 */
path: string | null, 
/**
 * How long it is.
 */
seconds: number, };

/**
 * Whether others may record.
 */
export type RecordingSettings = { 
/**
 * Others may record, seen by everybody.
 */
allowed: boolean, };

/**
 * How far a recording is.
 */
export type RecordingStage = "off" | "asking" | "on" | "finishing";

/**
 * Why a recording is over, or did not begin.
 */
export type RecordingStop = "stopped" | "call_ended" | "they_left" | "nobody_there" | "said_no" | "no_answer" | "disk_full" | "cannot_write" | "failed";

/**
 * One's own recording. Whether others record stands in [`super::PersonView::recording`].
 */
export type RecordingView = { 
/**
 * How far it is.
 */
stage: RecordingStage, 
/**
 * When it began, in milliseconds since 1970; absent before, and after.
 */
since_ms: number | null, 
/**
 * How the last one ended, or why there was none; until the next one, or until it was seen.
 */
ended: RecordingEnded | null, };

/**
 * How much of the network pictures take.
 */
export type SavingMode = "off" | "low_data" | "audio_only";

/**
 * How much calls may take, kept between runs.
 */
export type SavingSettings = { 
/**
 * How much of the network pictures take, either way.
 */
mode: SavingMode, 
/**
 * The most that pictures take in each direction, in kbit/s; none: as much as helps and the line carries.
 */
kbps_max: number | null, 
/**
 * Pictures are smaller and fewer, so that the battery lasts longer.
 */
energy: boolean, };

/**
 * What can be shared.
 */
export type ScreenKind = "monitor" | "window";

/**
 * How things are shared by default.
 */
export type ScreenSettings = { 
/**
 * The monitor that is shared without asking; absent: ask each time.
 */
monitor: string | null, 
/**
 * For reading or for motion.
 */
mode: ShareMode, 
/**
 * Pictures per second at most.
 */
frame_rate_max: number, 
/**
 * Whether the mouse pointer is seen.
 */
cursor: boolean, 
/**
 * Where the system asks what to share: let it ask each time, also where it would give the last choice again.
 */
ask_each_time: boolean, 
/**
 * What gives the system's last choice again, as an id; only of use to the system that gave it.
 */
remembered: string | null, 
/**
 * Whether what this computer plays is heard with it, where that is possible.
 */
sound: boolean, };

/**
 * A monitor or window that could be shared.
 */
export type ScreenView = { 
/**
 * Stable for a monitor; a window's ends with it.
 */
id: string, 
/**
 * What it is.
 */
kind: ScreenKind, 
/**
 * The connector of a monitor, the title of a window (may be empty).
 */
name: string, 
/**
 * In pixels.
 */
size: [number, number], 
/**
 * The monitor that the system calls the first.
 */
is_primary: boolean, };

/**
 * What is kept between runs.
 */
export type Settings = { 
/**
 * The version of this file's layout.
 */
version: number, 
/**
 * The name others see.
 */
name: string, 
/**
 * The server to start calls on (`https://host[:port]`); empty: this computer.
 */
server: string, 
/**
 * The chosen camera.
 */
camera: string | null, 
/**
 * The chosen microphone.
 */
microphone: string | null, 
/**
 * The chosen speaker.
 */
speaker: string | null, 
/**
 * What the camera is asked for.
 */
picture: CameraSettings, 
/**
 * The voice chain's switches.
 */
voice: VoiceSwitches, 
/**
 * One's own picture is shown as in a mirror.
 */
mirror: boolean, 
/**
 * Dark, light, or as the system has it.
 */
appearance: Appearance, 
/**
 * The desktop around the window.
 */
desktop: DesktopSettings, 
/**
 * Calls are remembered on this computer: who, when, how long, how good.
 */
keep_history: boolean, 
/**
 * What is written in calls is kept with them.
 */
keep_chat: boolean, 
/**
 * The language of everything the app says.
 */
language: Language, 
/**
 * Where files go.
 */
folders: FolderSettings, 
/**
 * How a screen is shared.
 */
screen: ScreenSettings, 
/**
 * Whether others may record.
 */
recording: RecordingSettings, 
/**
 * How the network is used.
 */
network: NetworkSettings, 
/**
 * How much calls may take of the network and of this computer.
 */
saving: SavingSettings, 
/**
 * How loud people are played, by their names, where that was changed and calls are remembered; oldest first.
 */
volumes: Array<PersonVolume>, };

/**
 * A change of settings: only what is present changes.
 */
export type SettingsPatch = { 
/**
 * See [`Settings::name`].
 */
name?: string, 
/**
 * See [`Settings::server`].
 */
server?: string, 
/**
 * See [`Settings::picture`].
 */
picture?: CameraSettings, 
/**
 * See [`Settings::voice`].
 */
voice?: VoiceSwitches, 
/**
 * See [`Settings::mirror`].
 */
mirror?: boolean, 
/**
 * See [`Settings::appearance`].
 */
appearance?: Appearance, 
/**
 * See [`Settings::desktop`].
 */
desktop?: DesktopSettings, 
/**
 * See [`Settings::keep_history`].
 */
keep_history?: boolean, 
/**
 * See [`Settings::keep_chat`].
 */
keep_chat?: boolean, 
/**
 * See [`Settings::language`].
 */
language?: Language, 
/**
 * See [`Settings::folders`].
 */
folders?: FolderSettings, 
/**
 * See [`Settings::screen`].
 */
screen?: ScreenSettings, 
/**
 * See [`Settings::recording`].
 */
recording?: RecordingSettings, 
/**
 * See [`Settings::network`].
 */
network?: NetworkSettings, 
/**
 * See [`Settings::saving`].
 */
saving?: SavingSettings, };

/**
 * What could be shared.
 */
export type ShareChoice = { 
/**
 * Whether it was looked for already.
 */
looked: boolean, 
/**
 * Monitors first. Small pictures are in the tiles `choice:ID`.
 */
sources: Array<ScreenView>, 
/**
 * Why there is nothing.
 */
fault: ShareStop | null, 
/**
 * There is no list: the system itself asks what to share; share the id `portal:` to let it.
 */
system_asks: boolean, };

/**
 * How it is shared.
 */
export type ShareMode = "text" | "motion";

/**
 * Whether what this computer plays can be shared with a screen.
 */
export type ShareSound = "possible" | "unsupported" | "no_server";

/**
 * Why nothing is shared any more, or cannot be.
 */
export type ShareStop = "window_closed" | "monitor_gone" | "not_there" | "denied" | "no_portal" | "refused" | "nothing_else" | "ended_by_desktop" | "no_screen" | "failed";

/**
 * One's own sharing.
 */
export type ShareView = { 
/**
 * What is shared now; its picture is in the tile `screen`.
 */
sharing: SharingView | null, 
/**
 * What could be shared, while the person chooses.
 */
choice: ShareChoice | null, 
/**
 * Why the last share ended by itself; until the next one, or until it was seen.
 */
stopped: ShareStop | null, 
/**
 * Whether what this computer plays can be shared too. Looked for whenever somebody chooses.
 */
sound: ShareSound, };

/**
 * What is shared.
 */
export type SharingView = { 
/**
 * Which: [`ScreenView::id`].
 */
id: string, 
/**
 * A monitor or a window.
 */
kind: ScreenKind, 
/**
 * What people call it, once known.
 */
name: string | null, 
/**
 * For reading or for motion.
 */
mode: ShareMode, 
/**
 * Whether what this computer plays is heard with it.
 */
sound: boolean, 
/**
 * Whether pictures come.
 */
state: DeviceState, 
/**
 * Its size in pixels, once known.
 */
size: [number, number] | null, 
/**
 * The system shows a dialog of its own and was not answered yet: nobody sees anything.
 */
asking: boolean, 
/**
 * The system asked, and can be asked again.
 */
asked: boolean, };

/**
 * The connection to the server.
 */
export type SignalingState = "connecting" | "connected" | "reconnecting" | "taken_over";

/**
 * One second of a call in figures.
 */
export type StatsSample = { 
/**
 * Milliseconds since the call was joined.
 */
at_ms: number, 
/**
 * Round trip to the other side, in milliseconds.
 */
rtt_ms: number | null, 
/**
 * What the path is thought to carry, in kbit/s.
 */
estimate_kbps: number | null, 
/**
 * What leaves, in kbit/s.
 */
sent_kbps: number, 
/**
 * What comes, in kbit/s.
 */
received_kbps: number, 
/**
 * Packets lost on the way to here in this second, in percent.
 */
loss_in_pct: number, 
/**
 * Packets lost on the way to the other side, in percent, as told by them.
 */
loss_out_pct: number, 
/**
 * Pictures encoded and sent in this second.
 */
fps_sent: number, 
/**
 * Pictures decoded in this second.
 */
fps_received: number, 
/**
 * The size sent.
 */
sent_size: [number, number] | null, 
/**
 * The size received.
 */
received_size: [number, number] | null, 
/**
 * How long sound waits in the jitter buffer, in milliseconds.
 */
jitter_buffer_ms: number | null, 
/**
 * Sound that was invented for lost packets, in percent of this second.
 */
concealed_pct: number, 
/**
 * How unevenly packets come, in milliseconds.
 */
jitter_ms: number, 
/**
 * What the encoder aims at, in kbit/s.
 */
target_kbps: number | null, 
/**
 * To scale and encode a picture, in milliseconds.
 */
encode_ms: number | null, 
/**
 * Lines that a picture of this side has at most because this computer does not keep up with more.
 */
lines_max: number | null, 
/**
 * To decode a picture, in milliseconds.
 */
decode_ms: number | null, 
/**
 * What Parley's process takes (without the window's own), in percent of one core.
 */
cpu_pct: number | null, 
/**
 * The other side's picture stands still because parts of it are missing.
 */
frozen: boolean, 
/**
 * The loudest of one's own microphone in this second, in dBov (-127: nothing at all).
 */
microphone_dbov: number | null, 
/**
 * The loudest of what came from the others.
 */
heard_dbov: number | null, 
/**
 * What came of each of the others.
 */
people: Array<PersonFigures>, 
/**
 * The layers of one's own picture that were sent, smallest first; in a call of two only the largest.
 */
sent_layers: Array<LayerFigures>, 
/**
 * The way that media takes.
 */
pair: PairView | null, 
/**
 * What carries sound and pictures now.
 */
codecs: Array<string>, 
/**
 * How the two reach each other, in words ("direct, UDP, 192.168.…").
 */
path: string | null, 
/**
 * Counters of everything that was dropped anywhere, by name.
 */
drops: Record<string, number>, };

/**
 * Everything of the side panel; sent again, whole, at most ten times a second when something in it changed.
 */
export type TalkView = { 
/**
 * What was written in this call, oldest first; the oldest go when there are very many.
 */
messages: Array<MessageView>, 
/**
 * Reactions of the last seconds, oldest first.
 */
reactions: Array<ReactionView>, 
/**
 * One's own hand is up.
 */
hand_raised: boolean, 
/**
 * Files on their way, and those that were, oldest first.
 */
transfers: Array<TransferView>, 
/**
 * Files of earlier calls that did not arrive, newest first; those that are on their way again are not among them.
 */
unfinished: Array<UnfinishedView>, };

/**
 * A tile that a window shows: of whom, how large, and how much it matters.
 */
export type TileLook = { 
/**
 * The tile's name: the id of a person, or `screen:` and the id.
 */
tile: string, 
/**
 * In pixels of the device.
 */
width: number, 
/**
 * In pixels of the device.
 */
height: number, 
/**
 * What goes without when not everything can be had: the least first.
 */
weight: TileWeight, };

/**
 * How much a tile matters.
 */
export type TileWeight = "thumbnail" | "grid" | "large" | "pinned";

/**
 * Something that happened in the call.
 */
export type TimelineEvent = { 
/**
 * When, in milliseconds since 1970.
 */
at_ms: number, 
/**
 * What.
 */
code: EventCode, 
/**
 * Who or what; for some codes.
 */
detail: string | null, };

/**
 * Why a file did not come through.
 */
export type TransferProblem = "unreadable" | "changed" | "disk_full" | "disk_failed" | "other_disk_full" | "other_disk_failed" | "damaged" | "too_many" | "refused" | "other_gone" | "out_of_step";

/**
 * How far a file is.
 */
export type TransferStage = "reading" | "offered" | "asking" | "waiting" | "moving" | "paused" | "checking" | "done" | "declined" | "cancelled_here" | "cancelled_there" | "failed";

/**
 * One file.
 */
export type TransferView = { 
/**
 * Another one for each: given here, not by whoever offered it.
 */
id: string, 
/**
 * From here; otherwise to here.
 */
sending: boolean, 
/**
 * The id of whom it goes to or comes from; absent while they have not come.
 */
with: string | null, 
/**
 * Their name, also after they left.
 */
with_name: string, 
/**
 * The file's name.
 */
name: string, 
/**
 * Its size in bytes.
 */
size: number, 
/**
 * Bytes that are on the receiver's disk.
 */
moved: number, 
/**
 * How fast, lately.
 */
bytes_per_s: number, 
/**
 * How far it is.
 */
state: TransferStage, 
/**
 * This side wants it to wait.
 */
paused_here: boolean, 
/**
 * Why it did not work.
 */
fault: TransferProblem | null, 
/**
 * Where it is on this computer: of one that comes, once it is whole. Of two that go, whether they are one file.
 */
path: string | null, };

/**
 * A file that was offered in an earlier call and did not arrive.
 */
export type UnfinishedView = { 
/**
 * Another one for each.
 */
id: string, 
/**
 * The file's name.
 */
name: string, 
/**
 * Its size in bytes when it was offered.
 */
size: number, 
/**
 * Whom it was for.
 */
to: string, };

/**
 * What a window may ask about it.
 */
export type UpdateAsk = "look" | "install" | "later";

/**
 * How it stands with a newer Parley.
 */
export type UpdateState = "unknown" | "packaged" | "by_hand" | "looking" | "newest" | "ready" | "fetching" | "installing" | "in_place" | "unreachable" | "refused" | "failed";

/**
 * What is known of a newer Parley.
 */
export type UpdateView = { 
/**
 * How it stands.
 */
state: UpdateState, 
/**
 * The newer version, once one is known.
 */
version: string | null, 
/**
 * The person does not want to hear of this version now.
 */
put_off: boolean, };

/**
 * The voice chain's switches.
 */
export type VoiceSwitches = { 
/**
 * Takes the speaker's sound out of the microphone's.
 */
echo_cancellation: boolean, 
/**
 * Takes fans and keyboards out.
 */
noise_suppression: boolean, 
/**
 * Brings the voice to an even level (never touches the system's).
 */
gain_control: boolean, };

/**
 * Somebody in the lobby.
 */
export type WaitingView = { 
/**
 * For [`DoorAsk::Admit`] and [`DoorAsk::Refuse`].
 */
id: string, 
/**
 * The name they gave.
 */
name: string, };
