//! A call goes on through what happens to servers and people.

use super::call_party::{Party, address_of, serve, serve_with};
use anyhow::Result;
use parley_call::{CallCommand, CallPhase, EndReason, SignalingPhase};
use parley_proto::ErrorCode;
use parley_server::ServerConfig;

#[tokio::test(flavor = "multi_thread")]
async fn media_goes_on_while_the_server_restarts_and_signaling_resumes() -> Result<()> {
    let mut config = ServerConfig::loopback();
    config.stun = None;
    let server = serve_with(config.clone()).await?;
    config.listen = vec![server.address()];
    let (ada, ben) = Party::connected_pair(address_of(server.address())).await?;
    let ids = |party: &Party| (party.state.borrow().me, party.state.borrow().people[0].id);
    let before = (ids(&ada), ids(&ben));

    server.stop().await;
    for party in [&ada, &ben] {
        party
            .until("the loss is noticed", |state| {
                state.signaling == SignalingPhase::Reconnecting
            })
            .await?;
        party.receives(40).await?;
        assert_eq!(party.state.borrow().phase, CallPhase::Connected);
    }

    let server = serve_with(config).await?;
    for party in [&ada, &ben] {
        party
            .until("signaling is back, with the other one", |state| {
                state.signaling == SignalingPhase::Connected && state.people.iter().all(|person| !person.away)
            })
            .await?;
        party.receives(40).await?;
    }
    assert_eq!((ids(&ada), ids(&ben)), before, "everybody is who they were");
    assert_eq!(
        ada.stats.borrow().session.connections_opened,
        1,
        "the same connection all the time"
    );

    ada.command(CallCommand::Leave).await;
    assert_eq!(ben.end().await?, EndReason::OtherLeft);
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn both_leave_and_meet_again_in_the_same_room() -> Result<()> {
    let server = serve().await?;
    let (ada, ben) = Party::connected_pair(address_of(server.address())).await?;
    let link = ada.link().await?;
    ben.command(CallCommand::Leave).await;
    assert_eq!(ada.end().await?, EndReason::OtherLeft);

    let (ada, ben) = (Party::join(link.clone(), "Ada"), Party::join(link, "Ben"));
    for party in [&ada, &ben] {
        party.enter().await;
    }
    for party in [&ada, &ben] {
        party
            .until("connected again", |state| state.phase == CallPhase::Connected)
            .await?;
        party.receives(20).await?;
    }
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_person_is_told_that_the_room_is_full_and_the_two_go_on() -> Result<()> {
    let server = serve().await?;
    let (ada, ben) = Party::connected_pair(address_of(server.address())).await?;
    let eve = Party::join(ada.link().await?, "Eve");
    eve.enter().await;
    let refused = eve.end().await?;
    assert!(
        matches!(
            refused,
            EndReason::Refused {
                code: ErrorCode::RoomFull,
                ..
            }
        ),
        "{refused:?}"
    );
    assert_eq!(refused.to_string(), ErrorCode::RoomFull.sentence());
    for party in [&ada, &ben] {
        party.receives(20).await?;
    }
    server.stop().await;
    Ok(())
}
