//! Somebody who only listens, in real calls through the real server's SFU: hears and sees, is heard by nobody, is let speak without a gap
//! in what they hear, and is silent again; and what a whole app makes of it.

use super::call_party::{PATIENCE, Party, address_of, serve_with};
use anyhow::{Context as _, Result};
use parley_app::engine::{Engine, EngineConfig};
use parley_app::sources::{PictureSource, SoundSink, SoundSource, Sources};
use parley_app::view::{AppCommand, AppState, CallView, CommandErrorCode, DeviceState, PartView};
use parley_call::CallCommand;
use parley_proto::{Link, ParticipantId, Resolution};
use parley_server::{GroupConfig, Server, ServerConfig};
use std::time::Duration;

/// What may come late of a voice while its listener becomes a speaker: packets come each 20 ms, and this machine is busy.
const GAP_MAX: Duration = Duration::from_millis(100);
/// What is on its way when somebody becomes a listener.
const UNDER_WAY: Duration = Duration::from_millis(500);

async fn serve() -> Result<Server> {
    let config = ServerConfig {
        sfu: Some(GroupConfig::at(([127, 0, 0, 1], 0).into())),
        ..ServerConfig::loopback()
    };
    serve_with(config).await
}

/// Ada, the host, and Ben hear each other; whoever comes from now on listens.
async fn two_who_speak(server: &Server) -> Result<(Party, Party, Link)> {
    let (ada, link) = Party::create(address_of(server.address()), "Ada").await?;
    ada.enter().await;
    let ben = Party::join(link.clone(), "Ben");
    ben.enter().await;
    ben.receives(10).await?;
    ada.command(CallCommand::ListenFrom(2)).await;
    ada.until("newcomers listen", |state| state.door.listen_from == 2)
        .await?;
    Ok((ada, ben, link))
}

async fn me(party: &Party) -> Result<ParticipantId> {
    let state = party.until("an id", |state| state.me.is_some()).await?;
    state.me.context("an id")
}

