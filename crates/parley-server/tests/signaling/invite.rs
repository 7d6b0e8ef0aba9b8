//! Invitations and keys from the command line, beside a server that runs and one that does not.

use super::client::Client;
use super::program::said;
use super::wire::{PATIENCE, get};
use parley_proto::{ClientMessage, Link, Role, ServerMessage};
use parley_server::{KEY_FILE_NAME, Server, ServerConfig, ServerKey};
use std::path::Path;
use std::time::Duration;

async fn server_in(folder: &Path) -> Server {
    let config = ServerConfig {
        key: ServerKey::load_or_create(&folder.join(KEY_FILE_NAME)).unwrap(),
        folder: Some(folder.to_owned()),
        ..ServerConfig::loopback()
    };
    Server::start(config).await.unwrap()
}

/// What the program says to these words about a folder.
async fn program(folder: &Path, words: &[&str]) -> (bool, String, String) {
    let folder = folder.to_str().unwrap().to_owned();
    let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
    let asked = tokio::task::spawn_blocking(move || {
        let mut arguments = vec!["--data-dir", &folder];
        arguments.extend(words.iter().map(String::as_str));
        said(&arguments)
    });
    asked.await.unwrap()
}

async fn link_by(folder: &Path, words: &[&str]) -> Link {
    let (fine, link, told) = program(folder, words).await;
    assert!(
        fine && link.ends_with('\n') && link.lines().count() == 1,
        "{link}{told}"
    );
    assert!(told.contains("within a second"), "{told}");
    link.parse().unwrap()
}

/// Comes in by a link once the server knows it.
async fn comes_in(server: &Server, link: &Link) -> (Client, Role) {
    let mut client = Client::connect(server).await;
    let token = link.invitation.as_ref().unwrap().as_str().to_owned();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        client
            .send(&ClientMessage::RequestTicket {
                version: 1,
                room: Some(link.room),
                invitation: Some(token.clone()),
            })
            .await;
        match client.receive().await {
            ServerMessage::Ticket { ticket, .. } => {
                let seat = client.join(ticket, "Somebody").await;
                let me = seat.participants.iter().find(|one| one.id == seat.me).unwrap();
                return (client, me.role);
            }
            _ if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            other => panic!("not let in but {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_from_the_command_line_lets_people_into_a_server_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = server_in(folder.path()).await;
    let at = format!("http://{}", server.address());
    let host = link_by(
        folder.path(),
        &["invite", "--role", "host", "--uses", "1", "--server", &at],
    )
    .await;
    assert_eq!(host.server.to_string(), at);
    let (_ada, role) = comes_in(&server, &host).await;
    assert_eq!(role, Role::Host);

    let again = ["invite", "--room", &host.to_string(), "--expires", "90m"];
    let guest = link_by(folder.path(), &again).await;
    assert_eq!((&guest.server, guest.room), (&host.server, host.room));
    assert_eq!(guest.secret, host.secret, "or they could not talk");
    assert_ne!(guest.invitation, host.invitation);
    let (_bob, role) = comes_in(&server, &guest).await;
    assert_eq!(role, Role::Guest);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_made_while_the_server_rests_is_known_when_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    server_in(folder.path()).await.stop().await;
    let link = link_by(folder.path(), &["invite", "--server", "https://call.example.org"]).await;
    let server = server_in(folder.path()).await;
    let (_client, role) = comes_in(&server, &link).await;
    assert_eq!(role, Role::Guest);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_the_command_line_opens_a_server_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = server_in(folder.path()).await;
    let (fine, key, words) = program(folder.path(), &["new-key", "office"]).await;
    assert!(fine, "{words}");
    let headers = format!("Host: localhost\r\nAuthorization: Bearer {}\r\n", key.trim());
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !get(server.address(), "/api/v1/admin/rooms", &headers)
        .await
        .starts_with("HTTP/1.1 200")
    {
        assert!(tokio::time::Instant::now() < deadline, "the key is not known");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_refused_with_a_sentence_and_makes_nothing() {
    let empty = tempfile::tempdir().unwrap();
    let (fine, link, words) = program(empty.path(), &["invite", "--server", "http://a.example"]).await;
    assert!(!fine && link.is_empty(), "{link}");
    assert!(
        words.contains("There is no server in") && words.contains("--data-dir"),
        "{words}"
    );
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);

    let folder = tempfile::tempdir().unwrap();
    server_in(folder.path()).await.stop().await;
    let other = tempfile::tempdir().unwrap();
    server_in(other.path()).await.stop().await;
    let elsewhere = link_by(other.path(), &["invite", "--server", "http://a.example"]).await;
    for (wrong, says) in [
        (["--room", &elsewhere.to_string()], "not of this server"),
        (["--room", "nonsense"], "not a Parley link"),
        (["--server", "call.example.org"], "https://call.example.org"),
        (["--expires", "soon"], "90m, 12h or 7d"),
        (["--expires", "9999d"], "at most ten years away"),
        (["--uses", "0"], "uses"),
        (["--role", "king"], "possible values: guest, host"),
    ] {
        let mut words = vec!["invite"];
        words.extend(wrong);
        let (fine, link, told) = program(folder.path(), &words).await;
        assert!(!fine && link.is_empty(), "{wrong:?}: {link}");
        assert!(told.contains(says), "{wrong:?}: {told}");
    }
}
