//! `link-cable --a NS:IF:CIDR --b NS:IF:CIDR [--both SPEC] [--seed N]`: an emulated cable between two network namespaces.
//!
//! Prints `up` when it passes packets; takes `ab|ba|both SPEC` lines; ends with its standard input and prints what passed.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use anyhow::Context as _;
    use parley_tests::harness::cable::{CableSpec, Ends, run};

    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)
    };
    let a = Ends::parse(option("--a").context("--a NAMESPACE:INTERFACE:ADDRESS/LENGTH is missing")?)?;
    let b = Ends::parse(option("--b").context("--b NAMESPACE:INTERFACE:ADDRESS/LENGTH is missing")?)?;
    let spec: CableSpec = option("--both").map_or("", String::as_str).parse()?;
    let seed = option("--seed").map_or(Ok(1), |text| text.parse())?;
    let mut commands = std::fs::File::open("/dev/stdin").context("no standard input")?;
    let counters = run(&a, &b, &spec, seed, &mut commands, || println!("up"))?;
    println!("{}", serde_json::to_string(&counters)?);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
