//! A server that is not there, as a script sees it.

use crate::harness::cli::{Cli, Wish};
use std::time::Duration;

#[test]
fn who_never_reached_the_server_is_told_so_and_not_that_nobody_came() {
    let wish = Wish {
        more: ["--wait", "3"].map(str::to_owned).to_vec(),
        ..Wish::default()
    };
    // Nothing listens on the discard port of loopback.
    let host = Cli::host(Some("http://127.0.0.1:9"), &wish, None).unwrap();
    host.says("The server does not answer", Duration::from_secs(30))
        .unwrap();
    host.wait(Duration::from_secs(10)).unwrap();
    assert_eq!(host.succeeded(), Some(false));
}
