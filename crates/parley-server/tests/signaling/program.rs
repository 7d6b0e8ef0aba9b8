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

pub(crate) fn said(arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_parley-server"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_example_of_the_settings_is_found_right_and_a_mistake_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("parley-server.toml");
    let at = file.to_str().unwrap();
    let (fine, example, _) = said(&["config", "example"]);
    assert!(fine && example.contains("[turn]"), "{example}");
    std::fs::write(&file, &example).unwrap();
    let (fine, words, _) = said(&["config", "check", at]);
    assert!(fine && words.contains("is right"), "{words}");

    std::fs::write(&file, "drain_seconds = 1\n\n[turn]\nlann = true\n").unwrap();
    for arguments in [&["config", "check", at][..], &["--config", at]] {
        let (fine, _, words) = said(arguments);
        assert!(!fine, "{arguments:?}");
        assert!(
            words.contains(&format!(
                "{at}, line 4: turn.lann: There is no such key. Did you mean turn.lan?"
            )),
            "{words}"
        );
    }
}

/// Over the file the environment, over that the command line: each names another folder, and the last one is used.
#[test]
fn the_command_line_goes_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    // No folder can be made where a file is, so that the server ends at once and names what it used.
    for name in ["of-the-file", "of-the-environment", "of-the-line"] {
        std::fs::write(at(name), "").unwrap();
    }
    let file = at("settings.toml");
    std::fs::write(&file, format!("data_dir = {:?}\n", at("of-the-file"))).unwrap();
    let last_words = |environment: bool, line: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parley-server"));
        command.args(["--config", &file]);
        if environment {
            command.env("PARLEY_SERVER_DATA_DIR", at("of-the-environment"));
        }
        if line {
            command.args(["--data-dir", &at("of-the-line")]);
        }
        String::from_utf8_lossy(&command.output().unwrap().stderr).into_owned()
    };
    for (environment, line, used) in [
        (false, false, "of-the-file"),
        (true, false, "of-the-environment"),
        (true, true, "of-the-line"),
    ] {
        let words = last_words(environment, line);
        assert!(words.contains(used), "{used}: {words}");
    }
}

/// SIGTERM with a call on: it goes on, and the server ends when it has ended.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_go_waits_for_its_calls() {
    use super::client::Client;
    use std::net::SocketAddr;
    use std::process::Stdio;
    use std::time::Duration;
    use tokio::time::timeout;

    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = free.local_addr().unwrap();
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let mut server = tokio::process::Command::new(env!("CARGO_BIN_EXE_parley-server"))
        .args(["--no-stun", "--listen", &address.to_string(), "--data-dir"])
        .arg(folder.path())
        .env("PARLEY_SERVER_DRAIN_SECONDS", "300")
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let patience = Duration::from_secs(30);
    let up = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(patience, up).await.unwrap();
    let mut ada = Client::connect_to(address).await;
    let (_, ticket) = ada.ticket(None).await;
    ada.join(ticket, "Ada").await;

    let told = Command::new("kill")
        .args(["-TERM", &server.id().unwrap().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    let early = timeout(Duration::from_millis(700), server.wait()).await;
    assert!(early.is_err(), "it did not wait for the call");
    ada.send(&parley_proto::ClientMessage::Leave).await;
    let ended = timeout(patience, server.wait())
        .await
        .expect("it ends with the last call");
    assert!(ended.unwrap().success());
}
