//! Two calls find each other through the real server on loopback.

use super::call_party::{Party, address_of, serve};
use anyhow::{Context as _, Result};
use parley_call::{CallCommand, CallPhase, CallStats, EndReason};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn two_people_connect_see_hear_and_hang_up() -> Result<()> {
    let server = serve().await?;
    let (ada, link) = Party::create(address_of(server.address()), "Ada").await?;
    ada.enter().await;
    ada.until("Ada waits", |state| state.phase == CallPhase::Waiting)
        .await?;
    let ben = Party::join(link, "Ben");
    ben.enter().await;

    for party in [&ada, &ben] {
        let state = party
            .until("connected", |state| state.phase == CallPhase::Connected)
            .await?;
        assert!(state.people[0].proven);
        party.receives(30).await?;
    }
    let names = |party: &Party| party.state.borrow().people[0].name.clone();
    assert_eq!((names(&ada), names(&ben)), ("Ben".into(), "Ada".into()));
    for party in [&ada, &ben] {
        party
            .until("the other's camera is known to be on", |state| {
                state.people[0].media.camera_on
            })
            .await?;
    }

    for party in [&ada, &ben] {
        let measured = |stats: &CallStats| stats.peer.rtt_ms.is_some() && stats.peer.pair.is_some();
        let mut stats = party.stats.clone();
        let told = tokio::time::timeout(Duration::from_secs(4), stats.wait_for(measured)).await;
        told.context("the round trip is not told in time")??;
    }

    ben.command(CallCommand::Leave).await;
    assert_eq!(ben.end().await?, EndReason::HungUp);
    assert_eq!(ada.end().await?, EndReason::OtherLeft);
    server.stop().await;
    Ok(())
}

/// What "Enter" costs on loopback, with the other one waiting. Far from tight: the machine may be busy.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_takes_a_fraction_of_a_second() -> Result<()> {
    let server = serve().await?;
    let mut connected_ms = Vec::new();
    for _ in 0..9 {
        let (ada, link) = Party::create(address_of(server.address()), "Ada").await?;
        ada.enter().await;
        let ben = Party::join(link, "Ben");
        ben.link().await?;
        ben.enter().await;
        let state = ben
            .until("connected", |state| state.phase == CallPhase::Connected)
            .await?;
        let (entered, connected) = (state.times.entered, state.connected_at);
        if let (Some(entered), Some(connected)) = (entered, connected) {
            connected_ms.push(connected.duration_since(entered).as_millis());
        }
    }
    connected_ms.sort_unstable();
    eprintln!("enter to connected and proven, milliseconds: {connected_ms:?}");
    assert_eq!(connected_ms.len(), 9);
    assert!(connected_ms[7] < 1_000, "{connected_ms:?}");
    server.stop().await;
    Ok(())
}