async fn set_listens(host: &Party, id: ParticipantId, listens: bool) -> Result<()> {
    host.command(CallCommand::SetListens { id, listens }).await;
    let is_so = |state: &parley_call::CallSnapshot| {
        let mut people = state.people.iter();
        people.any(|person| person.id == id && person.listens == listens)
    };
    host.until("it is so", is_so).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_and_sees_is_let_speak_without_a_gap_and_is_silent_again() -> Result<()> {
    let server = serve().await?;
    let (ada, ben, link) = two_who_speak(&server).await?;
    let eve = Party::join(link, "Eve");
    eve.enter().await;
    let (ada_id, ben_id, eve_id) = (me(&ada).await?, me(&ben).await?, me(&eve).await?);

    // Hears and sees both, though her own microphone and camera are on, and is heard by neither.
    eve.receives(50).await?;
    eve.hears(ada_id, 50).await?;
    eve.hears(ben_id, 50).await?;
    let state = eve.until("she knows", |state| state.listens).await?;
    assert!(state.group.is_some_and(|group| group.up));
    assert!(ada.voice_of(eve_id).is_none() && ben.voice_of(eve_id).is_none());

    // Is let speak: is heard, over the same connection, and misses nothing meanwhile.
    let connections = eve.stats.borrow().session.sfu_connections_opened;
    eve.voice_of(ada_id);
    set_listens(&ada, eve_id, false).await?;
    ada.hears(eve_id, 50).await?;
    ben.hears(eve_id, 50).await?;
    let heard = eve.voice_of(ada_id).context("Ada is heard")?;
    eprintln!(
        "while Eve was let speak, Ada's voice paused {:?} at the most",
        heard.gap
    );
    assert!(heard.gap < GAP_MAX, "{heard:?}");
    assert_eq!(eve.stats.borrow().session.sfu_connections_opened, connections);

    // A listener again: nothing of hers comes any more, and she hears on.
    set_listens(&ada, eve_id, true).await?;
    tokio::time::sleep(UNDER_WAY).await;
    let before = ada.voice_of(eve_id).context("she was heard")?.packets;
    eve.voice_of(ada_id);
    eve.hears(ada_id, 50).await?;
    assert_eq!(ada.voice_of(eve_id).context("she was heard")?.packets, before);
    let heard = eve.voice_of(ada_id).context("Ada is heard")?;
    assert!(heard.gap < GAP_MAX, "{heard:?}");
    let offences = ada.state.borrow().offences.clone();
    assert!(
        offences.is_empty(),
        "she sends nothing that she may not: {offences:?}"
    );

    // And may speak once more, in the sections that she has.
    set_listens(&ada, eve_id, false).await?;
    ada.hears(eve_id, 50).await?;
    assert_eq!(eve.stats.borrow().session.sfu_connections_opened, connections);
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_app_of_a_listener_closes_microphone_and_camera_and_opens_neither_by_itself() -> Result<()> {
    let server = serve().await?;
    let (ada, _ben, link) = two_who_speak(&server).await?;
    let folder = tempfile::tempdir()?;
    let engine = Engine::start(EngineConfig {
        folder: folder.path().to_owned(),
        sources: Sources {
            picture: PictureSource::Pattern(Resolution::new(320, 180)),
            sound: SoundSource::Speech,
            sink: SoundSink::Nowhere,
        },
        link: Some(link.to_string()),
        bitrate_max: None,
    });
    let sees = async |what: &str, wanted: &dyn Fn(&AppState) -> bool| -> Result<AppState> {
        let mut state = engine.state();
        let found = tokio::time::timeout(PATIENCE, state.wait_for(|state| wanted(state))).await;
        let found =
            found.with_context(|| format!("never saw {what}: {:#?}", engine.state().borrow().call))??;
        Ok(found.clone())
    };
    let part = |state: &AppState| state.call.as_ref().map(|call| call.part);
    sees(
        "the green room, which tells why she will listen, with everything closed",
        &|state| {
            let told = |call: &CallView| call.door.comes_to_listen.is_some();
            let closed = state.local.microphone == DeviceState::Off && state.local.camera == DeviceState::Off;
            state.call.as_ref().is_some_and(told) && closed
        },
    )
    .await?;
    engine
        .command(AppCommand::Join)
        .await
        .map_err(|error| anyhow::anyhow!(error.message))?;
    let listens = sees("that she listens", &|state| {
        let closed = state.local.microphone == DeviceState::Off && state.local.camera == DeviceState::Off;
        part(state) == Some(PartView::Listens) && closed
    })
    .await?;
    assert!(listens.local.muted && !listens.local.camera_on);
    let refused = engine.command(AppCommand::SetMuted { muted: false }).await;
    let refused = refused.err().context("a listener has no microphone")?;
    assert_eq!(refused.code, CommandErrorCode::NotNow);
    assert_eq!(refused.message, "You are listening. Raise your hand to speak.");

    // A raised hand, which is granted.
    engine
        .command(AppCommand::RaiseHand { raised: true })
        .await
        .map_err(|error| anyhow::anyhow!(error.message))?;
    let raised = |state: &parley_call::CallSnapshot| {
        let mut people = state.people.iter();
        people.any(|person| person.listens && person.hand_raised)
    };
    let state = ada.until("her hand", raised).await?;
    let eve = state
        .people
        .iter()
        .find(|person| person.listens)
        .context("Eve")?
        .id;
    set_listens(&ada, eve, false).await?;
    let may = sees("that she may speak", &|state| {
        part(state) == Some(PartView::LetSpeak)
    })
    .await?;
    assert!(
        may.local.muted && may.local.camera == DeviceState::Off,
        "nothing opens by itself"
    );
    ada.until("her hand down", |state| {
        !state.people.iter().any(|person| person.hand_raised)
    })
    .await?;
    engine
        .command(AppCommand::SetMuted { muted: false })
        .await
        .map_err(|error| anyhow::anyhow!(error.message))?;
    ada.hears(eve, 50).await?;
    sees("that she speaks", &|state| part(state) == Some(PartView::Speaks)).await?;
    engine.hang_up(Duration::from_secs(2)).await;
    server.stop().await;
    Ok(())
}
