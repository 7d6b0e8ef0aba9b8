//! A real window in a call of three: the two others come one after the other, and are seen beside one's own picture.

use super::{A_WHILE, CAMERA, SOON};
use crate::harness::cli::{Cli, Wish};
use crate::harness::meeting::start_call;
use crate::harness::window::Window;
use std::thread::sleep;
use std::time::Duration;

fn wish(name: &str) -> Wish {
    Wish {
        seconds: 120,
        more: ["--name", name].map(Into::into).into(),
        ..Wish::default()
    }
}

#[test]
fn a_third_one_makes_a_grid_of_the_call_and_it_is_as_before_when_they_leave() {
    let ada = Window::open("Ada", CAMERA).unwrap();
    let link = start_call(&ada, "Ada").unwrap();
    let _ben = Cli::join(&link, &wish("Ben"), None).unwrap();
    ada.wait_for_frames("tile-remote", 30).unwrap();

    let cyd = Cli::join(&link, &wish("Cyd"), None).unwrap();
    ada.wait_for(A_WHILE, "[data-testid=group][data-layout=grid]")
        .unwrap();
    ada.wait_for(SOON, "[data-testid=grid] li:nth-child(3)").unwrap();
    ada.wait_for(A_WHILE, "[data-testid^=seat-][data-speaks=true]")
        .unwrap();
    sleep(Duration::from_secs(4));
    ada.photograph("group-of-three").unwrap();
    assert!(
        !ada.shows("[data-testid^=seat-][data-way=weak]").unwrap(),
        "a wide way"
    );

    drop(cyd);
    ada.wait_until_gone(A_WHILE, "[data-testid=group]").unwrap();
    ada.wait_for_frames("tile-remote", 30).unwrap();
    ada.photograph("group-over").unwrap();
}
