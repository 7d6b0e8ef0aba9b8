//! Calls through the real server's relays, on this machine. Needs an address that is not loopback, as relays do.

use super::call_party::{PATIENCE, Party, address_of, serve_with};
use anyhow::{Context as _, Result, ensure};
use parley_call::{CallPhase, CallStats, CallTarget, CandidatePolicy, NetworkOptions};
use parley_server::{RelayConfig, ServerConfig};

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
        // Of each one's own side: a check through the other's relay may be here before word of that relay, whose address then
        // counts as one found by it (peer reflexive, RFC 8445, section 7.3.1.3).
        for party in [&ada, &ben] {
            let mut stats = party.stats.clone();
            let known = |stats: &CallStats| stats.peer.pair_types.is_some();
            let told = tokio::time::timeout(PATIENCE, stats.wait_for(known)).await;
            let (own, theirs) = told
                .context("no way is told")??
                .peer
                .pair_types
                .context("a way is told")?;
            ensure!(
                own == "relay" && matches!(theirs, "relay" | "prflx"),
                "{own} to {theirs} is no way through relays"
            );
        }
    }
    connected_ms.sort_unstable();
    eprintln!("enter to connected and proven through relays, milliseconds: {connected_ms:?}");
    assert!(connected_ms[2] < 1_000, "{connected_ms:?}");
    server.stop().await;
    Ok(())
}
