//! What tests of several crates share: a chain to test on, actors with keys, a service made step by step.
//!
//! In: which back-end to run on. Out: the client's own types, so that tests speak as users do. Left out on purpose: what
//! only one crate's tests need.

mod actor;
mod net;
mod rivals;
mod service;

pub use actor::Actor;
pub use net::Backend;
pub use net::TestNet;
pub use service::TestService;
pub use service::content;

use std::time::Duration;
use std::time::Instant;

/// Looks again and again until `look` finds what is awaited, and returns it.
///
/// # Panics
/// If it is not there `within` the time, with what was awaited and what the last look said.
pub fn wait_until<T>(
    within: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, String>,
) -> T {
    /// Short against what processes take to do anything, long against what a look costs.
    const PAUSE: Duration = Duration::from_millis(5);
    let deadline = Instant::now() + within;
    loop {
        match look() {
            Ok(found) => return found,
            Err(last) if Instant::now() > deadline => {
                panic!("waited {} s until {what}, but {last}", within.as_secs())
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
