//! The program itself, as somebody starts it who has not read anything.

use parley_server::{Server, ServerConfig};
use std::net::TcpListener;
use std::process::Command;

/// What it says when it cannot start.
fn last_words(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_parley-server"))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

#[test]
fn a_taken_port_is_told_with_how_to_choose_another() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let listen = format!("0.0.0.0:{port}");
    let said = last_words(&[
        "--data-dir",
        folder.path().to_str().unwrap(),
        "--no-stun",
        "--listen",
        &listen,
    ]);
    assert!(said.contains(&format!("TCP port {port} is taken")), "{said}");
    assert!(!said.contains("Parley itself"), "{said}");
    assert!(said.contains("parley-server --listen 0.0.0.0:"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_parley_itself_has_is_told_so() {
    let server = Server::start(ServerConfig::loopback()).await.unwrap();
    let listen = server.address().to_string();
    let said = tokio::task::spawn_blocking(move || {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_str().unwrap();
        last_words(&["--data-dir", at, "--no-stun", "--listen", &listen])
    })
    .await
    .unwrap();
    assert!(said.contains("is taken by Parley itself"), "{said}");
    assert!(said.contains("parley-server --listen 127.0.0.1:"), "{said}");
    assert!(!said.contains("another program"), "{said}");
    server.stop().await;
}

#[test]
fn what_the_system_said_is_said_once() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    std::fs::write(&in_the_way, "").unwrap();
    let said = last_words(&["--data-dir", in_the_way.to_str().unwrap(), "--no-stun"]);
    assert_eq!(said.matches("os error").count(), 1, "{said}");
    assert!(said.contains("Choose another folder"), "{said}");
}
