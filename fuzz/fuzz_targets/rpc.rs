//! Requests to the embedded chain: the answer to any bytes is JSON, or there is none.
#![no_main]

use std::sync::LazyLock;

use koinon_evm::Config;
use koinon_evm::EmbeddedChain;
use libfuzzer_sys::fuzz_target;
use tokio::runtime::Runtime;

static CHAIN: LazyLock<(Runtime, EmbeddedChain)> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    (
        runtime.expect("a runtime"),
        EmbeddedChain::open(Config::default()).expect("a chain in memory"),
    )
});

fuzz_target!(|bytes: &[u8]| {
    let (runtime, chain) = &*CHAIN;
    drop(runtime.block_on(chain.respond(bytes)));
});
