//! Somebody in the middle, and other servers that are not what they should be.

use super::call_party::{Party, address_of, serve};
use anyhow::Result;
use futures_util::{SinkExt as _, StreamExt as _};
use parley_call::{EndReason, ProofFault, SignalingFault};
use parley_proto::{Link, ServerAddress};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{accept_async, connect_async};

/// Stands between a client and the server and puts a fingerprint of its own into every description.
async fn stand_in_the_middle(server: ServerAddress) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let url = server.signal_url();
            tokio::spawn(async move { relay(stream, &url).await });
        }
    });
    Ok(address)
}

async fn relay(stream: TcpStream, url: &str) -> Result<()> {
    let (mut to_client, mut from_client) = accept_async(stream).await?.split();
    let (mut to_server, mut from_server) = connect_async(url).await?.0.split();
    let up = async {
        while let Some(Ok(message)) = from_client.next().await {
            if to_server.send(swapped(message)).await.is_err() {
                break;
            }
        }
    };
    let down = async {
        while let Some(Ok(message)) = from_server.next().await {
            if to_client.send(swapped(message)).await.is_err() {
                break;
            }
        }
    };
    tokio::join!(up, down);
    Ok(())
}

fn swapped(message: Message) -> Message {
    const MARK: &str = "a=fingerprint:sha-256 ";
    let Message::Text(text) = message else {
        return message;
    };
    let mut parts = text.split(MARK);
    let mut swapped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        swapped.push_str(MARK);
        swapped.push_str(&["EE"; 32].join(":"));
        swapped.push_str(&part[95..]);
    }
    Message::text(swapped)
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_swaps_a_fingerprint_is_noticed_by_both_before_any_media() -> Result<()> {
    let server = serve().await?;
    let (ada, link) = Party::create(address_of(server.address()), "Ada").await?;
    ada.enter().await;
    let middle = stand_in_the_middle(link.server.clone()).await?;
    let ben = Party::join(
        Link {
            server: address_of(middle),
            ..link
        },
        "Ben",
    );
    ben.enter().await;
    for party in [&ada, &ben] {
        assert_eq!(party.end().await?, EndReason::NotGenuine(ProofFault::Wrong));
        assert_eq!(party.arrived(), (0, 0));
    }
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_another_secret_is_not_genuine() -> Result<()> {
    let server = serve().await?;
    let (ada, link) = Party::create(address_of(server.address()), "Ada").await?;
    ada.enter().await;
    let guessed = Link {
        secret: parley_proto::LinkSecret::from_bytes([0; 16]),
        ..link
    };
    let eve = Party::join(guessed, "Eve");
    eve.enter().await;
    for party in [&ada, &eve] {
        assert_eq!(party.end().await?, EndReason::NotGenuine(ProofFault::Wrong));
        assert_eq!(party.arrived(), (0, 0));
    }
    server.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_parley_server_is_told_from_what_is_not_there() -> Result<()> {
    let web = TcpListener::bind("127.0.0.1:0").await?;
    let web_address = web.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = web.accept().await {
            let mut request = [0; 2048];
            let _ = stream.read(&mut request).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
                .await;
        }
    });
    let link = Link {
        server: address_of(web_address),
        room: parley_proto::RoomId::from_bytes([1; 24]),
        secret: parley_proto::LinkSecret::from_bytes([1; 16]),
        invitation: None,
    };
    let ben = Party::join(link.clone(), "Ben");
    assert_eq!(ben.end().await?, EndReason::NotAParleyServer);

    // The same by TLS, and our own server, whose address somebody wrote with one letter too many.
    let plain = serve().await?;
    for address in [web_address, plain.address()] {
        let link = Link {
            server: ServerAddress::new(true, "127.0.0.1", address.port())?,
            ..link.clone()
        };
        let ben = Party::join(link, "Ben");
        assert_eq!(
            ben.end().await?,
            EndReason::ServerUnreachable(SignalingFault::Unencrypted)
        );
    }
    plain.stop().await;

    // A port that is free again.
    let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let ben = Party::join(
        Link {
            server: address_of(free),
            ..link
        },
        "Ben",
    );
    ben.until("the fault is told while it tries", |state| {
        state.signaling_fault == Some(SignalingFault::Refused)
    })
    .await?;
    assert_eq!(
        ben.end().await?,
        EndReason::ServerUnreachable(SignalingFault::Refused)
    );
    Ok(())
}
