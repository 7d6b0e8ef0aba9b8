//! One target under libFuzzer, chosen by `PARLEY_FUZZ_TARGET`; arguments are libFuzzer's own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static BODY: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("PARLEY_FUZZ_TARGET").unwrap_or_default();
    parley_fuzz::target(&name).unwrap_or_else(|| {
        let known: Vec<&str> = parley_fuzz::TARGETS.iter().map(|(name, _)| *name).collect();
        eprintln!("PARLEY_FUZZ_TARGET must be one of {}", known.join(", "));
        std::process::exit(2);
    })
});

fuzz_target!(|data: &[u8]| BODY(data));
