//! Two calls find each other through the real server on loopback.

use super::call_party::{Party, address_of, serve};
use anyhow::Result;
use parley_call::{CallCommand, CallPhase, EndReason};

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

    ben.command(CallCommand::Leave).await;
    assert_eq!(ben.end().await?, EndReason::HungUp);
    assert_eq!(ada.end().await?, EndReason::OtherLeft);
    server.stop().await;
    Ok(())
}
