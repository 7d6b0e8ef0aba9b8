//! `text-window WIDTH HEIGHT X Y`: a window with pages of text, told by lines what to do (`harness::text_window`).

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "driver: reads its orders")]
fn main() -> anyhow::Result<()> {
    use anyhow::Context as _;
    use std::io::BufRead as _;
    use std::sync::mpsc::sync_channel;

    let numbers: Vec<u16> = std::env::args()
        .skip(1)
        .map(|argument| argument.parse())
        .collect::<Result<_, _>>()?;
    let [width, height, x, y] = <[u16; 4]>::try_from(numbers)
        .ok()
        .context("WIDTH HEIGHT X Y, please")?;
    let (orders, from_input) = sync_channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if orders.send(line).is_err() {
                return;
            }
        }
    });
    let at = (x.cast_signed(), y.cast_signed());
    parley_tests::harness::text_window::show((width, height), at, &from_input, |line| println!("{line}"))
}

#[cfg(not(target_os = "linux"))]
fn main() {}
