//! `link-cable --a NS:IF:CIDR --b NS:IF:CIDR [--both SPEC | --ab SPEC --ba SPEC] [--seed N] [--log FILE] [--spare PORT]`: an emulated
//! cable between two network namespaces.
//!
//! Prints `up` when it passes packets; takes `ab|ba|both SPEC` lines; ends with its standard input and prints what passed.
//! `--log` writes down what passes while it does (`harness::cable::log`); `--spare` lets nothing but the
//! delay happen to the packets of a TCP port.

#![expect(
    clippy::print_stdout,
    reason = "a command-line tool answers on standard output"
)]

#[cfg(target_os = "linux")]
fn main() -> anyhow::Result<()> {
    use anyhow::Context as _;
    use parley_tests::harness::cable::{CableSpec, Ends, Plan, run};

    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let a = Ends::parse(option("--a").context("--a NAMESPACE:INTERFACE:ADDRESS/LENGTH is missing")?)?;
    let b = Ends::parse(option("--b").context("--b NAMESPACE:INTERFACE:ADDRESS/LENGTH is missing")?)?;
    let spec = |direction: &str| -> anyhow::Result<CableSpec> {
        let said = option(direction).or_else(|| option("--both"));
        Ok(said.unwrap_or_default().parse()?)
    };
    let plan = Plan {
        ends: [a, b],
        specs: [spec("--ab")?, spec("--ba")?],
        seed: option("--seed").map_or(Ok(1), str::parse)?,
        spared_port: option("--spare").map(str::parse).transpose()?,
        log: option("--log").map(Into::into),
    };
    let mut commands = std::fs::File::open("/dev/stdin").context("no standard input")?;
    let counters = run(&plan, &mut commands, || println!("up"))?;
    println!("{}", serde_json::to_string(&counters)?);
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {}
