//! Requests to the embedded chain: any bytes are answered with JSON, or not at all.
#![no_main]

use std::sync::LazyLock;

use koinon_evm::Chain;
use koinon_evm::Config;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static CHAIN: LazyLock<(Runtime, Chain)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    (runtime.expect("a runtime"), Chain::open(Config::default()).expect("a chain in memory"))
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, chain) = &*CHAIN;
    drop(runtime.block_on(chain.respond(bytes)));
});
