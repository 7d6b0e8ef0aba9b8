//! A program of the operator's that is told what happens: one that answers, one that fails at first, and one that never says a word.

use super::client::Client;
use super::wire::{PATIENCE, a_call_begins, metric_reaches};
use parley_proto::ClientMessage;
use parley_server::{Server, ServerConfig, WebhookConfig};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SECRET: &str = "a secret of an operator";

async fn serve(told_at: SocketAddr) -> Server {
    let config = ServerConfig {
        webhook: Some(WebhookConfig {
            url: format!("http://{told_at}/hook"),
            secret: SECRET.to_owned(),
            authorities: None,
        }),
        ..ServerConfig::loopback()
    };
    Server::start(config).await.unwrap()
}

/// One request: its head and its body.
async fn request(socket: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .unwrap();
            if body.len() >= length.parse::<usize>().unwrap() {
                return (head.to_owned(), body.to_owned());
            }
        }
        let read = timeout(PATIENCE, socket.read_buf(&mut bytes))
            .await
            .unwrap()
            .unwrap();
        assert!(read > 0, "half a request: {text}");
    }
}

#[tokio::test]
async fn what_was_not_taken_is_told_again_and_all_of_it_in_order() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = serve(listener.local_addr().unwrap()).await;
    let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
    ada.send(&ClientMessage::Leave).await;
    let mut told = Vec::new();
    for answer in ["500 No", "204 Yes", "204 Yes", "204 Yes", "204 Yes"] {
        let (mut socket, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let (head, body) = request(&mut socket).await;
        assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nParley-Signature: t="), "{head}");
        assert!(
            !body.contains(&seat.room.to_string()),
            "what is told lets nobody in"
        );
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        told.push((
            body["number"].as_u64().unwrap(),
            body["type"].as_str().unwrap().to_owned(),
        ));
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
    }
    let told: Vec<_> = told
        .iter()
        .map(|(number, what)| (*number, what.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (1, "room_started"),
            (1, "room_started"),
            (2, "participant_joined"),
            (3, "participant_left"),
            (4, "room_ended"),
        ]
    );
    metric_reaches(server.address(), "webhooks_failed_total", 1).await;
    metric_reaches(server.address(), "webhooks_delivered_total", 4).await;
    server.stop().await;
}

#[tokio::test]
async fn an_authority_that_is_none_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("ca.pem");
    std::fs::write(&empty, "").unwrap();
    for path in [empty, folder.path().join("none.pem")] {
        let config = ServerConfig {
            webhook: Some(WebhookConfig {
                url: "https://hooks.example.org/".to_owned(),
                secret: SECRET.to_owned(),
                authorities: Some(path.clone()),
            }),
            ..ServerConfig::loopback()
        };
        let error = Server::start(config).await.unwrap_err().to_string();
        assert!(
            error.contains(path.to_str().unwrap()) && error.contains("webhook.ca"),
            "{error}"
        );
    }
}

/// It takes connections and answers nothing. Calls begin meanwhile, what waits is bounded, and the server stops at once.
#[tokio::test]
async fn a_program_that_never_answers_holds_nothing_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = serve(listener.local_addr().unwrap()).await;
    let (_held, _) = {
        let begins = a_call_begins(server.address()).await;
        eprintln!("a call began in {begins:?}");
        timeout(PATIENCE, listener.accept()).await.unwrap().unwrap()
    };
    let mut longest = Duration::ZERO;
    // Six events a call, until what the ways take is full.
    for _ in 0..1000 {
        let counters = server.counters();
        if counters.webhooks_dropped + counters.webhooks_lost > 0 {
            break;
        }
        let began = Instant::now();
        let (mut ada, seat) = Client::in_room(&server, None, "Ada").await;
        let (mut bob, _) = Client::in_room(&server, Some(seat.room), "Bob").await;
        bob.send(&ClientMessage::Leave).await;
        ada.send(&ClientMessage::EndForAll).await;
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    let counters = server.counters();
    assert!(
        counters.webhooks_dropped + counters.webhooks_lost > 0,
        "what waits has an end"
    );
    let began = Instant::now();
    server.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
