//! The pages: one file each of markup, style and script, nothing loaded from anywhere. The script is allowed by its hash.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
const INVITATION: &str = include_str!("invitation.html");

static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE),
    )
});

/// What a browser may do on these pages: run the one script, use the one style, nothing else.
pub(super) fn content_security_policy() -> &'static str {
    &POLICY
}

/// Behind a link: opens the app. Knows neither room nor secret; the script reads them from the address bar.
pub(super) fn invitation() -> String {
    page("You are invited to a call", INVITATION, true)
}

pub(super) fn unknown_room() -> String {
    sentence(
        "There is no such call here",
        "This link leads to no call on this server. Check that the whole link was copied, or ask for a new one.",
    )
}

pub(super) fn nothing_here() -> String {
    sentence(
        "Nothing here",
        "This is a Parley server. Open the link you were sent, or start a call in Parley.",
    )
}

pub(super) fn home() -> String {
    sentence(
        "A Parley server",
        "It works. Start a call in Parley and choose this server, or open the link you were sent.",
    )
}

fn sentence(title: &str, text: &str) -> String {
    page(title, &format!("<h1>{title}</h1>\n<p>{text}</p>"), false)
}

fn page(title: &str, body: &str, script: bool) -> String {
    let script = if script {
        format!("<script>{SCRIPT}</script>")
    } else {
        String::new()
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"dark light\">\n<meta name=\"robots\" content=\"noindex\">\n<title>{title} · Parley</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n<p class=\"brand\">Parley</p>\n{body}\n</main>\n{script}\n</body>\n</html>\n"
    )
}
