//! How two people come into a call by their windows: one starts it and sends the link, the other opens it.

use super::window::Window;
use anyhow::{Result, ensure};
use std::time::Duration;

const SOON: Duration = Duration::from_secs(10);
/// No step of theirs takes longer.
pub const A_WHILE: Duration = Duration::from_secs(30);

/// The host starts a call and waits in it; gives the link, as the button copied it.
///
/// # Errors
/// When the window does not do it.
pub fn start_call(host: &Window, name: &str) -> Result<String> {
    host.type_into("name", name)?;
    host.click("start-call")?;
    host.wait_for(A_WHILE, "[data-testid=green-room]")?;
    let link = copied_link(host)?;
    host.click("join")?;
    host.wait_for(SOON, "[data-testid=waiting]")?;
    Ok(link)
}

/// Presses the button that copies the link, and gives what is on the person's clipboard then.
///
/// # Errors
/// When there is no link, or it was not copied.
pub fn copied_link(host: &Window) -> Result<String> {
    host.click("copy-link")?;
    let link = host.copied()?;
    ensure!(link.contains("/r/") && link.contains('#'), "copied was {link:?}");
    Ok(link)
}

/// The guest types the link in and comes.
///
/// # Errors
/// When the window does not do it.
pub fn come(guest: &Window, name: &str, link: &str) -> Result<()> {
    guest.type_into("name", name)?;
    guest.type_into("link-input", link)?;
    guest.click("open-link")?;
    guest.wait_for(A_WHILE, "[data-testid=green-room]")?;
    guest.click("join")
}

/// Both are in a call and see each other.
///
/// # Errors
/// When they do not.
pub fn meet(host: &Window, guest: &Window) -> Result<()> {
    let link = start_call(host, host.name())?;
    come(guest, guest.name(), &link)?;
    see_each_other([host, guest])
}

/// Waits until each has seen some pictures of the other.
///
/// # Errors
/// When none come.
pub fn see_each_other(people: [&Window; 2]) -> Result<()> {
    people
        .iter()
        .try_for_each(|one| one.wait_for_frames("tile-remote", 30))
}
