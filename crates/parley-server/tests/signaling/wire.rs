//! What a test says over a bare socket, what the server counts, and whether it still serves people meanwhile.

use super::client::Client;
use parley_server::Server;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Within this a call begins, whatever others do to the server: two tickets, two joins. On a quiet machine it takes milliseconds.
const CALL_BEGINS_MAX: Duration = Duration::from_secs(5);

/// Everything that is answered to these bytes until the server hangs up.
pub(crate) async fn say(address: SocketAddr, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(address).await.unwrap();
    // Who is turned away early may learn of it in between.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, socket.read_to_end(&mut answer))
        .await
        .expect("the server hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

/// The whole answer to a GET with these header lines, each with its end.
pub(crate) async fn get(address: SocketAddr, path: &str, headers: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
    say(address, request.as_bytes()).await
}

/// One of the numbers at `/metrics`, by its name without `parley_`.
pub(crate) async fn metric(address: SocketAddr, name: &str) -> u64 {
    let numbers = get(address, "/metrics", "Host: localhost\r\n").await;
    let line = format!("\nparley_{name} ");
    let at = numbers
        .find(&line)
        .unwrap_or_else(|| panic!("no {name} in {numbers}"));
    let value = numbers[at + line.len()..].lines().next().unwrap();
    value.parse().unwrap()
}

/// Waits until a number is that large.
pub(crate) async fn metric_reaches(address: SocketAddr, name: &str, least: u64) {
    let reached = async {
        while metric(address, name).await < least {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(
        timeout(PATIENCE, reached).await.is_ok(),
        "{name} stays below {least}"
    );
}

/// Two people meet at this address, in bounded time; how long it took.
pub(crate) async fn a_call_begins(address: SocketAddr) -> Duration {
    let began = Instant::now();
    let meet = Box::pin(async {
        let mut ada = Client::connect_to(address).await;
        let (room, ticket) = ada.ticket(None).await;
        ada.join(ticket, "Ada").await;
        let mut bob = Client::connect_to(address).await;
        let (_, ticket) = bob.ticket(Some(room)).await;
        assert_eq!(bob.join(ticket, "Bob").await.participants.len(), 2);
    });
    timeout(CALL_BEGINS_MAX, meet)
        .await
        .expect("nobody else is served");
    began.elapsed()
}

/// The same, and that it had to stand something first.
pub(crate) async fn stands(server: &Server, name: &str, least: u64) {
    metric_reaches(server.address(), name, least).await;
    a_call_begins(server.address()).await;
}
