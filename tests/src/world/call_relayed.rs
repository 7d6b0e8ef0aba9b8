//! Calls through the real server's relays, on this machine. Needs an address that is not loopback, as relays do.

use super::call_party::{Party, address_of, serve_with};
use anyhow::{Context as _, Result};
use parley_call::{CallPhase, CallStats, CallTarget, CandidatePolicy, NetworkOptions};
use parley_server::{RelayConfig, ServerConfig};
use std::time::Duration;

fn relay_only() -> NetworkOptions {
    NetworkOptions {
        candidates: CandidatePolicy::RelayOnly,
        ..NetworkOptions::default()
    }
}

/// A relay costs a few round trips more than a direct way, and loopback has no round trips. In the middle, since the machine
/// may be busy: before each packet through a relay had its own round of the library's loop, all of them took 1.4 s and more.
#[tokio::test(flavor = "multi_thread")]
async fn a_set_up_through_relays_takes_a_fraction_of_a_second() -> Result<()> {
    let mut config = ServerConfig::loopback();
    config.relay = Some(RelayConfig {
        lan: true,
        ..RelayConfig::default()
    });
    let server = serve_with(config).await?;
    let at = address_of(server.address());
    let mut connected_ms = Vec::new();
    for _ in 0..5 {
        let target = CallTarget::Create { server: at.clone() };
        let ada = Party::start(target, "Ada", relay_only());
        let link = ada.link().await?;
        ada.enter().await;
        let ben = Party::start(CallTarget::Join { link }, "Ben", relay_only());
        ben.link().await?;
        ben.enter().await;
        let state = ben
            .until("connected", |state| state.phase == CallPhase::Connected)
            .await?;
        let (entered, connected) = (state.times.entered, state.connected_at);
        let (entered, connected) = entered.zip(connected).context("both moments are known")?;
        connected_ms.push(connected.duration_since(entered).as_millis());
        ben.receives(20).await?;
        for party in [&ada, &ben] {
            let relayed = |stats: &CallStats| stats.peer.pair_types == Some(("relay", "relay"));
            let mut stats = party.stats.clone();
            let told = tokio::time::timeout(Duration::from_secs(4), stats.wait_for(relayed)).await;
            let way = || format!("another way: {:?}", party.stats.borrow().peer.pair_types);
            told.with_context(way)??;
        }
    }
    connected_ms.sort_unstable();
    eprintln!("enter to connected and proven through relays, milliseconds: {connected_ms:?}");
    assert!(connected_ms[2] < 1_000, "{connected_ms:?}");
    server.stop().await;
    Ok(())
}
